"""Plans are stored and read back whole; quality is of what Canvas will hold."""

from __future__ import annotations

from pathlib import Path

from lti_tool.persistence import schema
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.journal import Journal
from lti_tool.planning.ids import AssignmentId, PlanId, RunId, UserId
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.undo import Effect, undo_changes
from lti_tool.services.actor import Actor
from lti_tool.services.planning import Planning, changes_of, feasibility_of
from tests.builders import ASSIGNMENT, CANVAS, COURSE, NOON, review, snapshot, user


class Read:
    """A reading service that was given its answer."""

    def __init__(self, answer: Snapshot) -> None:
        self.answer = answer

    def snapshot(self, actor: Actor, assignment: AssignmentId, **_: object) -> Snapshot:
        return self.answer


def planning(folder: Path, base: Snapshot) -> Planning:
    engine = make_engine(f"sqlite:///{folder / 'test.sqlite3'}")
    schema.upgrade(engine)
    return Planning(
        Database(engine),
        Read(base),  # type: ignore[arg-type]  # the one method that planning calls
        our_reviews=lambda _actor, _assignment: frozenset(),
        journal=Journal(Database(engine)),
        now=lambda: NOON,
    )


ACTOR = Actor(CANVAS, COURSE, UserId("1"), "Ada")


def test_a_plan_is_read_back_as_it_was_made(tmp_path: Path) -> None:
    service = planning(tmp_path, snapshot(12, sections=2))
    made = service.make_plan(ACTOR, ASSIGNMENT, PlanRules(reviews_per_reviewer=2, sections="same"))
    view = service.plan(ACTOR, made.id)
    assert view.plan == made
    assert set(view.quality.given.values()) == set(view.quality.received.values()) == {2}
    assert view.notified == 12
    assert service.rules(ACTOR, ASSIGNMENT) == PlanRules(), "only whoever chooses rules saves them"


def test_an_undo_after_everybody_left_can_still_be_looked_at(tmp_path: Path) -> None:
    gone = snapshot(
        4, reviews=[review(1, 2, id_="mine")], change_people={n: {"state": "inactive"} for n in range(1, 5)}
    )
    service = planning(tmp_path, gone)
    effect = Effect(
        created=True,
        reviewer=user(1),
        author=user(2),
        submission=gone.reviews[0].submission,
        review_id=gone.reviews[0].id,
    )
    lines = undo_changes(gone, [effect])
    made = service.store(ACTOR, gone, PlanRules(), "seed", lines, undo_of=RunId("r"))
    assert service.plan(ACTOR, PlanId(made.id)).quality.given == {}


def test_reviews_that_must_stay_can_leave_works_close_but_not_equal() -> None:
    crowd = [review(n, 1, completed=True) for n in range(2, 9)]
    base = snapshot(10, reviews=crowd)
    equal = PlanRules(reviews_per_reviewer=1)
    assert not feasibility_of(base, equal).works
    close = equal.model_copy(update={"balance": "close"})
    found = feasibility_of(base, close)
    assert found.works
    assert found.gets[1] - found.gets[0] > 1
    assert changes_of(base, close, "seed")


def test_reasons_name_groups_and_sections_as_people_know_them() -> None:
    base = snapshot(12, groups={"Everybody": range(1, 13)})
    sentence = str(feasibility_of(base, PlanRules()).sentences[0])
    assert "Everybody" in sentence
    assert "g-Everybody" not in sentence
