"""Every sentence is translated into every language that the pages offer, and keeps its values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.support import NullTranslations

from lti_tool.web.locale import SOURCE, TRANSLATIONS, catalogue, offered
from tests.sentences import forms, open_in, template, translation

LANGUAGES = sorted(offered(TRANSLATIONS) - {SOURCE})
PLACES = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


def test_a_second_language_is_complete_in_the_repository() -> None:
    assert "de" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language: str) -> None:
    kept = translation(language)
    written = {message.id for message in template() if message.id}
    assert written - {message.id for message in kept} == set(), "`make words` brings them in"
    assert {message.id for message in kept if message.id} - written == set(), "`make words` takes them out"
    assert open_in(kept) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_the_same_values(language: str) -> None:
    for message in translation(language):
        if message.id:
            asked_for = [set(PLACES.findall(words)) for words in forms(message.id)]
            for words in filter(None, forms(message.string)):
                given = set(PLACES.findall(words))
                assert asked_for[0] <= given <= asked_for[-1] or given == asked_for[-1], message.id
                assert "%" not in re.sub(r"%\(\w+\)s|%%| %(?!%)", "", words), message.id


def test_translations_are_read_from_their_text(tmp_path: Path) -> None:
    folder = tmp_path / "cs" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text(
        'msgid ""\nmsgstr "Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2);\\n"\n\n'
        'msgid "work"\nmsgid_plural "works"\nmsgstr[0] "práce"\nmsgstr[1] "práce (2)"\nmsgstr[2] "prací"\n\n'
        '#, fuzzy\nmsgid "Rules"\nmsgstr "Řády"\n',
        encoding="utf-8",
    )
    czech = catalogue(tmp_path, "cs")
    assert [czech.ngettext("work", "works", n) for n in (1, 3, 9)] == ["práce", "práce (2)", "prací"]
    assert czech.gettext("Rules") == "Rules", "what no translator has confirmed stays as it was written"
    assert offered(tmp_path) == {"cs", "en"}
    assert isinstance(catalogue(tmp_path, "fr"), NullTranslations)
