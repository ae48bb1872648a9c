"""Verdicts that the integration rows do not show, and the order of the walk."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from lti_tool.applying.reconcile import unlisted, verdict, walking_order
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import StepState, Whose
from lti_tool.planning.ids import RunId, SubmissionId
from lti_tool.planning.snapshot import Snapshot
from tests.builders import review, snapshot, user
from tests.unit.applying.steps import create_step, delete_step


@pytest.mark.parametrize("state", ["inactive", "concluded"])
def test_canvas_refuses_people_who_are_not_active_also_for_deletes(state: str) -> None:
    now = snapshot(change_people={1: {"state": state}})
    for step, rows in ((create_step(), []), (delete_step(), [review(1, 2)])):
        found = verdict(step, now, rows, frozenset())
        assert found is not None
        assert found.to is StepState.STUDENT_LEFT


def test_invited_people_are_reachable() -> None:
    assert verdict(create_step(), snapshot(change_people={1: {"state": "invited"}}), [], frozenset()) is None


@pytest.mark.parametrize("now", [snapshot(without_work=[2]), snapshot(without_people=[2])])
def test_that_a_list_lacks_the_author_proves_nothing_until_canvas_answers_not_found(now: Snapshot) -> None:
    assert verdict(create_step(), now, [], frozenset()) is None
    found = verdict(create_step(), now, [], frozenset(), frozenset({user(1), user(2)}))
    assert found is not None
    assert found.to is StepState.STUDENT_LEFT


def test_somebody_whom_the_list_lacks_is_unlisted_and_somebody_inactive_is_not() -> None:
    now = snapshot(without_people=[2], change_people={1: {"state": "inactive"}})
    assert unlisted([create_step(), delete_step(3, 4)], now) == {user(2)}
    assert unlisted([create_step(state=StepState.DONE)], now) == frozenset()


def test_another_submission_row_than_approved_is_a_conflict() -> None:
    now = snapshot(change_works={2: {"id": SubmissionId("77")}})
    found = verdict(create_step(), now, [], frozenset())
    assert found is not None
    assert found.to is StepState.CONFLICT


def test_a_send_that_was_executed_after_all_is_ours() -> None:
    late = create_step(doubts=1)
    found = verdict(late, snapshot(), [review(1, 2)], frozenset())
    assert found is not None
    assert (found.to, found.whose) == (StepState.DONE, Whose.OURS)


def test_the_walk_is_spread_over_authors_and_the_same_after_a_restart() -> None:
    steps = [create_step(who, whom, seq=10 * whom + who) for whom in range(1, 9) for who in range(9, 12)]
    order = walking_order(RunId("run"), steps)
    assert sorted(order, key=lambda step: step.seq) == steps
    assert order == walking_order(RunId("run"), reversed(steps))
    assert order != walking_order(RunId("other"), steps)
    authors = [step.author for step in order]
    assert len([a for a, b in pairwise(authors) if a != b]) == 7, "author by author"
    assert authors != sorted(authors)


def test_the_wait_is_never_shorter_than_the_read_timeout_allows() -> None:
    assert DriverSettings().settle_wait == 90
    assert DriverSettings(read_timeout=120).settle_wait == 180


def test_a_canvas_that_is_down_is_asked_for_two_hours() -> None:
    pauses: list[float] = []
    while (pause := DriverSettings().canvas_pause(len(pauses))) is not None:
        pauses.append(pause)
    assert pauses[:6] == [15, 30, 60, 120, 240, 300]
    assert 6900 <= sum(pauses) <= 7500


def test_somebody_in_a_section_that_the_reader_does_not_see_is_refused_and_has_not_left() -> None:
    now = replace(snapshot(without_people=[2]), sees_everybody=False)
    assert unlisted([create_step()], now) == frozenset()
    for step, rows in ((create_step(), []), (delete_step(), [review(1, 2)])):
        found = verdict(step, now, rows, frozenset())
        assert found is not None
        assert found.to is StepState.REFUSED
        assert found.note == "Canvas does not show this student or this work to you"
