"""``allocate``: the engine alone, file in, file out; and the schema of both files."""

from __future__ import annotations

from pathlib import Path

import click

from lti_tool.cli.output import DONE, WITH_ISSUES, explains_errors, print_json, reason_lines, refuse


@click.command()
@click.option(
    "--of", "which", type=click.Choice(["instance", "allocation"]), default="instance", show_default=True,
    help="What `allocate` reads, or what it writes.",
)  # fmt: skip
def instance_schema(which: str) -> None:
    """Print the JSON Schema of the files of `allocate`."""
    from allocation import file_schemas

    schema = file_schemas.instance_schema if which == "instance" else file_schemas.allocation_schema
    print_json(schema())


@click.command()
@click.option("--instance", required=True, type=click.Path(path_type=Path), help="Instance to read (JSON).")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Allocation to write (JSON).")
@click.option("--seed", default=None, help="Seed; wins over the one in the file.")
@click.pass_context
@explains_errors
def allocate(context: click.Context, instance: Path, output: Path, seed: str | None) -> None:
    """Allocate a class that a file describes; knows neither Canvas nor a database.

    The formats are described in docs/allocation.md. Ends with 0 when every quota is met, with 1 when the
    best possible allocation is less than that (it is written, with the reasons), with 2 when the
    instance cannot be read.
    """
    from allocation.instance_file import read_instance, write_allocation

    try:
        name, roster, rules, own_seed = read_instance(instance)
    except OSError as error:
        refuse(f"cannot read {instance}: {error.strerror}")
    from allocation import Infeasible
    from allocation import allocate as solve

    try:
        allocation = solve(roster, rules, seed=own_seed if seed is None else seed)
    except Infeasible as error:
        allocation = error.best
    try:
        output.write_text(write_allocation(name, allocation), encoding="utf-8")
    except OSError as error:
        refuse(f"cannot write {output}: {error.strerror}")
    click.echo(f"{allocation.status}: {len(allocation.pairs)} reviews written to {output}")
    for line in reason_lines(allocation.reasons):
        click.echo(line)
    context.exit(DONE if allocation.status == "ok" else WITH_ISSUES)
