"""Earlier assignments, levels and several courses from the command line, against the simulated Canvas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course, GradebookColumn
from tests.integration.test_command_line import TOKEN, Terminal
from tests.simulated import SimulatedCanvas, simulated_canvas


@pytest.fixture(scope="module")
def canvas() -> Iterator[SimulatedCanvas]:
    with simulated_canvas("small", habits=Habits(throttle_enabled=False)) as running:
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


@pytest.fixture(scope="module")
def draft(canvas: SimulatedCanvas) -> tuple[Assignment, set[tuple[str, str]]]:
    """A first draft that a teacher assigned by hand in Canvas, three each in a ring; one is done already."""
    state, course = canvas.state, canvas.course("WRIT")
    essay = canvas.assignment(course, "Essay 1")
    made = state.add_assignment(course, "First draft", at=state.now())
    made.peer_reviews = True
    state.refresh_submissions(made)
    authors = sorted(row.user_id for row in state.submissions_of(essay.id) if row.submission_type)
    pairs = set()
    for place, reviewer in enumerate(authors):
        state.submit(reviewer, made.id)
        for step in (1, 2, 5):
            author = authors[(place + step) % len(authors)]
            row = state.submission_of(made.id, author)
            assert row is not None
            request = state.assign_assessor(row, reviewer, made_by="a teacher")
            pairs.add((reviewer, author))
    state.complete_review(request.id)
    return made, pairs


def plan(
    terminal: Terminal, essay: Assignment, course: Course, folder: Path, **rules: object
) -> dict[str, Any]:
    file = folder / "rules.json"
    file.write_text(json.dumps(rules), encoding="utf-8")
    found: dict[str, Any] = terminal.plan(course, essay, "--rules", str(file))
    return found


def test_a_second_draft_has_the_pairs_that_a_teacher_made_by_hand(
    terminal: Terminal,
    course: Course,
    essay: Assignment,
    draft: tuple[Assignment, set[tuple[str, str]]],
    tmp_path: Path,
) -> None:
    first, pairs = draft
    state = terminal.canvas.state
    found = plan(terminal, essay, course, tmp_path, same_pairs_as=first.id, seed="x")
    assert {(line["reviewer"], line["author"]) for line in found["creates"]} == pairs
    assert found["same_pairs"] == {
        "assignment": first.id, "same": len(pairs), "total": len(pairs), "differ": []
    }  # fmt: skip
    left = max(reviewer for reviewer, _ in pairs)
    state.drop(left, course.id)
    found = plan(terminal, essay, course, tmp_path, same_pairs_as=first.id, same_pairs="fix", seed="x")
    assert found["same_pairs"]["same"] == len(pairs) - 6
    whys = [one["why"] for one in found["same_pairs"]["differ"]]
    assert (whys.count("reviewer_out"), whys.count("author_out")) == (3, 3)
    said = terminal.run("plan", "show", found["id"]).stdout
    assert f"{len(pairs) - 6} of {len(pairs)} pairs are the same as in First draft." in said
    state.reinstate(left, course.id)


def test_nobody_pays_a_review_back(
    terminal: Terminal,
    course: Course,
    essay: Assignment,
    draft: tuple[Assignment, set[tuple[str, str]]],
    tmp_path: Path,
) -> None:
    first, pairs = draft
    rules = {"earlier": [first.id], "repeats": "avoid", "returns": "forbid", "seed": "x"}
    found = plan(terminal, essay, course, tmp_path, **rules)
    now = {(line["reviewer"], line["author"]) for line in found["creates"]}
    assert len(now) == len(pairs)
    assert not now & {(author, reviewer) for reviewer, author in pairs}
    assert not now & pairs
    assert found["same_pairs"] is None


def test_levels_come_from_a_list_that_no_rule_holds(
    terminal: Terminal, course: Course, essay: Assignment, tmp_path: Path
) -> None:
    state = terminal.canvas.state
    authors = sorted(row.user_id for row in state.submissions_of(essay.id) if row.submission_type)
    strong = authors[: len(authors) // 2]
    file = tmp_path / "levels.csv"
    where = terminal.where(course, essay)
    rows = [f"{one},{'strong' if one in strong else 'other'}" for one in authors]
    file.write_text("\n".join(["id,Level", *rows, "999,strong"]), encoding="utf-8")
    refused = terminal.run("rules", "levels", *where, str(file), expect=2)
    assert f"row {len(rows) + 2}: “999” is no student of this course." in refused.stderr
    told = terminal.json("rules", "levels", *where, str(file), "--mix", "mixed", "--those-that-fit")
    assert (told["students"], told["in_words"], len(told["unmatched"])) == (len(authors), True, 1)
    remembered = terminal.run("rules", "show", *where).stdout
    assert json.loads(remembered)["levels_by"] == "list"
    assert not any(one in remembered for one in authors), "the rules name nobody"

    mixed = {"levels": "mixed", "levels_by": "list", "seed": "x"}
    found = plan(terminal, essay, course, tmp_path, **mixed)
    kinds: dict[str, set[bool]] = {}
    for line in found["creates"]:
        kinds.setdefault(line["author"], set()).add(line["reviewer"] in strong)
    assert all(kind == {True, False} for kind in kinds.values()), "read anew, and the list went with it"

    terminal.run("rules", "levels", *where, "--forget")
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(mixed), encoding="utf-8")
    gone = terminal.run("plan", *where, "--rules", str(rules), expect=2)
    assert "list of levels is not there any more" in gone.stderr
    assert terminal.json("plan", "show", found["id"])["creates"] == found["creates"]


def test_levels_come_from_a_column_of_the_gradebook(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    state, where = terminal.canvas.state, terminal.where(course, essay)
    authors = sorted(row.user_id for row in state.submissions_of(essay.id) if row.submission_type)
    cells = {one: str(place) for place, one in enumerate(authors)}
    for title, entries in (("Prior grade", cells), ("Notes", {authors[0]: "allergic to nuts"})):
        column = GradebookColumn(state.mint("gradebook_column"), course.id, title, entries)
        state.gradebook_columns[column.id] = column
    assert terminal.json("rules", "levels", *where, "--column", "Prior grade")["students"] == len(authors)
    notes = terminal.run("rules", "levels", *where, "--column", "Notes", expect=2).stderr
    assert f"{state.users[authors[0]].name}" in notes
    assert "“allergic to nuts” is no level." in notes
    unknown = terminal.run("rules", "levels", *where, "--column", "Grades", expect=2).stderr
    assert "it has: Notes, Prior grade" in unknown
    terminal.run("rules", "levels", *where, "--forget")


def test_several_courses_at_once_are_refused_with_what_works_instead(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    for command in (["plan"], ["rules", "show"], ["board"]):
        refused = terminal.run(*command, *terminal.where(course, essay), "--course", "999", expect=2)
        assert "only in the course whose assignment it is" in refused.stderr
        assert "cross-listed into one course" in refused.stderr
    same = terminal.run("rules", "show", *terminal.where(course, essay), "--course", course.id)
    assert json.loads(same.stdout)["reviews_per_reviewer"] == 3
