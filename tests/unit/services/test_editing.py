"""Plans from plans: an edit holds, moves the fewest pairs, and is refused in words where it cannot be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

import pytest

from lti_tool.planning.edits import Edit, EditKind, PersonPair, edited_rules
from lti_tool.planning.ids import ReviewId, UserId
from lti_tool.planning.plan import ChangeKind, Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Review, Snapshot
from lti_tool.services.editing import Editing, broken_by
from lti_tool.services.errors import EditRefused
from lti_tool.services.planning import Planning
from tests.builders import ASSIGNMENT, review, snapshot, user
from tests.unit.services.test_planning import ACTOR, Read, planning


class Desk:
    """A plan of a class, and edits of it."""

    def __init__(self, folder: Path, base: Snapshot, rules: PlanRules) -> None:
        self.plans: Planning = planning(folder, base)
        self.editing = Editing(self.plans)
        self.base = base
        self.plans.save_rules(ACTOR, ASSIGNMENT, rules)
        self.plan = self.plans.make_plan(ACTOR, ASSIGNMENT, rules)

    def canvas_is(self, now: Snapshot) -> None:
        """What the next reading shows."""
        cast(Read, self.plans._reading).answer = now

    def edit(
        self, kind: EditKind, *pairs: PersonPair, person: UserId | None = None, reason: str = ""
    ) -> Plan:
        done = self.editing.edit(ACTOR, self.plan.id, Edit(kind, pairs, person, reason))
        assert done.plan is not None
        return done.plan


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, snapshot(20, sections=2), PlanRules(seed="spring"))


def apart(plan: Plan) -> tuple[PersonPair, PersonPair]:
    """Two pairs of the plan that can change places."""
    pairs = sorted(plan.pairs_after)
    for one in pairs:
        for other in pairs:
            new = {(one[0], other[1]), (other[0], one[1])}
            mirrored = {(author, reviewer) for reviewer, author in new}
            if len({*one, *other}) == 4 and not (new | mirrored) & plan.pairs_after:
                return one, other
    raise AssertionError("no such pairs")


def test_a_swap_changes_exactly_two_pairs_and_is_kept_by_the_rules(desk: Desk) -> None:
    one, other = apart(desk.plan)
    new = {(one[0], other[1]), (other[0], one[1])}
    made = desk.edit(EditKind.SWAP, one, other)
    assert desk.plan.pairs_after - made.pairs_after == {one, other}
    assert made.pairs_after - desk.plan.pairs_after == new
    assert {pair.who for pair in made.rules.fixed} == new
    assert made.based_on == desk.plan.id
    assert desk.plans.rules(ACTOR, ASSIGNMENT) == made.rules
    assert desk.plans.stored(ACTOR, desk.plan.id).plan == desk.plan, "the plan before is as it was"


def test_a_forbidden_pair_goes_and_everybody_still_gives_and_gets_three(desk: Desk) -> None:
    gone = min(desk.plan.pairs_after)
    made = desk.edit(EditKind.FORBID, gone, reason="sisters")
    assert gone not in made.pairs_after
    assert set(Counter(reviewer for reviewer, _ in made.pairs_after).values()) == {3}
    assert set(Counter(author for _, author in made.pairs_after).values()) == {3}
    assert len(desk.plan.pairs_after - made.pairs_after) <= 3
    assert [(pair.who, pair.reason) for pair in made.rules.forbidden] == [(gone, "sisters")]


def test_a_pinned_pair_comes_with_the_fewest_moves_and_can_be_freed(desk: Desk) -> None:
    authors = {author for reviewer, author in desk.plan.pairs_after if reviewer == user(1)}
    wanted = (user(1), next(user(n) for n in range(2, 21) if user(n) not in authors))
    made = desk.edit(EditKind.PIN, wanted)
    assert wanted in made.pairs_after
    assert len(desk.plan.pairs_after - made.pairs_after) == 2
    desk.plan = made
    assert desk.edit(EditKind.FREE, wanted).rules.fixed == ()


def test_pin_and_forbid_take_each_other_s_place(desk: Desk) -> None:
    pair = min(desk.plan.pairs_after)
    desk.plan = desk.edit(EditKind.FORBID, pair)
    desk.plan = desk.edit(EditKind.PIN, pair)
    assert desk.plan.rules.forbidden == ()
    assert pair in desk.plan.pairs_after


def test_leaving_a_person_out_touches_only_her_reviewers_and_authors(desk: Desk) -> None:
    made = desk.edit(EditKind.LEAVE_OUT, person=user(1), reason="ill")
    assert not [pair for pair in made.pairs_after if user(1) in pair]
    assert set(Counter(reviewer for reviewer, _ in made.pairs_after).values()) == {3}
    others = {pair for pair in desk.plan.pairs_after if user(1) not in pair}
    assert len(others - made.pairs_after) <= 3
    desk.plan = made
    back = desk.edit(EditKind.TAKE_IN, person=user(1))
    assert {3} == {sum(user(1) == pair[place] for pair in back.pairs_after) for place in (0, 1)}


def test_a_pin_against_the_section_rule_says_so_first(tmp_path: Path) -> None:
    desk = Desk(tmp_path, snapshot(12, sections=2), PlanRules(reviews_per_reviewer=2, sections="same"))
    pin = Edit(EditKind.PIN, ((user(1), user(2)),))
    asked = desk.editing.edit(ACTOR, desk.plan.id, pin)
    assert asked.plan is None
    assert [(one.code, one.reviewer, one.author) for one in asked.broken] == [("section", user(1), user(2))]
    stuck = desk.editing.edit(ACTOR, desk.plan.id, pin, anyway=True)
    assert stuck.feasibility is not None, "one work of the other section would get one review too many"
    close = desk.editing.edit(
        ACTOR, desk.plan.id, pin, anyway=True, change=lambda r: r.model_copy(update={"balance": "close"})
    )
    assert close.plan is not None
    assert (user(1), user(2)) in close.plan.pairs_after
    assert broken_by(close.plan, desk.base) == ()


def test_what_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    base = snapshot(12, reviews=[review(1, 2, completed=True)], without_work=(12,))
    desk = Desk(tmp_path, base, PlanRules())
    for edit, words in [
        (Edit(EditKind.PIN, ((user(1), user(1)),)), "own work"),
        (Edit(EditKind.PIN, ((user(1), user(12)),)), "takes no part"),
        (Edit(EditKind.PIN, ((user(1), user(99)),)), "no student"),
        (Edit(EditKind.FORBID, ((user(1), user(2)),)), "stays whatever is planned"),
        (Edit(EditKind.SWAP, ((user(1), user(1)), (user(2), user(3)))), "not for the plan to change"),
    ]:
        with pytest.raises(EditRefused, match=words):
            desk.editing.edit(ACTOR, desk.plan.id, edit, anyway=True)


def test_another_draw_differs_and_keeps_the_rules(desk: Desk) -> None:
    other = desk.editing.again(ACTOR, desk.plan.id)
    assert other.seed != desk.plan.seed
    assert other.pairs_after != desk.plan.pairs_after
    assert other.rules == desk.plan.rules.model_copy(update={"seed": None})
    found = desk.editing.compare(ACTOR, desk.plan.id, other.id)
    assert set(found.difference.only_after) == other.pairs_after - desk.plan.pairs_after
    assert found.difference.same + len(found.difference.only_before) == 60
    desk.editing.keep(ACTOR, desk.plan.id, instead=other.id)
    assert desk.plans.rules(ACTOR, ASSIGNMENT).seed == "spring"


def applied(base: Snapshot, plan: Plan, *, but: int = 0) -> Snapshot:
    """The class after somebody applied a plan; ``but`` of its reviews were not made."""
    made = sorted(plan.pairs_after)[but:]
    rows = tuple(
        Review(ReviewId(f"made{n}"), who, whom, base.work_by_author[whom].id, completed=False)
        for n, (who, whom) in enumerate(made)
    )
    return replace(base, reviews=(*base.reviews, *rows))


def two_draws(folder: Path, rules: PlanRules) -> tuple[Desk, Plan]:
    """Two plans from one state of a class without reviews: the desk's, and one that somebody applies."""
    desk = Desk(folder, snapshot(12), rules.model_copy(update={"seed": "one"}))
    return desk, desk.plans.make_plan(ACTOR, ASSIGNMENT, rules.model_copy(update={"seed": "other"}))


@pytest.mark.parametrize("existing", ["keep", "replace"])
def test_a_plan_made_again_after_another_one_was_applied_changes_nothing(
    tmp_path: Path, existing: Literal["keep", "replace"]
) -> None:
    """Whatever the stale plan wanted: all 36 reviews that were just made stay."""
    desk, other = two_draws(tmp_path, PlanRules(existing=existing))
    assert len(desk.plan.pairs_after - other.pairs_after) > 12
    desk.canvas_is(applied(desk.base, other))
    made = desk.editing.from_now(ACTOR, desk.plan.id)
    assert made.writes == ()
    assert made.counts[ChangeKind.KEEP] == 36
    assert (made.rules, made.based_on) == (desk.plan.rules, desk.plan.id)


def test_what_is_missing_is_made_and_nothing_is_moved_for_it(tmp_path: Path) -> None:
    desk, other = two_draws(tmp_path, PlanRules())
    desk.canvas_is(applied(desk.base, other, but=5))
    made = desk.editing.from_now(ACTOR, desk.plan.id)
    assert (made.counts[ChangeKind.CREATE], made.counts[ChangeKind.DELETE]) == (5, 0)


def test_without_reviews_in_canvas_the_pairs_of_the_old_plan_come_back(tmp_path: Path) -> None:
    """Somebody joined and nobody has been assigned anything: the plan that people have seen stays close."""
    desk, _ = two_draws(tmp_path, PlanRules())
    desk.canvas_is(snapshot(13))
    made = desk.editing.from_now(ACTOR, desk.plan.id)
    assert len(made.pairs_after & desk.plan.pairs_after) >= 33


def test_a_reviewer_who_left_costs_their_own_pairs_only(tmp_path: Path) -> None:
    desk, other = two_draws(tmp_path, PlanRules())
    now = applied(desk.base, other)
    now = replace(
        now, people=tuple(replace(p, state="inactive") if p.id == user(1) else p for p in now.people)
    )
    desk.canvas_is(now)
    fewest = desk.plans.make_plan(ACTOR, ASSIGNMENT, desk.plan.rules)
    made = desk.editing.from_now(ACTOR, desk.plan.id)
    assert made.counts[ChangeKind.DELETE] == fewest.counts[ChangeKind.DELETE]
    assert made.counts[ChangeKind.CREATE] == fewest.counts[ChangeKind.CREATE]


def test_a_pair_that_was_fixed_by_hand_survives_with_the_moves_that_it_takes(tmp_path: Path) -> None:
    desk, other = two_draws(tmp_path, PlanRules())
    wanted = min(desk.plan.pairs_after - other.pairs_after)
    stale = desk.edit(EditKind.PIN, wanted)
    desk.canvas_is(applied(desk.base, other))
    made = desk.editing.from_now(ACTOR, stale.id)
    assert wanted in made.pairs_after
    assert made.counts[ChangeKind.DELETE] <= 3


def test_an_edit_of_a_stale_plan_starts_from_canvas_as_it_is(tmp_path: Path) -> None:
    desk, other = two_draws(tmp_path, PlanRules())
    desk.canvas_is(applied(desk.base, other))
    gone = min(other.pairs_after)
    made = desk.edit(EditKind.FORBID, gone)
    assert gone not in made.pairs_after
    assert made.counts[ChangeKind.DELETE] <= 3, "not the 25 that the stale plan has elsewhere"
    assert desk.edit(EditKind.REPAIR).writes == ()


def test_going_back_to_a_plan_takes_back_its_edit_and_leaves_what_others_saved(desk: Desk) -> None:
    pair = min(desk.plan.pairs_after)
    edited = desk.edit(EditKind.FORBID, pair, reason="sisters")
    left_out = Edit(EditKind.LEAVE_OUT, person=user(7))
    desk.plans.change_rules(ACTOR, ASSIGNMENT, lambda rules: edited_rules(rules, left_out))
    desk.editing.keep(ACTOR, desk.plan.id, instead=edited.id)
    rules = desk.plans.rules(ACTOR, ASSIGNMENT)
    assert (rules.forbidden, set(rules.excluded)) == ((), {user(7)})
    desk.editing.keep(ACTOR, edited.id, instead=desk.plan.id)
    rules = desk.plans.rules(ACTOR, ASSIGNMENT)
    assert ([one.who for one in rules.forbidden], set(rules.excluded)) == ([pair], {user(7)})
