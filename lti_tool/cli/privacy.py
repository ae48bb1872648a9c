"""``housekeeping`` and ``purge``: what the tool forgets."""

from __future__ import annotations

from collections.abc import Mapping

import click

from lti_tool.cli.output import explains_errors, format_option, print_json


@click.command()
@format_option
@explains_errors
def housekeeping(format_: str) -> None:
    """Erase what has been kept long enough. A worker does this once a day by itself."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        _say(application.housekeeping.do() or {}, "Erased", format_)


@click.command()
@click.option("--canvas", required=True, metavar="URL", help="Address of the Canvas.")
@click.option("--course", metavar="ID", help="Only this course.")
@click.option("--user", metavar="ID", help="Only this person, by Canvas's number.")
@click.option("--institution", is_flag=True, help="Everything of this Canvas.")
@click.option("--yes", is_flag=True, help="Erase. Without it the command only says what would go.")
@format_option
@explains_errors
def purge(
    canvas: str, course: str | None, user: str | None, institution: bool, yes: bool, format_: str
) -> None:
    """Erase everything about a course, a person or an institution; first without --yes, to see what goes.

    A person's token is withdrawn in Canvas too. Backups are not touched: docs/privacy.md says what to do.
    """
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import CourseId, UserId
    from lti_tool.services.housekeeping import Scope

    if sum((course is not None, user is not None, institution)) != 1:
        raise click.UsageError("Say what to erase with one of --course, --user and --institution.")
    with open_application() as application:
        scope = Scope(
            application.origin(canvas),
            CourseId(course) if course is not None else None,
            UserId(user) if user is not None else None,
        )
        if yes:
            _say(application.purge.do(scope), "Erased", format_)
        else:
            _say(application.purge.preview(scope), "Would be erased", format_)
            if format_ == "text":
                click.echo("Nothing was changed. Say it again with --yes to erase it.")


@click.group()
def privacy() -> None:
    """Requests of people about their data."""


@privacy.command("export")
@click.option("--canvas", required=True, metavar="URL", help="Address of the Canvas.")
@click.option("--user", required=True, metavar="ID", help="The person, by Canvas's number.")
@explains_errors
def export_person(canvas: str, user: str) -> None:
    """Print everything that is stored about a person, as JSON; secrets are left out."""
    from lti_tool.bootstrap import open_application
    from lti_tool.persistence.person_data import person_data
    from lti_tool.services.audit import Event

    with open_application() as application:
        origin = application.origin(canvas)
        with application.database.read() as session:
            found = person_data(session, origin, user)
        application.audit.record(Event.EXPORTED, canvas=origin, object_=f"user {user}", detail="person")
    print_json(found)


def _say(gone: Mapping[str, int], what: str, format_: str) -> None:
    if format_ == "json":
        print_json(dict(sorted(gone.items())))
        return
    click.echo(f"{what}:" if gone else f"{what}: nothing.")
    for name, number in sorted(gone.items()):
        click.echo(f"  {number:6}  {name}")
