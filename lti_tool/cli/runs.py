"""Runs from the command line: show, cancel, resume; and driving one to its end with a progress bar."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from lti_tool.cli.output import DONE, explains_errors, format_option
from lti_tool.cli.run_words import exit_code, show, tell

if TYPE_CHECKING:
    from lti_tool.bootstrap import Application
    from lti_tool.planning.ids import RunId
    from lti_tool.services.actor import Actor


LOOK_EVERY_S = 0.5
LOOKING_COSTS = 1 / 1000
"""At most this share of the time goes into looking how far a run is: the next look waits accordingly."""


@click.group()
def runs() -> None:
    """Runs: what was applied, and how it went."""


@runs.command("show")
@click.argument("run_id", metavar="RUN")
@format_option
@click.pass_context
@explains_errors
def show_run(context: click.Context, run_id: str, format_: str) -> None:
    """Show what RUN changed, what it did not and why, what Canvas has now, and what to do next."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import RunId

    with open_application() as application:
        actor = application.actor_of_run(RunId(run_id))
        told = tell(application, actor, RunId(run_id))
    show(told, format_)
    context.exit(exit_code(told.report))


@runs.command()
@click.argument("run_id", metavar="RUN")
@explains_errors
def cancel(run_id: str) -> None:
    """Stop RUN after the calls that are under way; what was done stays, and `undo` can take it back."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import RunId

    with open_application() as application:
        actor, running = application.actor_of_run(RunId(run_id)), application.use_cases.running
        progress = running.progress(actor, RunId(run_id))
        if progress.over:
            click.echo(f"Run {run_id} is over ({progress.state}); there is nothing to stop.")
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
    """Continue a paused RUN, or one whose worker is gone."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import RunId

    with open_application() as application:
        actor = application.actor_of_run(RunId(run_id))
        application.use_cases.running.resume(actor, RunId(run_id))
        if wait:
            drive_here(application, actor, RunId(run_id), quiet=quiet(format_))
        told = tell(application, actor, RunId(run_id))
    show(told, format_)
    context.exit(exit_code(told.report) if wait else DONE)


@runs.command()
@click.argument("run_id", metavar="RUN")
@format_option
@explains_errors
def again(run_id: str, format_: str) -> None:
    """Make the plan of what RUN did not change; look at it, then `apply` it."""
    from lti_tool.bootstrap import open_application
    from lti_tool.cli.plans import show_plan
    from lti_tool.planning.ids import RunId

    with open_application() as application:
        actor = application.actor_of_run(RunId(run_id))
        made = application.use_cases.running.again(actor, RunId(run_id))
        view = application.use_cases.planning.plan(actor, made.id)
    show_plan(view, format_)


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
    try:
        if quiet:
            over.wait()
        else:
            total = running.progress(actor, run_id).total
            follow(lambda: application.journal.settled(run_id), total, over)
    except KeyboardInterrupt:
        application.driving.leave()
        click.echo(
            f"Interrupted; nothing is lost. Continue with: peer-allocator runs resume {run_id} --wait",
            err=True,
        )
    driver.join()


def follow(settled: Callable[[], int], total: int, over: threading.Event) -> None:
    """Draw a bar of ``total`` changes until ``over``; ``settled`` counts them."""
    with click.progressbar(length=total, label="Applying", file=sys.stderr) as bar:
        look_again_in = LOOK_EVERY_S
        while not over.wait(look_again_in):
            began = time.perf_counter()
            bar.update(settled() - bar.pos)
            look_again_in = max(LOOK_EVERY_S, (time.perf_counter() - began) / LOOKING_COSTS)
        bar.update(settled() - bar.pos)


def quiet(format_: str) -> bool:
    """Whether no progress bar is drawn: for programs, and where nobody would see it move."""
    return format_ == "json" or not sys.stderr.isatty()
