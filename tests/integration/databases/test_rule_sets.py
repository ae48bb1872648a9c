"""Rules under a name, and plans made from plans, on every database that the tool runs on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lti_tool.persistence.database import Database
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.plans import add_earlier, latest_snapshot, load_plan, store_plan, store_snapshot
from lti_tool.planning.ids import AssignmentId, CourseId, PlanId, UserId
from lti_tool.planning.rules import PairRule, PlanRules
from lti_tool.planning.snapshot import Earlier
from lti_tool.services.actor import Actor
from lti_tool.services.errors import NameInUse, NotHere
from lti_tool.services.planning import Planning
from lti_tool.services.rule_sets import RuleSets
from tests.builders import ASSIGNMENT, CANVAS, COURSE, NOON, plan, snapshot, user

ACTOR = Actor(CANVAS, COURSE, UserId("1"), "Dr. Šimůnek")
ELSEWHERE = Actor(CANVAS, CourseId("8"), UserId("1"), "Dr. Šimůnek")


@pytest.fixture
def sets(database: Database) -> RuleSets:
    planning = Planning(
        database,
        None,  # type: ignore[arg-type]  # nothing is read here
        our_reviews=lambda _actor, _assignment: frozenset(),
        journal=Journal(database),
        now=lambda: NOON,
    )
    return RuleSets(database, planning, lambda: NOON)


def test_sets_are_found_by_name_whatever_its_case_and_only_in_their_course(sets: RuleSets) -> None:
    pairs = (PairRule(reviewer="1", author="2", reason="Ž"),)
    rules = PlanRules(seed="x", forbidden=pairs, earlier=(ASSIGNMENT, "9"))
    made = sets.save(ACTOR, "  Ärger\tund Öl ", rules)
    assert made.name == "Ärger und Öl"
    assert made.rules.seed is None
    with pytest.raises(NameInUse):
        sets.save(ACTOR, "ÄRGER UND ÖL", PlanRules())
    assert sets.save(ACTOR, "ärger und öl", PlanRules(reviews_per_reviewer=5), replace=True).id == made.id
    sets.save(ACTOR, "Second", PlanRules(forbidden=pairs))
    with pytest.raises(NameInUse):
        sets.rename(ACTOR, made.id, "second")
    sets.rename(ACTOR, made.id, "First")
    assert [one.name for one in sets.all(ACTOR)] == ["First", "Second"]
    assert sets.all(ELSEWHERE) == ()
    with pytest.raises(NotHere):
        sets.delete(ELSEWHERE, made.id)
    sets.delete(ACTOR, made.id)
    assert [one.rules.forbidden for one in sets.all(ACTOR)] == [pairs]


def test_an_assignment_is_never_its_own_earlier_one(sets: RuleSets) -> None:
    made = sets.save(ACTOR, "Term", PlanRules(earlier=(ASSIGNMENT, "9")))
    assert sets.use(ACTOR, made.id, ASSIGNMENT).earlier == ("9",)


@pytest.mark.parametrize("name", ["", " \t", "x" * 101, "bell\x07"])
def test_names_that_are_none_are_refused(sets: RuleSets, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        sets.save(ACTOR, name, PlanRules())


def test_a_plan_remembers_its_plan_and_a_reading_its_earlier_assignments(database: Database) -> None:
    base = snapshot(4)
    earlier = Earlier(AssignmentId("60"), "Draft", ((user(1), user(2)),))
    with database.begin() as session:
        row = store_snapshot(session, base, UserId("1"))
        made = replace(plan([], of=base), based_on=PlanId("before"))
        store_plan(session, made, snapshot_id=row, by=UserId("1"), by_name="x")
        add_earlier(session, replace(base, earlier=(earlier,)), UserId("1"))
    with database.read() as session:
        found = latest_snapshot(session, CANVAS, COURSE, ASSIGNMENT, UserId("1"))
        stored = load_plan(session, made.id)
    assert found is not None
    assert found[1].earlier == (earlier,)
    assert found[1].fingerprint == base.fingerprint
    assert stored is not None
    assert stored.plan.based_on == "before"
