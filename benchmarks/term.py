"""Measure what comes after an allocation: ``python -m benchmarks.term`` (``make bench-term``; half a minute).

The real services on a database of their own and a simulated Canvas over a socket of this machine, so that
Canvas's own waiting times are left out. Calls are counted by the simulated Canvas.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TypeVar

from lti_tool.bootstrap import Application, open_application
from lti_tool.planning.follow_up import CreditRules
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.reminders import DEFAULT_BODY, DEFAULT_SUBJECT, Audience, Template
from lti_tool.planning.rules import PlanRules
from lti_tool.services.actor import Actor
from lti_tool.services.errors import NothingToSend
from lti_tool.simulator.courses import CourseKind
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course, Submission
from tests.simulated import SimulatedCanvas, simulated_canvas

REPEATS = 5
Row = tuple[str, str, str, bool]
"""A quantity, what it must be, what was measured, and whether that is enough."""
T = TypeVar("T")


@contextmanager
def teacher_of(
    *kinds: CourseKind,
) -> Iterator[tuple[SimulatedCanvas, Application, Callable[[Course], Actor]]]:
    """A simulated Canvas, the product on an empty database, and its teacher."""
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated_canvas(*kinds, habits=Habits(throttle_enabled=False)) as canvas,
    ):
        os.environ |= {
            "PEER_ALLOCATOR_INSTANCE": str(Path(folder) / "instance"),
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
            "PEER_ALLOCATOR_LOG_LEVEL": "error",
        }
        token = canvas.state.make_personal_token(canvas.user("teacher").id).token
        with open_application() as application:
            application.connecting.connect_with_personal_token(application.origin(canvas.url), token)
            yield canvas, application, lambda course: application.actor(canvas.url, course.id)


def seconds(act: Callable[[], T]) -> tuple[float, T]:
    """How long something takes, the middle of some times."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        found = act()
        times.append(time.perf_counter() - start)
    return median(times), found


def students(canvas: SimulatedCanvas, assignment: Assignment) -> list[Submission]:
    """The submission rows, without that of the Test Student."""
    rows = canvas.state.submissions_of(assignment.id)
    return [row for row in rows if not canvas.state.users[row.user_id].fake_student]


def pair_up(canvas: SimulatedCanvas, assignment: Assignment, each: int) -> int:
    """Everybody who handed in reviews the next ones in the list; gives the number of people."""
    state = canvas.state
    works = [row for row in students(canvas, assignment) if row.submission_type is not None]
    works.sort(key=lambda row: len(row.user_id) * 10**12 + int(row.user_id))
    for place, work in enumerate(works):
        for step in range(1, each + 1):
            state.assign_assessor(work, works[(place + step) % len(works)].user_id)
    return len(works)


def large_board() -> list[Row]:
    """The board of a course of 1 000, each with three reviews to give."""
    with teacher_of("large") as (canvas, application, actor_in):
        (course,) = canvas.state.courses.values()
        essay = next(one for one in canvas.state.assignments_of(course.id) if one.peer_reviews)
        people = pair_up(canvas, essay, 3)
        actor, cases, wanted = actor_in(course), application.use_cases.following_up, AssignmentId(essay.id)
        cases.board(actor, [wanted], fresh=True)
        took, view = seconds(lambda: cases.board(actor, [wanted]))
        assert view.board.totals.to_do == 3 * people
    return [(f"board of {people} students x 3, after reading", "< 2 s", f"{took:.2f} s", took < 2)]


def reminders_and_points() -> list[Row]:
    """300 students who owe as much, then points that are there already, then ten who come late."""
    with teacher_of("sections") as (canvas, application, actor_in):
        course = canvas.course("SOC")
        essay = canvas.assignment(course, "Essay 1")
        state = canvas.state
        for number in range(300 - len(students(canvas, essay))):
            state.enroll_late(course.id, f"Further Student{number}")
        for row in state.submissions_of(essay.id):
            state.submit(row.user_id, essay.id)
        people = pair_up(canvas, essay, 3)
        cases, wanted, actor = application.use_cases, AssignmentId(essay.id), actor_in(course)
        cases.following_up.board(actor, [wanted], fresh=True)
        words = Template(subject=DEFAULT_SUBJECT, body=DEFAULT_BODY)
        everybody = cases.following_up.preview_reminders(
            actor, wanted, words, Audience(), due="-"
        ).plan.recipients
        before = len(canvas.writes())
        cases.following_up.send_reminders(actor, wanted, words, Audience(), due="-", approved=everybody)
        calls = len(canvas.writes()) - before
        rows = [
            (f"calls for {len(everybody)} reminders with one text", "3", str(calls), calls == 3),
            points_again(canvas, application, actor, course, wanted),
        ]
        for number in range(10):
            late = state.enroll_late(course.id, f"Late Comer{number}")
            state.submit(late.id, essay.id, at=state.now() + timedelta(minutes=1))
        cases.reading.snapshot(actor, wanted, fresh=True)
        plan = cases.planning.make_plan(actor, wanted, PlanRules(seed="1"))
        found = cases.planning.plan(actor, plan.id).top_up
        assert found is not None
        moved = f"{found.moved} (proven minimum {found.fewest})"
        return [
            *rows,
            (f"open reviews moved for 10 late of {people} x 3", "the minimum", moved, found.proven),
        ]


def points_again(
    canvas: SimulatedCanvas, application: Application, actor: Actor, course: Course, wanted: AssignmentId
) -> Row:
    """Post points, then post them again."""
    column = canvas.state.add_assignment(course, "Reviewing", at=canvas.state.now())
    canvas.state.refresh_submissions(column)
    cases = application.use_cases
    settings = cases.following_up.settings(actor, wanted)
    points = CreditRules(target=column.id)
    cases.following_up.save_settings(actor, wanted, settings.model_copy(update={"credit": points}))
    cases.crediting.post_credit(actor, wanted, cases.crediting.preview_credit(actor, wanted).fingerprint)
    before = len(canvas.writes())
    with suppress(NothingToSend):
        cases.crediting.post_credit(actor, wanted, cases.crediting.preview_credit(actor, wanted).fingerprint)
    calls = len(canvas.writes()) - before
    return "calls for points that are there already", "0", str(calls), calls == 0


def board_of_a_course() -> list[Row]:
    """Eight assignments of 120 students: requests of a reading, and of looking at it again."""
    with teacher_of("sections") as (canvas, application, actor_in):
        course = canvas.course("SOC")
        state = canvas.state
        for one in state.assignments_of(course.id):
            one.peer_reviews = False
        for number in range(8):
            made = state.add_assignment(course, f"Week {number + 1}", at=state.now())
            made.peer_reviews = True
            state.refresh_submissions(made)
            for row in state.submissions_of(made.id):
                state.submit(row.user_id, made.id)
            pair_up(canvas, made, 3)
        actor, cases = actor_in(course), application.use_cases.following_up

        def look(*, fresh: bool) -> tuple[int, float]:
            before, start = len(state.received()), time.perf_counter()
            view = cases.board(actor, cases.reviewed(actor), fresh=fresh)
            assert len(view.board.assignments) == 8
            return len(state.received()) - before, time.perf_counter() - start

        (read, slow), (again, quick) = look(fresh=True), look(fresh=False)
    return [
        ("requests to read 8 assignments x 120", "< 40", f"{read} ({slow:.1f} s)", read < 40),
        ("requests to look at that board again", "1", f"{again} ({quick:.2f} s)", again == 1),
    ]


def main() -> None:
    """Print the table; exit code 1 where something is not as it must be."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    revision = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "-"
    print(f"{datetime.now(UTC):%Y-%m-%d} python -m benchmarks.term, revision {revision}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {os.getloadavg()[0]:.1f} busy\n")
    rows = [*large_board(), *reminders_and_points(), *board_of_a_course()]
    print(f"{'quantity':<48}{'must':<14}{'measured':<28}")
    for quantity, must, measured, good in rows:
        print(f"{quantity:<48}{must:<14}{measured:<28}{'' if good else 'MISSED'}")
    sys.exit(0 if all(good for *_, good in rows) else 1)


if __name__ == "__main__":
    main()
