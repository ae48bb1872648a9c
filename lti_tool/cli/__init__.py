"""The command line, ``peer-allocator``: the same services as the pages.

Exit codes: 0 done, 1 done with issues, 2 refused or unusable input. Modules here import only Click at the
top, so that ``--help`` pays neither for networkx nor for Flask.
"""

from __future__ import annotations

import click

from lti_tool.cli.access import connect
from lti_tool.cli.after import board, credit, follow_up, remind
from lti_tool.cli.assignments import assignments, participants
from lti_tool.cli.editing import EDITING
from lti_tool.cli.engine import allocate, instance_schema
from lti_tool.cli.filling import fill_up, for_staff, holes
from lti_tool.cli.operation import db, demo, doctor, release, serve, worker
from lti_tool.cli.output import ExplainingGroup
from lti_tool.cli.plans import apply, export, plan, rules_schema, undo
from lti_tool.cli.privacy import housekeeping, privacy, purge
from lti_tool.cli.registration import registration
from lti_tool.cli.rules import rules
from lti_tool.cli.runs import runs
from lti_tool.cli.schedules import schedule, watch
from lti_tool.cli.secrets import keys, secrets
from lti_tool.cli.trail import audit, sessions


@click.group(
    cls=ExplainingGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="peer-review-allocator")
def main() -> None:
    """Allocate peer reviews in Canvas: plan, look at the diff, apply, verify, undo."""


for command in (
    allocate,
    apply,
    audit,
    assignments,
    board,
    connect,
    credit,
    db,
    demo,
    doctor,
    export,
    housekeeping,
    instance_schema,
    keys,
    fill_up,
    follow_up,
    participants,
    holes,
    plan,
    registration,
    remind,
    release,
    rules,
    rules_schema,
    privacy,
    purge,
    runs,
    schedule,
    secrets,
    serve,
    sessions,
    undo,
    watch,
    worker,
):
    main.add_command(command)
for command in (*EDITING, for_staff):
    plan.add_command(command)
