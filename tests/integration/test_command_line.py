"""The same job through the command line, against the simulated Canvas over a socket."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lti_tool.canvas.endpoints import SCOPES
from lti_tool.cli import main
from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course
from tests.simulated import SimulatedCanvas, simulated_canvas

TOKEN = "TEACHER_TOKEN"


class Terminal:
    """A shell with an environment of its own."""

    def __init__(self, canvas: SimulatedCanvas, environment: dict[str, str]) -> None:
        self.canvas = canvas
        self.environment = environment

    def run(self, *words: str, expect: int = 0) -> Result:
        """Run a command; its exit code is part of what is promised."""
        result = CliRunner().invoke(main, list(words), env=self.environment, catch_exceptions=False)
        assert result.exit_code == expect, f"{words}: {result.exit_code}\n{result.output}"
        return result

    def json(self, *words: str, expect: int = 0) -> Any:
        """Run a command that answers in JSON."""
        return json.loads(self.run(*words, "--format", "json", expect=expect).stdout)

    def plan(self, course: Course, assignment: Assignment, *words: str) -> Any:
        """A plan as JSON."""
        return self.json("plan", *self.where(course, assignment), *words)

    def where(self, course: Course, assignment: Assignment) -> list[str]:
        """Options that name one assignment."""
        return ["--canvas", self.canvas.url, "--course", course.id, "--assignment", assignment.id]


@pytest.fixture
def canvas() -> Iterator[SimulatedCanvas]:
    with simulated_canvas("small", "sections", "awkward", habits=Habits(throttle_enabled=False)) as running:
        yield running


@pytest.fixture
def terminal(canvas: SimulatedCanvas, tmp_path: Path) -> Terminal:
    grant = canvas.state.make_personal_token(canvas.user("teacher").id)
    found = Terminal(
        canvas,
        {
            "PEER_ALLOCATOR_INSTANCE": str(tmp_path / "instance"),
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
            "PEER_ALLOCATOR_LOG_LEVEL": "error",
            TOKEN: grant.token,
        },
    )
    found.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
    return found


@pytest.mark.parametrize(
    ("code", "name"), [("WRIT", "Essay 1"), ("SOC", "Essay 1"), ("SOC", "Interview"), ("RHET", "Essay")]
)
def test_plan_apply_show_undo(terminal: Terminal, code: str, name: str) -> None:
    canvas = terminal.canvas
    course = canvas.course(code)
    assignment = canvas.assignment(course, name)
    before = canvas.reviews(assignment)

    plan = terminal.plan(course, assignment)
    assert canvas.writes() == [], "a plan changes nothing in Canvas"
    for kind in ("creates", "deletes", "keeps", "blocked"):
        assert plan["counts"][kind] == len(plan[kind])
        assert all(set(line) == {"reviewer", "author", "submission", "reason"} for line in plan[kind])
        assert all(isinstance(value, str) and value for line in plan[kind] for value in line.values())

    run = terminal.json("apply", plan["id"], "--wait")
    assert run["state"] == "done"
    assert sum(run["counts"].values()) == plan["counts"]["creates"] + plan["counts"]["deletes"]
    assert run["counts"]["done"] == len(run["steps"])
    after = canvas.reviews(assignment)
    created = {(line["reviewer"], line["author"]) for line in plan["creates"]}
    deleted = {(line["reviewer"], line["author"]) for line in plan["deletes"]}
    assert after == (before | created) - deleted
    assert Counter(method for method, _ in canvas.writes()) == Counter(
        {"POST": len(created), "DELETE": len(deleted)} if deleted else {"POST": len(created)}
    )
    mails = Counter((mail.to, mail.request_id) for mail in canvas.state.notifications)
    assert set(mails.values()) == {1}, "nobody is mailed twice"

    assert terminal.json("runs", "show", run["id"]) == run
    again = terminal.plan(course, assignment)
    assert (again["counts"]["creates"], again["counts"]["deletes"]) == (0, 0)

    undo = terminal.json("undo", run["id"])
    assert canvas.reviews(assignment) == after, "undo is a plan first"
    terminal.json("apply", undo["id"], "--wait")
    assert canvas.reviews(assignment) == before


def test_a_plan_is_applied_once(terminal: Terminal) -> None:
    course = terminal.canvas.course("WRIT")
    plan = terminal.plan(course, terminal.canvas.assignment(course, "Essay 1"))
    first = terminal.json("apply", plan["id"], "--wait")
    writes = len(terminal.canvas.writes())
    assert terminal.json("apply", plan["id"], "--wait")["id"] == first["id"]
    assert len(terminal.canvas.writes()) == writes


def test_rules_from_a_file(terminal: Terminal, tmp_path: Path) -> None:
    course = terminal.canvas.course("SOC")
    assignment = terminal.canvas.assignment(course, "Essay 1")
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"reviews_per_reviewer": 2, "sections": "same", "seed": "spring"}))
    plan = terminal.plan(course, assignment, "--rules", str(rules))
    sections: dict[str, set[str]] = {}
    for row in terminal.canvas.state.enrollments.values():
        sections.setdefault(row.user_id, set()).add(row.section_id)
    assert plan["counts"]["creates"] == 240
    assert all(sections[line["reviewer"]] & sections[line["author"]] for line in plan["creates"])
    assert plan["seed"] == "spring"
    again = terminal.plan(course, assignment, "--rules", str(rules))
    assert again["creates"] == plan["creates"], "the same seed, rules and class give the same plan"


def test_the_export_is_a_spreadsheet_of_what_canvas_has(terminal: Terminal) -> None:
    course = terminal.canvas.course("RHET")
    assignment = terminal.canvas.assignment(course, "Essay")
    text = terminal.run("export", *terminal.where(course, assignment)).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {(row["reviewer_id"], row["author_id"]) for row in rows} == terminal.canvas.reviews(assignment)


def rules_file(folder: Path, content: str) -> str:
    path = folder / "rules.json"
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"reviews_per_reviewr": 2}', "reviews_per_reviewr"),
        ('{"reviews_per_reviewer": 0}', "reviews_per_reviewer"),
        ('{"sections": "sometimes"}', "sections"),
        ("not json", "cannot be used"),
        ('{"reviews_per_reviewer": 12}', "11"),
    ],
)
def test_bad_rules_are_refused_in_words(terminal: Terminal, tmp_path: Path, content: str, said: str) -> None:
    course = terminal.canvas.course("WRIT")
    where = terminal.where(course, terminal.canvas.assignment(course, "Essay 1"))
    result = terminal.run("plan", *where, "--rules", rules_file(tmp_path, content), expect=2)
    assert said in result.stderr
    assert terminal.canvas.writes() == []


def test_unknown_ids_are_refused_in_words(terminal: Terminal) -> None:
    url = terminal.canvas.url
    course = terminal.canvas.course("WRIT").id
    for words in (
        ["plan", "--canvas", url, "--course", "999999", "--assignment", "1"],
        ["plan", "--canvas", url, "--course", course, "--assignment", "999999"],
        ["plan", "--canvas", url, "--course", course, "--assignment", "../../users/self"],
        ["apply", "no-such-plan"],
        ["runs", "show", "no-such-run"],
        ["undo", "no-such-run"],
        ["plan", "--canvas", "http://canvas.example.edu", "--course", "1", "--assignment", "1"],
        ["plan", "--canvas", "https://canvas.example.edu", "--course", "1", "--assignment", "1"],
    ):
        assert terminal.run(*words, expect=2).stderr.startswith("Error: ")


def test_an_assignment_that_nobody_handed_in(terminal: Terminal) -> None:
    course = terminal.canvas.course("WRIT")
    where = terminal.where(course, terminal.canvas.assignment(course, "Essay 2"))
    assert "did not submit" in terminal.run("plan", *where, expect=2).stderr


def test_one_student_cannot_review_anybody(terminal: Terminal) -> None:
    course = terminal.canvas.course("WRIT")
    assignment = terminal.canvas.assignment(course, "Essay 2")
    student = next(
        row.user_id
        for row in terminal.canvas.state.enrollments.values()
        if row.course_id == course.id and row.type == "StudentEnrollment"
    )
    terminal.canvas.state.submit(student, assignment.id)
    said = terminal.run("plan", *terminal.where(course, assignment), expect=2).stderr
    assert "At least two must take part" in said


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (FaultKind.HTML_200, "/enrollments"),
        (FaultKind.HTML_503, "/submissions"),
        (FaultKind.TRUNCATED, "/peer_reviews"),
        (FaultKind.LINK_LOOP, "/enrollments"),
        (FaultKind.LINK_FOREIGN, "/submissions"),
    ],
)
def test_a_canvas_that_answers_nonsense_leads_to_no_plan(
    terminal: Terminal, kind: FaultKind, path: str
) -> None:
    course = terminal.canvas.course("SOC")
    where = terminal.where(course, terminal.canvas.assignment(course, "Essay 1"))
    terminal.canvas.state.faults.plant(kind, path=path, times=1_000)
    assert terminal.run("plan", *where, expect=2).stderr.startswith("Error: ")
    assert terminal.canvas.writes() == []


def test_a_canvas_that_is_down(terminal: Terminal, tmp_path: Path) -> None:
    with simulated_canvas("small") as other:
        grant = other.state.make_personal_token(other.user("teacher").id)
        terminal.environment[TOKEN] = grant.token
        terminal.run("connect", "--canvas", other.url, "--token-env", TOKEN)
    where = ["--canvas", other.url, "--course", "1", "--assignment", "1"]
    assert "Error: " in terminal.run("plan", *where, expect=2).stderr


def test_a_token_without_a_scope_names_the_scope(terminal: Terminal) -> None:
    state = terminal.canvas.state
    wanted = [scope for scope in SCOPES if "/submissions" not in scope]
    key = DeveloperKey("42", "secret", "narrow", "api", scopes=wanted, require_scopes=True)
    state.add_key(key)
    grant = state.issue_grant(terminal.canvas.user("ta").id, key.client_id, scopes=tuple(wanted))
    terminal.environment[TOKEN] = grant.token
    connect = ["connect", "--canvas", terminal.canvas.url, "--token-env", TOKEN]
    said = terminal.run(*connect, expect=2).stderr
    assert "url:GET|/api/v1/users/:id" in said, "whose token it is cannot be read without this scope"
    key.scopes.append("url:GET|/api/v1/users/:id")
    grant = state.issue_grant(terminal.canvas.user("ta").id, key.client_id, scopes=tuple(key.scopes))
    terminal.environment[TOKEN] = grant.token
    terminal.run(*connect)
    course = terminal.canvas.course("WRIT")
    where = terminal.where(course, terminal.canvas.assignment(course, "Essay 1"))
    said = terminal.run("plan", *where, "--as", terminal.canvas.user("ta").id, expect=2).stderr
    assert "url:GET|/api/v1/courses/:course_id/assignments/:assignment_id/submissions" in said
    assert terminal.canvas.writes() == []


def test_tokens_of_two_people_need_a_choice(terminal: Terminal) -> None:
    canvas = terminal.canvas
    terminal.environment[TOKEN] = canvas.state.make_personal_token(canvas.user("section-ta").id).token
    terminal.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
    course = canvas.course("SOC")
    where = terminal.where(course, canvas.assignment(course, "Essay 1"))
    assert "--as" in terminal.run("plan", *where, expect=2).stderr
    everybody = terminal.json("plan", *where, "--as", canvas.user("teacher").id)
    terminal.json("apply", everybody["id"], "--wait")
    before = canvas.reviews(canvas.assignment(course, "Essay 1"))
    rules = Path(terminal.environment["PEER_ALLOCATOR_INSTANCE"]) / "rules.json"
    rules.write_text('{"existing": "replace", "reviews_per_reviewer": 2, "balance": "close"}')
    one_section = terminal.json("plan", *where, "--as", canvas.user("section-ta").id, "--rules", str(rules))
    terminal.json("apply", one_section["id"], "--wait")
    visible = {
        row.user_id for row in canvas.state.enrollments.values() if row.section_id == course_section(canvas)
    }
    hidden = {pair for pair in before if not set(pair) <= visible}
    assert hidden <= canvas.reviews(canvas.assignment(course, "Essay 1")), "what she cannot see stays"


def course_section(canvas: SimulatedCanvas) -> str:
    """The one section of SOC-110 that the limited TA may see."""
    course = canvas.course("SOC")
    (row,) = [
        row
        for row in canvas.state.enrollments.values()
        if row.user_id == canvas.user("section-ta").id and row.course_id == course.id
    ]
    return row.section_id


def test_a_token_that_canvas_does_not_know_is_not_stored(terminal: Terminal) -> None:
    terminal.environment[TOKEN] = "wrong"
    said = terminal.run("connect", "--canvas", terminal.canvas.url, "--token-env", TOKEN, expect=2).stderr
    assert "token" in said
    said = terminal.run("connect", "--canvas", terminal.canvas.url, "--token-env", "UNSET", expect=2).stderr
    assert "UNSET" in said


def test_every_command_explains_itself() -> None:
    for words in (
        [],
        *(
            [name]
            for name in (
                "demo",
                "serve",
                "worker",
                "doctor",
                "connect",
                "plan",
                "apply",
                "undo",
                "allocate",
                "export",
            )
        ),
        ["db", "upgrade"],
        ["runs", "show"],
        ["runs", "cancel"],
        ["runs", "pause"],
        ["runs", "resume"],
        ["rules-schema"],
    ):
        result = CliRunner().invoke(main, [*words, "--help"])
        assert result.exit_code == 0
        assert "Usage:" in result.output
