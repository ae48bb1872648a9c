"""A simulated Canvas on a socket, and the people in it, for tests of whole journeys."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from werkzeug.serving import make_server

from lti_tool.simulator.app import create_simulator
from lti_tool.simulator.courses import CourseKind, build_state
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course, User
from lti_tool.simulator.state import CanvasState

logging.getLogger("werkzeug").setLevel(logging.ERROR)  # or each request is a line of the test's output


@dataclass
class SimulatedCanvas:
    """One running Canvas. ``state`` is its inside; tests look there for the truth."""

    url: str
    state: CanvasState

    def user(self, login: str) -> User:
        """Staff by login: teacher, ta, section-ta, admin."""
        return next(user for user in self.state.users.values() if user.login == login)

    def course(self, code: str) -> Course:
        """A course by the beginning of its code."""
        return next(course for course in self.state.courses.values() if course.code.startswith(code))

    def assignment(self, course: Course, name: str) -> Assignment:
        """An assignment by the beginning of its name."""
        return next(
            found
            for found in self.state.assignments.values()
            if found.course_id == course.id and found.name.startswith(name)
        )

    def reviews(self, assignment: Assignment) -> set[tuple[str, str]]:
        """Who reviews whom now, as Canvas has it: (reviewer, author)."""
        rows = {row.id for row in self.state.submissions.values() if row.assignment_id == assignment.id}
        return {
            (request.assessor_id, request.user_id)
            for request in self.state.requests.values()
            if request.submission_id in rows
        }

    def writes(self) -> list[tuple[str, str]]:
        """Method and path of everything that could have changed something, in order."""
        return [(found.method, found.path) for found in self.state.received(writes_only=True)]


@contextmanager
def simulated_canvas(
    *kinds: CourseKind, seed: int = 1, habits: Habits | None = None
) -> Iterator[SimulatedCanvas]:
    """Serve a Canvas with these courses on a free port of this machine."""
    state = build_state(seed, kinds=kinds, habits=habits)
    holder: list[Flask] = []
    server = make_server("127.0.0.1", 0, lambda *call: holder[0](*call), threaded=True)
    url = f"http://localhost:{server.port}"
    holder.append(create_simulator(state, base_url=url))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield SimulatedCanvas(url, state)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
