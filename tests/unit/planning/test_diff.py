"""Snapshot and rules in, diff out: each existing review lands in one line, with the right reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Infeasible, allocate, verify
from lti_tool.planning.diff import diff
from lti_tool.planning.engine_input import engine_input
from lti_tool.planning.ids import ReviewId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.rules import Exclusion, PlanRules
from lti_tool.planning.snapshot import Review, Snapshot
from lti_tool.planning.taking_part import taking_part
from tests.builders import review, row, snapshot, user


def changes_for(
    base: Snapshot, rules: PlanRules | None = None, *, ours: Sequence[str] = ()
) -> tuple[Change, ...]:
    rules = rules or PlanRules(reviews_per_reviewer=2)
    given_input = engine_input(base, rules)
    allocation = allocate(given_input.roster, given_input.rules, seed="test")
    assert verify(given_input.roster, given_input.rules, allocation.pairs) == ()
    return diff(
        given_input,
        allocation.pairs,
        keep_open=rules.existing == "keep",
        ours={ReviewId(id_) for id_ in ours},
    )


def line_of(changes: Sequence[Change], existing: Review) -> Change:
    (line,) = [change for change in changes if change.review_id == existing.id]
    return line


def loads_after(changes: Sequence[Change]) -> tuple[Counter[str], Counter[str]]:
    staying = [c for c in changes if c.kind in (ChangeKind.CREATE, ChangeKind.KEEP)]
    return Counter(c.reviewer for c in staying), Counter(c.author for c in staying)


def test_an_untouched_class_gets_creates_only_and_equal_loads() -> None:
    changes = changes_for(snapshot(12))
    assert {change.kind for change in changes} == {ChangeKind.CREATE}
    given_, got = loads_after(changes)
    assert given_ == got == Counter({user(n): 2 for n in range(1, 13)})
    assert all(change.submission == row(int(change.author) - 100) for change in changes)


def test_applying_a_plan_and_planning_again_changes_nothing() -> None:
    first = changes_for(snapshot(12))
    made = [review(int(c.reviewer) - 100, int(c.author) - 100) for c in first]
    again = changes_for(snapshot(12, reviews=made))
    assert {change.kind for change in again} == {ChangeKind.KEEP}
    assert {change.reason for change in again} == {ChangeReason.STILL_FITS}


def test_keeping_moves_as_few_open_reviews_as_possible_for_a_latecomer() -> None:
    ring = [review(n, (n + step - 1) % 11 + 1) for n in range(1, 12) for step in (1, 2)]
    changes = changes_for(snapshot(12, reviews=ring))
    kinds = Counter(change.kind for change in changes)
    assert kinds == {ChangeKind.KEEP: 20, ChangeKind.DELETE: 2, ChangeKind.CREATE: 4}
    assert {c.reason for c in changes if c.kind is ChangeKind.DELETE} == {ChangeReason.MOVED_FOREIGN}
    assert loads_after(changes)[1][user(12)] == 2


def test_starting_over_deletes_open_reviews_but_never_completed_ones() -> None:
    ring = [review(n, n % 12 + 1, completed=n % 3 == 0) for n in range(1, 13)]
    changes = changes_for(
        snapshot(12, reviews=ring), PlanRules(reviews_per_reviewer=2, existing="replace"), ours=["r1-2"]
    )
    for existing in ring:
        line = line_of(changes, existing)
        if existing.completed:
            assert (line.kind, line.reason) == (ChangeKind.KEEP, ChangeReason.COMPLETED)
        elif line.kind is ChangeKind.DELETE:
            own = existing.id == "r1-2"
            assert line.reason is (ChangeReason.REPLACED if own else ChangeReason.REPLACED_FOREIGN)
        else:
            assert (line.kind, line.reason) == (ChangeKind.KEEP, ChangeReason.STILL_FITS)


@pytest.mark.parametrize(
    ("state", "kind", "reason"),
    [
        ({"state": "inactive"}, ChangeKind.BLOCKED, ChangeReason.REVIEWER_LEFT),
        ({"state": "concluded"}, ChangeKind.BLOCKED, ChangeReason.REVIEWER_LEFT),
        ({"test_student": True}, ChangeKind.KEEP, ChangeReason.TEST_STUDENT),
    ],
)
def test_reviews_of_a_reviewer_who_takes_no_part(
    state: dict[str, object], kind: ChangeKind, reason: ChangeReason
) -> None:
    existing = review(1, 2)
    line = line_of(changes_for(snapshot(12, reviews=[existing], change_people={1: state})), existing)
    assert (line.kind, line.reason) == (kind, reason)


def test_an_author_who_left_blocks_because_canvas_answers_404() -> None:
    existing = review(1, 2)
    changes = changes_for(snapshot(12, reviews=[existing], change_people={2: {"state": "inactive"}}))
    assert line_of(changes, existing).reason is ChangeReason.AUTHOR_LEFT
    assert loads_after(changes)[0][user(1)] == 2, "the stuck review does not count for its reviewer"


def test_an_author_who_is_no_longer_assigned_blocks() -> None:
    existing = review(1, 2)
    changes = changes_for(snapshot(12, reviews=[existing], without_work=[2]))
    line = line_of(changes, existing)
    assert (line.kind, line.reason) == (ChangeKind.BLOCKED, ChangeReason.AUTHOR_NOT_ASSIGNED)


def test_what_the_caller_cannot_see_is_kept_and_counts() -> None:
    hidden = Review(ReviewId("h"), user(1), user(99), row(99), completed=False)
    towards = Review(ReviewId("t"), user(98), user(2), row(2), completed=False)
    changes = changes_for(snapshot(12, reviews=[hidden, towards]))
    for existing in (hidden, towards):
        line = line_of(changes, existing)
        assert (line.kind, line.reason) == (ChangeKind.KEEP, ChangeReason.NOT_VISIBLE)
    given_, got = loads_after(changes)
    assert given_[user(1)] == 2
    assert got[user(2)] == 2


def test_a_completed_review_by_somebody_who_left_counts_for_the_author() -> None:
    done = review(1, 2, completed=True)
    changes = changes_for(snapshot(12, reviews=[done], change_people={1: {"state": "inactive"}}))
    assert line_of(changes, done).reason is ChangeReason.COMPLETED
    assert loads_after(changes)[1][user(2)] in (2, 3)
    assert not [c for c in changes if c.kind is ChangeKind.CREATE and user(1) in (c.reviewer, c.author)]


@pytest.mark.parametrize(
    ("base", "rules", "reason"),
    [
        (
            snapshot(12, reviews=[review(1, 2)]),
            PlanRules(reviews_per_reviewer=2, exclude=(Exclusion(user=user(1)),)),
            ChangeReason.REVIEWER_EXCLUDED,
        ),
        (
            snapshot(12, reviews=[review(1, 2)]),
            PlanRules(reviews_per_reviewer=2, exclude=(Exclusion(user=user(2)),)),
            ChangeReason.AUTHOR_EXCLUDED,
        ),
        (
            snapshot(12, reviews=[review(1, 2)], change_works={1: {"submitted": False}}),
            PlanRules(reviews_per_reviewer=2),
            ChangeReason.REVIEWER_NOT_SUBMITTED,
        ),
        (
            snapshot(12, reviews=[review(1, 2)], change_works={2: {"submitted": False, "excused": True}}),
            PlanRules(reviews_per_reviewer=2, without_submission="review_only"),
            ChangeReason.AUTHOR_NOT_SUBMITTED,
        ),
        (
            snapshot(12, sections=2, reviews=[review(1, 2)]),
            PlanRules(reviews_per_reviewer=2, sections="same"),
            ChangeReason.BREAKS_SECTION_RULE,
        ),
        (
            snapshot(12, sections=2, reviews=[review(1, 3)]),
            PlanRules(reviews_per_reviewer=2, sections="different"),
            ChangeReason.BREAKS_SECTION_RULE,
        ),
        (
            snapshot(12, groups={"red": [1, 2, 3]}, reviews=[review(1, 2)]),
            PlanRules(reviews_per_reviewer=2),
            ChangeReason.BREAKS_GROUP_RULE,
        ),
    ],
)
def test_an_open_review_that_no_longer_fits_is_deleted(
    base: Snapshot, rules: PlanRules, reason: ChangeReason
) -> None:
    (existing,) = base.reviews
    line = line_of(changes_for(base, rules), existing)
    assert (line.kind, line.reason) == (ChangeKind.DELETE, reason)


def test_rows_that_exist_twice_are_never_deleted() -> None:
    twice = [review(1, 2, id_="a"), review(1, 2, id_="b")]
    changes = changes_for(snapshot(12, groups={"red": [1, 2]}, reviews=twice))
    assert line_of(changes, twice[0]).kind is ChangeKind.BLOCKED
    assert line_of(changes, twice[1]).kind is ChangeKind.KEEP
    assert {line_of(changes, existing).reason for existing in twice} == {ChangeReason.DUPLICATE}


def test_of_a_doubled_pair_the_completed_row_is_the_one_that_counts() -> None:
    twice = [review(1, 2, id_="a"), review(1, 2, id_="b", completed=True)]
    changes = changes_for(snapshot(12, reviews=twice))
    assert line_of(changes, twice[1]).reason is ChangeReason.COMPLETED
    assert line_of(changes, twice[0]).reason is ChangeReason.DUPLICATE


def test_group_work_is_reviewed_once_per_reviewer_and_on_one_row_per_group() -> None:
    groups = {name: range(start, start + 3) for name, start in (("a", 1), ("b", 4), ("c", 7), ("d", 10))}
    changes = changes_for(snapshot(12, groups=groups, group_category_id="5"))
    assert len({change.submission for change in changes}) == 4
    pairs = [(change.reviewer, change.submission) for change in changes]
    assert len(pairs) == len(set(pairs)) == 24
    group_of = {user(n): name for name, members in groups.items() for n in members}
    assert all(group_of[change.reviewer] != group_of[change.author] for change in changes)


def test_group_work_keeps_the_row_that_already_has_reviews() -> None:
    groups = {name: range(start, start + 3) for name, start in (("a", 1), ("b", 4), ("c", 7), ("d", 10))}
    existing = review(1, 6)
    changes = changes_for(snapshot(12, groups=groups, group_category_id="5", reviews=[existing]))
    assert line_of(changes, existing).reason is ChangeReason.STILL_FITS
    assert {c.submission for c in changes if c.author in (user(4), user(5), user(6))} == {row(6)}


def test_a_completed_review_inside_ones_own_group_stays_and_counts_for_nothing() -> None:
    groups = {name: range(start, start + 3) for name, start in (("a", 1), ("b", 4), ("c", 7), ("d", 10))}
    inside = review(1, 2, completed=True)
    changes = changes_for(snapshot(12, groups=groups, group_category_id="5", reviews=[inside]))
    assert line_of(changes, inside).reason is ChangeReason.COMPLETED
    assert len([c for c in changes if c.kind is ChangeKind.CREATE and c.reviewer == user(1)]) == 2


def test_rules_that_cannot_work_are_refused_with_reasons() -> None:
    with pytest.raises(Infeasible) as caught:
        changes_for(snapshot(12, sections=4), PlanRules(reviews_per_reviewer=3, sections="same"))
    assert "Section" in " ".join(reason.text for reason in caught.value.reasons)


@settings(max_examples=60, deadline=None)
@given(
    people=st.integers(4, 14),
    pairs=st.sets(st.tuples(st.integers(1, 14), st.integers(1, 14), st.booleans()), max_size=25),
    gone=st.sets(st.integers(1, 14), max_size=3),
    silent=st.sets(st.integers(1, 14), max_size=3),
    existing=st.sampled_from(["keep", "replace"]),
)
def test_every_review_is_in_one_line_and_nothing_completed_or_unseen_is_deleted(
    people: int, pairs: set[tuple[int, int, bool]], gone: set[int], silent: set[int], existing: str
) -> None:
    reviews = [review(r, a, completed=done, id_=f"{r}-{a}-{done}") for r, a, done in sorted(pairs) if r != a]
    base = snapshot(
        people,
        reviews=reviews,
        change_people={n: {"state": "inactive"} for n in gone},
        change_works={n: {"submitted": False} for n in silent},
    )
    rules = PlanRules.model_validate({"reviews_per_reviewer": 2, "existing": existing})
    assume(len(taking_part(base, rules).reviewers) >= 2)
    try:
        changes = changes_for(base, rules)
    except Infeasible:
        return
    by_id = Counter(change.review_id for change in changes if change.review_id)
    assert by_id == Counter(existing_review.id for existing_review in reviews)
    deleted = {change.review_id for change in changes if change.kind is ChangeKind.DELETE}
    for existing_review in reviews:
        if existing_review.id in deleted:
            assert not existing_review.completed
            assert base.people_by_id[existing_review.assessor].reachable
            assert base.people_by_id[existing_review.assessee].reachable
    there = {(r.assessor, r.submission) for r in reviews}
    creates = [(c.reviewer, c.submission) for c in changes if c.kind is ChangeKind.CREATE]
    assert len(set(creates)) == len(creates)
    assert not there.intersection(creates), "Canvas would mail the reviewer again"


def test_a_review_that_somebody_has_begun_to_write_stays() -> None:
    begun = replace(review(1, 2), started=True)
    changes = changes_for(snapshot(6, reviews=[begun, review(2, 3)]), PlanRules(existing="replace"))
    line = line_of(changes, begun)
    assert (line.kind, line.reason) == (ChangeKind.KEEP, ChangeReason.STARTED)
