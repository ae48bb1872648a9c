"""What happens by itself, from the command line: schedules, and the watch for changes behind a plan."""

from __future__ import annotations

from pathlib import Path

import click

from lti_tool.cli.after import read_template
from lti_tool.cli.output import DONE, WITH_ISSUES, explains_errors, format_option, print_json, refuse
from lti_tool.cli.plans import where

KINDS = ("allocate", "top_up", "remind", "watch")


@click.group()
def schedule() -> None:
    """Allocate, top up, remind or watch by itself; workers carry it out."""


@schedule.command("add")
@where
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What is done.")
@click.option("--at", default=None, metavar="TIME", help="First time (ISO 8601 with zone).")
@click.option(
    "--after-due",
    type=int,
    default=None,
    metavar="HOURS",
    help="First time: after Canvas's due date; before it, where negative.",
)
@click.option(
    "--after-reviews-due",
    type=int,
    default=None,
    metavar="HOURS",
    help="First time: after the date set with follow-up; before it, where negative.",
)
@click.option("--every", type=int, default=None, metavar="HOURS", help="Again after so many hours.")
@click.option("--until", default=None, metavar="TIME", help="Not after this moment.")
@click.option("--zone", default="UTC", metavar="NAME", help="Time zone whose time of day whole days keep.")
@click.option("--automatic", is_flag=True, help="Apply plans at once instead of waiting for approval.")
@click.option("--own-dates", is_flag=True, help="Again at each later due date of a student's own.")
@click.option("--overdue", is_flag=True, help="Remind only those who are late.")
@click.option("--section", default="", metavar="ID", help="Remind only this section.")
@click.option("--subject", default=None, help="Subject of a reminder.")
@click.option(
    "--body", type=click.Path(path_type=Path), default=None, help="File with the text of a reminder."
)
@click.option(
    "--tell",
    type=click.Choice(["me", "teachers"]),
    default="me",
    show_default=True,
    help="Whom Canvas tells of a plan that waits, or of what failed.",
)
@click.option("--locale", default="en", metavar="CODE", help="Language of what is written.")
@format_option
@explains_errors
def add(
    canvas: str,
    course: str,
    assignment: str,
    user: str | None,
    kind: str,
    at: str | None,
    after_due: int | None,
    after_reviews_due: int | None,
    every: int | None,
    until: str | None,
    zone: str,
    automatic: bool,
    own_dates: bool,
    overdue: bool,
    section: str,
    subject: str | None,
    body: Path | None,
    tell: str,
    locale: str,
    format_: str,
) -> None:
    """Add a schedule to an assignment."""
    from pydantic import ValidationError

    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.planning.schedule import Schedule

    if after_due is not None and after_reviews_due is not None:
        refuse("give --after-due or --after-reviews-due, not both")
    wanted = {
        "kind": kind,
        "at": at,
        "after_due_hours": after_due if after_reviews_due is None else after_reviews_due,
        "counted_from": "assignment" if after_reviews_due is None else "reviews",
        "every_hours": every,
        "until": until,
        "zone": zone,
        "approval": "automatic" if automatic else "ask",
        "own_dates": own_dates,
        "template": read_template(subject, body) if kind == "remind" else None,
        "overdue_only": overdue,
        "section": section,
        "tell": tell,
        "locale": locale,
    }
    try:
        made = Schedule.model_validate(wanted)
    except ValidationError as error:
        refuse("; ".join(f"{'.'.join(map(str, one['loc'])) or kind}: {one['msg']}" for one in error.errors()))
    with open_application() as application:
        actor = application.actor(canvas, course, user)
        schedule_id = application.use_cases.scheduling.add_schedule(actor, AssignmentId(assignment), made)
    if format_ == "json":
        print_json({"id": schedule_id})
    else:
        click.echo(f"Schedule {schedule_id} added.")


@schedule.command("list")
@where
@format_option
@explains_errors
def list_(canvas: str, course: str, assignment: str, user: str | None, format_: str) -> None:
    """Show the schedules of an assignment and what came of them."""
    from allocation.sentences import Sentence
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        found = application.use_cases.scheduling.schedules(actor, AssignmentId(assignment))
    rows = [
        {
            "id": one.id,
            "kind": one.schedule.kind,
            "next_at": one.next_at.isoformat() if one.next_at else None,
            "last_at": one.last_at.isoformat() if one.last_at else None,
            "outcome": one.outcome,
            "note": str(Sentence.unpacked(one.note)),
            "told": one.telling,
            "plan": one.plan_id,
            "run": one.run_id,
        }
        for one in found
    ]
    if format_ == "json":
        print_json(rows)
        return
    for row in rows:
        when = row["next_at"] or "over"
        click.echo(f"{row['id']}  {row['kind']:<9} next {when:<33} {row['outcome'] or ''} {row['note']}")


@schedule.command("remove")
@click.argument("schedule_id", metavar="SCHEDULE")
@where
@format_option
@explains_errors
def remove(
    schedule_id: str,
    canvas: str,
    course: str,
    assignment: str,  # noqa: ARG001 - named like everywhere; the schedule has its own
    user: str | None,
    format_: str,
) -> None:
    """Remove a schedule."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        application.use_cases.scheduling.remove_schedule(actor, schedule_id)
    if format_ == "json":
        print_json({"removed": schedule_id})
    else:
        click.echo("Removed.")


@schedule.command("run")
@click.option("--wait", is_flag=True, help="Then drive the runs that wait to their end, as a worker would.")
@format_option
@explains_errors
def run(wait: bool, format_: str) -> None:
    """Carry out everything that is due now, of all courses; workers do this by themselves."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        count = application.use_cases.scheduling.carry_out_due()
        runs = application.driving.waiting() if wait else ()
        for run_id in runs:
            application.driving.drive(run_id)
    if format_ == "json":
        print_json({"carried_out": count, "runs": list(runs)})
    else:
        click.echo(f"{count} carried out.")


@click.command()
@where
@format_option
@click.pass_context
@explains_errors
def watch(
    context: click.Context, canvas: str, course: str, assignment: str, user: str | None, format_: str
) -> None:
    """Read Canvas and say what was changed behind the last verified run; exit code 1 when something was."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        found = application.use_cases.watching.look(actor, AssignmentId(assignment), fresh=True)
    alarms = [{"kind": one.kind, "people": list(one.people)} for one in found.alarms]
    fill_up = [{"kind": one.kind, "people": list(one.people)} for one in found.to_fill_up]
    if format_ == "json":
        since = found.since.isoformat() if found.since else None
        print_json({"since": since, "alarms": alarms, "to_fill_up": fill_up})
    elif found.under_way:
        click.echo("An update of this assignment is under way. Look again when it is over.")
    elif found.run is None:
        click.echo("No run of this assignment was verified yet, so there is nothing to compare with.")
    else:
        for one in (*found.alarms, *found.to_fill_up):
            click.echo(f"{one.kind.replace('_', ' ')}: {', '.join(one.people) or 'the assignment'}")
        click.echo(f"{len(alarms)} changes behind the plan, {len(fill_up)} things to fill up.")
    context.exit(WITH_ISSUES if alarms else DONE)
