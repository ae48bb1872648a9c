"""The simulated Canvas behind a real socket on loopback, and a small caller for it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import requests
from flask import Flask
from werkzeug.serving import make_server

from lti_tool.simulator.records import Assignment, Course, EnrollmentState, EnrollmentType, Submission, User
from lti_tool.simulator.request_pipeline import register_throttle_and_log
from lti_tool.simulator.rest import register_rest
from lti_tool.simulator.state import CanvasState
from lti_tool.simulator.throttle import Throttle

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Caller:
    """Calls the API as one person; paths are relative to /api/v1."""

    def __init__(self, base_url: str, token: str | None) -> None:
        self._base = base_url
        self.session = requests.Session()
        self.session.trust_env = False
        if token is not None:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(
        self,
        method: str,
        path: str,
        *,
        data: dict[str, str] | None = None,
        json: object = None,
        headers: dict[str, str] | None = None,
        timeout: float = 20,
    ) -> requests.Response:
        url = path if path.startswith("http") else f"{self._base}/api/v1{path}"
        return self.session.request(
            method, url, data=data, json=json, headers=headers, timeout=timeout, allow_redirects=False
        )

    def get(self, path: str, **headers: str) -> requests.Response:
        """GET, with headers named like `Accept`."""
        return self("GET", path, headers=headers)


class RestServer:
    """A served state with its callers."""

    def __init__(self, state: CanvasState, base_url: str, throttle: Throttle) -> None:
        self.state = state
        self.base_url = base_url
        self.throttle = throttle
        self.callers: list[Caller] = []

    def as_user(self, user: User) -> Caller:
        """A caller with a fresh personal token."""
        return self.with_token(self.state.make_personal_token(user.id).token)

    def with_token(self, token: str | None) -> Caller:
        """A caller with this token, or none."""
        caller = Caller(self.base_url, token)
        self.callers.append(caller)
        return caller

    def login(self, login: str) -> Caller:
        """A caller by login, such as `teacher`."""
        return self.as_user(person(self.state, login))


def build_app(state: CanvasState) -> tuple[Flask, Throttle]:
    """REST behind throttle and log."""
    app = Flask("simulated-canvas")
    throttle = register_throttle_and_log(app, state)
    register_rest(app, state)
    return app, throttle


@contextmanager
def serve(state: CanvasState) -> Iterator[RestServer]:
    """Serve on a free port, each request in its own thread."""
    app, throttle = build_app(state)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    served = RestServer(state, f"http://127.0.0.1:{server.server_port}", throttle)
    try:
        yield served
    finally:
        for caller in served.callers:
            caller.session.close()
        server.shutdown()
        server.server_close()
        thread.join()


def person(state: CanvasState, login: str) -> User:
    """The user with this login."""
    return next(user for user in state.users.values() if user.login == login)


def course_called(state: CanvasState, code: str) -> Course:
    """The course with this code."""
    return next(course for course in state.courses.values() if course.code == code)


def assignment_called(state: CanvasState, course: Course, beginning: str) -> Assignment:
    """The assignment whose name begins so."""
    return next(row for row in state.assignments_of(course.id) if row.name.startswith(beginning))


def students_of(state: CanvasState, course: Course) -> list[User]:
    """Active students in the order of enrolment, each once."""
    rows = state.enrollments_of(course.id)
    ids = dict.fromkeys(
        row.user_id
        for row in rows
        if row.type is EnrollmentType.STUDENT and row.state is EnrollmentState.ACTIVE
    )
    return [state.users[user_id] for user_id in ids]


def submission_of(state: CanvasState, assignment: Assignment, user: User) -> Submission:
    """The person's row, which must exist."""
    row = state.submission_of(assignment.id, user.id)
    assert row is not None
    return row


def links(answer: requests.Response) -> dict[str, str]:
    """rel -> url, split by Canvas's own form: no space after the comma."""
    header = answer.headers.get("Link", "")
    return {rel: url for url, rel in re.findall(r'<([^>]*)>; rel="(\w+)"(?:,|$)', header)}


def walk(caller: Caller, path: str) -> list[dict[str, object]]:
    """Everything, by following `next`."""
    rows: list[dict[str, object]] = []
    url: str | None = path
    while url:
        answer = caller.get(url)
        assert answer.status_code == 200
        rows += answer.json()
        url = links(answer).get("next")
    return rows
