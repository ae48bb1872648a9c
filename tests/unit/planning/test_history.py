"""Earlier assignments: pairs that shall not come again, none in return, and on purpose the same ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from pydantic import ValidationError

from allocation import Infeasible
from lti_tool.planning.edits import Edit, EditKind
from lti_tool.planning.engine_input import engine_input
from lti_tool.planning.ids import AssignmentId, SubmissionId, UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason, Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.same_pairs import Differs
from lti_tool.planning.snapshot import Earlier, Snapshot
from lti_tool.planning.ways_out import apply_way_out, ways_out
from lti_tool.services.comparing import afterwards
from lti_tool.services.editing import broken_by
from lti_tool.services.planning import allocated, changes_of, feasibility_of
from tests.builders import plan, review, row, snapshot, user

DRAFT = AssignmentId("60")
Who = tuple[UserId, UserId]
PAIRED = {"a": [1, 2], "b": [3, 4], "c": [5, 6], "d": [7, 8]}


def having(base: Snapshot, *pairs: tuple[int, int]) -> Snapshot:
    """A reading with a first draft that was reviewed so."""
    found = tuple(sorted((user(reviewer), user(author)) for reviewer, author in pairs))
    return replace(base, earlier=(Earlier(DRAFT, "Draft", found),))


def ring(people: int, *steps: int) -> list[tuple[int, int]]:
    """Everybody reviews the ones so many places on."""
    return [(one, (one - 1 + step) % people + 1) for one in range(1, people + 1) for step in steps]


def planned(base: Snapshot, rules: PlanRules, seed: str = "s") -> Plan:
    return replace(plan(changes_of(base, rules, seed), of=base), rules=rules)


def turned(pairs: list[tuple[int, int]]) -> set[Who]:
    return {(user(author), user(reviewer)) for reviewer, author in pairs}


@pytest.mark.parametrize("returns", ["avoid", "forbid"])
@pytest.mark.parametrize("repeats", ["avoid", "forbid"])
def test_nobody_reviews_again_or_in_return_while_that_is_possible(repeats: str, returns: str) -> None:
    before = ring(9, 1, 2)
    base = having(snapshot(9), *before)
    rules = PlanRules.model_validate(
        {"reviews_per_reviewer": 3, "earlier": [DRAFT], "repeats": repeats, "returns": returns}
    )
    made = planned(base, rules)
    assert not made.pairs_after & turned(before)
    assert not made.pairs_after & {(user(one), user(other)) for one, other in before}
    found = afterwards(base, made)
    assert found.measured is not None
    assert (found.measured.repeats, found.measured.returns) == (0, 0)
    assert {"repeats", "returns"} <= found.knows


def test_what_cannot_be_helped_is_counted_by_kind() -> None:
    """Six people, everybody reviews four of the five others: two were met, two others met them."""
    before = ring(6, 1, 2)
    base = having(snapshot(6), *before)
    rules = PlanRules(reviews_per_reviewer=4, mutual="allowed", earlier=(DRAFT,), returns="avoid")
    found = afterwards(base, planned(base, rules)).measured
    assert found is not None
    assert found.repeats + found.returns == 6 * 3
    strict = rules.model_copy(update={"repeats": "forbid"})
    with pytest.raises(Infeasible):
        planned(base, strict)
    no_return = PlanRules(reviews_per_reviewer=3, mutual="allowed", earlier=(DRAFT,), returns="forbid")
    found = afterwards(base, planned(base, no_return)).measured
    assert found is not None
    assert (found.repeats, found.returns) == (6 * 2, 0), "repeats are the wish that gives way"


@pytest.mark.parametrize("repeats", ["avoid", "forbid"])
def test_a_strict_rule_that_cannot_be_met_is_offered_to_be_lifted(repeats: str) -> None:
    base = having(snapshot(6), *ring(6, 1, 2))
    rules = PlanRules.model_validate(
        {"reviews_per_reviewer": 4, "earlier": [DRAFT], "returns": "forbid", "repeats": repeats}
    )
    ways = ways_out(feasibility_of(base, rules).reasons, rules)
    changed = [apply_way_out(rules, way.code) for way in ways]
    lifted = [one for one in changed if one is not None and one.returns == "avoid"]
    assert lifted
    assert feasibility_of(base, lifted[0]).works
    assert lifted[0].repeats == "avoid"


def test_an_open_review_in_return_goes_where_that_is_forbidden() -> None:
    base = having(snapshot(8, reviews=[review(2, 1), review(4, 3, completed=True)]), (1, 2), (3, 4))
    rules = PlanRules(earlier=(DRAFT,), returns="forbid")
    lines = {(line.reviewer, line.author): line for line in changes_of(base, rules, "s")}
    assert lines[user(2), user(1)].reason is ChangeReason.RETURNS_EARLIER
    assert lines[user(4), user(3)].kind is ChangeKind.KEEP


def test_in_a_group_assignment_nobody_of_the_group_reviews_in_return() -> None:
    base = snapshot(8, groups=PAIRED, group_category_id="5")
    rules = PlanRules(reviews_per_reviewer=1, earlier=(DRAFT,), returns="forbid")
    given = engine_input(having(base, (1, 3)), rules)
    members = next(group.members for group in base.groups if user(3) in group.members)
    assert {pair.reviewer for pair in given.history.back} == set(members)


def test_a_plan_that_breaks_it_says_who_reviewed_whom() -> None:
    base = having(snapshot(6), (1, 2))
    rules = PlanRules(reviews_per_reviewer=1, earlier=(DRAFT,), returns="forbid", repeats="avoid")
    back = Change(ChangeKind.CREATE, user(2), user(1), row(1), ChangeReason.NEW)
    made = replace(plan([back], of=base), rules=rules)
    about_pairs = {one.code for one in broken_by(made, base)} & {"return", "repeat", "forbidden"}
    assert about_pairs == {"return"}


# --- the same pairs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["wish", "fix"])
def test_a_second_draft_gets_the_same_pairs(kind: str) -> None:
    before = ring(12, 1, 4, 5)
    base = having(snapshot(12), *before)
    rules = PlanRules.model_validate({"same_pairs_as": DRAFT, "same_pairs": kind})
    made = planned(base, rules)
    assert made.pairs_after == {(user(one), user(other)) for one, other in before}
    assert {line.reason for line in made.changes} == {ChangeReason.SAME_AS_EARLIER}
    again = afterwards(base, made).again
    assert again is not None
    assert (again.name, again.same, again.total, again.gone) == ("Draft", 36, 36, ())


@pytest.mark.parametrize("kind", ["wish", "fix"])
def test_who_is_missing_is_replaced_and_named(kind: str) -> None:
    """Student 12 handed nothing in: three reviewers get another work, three works another reviewer."""
    before = ring(12, 1, 4, 5)
    base = having(snapshot(12, change_works={12: {"submitted": False}}), *before)
    rules = PlanRules.model_validate({"same_pairs_as": DRAFT, "same_pairs": kind})
    made = planned(base, rules)
    again = afterwards(base, made).again
    assert again is not None
    assert (again.same, again.total) == (30, 36)
    assert Counter(one.why for one in again.gone) == {Differs.REVIEWER_OUT: 3, Differs.AUTHOR_OUT: 3}
    assert set(Counter(author for _, author in made.pairs_after).values()) == {3}
    assert set(Counter(reviewer for reviewer, _ in made.pairs_after).values()) == {3}


def test_a_wish_gives_way_and_a_fixed_pair_does_not() -> None:
    """Everybody reviewed four then, three now: a fixed pair raises the number, a wished one does not."""
    base = having(snapshot(10), *ring(10, 1, 2, 3, 4))
    wish = afterwards(base, planned(base, PlanRules(same_pairs_as=DRAFT))).again
    assert wish is not None
    assert (wish.same, {one.why for one in wish.gone}) == (30, {Differs.NO_ROOM})
    fix = PlanRules(same_pairs_as=DRAFT, same_pairs="fix")
    made = planned(base, fix)
    assert len(made.pairs_after) == 40


def test_a_forbidden_pair_is_not_fixed_by_it() -> None:
    base = having(snapshot(8), *ring(8, 1, 2, 3))
    rules = PlanRules.model_validate(
        {
            "same_pairs_as": DRAFT,
            "same_pairs": "fix",
            "forbidden": [{"reviewer": user(1), "author": user(2)}],
            "balance": "close",
        }
    )
    made = planned(base, rules)
    assert (user(1), user(2)) not in made.pairs_after
    again = afterwards(base, made).again
    assert again is not None
    assert [(one.reviewer, one.author, one.why) for one in again.gone] == [
        (user(1), user(2), Differs.FORBIDDEN)
    ]


def test_open_reviews_are_kept_beside_the_wish_and_counted_apart() -> None:
    base = having(snapshot(8, reviews=[review(1, 5)]), *ring(8, 1, 2, 3))
    made = planned(base, PlanRules(same_pairs_as=DRAFT))
    found = afterwards(base, made)
    assert found.quality.moved in (0, 1)
    assert found.again is not None
    assert found.again.same + found.quality.moved >= 23
    keeps = [line for line in made.changes if line.kind is ChangeKind.KEEP]
    assert len(keeps) == 1 - found.quality.moved


def test_a_swap_by_hand_wins_over_the_fixed_draft() -> None:
    before = ring(8, 1, 2)
    base = having(snapshot(8), *before)
    rules = PlanRules(reviews_per_reviewer=2, same_pairs_as=DRAFT, same_pairs="fix")
    first = planned(base, rules)
    swap = ((user(1), user(2)), (user(5), user(6)))
    edit = Edit(EditKind.SWAP, swap)
    near = first.chosen - set(swap) | set(edit.new_pairs)
    given, pairs = allocated(base, rules, "s", near)
    authors = {(UserId(pair.reviewer), given.author_of[SubmissionId(pair.submission)]) for pair in pairs}
    assert authors == near


def test_the_same_and_never_again_contradict_each_other() -> None:
    with pytest.raises(ValidationError, match="same_pairs_as"):
        PlanRules(earlier=(DRAFT,), same_pairs_as=DRAFT)


def test_groups_of_then_do_not_matter_for_people() -> None:
    """The pairs are of people; somebody who is now in the author's group cannot review that work."""
    base = snapshot(8, groups=PAIRED, group_category_id="5")
    with_mate = having(base, (1, 2))
    rules = PlanRules(reviews_per_reviewer=1, same_pairs_as=DRAFT)
    again = afterwards(with_mate, planned(with_mate, rules)).again
    assert again is not None
    assert [one.why for one in again.gone] == [Differs.OWN_WORK]
