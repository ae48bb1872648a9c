"""Every state, class, cause, mismatch and advice of a run, literally, on its page and in the terminal.

The tables have one line for each member of an enum; a new member without one fails.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lti_tool.applying.answers import Why
from lti_tool.applying.drift import out_of_date
from lti_tool.applying.report import Attendance, RunReport
from lti_tool.applying.states import PAUSED, TERMINAL, RunState, StepClass
from lti_tool.applying.stops import stop_for
from lti_tool.applying.verification import Mismatch, MismatchKind, Verification
from lti_tool.cli.run_words import Told, commands, lines
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.ids import RunId
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.staleness import Judged
from lti_tool.services.run_account import ASSIGNMENT_WORDS, GOOD, Next, account_of
from tests.integration.web.course import ASSIGNMENT, COURSE, TEACHER, Course, a_course, run_report, web_of

WHERE = f"--canvas https://canvas.example.edu --course {COURSE} --assignment {ASSIGNMENT}"
SCOPE = (
    "url:POST|/api/v1/courses/:course_id/assignments/:assignment_id/submissions/:submission_id/peer_reviews"
)
LOOK = "Look at the reviews of this assignment in Canvas."
TO_REVIEWS = "Peer reviews in Canvas (opens Canvas in a new tab)"
RESUME = "Resume the remaining 57 changes."


class Scene:
    """One run of sixty changes, shown in whatever state a test puts it."""

    def __init__(self) -> None:
        self.course: Course = a_course()
        self.plan = self.course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
        self.run = self.course.start_run(TEACHER, self.plan.id)
        self.first = self.plan.writes[0]

    def report(self, state: RunState, *, failed: int = 0) -> RunReport:
        """Three changes are made in a run that is not over; all but ``failed`` in one that is."""
        done = len(self.plan.writes) - failed if state in TERMINAL else 3
        found = run_report(self.plan, self.run, state, done=done, failed=failed)
        progress = replace(found.progress, waiting="", waiting_until=None, waits_s=None, seconds_left=None)
        quiet = state in PAUSED | TERMINAL | {RunState.OF_LATER_VERSION}
        attendance = Attendance.NOT_NEEDED if quiet else Attendance.DRIVEN
        return replace(found, words="", progress=replace(progress, attendance=attendance))

    def page(self, report: RunReport) -> list[str]:
        """Every heading, paragraph, list item and cell of the page, as a reader sees it."""
        self.course.runs[RunId(self.run)] = report
        headers = {"Authorization": "Bearer teacher"}
        answer = (
            web_of(self.course).test_client().get(f"/app/courses/{COURSE}/runs/{self.run}", headers=headers)
        )
        main = answer.text[answer.text.index("<main") : answer.text.index("</main>")]
        found = re.findall(r"<(p|li|h1|h2|td)\b[^>]*>(.*?)</\1>", main, re.DOTALL)
        return [html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", text)).strip()) for _, text in found]

    def terminal(self, report: RunReport) -> list[str]:
        """The lines that the command line prints."""
        told = Told(report, account_of(report, self.course.read), self.course.read)
        return "\n".join(lines(told)).splitlines()


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


ONGOING = (
    ["You may close this page; the run goes on."],
    ["3 of 60 changes are made, 57 are still to come.", "A worker is making these changes."],
    ["  1. Look again later. The changes continue on their own.", "       peer-allocator runs show r1"],
)
MADE = ["", "Verified by reading Canvas again: 60 of 60 changes were seen in Canvas."]
SHORT = ["58 of 60 changes were made, 2 were not."]
UNDO = "Plan to take these changes back."
WHY_LEFT = "student left the course: Canvas does not know this student or work here"
NOT_MADE = [
    *SHORT,
    "",
    "Not made, and why:",
    f"  2 x {WHY_LEFT}",
    "",
    f"  + create  李 Eriksen reviews Ífe Ionescu  ({WHY_LEFT})",
    f"  + create  李 Eriksen reviews Jamal Castillo  ({WHY_LEFT})",
    "",
    "Verified by reading Canvas again: 58 of 58 changes were seen in Canvas.",
    "",
    "Next:",
]
NOT_MADE_ON_PAGE = [*SHORT, f"2 × {WHY_LEFT}", "58 of 58 changes were seen in Canvas."]


def advice(*lines: tuple[str, str]) -> list[str]:
    """What the terminal says to do, with the commands."""
    return [
        line
        for place, (words, command) in enumerate(lines, 1)
        for line in (f"  {place}. {words}", f"       {command}")
    ]


LOOKING = (LOOK, f"peer-allocator export {WHERE}")
TRYING_AGAIN = ("Plan the 2 changes that were not made once more.", "peer-allocator runs again r1")
PLANNING_AGAIN = ("Plan again from what Canvas has now.", f"peer-allocator plan {WHERE}")
UNDOING = (UNDO, "peer-allocator undo r1")

STATES: dict[RunState, tuple[str, list[str], str, list[str]]] = {
    RunState.QUEUED: (
        "3 of 60. Waiting to start.",
        ONGOING[0],
        "Waiting to start",
        [*ONGOING[1], "", "Next:", *ONGOING[2]],
    ),
    RunState.CHECKING: (
        "3 of 60. Reading Canvas again.",
        ONGOING[0],
        "Reading Canvas again",
        [*ONGOING[1], "", "Next:", *ONGOING[2]],
    ),
    RunState.APPLYING: (
        "3 of 60. Applying.",
        ONGOING[0],
        "Applying",
        [*ONGOING[1], "", "Next:", *ONGOING[2]],
    ),
    RunState.RESOLVING: (
        "3 of 60. Checking unanswered changes.",
        ONGOING[0],
        "Checking unanswered changes",
        [*ONGOING[1], "", "Next:", *ONGOING[2]],
    ),
    RunState.VERIFYING: (
        "3 of 60. Checking the result.",
        ONGOING[0],
        "Checking the result",
        [*ONGOING[1], "", "Next:", *ONGOING[2]],
    ),
    RunState.CANCELLING: (
        "3 of 60. Stopping.",
        ONGOING[0],
        "Stopping",
        [
            *ONGOING[1],
            "",
            "Next:",
            "  1. Look again in a minute. It stops when the changes under way are finished.",
            "       peer-allocator runs show r1",
        ],
    ),
    RunState.PAUSED_AUTH: (
        "Paused: access to Canvas was withdrawn",
        ["Connect to Canvas again. Connect to Canvas", f"{RESUME} Go on"],
        "Paused: access to Canvas was withdrawn",
        [
            *ONGOING[1][:1],
            "",
            "Next:",
            "  1. Connect to Canvas again.",
            "       open the tool in Canvas, or with a token of your own: peer-allocator connect --canvas "
            "https://canvas.example.edu --token-env NAME",
            f"  2. {RESUME}",
            "       peer-allocator runs resume r1 --wait",
        ],
    ),
    RunState.PAUSED_PERMISSION: (
        "Paused: Canvas refuses",
        [
            "Check in Canvas that the course hasn't ended and that your role there may grade. If it may not, "
            "ask the Canvas administrator.",
            f"{RESUME} Go on",
        ],
        "Paused: Canvas refuses",
        [
            *ONGOING[1][:1],
            "",
            "Next:",
            "  1. Check in Canvas that the course hasn't ended and that your role there may grade. If it may "
            "not, ask the Canvas administrator.",
            f"  2. {RESUME}",
            "       peer-allocator runs resume r1 --wait",
        ],
    ),
    RunState.PAUSED_CANVAS: (
        "Paused: Canvas does not answer",
        [
            f"Open this assignment in Canvas to see whether Canvas works again. {TO_REVIEWS}",
            f"{RESUME} Go on",
        ],
        "Paused: Canvas does not answer",
        [
            *ONGOING[1][:1],
            "",
            "Next:",
            "  1. Open this assignment in Canvas to see whether Canvas works again.",
            f"       peer-allocator export {WHERE}",
            f"  2. {RESUME}",
            "       peer-allocator runs resume r1 --wait",
        ],
    ),
    RunState.PAUSED_STORAGE: (
        "Paused: the tool cannot store its record",
        ["Check the database of this tool, or ask the people who run it to.", f"{RESUME} Go on"],
        "Paused: the tool cannot store its record",
        [
            *ONGOING[1][:1],
            "",
            "Next:",
            "  1. Check the database of this tool, or ask the people who run it to.",
            "       peer-allocator doctor",
            f"  2. {RESUME}",
            "       peer-allocator runs resume r1 --wait",
        ],
    ),
    RunState.PAUSED_BY_PERSON: (
        "Paused",
        [f"{RESUME} Go on"],
        "Paused",
        [*ONGOING[1][:1], "", "Next:", f"  1. {RESUME}", "       peer-allocator runs resume r1 --wait"],
    ),
    RunState.PAUSED_RESTORED: (
        "Held: the tool was restored from a backup",
        [f"{LOOK} {TO_REVIEWS}", f"{RESUME} Go on"],
        "Held: the tool was restored from a backup",
        [
            *ONGOING[1][:1],
            "",
            "Next:",
            f"  1. {LOOK}",
            f"       peer-allocator export {WHERE}",
            f"  2. {RESUME}",
            "       peer-allocator runs resume r1 --wait",
        ],
    ),
    RunState.DONE: (
        "60 of 60 applied and checked by reading Canvas again",
        ["Everything that was planned is in Canvas.", "60 of 60 changes were seen in Canvas."],
        "Done",
        ["All 60 changes were made.", *MADE, "", "Next:", f"  1. {UNDO}", "       peer-allocator undo r1"],
    ),
    RunState.DONE_WITH_ISSUES: (
        "Done, with issues",
        NOT_MADE_ON_PAGE,
        "Done, with issues",
        [*NOT_MADE, *advice(TRYING_AGAIN, PLANNING_AGAIN, UNDOING)],
    ),
    RunState.NEEDS_REVIEW: (
        "Out of date",
        NOT_MADE_ON_PAGE,
        "Out of date",
        [*NOT_MADE, *advice(PLANNING_AGAIN, UNDOING)],
    ),
    RunState.CANCELLED: (
        "Stopped",
        NOT_MADE_ON_PAGE,
        "Stopped",
        [*NOT_MADE, *advice(TRYING_AGAIN, PLANNING_AGAIN, UNDOING)],
    ),
    RunState.FAILED_INTEGRITY: (
        "Stopped: Canvas's answers do not fit",
        NOT_MADE_ON_PAGE,
        "Stopped: Canvas's answers do not fit",
        [*NOT_MADE, *advice(LOOKING, PLANNING_AGAIN, UNDOING)],
    ),
    RunState.OF_LATER_VERSION: (
        "3 of 60. In the hands of a newer version of this tool.",
        ["Wait until the update of the tool is complete, then look again."],
        "In the hands of a newer version of this tool",
        [
            *ONGOING[1][:1],
            "",
            "Next:",
            *advice(
                (
                    "Wait until the update of the tool is complete, then look again.",
                    "peer-allocator runs show r1",
                )
            ),
        ],
    ),
}


@pytest.mark.parametrize("state", RunState)
def test_every_state_of_a_run(scene: Scene, state: RunState) -> None:
    heading, items, status, lines = STATES[state]
    over = state in TERMINAL and state is not RunState.DONE
    report = scene.report(state, failed=2 if over else 0)
    page = scene.page(report)
    assert [one for one in (heading, *items) if one not in page] == [], page
    assert scene.terminal(report) == [f"Run r1: {status}.", *lines]


CLASSES: dict[StepClass, str] = {
    StepClass.DONE: "done",
    StepClass.ALREADY_THERE: "was already there",
    StepClass.ALREADY_GONE: "was already gone",
    StepClass.KEPT_COMPLETED: "kept: completed meanwhile",
    StepClass.KEPT_UNREPLACED: "kept: its replacement could not be created",
    StepClass.STUDENT_LEFT: "student left the course",
    StepClass.CONFLICT: "changed by somebody else",
    StepClass.REFUSED: "refused by Canvas",
    StepClass.GAVE_UP: "given up after several attempts",
    StepClass.CANCELLED: "not sent: the run was stopped",
    StepClass.PENDING: "not sent",
    StepClass.PAUSED: "waiting while paused",
    StepClass.OF_LATER_VERSION: "known only to a newer version of this tool",
}
WHYS: dict[Why, str] = {
    Why.NONE: "refused by Canvas",
    Why.THROTTLED: "refused by Canvas: Canvas asked us to slow down",
    Why.UNREACHABLE: "refused by Canvas: Canvas could not be reached",
    Why.ACCESS_LOST: "refused by Canvas: the access to Canvas was withdrawn",
    Why.SCOPE_MISSING: "refused by Canvas: the developer key lacks a scope",
    Why.NOT_PERMITTED: "refused by Canvas: you may not do this in Canvas",
    Why.NOT_FOUND: "refused by Canvas: Canvas does not know this student or work here",
    Why.REFUSED: "refused by Canvas: Canvas refused this pair",
    Why.SERVER_ERROR: "refused by Canvas: Canvas had an internal error",
    Why.NO_ANSWER: "refused by Canvas: Canvas gave no answer",
    Why.BROKEN_ANSWER: "refused by Canvas: Canvas's answer could not be read",
    Why.WRONG_IDS: "refused by Canvas: Canvas answered for other people than asked",
    Why.INCOMPLETE_LIST: "refused by Canvas: Canvas's list was incomplete",
}


def ended(scene: Scene, step_class: StepClass, why: Why, note: str = "") -> RunReport:
    """A run that is over, whose first change ended so."""
    report = scene.report(RunState.DONE_WITH_ISSUES)
    first = replace(report.steps[0], step_class=step_class, why=why, note=note)
    steps = (first, *report.steps[1:])
    counts = {one: sum(step.step_class is one for step in steps) for one in StepClass}
    return replace(report, steps=steps, progress=replace(report.progress, counts=counts))


def tells_of_the_first_change(scene: Scene, report: RunReport, reason: str) -> None:
    names = scene.course.read.people_by_id
    pair = f"{names[scene.first.reviewer].name} reviews {names[scene.first.author].name}"
    printed = scene.terminal(report)
    assert printed[1] == "59 of 60 changes were made, 1 was not."
    assert printed[2:7] == [
        "",
        "Not made, and why:",
        f"  1 x {reason}",
        "",
        f"  + create  {pair}  ({reason})",
    ]
    page = scene.page(report)
    assert f"1 × {reason}" in page
    assert reason in page, "in its row"


MADE_BY_OTHERS = " 1 of them was already made in Canvas by somebody else."


def tells_what_others_had_made(scene: Scene, report: RunReport, step_class: StepClass) -> None:
    names = scene.course.read.people_by_id
    reviewer, author = names[scene.first.reviewer].name, names[scene.first.author].name
    told = {
        StepClass.ALREADY_THERE: f"{reviewer} was given a review of the work of {author}",
        StepClass.ALREADY_GONE: f"{reviewer} no longer reviews the work of {author}",
    }[step_class]
    printed, page = scene.terminal(report), scene.page(report)
    assert printed[printed.index("Changed in Canvas since the preview, by others:") + 1] == f"  - {told}"
    assert page[page.index("Changed in Canvas since the preview, by others") + 1] == told
    assert f"All 60 changes were made.{MADE_BY_OTHERS}" in page


@pytest.mark.parametrize("step_class", StepClass)
def test_every_class_of_a_change(scene: Scene, step_class: StepClass) -> None:
    reason = CLASSES[step_class]
    report = ended(scene, step_class, Why.NONE)
    if step_class in GOOD:
        by_others = {StepClass.ALREADY_THERE: MADE_BY_OTHERS, StepClass.ALREADY_GONE: MADE_BY_OTHERS}
        assert scene.terminal(report)[1] == "All 60 changes were made." + by_others.get(step_class, "")
        if step_class in by_others:
            tells_what_others_had_made(scene, report, step_class)
        latest = replace(report.progress, state=RunState.APPLYING, latest=report.steps[:1])
        going = scene.page(replace(report, state=RunState.APPLYING, progress=latest))
        assert [item for item in going if item.endswith(f" {reason}")], "among the last changes"
        return
    tells_of_the_first_change(scene, report, reason)


@pytest.mark.parametrize("why", Why)
def test_every_cause(scene: Scene, why: Why) -> None:
    tells_of_the_first_change(scene, ended(scene, StepClass.REFUSED, why), WHYS[why])


def test_what_canvas_said_is_kept_beside_the_cause(scene: Scene) -> None:
    report = ended(scene, StepClass.CONFLICT, Why.NONE, "the pair exists several times")
    reason = "changed by somebody else (the pair exists several times)"
    tells_of_the_first_change(scene, report, reason)


def test_a_paused_run_lists_what_failed_and_not_what_waits(scene: Scene) -> None:
    report = scene.report(RunState.PAUSED_BY_PERSON)
    failed = replace(report.steps[5], step_class=StepClass.REFUSED, why=Why.REFUSED)
    steps = (*report.steps[:5], failed, *report.steps[6:])
    counts = {one: sum(step.step_class is one for step in steps) for one in StepClass}
    report = replace(report, steps=steps, progress=replace(report.progress, counts=counts))
    printed = scene.terminal(report)
    assert printed[1] == "3 of 60 changes are made, 56 are still to come. 1 was not made."
    assert [line for line in printed if line.startswith("  + ")] == [
        "  + create  Chloé Castillo reviews Kaya Dvořák  (refused by Canvas: Canvas refused this pair)"
    ]
    assert "1 × refused by Canvas: Canvas refused this pair" in scene.page(report)


MISMATCHES: dict[MismatchKind, str] = {
    MismatchKind.MISSING: "Canvas confirmed this review, and now it is not there",
    MismatchKind.STILL_THERE: "Canvas confirmed the deletion, and the review is still there",
    MismatchKind.DUPLICATE: "this review exists more than once",
    MismatchKind.ARRIVED_LATE: "counted as not done, and yet Canvas shows it",
    MismatchKind.COMPLETED_WAS_DELETED: "the student completed it in the moment before it was deleted",
    MismatchKind.ADDED_BY_OTHERS: "somebody else added this review",
    MismatchKind.REMOVED_BY_OTHERS: "somebody else removed this review",
    MismatchKind.REOPENED: "Canvas opened this completed review again, so it has to be written once more",
    MismatchKind.ASSIGNMENT_CHANGED: "the assignment's settings were changed",
    MismatchKind.ASSIGNMENT_UNFIT: "the assignment was changed meanwhile, so these reviews may not count",
    MismatchKind.OF_LATER_VERSION: "known only to a newer version of this tool",
}


@pytest.mark.parametrize("kind", MismatchKind)
def test_every_mismatch_names_its_people(scene: Scene, kind: MismatchKind) -> None:
    found = Mismatch(kind, scene.first.reviewer, scene.first.submission)
    report = scene.report(RunState.DONE_WITH_ISSUES)
    report = replace(report, verification=Verification(60, 59, (found,), "f", "2026-11-20T15:02:00+00:00"))
    names = scene.course.read.people_by_id
    pair = f"{names[scene.first.reviewer].name} reviews {names[scene.first.author].name}"
    printed = scene.terminal(report)
    at = printed.index("Verified by reading Canvas again: 59 of 60 changes were seen in Canvas.")
    assert printed[at + 1] == f"  - {pair}: {MISMATCHES[kind]}"
    page = scene.page(report)
    assert "59 of 60 changes were seen in Canvas." in page
    assert f"{pair}: {MISMATCHES[kind]}" in page


def test_a_completed_review_that_was_lost_is_never_told_as_all_is_well(scene: Scene) -> None:
    lost = Mismatch(MismatchKind.COMPLETED_WAS_DELETED, scene.first.reviewer, scene.first.submission)
    report = scene.report(RunState.DONE_WITH_ISSUES)
    report = replace(report, verification=Verification(60, 60, (lost,), "f", "2026-11-20T15:02:00+00:00"))
    printed = scene.terminal(report)
    assert printed[0] == "Run r1: Done, with issues."
    assert [line for line in printed if "the moment before it was deleted" in line]
    assert f"  1. {LOOK}" in printed


SETTINGS: dict[DriftKind, str] = {
    DriftKind.RUBRIC_CHANGED: "the rubric was attached, replaced or removed",
    DriftKind.NEW_ALLOCATION_SWITCHED: "Canvas's own allocation of reviews was switched on or off",
    DriftKind.PEER_REVIEWS_SWITCHED: "peer reviews were switched on or off",
    DriftKind.AUTOMATIC_SWITCHED: "automatic peer reviews were switched on or off",
    DriftKind.PUBLISHED: "the assignment was published",
    DriftKind.UNPUBLISHED: "the assignment was unpublished",
    DriftKind.DUE_DATE_CHANGED: "the due date was changed",
    DriftKind.ANONYMOUS_SWITCHED: "anonymous peer reviews were switched on or off",
    DriftKind.WITHIN_GROUPS_SWITCHED: "reviews within groups were switched on or off",
    DriftKind.GROUP_SET_CHANGED: "the group set was changed",
    DriftKind.ASSIGNED_TO_CHANGED: "who the assignment is for was changed",
}


@pytest.mark.parametrize("kind", [kind for kind in DriftKind if kind in ASSIGNMENT_WORDS])
def test_a_setting_that_was_changed_during_the_run_is_named(scene: Scene, kind: DriftKind) -> None:
    found = Mismatch(MismatchKind.ASSIGNMENT_CHANGED, detail=kind)
    report = scene.report(RunState.DONE)
    report = replace(report, verification=Verification(60, 60, (found,), "f", "2026-11-20T15:02:00+00:00"))
    assert f"  - {SETTINGS[kind]}" in scene.terminal(report)
    assert SETTINGS[kind] in scene.page(report)


def test_what_others_changed_since_the_preview(scene: Scene) -> None:
    drift = (
        Drift(DriftKind.REVIEW_ADDED, (scene.first.reviewer, scene.first.author)),
        Drift(DriftKind.PERSON_LEFT, (scene.first.author,)),
    )
    report = replace(scene.report(RunState.DONE), drift=Judged(harmless=drift))
    names = scene.course.read.people_by_id
    reviewer, author = names[scene.first.reviewer].name, names[scene.first.author].name
    told = [f"{author} left the course", f"{reviewer} was given a review of the work of {author}"]
    printed = scene.terminal(report)
    at = printed.index("Changed in Canvas since the preview, by others:")
    assert printed[at + 1 : at + 3] == [f"  - {line}" for line in told]
    page = scene.page(report)
    assert page[page.index("Changed in Canvas since the preview, by others") + 1 :][:2] == told


def test_what_made_a_plan_out_of_date(scene: Scene) -> None:
    gone = Drift(DriftKind.REVIEW_GONE, (scene.first.reviewer, scene.first.author))
    stop = out_of_date(Judged(replan=(gone,)), has_begun=False)
    report = replace(
        scene.report(RunState.NEEDS_REVIEW),
        drift=Judged(replan=(gone,), harmless=(Drift(DriftKind.PERSON_JOINED, (scene.first.author,)),)),
        words=stop.words,
        reason=stop.reason,
    )
    names = scene.course.read.people_by_id
    reviewer, author = names[scene.first.reviewer].name, names[scene.first.author].name
    told = f"{reviewer} no longer reviews the work of {author}"
    printed, page = scene.terminal(report), scene.page(report)
    assert printed[printed.index("Out of date, because:") + 1] == f"  - {told}"
    assert printed[printed.index("Changed in Canvas since the preview, by others:") + 1] == (
        f"  - {author} joined the course"
    )
    assert told in page
    assert (
        "This plan is out of date: Canvas changed since the preview. Nothing was assigned or removed. "
        "Preview again to plan from Canvas as it is now." in " ".join(page)
    )


STANDING: dict[Attendance, tuple[str, str]] = {
    Attendance.NOT_NEEDED: ("", ""),
    Attendance.DRIVEN: (
        "A worker is making these changes.",
        "Look again later. The changes continue on their own.",
    ),
    Attendance.HELD: (
        "No worker was running in the last minute. A command was making these changes a moment ago, and may "
        "still be.",
        "Look again in a minute. If nothing is happening then, start a worker.",
    ),
    Attendance.EXPECTED: (
        "No worker is making these changes yet. One is running and will start them.",
        "Look again later. The changes continue on their own.",
    ),
    Attendance.MISSING: (
        "Nothing is happening: no worker is making these changes, and none was running in the last minute.",
        "Start a worker of this tool, or ask the people who run the tool to.",
    ),
}


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.APPLYING])
@pytest.mark.parametrize("attendance", Attendance)
def test_a_run_says_whether_any_worker_drives_it(
    scene: Scene, attendance: Attendance, state: RunState
) -> None:
    report = scene.report(state)
    report = replace(report, progress=replace(report.progress, attendance=attendance))
    standing, what = STANDING[attendance]
    printed, page = scene.terminal(report), scene.page(report)
    if attendance is Attendance.NOT_NEEDED:
        assert not [line for line in printed if "worker" in line]
        return
    assert printed[2] == standing
    assert f"  1. {what}" in printed
    missing = attendance is Attendance.MISSING
    assert (standing in page) is missing
    assert (what in page) is missing
    goes_on = attendance in (Attendance.DRIVEN, Attendance.EXPECTED)
    assert ("You may close this page; the run goes on." in page) is goes_on
    if missing:
        assert printed[-1] == ("       peer-allocator worker, or here: peer-allocator runs resume r1 --wait")


def test_a_missing_scope_is_named_with_both_steps_in_order(scene: Scene) -> None:
    stop = stop_for(Why.SCOPE_MISSING, "", scope=SCOPE)
    report = scene.report(RunState.PAUSED_PERMISSION)
    waiting = replace(report.progress, waiting=stop.words)
    report = replace(report, reason=Why.SCOPE_MISSING, words=stop.words, progress=waiting)
    because = f"Canvas refuses these changes because the tool's API developer key lacks the scope {SCOPE}."
    steps = [
        f"Ask the Canvas administrator to add the scope {SCOPE} to the tool's API developer key.",
        "When that is done, connect to Canvas again. Until then your access keeps the scopes that it had.",
        RESUME,
    ]
    printed = scene.terminal(report)
    assert printed[2] == because
    numbered = [line for line in printed if re.match(r"  \d\. ", line)]
    assert numbered == [f"  {place}. {words}" for place, words in enumerate(steps, 1)]
    page = scene.page(report)
    assert f"3 of 60 changes are settled. Nothing is lost. {because}" in page
    at = page.index(steps[0])
    assert page[at : at + 3] == [steps[0], f"{steps[1]} Connect again", f"{RESUME} Go on"]


def test_a_pause_that_ends_by_itself_says_when(scene: Scene) -> None:
    report = scene.report(RunState.PAUSED_CANVAS)
    until = datetime(2026, 11, 20, 15, 7, tzinfo=UTC)
    report = replace(report, progress=replace(report.progress, waiting_until=until, waits_s=130.0))
    assert scene.terminal(report)[3:] == [
        "Next:",
        *advice(
            (
                "The changes continue automatically at 2026-11-20 15:07 UTC.",
                "peer-allocator runs show r1",
            ),
            ("To try now, resume.", "peer-allocator runs resume r1 --wait"),
        ),
    ]


def test_every_advice_has_a_command_or_says_whom_to_ask(scene: Scene) -> None:
    report = scene.report(RunState.DONE)
    without = {what for what in Next if not commands()[what](report)}
    assert without == {Next.ADD_SCOPE, Next.CHECK_ROLE}
    assert all(callable(made) for made in commands().values())


def test_every_setting_of_the_assignment_has_its_words() -> None:
    assert SETTINGS.keys() == ASSIGNMENT_WORDS.keys()
