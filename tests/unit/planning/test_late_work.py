"""Late work is taken in by moving the proven fewest reviews, and the plan says so in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from allocation import fewest_moved
from lti_tool.planning.engine_input import engine_input
from lti_tool.planning.late_work import TopUp, top_up, top_up_sentences
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.planning import changes_of
from tests.builders import plan, row, snapshot, user
from tests.unit.planning.test_holes import applied

RULES = PlanRules(reviews_per_reviewer=3, seed="first")


def with_late(people: int, late: Sequence[int], done: int = 0) -> Snapshot:
    """A class that was allocated before these students handed in; the first reviews are completed."""
    late_rows = {row(number) for number in late}
    whole = snapshot(people)
    early = replace(
        whole, works=tuple(replace(one, submitted=one.id not in late_rows) for one in whole.works)
    )
    found = applied(early, changes_of(early, RULES, "first")).reviews
    written = [replace(one, completed=place < done) for place, one in enumerate(found)]
    return replace(whole, reviews=tuple(written))


def filled_up(base: Snapshot, rules: PlanRules = RULES) -> tuple[TopUp, list[str]]:
    made = replace(plan(changes_of(base, rules, "second"), of=base), rules=rules)
    given = engine_input(base, rules)
    found = top_up(base, made, given, lambda: fewest_moved(given.roster, given.rules))
    assert found is not None
    loads = Counter(line.reviewer for line in made.changes if line.kind is not ChangeKind.DELETE)
    assert set(loads.values()) == {3}
    return found, [str(one) for one in top_up_sentences(found, base)]


def test_three_late_authors_cost_three_moves_and_the_plan_proves_it() -> None:
    """Three people can review each other six times; three of their nine reviews have to come from others."""
    found, said = filled_up(with_late(30, [10, 20, 30], done=40))
    assert found.late == (user(10), user(20), user(30))
    assert (found.added, found.moved, found.fewest, found.over) == (9, 3, 3, 0)
    assert said[0] == "3 late authors: +9, 3 moved, 0 students over 4."
    assert said[1] == "Late: Student 10, Student 20 and Student 30."
    assert "proven" in said[2]


def test_ten_late_students_in_a_class_of_300_move_the_proven_minimum() -> None:
    """The figure that is published: moved reviews, and the bound that the engine proves."""
    found, said = filled_up(with_late(300, range(1, 301, 30), done=300))
    print(f"10 late of 300 x 3: +{found.added}, {found.moved} moved, bound {found.fewest}")  # noqa: T201
    assert (len(found.late), found.added) == (10, 30)
    assert found.moved == found.fewest
    assert said[0].startswith("10 late authors: +30")


def test_the_bound_is_not_what_was_moved_but_what_must_be() -> None:
    base = with_late(30, [10, 20, 30])
    given = engine_input(base, RULES)
    changes = changes_of(base, RULES.model_copy(update={"existing": "replace"}), "second")
    made = replace(plan(changes, of=base), rules=RULES)
    bound = fewest_moved(given.roster, given.rules)
    assert bound == 3
    found = top_up(base, made, given, lambda: bound)
    assert found is not None, "a fresh draw, looked at as if it were a top-up"
    assert not found.moved or found.fewest <= found.moved


def test_a_first_plan_and_a_fresh_draw_have_no_late_authors() -> None:
    base = snapshot(6)
    assert top_up(base, plan([], of=base), engine_input(base, RULES), int) is None
    late = with_late(12, [3])
    fresh = RULES.model_copy(update={"existing": "replace"})
    made = replace(plan(changes_of(late, fresh, "x"), of=late), rules=fresh)
    assert top_up(late, made, engine_input(late, fresh), int) is None
