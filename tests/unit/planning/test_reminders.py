"""Who is reminded, with which words, how often, in how many calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lti_tool.planning.board import BoardLine, make_board
from lti_tool.planning.ids import UserId
from lti_tool.planning.reminders import (
    DEFAULT_BODY,
    DEFAULT_SUBJECT,
    RECIPIENTS,
    Audience,
    NotReminded,
    ReminderPlan,
    Template,
    fill,
    plan_reminders,
)
from tests.builders import NOON, review, snapshot, user

WORDS = {"assignment": "Essay", "course": "Writing", "due": "tomorrow", "link": "https://c.example.edu/1"}
PLAIN = Template(subject="Reviews of {assignment}", body="Due {due}.")
DAY = timedelta(hours=24)


def lines(people: int, **changes: object) -> tuple[BoardLine, ...]:
    """A class in which everybody but the last owes one review, and the first two."""
    reviews = [review(n, n % people + 1) for n in range(1, people)] + [review(1, 3)]
    read = snapshot(people, reviews=reviews, **changes)  # type: ignore[arg-type]  # fields are the tests' business
    return make_board([read], {}, NOON).lines


def remind(
    board: tuple[BoardLine, ...],
    template: Template = PLAIN,
    audience: Audience | None = None,
    told: Mapping[UserId, datetime] | None = None,
) -> ReminderPlan:
    return plan_reminders(
        board, template, audience or Audience(), WORDS, last_told=told or {}, interval=DAY, now=NOON
    )


def test_three_hundred_reminders_are_three_calls() -> None:
    plan = remind(lines(301))
    assert [len(message.recipients) for message in plan.messages] == [RECIPIENTS] * 3
    assert len(set(plan.recipients)) == 300
    assert plan.left_alone == {user(301): NotReminded.NOTHING_OPEN}
    assert {message.subject for message in plan.messages} == {"Reviews of Essay"}


def test_texts_that_differ_go_out_apart() -> None:
    plan = remind(lines(6), Template(subject="{open} open", body="x"))
    assert {message.subject: set(message.recipients) for message in plan.messages} == {
        "2 open": {user(1)},
        "1 open": {user(2), user(3), user(4), user(5)},
    }


def test_nobody_within_the_interval_and_nobody_who_left() -> None:
    board = lines(6, change_people={2: {"state": "concluded"}})
    told = {user(3): NOON - DAY + timedelta(seconds=1), user(4): NOON - DAY}
    plan = remind(board, told=told)
    assert set(plan.recipients) == {user(1), user(4), user(5)}
    assert plan.left_alone[user(2)] is NotReminded.LEFT_COURSE
    assert plan.left_alone[user(3)] is NotReminded.TOLD_RECENTLY


def test_an_audience_narrows() -> None:
    board = lines(6, sections=2)
    assert set(remind(board, audience=Audience(section="s1")).recipients) == {user(1), user(3), user(5)}
    assert set(remind(board, audience=Audience(people=frozenset({user(2)}))).recipients) == {user(2)}
    assert remind(board, audience=Audience(overdue_only=True)).recipients == ()


def test_a_misspelt_placeholder_is_named() -> None:
    with pytest.raises(ValidationError, match=r"\{opne\} is no placeholder"):
        Template(subject="x", body="{opne}")


@given(name=st.text(max_size=30), text=st.text(max_size=60))
def test_what_stands_in_a_name_is_never_filled_in_again(name: str, text: str) -> None:
    assert fill("{assignment}", {"assignment": name, "open": text}) == name


def test_an_extension_is_no_lateness_and_brings_no_reminder() -> None:
    read = snapshot(3, reviews=[review(1, 2), review(2, 3)])
    late, extended = NOON - DAY, NOON + DAY
    works = tuple(replace(work, due_at=extended if work.author == user(1) else late) for work in read.works)
    board = make_board([replace(read, works=works)], {read.assignment.id: late}, NOON).lines
    plan = remind(board)
    assert plan.recipients == (user(2),)
    assert plan.left_alone[user(1)] is NotReminded.MORE_TIME


def test_an_excused_student_is_reminded_only_when_named() -> None:
    base = snapshot(3, reviews=[review(1, 2)], change_works={1: {"submitted": False, "excused": True}})
    lines = make_board([base], {}, NOON).lines
    template = Template(subject="s", body="b")

    def plan(audience: Audience) -> ReminderPlan:
        return plan_reminders(
            lines, template, audience, {}, last_told={}, interval=timedelta(hours=1), now=NOON
        )

    assert plan(Audience()).left_alone[user(1)] is NotReminded.EXCUSED
    assert plan(Audience()).recipients == ()
    assert plan(Audience(people=frozenset({user(1)}))).recipients == (user(1),)


@pytest.mark.parametrize(("number", "words"), [(1, "1 peer review"), (2, "2 peer reviews")])
def test_reviews_are_counted_in_words(number: int, words: str) -> None:
    base = snapshot(4, reviews=[review(1, author) for author in range(2, 2 + number)])
    found = plan_reminders(
        make_board([base], {}, NOON).lines,
        Template(subject=DEFAULT_SUBJECT, body=DEFAULT_BODY),
        Audience(),
        {"assignment": "Essay 1", "course": "Sociology", "due": "Friday", "link": "https://c.example/a"},
        last_told={},
        interval=timedelta(hours=1),
        now=NOON,
    )
    assert found.messages[0].body == (
        f"Hi,\n\nYou still have {words} to complete for Essay 1 in Sociology.\nDue: Friday\n\n"
        "Open it here: https://c.example/a\n\nThank you!"
    )
