"""Sentences for people, made where nobody knows yet in which language they will be read.

A sentence is an English template with named places and the values for them; it becomes words only when
somebody says it. ``str()`` says it in English; the pages say it in the reader's language, with a `Voice` of
their own. Every template is written out as the first argument of `sentence`, of `counted` (where a number
decides the form) or of the mark `N_`: these are what the translators' catalogue is made from. Values may be
sentences themselves, names, or lists of both.

Only the standard library is used here; the engine and everything above it share this module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Union


def N_(template: str) -> str:  # noqa: N802 - the customary mark
    """Mark a template that is handed on, such as an error's; gives it back as it is."""
    return template


class Mention(NamedTuple):
    """A place where a person, a section or a group is named. Without a ``name`` the id or label is shown."""

    kind: Literal["person", "section", "group"]
    id: str
    name: str = ""


class Listing(NamedTuple):
    """Several names or phrases, to be joined as the reader's language does: A, B and C."""

    items: tuple[Mention | Sentence, ...]


Value = Union[str, int, datetime, Mention, Listing, "Sentence"]
NameOf = Callable[[Mention], str]


class Voice:
    """Says sentences in English, names as they are. The pages have a voice that translates."""

    def gettext(self, template: str) -> str:
        """The template in the reader's language."""
        return template

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The form for this number in the reader's language."""
        return one if number == 1 else many

    def name(self, mention: Mention) -> str:
        """A name as it is shown."""
        return mention.name or mention.id

    def moment(self, time: datetime) -> str:
        """Day and time."""
        return f"{time:%Y-%m-%d %H:%M} UTC"

    def listed(self, items: Sequence[str]) -> str:
        """Several items as one phrase."""
        return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))

    def filled(self, template: str, values: Mapping[str, str]) -> str:
        """The template with its places filled."""
        return template % values if values else template


ENGLISH: Final = Voice()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A template and its values; with ``plural`` the form depends on ``number``. Empty ones are false."""

    template: str
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)
    plural: str = ""
    number: int = 0

    def __str__(self) -> str:
        return self.said()

    def __bool__(self) -> bool:
        return bool(self.template)

    def said(self, voice: Voice = ENGLISH) -> str:
        """The sentence in words."""
        if self.plural:
            template = voice.ngettext(self.template, self.plural, self.number)
        else:
            template = voice.gettext(self.template) if self.template else ""
        return voice.filled(template, {name: _said(value, voice) for name, value in self.values.items()})

    def named(self, name_of: NameOf) -> Sentence:
        """The same sentence, its mentions with names."""
        return replace(self, values={key: _named(value, name_of) for key, value in self.values.items()})

    def packed(self) -> str:
        """As a text for a database: the template alone where there are no values, else JSON."""
        if not self.values and not self.plural and not self.template.startswith(_PACKED):
            return self.template
        return json.dumps(_packed(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def unpacked(cls, text: str) -> Sentence:
        """What ``packed`` made; any other text is a sentence without values."""
        if not text.startswith(_PACKED):
            return cls(text)
        try:
            found = _unpacked(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError):  # a text that only looks like one
            return cls(text)
        return found if isinstance(found, Sentence) else cls(text)


NOTHING: Final = Sentence("")


def sentence(words: str | Sentence, /, **values: Value) -> Sentence:
    """A sentence from a template, or one that is a sentence already. A literal template is marked by this.

    Examples
    --------
    >>> reviews = counted("%(num)s review", "%(num)s reviews", 3)
    >>> str(sentence("%(who)s gives %(reviews)s.", who=Mention("person", "u7", "Ada"), reviews=reviews))
    'Ada gives 3 reviews.'
    """
    return words if isinstance(words, Sentence) else Sentence(words, values)


def counted(one: str, many: str, number: int, /, **values: Value) -> Sentence:
    """A sentence whose form depends on ``number``, which ``%(num)s`` shows; marks both forms like `N_`."""
    return Sentence(one, {"num": number, **values}, many, number)


def in_a_row(sentences: Iterable[Sentence]) -> Sentence:
    """Whole sentences one after another; empty ones are left out."""
    row = [one for one in sentences if one]
    if not row:
        return NOTHING
    joined = row[0]
    for one in row[1:]:
        joined = sentence("%(first)s %(then)s", first=joined, then=one)
    return joined


def _said(value: Value, voice: Voice) -> str:
    if isinstance(value, Sentence):
        return value.said(voice)
    if isinstance(value, Mention):
        return voice.name(value)
    if isinstance(value, Listing):
        return voice.listed([_said(item, voice) for item in value.items])
    return voice.moment(value) if isinstance(value, datetime) else str(value)


def _named(value: Value, name_of: NameOf) -> Value:
    if isinstance(value, Sentence):
        return value.named(name_of)
    if isinstance(value, Mention):
        return value._replace(name=name_of(value))
    if isinstance(value, Listing):
        items = [_named(item, name_of) for item in value.items]
        return Listing(tuple(item for item in items if isinstance(item, Mention | Sentence)))
    return value


_PACKED = '{"say":'


def _packed(value: Value) -> Any:
    if isinstance(value, Sentence):
        plural = [value.plural, value.number] if value.plural else []
        return {"say": [value.template, *plural], "with": {k: _packed(v) for k, v in value.values.items()}}
    if isinstance(value, Mention):
        return {"name": list(value)}
    if isinstance(value, Listing):
        return {"list": [_packed(item) for item in value.items]}
    return {"time": value.isoformat()} if isinstance(value, datetime) else value


def _unpacked(raw: Any) -> Value:
    if not isinstance(raw, dict):
        return raw if isinstance(raw, int) else str(raw)
    if "say" in raw:
        template, plural, number = (*raw["say"], "", 0)[:3]
        return Sentence(str(template), {k: _unpacked(v) for k, v in raw["with"].items()}, plural, number)
    if "name" in raw:
        return Mention(*raw["name"])
    if "list" in raw:
        items = [_unpacked(item) for item in raw["list"]]
        return Listing(tuple(item for item in items if isinstance(item, Mention | Sentence)))
    return datetime.fromisoformat(raw["time"])
