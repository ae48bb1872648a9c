"""Plans from the command line: make one, apply it, make the one that takes a run back, export reviews."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from lti_tool.cli.output import (
    DONE,
    course_option,
    explains_errors,
    format_option,
    print_json,
    reason_lines,
    refuse,
)

if TYPE_CHECKING:
    from lti_tool.persistence.saved_rules import SavedRules
    from lti_tool.planning.rules import PlanRules
    from lti_tool.services.errors import PlanOutdated
    from lti_tool.services.shown import PlanView

P = ParamSpec("P")
R = TypeVar("R")

WHERE = [
    click.option("--canvas", required=True, metavar="URL", help="Address of the Canvas."),
    course_option,
    click.option("--assignment", required=True, metavar="ID", help="Canvas assignment id."),
    click.option("--as", "user", default=None, metavar="USER", help="Whose token, where several are stored."),
]


def course_options(command: Callable[P, R]) -> Callable[P, R]:
    """The options that name one course and whose token to use."""
    for option in reversed([*WHERE[:2], *WHERE[3:]]):
        command = option(command)
    return command


def where(command: Callable[P, R]) -> Callable[P, R]:
    """The options that name one assignment and whose token to use."""
    for option in reversed(WHERE):
        command = option(command)
    return command


class _MakesByDefault(click.Group):
    """``plan --canvas …`` says the same as ``plan make --canvas …``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in where none is named."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_MakesByDefault)
def plan() -> None:
    """Plans: make, show, edit, compare; none of it changes anything in Canvas."""


@plan.command()
@where
@click.option(
    "--rules", type=click.Path(path_type=Path), default=None, help="Rules (JSON, see docs/rules.md)."
)
@format_option
@explains_errors
def make(
    canvas: str, course: str, assignment: str, user: str | None, rules: Path | None, format_: str
) -> None:
    """Allocate and show what would change in Canvas; changes nothing there.

    With the rules of a file, which are remembered if they give a plan, or else with the remembered ones.
    """
    from allocation import Infeasible
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    given = None if rules is None else read_rules(rules)
    with open_application() as application:
        actor = application.actor(canvas, course, user)
        application.use_cases.reading.snapshot(actor, AssignmentId(assignment), fresh=True)
        planning = application.use_cases.planning
        chosen = given or planning.rules(actor, AssignmentId(assignment))
        try:
            made = planning.make_plan(actor, AssignmentId(assignment), chosen)
        except Infeasible as error:
            sentences = planning.feasibility(actor, AssignmentId(assignment), chosen).sentences
            refuse("\n".join(["these rules cannot work:", *reason_lines(error.reasons, sentences)]))
        if given is not None:
            before = planning.saved_rules(actor, AssignmentId(assignment))
            planning.save_rules(actor, AssignmentId(assignment), given)
            say_what_was_replaced(before, given)
        view = planning.plan(actor, made.id)
    show_plan(view, format_)


def say_what_was_replaced(before: SavedRules, wanted: PlanRules) -> None:
    """Name the version of the remembered rules that other rules took the place of."""
    if before.saved_at is not None and before.rules != wanted:
        said = f"Version {before.version} was replaced, saved by {before.saved_by_name or 'somebody'}"
        click.echo(f"{said} at {before.saved_at:%Y-%m-%d %H:%M} UTC.", err=True)


@plan.command("list")
@course_options
@click.option("--assignment", default=None, metavar="ID", help="Only this assignment.")
@format_option
@explains_errors
def list_plans(canvas: str, course: str, user: str | None, assignment: str | None, format_: str) -> None:
    """List the newest plans of a course, and which of them can still be applied."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        wanted = None if assignment is None else AssignmentId(assignment)
        found = application.use_cases.planning.listed(actor, wanted)
    if format_ == "json":
        print_json(
            [
                {
                    "id": one.id,
                    "assignment": one.assignment_id,
                    "created_at": one.created_at.isoformat(),
                    "created_by": one.created_by_name,
                    "creates": one.creates,
                    "deletes": one.deletes,
                    "keeps": one.keeps,
                    "standing": one.standing,
                    "run": one.run_id,
                }
                for one in found
            ]
        )
        return
    for one in found:
        changes = f"+{one.creates} -{one.deletes} {one.keeps} kept"
        made = f"{one.created_at:%Y-%m-%d %H:%M} by {one.created_by_name}"
        click.echo(f"{one.id}  {one.words}  {changes}  assignment {one.assignment_id}  {made}")


@click.command()
@click.argument("plan_id", metavar="PLAN")
@click.option("--wait", is_flag=True, help="Drive the run to its end here, with a progress bar.")
@format_option
@click.pass_context
@explains_errors
def apply(context: click.Context, plan_id: str, wait: bool, format_: str) -> None:
    """Start the run that changes Canvas as PLAN says."""
    from lti_tool.bootstrap import open_application
    from lti_tool.cli.run_words import exit_code, show, tell
    from lti_tool.cli.runs import drive_here, quiet
    from lti_tool.planning.ids import PlanId
    from lti_tool.services.errors import PlanOutdated

    with open_application() as application:
        actor = application.actor_of_plan(PlanId(plan_id))
        try:
            run_id = application.use_cases.running.start(actor, PlanId(plan_id))
        except PlanOutdated as outdated:
            refuse(f"{outdated}\n{_next(outdated)}")
        if wait:
            drive_here(application, actor, run_id, quiet=quiet(format_))
        told = tell(application, actor, run_id)
    show(told, format_)
    context.exit(exit_code(told.report) if wait else DONE)


def _next(outdated: PlanOutdated) -> str:
    """The command that helps where a plan can't be applied any more."""
    if outdated.active:
        return f"Wait for it: peer-allocator runs show {outdated.run_id}"
    if outdated.undo_of is not None:
        return f"Plan again with: peer-allocator undo {outdated.undo_of}"
    return f"Plan again with: peer-allocator plan again {outdated.plan_id}"


@click.command()
@click.argument("run_id", metavar="RUN")
@format_option
@explains_errors
def undo(run_id: str, format_: str) -> None:
    """Make the plan that takes RUN back; look at it, then `apply` it."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import RunId

    with open_application() as application:
        actor = application.actor_of_run(RunId(run_id))
        made = application.use_cases.running.undo(actor, RunId(run_id))
        view = application.use_cases.planning.plan(actor, made.id)
    show_plan(view, format_)


@click.command()
@where
@click.option(
    "--output", type=click.Path(path_type=Path), default=None, help="File; default: standard output."
)
@explains_errors
def export(canvas: str, course: str, assignment: str, user: str | None, output: Path | None) -> None:
    """Write the reviews that exist in Canvas as CSV (safe to open in a spreadsheet)."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.services.audit import Event
    from lti_tool.services.tables import reviews_csv

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        snapshot = application.use_cases.reading.snapshot(actor, AssignmentId(assignment), fresh=True)
        application.audit.record(Event.EXPORTED, actor, assignment=assignment, detail="export")
    table = reviews_csv(snapshot)
    if output is None:
        click.echo(table.decode("utf-8-sig"), nl=False)
        return
    try:
        output.write_bytes(table)
    except OSError as error:
        refuse(f"cannot write {output}: {error.strerror}")


@click.command("rules-schema")
def rules_schema() -> None:
    """Print the JSON Schema of the rules file."""
    from lti_tool.planning.rules import PlanRules

    print_json(PlanRules.model_json_schema())


def read_rules(path: Path) -> PlanRules:
    """The rules of a file, or the end with what is wrong with it."""
    from pydantic import ValidationError

    from lti_tool.planning.rules import PlanRules

    try:
        return PlanRules.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        refuse(f"cannot read {path}: {error.strerror}")
    except UnicodeDecodeError:
        refuse(f"{path} is not UTF-8 text")
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
        refuse("\n".join([f"{path} cannot be used; nothing was planned:", *lines]))


def show_plan(view: PlanView, format_: str) -> None:
    """Print a plan as the command line's users and programs expect it."""
    plan, snapshot, again = view.plan, view.snapshot, view.again
    from lti_tool.cli.filling import about_staff, late_work, promise_rows, staff_rows
    from lti_tool.planning.explain import REASON_WORDS
    from lti_tool.planning.plan import ChangeKind
    from lti_tool.planning.same_pairs import DIFFERS_WORDS
    from lti_tool.planning.warnings import WARNING_WORDS, warnings
    from lti_tool.services.tables import display_name

    said = [WARNING_WORDS[warning] for warning in warnings(snapshot)]
    if format_ == "json":
        lists = {
            f"{kind}s" if kind is not ChangeKind.BLOCKED else "blocked": [
                {
                    "reviewer": change.reviewer,
                    "author": change.author,
                    "submission": change.submission,
                    "reason": REASON_WORDS[change.reason],
                }
                for change in plan.of_kind(kind)
            ]
            for kind in ChangeKind
        }
        print_json(
            {
                "id": plan.id,
                "canvas": plan.canvas,
                "course": plan.course_id,
                "assignment": plan.assignment_id,
                "seed": plan.seed,
                **lists,
                "counts": dict(zip(lists, plan.counts.values(), strict=True)),
                "warnings": said,
                "same_pairs": None
                if again is None
                else {
                    "assignment": plan.rules.same_pairs_as,
                    "same": again.same,
                    "total": again.total,
                    "differ": [
                        {"reviewer": one.reviewer, "author": one.author, "why": one.why} for one in again.gone
                    ],
                },
                "partial": view.partial,
                "late_work": late_work(view),
                "for_staff": None if view.partial else staff_rows(view),
                "promise": None if view.partial else promise_rows(view),
            }
        )
        return
    signs = {ChangeKind.CREATE: "+", ChangeKind.DELETE: "-", ChangeKind.BLOCKED: "!"}
    click.echo(f"{snapshot.assignment.name} in {snapshot.course_name}: nothing has been changed in Canvas.\n")
    for change in plan.changes:
        if change.kind in signs:
            names = (
                f"{display_name(snapshot, change.reviewer)} reviews {display_name(snapshot, change.author)}"
            )
            click.echo(f"  {signs[change.kind]} {change.kind:<7} {names}  ({REASON_WORDS[change.reason]})")
    counts = plan.counts
    if again is not None:
        click.echo(f"\n{again.same} of {again.total} pairs are the same as in {again.name}.")
        for one in again.gone:
            names = f"{display_name(snapshot, one.reviewer)} and {display_name(snapshot, one.author)}"
            click.echo(f"  {names}: {DIFFERS_WORDS[one.why]}")
    click.echo("\n".join(about_staff(view)))
    for words in said:
        click.echo(f"\nWarning: {words}")
    click.echo(
        f"\n+{counts[ChangeKind.CREATE]} to create  -{counts[ChangeKind.DELETE]} to delete  "
        f"{counts[ChangeKind.KEEP]} kept  {counts[ChangeKind.BLOCKED]} blocked"
    )
    if view.partial:
        click.echo(
            f"Plan {plan.id} also concerns students you can't see: {view.hidden} of its peer reviews aren't "
            "listed or counted, and its quality and missing reviews aren't shown."
        )
    if plan.writes and not view.may_apply:
        click.echo("Only an instructor who sees the whole course can apply it.")
    elif plan.writes:
        click.echo(f"Plan {plan.id}. Apply it with: peer-allocator apply {plan.id} --wait")
    elif not view.partial:
        click.echo(f"Plan {plan.id}. Canvas already matches this plan.")
