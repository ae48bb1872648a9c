"""Filling up from the command line: what there is to fill, the plan that does it, and the list for staff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lti_tool.cli.output import explains_errors, format_option, print_json, reason_lines, refuse
from lti_tool.cli.plans import show_plan, where

if TYPE_CHECKING:
    from lti_tool.services.people_table import Wish
    from lti_tool.services.shown import PlanView

KINDS = ("excused", "overdue")
DROPPING = (5, 10, 20, 30)


@click.command()
@where
@format_option
@explains_errors
def holes(canvas: str, course: str, assignment: str, user: str | None, format_: str) -> None:
    """Read Canvas and list late authors, and open reviews that will or may not come, by kind."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.holes import HOLE_WORDS, HoleKind
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.services.tables import display_name

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        view = application.use_cases.filling.look(actor, AssignmentId(assignment), fresh=True)
    if format_ == "json":
        rows = [
            {
                "kind": hole.kind,
                "reviewer": hole.review.assessor,
                "author": hole.review.assessee,
                "deletable": hole.deletable,
            }
            for hole in view.holes
        ]
        due = view.due.isoformat() if view.due else None
        print_json({"late": [person.id for person in view.late], "reviews_due_at": due, "holes": rows})
        return
    click.echo(f"Late authors without reviewers: {len(view.late)}")
    for person in view.late:
        click.echo(f"  {person.sortable_name}")
    for kind in HoleKind:
        found = view.of_kind(kind)
        if found:
            click.echo(f"{HOLE_WORDS[kind]} ({len(found)})")
        for hole in found:
            reviewer = display_name(view.snapshot, hole.review.assessor)
            author = display_name(view.snapshot, hole.review.assessee)
            click.echo(f"  {reviewer} reviews {author}" + ("" if hole.deletable else "  (cannot be deleted)"))


@click.command("fill-up")
@where
@click.option(
    "--do-not-wait",
    "kinds",
    type=click.Choice(KINDS),
    multiple=True,
    help="Kind of open review that is not waited for; may be repeated.",
)
@click.option("--delete", is_flag=True, help="Delete those reviews, as far as they were never begun.")
@click.option(
    "--volunteer", multiple=True, metavar="ID[:N]", help="Takes up to N extra reviews (1); may be repeated."
)
@click.option(
    "--spare",
    multiple=True,
    metavar="ID",
    help="Gives no reviews at first, stands in first; may be repeated.",
)
@format_option
@explains_errors
def fill_up(
    canvas: str,
    course: str,
    assignment: str,
    user: str | None,
    kinds: tuple[str, ...],
    delete: bool,
    volunteer: tuple[str, ...],
    spare: tuple[str, ...],
    format_: str,
) -> None:
    """Make the plan that takes in late work and fills holes, on top of the remembered rules."""
    from allocation import Infeasible
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.holes import HoleKind
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.services.people_table import with_wishes

    wanted = AssignmentId(assignment)
    with open_application() as application:
        actor, cases = application.actor(canvas, course, user), application.use_cases
        cases.filling.look(actor, wanted, fresh=True)
        if volunteer or spare:
            wishes = _stand_ins(volunteer, spare)
            cases.planning.change_rules(actor, wanted, lambda rules: with_wishes(rules, wishes))
        try:
            made = cases.filling.plan(actor, wanted, {HoleKind(kind) for kind in kinds}, delete=delete)
        except Infeasible as error:
            refuse("\n".join(["this cannot be filled up by these rules:", *reason_lines(error.reasons)]))
        view = cases.planning.plan(actor, made.id)
    show_plan(view, format_)


def _stand_ins(volunteer: tuple[str, ...], spare: tuple[str, ...]) -> list[Wish]:
    from lti_tool.planning.ids import UserId
    from lti_tool.services.people_table import Wish

    wishes = [Wish(UserId(one), spare=True) for one in spare]
    for entry in volunteer:
        who, _, number = entry.partition(":")
        if not (number or "1").isdigit() or not 1 <= int(number or "1") <= 50:
            refuse(f"{entry!r}: write the number of extra reviews as in 1042:2, from 1 to 50")
        wishes.append(Wish(UserId(who), extra=int(number or "1")))
    return wishes


@click.command("for-staff")
@click.argument("plan_id", metavar="PLAN")
@click.option(
    "--output", type=click.Path(path_type=Path), default=None, help="File; default: standard output."
)
@explains_errors
def for_staff(plan_id: str, output: Path | None) -> None:
    """Write the works that PLAN leaves with too few reviews as CSV, with links for staff."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import PlanId
    from lti_tool.services.spreadsheet import csv_bytes

    with open_application() as application:
        actor = application.actor_of_plan(PlanId(plan_id))
        view = application.use_cases.planning.plan(actor, PlanId(plan_id))
    rows = [
        ["; ".join(row["names"]), "; ".join(row["authors"]), row["coming"], row["missing"], row["link"]]
        for row in staff_rows(view)
    ]
    table = csv_bytes(["author", "author_id", "coming", "missing", "speed_grader"], rows)
    if output is None:
        click.echo(table.decode("utf-8-sig"), nl=False)
        return
    try:
        output.write_bytes(table)
    except OSError as error:
        refuse(f"cannot write {output}: {error.strerror}")


def late_work(view: PlanView) -> dict[str, Any] | None:
    """What a plan does about late work, as JSON has it."""
    from lti_tool.planning.late_work import top_up_sentences

    found = view.top_up
    if found is None:
        return None
    return {
        "late": list(found.late),
        "added": found.added,
        "moved": found.moved,
        "moved_at_least": found.fewest,
        "proven": found.proven,
        "over": found.over,
        "most": found.most,
        "extra": found.extra,
        "sentences": [str(one) for one in top_up_sentences(found, view.snapshot)],
    }


def staff_rows(view: PlanView) -> list[dict[str, Any]]:
    """The works that a plan leaves with too few reviews."""
    from lti_tool.planning.holes import for_staff as listed

    return [
        {
            "authors": list(one.authors),
            "names": list(one.names),
            "coming": one.coming,
            "missing": one.missing,
            "link": one.link,
        }
        for one in listed(view.snapshot, view.lacking)
    ]


def promise_rows(view: PlanView) -> list[dict[str, Any]]:
    """What works keep of this plan's reviews if reviewers drop out; shares from 0 to 1."""
    from allocation import promise, reviews_to_ask

    received = list(view.quality.received.values())
    if not received:
        return []
    reviewers = sum(1 for number in view.quality.given.values() if number)
    at_least = max(1, min(received) - 1)
    rows = []
    for share in (per_cent / 100 for per_cent in DROPPING):
        kept = promise(received, reviewers, share, at_least=at_least)
        rows.append(
            {
                "drop_out": share,
                "at_least": at_least,
                "works": round(kept.enough, 4),
                "certain": kept.worst,
                "reviews_to_ask": reviews_to_ask(at_least, share),
            }
        )
    return rows


def about_staff(view: PlanView) -> list[str]:
    """What a plan does about late work and what it leaves to staff, line by line."""
    lines = []
    found = late_work(view)
    if found is not None:
        lines += ["", *found["sentences"]]
    short = staff_rows(view)
    if short:
        lines += ["", f"{len(short)} works will have too few reviews; for staff, by hand:"]
        lines += [f"  {'; '.join(row['names'])}: {row['missing']} missing  {row['link']}" for row in short]
    for row in promise_rows(view):
        if row["drop_out"] == 0.1:
            lines += [
                "",
                f"If 10 % of the reviewers drop out by chance, {int(100 * row['works'])} % of the works keep "
                f"at least {row['at_least']} reviews; to promise that to 95 % of the works, let each give "
                f"{row['reviews_to_ask']}.",
            ]
    return lines
