"""Editing plans, reading tables and naming rules through the command line, against the simulated Canvas."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course
from tests.integration.test_command_line import TOKEN, Terminal
from tests.simulated import SimulatedCanvas, simulated_canvas


@pytest.fixture(scope="module")
def canvas() -> Iterator[SimulatedCanvas]:
    with simulated_canvas("small", "awkward", habits=Habits(throttle_enabled=False)) as running:
        yield running


@pytest.fixture(scope="module")
def terminal(canvas: SimulatedCanvas, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    grant = canvas.state.make_personal_token(canvas.user("teacher").id)
    folder = tmp_path_factory.mktemp("tool")
    environment = {
        "PEER_ALLOCATOR_INSTANCE": str(folder / "instance"),
        "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
        "PEER_ALLOCATOR_LOG_LEVEL": "error",
        TOKEN: grant.token,
    }
    found = Terminal(canvas, environment)
    found.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
    return found


@pytest.fixture
def course(canvas: SimulatedCanvas) -> Course:
    return canvas.course("WRIT")


@pytest.fixture
def essay(canvas: SimulatedCanvas, course: Course) -> Assignment:
    return canvas.assignment(course, "Essay 1")


def test_a_plan_is_edited_drawn_again_and_compared(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    plan = terminal.plan(course, essay)
    pair = [plan["creates"][0]["reviewer"], plan["creates"][0]["author"]]
    edited = terminal.json("plan", "edit", plan["id"], "--forbid", *pair, "--reason", "sisters")
    assert edited["before"] == plan["id"]
    assert pair in edited["only_before"]
    assert len(edited["only_after"]) == len(edited["only_before"]) <= 3
    assert edited["broken"] == []
    remembered = json.loads(terminal.run("rules", "show", *terminal.where(course, essay)).stdout)
    assert remembered["forbidden"] == [{"reviewer": pair[0], "author": pair[1], "reason": "sisters"}]
    again = terminal.json("plan", "again", edited["after"])
    assert pair not in again["only_after"]
    repeated = terminal.run("plan", "edit", plan["id"], "--forbid", *pair)
    assert repeated.stderr == (
        "The edits are remembered in the rules of this assignment; later plans use them.\n"
    )
    assert terminal.json("plan", "compare", edited["before"], edited["after"]) == edited
    assert terminal.json("plan", "show", plan["id"])["creates"] == plan["creates"]
    assert terminal.canvas.writes() == []


def test_edits_that_cannot_be_say_why(terminal: Terminal, course: Course, essay: Assignment) -> None:
    plan = terminal.plan(course, essay)
    reviewer = plan["creates"][0]["reviewer"]
    assert (
        "own work" in terminal.run("plan", "edit", plan["id"], "--pin", reviewer, reviewer, expect=2).stderr
    )
    unknown = terminal.run("plan", "edit", plan["id"], "--leave-out", "Nobody", expect=2)
    assert "is no student of this course" in unknown.stderr
    assert "nothing to edit" in terminal.run("plan", "edit", plan["id"], expect=2).stderr


def test_an_export_comes_back_as_it_was_or_as_it_was_edited(
    terminal: Terminal, course: Course, essay: Assignment, tmp_path: Path
) -> None:
    plan = terminal.plan(course, essay)
    file = tmp_path / "plan.csv"
    terminal.run("plan", "export", plan["id"], "--output", str(file))
    same = terminal.json("plan", "import", plan["id"], str(file))
    assert (same["after"], same["only_after"], same["only_before"]) == (plan["id"], [], [])

    rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    first, second = [row for row in rows if row[0] == "Create" and row[2] not in (rows[1][4],)][:2]
    rows.remove(second)
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    file.write_bytes(text.getvalue().encode("utf-16"))
    edited = terminal.json("plan", "import", plan["id"], str(file))
    assert edited["only_before"] == [[second[2], second[4]]]
    assert any(first[1] in sentence or second[1] in sentence for sentence in edited["broken"])
    repaired = terminal.json("plan", "edit", edited["after"], "--repair")
    assert repaired["broken"] == []

    file.write_text("Reviewer,Author\n1,Nobody\n", encoding="utf-8")
    refused = terminal.run("plan", "import", plan["id"], str(file), expect=2)
    assert "row 2, Reviewer: “1” is no student" in refused.stderr
    assert "row 2, Author: “Nobody” is no student" in refused.stderr


def test_rules_are_set_checked_and_used_under_a_name(
    terminal: Terminal, course: Course, essay: Assignment, tmp_path: Path
) -> None:
    where = terminal.where(course, essay)
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"reviews_per_reviewer": 12}), encoding="utf-8")
    terminal.run("rules", "set", *where, "--rules", str(file))
    checked = terminal.json("rules", "check", *where, expect=1)
    assert checked["ways_out"][0] == {"code": "reviews_per_reviewer=11", "text": "Let each give 11 reviews"}
    file.write_text(json.dumps({"reviews_per_reviewer": 2, "seed": "x"}), encoding="utf-8")
    terminal.run("rules", "sets", "save", *where, "Drafts", "--rules", str(file))
    again = terminal.run("rules", "sets", "save", *where, "drafts", expect=2)
    assert "has the name" in again.stderr
    terminal.run("rules", "sets", "use", *where, "DRAFTS")
    assert terminal.json("rules", "check", *where)["gives"] == [2, 2]
    in_course = [*where[:4]]
    terminal.run("rules", "sets", "rename", *in_course, "Drafts", "Final")
    (kept,) = terminal.json("rules", "sets", "list", *in_course)
    assert (kept["name"], kept["rules"]["seed"]) == ("Final", None)
    terminal.run("rules", "sets", "delete", *in_course, "final")
    assert terminal.json("rules", "sets", "list", *in_course) == []


def test_students_are_left_out_by_login_and_by_address(
    terminal: Terminal, course: Course, essay: Assignment, tmp_path: Path
) -> None:
    state = terminal.canvas.state
    rows = [row for row in state.submissions.values() if row.assignment_id == essay.id]
    one, other = [user for row in rows if not (user := state.users[row.user_id]).fake_student][:2]
    file = tmp_path / "people.csv"
    file.write_text(
        f"E-mail,Reason\n{one.email},auditor\n{other.email},\nghost@example.edu,\n", encoding="utf-8"
    )
    where = terminal.where(course, essay)
    refused = terminal.run("rules", "people", *where, str(file), expect=2)
    assert "row 4: “ghost@example.edu” is no student of this course." in refused.stderr
    done = terminal.json("rules", "people", *where, str(file), "--those-that-fit")
    assert done["matched"] == [one.id, other.id]
    assert {"user": one.id, "reason": "auditor"} in done["exclude"]


def test_reviews_of_an_earlier_assignment_are_read_and_do_not_come_again(
    terminal: Terminal, canvas: SimulatedCanvas, tmp_path: Path
) -> None:
    course = canvas.course("RHET")
    essay, speech = canvas.assignment(course, "Essay"), canvas.assignment(course, "Group speech")
    before = canvas.reviews(essay)
    assert before
    file = tmp_path / "rules.json"
    rules = {"earlier": [essay.id, "404404"], "repeats": "forbid", "reviews_per_reviewer": 1}
    file.write_text(json.dumps(rules), encoding="utf-8")
    plan = terminal.plan(course, speech, "--rules", str(file))
    made = {(line["reviewer"], line["author"]) for line in plan["creates"]}
    assert made
    assert not made & before
