"""Parsers of text from people and from Canvas take time in proportion to it, up to their limits."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress

import pytest

from allocation.errors import InstanceError
from allocation.instance_file import read_instance
from allocation.sentences import Sentence
from lti_tool.canvas.answers import error_messages, judge
from lti_tool.canvas.origin import origin_of
from lti_tool.canvas.paging import about_how_many, next_link
from lti_tool.canvas.transport import WireAnswer
from lti_tool.logs import blackened
from lti_tool.lti.brand import LONGEST as LONGEST_BRAND
from lti_tool.lti.brand import brand_of
from lti_tool.lti.context import CLAIM, launch_context
from lti_tool.lti.errors import LaunchRefused
from lti_tool.lti.id_token import LONGEST_TOKEN, check_id_token
from lti_tool.lti.key_sets import KeySets
from lti_tool.planning.edits import EditKind, with_pairs
from lti_tool.planning.engine_input import engine_input
from lti_tool.planning.name_order import name_order
from lti_tool.planning.pair_list import pair_lines
from lti_tool.planning.people_list import Directory, entries
from lti_tool.planning.reminders import fill, unknown_placeholders
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.ways_out import apply_way_out
from lti_tool.services.levels_table import levels_of_table
from lti_tool.services.people_table import Wish, directory_for, wishes_of_list, wishes_of_table
from lti_tool.services.plan_table import pairs_of_table
from lti_tool.services.spreadsheet import safe_cell
from lti_tool.services.spreadsheet_reading import TableUnusable, read_table
from lti_tool.web.locale import spoken
from tests.builders import person, snapshot, user
from tests.growth import assert_linear
from tests.unit.lti.test_context import REGISTRATION

LARGEST = 1_000_000 if os.environ.get("PEER_ALLOCATOR_CRASH") == "all" else 128_000
"""`make crash` goes to the largest form that is accepted, which takes minutes."""
FORM = 1_000_000
HEADER = 262_144
"""Bytes of all headers of a request that waitress reads."""
SNAPSHOT = snapshot(30)
DIRECTORY = Directory(SNAPSHOT.people)
GIVEN = engine_input(SNAPSHOT, PlanRules())
MARKS = "\u0300\u0316"
"""Two combining marks whose order Unicode turns round."""

RUNS = {
    "spaces": " ",
    "tabs": "\t",
    "spaces and tabs": " \t",
    "lines": "\n",
    "lines of one": "x\n",
    "arrows": "->",
    "half arrows": "- ",
    "commas": ",",
    "semicolons": ";",
    "brackets": "(",
    "closed brackets": "()",
    "braces": "{",
    "braces and letters": "{a",
    "quotes": '"',
    "quotes and commas": '",',
    "hyphens": "a-",
    "points": "a.",
    "letters": "x",
    "digits": "1",
    "combining marks": MARKS,
    "ligatures": "\ufdfa",
    "backslashes": "\\",
    "less-than": ", <",
    "secrets": "eyJ-",
    "bearers": "bearer ",
    "lists": "[",
    "objects": '{"a":',
    "parameters": "a=b&",
    "nulls": "\x00",
}


def around(read: Callable[[str], object]) -> Callable[[str], object]:
    """Refusing is an answer."""
    refusals = (TableUnusable, InstanceError, LaunchRefused, ValueError)

    def work(text: str) -> None:
        with suppress(*refusals):
            read(text)

    return work


def table(text: str) -> None:
    read = read_table(text.encode())
    for parse in (
        lambda: wishes_of_table(read, DIRECTORY),
        lambda: levels_of_table(read, DIRECTORY),
        lambda: pairs_of_table(read, SNAPSHOT, GIVEN),
    ):
        with suppress(TableUnusable):
            parse()


def answered(**headers: str) -> WireAnswer:
    return WireAnswer(
        401, {"content-type": "application/json"} | headers, b"[]", "https://c.example/api/v1/x"
    )


def refused(text: str) -> None:
    body = json.dumps({"errors": [{"message": text}, *text[: len(text) // 40]]}).encode()
    judge(WireAnswer(401, {"content-type": "application/json"}, body))
    error_messages([[one] for one in text])


def launched(text: str) -> None:
    custom = {"canvas_api_base": text, "canvas_section_ids": text, "canvas_user_id": text, "time_zone": text}
    claims = {"sub": "x", CLAIM + "deployment_id": "1:one", CLAIM + "roles": [], CLAIM + "custom": custom}
    launch_context(claims, REGISTRATION)


def signed(text: str) -> None:
    check_id_token(text, REGISTRATION, KeySets())


def listed(text: str) -> None:
    rows = entries(text)
    directory = directory_for(SNAPSHOT, rows, dict)
    wishes_of_list(rows, directory, Wish)


def pairs(text: str) -> None:
    found = pair_lines(text, DIRECTORY)
    with_pairs(PlanRules(), EditKind.PIN, {line.pair: line.reason for line in found if line.pair})


def link_header(text: str) -> None:
    answer = answered(link=text)
    next_link(answer)
    about_how_many(answer, 10)


READERS: dict[str, tuple[Callable[[str], object], int]] = {
    "pairs as a list": (pairs, FORM),
    "people as a list": (listed, FORM),
    "one name": (lambda text: DIRECTORY.find(text), FORM),
    "the order of names": (name_order, FORM),
    "a table": (table, FORM),
    "a cell of a table": (lambda text: table(f"Name,Level\n{text[:2_000]},{text}"), FORM),
    "a cell that is written": (safe_cell, FORM),
    "a reminder": (lambda text: (unknown_placeholders(text), fill(text, {"open": "1"})), FORM),
    "a way out": (lambda text: apply_way_out(PlanRules(), text), FORM),
    "rules as JSON": (PlanRules.model_validate_json, FORM),
    "an instance of the engine": (read_instance, FORM),
    "a stored sentence": (Sentence.unpacked, FORM),
    "a language": (spoken, HEADER),
    "a line of the log": (blackened, FORM),
    "an answer of Canvas": (refused, FORM),
    "a Link header": (link_header, HEADER),
    "an address": (origin_of, FORM),
    "colours of a Canvas": (brand_of, LONGEST_BRAND),
    "an id_token": (signed, LONGEST_TOKEN),
    "custom fields of a launch": (launched, LONGEST_TOKEN),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_takes_time_in_proportion_to_its_text(reader: str) -> None:
    read, limit = READERS[reader]
    for name, unit in RUNS.items():
        for begin, end in (("a", "b"), ("", "")):

            def text(size: int, unit: str = unit, begin: str = begin, end: str = end) -> str:
                return begin + unit * (size // len(unit)) + end

            try:
                assert_linear(around(read), text, min(limit, LARGEST))
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error


# --- long inputs that are good ---------------------------------------------------------------------------

MANY = [person(number, name="Ada Kim", sortable_name="Kim, Ada") for number in range(1, 2_001)]


def rows(one: Callable[[int], str]) -> Callable[[int], str]:
    """As many rows as fit into a size."""
    return lambda size: "\n".join(one(number) for number in range(1, size // len(one(1)) + 1))


def rules_of(field: str, one: Callable[[int], object]) -> Callable[[int], str]:
    return lambda size: json.dumps({field: [one(number) for number in range(1, size // 40 + 1)]})


def among_many(text: str) -> None:
    directory = Directory(MANY)
    for line in entries(text):
        directory.find(line)


def pages_of_links(text: str) -> None:
    link_header(", ".join(f"<https://c.example/{number}>; rel=x" for number in range(len(text) // 30)))


GOOD: dict[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "pairs": (pairs, rows(lambda n: f"{user(n % 30 + 1)} > {user(n % 29 + 1)} > reason {n}")),
    "people": (listed, rows(lambda n: f"nobody {n}")),
    "names that all in a course have": (
        among_many,
        rows(lambda n: "Ada Kim"),
    ),
    "a table of strangers": (table, rows(lambda n: "Name,Level" if n == 1 else f"somebody {n},{n % 5}")),
    "a table of one person": (table, rows(lambda n: "Name,Level" if n == 1 else f"{user(1)},1")),
    "a table of mistakes": (table, rows(lambda n: "Name,Level" if n == 1 else f"=1+{n},strong")),
    "fixed pairs": (
        PlanRules.model_validate_json,
        rules_of("fixed", lambda n: {"reviewer": str(n), "author": str(n + 1)}),
    ),
    "excluded people": (PlanRules.model_validate_json, rules_of("exclude", lambda n: {"user": str(n)})),
    "loads": (PlanRules.model_validate_json, rules_of("loads", lambda n: {"user": str(n), "gives": 3})),
    "spare reviewers": (PlanRules.model_validate_json, rules_of("spare", str)),
    "links": (pages_of_links, lambda size: "x" * size),
    "an instance": (
        read_instance,
        lambda size: json.dumps(
            {
                "format": "peer-instance/1",
                "students": [{"id": str(n)} for n in range(size // 60)],
                "submissions": [{"id": f"w{n}", "authors": [str(n)]} for n in range(size // 60)],
            }
        ),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_long_input_that_is_good_takes_time_in_proportion_too(name: str) -> None:
    read, text = GOOD[name]
    assert_linear(around(read), text, 128_000)
