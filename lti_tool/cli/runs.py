"""Runs from the command line: show, cancel, resume; and driving one to its end with a progress bar."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from lti_tool.cli.output import DONE, WITH_ISSUES, explains_errors, format_option, print_json

if TYPE_CHECKING:
    from lti_tool.applying.report import RunReport
    from lti_tool.bootstrap import Application
    from lti_tool.planning.ids import RunId
    from lti_tool.services.actor import Actor


LOOK_EVERY_S = 0.3


@click.group()
def runs() -> None:
    """Runs: what was applied, and how it went."""


@runs.command()
@click.argument("run_id", metavar="RUN")
@format_option
@click.pass_context
@explains_errors
def show(context: click.Context, run_id: str, format_: str) -> None:
    """Show state, counts and steps of RUN."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import RunId

    with open_application() as application:
        actor = application.actor_of_run(RunId(run_id))
        report = application.use_cases.running.report(actor, RunId(run_id))
    show_report(report, format_)
    context.exit(exit_code(report))


@runs.command()
@click.argument("run_id", metavar="RUN")
@explains_errors
def cancel(run_id: str) -> None:
    """Stop RUN after the calls that are under way; what was done stays, and `undo` can take it back."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import RunId

    with open_application() as application:
        actor, running = application.actor_of_run(RunId(run_id)), application.use_cases.running
        report = running.report(actor, RunId(run_id))
        if report.progress.over:
            click.echo(f"Run {run_id} is over ({report.state}); there is nothing to stop.")
            return
        running.cancel(actor, RunId(run_id))
    click.echo(f"Run {run_id} stops after the calls that are under way.")


@runs.command()
@click.argument("run_id", metavar="RUN")
@explains_errors
def pause(run_id: str) -> None:
    """Send nothing more of RUN after the calls that are under way, until somebody resumes it."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import RunId

    with open_application() as application:
        actor, running = application.actor_of_run(RunId(run_id)), application.use_cases.running
        running.pause(actor, RunId(run_id))
        progress = running.progress(actor, RunId(run_id))
    if progress.over:
        click.echo(f"Run {run_id} is over ({progress.state}); there is nothing to pause.")
    else:
        click.echo(f"Run {run_id} sends nothing more. Go on with: peer-allocator runs resume {run_id}")


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.option("--wait", is_flag=True, help="Drive the run to its end here, with a progress bar.")
@format_option
@click.pass_context
@explains_errors
def resume(context: click.Context, run_id: str, wait: bool, format_: str) -> None:
    """Go on with a paused RUN."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import RunId

    with open_application() as application:
        actor = application.actor_of_run(RunId(run_id))
        application.use_cases.running.resume(actor, RunId(run_id))
        if wait:
            drive_here(application, actor, RunId(run_id), quiet=format_ == "json")
        report = application.use_cases.running.report(actor, RunId(run_id))
    show_report(report, format_)
    context.exit(exit_code(report) if wait else DONE)


def drive_here(application: Application, actor: Actor, run_id: RunId, *, quiet: bool) -> None:
    """Drive the run in this process until it is over or paused; a worker elsewhere may be doing it too."""
    running = application.use_cases.running
    over = threading.Event()

    def drive() -> None:
        try:
            application.driving.drive_to_rest(run_id)
        finally:
            over.set()

    driver = threading.Thread(target=drive, name="driver")
    driver.start()
    progress = running.report(actor, run_id).progress
    try:
        with click.progressbar(length=progress.total, label="Applying", hidden=quiet) as bar:
            while not over.wait(LOOK_EVERY_S):
                bar.update(running.report(actor, run_id).progress.done - bar.pos)
            bar.update(running.report(actor, run_id).progress.done - bar.pos)
    except KeyboardInterrupt:
        application.driving.leave()
        click.echo(
            "Interrupted; nothing is lost. Go on with: peer-allocator apply --wait PLAN, or a worker.",
            err=True,
        )
    driver.join()


def show_report(report: RunReport, format_: str) -> None:
    """Print a report as the command line's users and programs expect it."""
    if format_ == "json":
        print_json(
            {
                "id": report.id,
                "plan": report.plan_id,
                "state": report.state,
                "counts": dict(report.counts),
                "steps": [
                    {
                        "kind": step.kind,
                        "reviewer": step.reviewer,
                        "author": step.author,
                        "submission": step.submission,
                        "class": step.step_class,
                        "review_id": step.review_id,
                    }
                    for step in report.steps
                ],
            }
        )
        return
    from allocation.sentences import Sentence

    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.counts.items() if count)
    click.echo(f"Run {report.id}: {report.state}. {Sentence.unpacked(report.words)}".rstrip())
    click.echo(f"{report.progress.done} of {report.progress.total} settled: {counted or 'nothing to do'}.")


def exit_code(report: RunReport) -> int:
    """1 for a run that is over and did not do all that was planned, or that waits for a person; else 0."""
    from lti_tool.applying.states import PAUSED, RunState

    stuck = report.state in PAUSED and report.progress.waiting_until is None
    short = report.progress.over and report.state is not RunState.DONE
    return WITH_ISSUES if stuck or short else DONE
