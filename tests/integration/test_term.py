"""A whole term from the command line, as an institution would script it.

One course, four sections, 120 students, four assignments; late work, eight drop-outs, an extension, a rubric
attached in mid-term, and a second teacher who edits by hand. After every step: nobody was mailed twice, no
completed review was lost, no pair came again, and whoever has fewer reviews than promised is on the board.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course
from tests.integration.test_command_line import TOKEN, Terminal
from tests.own_column import open_tool_in
from tests.simulated import SimulatedCanvas, simulated_canvas

EACH = 3
Pairs = set[tuple[str, str]]


@dataclass
class Term:
    """The term so far. ``open_again`` are reviews that Canvas itself set back to open."""

    terminal: Terminal
    course: Course
    rules: Path
    allocated: list[Assignment] = field(default_factory=list)
    completed: set[str] = field(default_factory=set)
    open_again: set[str] = field(default_factory=set)
    by_hand: Pairs = field(default_factory=set)

    @property
    def canvas(self) -> SimulatedCanvas:
        return self.terminal.canvas

    def where(self, assignment: Assignment) -> list[str]:
        return self.terminal.where(self.course, assignment)

    def students(self) -> list[str]:
        """Everybody who is active in the course."""
        state = self.canvas.state
        return sorted(state.current_student_ids(state.enrollments_of(self.course.id)) - self._test_student())

    def _test_student(self) -> set[str]:
        return {user.id for user in self.canvas.state.users.values() if user.fake_student}

    def assignment(self, name: str) -> Assignment:
        state = self.canvas.state
        made = state.add_assignment(self.course, name, at=state.now())
        made.peer_reviews, made.due_at = True, state.now() + timedelta(hours=1)
        state.refresh_submissions(made)
        return made

    def hand_in(self, assignment: Assignment, students: list[str]) -> None:
        for student in students:
            self.canvas.state.submit(student, assignment.id)

    def allocate(self, assignment: Assignment, **more: str) -> dict[str, Any]:
        """Plan and apply; no pair of an earlier assignment may come again, open reviews stay."""
        rules: dict[str, Any] = {
            "reviews_per_reviewer": EACH,
            "balance": "close",
            "earlier": [one.id for one in self.allocated if one.id != assignment.id],
            "repeats": "forbid",
            "seed": "term",
            **more,
        }
        self.rules.write_text(json.dumps(rules), encoding="utf-8")
        plan: dict[str, Any] = self.terminal.plan(self.course, assignment, "--rules", str(self.rules))
        if plan["counts"]["creates"] + plan["counts"]["deletes"]:
            assert self.terminal.json("apply", plan["id"], "--wait")["state"] == "done"
        if assignment not in self.allocated:
            self.allocated.append(assignment)
        self.check(f"allocated {assignment.name}")
        return plan

    def write_reviews(self, assignment: Assignment, share: float) -> None:
        """That share of the open reviews is written."""
        state = self.canvas.state
        waiting = [row for row in state.reviews_of(assignment.id) if row.workflow_state == "assigned"]
        active = set(self.students())
        for row in [row for row in waiting if row.assessor_id in active][: int(len(waiting) * share)]:
            state.complete_review(row.id)
        self.completed |= {row.id for row in state.requests.values() if row.workflow_state == "completed"}

    def board(self, assignment: Assignment, standing: str = "all") -> dict[str, dict[str, Any]]:
        found = self.terminal.json("board", *self.where(assignment), "--standing", standing)["students"]
        return {row["user"]: row for row in found}

    def check(self, step: str) -> None:
        """What holds after every step."""
        state = self.canvas.state
        assert not [mail for mail in state.notifications if mail.repeated], f"{step}: mailed twice"
        now = {row.id: row for row in state.requests.values()}
        assert self.completed <= now.keys(), f"{step}: a completed review is gone"
        lost = {one for one in self.completed if now[one].workflow_state != "completed"}
        assert lost <= self.open_again, f"{step}: a completed review is open again"
        seen: dict[tuple[str, str], str] = {}
        for assignment in self.allocated:
            for pair in self.canvas.reviews(assignment) - self.by_hand:
                assert seen.setdefault(pair, assignment.id) == assignment.id, f"{step}: {pair} came again"

    def promised(self, assignment: Assignment) -> None:
        """Each author has what was promised, or stands on the board with less."""
        board = self.board(assignment)
        active, state = set(self.students()), self.canvas.state
        coming = Counter(
            row.user_id
            for row in state.reviews_of(assignment.id)
            if row.workflow_state == "completed" or row.assessor_id in active
        )
        for row in state.submissions_of(assignment.id):
            if row.user_id in active and row.submission_type is not None and not row.deleted:
                shown = board[row.user_id]["received"] + board[row.user_id]["awaited"]
                assert shown == coming[row.user_id]
                assert coming[row.user_id] >= EACH - 1, row.user_id
        most = max(line["done"] + line["to_do"] for line in board.values())
        assert most <= EACH + 1, "with what Canvas does not take back, one more than agreed"

    def credited(self, assignment: Assignment, target: str) -> None:
        """Points are posted, and are what was done; also into a column of the tool's own."""
        state, where = self.canvas.state, self.where(assignment)
        posted = self.terminal.json("credit", *where, "--target", target, "--points", "9", "--post")
        assert (posted["state"], posted["not_taken"]) == ("done", {})
        column = next(iter(state.line_items.values())).assignment_id if target == "own" else target
        scores = {row.user_id: row.score for row in state.submissions_of(column)}
        for user, line in self.board(assignment).items():
            if line["done"] + line["to_do"] and user in self.students():
                share = line["done"] / (line["done"] + line["to_do"])
                assert scores[user] == pytest.approx(9 * share, abs=0.005)


@pytest.fixture
def term(tmp_path: Path) -> Iterator[Term]:
    with simulated_canvas("sections", habits=Habits(throttle_enabled=False)) as canvas:
        grant = canvas.state.make_personal_token(canvas.user("teacher").id)
        terminal = Terminal(
            canvas,
            {
                "PEER_ALLOCATOR_INSTANCE": str(tmp_path / "instance"),
                "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
                "PEER_ALLOCATOR_LOG_LEVEL": "error",
                TOKEN: grant.token,
            },
        )
        terminal.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
        yield Term(terminal, canvas.course("SOC"), tmp_path / "rules.json")


def volunteers_stand_in(term: Term, assignment: Assignment) -> None:
    """Reviews that are overdue and were never begun go to those below their load and to volunteers; what is
    left is named for staff."""
    where, terminal = term.where(assignment), term.terminal
    assignment.due_at = term.canvas.state.now() - timedelta(days=2)
    term.canvas.state.refresh_submissions(assignment)
    terminal.run("follow-up", *where, "--due", "2020-01-01T00:00+00:00")
    overdue = [one for one in terminal.json("holes", *where)["holes"] if one["kind"] == "overdue"]
    lazy = {one["reviewer"] for one in overdue}
    ready = [user for user in term.board(assignment, "done") if user in term.students()][: len(overdue) // 3]
    assert lazy
    assert ready
    named = [word for user in ready for word in ("--volunteer", f"{user}:2")]
    load = {user: line["done"] + line["to_do"] for user, line in term.board(assignment).items()}
    plan = terminal.json("fill-up", *where, "--do-not-wait", "overdue", *named)
    extra = Counter(line["reviewer"] for line in plan["creates"])
    for user, number in extra.items():
        assert number <= max(0, EACH - load[user]) + (2 if user in ready else 0), user
    assert plan["counts"]["deletes"] == 0
    missing = {author: row["missing"] for row in plan["for_staff"] for author in row["authors"]}
    missed = {(one["reviewer"], one["author"]) for one in overdue}
    coming = Counter(
        line["author"]
        for line in (*plan["creates"], *plan["keeps"])
        if (line["reviewer"], line["author"]) not in missed
    )
    for author in {one["author"] for one in overdue}:
        assert coming[author] + missing.get(author, 0) >= EACH, "filled, or named for staff"
    table = terminal.run("plan", "for-staff", plan["id"]).output
    assert table.count("speed_grader?assignment_id=") == len(plan["for_staff"])
    assert terminal.json("apply", plan["id"], "--wait")["state"] == "done"
    term.check("volunteers stood in")
    again = terminal.json("fill-up", *where, "--do-not-wait", "overdue")
    assert again["counts"]["creates"] + again["counts"]["deletes"] == 0


def test_a_term(term: Term) -> None:
    state, students = term.canvas.state, term.students()
    assert len(students) == 120

    first = term.assignment("Week 3")
    late, early = students[:5], students[5:]
    term.hand_in(first, early)
    term.allocate(first)
    term.promised(first)
    term.write_reviews(first, 0.4)

    term.hand_in(first, late)
    plan = term.allocate(first)
    assert {line["author"] for line in plan["creates"]} >= set(late), "late work in both directions"
    assert {line["reviewer"] for line in plan["creates"]} >= set(late)
    term.promised(first)

    gone = students[-8:]
    for student in gone:
        state.drop(student, term.course.id)
    holes = term.board(first, "holes")
    assert holes, "who left leaves holes, and the board names them"
    term.allocate(first)
    term.promised(first)

    sent = term.terminal.json("remind", *term.where(first), "--send")
    told = Counter(message.recipient_id for message in state.messages)
    assert set(told.values()) == {1}
    assert not set(told) & set(gone)
    assert len(sent["messages"]) <= 4, "equal texts go out together"
    term.write_reviews(first, 0.4)
    volunteers_stand_in(term, first)
    term.write_reviews(first, 0.9)

    second = term.assignment("Week 6")
    extended = students[10]
    override = state.add_override(second, "Extension")
    override.student_ids, override.due_at = [extended], state.now() + timedelta(days=7)
    state.refresh_submissions(second)
    term.hand_in(second, [one for one in term.students() if one != extended])
    term.allocate(second)
    term.write_reviews(second, 0.3)
    state.attach_rubric(second.id)
    term.open_again |= {row.id for row in state.reviews_of(second.id)}
    alarms = term.terminal.json("watch", *term.where(second), expect=1)["alarms"]
    assert {one["kind"] for one in alarms} == {"rubric_changed"}
    term.hand_in(second, [extended])
    term.terminal.run("schedule", "add", *term.where(second), "--kind", "top_up")
    term.terminal.run("schedule", "run")
    (row,) = term.terminal.json("schedule", "list", *term.where(second))
    assert row["outcome"] == "waits"
    term.terminal.json("apply", row["plan"], "--wait")
    term.check("the extension came in")
    term.promised(second)

    third = term.assignment("Week 9")
    term.hand_in(third, term.students())
    term.allocate(third)
    rows = state.reviews_of(third.id)
    victim, donor = rows[0], rows[-1]
    state.unassign(victim.id)
    author = state.submissions[donor.submission_id]
    stranger = next(
        one
        for one in term.students()
        if one != author.user_id and (one, author.user_id) not in term.canvas.reviews(third)
    )
    state.assign_assessor(author, stranger)
    term.by_hand.add((stranger, author.user_id))
    alarms = term.terminal.json("watch", *term.where(third), expect=1)["alarms"]
    assert {one["kind"] for one in alarms} == {"review_gone", "review_added"}
    term.allocate(third)
    term.promised(third)

    fourth = term.assignment("Week 12")
    term.hand_in(fourth, term.students())
    for number, student in enumerate(term.students()):
        marked = state.submission_of(third.id, student)
        assert marked is not None
        marked.score = float(number % 10)
    term.allocate(fourth, levels="strong", levels_from=third.id)
    strong = {student for number, student in enumerate(term.students()) if number % 10 >= 4}
    helped = {author for reviewer, author in term.canvas.reviews(fourth) if reviewer in strong}
    assert helped == set(term.students()), "every author has a strong reviewer"
    term.write_reviews(fourth, 0.8)
    term.credited(fourth, term.assignment("Peer reviewing").id)
    open_tool_in(term.canvas, term.course, term.rules.parent / "instance")
    term.credited(third, "own")
    term.check("the term is over")
