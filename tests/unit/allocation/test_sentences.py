"""Sentences: English by themselves, other words through a voice, and the same after a stay in a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from allocation.sentences import (
    NOTHING,
    Listing,
    Mention,
    Sentence,
    Value,
    Voice,
    counted,
    in_a_row,
    sentence,
)

ADA, BOB = Mention("person", "u7", "Ada"), Mention("person", "u8")


class Pig(Voice):
    """A language with one form for all numbers, other lists and other names."""

    def gettext(self, template: str) -> str:
        return {"%(who)s gives %(what)s.": "%(what)s: %(who)s!"}.get(template, template)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return "%(num)s oink"

    def name(self, mention: Mention) -> str:
        return f"<{mention.name}>"

    def listed(self, items: Sequence[str]) -> str:
        return " & ".join(items)


def test_a_sentence_says_its_values_in_the_language_of_the_voice() -> None:
    three = counted("%(num)s review", "%(num)s reviews", 3)
    said = sentence("%(who)s gives %(what)s.", who=Listing((ADA, BOB)), what=three)
    assert str(said) == "Ada and u8 gives 3 reviews."
    assert said.said(Pig()) == "3 oink: <Ada> & <>!"
    assert str(counted("%(num)s review", "%(num)s reviews", 1)) == "1 review"


@pytest.mark.parametrize(("names", "words"), [("", ""), ("A", "A"), ("AB", "A and B"), ("ABC", "A, B and C")])
def test_names_are_listed(names: str, words: str) -> None:
    assert str(sentence("%(all)s", all=Listing(tuple(Mention("group", one) for one in names)))) == words


def test_a_percent_sign_in_words_without_values_is_a_percent_sign() -> None:
    assert str(sentence("10 % of all")) == "10 % of all"


def test_names_come_later() -> None:
    nested = sentence("%(all)s.", all=Listing((BOB, sentence("and %(who)s", who=BOB))))
    assert str(nested.named(lambda mention: mention.id.upper())) == "U8 and and U8."


def test_sentences_in_a_row_leave_out_the_empty_ones() -> None:
    assert (
        str(in_a_row([sentence("One."), NOTHING, sentence("Two."), sentence("Three.")])) == "One. Two. Three."
    )
    assert not in_a_row([NOTHING])


VALUES: dict[str, Value] = {
    "text": "ä 李 \ud800",
    "number": 3,
    "at": datetime(2026, 11, 21, 21, 0, tzinfo=UTC),
    "who": ADA,
    "all": Listing((ADA, counted("%(num)s more", "%(num)s more", 2))),
    "what": sentence("with %(x)s", x="a value"),
}


def test_a_sentence_comes_back_from_a_database_as_it_went() -> None:
    packed = Sentence("%(text)s", VALUES, "plural", 2).packed()
    assert Sentence.unpacked(packed) == Sentence("%(text)s", VALUES, "plural", 2)
    assert Sentence("It is over.").packed() == "It is over.", "as it can be read and was stored before"


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "It is over.",
        "{",
        '{"say":',
        '{"say": []}',
        '{"say":1}',
        '{"say":["x"],"with":{"a":{"b":1}}}',
        '{"say":["x"],"with":[]}',
    ],
)
def test_a_text_that_no_sentence_was_packed_into_is_shown_as_it_is(stored: str) -> None:
    assert str(Sentence.unpacked(stored)) == stored


def test_a_template_that_looks_packed_survives() -> None:
    odd = Sentence('{"say":["something"],"with":{}}')
    assert Sentence.unpacked(odd.packed()) == odd
