"""Who gets into the administration by a launch, and what it opens there."""

from __future__ import annotations

import pytest

from lti_tool.persistence.audit import AuditFilter
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.services.audit import Event
from tests.integration.lti.scene import (
    CLIENT,
    INSTRUCTOR,
    LEARNER,
    OTHER_CLIENT,
    Stage,
    Visitor,
    words,
)

ACCOUNT = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"
SYSTEM = "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"


def entered(tool: Stage, *roles: str) -> tuple[Visitor, str, str]:
    """A launch with these roles: the browser, where it was sent, and its token."""
    visitor = tool.visitor()
    said = visitor.session(visitor.launch(roles=list(roles)).text).get_json()
    return visitor, said["location"].partition("?")[0], said["token"]


def test_an_administrator_who_does_not_teach_here_comes_to_the_administration(tool: Stage) -> None:
    visitor, location, token = entered(tool, ACCOUNT, LEARNER)
    assert location == "/app/administration"
    bearer = {"Authorization": f"Bearer {token}"}
    page = visitor.ask("GET", location, headers=bearer)
    assert page.status_code == 200
    assert CLIENT in page.text
    assert OTHER_CLIENT not in words(page.text), "another registration, though of the same issuer and Canvas"
    course = visitor.ask(
        "GET", "/app/courses/10000000000000007", headers={"Authorization": f"Bearer {token}"}
    )
    assert course.status_code == 403, "the role opens no course"


def test_who_teaches_comes_to_the_course_and_finds_the_administration_in_its_navigation(tool: Stage) -> None:
    visitor, location, token = entered(tool, ACCOUNT, INSTRUCTOR)
    assert location.startswith("/app/courses/")
    bearer = {"Authorization": f"Bearer {token}"}
    assert visitor.ask("GET", "/app/administration", headers=bearer).status_code == 200
    connect = visitor.ask("GET", f"{location}/connect", headers=bearer)
    assert 'href="/app/administration"' in connect.text


@pytest.mark.parametrize(
    "roles", [[INSTRUCTOR], [LEARNER], [SYSTEM], [], ["Administrator"], [ACCOUNT.lower()]]
)
@pytest.mark.parametrize("path", ["/app/administration", "/app/administration/findings"])
def test_others_do_not_get_in(tool: Stage, roles: list[str], path: str) -> None:
    visitor, location, token = entered(tool, *roles)
    assert location.startswith("/app/courses/")
    bearer = {"Authorization": f"Bearer {token}"}
    assert visitor.ask("GET", path, headers=bearer).status_code == 403
    stored = visitor.ask("POST", "/app/administration/api-key", headers=bearer, data={"client_id": "1"})
    assert stored.status_code == 403


def test_what_stands_in_the_file_is_not_changed_from_a_page(tool: Stage) -> None:
    visitor, _, token = entered(tool, ACCOUNT)
    bearer = {"Authorization": f"Bearer {token}"}
    form = {"client_id": "1", "secret": "2"}
    answer = visitor.ask("POST", "/app/administration/api-key", headers=bearer, data=form)
    assert answer.status_code == 422
    page = visitor.ask("GET", "/app/administration", headers=bearer)
    assert "configuration file" in words(page.text)
    assert "Check and store" not in page.text


def test_the_audit_trail_and_sessions_of_another_canvas_are_not_shown(tool: Stage) -> None:
    assert tool.application is not None
    elsewhere = CanvasOrigin("https://south.example.edu")
    tool.application.audit.record(Event.RUN_STARTED, canvas=elsewhere, user="31337", object_="run-of-south")
    visitor, location, token = entered(tool, ACCOUNT)
    bearer = {"Authorization": f"Bearer {token}"}
    overview = visitor.ask("GET", location, headers=bearer)
    trail = visitor.ask("GET", f"{location}/events", headers=bearer)
    for page in (overview, trail):
        assert "launched" in page.text
        assert "run-of-south" not in page.text
        assert "31337" not in page.text
    narrowed = visitor.ask("GET", f"{location}/events?event=run_started", headers=bearer)
    assert "No events." in words(narrowed.text)


def test_an_administrator_ends_sessions_of_this_canvas_at_once(tool: Stage) -> None:
    _, course, teacher = entered(tool, INSTRUCTOR)
    visitor, location, token = entered(tool, ACCOUNT, LEARNER)
    asked = {"Authorization": f"Bearer {teacher}"}
    assert visitor.ask("GET", f"{course}/connect", headers=asked).status_code == 200
    refused = visitor.ask("POST", "/app/administration/sessions/end", headers=asked)
    assert refused.status_code == 403, "a teacher ends nobody's sessions"
    bearer = {"Authorization": f"Bearer {token}"}
    ended = visitor.ask("POST", f"{location}/sessions/end", headers=bearer)
    assert ended.status_code == 200
    assert visitor.ask("GET", f"{course}/connect", headers=asked).status_code == 401
    assert tool.application is not None
    (line,) = tool.application.audit.find(AuditFilter(event="sessions_ended", limit=1))
    assert int(line.detail) >= 2
