"""A plan that breaks its own rules is thrown away, also by a Python that strips assertions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path

from sqlalchemy import func, select

from lti_tool.defects import PlanBroken
from lti_tool.persistence.plan_rows import PlanRow
from lti_tool.planning.rules import PlanRules
from lti_tool.services import planning as services
from tests.builders import ASSIGNMENT, snapshot
from tests.unit.services.test_planning import ACTOR, planning

honest = services.allocate

def one_short(*args, **kwargs):
    made = honest(*args, **kwargs)
    return replace(made, pairs=tuple(made.pairs)[1:])

services.allocate = one_short
service = planning(Path(sys.argv[1]), snapshot(6))
print("assertions:", "on" if __debug__ else "off")
try:
    service.make_plan(ACTOR, ASSIGNMENT, PlanRules(reviews_per_reviewer=2))
except PlanBroken as error:
    print(error)
with service._database.read() as session:
    print("stored:", session.scalar(select(func.count()).select_from(PlanRow)))
"""


@pytest.mark.parametrize(("options", "assertions"), [(["-O"], "off"), ([], "on")])
def test_a_plan_that_breaks_its_rules_is_not_stored(
    options: list[str], assertions: str, tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    said = [line for line in ended.stdout.splitlines() if "[info" not in line]
    assert said[0] == f"assertions: {assertions}", ended.stderr
    assert said[1].startswith(
        "The plan broke its own rules and was thrown away; nothing was stored. This is a defect of the "
        "program: please report it. The engine broke: "
    )
    assert said[2] == "stored: 0"
