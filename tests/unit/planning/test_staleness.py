"""What every kind of drift means for a plan, row by row: before its run has written anything, and later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.staleness import Judged, Meaning, Relied, judge, meaning_of
from tests.builders import plan, review, snapshot, user

HARMLESS, REPLAN, STOP = Meaning.HARMLESS, Meaning.REPLAN, Meaning.STOP
CREATED, SECOND, DELETED, KEPT = (1, 2), (3, 4), (5, 2), (7, 8)
RELIED = Relied(
    begun=False,
    people=frozenset(user(n) for n in range(1, 9)),
    creates=frozenset((user(a), user(b)) for a, b in (CREATED, SECOND)),
    open=frozenset((user(a), user(b)) for a, b in (CREATED, SECOND)),
    deletes=frozenset({(user(5), user(2))}),
    rules=PlanRules(),
)
BEGUN = replace(RELIED, begun=True, open=frozenset({(user(3), user(4))}))
UNDO = replace(RELIED, exact=True)

TABLE: list[tuple[DriftKind, tuple[int, ...], bool | None, Meaning, Meaning]] = [
    # kind, people, direction, before the first write, later
    (DriftKind.REVIEW_ADDED, (9, 10), None, REPLAN, HARMLESS),
    (DriftKind.REVIEW_ADDED, CREATED, None, HARMLESS, HARMLESS),
    (DriftKind.REVIEW_ADDED, (3, 10), None, REPLAN, REPLAN),
    (DriftKind.REVIEW_ADDED, (9, 4), None, REPLAN, REPLAN),
    (DriftKind.REVIEW_ADDED, (1, 10), None, REPLAN, HARMLESS),
    (DriftKind.REVIEW_DOUBLED, KEPT, None, REPLAN, HARMLESS),
    (DriftKind.REVIEW_DOUBLED, SECOND, None, REPLAN, REPLAN),
    (DriftKind.REVIEW_GONE, KEPT, None, REPLAN, HARMLESS),
    (DriftKind.REVIEW_GONE, DELETED, None, HARMLESS, HARMLESS),
    (DriftKind.REVIEW_COMPLETED, KEPT, None, HARMLESS, HARMLESS),
    (DriftKind.REVIEW_COMPLETED, DELETED, None, REPLAN, HARMLESS),
    (DriftKind.REVIEW_REOPENED, KEPT, None, HARMLESS, HARMLESS),
    (DriftKind.PERSON_JOINED, (11,), None, HARMLESS, HARMLESS),
    (DriftKind.PERSON_LEFT, (1,), None, REPLAN, HARMLESS),
    (DriftKind.PERSON_LEFT, (8,), None, REPLAN, HARMLESS),
    (DriftKind.PERSON_LEFT, (11,), None, HARMLESS, HARMLESS),
    (DriftKind.PERSON_HIDDEN, (1,), None, REPLAN, HARMLESS),
    (DriftKind.PERSON_HIDDEN, (11,), None, HARMLESS, HARMLESS),
    (DriftKind.WORK_SUBMITTED, (11,), None, HARMLESS, HARMLESS),
    (DriftKind.WORK_WITHDRAWN, (2,), None, REPLAN, HARMLESS),
    (DriftKind.WORK_WITHDRAWN, (11,), None, HARMLESS, HARMLESS),
    (DriftKind.EXCUSED_SWITCHED, (2,), True, HARMLESS, HARMLESS),
    (DriftKind.EXCUSED_SWITCHED, (2,), False, HARMLESS, HARMLESS),
    (DriftKind.ASSIGNED_SWITCHED, (2,), False, REPLAN, HARMLESS),
    (DriftKind.ASSIGNED_SWITCHED, (11,), False, HARMLESS, HARMLESS),
    (DriftKind.ASSIGNED_SWITCHED, (2,), True, HARMLESS, HARMLESS),
    (DriftKind.RUBRIC_CHANGED, (), True, STOP, STOP),
    (DriftKind.RUBRIC_CHANGED, (), False, STOP, STOP),
    (DriftKind.RUBRIC_CHANGED, (), None, STOP, STOP),
    (DriftKind.NEW_ALLOCATION_SWITCHED, (), True, STOP, STOP),
    (DriftKind.NEW_ALLOCATION_SWITCHED, (), False, HARMLESS, HARMLESS),
    (DriftKind.PEER_REVIEWS_SWITCHED, (), False, STOP, STOP),
    (DriftKind.PEER_REVIEWS_SWITCHED, (), True, HARMLESS, HARMLESS),
    (DriftKind.AUTOMATIC_SWITCHED, (), True, STOP, STOP),
    (DriftKind.AUTOMATIC_SWITCHED, (), False, HARMLESS, HARMLESS),
    (DriftKind.PUBLISHED, (), None, HARMLESS, HARMLESS),
    (DriftKind.UNPUBLISHED, (), None, STOP, STOP),
    (DriftKind.DUE_DATE_CHANGED, (), True, HARMLESS, HARMLESS),
    (DriftKind.DUE_DATE_CHANGED, (), False, HARMLESS, HARMLESS),
    (DriftKind.ANONYMOUS_SWITCHED, (), True, HARMLESS, HARMLESS),
    (DriftKind.WITHIN_GROUPS_SWITCHED, (), True, HARMLESS, HARMLESS),
    (DriftKind.GROUP_SET_CHANGED, (), None, STOP, STOP),
    (DriftKind.ASSIGNED_TO_CHANGED, (), True, HARMLESS, HARMLESS),
    (DriftKind.GROUP_CHANGED, (1,), None, REPLAN, HARMLESS),
    (DriftKind.GROUP_CHANGED, (11,), None, HARMLESS, HARMLESS),
    (DriftKind.SECTION_CHANGED, (1,), None, HARMLESS, HARMLESS),
]


def drift(kind: DriftKind, people: tuple[int, ...], on: bool | None) -> Drift:
    return Drift(kind, tuple(user(number) for number in people), on)


@pytest.mark.parametrize(("kind", "people", "on", "fresh", "later"), TABLE)
def test_each_kind_of_drift_has_its_meaning(
    kind: DriftKind, people: tuple[int, ...], on: bool | None, fresh: Meaning, later: Meaning
) -> None:
    found = drift(kind, people, on)
    assert meaning_of(found, RELIED) is fresh
    assert meaning_of(found, BEGUN) is later


def test_no_kind_of_drift_is_without_a_row() -> None:
    assert {row[0] for row in TABLE} == set(DriftKind)


@pytest.mark.parametrize(("kind", "people", "on"), [row[:3] for row in TABLE])
def test_a_plan_that_takes_a_run_back_only_minds_what_canvas_works_against(
    kind: DriftKind, people: tuple[int, ...], on: bool | None
) -> None:
    found = drift(kind, people, on)
    expected = STOP if meaning_of(found, RELIED) is STOP else HARMLESS
    assert meaning_of(found, UNDO) is expected


@pytest.mark.parametrize(
    ("rules", "kind", "means"),
    [
        (PlanRules(), DriftKind.SECTION_CHANGED, HARMLESS),
        (PlanRules(sections="same"), DriftKind.SECTION_CHANGED, REPLAN),
        (None, DriftKind.SECTION_CHANGED, REPLAN),
        (PlanRules(own_group="allowed"), DriftKind.GROUP_CHANGED, HARMLESS),
        (PlanRules(own_group="only"), DriftKind.GROUP_CHANGED, REPLAN),
        (None, DriftKind.GROUP_CHANGED, REPLAN),
    ],
)
def test_sections_and_groups_matter_where_the_rules_look_at_them(
    rules: PlanRules | None, kind: DriftKind, means: Meaning
) -> None:
    assert meaning_of(drift(kind, (1,), None), replace(RELIED, rules=rules)) is means


def test_a_completed_review_that_nothing_replaces_may_simply_stay() -> None:
    """Its reviewer was excluded: the plan would delete it and create nothing for its author."""
    alone = replace(RELIED, deletes=frozenset({(user(7), user(8))}))
    assert meaning_of(drift(DriftKind.REVIEW_COMPLETED, (7, 8), None), alone) is HARMLESS


def test_judging_sorts_and_names_the_gravest_first() -> None:
    some = [drift(DriftKind.PERSON_JOINED, (11,), None), drift(DriftKind.REVIEW_GONE, KEPT, None)]
    rubric = drift(DriftKind.RUBRIC_CHANGED, (), True)
    found = judge([*some, rubric], RELIED)
    assert found == Judged((some[0],), (some[1],), (rubric,))
    assert found.out_of_date == (rubric, some[1])
    assert found.every == (rubric, some[1], some[0])


def test_a_plan_relies_on_everybody_in_its_writes_and_in_what_exists() -> None:
    there = snapshot(reviews=[review(5, 2), review(7, 8)])
    lines = [
        Change(ChangeKind.CREATE, user(1), user(2), there.work_by_author[user(2)].id, ChangeReason.NEW),
        Change(
            ChangeKind.DELETE,
            user(5),
            user(2),
            there.work_by_author[user(2)].id,
            ChangeReason.MOVED,
            review(5, 2).id,
        ),
    ]
    relied = Relied.on(plan(lines, of=there), there)
    assert relied.people == {user(n) for n in (1, 2, 5, 7, 8)}
    assert (relied.creates, relied.deletes) == ({(user(1), user(2))}, {(user(5), user(2))})
    assert (relied.begun, relied.exact) == (False, False)
