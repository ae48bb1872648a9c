"""A made-up translation from right to left: every sentence in Arabic letters, its values kept."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from tests.sentences import forms, template

LATIN = "abcdefghijklmnopqrstuvwxyz"
ARABIC = "ابتدهفغحيجكلمنوبقرستعطظخصز"
_VALUES = re.compile(r"(%\(\w+\)s|\{\w+\}|%)")


def arabic(words: str) -> str:
    """The words letter by letter; no language, but as wide and as directed as one."""
    parts = _VALUES.split(words)
    table = str.maketrans(LATIN + LATIN.upper(), ARABIC + ARABIC)
    return "".join(part if place % 2 else part.translate(table) for place, part in enumerate(parts))


def write_arabic(folder: Path) -> Path:
    """A folder of translations with this one in it."""
    made = Catalog(locale="ar")
    for message in template():
        if message.id:
            said = tuple(arabic(form) for form in forms(message.id))
            whole = said[0] if len(said) == 1 else (*said[:1], *said[1:] * (made.num_plurals - 1))
            made.add(message.id, whole)
    file = folder / "ar" / "LC_MESSAGES" / "messages.po"
    file.parent.mkdir(parents=True)
    with file.open("wb") as text:
        write_po(text, made)
    return folder
