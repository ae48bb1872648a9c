"""Canvas moves between preview and apply: the list of writes may shrink, never grow (docs/writer.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from allocation.sentences import Sentence
from lti_tool.applying.reconcile import walking_order
from lti_tool.applying.states import RunState, StepClass
from lti_tool.applying.verification import MismatchKind
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
        (lambda c: c.remove(review(3, 4).id), {StepClass.ALREADY_GONE: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.complete(review(3, 4).id), {StepClass.KEPT_COMPLETED: 1, StepClass.DONE: 1}, 1),
        (lambda c: c.complete(review(5, 6).id), {StepClass.DONE: 2}, 2),
        (lambda c: c.drop(user(9)), {StepClass.DONE: 2}, 2),
        (lambda c: c.change_assignment(due_at=None), {StepClass.DONE: 2}, 2),
    ],
)
def test_what_leaves_the_plan_good_only_shrinks_the_list(
    shared: Stage, edit: Edit, classes: dict[StepClass, int], writes: int
) -> None:
    moved = stage(shared)
    edit(moved.canvas)
    moved.drive()
    assert moved.classes() == classes
    assert moved.canvas.writes == writes
    assert moved.canvas.second_mails == 0
    assert moved.canvas.completed_deleted == []


@pytest.mark.parametrize(
    ("edit", "kinds"),
    [
        (lambda c: c.add(review(7, 8)), {"review_added"}),
        (lambda c: c.add(review(5, 6, id_="second")), {"review_doubled"}),
        (lambda c: c.add(review(3, 4, id_="second")), {"review_doubled"}),
        (double_with_completed, {"review_doubled"}),
        (replace_review, {"review_doubled"}),
        (lambda c: c.remove(review(5, 6).id), {"review_gone"}),
        (lambda c: c.drop(user(1)), {"person_left"}),
        (lambda c: c.drop(user(2)), {"person_left"}),
        (lambda c: c.drop(user(3)), {"person_left"}),
        (lambda c: c.drop(user(5)), {"person_left"}),
        (lambda c: c.change_assignment(rubric_id="99"), {"rubric_changed"}),
        (lambda c: c.change_assignment(peer_reviews=False), {"peer_reviews_switched"}),
        (lambda c: c.change_assignment(automatic_peer_reviews=True), {"automatic_switched"}),
        (lambda c: c.change_assignment(published=False), {"unpublished"}),
        (lambda c: c.change_assignment(group_category_id="9"), {"group_set_changed"}),
        (lambda c: setattr(c, "world", with_new_allocation(c)), {"new_allocation_switched"}),
    ],
)
def test_a_plan_that_is_out_of_date_ends_before_its_first_write(
    shared: Stage, edit: Edit, kinds: set[str]
) -> None:
    moved = stage(shared)
    edit(moved.canvas)
    assert moved.drive() is RunState.NEEDS_REVIEW
    assert moved.canvas.writes == 0
    report = moved.report
    assert report.reason == "out_of_date"
    assert {one.kind.value for one in report.drift.out_of_date} == kinds
    words = str(Sentence.unpacked(report.words))
    assert words.startswith(
        "This plan is out of date: Canvas changed since the preview. Nothing was assigned or removed."
    )
    assert words.endswith("Preview again to plan from Canvas as it is now.")
    assert moved.classes() == {StepClass.PENDING: 2}
    assert not moved.wanted()


def begun(shared: Stage) -> Stage:
    """Paused after its first create; to come: create 1->2, delete 3->4."""
    preview = snapshot(reviews=[review(3, 4), review(5, 6), review(5, 4)])
    moved = Stage(None, creates((9, 10), (1, 2)) + deletes((3, 4)), preview=preview, after=shared)

    def pause(verb: str, _n: int) -> None:
        if verb == "create":
            moved.journal.request_pause(moved.run, TEACHER)

    moved.canvas.meanwhile = pause
    while StepClass.DONE not in moved.classes():
        moved.drive()
    moved.canvas.meanwhile = lambda verb, n: None
    return moved


@pytest.mark.parametrize(
    ("edit", "skipped"),
    [
        (lambda c, left: c.add(review(7, 8)), None),
        (lambda c, left: c.add(review(*left)), StepClass.ALREADY_THERE),
        (lambda c, left: c.drop(user(left[0])), StepClass.STUDENT_LEFT),
        (lambda c, left: c.drop(user(left[1])), StepClass.STUDENT_LEFT),
        (lambda c, left: c.remove(review(3, 4).id), StepClass.ALREADY_GONE),
        (lambda c, left: c.complete(review(3, 4).id), StepClass.KEPT_COMPLETED),
        (lambda c, left: double_with_completed(c), StepClass.KEPT_COMPLETED),
        (lambda c, left: c.add(review(3, 4, id_="second")), StepClass.CONFLICT),
        (lambda c, left: replace_review(c), StepClass.CONFLICT),
        (lambda c, left: c.drop(user(3)), StepClass.STUDENT_LEFT),
        (lambda c, left: c.remove(review(5, 6).id), None),
    ],
)
def test_a_run_that_has_begun_leaves_out_what_others_touched_and_goes_on(
    shared: Stage, edit: Callable[[FakeCanvas, tuple[int, int]], object], skipped: StepClass | None
) -> None:
    moved = begun(shared)
    left = (9, 10) if moved.canvas.pairs[pair(1, 2)] else (1, 2)
    edit(moved.canvas, left)
    moved.journal.resume(moved.run, TEACHER)
    assert moved.drive() in (RunState.DONE, RunState.DONE_WITH_ISSUES)
    assert moved.classes() == ({StepClass.DONE: 3} if skipped is None else {StepClass.DONE: 2, skipped: 1})
    assert moved.canvas.second_mails == 0
    assert moved.canvas.completed_deleted == []


@pytest.mark.parametrize("for_whom", [0, 1])
def test_a_run_that_has_begun_ends_where_a_create_to_come_would_be_one_too_many(
    shared: Stage, for_whom: int
) -> None:
    """Somebody gave the reviewer, or the author, of a pair that is still to come another review by hand."""
    moved = begun(shared)
    left = (9, 10) if moved.canvas.pairs[pair(1, 2)] else (1, 2)
    moved.canvas.add(review(left[0], 11) if for_whom == 0 else review(11, left[1]))
    moved.journal.resume(moved.run, TEACHER)
    assert moved.drive() is RunState.NEEDS_REVIEW
    assert moved.classes() == {StepClass.DONE: 1, StepClass.PENDING: 2}
    assert "What was done until then is listed here; nothing more was sent." in moved.report.words
    assert len(moved.journal.effects(moved.run)) == 1, "undo knows what was done"


@pytest.mark.parametrize("without", ["people", "works"])
def test_an_empty_list_pauses_a_run_and_says_that_nobody_left(shared: Stage, without: str) -> None:
    moved = stage(shared)
    whole = moved.canvas.world
    moved.canvas.world = replace(whole, people=()) if without == "people" else replace(whole, works=())
    assert moved.drive() is RunState.PAUSED_CANVAS
    assert moved.report.words == "Canvas did not give a complete list of the class."
    assert moved.report.progress.waiting_until is not None, "and it is tried again"
    assert moved.classes() == {StepClass.PAUSED: 2}
    assert moved.canvas.writes == 0
    moved.canvas.world = whole
    assert moved.sweep_until_over().state is RunState.DONE


@pytest.mark.parametrize("without", ["people", "works"])
def test_a_list_that_is_empty_after_a_pause_leaves_every_review_in_place(shared: Stage, without: str) -> None:
    moved = begun(shared)
    whole = moved.canvas.world
    moved.canvas.world = replace(whole, people=()) if without == "people" else replace(whole, works=())
    moved.journal.resume(moved.run, TEACHER)
    assert moved.drive() is RunState.PAUSED_CANVAS
    assert StepClass.STUDENT_LEFT not in moved.classes()
    moved.canvas.world = whole
    assert moved.sweep_until_over().state is RunState.DONE


def test_a_review_that_others_made_is_adopted_and_no_effect_of_ours(shared: Stage) -> None:
    moved = stage(shared)
    moved.canvas.add(review(1, 2))
    moved.drive()
    assert [effect.created for effect in moved.journal.effects(moved.run)] == [False]


def test_reviews_of_others_are_kept_and_told(shared: Stage) -> None:
    moved = begun(shared)
    moved.canvas.add(review(7, 8))
    moved.canvas.remove(review(5, 6).id)
    moved.journal.resume(moved.run, TEACHER)
    assert moved.drive() is RunState.DONE
    assert moved.canvas.pairs[pair(7, 8)] == 1
    assert moved.canvas.pairs[pair(5, 6)] == 0
    assert moved.report.drift.harmless == (
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
        (lambda c: c.complete(review(5, 6).id), "review_completed"),
        (lambda c: c.drop(user(9)), "person_left"),
        (join, "person_joined"),
        (move, "section_changed"),
        (lambda c: c.change_assignment(anonymous_peer_reviews=True), "anonymous_switched"),
        (lambda c: c.change_assignment(due_at=None), "due_date_changed"),
    ],
)
def test_harmless_drift_is_told_by_name_and_causes_no_write(shared: Stage, edit: Edit, told: str) -> None:
    moved = stage(shared)
    edit(moved.canvas)
    assert moved.drive() is RunState.DONE
    assert told in {one.kind.value for one in moved.report.drift.harmless}
    assert told in {one.kind for one in find_drift(moved.preview, moved.canvas.read_snapshot())}, (
        "on the page"
    )
    assert moved.canvas.writes == 2, "what was approved, and nothing else"
    assert moved.canvas.second_mails == 0
    assert moved.canvas.completed_deleted == []


def with_new_allocation(canvas: FakeCanvas) -> object:
    return replace(canvas.world, new_allocation_feature=True)


@pytest.mark.parametrize(
    "change",
    [
        {"rubric_id": "99"},
        {"peer_reviews": False},
        {"automatic_peer_reviews": True},
        {"published": False},
    ],
)
def test_what_canvas_works_against_stops_a_run_that_has_begun(
    shared: Stage, change: dict[str, object]
) -> None:
    moved = begun(shared)
    moved.canvas.change_assignment(**change)
    moved.journal.resume(moved.run, TEACHER)
    assert moved.drive() is RunState.NEEDS_REVIEW
    assert moved.canvas.calls["delete"] == 0
    assert moved.classes() == {StepClass.DONE: 1, StepClass.PENDING: 2}


def slow(shared: Stage) -> Stage:
    """Eleven creates of which each takes half a minute."""
    moved = Stage(None, creates(*((n, n + 1) for n in range(1, 12))), after=shared)
    moved.canvas.waits_for_a_place = lambda: moved.clock.sleep(30)
    return moved


@pytest.mark.parametrize("change", [{"rubric_id": "99"}, {"peer_reviews": False}])
def test_settings_are_looked_at_again_while_a_run_sends(shared: Stage, change: dict[str, object]) -> None:
    moved = slow(shared)
    moved.canvas.meanwhile = lambda verb, n: (
        moved.canvas.change_assignment(**change) if (verb, n) == ("create", 4) else None
    )
    assert moved.drive() is RunState.NEEDS_REVIEW
    assert moved.canvas.calls["create"] <= 4 + 60 / 30, "seen within a minute"
    assert moved.report.drift.stop


def test_a_pair_that_others_make_meanwhile_is_not_mailed_again_and_not_ours(shared: Stage) -> None:
    """Whoever seems last in the walk is given the review by hand; the next look sees it."""
    moved = slow(shared)
    last: list[tuple[int, int]] = []

    def meanwhile(verb: str, n: int) -> None:
        if (verb, n) == ("create", 3):
            left = [(who, who + 1) for who in range(1, 12) if not moved.canvas.pairs[pair(who, who + 1)]]
            order = walking_order(moved.run, moved.journal.steps(moved.run))
            place = {(step.reviewer, step.submission): at for at, step in enumerate(order)}
            last.append(max(left, key=lambda who: place[pair(*who)]))
            moved.canvas.add(review(*last[0], id_="by hand"))

    moved.canvas.meanwhile = meanwhile
    assert moved.drive() is RunState.DONE
    assert moved.classes() == {StepClass.DONE: 10, StepClass.ALREADY_THERE: 1}
    assert moved.canvas.mails["by hand"] == 0  # type: ignore[index]  # an id is text
    assert "by hand" not in {effect.review_id for effect in moved.journal.effects(moved.run)}


def test_looks_are_few_and_take_a_small_share_of_a_run(shared: Stage) -> None:
    moved = slow(shared)
    moved.canvas.meanwhile = lambda verb, n: moved.clock.sleep(10) if verb == "glance" else None
    assert moved.drive() is RunState.DONE
    assert moved.canvas.calls["glance"] == 1, "a look of ten seconds makes the next one wait for 500"


def test_a_rubric_attached_at_the_last_moment_does_not_end_as_done(shared: Stage) -> None:
    """Too late for any look; it also reopens what was completed (canvas-lms rubric_association.rb)."""
    preview = snapshot(reviews=[review(5, 6, completed=True)])
    moved = Stage(None, creates((1, 2)), preview=preview, after=shared)

    def attach(verb: str, n: int) -> None:
        if verb == "create":
            moved.canvas.change_assignment(rubric_id="99")
            moved.canvas.remove(review(5, 6).id)
            moved.canvas.add(review(5, 6))

    moved.canvas.meanwhile = attach
    assert moved.drive() is RunState.DONE_WITH_ISSUES
    found = moved.report.verification
    assert found is not None
    assert {(one.kind, one.detail) for one in found.mismatches} == {
        (MismatchKind.ASSIGNMENT_UNFIT, DriftKind.RUBRIC_CHANGED),
        (MismatchKind.REOPENED, user(6)),
    }


def test_a_rubric_attached_while_paused_stops_the_resumed_run(shared: Stage) -> None:
    moved = stage(shared)
    moved.canvas.fault = lambda verb, n: REVOKED if verb == "create" else None
    assert moved.drive() is RunState.PAUSED_AUTH
    moved.canvas.change_assignment(rubric_id="99")
    moved.journal.resume(moved.run, TEACHER)
    assert moved.drive() is RunState.NEEDS_REVIEW
    assert moved.canvas.calls["delete"] == 0
