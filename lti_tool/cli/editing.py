"""Plans from plans on the command line: show, edit, draw again, give out as CSV, read back, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lti_tool.cli.output import explains_errors, format_option, print_json, reason_lines, refuse
from lti_tool.cli.plans import show_plan

if TYPE_CHECKING:
    from lti_tool.bootstrap import Application
    from lti_tool.planning.edits import Edit
    from lti_tool.planning.ids import PlanId, UserId
    from lti_tool.planning.people_list import Directory
    from lti_tool.services.actor import Actor
    from lti_tool.services.shown import Comparison, Edited
    from lti_tool.services.spreadsheet_reading import TableUnusable


@click.command()
@click.argument("plan_id", metavar="PLAN")
@format_option
@explains_errors
def show(plan_id: str, format_: str) -> None:
    """Show a plan that was made before."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import PlanId

    with open_application() as application:
        actor = application.actor_of_plan(PlanId(plan_id))
        view = application.use_cases.planning.plan(actor, PlanId(plan_id))
    show_plan(view, format_)


@click.command("export")
@click.argument("plan_id", metavar="PLAN")
@click.option(
    "--output", type=click.Path(path_type=Path), default=None, help="File; default: standard output."
)
@explains_errors
def export_plan(plan_id: str, output: Path | None) -> None:
    """Write PLAN as CSV, to edit it in a spreadsheet and read it back with `plan import`."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import PlanId
    from lti_tool.services.audit import Event
    from lti_tool.services.plan_table import plan_rows
    from lti_tool.services.spreadsheet import csv_bytes

    with open_application() as application:
        actor = application.actor_of_plan(PlanId(plan_id))
        view = application.use_cases.planning.plan(actor, PlanId(plan_id))
        application.audit.record(
            Event.EXPORTED, actor, assignment=view.plan.assignment_id, object_=plan_id, detail="plan export"
        )
    table = csv_bytes(*plan_rows(view.plan, view.snapshot))
    if output is None:
        click.echo(table.decode("utf-8-sig"), nl=False)
        return
    try:
        output.write_bytes(table)
    except OSError as error:
        refuse(f"cannot write {output}: {error.strerror}")


@click.command("import")
@click.argument("plan_id", metavar="PLAN")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.csv")
@format_option
@explains_errors
def import_plan(plan_id: str, file: Path, format_: str) -> None:
    """Make the plan that FILE.csv asks for, an edited export of PLAN; shows what differs."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import PlanId
    from lti_tool.services.spreadsheet_reading import TableUnusable

    content = read_file(file)
    with open_application() as application:
        actor = application.actor_of_plan(PlanId(plan_id))
        try:
            done = application.use_cases.editing.import_table(actor, PlanId(plan_id), content)
        except TableUnusable as unusable:
            refuse("\n".join([f"{file} cannot be used; nothing of it was:", *problem_lines(unusable)]))
        new = done.plan.id if done.plan else PlanId(plan_id)
        found = application.use_cases.editing.compare(actor, PlanId(plan_id), new)
    _show_comparison(found, format_)


@click.command()
@click.argument("plan_id", metavar="PLAN")
@click.option("--pin", nargs=2, multiple=True, metavar="REVIEWER AUTHOR", help="This pair must be.")
@click.option("--forbid", nargs=2, multiple=True, metavar="REVIEWER AUTHOR", help="This pair must not be.")
@click.option("--free", nargs=2, multiple=True, metavar="REVIEWER AUTHOR", help="Neither of both any more.")
@click.option(
    "--swap", nargs=4, multiple=True, metavar="REVIEWER AUTHOR REVIEWER AUTHOR",
    help="Two reviews of the plan: each reviewer takes the other's author.",
)  # fmt: skip
@click.option("--leave-out", multiple=True, metavar="STUDENT", help="Takes no part.")
@click.option("--take-in", multiple=True, metavar="STUDENT", help="Takes part again.")
@click.option("--repair", is_flag=True, help="Bring the plan back to its rules.")
@click.option("--reason", default="", help="Kept with the plan.")
@click.option("--anyway", is_flag=True, help="Also where a fixed pair breaks another rule.")
@click.option("--way-out", default="", metavar="CODE", help="A way out that was offered.")
@format_option
@explains_errors
def edit(
    plan_id: str,
    pin: tuple[tuple[str, str], ...],
    forbid: tuple[tuple[str, str], ...],
    free: tuple[tuple[str, str], ...],
    swap: tuple[tuple[str, str, str, str], ...],
    leave_out: tuple[str, ...],
    take_in: tuple[str, ...],
    repair: bool,
    reason: str,
    anyway: bool,
    way_out: str,
    format_: str,
) -> None:
    """Make a plan that holds these edits of PLAN and moves the fewest other pairs; shows what differs.

    Students by name or Canvas id. The edits are made one after another, in the order of the options above.
    """
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.edits import Edit, EditKind
    from lti_tool.planning.ids import PlanId
    from lti_tool.planning.people_list import Directory
    from lti_tool.planning.ways_out import apply_way_out

    with open_application() as application:
        actor = application.actor_of_plan(PlanId(plan_id))
        directory = Directory(application.use_cases.planning.plan(actor, PlanId(plan_id)).snapshot.people)

        def pair(who: tuple[str, ...]) -> tuple[UserId, UserId]:
            return _student(directory, who[0]), _student(directory, who[1])

        edits = [
            *(Edit(EditKind.PIN, (pair(who),), reason=reason) for who in pin),
            *(Edit(EditKind.FORBID, (pair(who),), reason=reason) for who in forbid),
            *(Edit(EditKind.FREE, (pair(who),)) for who in free),
            *(Edit(EditKind.SWAP, (pair(who[:2]), pair(who[2:]))) for who in swap),
            *(Edit(EditKind.LEAVE_OUT, person=_student(directory, who), reason=reason) for who in leave_out),
            *(Edit(EditKind.TAKE_IN, person=_student(directory, who)) for who in take_in),
            *([Edit(EditKind.REPAIR)] if repair else []),
        ]
        if not edits:
            refuse("nothing to edit; say for example --forbid REVIEWER AUTHOR")
        latest = PlanId(plan_id)
        for one in edits:
            done = application.use_cases.editing.edit(
                actor, latest, one, anyway=anyway, change=lambda rules: apply_way_out(rules, way_out) or rules
            )
            latest = _made(application, actor, latest, one, done)
        found = application.use_cases.editing.compare(actor, PlanId(plan_id), latest)
    _show_comparison(found, format_)
    if found.before.plan.rules != found.after.plan.rules:
        click.echo(
            "The edits are remembered in the rules of this assignment; later plans use them.", err=True
        )


@click.command()
@click.argument("plan_id", metavar="PLAN")
@format_option
@explains_errors
def again(plan_id: str, format_: str) -> None:
    """Read Canvas and draw again with the rules of PLAN and a fresh seed; shows what differs."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import PlanId

    with open_application() as application:
        actor = application.actor_of_plan(PlanId(plan_id))
        before = application.use_cases.planning.plan(actor, PlanId(plan_id)).plan
        application.use_cases.reading.snapshot(actor, before.assignment_id, fresh=True, to_plan=True)
        made = application.use_cases.editing.again(actor, PlanId(plan_id))
        found = application.use_cases.editing.compare(actor, PlanId(plan_id), made.id)
    _show_comparison(found, format_)


@click.command()
@click.argument("before", metavar="PLAN")
@click.argument("after", metavar="OTHER")
@format_option
@explains_errors
def compare(before: str, after: str, format_: str) -> None:
    """Show two plans of one assignment side by side, pair by pair."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import PlanId

    with open_application() as application:
        actor = application.actor_of_plan(PlanId(before))
        found = application.use_cases.editing.compare(actor, PlanId(before), PlanId(after))
    _show_comparison(found, format_)


EDITING = (show, edit, again, export_plan, import_plan, compare)


def read_file(file: Path) -> bytes:
    """A file's content, no more than can be used, or the end with why it cannot be read."""
    from lti_tool.services.spreadsheet_reading import MOST_BYTES

    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        refuse(f"cannot read {file}: {error.strerror}")


def problem_lines(unusable: TableUnusable) -> list[str]:
    """What is wrong with a file, one mistake a line."""
    from lti_tool.services.edit_words import cell_sentence

    lines = []
    for one in unusable.problems:
        parts = [f"row {one.row}"] if one.row else []
        place = ", ".join([*parts, *([one.column] if one.column else [])]) or "file"
        lines.append(f"{place}: {cell_sentence(one)}")
    return lines + ([f"and {unusable.more} more"] if unusable.more else [])


def _student(directory: Directory, text: str) -> UserId:
    from lti_tool.services.edit_words import unmatched_sentence

    match = directory.find(text)
    if match.person is None:
        refuse(str(unmatched_sentence(match, directory)))
    return match.person.id


def _made(application: Application, actor: Actor, base: PlanId, edit: Edit, done: Edited) -> PlanId:
    """The plan that an edit led to, or the end with why there is none."""
    if done.plan is None:
        refuse(_why_not(application, actor, base, edit, done))
    return done.plan.id


def _why_not(application: Application, actor: Actor, base: PlanId, edit: Edit, done: Edited) -> str:
    from lti_tool.services.edit_words import broken_sentences, offers

    snapshot = application.use_cases.planning.plan(actor, base).snapshot
    if done.feasibility is None:
        said = [f"- {sentence}" for sentence in broken_sentences(done.broken, snapshot)]
        return "\n".join([f"this {edit.kind} would break rules (--anyway makes it all the same):", *said])
    lines = reason_lines(done.feasibility.reasons, done.feasibility.sentences)
    found = offers(done.feasibility.reasons, done.rules)
    codes = [f"    --way-out '{offer.code}'  {offer.words}" for offer in found]
    return "\n".join([f"no plan can hold this {edit.kind}:", *lines, *codes])


def _show_comparison(found: Comparison, format_: str) -> None:
    from lti_tool.planning.plan import ChangeKind
    from lti_tool.services.edit_words import broken_sentences
    from lti_tool.services.tables import display_name

    broken = [str(sentence) for sentence in broken_sentences(found.broken, found.after.snapshot)]
    plans = {"before": found.before, "after": found.after}
    if format_ == "json":
        print_json(
            {
                **{name: view.plan.id for name, view in plans.items()},
                "counts": {
                    name: {kind.value: view.plan.counts[kind] for kind in ChangeKind}
                    for name, view in plans.items()
                },
                "quality": {
                    name: {
                        "reciprocal": view.quality.reciprocal,
                        "repeats": view.measured.repeats if view.measured else 0,
                        "returns": view.measured.returns if view.measured else 0,
                        "islands": view.quality.components,
                    }
                    for name, view in plans.items()
                }
                if not any(view.partial for view in plans.values())
                else None,
                "only_before": [list(pair) for pair in found.difference.only_before],
                "only_after": [list(pair) for pair in found.difference.only_after],
                "same": found.difference.same,
                "broken": broken,
            }
        )
        return
    for sign, view, pairs in (
        ("-", found.before, found.difference.only_before),
        ("+", found.after, found.difference.only_after),
    ):
        for reviewer, author in pairs:
            names = display_name(view.snapshot, reviewer), display_name(view.snapshot, author)
            click.echo(f"  {sign} {names[0]} reviews {names[1]}")
    for sentence in broken:
        click.echo(f"Broken rule: {sentence}")
    if found.before.partial or found.after.partial:
        click.echo("These plans also concern students you can't see: only visible differences are listed.")
        return
    click.echo(
        f"{len(found.difference.only_after)} new, {len(found.difference.only_before)} gone, "
        f"{found.difference.same} the same. Nothing has been changed in Canvas."
    )
    plan_id = found.after.plan.id
    click.echo(f"Plan {plan_id}. Apply it with: peer-allocator apply {plan_id} --wait")
