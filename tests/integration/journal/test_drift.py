"""Canvas moves between preview and apply: the list of writes may shrink, never grow (docs/writer.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lti_tool.applying.states import RunState, StepClass
from lti_tool.planning.drift import Drift, DriftKind, find_drift
from tests.builders import person, review, snapshot, user, work
from tests.fakes import REVOKED, FakeCanvas
from tests.integration.journal.stage import TEACHER, Stage, creates, deletes, pair

Edit = Callable[[FakeCanvas], object]


def stage(shared: Stage) -> Stage:
    """Create 1->2, delete 3->4, keep 5->6."""
    preview = snapshot(reviews=[review(3, 4), review(5, 6)])
    return Stage(None, creates((1, 2)) + deletes((3, 4)), preview=preview, after=shared)


def replace_review(canvas: FakeCanvas) -> None:
    canvas.remove(review(3, 4).id)
    canvas.add(review(3, 4, id_="another"))


def double_with_completed(canvas: FakeCanvas) -> None:
    canvas.add(review(3, 4, id_="second", completed=True))


@pytest.mark.parametrize(
    ("edit", "classes", "writes"),
    [
        (lambda c: None, {StepClass.DONE: 2}, 2),
        (lambda c: c.add(review(1, 2)), {StepClass.ALREADY_THERE: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.add(review(1, 2, completed=True)), {StepClass.ALREADY_THERE: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.drop(user(1)), {StepClass.STUDENT_LEFT: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.drop(user(2)), {StepClass.STUDENT_LEFT: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.remove(review(3, 4).id), {StepClass.ALREADY_GONE: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.complete(review(3, 4).id), {StepClass.KEPT_COMPLETED: 1, StepClass.DONE: 1}, 1),
        (double_with_completed, {StepClass.KEPT_COMPLETED: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.add(review(3, 4, id_="second")), {StepClass.CONFLICT: 1, StepClass.DONE: 1}, 1),
        (replace_review, {StepClass.CONFLICT: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.drop(user(3)), {StepClass.STUDENT_LEFT: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.remove(review(5, 6).id), {StepClass.DONE: 2}, 2),
        (lambda c: c.add(review(7, 8)), {StepClass.DONE: 2}, 2),
        (lambda c: c.change_assignment(due_at=None), {StepClass.DONE: 2}, 2),
    ],
)
def test_reconciliation(shared: Stage, edit: Edit, classes: dict[StepClass, int], writes: int) -> None:
    moved = stage(shared)
    edit(moved.canvas)
    moved.drive()
    assert moved.classes() == classes
    assert moved.canvas.writes == writes
    assert moved.canvas.second_mails == 0
    assert moved.canvas.completed_deleted == []


def test_a_review_that_others_made_is_adopted_and_no_effect_of_ours(shared: Stage) -> None:
    moved = stage(shared)
    moved.canvas.add(review(1, 2))
    moved.drive()
    assert [effect.created for effect in moved.journal.effects(moved.run)] == [False]


def test_reviews_of_others_are_kept_and_told(shared: Stage) -> None:
    moved = stage(shared)
    moved.canvas.add(review(7, 8))
    moved.canvas.remove(review(5, 6).id)
    assert moved.drive() is RunState.DONE
    assert moved.canvas.pairs[pair(7, 8)] == 1
    assert moved.canvas.pairs[pair(5, 6)] == 0
    assert moved.journal.report(moved.run).drift == (
        Drift(DriftKind.REVIEW_ADDED, (user(7), user(8))),
        Drift(DriftKind.REVIEW_GONE, (user(5), user(6))),
    )


def join(canvas: FakeCanvas) -> None:
    world = canvas.world
    canvas.world = replace(world, people=(*world.people, person(13)), works=(*world.works, work(13)))


def move(canvas: FakeCanvas) -> None:
    moved = (person(9, section=2) if one.id == user(9) else one for one in canvas.world.people)
    canvas.world = replace(canvas.world, people=tuple(moved))


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda c: c.add(review(7, 8)), "review_added"),
        (lambda c: c.remove(review(5, 6).id), "review_gone"),
        (lambda c: c.complete(review(5, 6).id), "review_completed"),
        (lambda c: c.add(review(5, 6, id_="second")), "review_doubled"),
        (lambda c: c.drop(user(9)), "person_left"),
        (join, "person_joined"),
        (move, "section_changed"),
        (lambda c: c.change_assignment(published=False), "unpublished"),
        (lambda c: c.change_assignment(peer_reviews=False), "peer_reviews_switched"),
        (lambda c: c.change_assignment(automatic_peer_reviews=True), "automatic_switched"),
        (lambda c: c.change_assignment(anonymous_peer_reviews=True), "anonymous_switched"),
        (lambda c: c.change_assignment(due_at=None), "due_date_changed"),
    ],
)
def test_every_kind_of_drift_is_told_by_name_and_causes_no_write(
    shared: Stage, edit: Edit, told: str
) -> None:
    """A rubric, a deleted assignment and a lost role end or pause the run: see below and ``test_faults``."""
    moved = stage(shared)
    edit(moved.canvas)
    assert moved.drive() is RunState.DONE
    (drift,) = [event.details for event in moved.journal.events(moved.run) if event.type == "drift"]
    found = drift["found"]
    assert isinstance(found, list)
    assert told in {one["kind"] for one in found}
    assert told in {one.kind for one in find_drift(moved.preview, moved.canvas.read_snapshot())}, (
        "on the page"
    )
    assert moved.canvas.writes == 2, "what was approved, and nothing else"
    assert moved.canvas.second_mails == 0
    assert moved.canvas.completed_deleted == []


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda c: c.change_assignment(rubric_id="99"), "rubric_changed"),
        (lambda c: setattr(c, "world", with_new_allocation(c)), "new_allocation_on"),
    ],
)
def test_what_the_approval_does_not_cover_stops_before_any_write(
    shared: Stage, edit: Edit, reason: str
) -> None:
    moved = stage(shared)
    edit(moved.canvas)
    assert moved.drive() is RunState.NEEDS_REVIEW
    assert moved.canvas.writes == 0
    assert moved.report.reason == reason
    assert "new preview" in moved.report.words
    assert moved.classes() == {StepClass.PENDING: 2}


def with_new_allocation(canvas: FakeCanvas) -> object:
    return replace(canvas.world, new_allocation_feature=True)


def test_a_rubric_attached_while_paused_stops_the_resumed_run(shared: Stage) -> None:
    moved = stage(shared)
    moved.canvas.fault = lambda verb, n: REVOKED if verb == "create" else None
    assert moved.drive() is RunState.PAUSED_AUTH
    moved.canvas.change_assignment(rubric_id="99")
    moved.journal.resume(moved.run, TEACHER)
    assert moved.drive() is RunState.NEEDS_REVIEW
    assert moved.canvas.calls["delete"] == 0
