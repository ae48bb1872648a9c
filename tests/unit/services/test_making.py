"""Making a plan behind a page: told how far, seen and cancelled from another process, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

import pytest

from allocation import Cancelled
from allocation.stages import Effort, Stage
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.plan import Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.services.actor import Actor
from lti_tool.services.errors import NobodyToAllocate
from lti_tool.services.long_work import Making, MakingState, Watch
from lti_tool.services.making import MakingPlans
from lti_tool.services.planning import Planning
from tests.integration.web.course import NOW, Course, a_course
from tests.unit.services.test_background import ACTOR, ESSAY, Shared

HALF = Effort(Stage.MIXING, 4, 5, 6_000, 12_000, 0.5)


class SlowPlanning:
    """Plans until the test lets it end, or until it is cancelled, as the engine looks after each move."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.error: Exception | None = None

    def make_plan(self, actor: Actor, assignment: AssignmentId, rules: PlanRules, watch: Watch) -> Plan:
        watch.hear(HALF)
        self.begun.set()
        while not self.may_end.wait(0.02):
            if watch.cancelled():
                raise Cancelled("not wanted")
        if self.error is not None:
            raise self.error
        return self.course.keep([], rules)


@contextmanager
def two_processes() -> Iterator[tuple[SlowPlanning, MakingPlans, MakingPlans]]:
    planning, notes = SlowPlanning(a_course(8, 2)), Shared()
    here, elsewhere = (MakingPlans(cast(Planning, planning), notes, lambda: NOW) for _ in range(2))
    yield planning, here, elsewhere
    here.close()
    elsewhere.close()


def ended(of: MakingPlans) -> Making:
    for _ in range(1_000):
        state = of.state(ACTOR, ESSAY)
        assert state is not None
        if not state.making:
            return state
        threading.Event().wait(0.02)
    raise AssertionError("it never ended")


def test_another_process_sees_how_far_it_is_and_where_the_plan_is() -> None:
    with two_processes() as (planning, here, elsewhere):
        assert here.begin(ACTOR, ESSAY, PlanRules()).making
        assert planning.begun.wait(20)
        found = here.state(ACTOR, ESSAY)
        assert found is not None
        assert found.effort == HALF
        assert elsewhere.state(ACTOR, ESSAY) is not None
        planning.may_end.set()
        assert ended(here).plan in planning.course.plans
        assert ended(elsewhere) == ended(here)


@pytest.mark.parametrize("from_elsewhere", [False, True])
def test_cancel_reaches_the_engine_and_keeps_nothing(from_elsewhere: bool) -> None:
    with two_processes() as (planning, here, elsewhere):
        here.begin(ACTOR, ESSAY, PlanRules())
        assert planning.begun.wait(20)
        (elsewhere if from_elsewhere else here).cancel(ACTOR, ESSAY)
        assert ended(here).state is MakingState.CANCELLED
        assert not planning.course.plans
        planning.may_end.set()
        assert here.begin(ACTOR, ESSAY, PlanRules(), patience_s=20).state is MakingState.MADE


def test_a_newer_wish_takes_the_place_of_the_older_one() -> None:
    with two_processes() as (planning, here, _elsewhere):
        here.begin(ACTOR, ESSAY, PlanRules(reviews_per_reviewer=2))
        assert planning.begun.wait(20)
        here.begin(ACTOR, ESSAY, PlanRules(reviews_per_reviewer=4))
        threading.Event().wait(0.1)
        planning.may_end.set()
        made = ended(here).plan
        assert made is not None
        assert [plan.rules.reviews_per_reviewer for plan in planning.course.plans.values()] == [4]


def test_rules_that_cannot_work_are_said_at_once_or_later() -> None:
    with two_processes() as (planning, here, _elsewhere):
        planning.error = NobodyToAllocate("nobody")
        planning.may_end.set()
        with pytest.raises(NobodyToAllocate):
            here.begin(ACTOR, ESSAY, PlanRules(), patience_s=20)
        here.begin(ACTOR, ESSAY, PlanRules())
        assert ended(here).state is MakingState.IMPOSSIBLE


def test_the_time_left_is_told_once_it_is_more_than_a_guess() -> None:
    assert Making(MakingState.MAKING, NOW, NOW + timedelta(seconds=1), HALF).seconds_left is None
    assert Making(MakingState.MAKING, NOW, NOW + timedelta(seconds=9), HALF).seconds_left == 9
    assert Making(MakingState.MAKING, NOW, NOW + timedelta(seconds=9)).seconds_left is None
