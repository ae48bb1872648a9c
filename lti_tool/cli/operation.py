"""What an operator starts: demo, server, worker, database upgrade, doctor."""

from __future__ import annotations

import click

from lti_tool.cli.output import DONE, WITH_ISSUES, explains_errors, format_option, print_json


@click.command()
@click.option("--canvas-port", default=8070, show_default=True, help="Port of the simulated Canvas.")
@click.option("--tool-port", default=8080, show_default=True, help="Port of the tool.")
@explains_errors
def demo(canvas_port: int, tool_port: int) -> None:
    """Run everything on a simulated Canvas: tool, worker and Canvas in one process; nothing is kept."""
    from lti_tool.cli.demonstration import run_demo

    run_demo(canvas_port=canvas_port, tool_port=tool_port)


@click.command()
@explains_errors
def serve() -> None:
    """Serve the tool's pages; run `peer-allocator worker` beside it."""
    from lti_tool.bootstrap import open_application, serve_forever

    with open_application() as application:
        serve_forever(application)


@click.command()
@explains_errors
def worker() -> None:
    """Drive runs until told to stop; any number of workers may run at once."""
    from lti_tool.bootstrap import open_application, work_forever

    with open_application() as application:
        work_forever(application)


@click.group()
def db() -> None:
    """The database."""


@db.command()
@explains_errors
def upgrade() -> None:
    """Bring the database to the newest schema."""
    from lti_tool.bootstrap import upgrade_database

    click.echo(f"The database is at revision {upgrade_database()}.")


@db.command()
@explains_errors
def restored() -> None:
    """Say that the database was restored from a backup: runs under way are held until `release`."""
    from lti_tool.bootstrap import open_application
    from lti_tool.persistence.instance import InstanceStore
    from lti_tool.services.audit import Event

    with open_application() as application:
        held = InstanceStore(application.database).hold_all()
        application.audit.record(Event.RUNS_HELD, detail=str(held))
    click.echo(f"{held} runs are held. Look at their reviews in Canvas, then: peer-allocator release")


@click.command()
@explains_errors
def release() -> None:
    """Let the runs go on that were held after a restore; each reads Canvas again first."""
    from lti_tool.bootstrap import open_application
    from lti_tool.persistence.instance import InstanceStore

    with open_application() as application:
        runs = InstanceStore(application.database).held()
        for run in runs:
            application.use_cases.running.resume(application.actor_of_run(run), run)
            click.echo(f"Run {run} goes on.")
    if not runs:
        click.echo("No run is held.")


@click.command()
@format_option
@click.pass_context
@explains_errors
def doctor(context: click.Context, format_: str) -> None:
    """Check every link of the chain and say what to do for each that fails."""
    from lti_tool.bootstrap import examine
    from lti_tool.logs import configure_logs
    from lti_tool.settings import load_settings

    settings = load_settings()
    configure_logs(settings.log_level)
    findings = examine(settings)
    if format_ == "json":
        print_json([{"check": str(item.check), "ok": item.ok, "words": str(item.words)} for item in findings])
    else:
        for item in findings:
            click.echo(f"{'ok  ' if item.ok else 'FAIL'}  {item.check}: {item.words}")
    context.exit(DONE if all(item.ok for item in findings) else WITH_ISSUES)
