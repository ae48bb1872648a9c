"""Who gets into the administration by a launch, and what it opens there."""

from __future__ import annotations

import pytest

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
