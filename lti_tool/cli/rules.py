"""Rules on the command line: those of an assignment, whether they can work, and those under a name."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lti_tool.cli.editing import problem_lines, read_file
from lti_tool.cli.output import (
    DONE,
    WITH_ISSUES,
    explains_errors,
    format_option,
    print_json,
    reason_lines,
    refuse,
)
from lti_tool.cli.plans import course_options, read_rules, say_what_was_replaced, where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lti_tool.planning.ids import UserId
    from lti_tool.planning.rules import PlanRules
    from lti_tool.services.actor import Actor
    from lti_tool.services.errors import RulesChanged
    from lti_tool.services.shown import RuleSet
    from lti_tool.services.use_cases import UseCases

RULES_FILE = click.option(
    "--rules", "file", type=click.Path(path_type=Path), default=None, help="Rules (JSON, see docs/rules.md)."
)


@click.group()
def rules() -> None:
    """Rules of an assignment, in the format of docs/rules.md, and rules under a name."""


@rules.command("show")
@where
@explains_errors
def show_rules(canvas: str, course: str, assignment: str, user: str | None) -> None:
    """Print the remembered rules of an assignment as JSON."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        found = application.use_cases.planning.rules(actor, AssignmentId(assignment))
    click.echo(found.model_dump_json(indent=2))


@rules.command("set")
@where
@click.option("--rules", "file", type=click.Path(path_type=Path), required=True, help="Rules (JSON).")
@click.option(
    "--if-version", type=int, default=None, metavar="N", help="Only over this version; see `rules version`."
)
@explains_errors
def set_rules(
    canvas: str, course: str, assignment: str, user: str | None, file: Path, if_version: int | None
) -> None:
    """Remember the rules of a file for an assignment; the wizard shows them."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.services.errors import RulesChanged

    wanted = read_rules(file)
    with open_application() as application:
        actor = application.actor(canvas, course, user)
        planning = application.use_cases.planning
        before = planning.saved_rules(actor, AssignmentId(assignment))
        try:
            planning.save_rules(actor, AssignmentId(assignment), wanted, over=if_version)
        except RulesChanged as changed:
            refuse("\n".join([str(changed), *_both(changed)]))
    say_what_was_replaced(before, wanted)


@rules.command("version")
@where
@format_option
@explains_errors
def version(canvas: str, course: str, assignment: str, user: str | None, format_: str) -> None:
    """Print the version of the remembered rules, for `rules set --if-version`."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    with open_application() as application:
        actor = application.actor(canvas, course, user)
        found = application.use_cases.planning.saved_rules(actor, AssignmentId(assignment))
    at = None if found.saved_at is None else found.saved_at.isoformat()
    if format_ == "json":
        print_json({"version": found.version, "saved_by": found.saved_by_name, "saved_at": at})
    else:
        click.echo(str(found.version))


def _both(changed: RulesChanged) -> list[str]:
    """What differs, both versions side by side, and the choice."""
    from lti_tool.services.rules_words import side_by_side

    lines = [f"  {row.label}: in the file {row.mine}; saved {row.theirs}" for row in side_by_side(changed)]
    return [*lines, f"To replace them, run this again with --if-version {changed.version}."]


@rules.command("check")
@where
@RULES_FILE
@click.option("--keep", type=click.IntRange(1, 50), default=None, help="Reviews that works shall keep.")
@click.option(
    "--drop-out", type=click.IntRange(1, 99), default=10, show_default=True, help="Per cent of the reviewers."
)
@format_option
@click.pass_context
@explains_errors
def check_rules(
    context: click.Context,
    canvas: str,
    course: str,
    assignment: str,
    user: str | None,
    file: Path | None,
    keep: int | None,
    drop_out: int,
    format_: str,
) -> None:
    """Say whether rules can work, else why not and what would help; exit code 1 if they cannot.

    Of rules that work it says what works keep if reviewers drop out, and how many reviews to ask for.
    """
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.services.edit_words import offers
    from lti_tool.services.planning import coverage

    with open_application() as application:
        actor, cases = application.actor(canvas, course, user), application.use_cases
        chosen = read_rules(file) if file else cases.planning.rules(actor, AssignmentId(assignment))
        found = cases.planning.feasibility(actor, AssignmentId(assignment), chosen)
    ways = [{"code": one.code, "text": str(one.words)} for one in offers(found.reasons, chosen)]
    fewest = min(found.received, default=0)
    kept = coverage(found, keep or max(1, fewest - 1), drop_out) if found.works else None
    if format_ == "json":
        print_json(
            {
                "works": found.works,
                "promise": None if kept is None else asdict(kept),
                "reviews": found.reviews,
                "gives": list(found.gives),
                "gets": list(found.gets),
                "reasons": [str(sentence) for sentence in found.sentences],
                "ways_out": ways,
            }
        )
    elif found.works:
        click.echo(f"These rules work: {found.reviews} reviews.")
        if kept is not None:
            asked = f"let each give {kept.ask}" if kept.ask else "no number of reviews is enough"
            click.echo(
                f"If {kept.dropping} % of the reviewers drop out by chance, {kept.works} % of the works keep "
                f"at least {kept.at_least} reviews; to promise that to 95 % of the works, {asked}."
            )
    else:
        click.echo("\n".join(["These rules cannot work:", *reason_lines(found.reasons, found.sentences)]))
    context.exit(DONE if found.works else WITH_ISSUES)


@rules.command("people")
@where
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.csv")
@click.option("--those-that-fit", is_flag=True, help="Use the clear rows although others are not.")
@format_option
@explains_errors
def people(
    canvas: str,
    course: str,
    assignment: str,
    user: str | None,
    file: Path,
    those_that_fit: bool,
    format_: str,
) -> None:
    """Leave students out, or let them give another number of reviews, as FILE.csv says.

    Columns: Student (or id, login, SIS id, e-mail); Takes part (yes, no); Gives; Spare (yes, no); Extra (most
    extra reviews of a volunteer); Reason. With names alone
    these students are left out. The rules of the assignment are changed and shown.
    """
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.services.edit_words import unmatched_sentence
    from lti_tool.services.people_table import directory_for, table_texts, wishes_of_table, with_wishes
    from lti_tool.services.spreadsheet_reading import TableUnusable, read_table

    content = read_file(file)
    with open_application() as application:
        actor, cases = application.actor(canvas, course, user), application.use_cases
        try:
            table = read_table(content)
            snapshot = cases.reading.snapshot(actor, AssignmentId(assignment))
            directory = directory_for(snapshot, table_texts(table), lambda: cases.reading.contacts(actor))
            found = wishes_of_table(table, directory)
        except TableUnusable as unusable:
            refuse("\n".join([f"{file} cannot be used; nothing of it was:", *problem_lines(unusable)]))
        unclear = [f"row {row}: {unmatched_sentence(match, directory)}" for row, match in found.unmatched]
        if unclear and not those_that_fit:
            refuse("\n".join(["nothing was used yet; --those-that-fit takes the other rows:", *unclear]))
        changed = cases.planning.change_rules(
            actor, AssignmentId(assignment), lambda rules: with_wishes(rules, found.wishes)
        )
    if format_ == "json":
        print_json(
            {"matched": [wish.user for wish in found.wishes], "unmatched": unclear, **_people(changed)}
        )
        return
    click.echo(f"{len(found.wishes)} students found; {len(changed.exclude)} are left out by you now.")


@rules.command("levels")
@where
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.csv", required=False)
@click.option(
    "--mix", type=click.Choice(["strong", "mixed", "same"]), default="strong", show_default=True,
    help="A strong reviewer for every work; and another one; or the own level.",
)  # fmt: skip
@click.option(
    "--strong-share", type=click.IntRange(1, 99), default=None, help="Per cent that count as strong."
)
@click.option("--those-that-fit", is_flag=True, help="Use the clear rows although others are not.")
@click.option("--column", default=None, metavar="TITLE", help="A column added to the gradebook, not a file.")
@click.option("--forget", is_flag=True, help="Throw the list away and look at no levels.")
@format_option
@explains_errors
def levels(
    canvas: str,
    course: str,
    assignment: str,
    user: str | None,
    file: Path | None,
    mix: str,
    strong_share: int | None,
    those_that_fit: bool,
    column: str | None,
    forget: bool,
    format_: str,
) -> None:
    """Mix levels by a list: FILE.csv with Student (or id, login, SIS id, e-mail) and Level.

    Level is a number, or in every row whether somebody is strong (strong, other; yes, no). The list is kept
    for a day and with the plans that rest on it, not with the rules.
    """
    from datetime import UTC, datetime

    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId
    from lti_tool.planning.people_list import Directory
    from lti_tool.services.edit_words import unmatched_sentence
    from lti_tool.services.levels_table import levels_of_entries, levels_of_table
    from lti_tool.services.people_table import directory_for, table_texts
    from lti_tool.services.spreadsheet_reading import TableUnusable, read_table

    if sum((file is not None, column is not None, forget)) != 1:
        refuse("name a file, a --column, or --forget")
    content = b"" if file is None else read_file(file)
    with open_application() as application:
        actor, cases = application.actor(canvas, course, user), application.use_cases
        wanted = AssignmentId(assignment)
        if forget:
            cases.reading.give_levels(actor, wanted, None)
            cases.planning.change_rules(
                actor, wanted, lambda rules: rules.model_copy(update={"levels": "off"})
            )
            return
        try:
            snapshot = cases.reading.snapshot(actor, wanted)
            if column is None:
                table = read_table(content)
                directory = directory_for(snapshot, table_texts(table), lambda: cases.reading.contacts(actor))
                found = levels_of_table(table, directory)
            else:
                directory = Directory(snapshot.people)
                found = levels_of_entries(_entries(cases, actor, column), directory)
        except TableUnusable as unusable:
            refuse(
                "\n".join([f"{file or column} cannot be used; nothing of it was:", *problem_lines(unusable)])
            )
        unclear = [f"row {row}: {unmatched_sentence(match, directory)}" for row, match in found.unmatched]
        if unclear and not those_that_fit:
            refuse("\n".join(["nothing was used yet; --those-that-fit takes the other rows:", *unclear]))
        if not found.levels:
            refuse(f"{file or column} has no level for anybody")
        cases.reading.give_levels(actor, wanted, found.listed(datetime.now(UTC)))
        changes: dict[str, object] = {"levels": mix, "levels_by": "list"}
        if strong_share is not None:
            changes["strong_share"] = strong_share
        cases.planning.change_rules(actor, wanted, lambda rules: rules.model_copy(update=changes))
    if format_ == "json":
        print_json({"students": len(found.levels), "in_words": found.in_words, "unmatched": unclear})
    else:
        click.echo(f"{len(found.levels)} levels are known now; rules that say levels_by list use them.")


def _entries(cases: UseCases, actor: Actor, title: str) -> Mapping[UserId, str]:
    columns = cases.reading.level_columns(actor)
    ids = [one for one, found in columns.items() if found == title]
    if len(ids) != 1:
        known = ", ".join(sorted(columns.values())) or "none"
        refuse(f"the gradebook has no column {title!r} of its own (or several); it has: {known}")
    return cases.reading.level_entries(actor, ids[0])


@rules.group("sets")
def sets() -> None:
    """Rules under a name, for any assignment of a course."""


@sets.command("list")
@course_options
@format_option
@explains_errors
def list_sets(canvas: str, course: str, user: str | None, format_: str) -> None:
    """List the sets of a course."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        found = application.use_cases.rule_sets.all(application.actor(canvas, course, user))
    if format_ == "json":
        print_json(
            [
                {"id": one.id, "name": one.name, "version": one.version, "rules": _as_json(one.rules)}
                for one in found
            ]
        )
        return
    for one in found:
        click.echo(f"{one.name}  (saved {one.saved_at:%Y-%m-%d} by {one.saved_by_name})")


@sets.command("save")
@where
@click.argument("name")
@RULES_FILE
@click.option("--replace", is_flag=True, help="Overwrite the set that has this name.")
@explains_errors
def save_set(
    canvas: str, course: str, assignment: str, user: str | None, name: str, file: Path | None, replace: bool
) -> None:
    """Save the rules of an assignment, or of a file, under NAME."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    with open_application() as application:
        actor, cases = application.actor(canvas, course, user), application.use_cases
        chosen = read_rules(file) if file else cases.planning.rules(actor, AssignmentId(assignment))
        try:
            cases.rule_sets.save(actor, name, chosen, replace=replace)
        except ValueError as error:
            refuse(str(error))


@sets.command("use")
@where
@click.argument("name")
@explains_errors
def use_set(canvas: str, course: str, assignment: str, user: str | None, name: str) -> None:
    """Make the set NAME the rules of an assignment."""
    from lti_tool.bootstrap import open_application
    from lti_tool.planning.ids import AssignmentId

    with open_application() as application:
        actor, cases = application.actor(canvas, course, user), application.use_cases
        cases.rule_sets.use(actor, _named(cases, actor, name).id, AssignmentId(assignment))


@sets.command("rename")
@course_options
@click.argument("name")
@click.argument("new_name")
@explains_errors
def rename_set(canvas: str, course: str, user: str | None, name: str, new_name: str) -> None:
    """Give the set NAME another name."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        actor, cases = application.actor(canvas, course, user), application.use_cases
        try:
            cases.rule_sets.rename(actor, _named(cases, actor, name).id, new_name)
        except ValueError as error:
            refuse(str(error))


@sets.command("delete")
@course_options
@click.argument("name")
@explains_errors
def delete_set(canvas: str, course: str, user: str | None, name: str) -> None:
    """Forget the set NAME; plans made with it keep their rules."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        actor, cases = application.actor(canvas, course, user), application.use_cases
        cases.rule_sets.delete(actor, _named(cases, actor, name).id)


def _named(cases: UseCases, actor: Actor, name: str) -> RuleSet:
    found = [one for one in cases.rule_sets.all(actor) if one.name.casefold() == name.casefold()]
    if not found:
        refuse(f"there is no set of rules named {name!r} in this course")
    return found[0]


def _as_json(rules: PlanRules) -> Any:
    return json.loads(rules.model_dump_json())


def _people(rules: PlanRules) -> dict[str, Any]:
    whole = _as_json(rules)
    return {
        "exclude": whole["exclude"],
        "loads": whole["loads"],
        "spare": whole["spare"],
        "volunteers": whole["volunteers"],
    }
