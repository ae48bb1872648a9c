"""A course's assignments and who takes part in one, from the command line; peer reviews switched on."""

from __future__ import annotations

import click

from lti_tool.cli.output import explains_errors, format_option, print_json
from lti_tool.cli.plans import course_options, where


@click.group()
def assignments() -> None:
    """The assignments of a course."""


@assignments.command("list")
@course_options
@format_option
@explains_errors
def list_(canvas: str, course: str, user: str | None, format_: str) -> None:
    """List the assignments in Canvas's order."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        found = application.use_cases.reading.assignments(actor)
    if format_ == "json":
        print_json(
            [
                {
                    "id": one.id,
                    "name": one.name,
                    "published": one.published,
                    "peer_reviews": one.peer_reviews,
                    "automatic_peer_reviews": one.automatic_peer_reviews,
                    "group_assignment": one.is_group_assignment,
                    "due_at": one.due_at.isoformat() if one.due_at else None,
                }
                for one in found
            ]
        )
        return
    for one in found:
        kind = "peer reviews" if one.peer_reviews else "-"
        click.echo(f"{one.id:<11} {kind:<13} {'' if one.published else '(unpublished) '}{one.name}")


@assignments.command("switch-on")
@where
@format_option
@explains_errors
def switch_on(canvas: str, course: str, assignment: str, user: str | None, format_: str) -> None:
    """Tick Require peer reviews in Canvas; touches nothing else of the assignment."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        application.use_cases.reading.enable_peer_reviews(actor, AssignmentId(assignment))
    if format_ == "json":
        print_json({"id": assignment, "peer_reviews": True})
    else:
        click.echo(f"Assignment {assignment} requires peer reviews now.")


@click.command()
@where
@format_option
@explains_errors
def participants(canvas: str, course: str, assignment: str, user: str | None, format_: str) -> None:
    """Read Canvas and show who takes part by the remembered rules, and who does not, with why."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.explain import LEFT_OUT_WORDS
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.planning.taking_part import taking_part

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        cases, wanted = application.use_cases, AssignmentId(assignment)
        snapshot = cases.reading.snapshot(actor, wanted, fresh=True)
        part = taking_part(snapshot, cases.planning.rules(actor, wanted))
    names = {person.id: person.name for person in snapshot.people}
    if format_ == "json":
        print_json(
            {
                "read_at": snapshot.taken_at.isoformat(),
                "reviewers": [person.id for person in part.reviewers],
                "authors": [person.id for person in part.authors],
                "left_out": [
                    {"user": who, "name": names[who], "reason": why} for who, why in part.left_out.items()
                ],
            }
        )
        return
    click.echo(f"{len(part.reviewers)} review, {len(part.authors)} are reviewed.")
    for who, why in part.left_out.items():
        click.echo(f"  {names[who]}: {LEFT_OUT_WORDS[why]}")
