"""What a certified LTI 1.3 tool must pass: 1EdTech's Core list, bad launches and good ones.

The bad ones must show an error and not crash; the good ones must open, as instructor and as student, and
neither an unknown role nor none at all gives a teacher's rights.
"""

from __future__ import annotations

from typing import Any

import pytest

from lti_tool.lti.context import CLAIM
from tests.integration.lti.scene import (
    CANVAS,
    COURSE,
    INSTRUCTOR,
    LEARNER,
    MEMBERSHIP,
    MISSING,
    Begun,
    Stage,
    hand_made_token,
    words,
)

INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person"


def _no_kid(tool: Stage, begun: Begun) -> str:
    return tool.key.sign(tool.claims(begun), {})


def _wrong_kid(tool: Stage, begun: Begun) -> str:
    return tool.key.sign(tool.claims(begun), {"kid": "imstester_wrong"})


def _no_lti_message(tool: Stage, begun: Begun) -> str:
    return tool.key.sign({"name": "badltilaunch"})


def _unsigned(tool: Stage, begun: Begun) -> str:
    return hand_made_token({"alg": "none", "typ": "JWT"}, tool.claims(begun), None)


@pytest.mark.parametrize("make", [_no_kid, _wrong_kid, _no_lti_message, _unsigned])
def test_bad_token(tool: Stage, make: Any) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    answer = visitor.post(state=begun.state, id_token=make(tool, begun))
    assert answer.status_code == 403
    assert "The launch could not be verified" in words(answer.text)


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "wrong LTI version": {"version": "11.3"},
    "no LTI version": {"version": MISSING},
    "several required claims missing": dict.fromkeys(
        ("message_type", "roles", "deployment_id", "resource_link", "sub"), MISSING
    ),
    "wrong iat and exp": {"iat": 11_111, "exp": 22_222},
    "no message type": {"message_type": MISSING},
    "no roles": {"roles": MISSING},
    "no deployment": {"deployment_id": MISSING},
    "no resource link id": {"resource_link": {"title": "Writing"}},
    "no user": {"sub": MISSING},
}


@pytest.mark.parametrize("changes", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_bad_claims(tool: Stage, changes: dict[str, Any]) -> None:
    answer = tool.visitor().launch(**changes)
    assert answer.status_code == 403
    assert "Reference number:" in words(answer.text)
    assert "data-code" not in answer.text


PERSON = ("name", "given_name", "family_name", "email")
GOOD: dict[str, dict[str, Any]] = {
    "ordinary": {},
    "only e-mail": {"name": MISSING, "email": "somebody@example.edu"},
    "only names": {"given_name": "Rosa", "family_name": "Okafor"},
    "no personal data": {"name": MISSING},
}
TEACHING: dict[str, list[str]] = {
    "instructor": [INSTRUCTOR],
    "several roles": [INSTRUCTOR, f"{MEMBERSHIP}#Mentor", f"{INSTITUTION}#Instructor"],
    "short role": ["Instructor"],
}
NOT_TEACHING: dict[str, list[str]] = {
    "student": [LEARNER],
    "student with several roles": [LEARNER, f"{MEMBERSHIP}#Mentor", f"{INSTITUTION}#Student"],
    "short role": ["Learner"],
    "unknown role": [f"{MEMBERSHIP}#uknownHelper"],
    "unknown short role": ["UnknownHelper"],
    "no role": [""],
    "empty list": [],
}


@pytest.mark.parametrize("person", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("roles", TEACHING.values(), ids=TEACHING)
def test_good_launches_of_instructors(tool: Stage, roles: list[str], person: dict[str, Any]) -> None:
    visitor = tool.visitor()
    launched = visitor.launch(roles=roles, **person)
    assert launched.status_code == 200, launched.text
    page = visitor.enter(launched)
    assert page.status_code != 403, page.text
    assert "connect" in words(page.text).lower(), (
        "nobody has connected to Canvas yet, so this is the first page"
    )


@pytest.mark.parametrize("person", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("roles", NOT_TEACHING.values(), ids=NOT_TEACHING)
def test_good_launches_of_others_give_no_teachers_rights(
    tool: Stage, roles: list[str], person: dict[str, Any]
) -> None:
    visitor = tool.visitor()
    launched = visitor.launch(roles=roles, **person)
    assert launched.status_code == 200, launched.text
    page = visitor.enter(launched)
    assert page.status_code == 403
    assert "This page is for teachers" in words(page.text)


@pytest.mark.parametrize("roles", [[INSTRUCTOR], [LEARNER]], ids=["instructor", "student"])
def test_a_launch_without_context_says_that_a_course_is_needed(tool: Stage, roles: list[str]) -> None:
    literal = {"canvas_course_id": COURSE, "canvas_user_id": 5, "canvas_api_base": CANVAS}
    launched = tool.visitor().launch(
        roles=roles, name=MISSING, email="somebody@example.edu", context=MISSING, custom=literal
    )
    assert launched.status_code == 200
    assert "Open the tool in a course" in words(launched.text)
    assert "data-code" not in launched.text


@pytest.mark.parametrize("custom", [MISSING, {}, {"canvas_course_id": "$Canvas.course.id"}])
def test_a_launch_needs_no_custom_fields(tool: Stage, custom: Any) -> None:
    visitor = tool.visitor()
    assert visitor.enter(visitor.launch(custom=custom)).status_code == 200


def test_the_login_is_answered_by_get_and_by_post(tool: Stage) -> None:
    for method in ("GET", "POST"):
        visitor = tool.visitor()
        begun = visitor.login(method=method)
        assert visitor.post(state=begun.state, id_token=tool.token(begun)).status_code == 200


def test_the_platform_is_asked_for_what_openid_and_canvas_want(tool: Stage) -> None:
    asked = tool.visitor().login().asked
    assert len(asked.pop("state")) >= 40
    assert len(asked.pop("nonce")) >= 40
    assert asked == {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": "10000000000001",
        "redirect_uri": "https://reviews.example.edu/lti/launch",
        "login_hint": "lti-user",
        "lti_message_hint": "hint.of.canvas",
    }


def test_our_public_keys_are_published_and_nothing_else_of_them(tool: Stage) -> None:
    answer = tool.visitor().ask("GET", "/lti/jwks.json")
    (key,) = answer.get_json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "alg", "use"}
    assert key["alg"] == "RS256"
    assert key["use"] == "sig"


def test_claims_of_the_list_are_spelt_as_in_a_good_launch(tool: Stage) -> None:
    names = set(tool.claims(tool.visitor().login()))
    for changes in BAD_CLAIMS.values():
        assert all(name in names or CLAIM + name in names for name in changes)
