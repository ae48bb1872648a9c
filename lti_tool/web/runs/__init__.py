"""Runs: progress while one is under way, the report afterwards, stop, go on, undo, the record as CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import gettext as _

from allocation.sentences import NOTHING
from lti_tool.applying.answers import Why
from lti_tool.applying.report import Attendance, Progress, worth_trying
from lti_tool.applying.states import PAUSED, RunState
from lti_tool.planning.ids import PlanId, RunId, UserId
from lti_tool.planning.plan import Plan
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.run_account import GOOD, WAITING, account_of, standing_of, step_reason
from lti_tool.services.spreadsheet import Cell
from lti_tool.services.use_cases import UseCases
from lti_tool.web import words
from lti_tool.web.answers import csv_file, file_to_save, go_to
from lti_tool.web.reading import JUST_NOW, read_lately, waiting_for
from lti_tool.web.session import visit
from lti_tool.web.voice import say_plainly


class Shown(StrEnum):
    """Which of its faces the page of a run has; a page that shows another one is fetched anew."""

    GOING = "going"
    PAUSED = "paused"
    ALONE = "alone"
    """Under way, and no worker is there."""
    OVER = "over"


LISTED = 200
"""Changes that were not made, listed on the page; the CSV has all."""


def runs_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/runs/<id>``."""
    pages = Blueprint("runs", __name__, url_prefix="/runs/<run_id>")

    @pages.get("")
    def run(course_id: str, run_id: str) -> str:
        actor = visit().actor
        report = services.running.report(actor, RunId(run_id))
        snapshot = services.planning.plan(actor, PlanId(report.plan_id)).snapshot
        account = account_of(report, snapshot)
        return render_template(
            "run.html",
            course_id=course_id,
            report=report,
            snapshot=snapshot,
            account=account,
            listed=LISTED,
            next_words={step.what: step.words for step in account.next},
            scope_missing=report.reason == Why.SCOPE_MISSING,
            try_again=len(worth_trying(report)),
            **_progress(report.progress, snapshot),
        )

    @pages.get("/progress")
    def progress(course_id: str, run_id: str) -> Response:
        actor = visit().actor
        progress = services.running.progress(actor, RunId(run_id))
        snapshot = services.planning.plan(actor, progress.plan_id).snapshot
        return jsonify(
            html=render_template("_progress.html", course_id=course_id, **_progress(progress, snapshot)),
            done=progress.done,
            total=progress.total,
            state=progress.state,
            shown=_shown(progress),
            good=progress.state is RunState.DONE,
            says=_spoken(progress),
        )

    @pages.post("/pause")
    def pause(course_id: str, run_id: str) -> Response:
        services.running.pause(visit().actor, RunId(run_id))
        return go_to(url_for("course.runs.run", course_id=course_id, run_id=run_id))

    @pages.post("/stop")
    def stop(course_id: str, run_id: str) -> Response:
        services.running.cancel(visit().actor, RunId(run_id))
        return go_to(url_for("course.runs.run", course_id=course_id, run_id=run_id))

    @pages.post("/resume")
    def resume(course_id: str, run_id: str) -> Response:
        services.running.resume(visit().actor, RunId(run_id))
        return go_to(url_for("course.runs.run", course_id=course_id, run_id=run_id))

    def on_a_fresh_reading(course_id: str, run_id: str, make: Callable[..., Plan]) -> Response:
        """To the preview of a plan about a run, over a new reading of Canvas where there is none yet."""
        actor = visit().actor
        assignment = services.running.report(actor, RunId(run_id)).assignment_id
        if read_lately(services.background, assignment, JUST_NOW).reading:
            return go_to(waiting_for(course_id, assignment, request.path))
        plan = make(actor, RunId(run_id), fresh=False)
        return go_to(url_for("course.preview.preview", course_id=course_id, plan_id=plan.id))

    @pages.post("/undo")
    def undo(course_id: str, run_id: str) -> Response:
        return on_a_fresh_reading(course_id, run_id, services.running.undo)

    @pages.post("/again")
    def again(course_id: str, run_id: str) -> Response:
        return on_a_fresh_reading(course_id, run_id, services.running.again)

    @pages.get("/rules.json")
    def rules(course_id: str, run_id: str) -> Response:  # noqa: ARG001 - the address has it
        actor = visit().actor
        report = services.running.report(actor, RunId(run_id))
        plan = services.planning.plan(actor, report.plan_id).plan
        kept = plan.rules.model_copy(update={"seed": plan.seed})
        return file_to_save(
            f"rules-{run_id}.json", f"{kept.model_dump_json(indent=2)}\n".encode(), "application/json"
        )

    @pages.get("/record.csv")
    def record(course_id: str, run_id: str) -> Response:  # noqa: ARG001 - the address has it
        actor = visit().actor
        report = services.running.report(actor, RunId(run_id))
        people = services.planning.plan(actor, PlanId(report.plan_id)).snapshot.people_by_id

        def name(user: UserId) -> str:
            return people[user].name if user in people else ""

        rows: list[list[Cell]] = [
            [
                str(words.KINDS[step.kind]),
                name(step.reviewer),
                step.reviewer,
                name(step.author),
                step.author,
                step.submission,
                str(words.CLASSES[step.step_class]),
                step.review_id,
                say_plainly(step_reason(step)),
            ]
            for step in report.steps
        ]
        header = [
            _("Change"), _("Reviewer"), _("Reviewer id"), _("Reviews the work of"), _("Author id"),
            _("Submission id"), _("Result"), _("Review id"), _("Note"),
        ]  # fmt: skip
        return csv_file(f"run-{run_id}.csv", header, rows)

    return pages


def _shown(progress: Progress) -> Shown:
    if progress.over:
        return Shown.OVER
    if progress.state in PAUSED:
        return Shown.PAUSED
    return Shown.ALONE if progress.attendance is Attendance.MISSING else Shown.GOING


def _progress(progress: Progress, snapshot: Snapshot) -> Mapping[str, object]:
    counts, people = progress.counts, snapshot.people_by_id

    def name(user: UserId) -> str:
        return people[user].name if user in people else user

    return {
        "progress": progress,
        "state_words": words.STATES[progress.state],
        "shown": _shown(progress),
        "paused": progress.state in PAUSED,
        "latest": [
            (step.kind, name(step.reviewer), name(step.author), words.CLASSES[step.step_class])
            for step in progress.latest
        ],
        "again_in": words.again_in(progress.waits_s) if progress.state in PAUSED else "",
        "good": sum(counts.get(one, 0) for one in GOOD),
        "waiting": sum(counts.get(one, 0) for one in WAITING),
        "failed": sum(number for one, number in counts.items() if one not in GOOD | WAITING),
        "left": words.minutes_left(progress.seconds_left),
        "standing": standing_of(progress) if progress.attendance is Attendance.MISSING else NOTHING,
    }


def _spoken(progress: Progress) -> str:
    done, total = progress.done, progress.total
    if progress.over or progress.state in PAUSED:
        end = str(words.STATES[progress.state])
        return str(_("%(end)s: %(done)s of %(total)s changes settled.", end=end, done=done, total=total))
    if progress.attendance is Attendance.MISSING:
        return say_plainly(standing_of(progress))
    percent = 100 * done // total if total else 0
    left = words.minutes_left(progress.seconds_left)
    said = _(
        "%(percent)s percent done, %(done)s of %(total)s. %(left)s",
        percent=percent,
        done=done,
        total=total,
        left=left,
    )
    return str(said).strip()
