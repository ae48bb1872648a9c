"""A delete waits for its replacement: nobody ends with fewer reviews than min(before, planned).

Real driver and journal in front of a fake Canvas; what becomes of each create is generated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from lti_tool.applying.answers import Answer, Outcome, Why
from lti_tool.applying.errors import NotResumable
from lti_tool.applying.states import TERMINAL, RunState, StepClass
from lti_tool.planning.plan import Change, ChangeKind
from lti_tool.planning.snapshot import Review, Snapshot
from tests.builders import review, snapshot, user
from tests.fakes import LOST_AFTER, LOST_BEFORE, SERVER_ERROR, Fate, Fault, Killed, Pair
from tests.integration.journal.stage import TEACHER, Stage, creates, deletes, pair

RING = [(number, (number + step - 1) % 12 + 1) for number in range(1, 13) for step in (1, 2, 3)]
"""Three reviews for everybody: n reviews n+1, n+2 and n+3."""
MOVED = [(number, (number + 3) % 12 + 1) for number in range(1, 13)]
"""What replaces n -> n+3: n reviews n+4."""
REFUSED = Fault(Answer(Outcome.PERMANENT, Why.REFUSED, status=400))
UNAVAILABLE = Fault(Answer(Outcome.UNKNOWN, Why.SERVER_ERROR, status=503))


def ring_of(shared: Stage, reviews: list[tuple[int, int]], changes: list[Change]) -> Stage:
    preview = snapshot(reviews=[review(*who) for who in reviews])
    return Stage(None, changes, preview=preview, after=shared)


def moving(shared: Stage, who: list[tuple[int, int]] = MOVED) -> Stage:
    """Everybody keeps two reviews and swaps one."""
    return ring_of(shared, RING, creates(*who) + deletes(*((n, (n + 2) % 12 + 1) for n, _ in who)))


def by_author(reviews: tuple[Review, ...]) -> Counter[str]:
    return Counter(row.submission for row in reviews)


def by_reviewer(reviews: tuple[Review, ...]) -> Counter[str]:
    return Counter(row.assessor for row in reviews)


def assert_nobody_lost(stage: Stage) -> None:
    """The invariant, from what Canvas holds, for submissions and for reviewers."""
    for count, name in ((by_author, "submission"), (by_reviewer, "reviewer")):
        before, planned = count(stage.preview.reviews), count(stage.preview.reviews)
        for line in stage.plan.writes:
            planned[getattr(line, name)] += 1 if line.kind is ChangeKind.CREATE else -1
        left = count(stage.canvas.world.reviews)
        for place, number in planned.items():
            assert left[place] >= min(before[place], number), (name, place)


def test_a_canvas_that_answers_503_to_every_post_keeps_every_review(shared: Stage) -> None:
    stage = moving(shared)
    stage.canvas.fault = lambda verb, n: UNAVAILABLE if verb == "create" else None
    stage.settings = type(stage.settings)(workers=1, breaker_run=1000, breaker_window=1000, retry_floor=100)
    report = stage.sweep_until_over()
    assert report.state is RunState.DONE_WITH_ISSUES
    assert stage.classes() == {StepClass.GAVE_UP: 12, StepClass.KEPT_UNREPLACED: 12}
    assert stage.canvas.calls["delete"] == 0
    assert stage.canvas.pairs == Counter(pair(*who) for who in RING)
    assert {step.note for step in report.steps if step.step_class is StepClass.KEPT_UNREPLACED} == {
        "Kept, because the review that was to replace it could not be created."
    }


def test_one_create_that_fails_keeps_exactly_one_review_of_the_same_author(shared: Stage) -> None:
    """Author 4 goes from 3 reviews to 3 other ones; one of the three new ones is refused."""
    old, new = [(1, 4), (2, 4), (3, 4)], [(5, 4), (6, 4), (7, 4)]
    stage = ring_of(shared, old, creates(*new) + deletes(*old))
    stage.canvas.fault = lambda verb, n: REFUSED if verb == "create" and n == 2 else None
    stage.sweep_until_over()
    assert stage.classes() == {StepClass.DONE: 4, StepClass.REFUSED: 1, StepClass.KEPT_UNREPLACED: 1}
    assert sum(stage.canvas.pairs.values()) == 3


def test_one_create_that_fails_keeps_exactly_one_review_of_the_same_reviewer(shared: Stage) -> None:
    """Reviewer 4 gives up three reviews for three others, of people who have enough either way."""
    old, new = [(4, 1), (4, 2), (4, 3)], [(4, 5), (4, 6), (4, 7)]
    also = [(8, 1), (8, 2), (8, 3)]
    stage = ring_of(shared, old, creates(*new, *also) + deletes(*old))
    stage.canvas.fault = lambda verb, n: refuse_for(stage, pair(4, 6), verb)
    stage.sweep_until_over()
    assert stage.classes() == {StepClass.DONE: 7, StepClass.REFUSED: 1, StepClass.KEPT_UNREPLACED: 1}
    assert by_reviewer(stage.canvas.world.reviews)[user(4)] == 3


def refuse_for(stage: Stage, who: Pair, verb: str) -> Fault | None:
    """Refuse the create that is marked as sent just now, if it is of this pair."""
    sent = [step for step in stage.journal.steps(stage.run) if step.state == "sent"]
    return REFUSED if verb == "create" and any((s.reviewer, s.submission) == who for s in sent) else None


def test_a_delete_that_replaces_nothing_waits_for_nothing(shared: Stage) -> None:
    """Somebody was excluded: fewer reviews are what the plan promises."""
    stage = ring_of(shared, [(1, 2), (3, 2)], deletes((1, 2)) + creates((5, 6)))
    stage.canvas.fault = lambda verb, n: REFUSED if verb == "create" else None
    stage.sweep_until_over()
    assert stage.classes() == {StepClass.REFUSED: 1, StepClass.DONE: 1}


def test_what_others_take_away_is_not_taken_twice(shared: Stage) -> None:
    """While author 4's replacement is made, somebody removes a review that was to stay."""
    stage = ring_of(shared, [(1, 4), (2, 4)], creates((5, 4)) + deletes((1, 4)))
    stage.canvas.meanwhile = lambda verb, n: (
        stage.canvas.remove(review(2, 4).id) if verb == "create" else None
    )
    stage.sweep_until_over()
    assert stage.classes() == {StepClass.DONE: 1, StepClass.KEPT_UNREPLACED: 1}
    assert stage.canvas.pairs == Counter([pair(1, 4), pair(5, 4)])


def test_what_a_failed_delete_leaves_over_pays_for_another(shared: Stage) -> None:
    """One create of two fails, and one of the two deletes turns out to be completed: nothing more is kept."""
    stage = ring_of(shared, [(1, 4), (2, 4)], creates((5, 4), (6, 4)) + deletes((1, 4), (2, 4)))
    stage.canvas.fault = lambda verb, n: REFUSED if verb == "create" and n == 2 else None
    stage.canvas.meanwhile = lambda verb, n: (
        stage.canvas.complete(review(1, 4).id) if (verb, n) == ("reviews_of", 1) else None
    )
    stage.sweep_until_over()
    assert stage.classes() == {StepClass.DONE: 2, StepClass.REFUSED: 1, StepClass.KEPT_COMPLETED: 1}
    assert_nobody_lost(stage)


def test_the_rows_of_a_group_are_one_submission(shared: Stage) -> None:
    """The old review is on one member's row, the new one on another's: it replaces it all the same."""
    preview: Snapshot = snapshot(
        groups={"a": [1, 2], "b": [3, 4]}, reviews=[review(3, 1)], group_category_id="set"
    )
    for failing in (True, False):
        stage = Stage(None, creates((4, 2)) + deletes((3, 1)), preview=preview, after=shared)
        if failing:
            stage.canvas.fault = lambda verb, n: REFUSED if verb == "create" else None
        stage.sweep_until_over()
        assert (StepClass.KEPT_UNREPLACED in stage.classes()) is failing


OUTCOMES = st.sampled_from([None, None, REFUSED, LOST_BEFORE, LOST_AFTER, SERVER_ERROR])
EVENTS = st.sampled_from(["cancel", "pause", "crash", "leave", "remove", "nothing", "nothing"])


@settings(max_examples=60, deadline=None)
@given(
    outcomes=st.lists(OUTCOMES, min_size=60, max_size=60),
    deletes_fail=st.lists(OUTCOMES, min_size=30, max_size=30),
    event=EVENTS,
    at=st.integers(1, 60),
    which=st.integers(1, 12),
    workers=st.sampled_from([1, 1, 4]),
    chosen=st.sets(st.sampled_from(MOVED), min_size=1),
)
def test_nobody_ends_with_fewer_reviews_than_before_or_planned(
    shared: Stage,
    outcomes: list[Fault | None],
    deletes_fail: list[Fault | None],
    event: str,
    at: int,
    which: int,
    workers: int,
    chosen: set[tuple[int, int]],
) -> None:
    stage = moving(shared, sorted(chosen))
    stage.settings = type(stage.settings)(workers=workers)
    fates = {"create": outcomes, "delete": deletes_fail}
    stage.canvas.fault = lambda verb, n: fates[verb][n % len(fates[verb])] if verb in fates else None
    happens: dict[str, Callable[[], object]] = {
        "cancel": lambda: stage.journal.request_cancel(stage.run, TEACHER),
        "pause": lambda: stage.journal.request_pause(stage.run, TEACHER),
        "leave": lambda: stage.canvas.drop(user(which)),
    }

    def meanwhile(verb: str, n: int) -> None:
        if event in happens and verb == "create" and n == at % 12 + 1:
            happens[event]()

    stage.canvas.meanwhile = meanwhile
    if event == "crash":
        try:
            stage.drive("victim", Fate(dies_at=at))
        except Killed:
            stage.clock.sleep(31)
    for _ in range(40):
        if stage.report.state in TERMINAL:
            break
        stage.sweep_until_over(most=5)
        try:
            stage.journal.resume(stage.run, TEACHER)
        except NotResumable:
            stage.clock.sleep(31)
    assert stage.report.state in TERMINAL
    assert_nobody_lost(stage)
    assert stage.canvas.second_mails == 0
