"""``audit`` and ``sessions``: who did what, who is logged in, and ending that."""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from typing import Any

import click

from lti_tool.cli.output import explains_errors, format_option, print_json

FIELDS = (
    "at", "event", "source", "canvas", "course", "assignment", "user", "real_user", "object", "detail", "id",
)  # fmt: skip


@click.command()
@click.option("--canvas", default="", metavar="URL", help="Only this Canvas.")
@click.option("--since", default=None, type=click.DateTime(), help="Only lines from this moment (UTC) on.")
@click.option("--user", default="", metavar="ID", help="Only what this person did, by Canvas's number.")
@click.option("--course", default="", metavar="ID", help="Only this course.")
@click.option("--event", default="", metavar="NAME", help="Only this event, such as run_started.")
@click.option("--limit", default=1_000, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--format", "format_", type=click.Choice(["text", "json", "csv"]), default="text")
@explains_errors
def audit(
    canvas: str, since: datetime | None, user: str, course: str, event: str, limit: int, format_: str
) -> None:
    """Who did what, the newest first: launches, plans, updates, downloads, messages, grades, keys."""
    from datetime import UTC

    from lti_tool.bootstrap import open_application
    from lti_tool.persistence.audit import AuditFilter

    with open_application() as application:
        wanted = AuditFilter(
            canvas=application.origin(canvas) if canvas else "",
            since=since.replace(tzinfo=UTC) if since else None,
            user=user,
            course=course,
            event=event,
            limit=limit,
        )
        lines = application.audit.find(wanted)
    rows: list[dict[str, Any]] = [
        {name: str(getattr(line, name)) for name in FIELDS} | {"at": line.at.isoformat()} for line in lines
    ]
    if format_ == "json":
        print_json(rows)
    elif format_ == "csv":
        writer = csv.DictWriter(sys.stdout, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    else:
        for row in rows:
            given = (f"{name}={row[name]}" for name in FIELDS[2:-1] if row[name])
            click.echo(f"{row['at'][:19]}  {row['event']:<20}  {'  '.join(given)}")
        if not rows:
            click.echo("There are no such lines.")


@click.group()
def sessions() -> None:
    """Sessions: who has Peer reviews open in Canvas."""


WHOSE = [
    click.option("--canvas", default="", metavar="URL", help="Only this Canvas."),
    click.option("--course", default="", metavar="ID", help="Only this course."),
    click.option("--user", default="", metavar="ID", help="Only this person, by Canvas's number."),
]


def _whose(command: Any) -> Any:
    for option in reversed(WHOSE):
        command = option(command)
    return command


@sessions.command("list")
@_whose
@format_option
@explains_errors
def list_(canvas: str, course: str, user: str, format_: str) -> None:
    """List open sessions, the one seen last first."""
    from lti_tool.bootstrap import open_application
    from lti_tool.services.open_sessions import Whose

    with open_application() as application:
        origin = application.origin(canvas) if canvas else ""
        found = application.sessions.find(Whose(origin, course, user))
    if format_ == "json":
        print_json(
            [
                {
                    "id": one.id,
                    "canvas": one.canvas,
                    "course": one.course,
                    "user": one.user or one.lti_user,
                    "opened_at": one.opened_at.isoformat(),
                    "seen_at": one.seen_at.isoformat(),
                }
                for one in found
            ]
        )
        return
    for one in found:
        click.echo(
            f"{one.id}  {one.canvas}  course {one.course or '?'}  user {one.user or one.lti_user}  "
            f"seen {one.seen_at:%Y-%m-%d %H:%M}"
        )
    if not found:
        click.echo("No session is open.")


@sessions.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@_whose
@click.option("--all", "everybody", is_flag=True, help="End every session.")
@explains_errors
def revoke(ids: tuple[str, ...], canvas: str, course: str, user: str, everybody: bool) -> None:
    """End sessions at once: by their ids, or all of a Canvas, a course or a person."""
    from lti_tool.bootstrap import open_application
    from lti_tool.services.audit import Event
    from lti_tool.services.open_sessions import Whose

    if not (ids or canvas or course or user or everybody):
        raise click.UsageError("Say which sessions: ids, --canvas, --course, --user or --all.")
    with open_application() as application:
        origin = application.origin(canvas) if canvas else ""
        ended = sum(application.sessions.end(Whose(origin, course, user, one)) for one in ids or ("",))
        application.audit.record(
            Event.SESSIONS_ENDED, canvas=origin, course=course, object_=f"user {user}" if user else "",
            detail=str(ended),
        )  # fmt: skip
    click.echo(f"{ended} session{'' if ended == 1 else 's'} ended.")
