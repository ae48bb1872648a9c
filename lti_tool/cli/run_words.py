"""A run's account as the command line tells it: text for people, JSON for programs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from lti_tool.cli.output import DONE, WITH_ISSUES, print_json
from lti_tool.defects import Defect

if TYPE_CHECKING:
    from lti_tool.applying.report import ReportedStep, RunReport
    from lti_tool.bootstrap import Application
    from lti_tool.planning.ids import RunId
    from lti_tool.planning.snapshot import Snapshot
    from lti_tool.services.actor import Actor
    from lti_tool.services.run_account import Next, RunAccount

SIGNS = {"create": "+", "delete": "-"}
LISTED = 50
"""Lines of one list; JSON has all."""


@dataclass(frozen=True, slots=True)
class Told:
    """A run, what is said about it, and the course that it is about."""

    report: RunReport
    account: RunAccount
    snapshot: Snapshot


def tell(application: Application, actor: Actor, run_id: RunId) -> Told:
    """All about a run of the actor's course; without access to Canvas its state, but nobody's name."""
    from lti_tool.applying.answers import ReadFailed, Why
    from lti_tool.services.run_account import account_of

    try:
        report = application.use_cases.running.report(actor, run_id)
        snapshot = application.use_cases.planning.plan(actor, report.plan_id).snapshot
    except ReadFailed as failed:
        if failed.why is not Why.ACCESS_LOST:
            raise
        return _without_people(application, run_id)
    return Told(report, account_of(report, snapshot), snapshot)


def _without_people(application: Application, run_id: RunId) -> Told:
    """Who may see whom, only Canvas could say: so states and numbers, and how to get the access back."""
    from lti_tool.applying.states import TERMINAL
    from lti_tool.persistence.plans import load_plan
    from lti_tool.services.run_account import Next, account_of, connecting_again

    report = application.journal.report(run_id)
    with application.database.read() as session:
        stored = load_plan(session, report.plan_id)
    if stored is None:
        raise Defect(f"run {run_id} has no plan")
    account = account_of(report, stored.snapshot)
    first = () if any(step.what is Next.CONNECT for step in account.next) else (connecting_again(),)
    after = () if report.state in TERMINAL else account.next
    return Told(
        replace(report, steps=(), verification=None),
        replace(account, not_made=(), mismatches=(), out_of_date=(), drift=(), next=(*first, *after)),
        stored.snapshot,
    )


def show(told: Told, format_: str) -> None:
    """Print it for people or for programs."""
    if format_ == "json":
        print_json(_document(told))
    else:
        click.echo("\n".join(lines(told)))


def exit_code(report: RunReport) -> int:
    """1 for a run that is over and did not do all that was planned, or that waits for a person; else 0."""
    from lti_tool.applying.states import PAUSED, RunState

    stuck = report.state in PAUSED and report.progress.waiting_until is None
    short = report.progress.over and report.state is not RunState.DONE
    return WITH_ISSUES if stuck or short else DONE


def commands() -> dict[Next, Callable[[RunReport], str]]:
    """The command for each thing that one can do about a run; empty where it isn't done on this machine."""
    from lti_tool.services.run_account import Next

    def where(report: RunReport) -> str:
        return (
            f"--canvas {shlex.quote(report.canvas)} --course {shlex.quote(report.course_id)} "
            f"--assignment {shlex.quote(report.assignment_id)}"
        )

    return {
        Next.WAIT: lambda report: f"peer-allocator runs show {report.id}",
        Next.START_WORKER: lambda report: (
            f"peer-allocator worker, or here: peer-allocator runs resume {report.id} --wait"
        ),
        Next.ADD_SCOPE: lambda _report: "",
        Next.CONNECT: lambda report: (
            "open the tool in Canvas, or with a token of your own: peer-allocator connect --canvas "
            f"{shlex.quote(report.canvas)} --token-env NAME"
        ),
        Next.CHECK_ROLE: lambda _report: "",
        Next.CHECK_DATABASE: lambda _report: "peer-allocator doctor",
        Next.LOOK_IN_CANVAS: lambda report: f"peer-allocator export {where(report)}",
        Next.RESUME: lambda report: f"peer-allocator runs resume {report.id} --wait",
        Next.INSTALL_UPDATE: lambda report: f"peer-allocator runs show {report.id}",
        Next.TRY_AGAIN: lambda report: f"peer-allocator runs again {report.id}",
        Next.PLAN_AGAIN: lambda report: f"peer-allocator plan {where(report)}",
        Next.UNDO: lambda report: f"peer-allocator undo {report.id}",
    }


def lines(told: Told) -> Iterator[str]:
    """The account as people read it."""
    report, account = told.report, told.account
    yield f"Run {report.id}: {account.state}."
    yield from (str(words) for words in (account.result, account.because, account.standing) if words)
    if account.out_of_date:
        yield "\nOut of date, because:"
        yield from _listed(f"- {words}" for words in account.out_of_date)
    if account.causes:
        yield "\nNot made, and why:"
        yield from (f"  {number} x {why}" for why, number in account.causes)
        yield ""
        yield from _listed(
            f"{SIGNS[one.step.kind]} {one.step.kind}  {one.reviewer} reviews {one.author}  ({one.why})"
            for one in account.not_made
        )
    if account.verified:
        yield f"\nVerified by reading Canvas again: {account.verified}"
        yield from _listed(f"- {one.words}" for one in account.mismatches)
    if account.drift:
        yield "\nChanged in Canvas since the preview, by others:"
        yield from _listed(f"- {words}" for words in account.drift)
    if account.next:
        yield "\nNext:"
    for place, step in enumerate(account.next, 1):
        command = commands()[step.what](report)
        yield f"  {place}. {step.words}" + (f"\n       {command}" if command else "")


def _listed(lines: Iterable[str]) -> Iterator[str]:
    shown = list(lines)
    yield from (f"  {line}" for line in shown[:LISTED])
    if len(shown) > LISTED:
        yield f"  ... and {len(shown) - LISTED} more; --format json lists all"


def _document(told: Told) -> dict[str, object]:
    report, account = told.report, told.account
    verification = report.verification
    return {
        "id": report.id,
        "plan": report.plan_id,
        "state": report.state,
        "words": " ".join(
            [f"{account.state}.", *(str(one) for one in (account.result, account.because) if one)]
        ),
        "reason": report.reason,
        "driven": report.progress.attendance,
        "standing": str(account.standing),
        "counts": dict(report.counts),
        "steps": [_step(step, told.snapshot) for step in report.steps],
        "verification": None
        if verification is None
        else {
            "expected": verification.expected,
            "confirmed": verification.confirmed,
            "words": str(account.verified),
            "mismatches": [{"kind": one.kind, "words": str(one.words)} for one in account.mismatches],
        },
        "out_of_date": [str(words) for words in account.out_of_date],
        "drift": [str(words) for words in account.drift],
        "next": [
            {"what": step.what, "words": str(step.words), "command": commands()[step.what](report) or None}
            for step in account.next
        ],
    }


def _step(step: ReportedStep, snapshot: Snapshot) -> dict[str, object]:
    from lti_tool.services.run_account import step_reason
    from lti_tool.services.tables import display_name

    return {
        "kind": step.kind,
        "reviewer": step.reviewer,
        "reviewer_name": display_name(snapshot, step.reviewer),
        "author": step.author,
        "author_name": display_name(snapshot, step.author),
        "submission": step.submission,
        "class": step.step_class,
        "why": step.why,
        "words": str(step_reason(step)),
        "review_id": step.review_id,
    }
