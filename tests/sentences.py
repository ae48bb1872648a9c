"""Every sentence of the product, as translators get it; ``make words`` brings it into the translations.

Literal first arguments of these calls are sentences: Flask-Babel's own, ``N_``, ``sentence`` and ``counted``
(see docs/architecture.md). The command line and the simulated Canvas speak English only.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from lti_tool.web.locale import TRANSLATIONS

ROOT = Path(__file__).parents[1]
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None, "sentence": None, "counted": (1, 2)}
METHODS = [
    ("lti_tool/simulator/**", "ignore"),
    ("lti_tool/cli/**", "ignore"),
    ("**.py", "python"),
    ("**.html", "jinja2"),
]
OPTIONS = {"**.html": {"silent": "false"}}


def template() -> Catalog:
    """All sentences with the files in which they stand, untranslated."""
    found = Catalog(project="Peer Review Allocator", charset="utf-8")
    for folder in ("allocation", "lti_tool"):
        for file, line, words, comments, context in extract_from_dir(
            ROOT / folder,
            [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in METHODS],
            OPTIONS,
            KEYWORDS,
            comment_tags=("NOTE:",),
            strip_comment_tags=True,
        ):
            found.add(words, None, [(f"{folder}/{file}", line)], auto_comments=comments, context=context)
    return found


def translation(language: str) -> Catalog:
    """A translation as it is kept."""
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def renew(language: str) -> int:
    """Bring new sentences into a translation, drop those that are gone; how many wait for a translator."""
    file = TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"
    kept = translation(language) if file.exists() else Catalog(locale=language)
    kept.update(template(), no_fuzzy_matching=True, update_creation_date=False)
    kept.project, kept.fuzzy = "Peer Review Allocator", False
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as written:
        write_po(written, kept, width=110, include_lineno=False, sort_by_file=True, ignore_obsolete=True)
    return len(open_in(kept))


def open_in(catalog: Catalog) -> list[str]:
    """The sentences that a translation lacks or is not sure of."""
    return [
        message.id if isinstance(message.id, str) else message.id[0]
        for message in catalog
        if message.id and (message.fuzzy or not all(forms(message.string)))
    ]


def forms(words: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    """One form, or one for each kind of number."""
    words = words or ""
    return (words,) if isinstance(words, str) else tuple(words)


if __name__ == "__main__":
    for code in sorted(folder.name for folder in TRANSLATIONS.iterdir() if folder.is_dir()):
        print(f"{code}: {renew(code)} sentences to translate")  # noqa: T201 - this is the answer
