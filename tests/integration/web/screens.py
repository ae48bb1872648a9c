"""Every screen of the tool in every state that looks different: what the tests of all screens go through.

Each entry makes a course and says at which path below its home the screen is. A test compares this list with
the application's pages, so that a new page cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import NoReturn

from allocation.sentences import sentence
from allocation.stages import Effort, Stage
from lti_tool.applying.answers import ReadFailed, Why
from lti_tool.applying.states import RunState
from lti_tool.persistence.follow_ups import Assignment, FollowUps
from lti_tool.persistence.open_reviews import note_open
from lti_tool.persistence.schedules import Result
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.follow_up import CreditRules, FollowUp
from lti_tool.planning.ids import ReviewId, RunId, UserId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.reminders import Template
from lti_tool.planning.rules import Exclusion, Load, PairRule, PlanRules, Volunteer
from lti_tool.planning.schedule import Schedule, ScheduleKind, ScheduleOutcome
from lti_tool.planning.snapshot import Review
from lti_tool.services.editing import Editing
from lti_tool.services.errors import AnotherRunActive
from lti_tool.services.long_work import Making, MakingState, ReadingPart, ReadingProgress, ReadingState
from lti_tool.web.connect import window_cookie
from tests.integration.web.course import ASSIGNMENT, CANVAS, COURSE, NOW, TEACHER, Course, a_course
from tests.integration.web.outside import ASKED, Outside

HOME = f"/app/courses/{COURSE}"
PEOPLE = f"/assignments/{ASSIGNMENT}/people"
RULES = f"/assignments/{ASSIGNMENT}/rules"
BOARD = f"/assignments/{ASSIGNMENT}/board"

OFFICE = "/app/administration"

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


def state_late_points() -> tuple[Course, str]:
    """Every review was open a day after its date, and is completed now."""
    course = course_with_holes()
    settled = FollowUp(reviews_due_at=NOW - timedelta(days=2), credit=CreditRules(late_deduction=25))
    place = Assignment(CANVAS, COURSE, ASSIGNMENT)
    FollowUps(course.records).save_settings(place, settled, by=TEACHER.user_id, at=NOW)
    was = tuple(replace(one, completed=False) for one in course.read.reviews)
    with course.records.begin() as session:
        note_open(session, replace(course.read, reviews=was, taken_at=NOW - timedelta(days=1)))
    course.read = replace(
        course.read, reviews=tuple(replace(one, completed=True) for one in course.read.reviews)
    )
    return course, f"/assignments/{ASSIGNMENT}/credit"


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
    "points of late reviews": state_late_points,
}


@dataclass(frozen=True)
class Screen:
    """How one comes to a screen. With a ``form`` it is the answer to a POST, from a page that is ``opened``
    first; ``session`` is a key of ``SESSIONS``, empty for none, and ``cookie`` a cookie that the browser has.
    """

    show: Callable[[], tuple[Course, str]]
    status: int = 200
    form: Mapping[str, str] | None = None
    opened: str = ""
    session: str = "teacher"
    cookie: tuple[str, str] | None = None
    outside: Outside = field(default_factory=Outside)


def below_home(state: State) -> State:
    def show() -> tuple[Course, str]:
        course, path = state()
        return course, HOME + path

    return show


def at(path: str, course: Callable[[], Course] = a_course) -> State:
    return lambda: (course(), path)


def mistake(path: str, opened: str, make: Callable[[], Course] = a_course, /, **form: str) -> Screen:
    """A form that is shown again, with what is wrong with it."""
    return Screen(at(HOME + path, make), 422, form, HOME + opened)


def with_plan() -> Course:
    course = a_course()
    course.make_plan(TEACHER, ASSIGNMENT, full_rules())
    return course


def across() -> Course:
    course = a_course()
    course.make_plan(TEACHER, ASSIGNMENT, PlanRules(sections="different"))
    return course


def with_set() -> Course:
    course = a_course()
    course.sets.save(TEACHER, "Essay", full_rules())
    return course


def failing(error: Exception) -> Callable[[], Course]:
    """A course of which nothing can be read."""

    def make() -> Course:
        course = a_course()

        def fail(*_: object, **__: object) -> NoReturn:
            raise error

        course.overview = fail  # type: ignore[method-assign]  # that is the point
        return course

    return make


def disconnected() -> Course:
    course = a_course()
    course.is_connected = False
    return course


def under_way() -> AnotherRunActive:
    words = sentence("There is no run %(run)s.", run="7")
    return AnotherRunActive(words, run_id=RunId("r1"), by="Dr. Rosa Okafor", since=NOW, done=1, total=2)


RULES_FORM = {"reviews_per_reviewer": "3", "sections": "any", "own_group": "allowed", "existing": "keep"}
MANY, PAIRS = f"{PEOPLE}/many", f"{RULES}/pairs"
FOLLOW = f"/assignments/{ASSIGNMENT}"
DRAFT = {"who": "owing", "subject": "Reviews of {assignment}", "body": "You still have {open} to write."}
KEY = {"client_id": "1", "secret": "wrong"}

SCREENS: dict[str, Screen] = {
    **{
        name: Screen(below_home(state), 404 if name == "no such plan" else 200)
        for name, state in STATES.items()
    },
    # forms with mistakes
    "choice missing": mistake(PEOPLE, PEOPLE),
    "nobody chosen": mistake(f"{PEOPLE}/leave-out", PEOPLE),
    "load missing": mistake(f"{PEOPLE}/load", PEOPLE, load_user="Nobody", gives="many"),
    "list unclear": mistake(f"{MANY}/list", MANY, list="Ada Adeyemi\nNobody at all"),
    "no file of people": mistake(f"{MANY}/file", MANY),
    "rules missing": mistake(
        RULES, RULES, **RULES_FORM | {"reviews_per_reviewer": "-1", "seed": "two words"}
    ),
    "way out of mistakes": mistake(f"{RULES}/way-out", RULES, **RULES_FORM | {"seed": "two words"}),
    "leaving with mistakes": mistake(f"{RULES}/save/pairs", RULES, **RULES_FORM | {"seed": "two words"}),
    "rules that cannot be": mistake(
        RULES, RULES, lambda: a_course(10, 4), **RULES_FORM | {"sections": "same"}
    ),
    "pair unclear": mistake(f"{PAIRS}/one", PAIRS, do="pin", reviewer="Nobody", author=""),
    "pairs unclear": mistake(f"{PAIRS}/list", PAIRS, do="pin", list="Ada Adeyemi > Nobody\nhalf a line"),
    "level unclear": mistake(f"{RULES}/levels", f"{RULES}/levels"),
    "column of levels missing": mistake(f"{RULES}/levels/column", f"{RULES}/levels"),
    "no file of levels": mistake(f"{RULES}/levels/file", f"{RULES}/levels"),
    "nobody stands in": mistake(f"{PEOPLE}/stand-in", PEOPLE),
    "reminder for later without days": mistake(
        f"{FOLLOW}/reminders/later", f"{FOLLOW}/reminders", **DRAFT, later="many"
    ),
    "set without name": mistake(f"{RULES}/named", f"{RULES}/named", with_set),
    "edit unclear": mistake("/plans/p1/edit", "/plans/p1/edit", with_plan, do="swap"),
    "edit breaks rules": mistake(
        "/plans/p1/edit", "/plans/p1/edit", across, do="pin", reviewer="101", author="104"
    ),
    "no file of a plan": mistake("/plans/p1/import", "/plans/p1/import", with_plan),
    "nothing ticked": mistake("/plans/p1/apply", "/plans/p1/confirm", lambda: state_confirm()[0]),
    "board without hours": mistake(f"{FOLLOW}/follow-up", BOARD, remind_every_hours="often"),
    "reminder without words": mistake(f"{FOLLOW}/reminders/preview", f"{FOLLOW}/reminders", who="owing"),
    "reminders seen": Screen(
        at(f"{HOME}{FOLLOW}/reminders/preview"), 200, DRAFT, f"{HOME}{FOLLOW}/reminders"
    ),
    "sending without words": mistake(f"{FOLLOW}/reminders/send", f"{FOLLOW}/reminders"),
    "points without number": mistake(
        f"{FOLLOW}/credit/rules", f"{FOLLOW}/credit", mode="each", points="much"
    ),
    "schedule without kind": mistake(f"{FOLLOW}/schedule", f"{FOLLOW}/schedule", start="at", at="soon"),
    # errors
    "not connected": Screen(at(HOME + PEOPLE, disconnected), 409),
    "another run": Screen(at(HOME, failing(under_way())), 409),
    "Canvas unreadable": Screen(at(HOME, failing(ReadFailed(Why.SERVER_ERROR, "500"))), 502),
    "scope missing": Screen(at(HOME, failing(ReadFailed(Why.SCOPE_MISSING, "401"))), 403),
    "defect": Screen(at(HOME, failing(RuntimeError("planted"))), 500),
    "no such page": Screen(at("/nowhere"), 404),
    "not a teacher": Screen(at(HOME), 403, session="student"),
    "other course": Screen(at(HOME), 403, session="other-course"),
    "session ended": Screen(at(HOME), 401, session="ended"),
    "no session": Screen(at(HOME), session=""),
    # outside a course
    "login": Screen(at("/lti/login?iss=https://canvas.instructure.com")),
    "login refused": Screen(at("/lti/login"), 400),
    "launch": Screen(at("/lti/launch"), 200, {"state": "course"}, "/setup"),
    "launch without course": Screen(at("/lti/launch"), 200, {"state": "no-course"}, "/setup"),
    "launch refused": Screen(at("/lti/launch"), 403, {"state": "old"}, "/setup"),
    "window to Canvas": Screen(at("/connect/opening")),
    "window back": Screen(
        at("/connect/callback?state=good"), cookie=(window_cookie("good"), "window-secret")
    ),
    "window waits": Screen(at("/connect/callback?state=waits"), 503),
    "window too late": Screen(at("/connect/callback?state=bad"), 400),
    "register": Screen(at(f"/lti/register{ASKED}")),
    "registered": Screen(
        at("/lti/register"),
        200,
        {"invitation": "good", "openid_configuration": "https://canvas.example.edu/c"},
        f"/lti/register{ASKED}",
    ),
    "not invited": Screen(at("/lti/register"), 403),
    "registration refused": Screen(at("/lti/register?invitation=good"), 422),
    "setup without code": Screen(at("/setup")),
    "administration, to do": Screen(at(OFFICE)),
    "administration, done": Screen(at(OFFICE), outside=Outside("10000000000002", launched=True)),
    "audit trail": Screen(at(OFFICE + "/events"), outside=Outside("10000000000002", True, True)),
    "administration, all well": Screen(at(OFFICE), outside=Outside("10000000000002", True, True)),
    "API key refused": Screen(at(f"{OFFICE}/api-key"), 422, KEY, OFFICE),
    "Canvas address refused": Screen(at(f"{OFFICE}/addresses"), 422, {"address": "not an address"}, OFFICE),
    "Canvas address not removed": Screen(
        at(f"{OFFICE}/addresses/remove"), 422, {"address": "not an address"}, OFFICE
    ),
    "logged out": Screen(at(f"{HOME}/log-out"), 200, {}, f"{HOME}/connect"),
    "disconnected": Screen(at(f"{HOME}/disconnect"), 200, {}, f"{HOME}/connect"),
    "not an administrator": Screen(at(OFFICE), 403, session="student"),
}
"""Every page, every form with mistakes and every kind of error page."""
