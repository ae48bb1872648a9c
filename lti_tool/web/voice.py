"""Says the sentences of the layers below in the reader's language: as HTML with names set apart, or as text.

A name is isolated by ``<bdi>`` on pages and by Unicode's isolates (FSI, PDI) in text, so that a name in
another script cannot turn the sentence around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from babel.lists import format_list
from flask import Flask
from flask_babel import LazyString, get_locale, get_translations
from markupsafe import Markup, escape

from allocation.sentences import Mention, Sentence, Voice
from lti_tool.web.locale import moment

Words: TypeAlias = str | LazyString | Sentence
"""What can be said: a sentence, one that a database kept (``Sentence.packed``), or words that are final."""


class _Text(Voice):
    """Plain text in the reader's language, for attributes, JSON and files."""

    def gettext(self, template: str) -> str:
        return str(get_translations().ugettext(template))

    def ngettext(self, one: str, many: str, number: int) -> str:
        return str(get_translations().ungettext(one, many, number))

    def name(self, mention: Mention) -> str:
        return f"\u2068{super().name(mention)}\u2069"

    def moment(self, time: datetime) -> str:
        return moment(time)

    def listed(self, items: Sequence[str]) -> str:
        return format_list(items, locale=get_locale() or "en") if items else ""


class _Html(_Text):
    """Markup in the reader's language; whatever is put into a sentence is escaped."""

    def name(self, mention: Mention) -> str:
        return Markup("<bdi>{}</bdi>").format(Voice.name(self, mention))

    def listed(self, items: Sequence[str]) -> str:
        return Markup(super().listed([str(escape(item)) for item in items]))  # noqa: S704 - each item is escaped

    def filled(self, template: str, values: Mapping[str, str]) -> str:
        return escape(template) % values if values else escape(template)


def say(words: Words) -> Markup:
    """For a page; the template filter of the same name."""
    if isinstance(words, LazyString):
        return escape(str(words))
    return Markup(_sentence(words).said(_Html()))  # noqa: S704 - the voice escapes all that it is given


def say_plainly(words: Words) -> str:
    """For JSON, files and attributes: text without markup; the template filter of the same name."""
    return _sentence(words).said(_Text()) if not isinstance(words, LazyString) else str(words)


def teach(app: Flask) -> None:
    """Give the templates these two."""
    app.add_template_filter(say)
    app.add_template_filter(say_plainly)


def _sentence(words: str | Sentence) -> Sentence:
    return words if isinstance(words, Sentence) else Sentence.unpacked(words)
