"""The script of docs/scripting-a-term.md, as it stands there, against the simulated Canvas.

Only the start of processes is left out: each command runs in this one, with its own exit code and output.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lti_tool.cli import main
from lti_tool.simulator.habits import Habits
from tests.simulated import SimulatedCanvas, simulated_canvas

SCRIPT = Path(__file__).parents[2] / "docs" / "scripting-a-term.md"


def script() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", SCRIPT.read_text(encoding="utf-8"), flags=re.S)
    return str(found)


def commands(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Stands for ``subprocess.run`` of a ``peer-allocator``."""

    def run(words: list[str], **_how: object) -> subprocess.CompletedProcess[str]:
        assert words[0] == "peer-allocator"
        done = CliRunner().invoke(main, words[1:], env=environment, catch_exceptions=False)
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the script once; gives its report by the names of the assignments."""
    with simulated_canvas("small", habits=Habits(throttle_enabled=False)) as canvas:
        course = canvas.course("WRIT")
        rules = tmp_path / "rules.json"
        rules.write_text('{"reviews_per_reviewer": 3, "balance": "close"}', encoding="utf-8")
        environment = {
            "PEER_ALLOCATOR_INSTANCE": str(tmp_path / "instance"),
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
            "PEER_ALLOCATOR_LOG_LEVEL": "error",
            "TOKEN": canvas.state.make_personal_token(canvas.user("teacher").id).token,
        }
        run = commands(environment)
        where = ["--canvas", canvas.url, "--course", course.id]
        assert (
            run(["peer-allocator", "connect", "--canvas", canvas.url, "--token-env", "TOKEN"]).returncode == 0
        )
        essay = canvas.assignment(course, "Essay 1")
        due = ["--assignment", essay.id, "--due", "2020-01-01T00:00+00:00"]
        assert run(["peer-allocator", "follow-up", *where, *due]).returncode == 0
        column = canvas.state.add_assignment(course, "Reviewing", at=canvas.state.now())
        canvas.state.refresh_submissions(column)
        for name, value in {
            "CANVAS": canvas.url,
            "COURSE": course.id,
            "RULES": str(rules),
            "POINTS_INTO": "Reviewing",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(subprocess, "run", run)
        monkeypatch.setattr(sys, "argv", ["term.py"])

        def once() -> dict[str, dict[str, Any]]:
            said = io.StringIO()
            with redirect_stdout(said):
                exec(compile(script(), "term.py", "exec"), {"__name__": "__main__"})
            return {line["assignment"]: line for line in json.loads(said.getvalue())}

        yield canvas, once


def test_the_script_of_the_document_does_a_night_s_work_once(night: Any) -> None:
    canvas: SimulatedCanvas
    canvas, once = night
    course = canvas.course("WRIT")
    essay = canvas.assignment(course, "Essay 1")
    first = once()[essay.name]
    assert first["run"] == "done"
    assert set(Counter(author for _, author in canvas.reviews(essay)).values()) == {3}
    owing = {reviewer for reviewer, _ in canvas.reviews(essay)}
    assert first["reminded"] == len(owing) == len(canvas.state.messages)
    assert first["points"] == "done"

    writes = len(canvas.writes())
    again = once()[essay.name]
    assert again == {"assignment": essay.name, "alarms": 0}
    assert len(canvas.writes()) == writes, "what is done is not done twice"

    late = canvas.state.enroll_late(course.id, "Zoé Latecomer")
    canvas.state.submit(late.id, essay.id, at=canvas.state.now() + timedelta(minutes=1))
    third = once()[essay.name]
    assert third["run"] == "done"
    assert Counter(author for _, author in canvas.reviews(essay))[late.id] == 3
    told = Counter(message.recipient_id for message in canvas.state.messages)
    assert set(told.values()) == {1}
