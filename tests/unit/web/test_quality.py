"""Every number that is compared has words; the filters' address says what was chosen."""

from __future__ import annotations

from dataclasses import fields

import pytest
from flask import Flask
from flask_babel import Babel
from werkzeug.datastructures import MultiDict

from lti_tool.planning.canvas_method import Draws, Measured
from lti_tool.web.preview.changes import Filters
from lti_tool.web.preview.quality import quality_rows

NAMES = frozenset(one.name for one in fields(Measured))


def measured(number: int) -> Measured:
    return Measured(**dict.fromkeys(NAMES, number))


def test_every_number_has_words_for_none_one_and_many() -> None:
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        told = [quality_rows(measured(number), NAMES, None) for number in (0, 1, 2)]
        for none, one, many in zip(*told, strict=True):
            assert none.verdict != many.verdict != one.verdict
            assert not many.good, many.verdict
            assert none.usual is None
        compared = quality_rows(measured(1), NAMES, Draws((measured(5), measured(2), measured(3))))
        assert {(row.plan, row.usual, row.worst) for row in compared} == {(1, 3, 5)}
        assert len(quality_rows(measured(0), NAMES - {"weak", "repeats"}, None)) == len(NAMES) - 2


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"kind": "keep", "reason": "completed", "section": "s1", "name": "ada"},
        {"sort": "author", "order": "down"},
        {"sort": "kind", "order": "down"},
    ],
)
def test_filters_survive_the_address(query: dict[str, str]) -> None:
    filters = Filters.read(MultiDict(query))
    assert filters.query == query
    assert Filters.read(filters.query) == filters


def test_what_is_unknown_in_the_address_is_ignored() -> None:
    assert Filters.read({"kind": "x", "reason": "y", "sort": "z", "order": "up"}) == Filters()


def test_a_heading_turns_the_order_round() -> None:
    once = Filters().sorted_by("author")
    assert (once.sort, once.down) == ("author", False)
    assert once.sorted_by("author").down
    assert not once.sorted_by("author").sorted_by("reason").down
