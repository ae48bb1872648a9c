"""Every screen of the tool in every state that looks different: what the tests of all screens go through.

Each entry makes a course and says at which path below its home the screen is. A test compares this list with
the application's pages, so that a new page cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from allocation.stages import Effort, Stage
from lti_tool.applying.states import RunState
from lti_tool.persistence.schedules import Result
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.ids import ReviewId, UserId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.reminders import Template
from lti_tool.planning.rules import Exclusion, Load, PairRule, PlanRules, Volunteer
from lti_tool.planning.schedule import Schedule, ScheduleKind, ScheduleOutcome
from lti_tool.planning.snapshot import Review
from lti_tool.services.editing import Editing
from lti_tool.services.use_cases import Making, MakingState, ReadingPart, ReadingProgress, ReadingState
from tests.integration.web.course import ASSIGNMENT, CANVAS, COURSE, NOW, TEACHER, Course, a_course

HOME = f"/app/courses/{COURSE}"
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


def state_broken() -> tuple[Course, str]:
    """A plan that was read from a file and breaks rules."""
    course = a_course()
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules(seed="7"))
    rows = ["reviewer_id,author_id", *(",".join(pair) for pair in sorted(plan.pairs_after)[1:])]
    made = Editing(course).import_table(TEACHER, plan.id, "\n".join(rows).encode()).plan
    assert made is not None
    return course, f"/plans/{plan.id}/compare/{made.id}"


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


def full_rules() -> PlanRules:
    """Rules in which everything is used that can be."""
    return PlanRules(
        exclude=(Exclusion(user="100", reason="sister of the author"),),
        loads=(Load(user="101", gives=2),),
        forbidden=(PairRule(reviewer="102", author="103", reason="sister"),),
        fixed=(PairRule(reviewer="103", author="104"),),
    )


def state_pairs() -> tuple[Course, str]:
    course = a_course()
    course.saved = full_rules()
    return course, f"/assignments/{ASSIGNMENT}/rules/pairs"


def state_rules_in_use() -> tuple[Course, str]:
    return state_pairs()[0], RULES


def state_sets() -> tuple[Course, str]:
    course = a_course()
    course.sets.save(TEACHER, "Essay", full_rules())
    return course, f"/assignments/{ASSIGNMENT}/rules/named"


def state_edit() -> tuple[Course, str]:
    course = a_course()
    plan = course.make_plan(TEACHER, ASSIGNMENT, full_rules())
    return course, f"/plans/{plan.id}/edit?reviewer=105&author=106"


def state_import() -> tuple[Course, str]:
    course = a_course()
    return course, f"/plans/{course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id}/import"


def state_compare() -> tuple[Course, str]:
    course = a_course()
    earlier = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    later = course.make_plan(TEACHER, ASSIGNMENT, full_rules(), based_on=earlier.id)
    return course, f"/plans/{earlier.id}/compare/{later.id}"


def state_reading() -> tuple[Course, str]:
    course = a_course()
    course.is_known = False
    parts = (ReadingPart("submissions", 40, 120), ReadingPart("groups", 3, None))
    course.reading_now = ReadingProgress(ReadingState.READING, NOW, NOW + timedelta(seconds=14), parts)
    return course, f"/assignments/{ASSIGNMENT}/reading?next={HOME}{RULES}"


def course_with_holes() -> Course:
    """Allocated; then one is excused, one inactive, and one hands in late; one is spare, two volunteer."""
    course = a_course()
    made = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    gone = {line.review_id for line in made.of_kind(ChangeKind.DELETE)}
    reviews = [one for one in course.read.reviews if one.id not in gone]
    for number, line in enumerate(made.of_kind(ChangeKind.CREATE)):
        id_ = ReviewId(f"{2000 + number}")
        reviews.append(Review(id_, line.reviewer, line.author, line.submission, completed=False))
    people = [replace(one, state="inactive") if one.id == "105" else one for one in course.read.people]
    works = [
        replace(one, excused=one.author == "103", submitted=one.submitted or one.author == "106")
        for one in course.read.works
    ]
    course.read = replace(course.read, people=tuple(people), works=tuple(works), reviews=tuple(reviews))
    course.saved = PlanRules(spare=("113",), volunteers=(Volunteer(user="110", up_to=2),))
    return course


def state_fill_up() -> tuple[Course, str]:
    return course_with_holes(), f"/assignments/{ASSIGNMENT}/fill-up"


def state_for_staff() -> tuple[Course, str]:
    course = course_with_holes()
    missed = tuple(
        PairRule(reviewer=one.assessor, author=one.assessee)
        for one in course.read.reviews
        if one.assessor in ("103", "104", "107") and not one.completed
    )
    rules = course.saved.model_copy(update={"not_coming": missed})
    plan = course.make_plan(TEACHER, ASSIGNMENT, rules)
    return course, f"/plans/{plan.id}"


def state_by_itself() -> tuple[Course, str]:
    """Schedules of every kind: one with a plan that waits, one that failed, reminders around a date."""
    course = a_course()
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    words = Template(subject="Essay", body="You have {open} to do.")
    for schedule, result in (
        (
            Schedule(kind=ScheduleKind.ALLOCATE, after_due_hours=2, own_dates=True),
            Result(ScheduleOutcome.WAITS, "3", plan.id),
        ),
        (
            Schedule(kind=ScheduleKind.TOP_UP, every_hours=24),
            Result(ScheduleOutcome.FAILED, "Canvas withdrew the access."),
        ),
        (
            Schedule(
                kind=ScheduleKind.REMIND,
                after_due_hours=-48,
                counted_from="reviews",
                template=words,
                overdue_only=True,
                section="s1",
            ),
            None,
        ),
    ):
        made = course.schedules.add(
            CANVAS,
            COURSE,
            ASSIGNMENT,
            schedule,
            by=TEACHER.user_id,
            by_name=TEACHER.name,
            next_at=None,
            at=NOW,
        )
        if result is not None:
            course.schedules.settle(made, result, at=NOW, next_at=NOW + timedelta(days=1))
            course.schedules.begin_telling(made, "plan 1")
    return course, f"/assignments/{ASSIGNMENT}/schedule"


def state_making() -> tuple[Course, str]:
    course = a_course()
    effort = Effort(Stage.SEARCH, 3, 6, 4_352, 30_000, 0.42)
    course.making_now = Making(MakingState.MAKING, NOW, NOW + timedelta(seconds=14), effort)
    return course, f"/assignments/{ASSIGNMENT}/making"


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
    "compare with broken rules": state_broken,
    "confirm": state_confirm,
    "applying": state_run(RunState.APPLYING),
    "paused": state_run(RunState.PAUSED_AUTH),
    "done": state_run(RunState.DONE),
    "done with issues": state_run(RunState.DONE_WITH_ISSUES, 4),
    "history": state_history,
    "help": lambda: (a_course(), "/help"),
    "no such plan": lambda: (a_course(), "/plans/none"),
    "board": lambda: (a_course(), BOARD),
    "fill up": state_fill_up,
    "preview for staff": state_for_staff,
    "boards": lambda: (a_course(), "/board"),
    "reminders": lambda: (a_course(), f"/assignments/{ASSIGNMENT}/reminders"),
    "pairs": state_pairs,
    "levels": lambda: (state_pairs()[0], f"/assignments/{ASSIGNMENT}/rules/levels"),
    "rules in use": state_rules_in_use,
    "named rules": state_sets,
    "many people": lambda: (state_pairs()[0], f"/assignments/{ASSIGNMENT}/people/many"),
    "schedule": state_by_itself,
    "what waits": lambda: (state_by_itself()[0], ""),
    "edit": state_edit,
    "compare": state_compare,
    "import": state_import,
    "reading": state_reading,
    "making": state_making,
    "points": lambda: (a_course(), f"/assignments/{ASSIGNMENT}/credit"),
}

NOT_PAGES = ("static", ".csv", "/status", "/start", "/callback")
"""Ends of addresses that answer no page of their own."""
