"""Every screen of the tool in every state that looks different: what the tests of all screens go through.

Each entry makes a course and says at which path below its home the screen is. A test compares this list with
the application's pages, so that a new page cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable

from lti_tool.applying.states import RunState
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.ids import UserId
from lti_tool.planning.rules import Exclusion, PlanRules
from tests.integration.web.course import ASSIGNMENT, TEACHER, Course, a_course

PEOPLE = f"/assignments/{ASSIGNMENT}/people"
RULES = f"/assignments/{ASSIGNMENT}/rules"
BOARD = f"/assignments/{ASSIGNMENT}/board"

State = Callable[[], tuple[Course, str]]


def state_home() -> tuple[Course, str]:
    course = a_course()
    course.automatic = True
    run = course.start_run(TEACHER, course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id)
    course.finish_run(run)
    return course, ""


def state_connect() -> tuple[Course, str]:
    course = a_course()
    course.is_connected = False
    return course, "/connect"


def state_connected() -> tuple[Course, str]:
    return a_course(), "/connect"


def state_people() -> tuple[Course, str]:
    course = a_course(120, 4)
    course.saved = PlanRules(exclude=(Exclusion(user="100", reason="sister of the author"),))
    return course, PEOPLE


def state_rules() -> tuple[Course, str]:
    return a_course(), RULES


def state_impossible() -> tuple[Course, str]:
    course = a_course(10, 4)
    course.saved = PlanRules(sections="same")
    return course, RULES


def state_preview() -> tuple[Course, str]:
    course = a_course()
    course.moved = (Drift(DriftKind.PERSON_LEFT, (UserId("100"),)),)
    return (
        course,
        f"/plans/{course.make_plan(TEACHER, ASSIGNMENT, PlanRules(existing='replace')).id}?person=101",
    )


def state_large_preview() -> tuple[Course, str]:
    course = a_course(150, 5)
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules(sections="different"))
    return course, f"/plans/{plan.id}?page=2&person=101"


def state_empty_preview() -> tuple[Course, str]:
    course = a_course()
    return course, f"/plans/{course.keep([], PlanRules()).id}"


def state_confirm() -> tuple[Course, str]:
    course = a_course()
    return course, f"/plans/{course.make_plan(TEACHER, ASSIGNMENT, PlanRules(existing='replace')).id}/confirm"


def state_run(state: RunState, failed: int = 0) -> Callable[[], tuple[Course, str]]:
    def make() -> tuple[Course, str]:
        course = a_course()
        run = course.start_run(TEACHER, course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id)
        if state is not RunState.APPLYING:
            course.finish_run(run, state, failed)
        return course, f"/runs/{run}"

    return make


def state_history() -> tuple[Course, str]:
    return state_home()[0], "/history"


STATES: dict[str, Callable[[], tuple[Course, str]]] = {
    "home": state_home,
    "connect": state_connect,
    "connected": state_connected,
    "people": state_people,
    "rules": state_rules,
    "impossible rules": state_impossible,
    "preview": state_preview,
    "large preview": state_large_preview,
    "empty preview": state_empty_preview,
    "confirm": state_confirm,
    "applying": state_run(RunState.APPLYING),
    "paused": state_run(RunState.PAUSED_AUTH),
    "done": state_run(RunState.DONE),
    "done with issues": state_run(RunState.DONE_WITH_ISSUES, 4),
    "history": state_history,
    "help": lambda: (a_course(), "/help"),
    "no such plan": lambda: (a_course(), "/plans/none"),
    "board": lambda: (a_course(), BOARD),
    "boards": lambda: (a_course(), "/board"),
    "reminders": lambda: (a_course(), f"/assignments/{ASSIGNMENT}/reminders"),
    "points": lambda: (a_course(), f"/assignments/{ASSIGNMENT}/credit"),
}

NOT_PAGES = ("static", ".csv", "/status", "/start", "/callback")
"""Ends of addresses that answer no page of their own."""
