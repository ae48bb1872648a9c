"""After an allocation, from the command line: board, reminders, points; dry runs until told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

import click

from lti_tool.cli.output import explains_errors, format_option, print_json, refuse
from lti_tool.cli.plans import course_options, where

if TYPE_CHECKING:
    from lti_tool.persistence.follow_ups import CreditPost, LoggedBatch
    from lti_tool.planning.reminders import Template
    from lti_tool.services.follow_up_cases import CreditView, ReminderView

STANDINGS = ("all", "owes", "overdue", "done", "unreviewed", "holes", "gone")
MODES = ("proportional", "all_or_nothing", "threshold")


@click.command()
@course_options
@click.option(
    "--assignment", default=None, metavar="ID", help="Canvas assignment id; without it, all of the course."
)
@click.option(
    "--standing", type=click.Choice(STANDINGS), default="all", show_default=True, help="Whom to show."
)
@click.option("--section", default="", metavar="ID", help="Only this section.")
@click.option("--group", default="", metavar="ID", help="Only this group.")
@format_option
@explains_errors
def board(
    canvas: str,
    course: str,
    user: str | None,
    assignment: str | None,
    standing: str,
    section: str,
    group: str,
    format_: str,
) -> None:
    """Read Canvas and show who owes which reviews and who received what."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.board import Standing
    from lti_tool.planning.ids import AssignmentId

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        cases = application.use_cases.following_up
        wanted = cases.reviewed(actor) if assignment is None else [AssignmentId(assignment)]
        view = cases.board(actor, wanted, fresh=True)
    lines = view.board.filtered(Standing(standing), section=section, group=group)
    counted = ("to_do", "overdue", "extended", "done", "author_left", "received", "awaited", "lost")
    if format_ == "json":
        rows = [
            {"user": line.person.id, "name": line.person.name}
            | {name: getattr(line, name) for name in counted}
            for line in lines
        ]
        names = dict(view.board.assignments)
        print_json({"read_at": view.board.read_at.isoformat(), "assignments": names, "students": rows})
        return
    click.echo(f"As of {view.board.read_at:%Y-%m-%d %H:%M} UTC.")
    click.echo(f"{'student':<32}" + "".join(f"{name.replace('_', ' '):>12}" for name in counted))
    for line in lines:
        numbers = "".join(f"{getattr(line, name):>12}" for name in counted)
        click.echo(f"{line.person.sortable_name[:31]:<32}{numbers}")


@click.command("follow-up")
@where
@click.option(
    "--due", default=None, metavar="TIME", help="When reviews are due (ISO 8601 with zone), or 'none'."
)
@click.option(
    "--remind-every", type=click.IntRange(1, 1440), default=None, metavar="HOURS", help="Between reminders."
)
@format_option
@explains_errors
def follow_up(
    canvas: str,
    course: str,
    assignment: str,
    user: str | None,
    due: str | None,
    remind_every: int | None,
    format_: str,
) -> None:
    """Show or set when reviews are due and how often somebody may be reminded."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    changes: dict[str, object] = {} if due is None else {"reviews_due_at": _moment(due)}
    if remind_every is not None:
        changes["remind_every_hours"] = remind_every
    with open_application() as application:
        actor = application.actor(canvas, course, user)
        cases = application.use_cases.following_up
        settings = cases.settings(actor, AssignmentId(assignment))
        if changes:
            settings = settings.model_copy(update=changes)
            cases.save_settings(actor, AssignmentId(assignment), settings)
    if format_ == "json":
        print_json(settings.model_dump(mode="json"))
    else:
        when = settings.reviews_due_at.isoformat() if settings.reviews_due_at else "no date"
        click.echo(f"Reviews are due: {when}. Reminders at most every {settings.remind_every_hours} hours.")


@click.command()
@where
@click.option("--overdue", is_flag=True, help="Only those whose reviews are overdue.")
@click.option("--section", default="", metavar="ID", help="Only this section.")
@click.option("--person", multiple=True, metavar="ID", help="Only this student; may be repeated.")
@click.option("--subject", default=None, help="Subject; placeholders like {assignment} are filled in.")
@click.option(
    "--body", type=click.Path(path_type=Path), default=None, help="File with the text of the message."
)
@click.option(
    "--zone", default="", metavar="NAME", help="Time zone of dates; default: that of the course in Canvas."
)
@click.option("--send", is_flag=True, help="Send what a dry run shows.")
@click.option("--log", is_flag=True, help="Show what was sent before, to whom and when, and send nothing.")
@format_option
@explains_errors
def remind(
    canvas: str,
    course: str,
    assignment: str,
    user: str | None,
    overdue: bool,
    section: str,
    person: tuple[str, ...],
    subject: str | None,
    body: Path | None,
    zone: str,
    send: bool,
    log: bool,
    format_: str,
) -> None:
    """Show whom a reminder would reach and with which words; with --send, send it once."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.planning.reminders import Audience
    from lti_tool.web.letters import Letter

    if zone and zone not in available_timezones():
        refuse(f"{zone!r} isn't a time zone; use a name like America/New_York")
    template = read_template(subject, body)
    audience = Audience(section, frozenset(person), overdue)
    with open_application() as application:
        actor = application.actor(canvas, course, user)
        cases, wanted = application.use_cases.following_up, AssignmentId(assignment)
        if log:
            _show_log(cases.reminder_log(actor, wanted), format_)
            return
        cases.board(actor, [wanted], fresh=True)
        voice = Letter("en", zone or cases.course_zone(actor))
        view = cases.preview_reminders(actor, wanted, template, audience, voice=voice)
        if send:
            batch = cases.send_reminders(
                actor, wanted, template, audience, voice=voice, approved=view.plan.recipients
            )
            sent = [
                {"to": list(one.message.recipients), "state": one.state, "note": one.note}
                for one in batch.messages
            ]
            if format_ == "json":
                print_json({"id": batch.id, "messages": sent})
            else:
                for one in batch.messages:
                    click.echo(f"{one.state}: {len(one.message.recipients)} x {one.message.subject}")
            return
    _show_reminders(view, format_)


@click.command()
@where
@click.option("--mode", type=click.Choice(MODES), default=None, help="How points are given.")
@click.option("--points", type=float, default=None, help="Points for all reviews.")
@click.option(
    "--threshold", type=click.IntRange(1, 50), default=None, help="Reviews needed (mode threshold)."
)
@click.option(
    "--target",
    default=None,
    metavar="ID",
    help="Canvas assignment that receives the points; `own` for a column of the tool's own.",
)
@click.option(
    "--late-deduction",
    type=click.IntRange(0, 100),
    default=None,
    metavar="PERCENT",
    help="Off the share of each review seen open after the date; 0 for none.",
)
@click.option(
    "--grace-hours", type=click.IntRange(0, 720), default=None, metavar="HOURS", help="After the date."
)
@click.option(
    "--gradebook", type=click.Path(path_type=Path), default=None, help="Write Canvas's import file."
)
@click.option(
    "--despite-excused",
    multiple=True,
    metavar="ID",
    help="Post this excused student's points all the same; may be repeated.",
)
@click.option("--post", is_flag=True, help="Send what a dry run shows.")
@format_option
@explains_errors
def credit(
    canvas: str,
    course: str,
    assignment: str,
    user: str | None,
    mode: str | None,
    points: float | None,
    threshold: int | None,
    target: str | None,
    late_deduction: int | None,
    grace_hours: int | None,
    gradebook: Path | None,
    despite_excused: tuple[str, ...],
    post: bool,
    format_: str,
) -> None:
    """Compare points for completed reviews with Canvas; with --post, send those that differ."""
    from pydantic import ValidationError

    from lti_tool.bootstrap import open_application
    from lti_tool.planning.follow_up import CreditRules
    from lti_tool.planning.ids import AssignmentId, UserId
    from lti_tool.services.gradebook import gradebook_csv

    chosen = {
        "mode": mode,
        "points": points,
        "threshold": threshold,
        "target": target,
        "late_deduction": late_deduction,
        "grace_hours": grace_hours,
    }
    with open_application() as application:
        actor = application.actor(canvas, course, user)
        cases, wanted = application.use_cases, AssignmentId(assignment)
        settings = cases.following_up.settings(actor, wanted)
        given = {name: value for name, value in chosen.items() if value is not None}
        try:
            rules = CreditRules.model_validate(settings.credit.model_dump() | given)
        except ValidationError as error:
            refuse("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors()))
        cases.following_up.save_settings(actor, wanted, settings.model_copy(update={"credit": rules}))
        board = cases.following_up.board(actor, [wanted], fresh=True).board
        view = cases.crediting.preview_credit(actor, wanted)
        if gradebook is not None:
            title = f"Peer reviews: {board.assignments[wanted]}"
            try:
                gradebook.write_bytes(gradebook_csv(board, view.plan, title))
            except OSError as error:
                refuse(f"cannot write {gradebook}: {error.strerror}")
        if post:
            despite = [UserId(one) for one in despite_excused]
            made = cases.crediting.post_credit(actor, wanted, view.fingerprint, despite=despite)
            made = cases.crediting.finish_post(actor, wanted, made.id)
            _show_posting(made, view, format_)
            return
    _show_credit(view, format_)


def read_template(subject: str | None, body: Path | None) -> Template:
    """Subject and text of a reminder, or the end with what is wrong with them."""
    from pydantic import ValidationError

    from lti_tool.planning.reminders import DEFAULT_BODY, DEFAULT_SUBJECT, Template

    try:
        text = DEFAULT_BODY if body is None else body.read_text(encoding="utf-8")
        return Template(subject=subject or DEFAULT_SUBJECT, body=text)
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"cannot read {body}: {error}")
    except ValidationError as error:
        refuse(
            "; ".join(
                f"{item['loc'][0] if item['loc'] else 'text'}: {item['msg']}" for item in error.errors()
            )
        )


def _show_log(log: Sequence[LoggedBatch], format_: str) -> None:
    if format_ == "json":
        print_json(
            [
                {
                    "id": batch.id,
                    "at": batch.created_at.isoformat(),
                    "by": batch.sent_by_name,
                    "messages": [
                        {
                            "to": list(one.message.recipients),
                            "state": one.state,
                            "subject": one.message.subject,
                            "body": one.message.body,
                        }
                        for one in batch.messages
                    ],
                }
                for batch in log
            ]
        )
        return
    for batch in log:
        for one in batch.messages:
            count = len(one.message.recipients)
            click.echo(f"{batch.created_at.isoformat()}  {one.state}: {count} x {one.message.subject}")


def _moment(text: str) -> datetime | None:
    if text == "none":
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        refuse(f"{text!r} is no time; write it like 2026-12-01T23:59+01:00")
    if found.tzinfo is None:
        refuse(f"{text!r} names no time zone; write it like 2026-12-01T23:59+01:00")
    return found


def _show_reminders(view: ReminderView, format_: str) -> None:
    if format_ == "json":
        messages = [
            {"to": list(one.recipients), "subject": one.subject, "body": one.body}
            for one in view.plan.messages
        ]
        print_json({"messages": messages, "left_alone": dict(view.plan.left_alone)})
        return
    for one in view.plan.messages:
        names = ", ".join(view.names.get(user, user) for user in one.recipients)
        click.echo(
            f"To {names}\n  {one.subject}\n\n" + "\n".join(f"  {row}" for row in one.body.splitlines())
        )
    click.echo(f"\nNothing was sent. {len(view.plan.recipients)} would get a message; add --send to send it.")


def _show_posting(made: CreditPost, view: CreditView, format_: str) -> None:
    from allocation.sentences import Sentence
    from lti_tool.planning.credit import CreditKind
    from lti_tool.planning.follow_up import Posting, ScoreState

    unchanged = view.plan.count(CreditKind.SAME)
    sent = made.in_state(ScoreState.SENT) if made.own else tuple(made.points)
    troubles = {score.user: score.why for score in made.scores if score.why}
    if format_ == "json":
        print_json(
            {
                "id": made.id,
                "state": made.state,
                "points": dict(made.points),
                "sent": len(sent),
                "unchanged": unchanged,
                "not_taken": troubles,
            }
        )
    else:
        click.echo(f"Sent the points of {len(sent)} students: {made.state}. {unchanged} unchanged.")
        for user, why in troubles.items():
            click.echo(f"  {view.names.get(user, user)}: {why}")
    if made.own and made.state is Posting.FAILED:
        refuse(str(Sentence.unpacked(made.note)))


def _show_credit(view: CreditView, format_: str) -> None:
    lines = [
        {
            "user": line.user,
            "name": view.names.get(line.user, line.user),
            "done": line.done,
            "assigned": line.assigned,
            "late": line.late,
            "now": None if line.now is None else str(line.now),
            "then": None if line.then is None else str(line.then),
            "change": line.kind,
        }
        for line in view.plan.lines
    ]
    if format_ == "json":
        first = view.first_reading
        print_json(
            {
                "target": view.target.id if view.target else None,
                "late_from": None if view.late_from is None else view.late_from.isoformat(),
                "first_reading_after": None if first is None else first.isoformat(),
                "students": lines,
            }
        )
        return
    for line in lines:
        click.echo(
            f"{line['name']!s:<32}{line['done']:>3} of {line['assigned']:<3}"
            f"{line['now'] or '-':>9} -> {line['then'] or '-':<9}{line['change']}"
            + (f", {line['late']} late" if line["late"] else "")
        )
    if view.plan.rules.late_deduction:
        click.echo(f"\n{_what_is_late(view)}")
    click.echo(f"\nNothing was sent. {len(view.plan.writes)} would change; add --post to send them.")


def _what_is_late(view: CreditView) -> str:
    if view.late_from is None:
        return "No review counts as late: say with follow-up --due when they are due."
    known = (
        "A review counts as late when this tool saw it open and not begun after "
        f"{view.late_from.isoformat()}. Those it did not look at in time count as on time."
    )
    if view.first_reading is None:
        return f"{known} It has not looked since then."
    return f"{known} It first looked at {view.first_reading.isoformat()}."
