"""Assignment and Grade Services of the simulated Canvas, as PyLTI1p3's own client uses them after a launch.

What Canvas does beyond the specification is asked for with plain requests (canvas-lms
app/controllers/lti/ims/scores_controller.rb, line_items_controller.rb).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from jwt.algorithms import RSAAlgorithm
from pylti1p3.assignments_grades import AssignmentsGradesService
from pylti1p3.contrib.flask.message_launch import FlaskMessageLaunch
from pylti1p3.contrib.flask.oidc_login import FlaskOIDCLogin
from pylti1p3.contrib.flask.request import FlaskRequest
from pylti1p3.exception import LtiServiceException
from pylti1p3.grade import Grade
from pylti1p3.lineitem import LineItem
from pylti1p3.tool_config.dict import ToolConfDict

from lti_tool.simulator.courses import build_state
from lti_tool.simulator.grade_scopes import GRADE_SCOPES, LINE_ITEM_READ_ONLY, RESULT_READ_ONLY
from lti_tool.simulator.records import Course, User
from lti_tool.simulator.state import CanvasState, Deployment, DeveloperKey, EnrollmentState
from tests.contract.rest_server import course_called, person, students_of
from tests.contract.simulator_browser import ServedCanvas, serve_canvas

TOOL = "http://localhost"
CLIENT = "10000000000041"
SUBMISSION = "https://canvas.instructure.com/lti/submission"
QUIET = {SUBMISSION: {"new_submission": False}}


@dataclass
class Scene:
    """A tool that has launched; ``grades`` is the library's client, made of that launch's claim."""

    canvas: ServedCanvas
    key: DeveloperKey
    course: Course
    grades: AssignmentsGradesService

    @property
    def state(self) -> CanvasState:
        return self.canvas.state

    @property
    def students(self) -> list[User]:
        return students_of(self.state, self.course)

    def column(self) -> LineItem:
        wanted = LineItem({"label": "Reviews", "scoreMaximum": 10, "tag": "points", "resourceId": "r-7"})
        return self.grades.find_or_create_lineitem(wanted, find_by="resource_id")

    def grade(self, user: str, points: float, *, seconds: float = 0, **more: Any) -> Grade:
        at = self.state.now() + timedelta(seconds=seconds)
        grade = Grade().set_user_id(user).set_score_given(points).set_score_maximum(10)
        grade.set_activity_progress("Completed").set_grading_progress("FullyGraded")
        return grade.set_timestamp(at.isoformat()).set_extra_claims(QUIET | more)

    def post(self, column: LineItem, body: dict[str, Any]) -> requests.Response:
        """A score as this test wants it, right or wrong."""
        token = self.grades._service_connector.get_access_token(list(GRADE_SCOPES))
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                f"{column.get_id()}/scores",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                timeout=10,
            )


@pytest.fixture
def key() -> DeveloperKey:
    return DeveloperKey(
        client_id=CLIENT,
        secret="",
        name="Peer reviews",
        kind="lti",
        scopes=list(GRADE_SCOPES),
        redirect_uris=[f"{TOOL}/launch"],
        oidc_initiation_url=f"{TOOL}/login",
        target_link_uri=f"{TOOL}/launch",
        deployments=[Deployment("41:account")],
    )


@pytest.fixture
def scene(key: DeveloperKey) -> Iterator[Scene]:
    state = build_state(1, kinds=("small",))
    state.add_key(key)
    # The library keeps tokens of all tests in one place, by issuer.
    issuer = f"https://{uuid.uuid4().hex}.example.edu"
    with serve_canvas(state, issuer=issuer) as served:
        course = course_called(state, "WRIT-101")
        yield Scene(served, key, course, launched(served, issuer, key, course))


def launched(
    canvas: ServedCanvas, issuer: str, key: DeveloperKey, course: Course
) -> AssignmentsGradesService:
    """The library's client of the services that a teacher's launch offers."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key.public_jwk = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    registration: Any = {
        "default": True,
        "client_id": key.client_id,
        "auth_login_url": canvas.platform.authorisation_url,
        "auth_token_url": canvas.platform.token_url,
        "key_set_url": canvas.platform.jwks_url,
        "deployment_ids": ["41:account"],
    }
    settings = ToolConfDict({issuer: [registration]})
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    settings.set_private_key(issuer, pem.decode(), client_id=key.client_id)
    read_request: Any = FlaskRequest  # the library's Flask classes carry no types
    app = Flask("tool")
    app.secret_key = "tests"
    found: list[AssignmentsGradesService] = []

    @app.post("/login")
    def login() -> Any:
        return FlaskOIDCLogin(read_request(), settings).redirect(f"{TOOL}/launch")

    @app.post("/launch")
    def launch() -> str:
        message = FlaskMessageLaunch(read_request(), settings)
        message.get_launch_data()
        found.append(message.get_ags())
        return ""

    browser, tool = canvas.browser(person(canvas.state, "teacher")), app.test_client()
    form = browser.get(f"/courses/{course.id}/external_tools/{key.client_id}").form("/login")
    target = urlsplit(tool.post("/login", data=form.fields).headers["Location"])
    answer = browser.get(f"{target.path}?{target.query}").form("/launch")
    assert tool.post("/launch", data=answer.fields).status_code == 200
    return found[0]


def test_the_library_makes_a_column_once_and_fills_it(scene: Scene) -> None:
    column, again = scene.column(), scene.column()
    assert column.get_id() == again.get_id()
    (item,) = scene.state.line_items.values()
    assignment = scene.state.assignments[item.assignment_id]
    assert (assignment.name, assignment.points_possible) == ("Reviews", 10)
    assert assignment.submission_types == ["none"]

    for number, student in enumerate(scene.students):
        # Canvas takes its own number as well as the id of launches.
        user = student.id if number % 2 else student.lti_id
        scene.grades.put_grade(scene.grade(user, number % 10), column)
    for number, student in enumerate(scene.students):
        row = scene.state.submission_of(item.assignment_id, student.id)
        assert row is not None
        assert (row.score, row.submission_type, row.attempt) == (number % 10, None, None)
    results = {row["userId"]: row["resultScore"] for row in scene.grades.get_grades(column)}
    assert results == {student.lti_id: number % 10 for number, student in enumerate(scene.students)}
    assert len(results) > 10, "more than a page of Canvas's default length"


def test_a_score_makes_an_attempt_unless_told_otherwise(scene: Scene) -> None:
    column, student = scene.column(), scene.students[0]
    scene.grades.put_grade(scene.grade(student.id, 5).set_extra_claims({}), column)
    (item,) = scene.state.line_items.values()
    row = scene.state.submission_of(item.assignment_id, student.id)
    assert row is not None
    assert (row.attempt, row.submission_type) == (1, "external_tool")


def test_points_are_scaled_and_what_a_teacher_types_comes_back(scene: Scene) -> None:
    column, student = scene.column(), scene.students[0]
    scene.grades.put_grade(scene.grade(student.id, 3).set_score_maximum(6), column)
    (item,) = scene.state.line_items.values()
    row = scene.state.submission_of(item.assignment_id, student.id)
    assert row is not None
    assert row.score == 5
    row.score, row.grader_id = 10, person(scene.state, "teacher").id
    (result,) = scene.grades.get_grades(column)
    assert (result["resultScore"], result["resultMaximum"]) == (6, 6)


def test_what_canvas_refuses(scene: Scene) -> None:
    column, (student, left, *_) = scene.column(), scene.students
    scene.state.drop(left.id, scene.course.id, state=EnrollmentState.INACTIVE)
    good = {
        "userId": student.id,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "timestamp": scene.state.now().isoformat(),
        "scoreGiven": 1,
        "scoreMaximum": 10,
        **QUIET,
    }
    assert scene.post(column, good).status_code == 200
    earlier = (scene.state.now() - timedelta(minutes=1)).isoformat()
    wrong: dict[str, tuple[dict[str, Any], int]] = {
        "somebody who is no student": ({"userId": person(scene.state, "teacher").id}, 422),
        "somebody who left": ({"userId": left.id}, 422),
        "an older timestamp": ({"timestamp": earlier}, 400),
        "no timestamp at all": ({"timestamp": "yesterday"}, 400),
        "no maximum": ({"scoreMaximum": None}, 422),
        "negative points": ({"scoreGiven": -1}, 422),
    }
    for what, (change, status) in wrong.items():
        assert scene.post(column, good | change).status_code == status, what
    assert scene.post(column, good | {"scoreGiven": 2, "timestamp": scene.state.now().isoformat()}).ok
    del scene.state.assignments[next(iter(scene.state.line_items.values())).assignment_id]
    assert scene.post(column, good).status_code == 404


def test_another_tool_s_column_is_not_shown(scene: Scene) -> None:
    column = scene.column()
    next(iter(scene.state.line_items.values())).client_id = "10000000000099"
    assert list(scene.grades.get_lineitems()) == []
    assert scene.post(column, {"userId": scene.students[0].id}).status_code == 412


def test_scopes_decide(scene: Scene) -> None:
    scene.key.scopes = [LINE_ITEM_READ_ONLY, RESULT_READ_ONLY]
    connector = scene.grades._service_connector
    with pytest.raises(LtiServiceException) as refused:
        connector.get_access_token(list(GRADE_SCOPES))
    assert refused.value.response.status_code == 400
    with pytest.raises(LtiServiceException) as refused:
        connector.make_service_request(
            [LINE_ITEM_READ_ONLY], scene.grades._service_data["lineitems"], is_post=True, data="{}"
        )
    assert refused.value.response.status_code == 401
    assert (
        connector.make_service_request([LINE_ITEM_READ_ONLY], scene.grades._service_data["lineitems"])["body"]
        == []
    )


def test_the_tool_s_own_bucket_counts_the_calls(scene: Scene) -> None:
    scene.grades.put_grade(scene.grade(scene.students[0].id, 1), scene.column())
    (sent,) = scene.state.received(path_part="/scores")
    assert (sent.client_id, sent.user_id, sent.status) == (CLIENT, None, 200)
    assert sent.remaining is not None
    assert 500 < sent.remaining < 600
