"""What a launch's claims come to: roles, ids of any size, missing fields."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from lti_tool.lti.context import CLAIM, LaunchContext, launch_context
from lti_tool.lti.errors import LaunchRefused, Refusal
from lti_tool.lti.registration import Registration

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person"
SYSTEM = "http://purl.imsglobal.org/vocab/lis/v2/system/person"
REGISTRATION = Registration(
    issuer="https://canvas.instructure.com",
    client_id="1",
    auth_login_url="https://sso.canvaslms.com/api/lti/authorize_redirect",
    auth_token_url="https://canvas.example.edu/login/oauth2/token",
    key_set_url="https://sso.canvaslms.com/api/lti/security/jwks",
    deployment_ids=("1:one",),
    canvas_origin="https://canvas.example.edu",
)


def read(**changes: Any) -> LaunchContext:
    claims = {"sub": "lti-id", CLAIM + "deployment_id": "1:one", CLAIM + "roles": []}
    for name, value in changes.items():
        claims[name if name in ("sub", "name", "locale") else CLAIM + name] = value
    return launch_context(claims, REGISTRATION)


IN_THE_COURSE: dict[str, tuple[list[str], bool]] = {
    "teacher": ([f"{MEMBERSHIP}#Instructor"], True),
    "assistant": ([f"{MEMBERSHIP}/Instructor#TeachingAssistant", f"{MEMBERSHIP}#Instructor"], True),
    "designer": ([f"{MEMBERSHIP}#ContentDeveloper"], False),
    "student": ([f"{MEMBERSHIP}#Learner"], False),
    "nobody": ([], False),
}
ELSEWHERE: dict[str, list[str]] = {
    "nothing": [],
    "teaches in another course": [f"{INSTITUTION}#Instructor", f"{SYSTEM}#User"],
    "administers the institution": [f"{INSTITUTION}#Administrator", f"{SYSTEM}#User"],
    "administers the system": [f"{SYSTEM}#SysAdmin", f"{SYSTEM}#Administrator"],
    "is the test student": ["http://purl.imsglobal.org/vocab/lti/system/person#TestUser"],
}


@pytest.mark.parametrize(("here", "elsewhere"), [*product(IN_THE_COURSE, ELSEWHERE)])
def test_only_roles_of_the_course_make_a_teacher(here: str, elsewhere: str) -> None:
    roles, teaches = IN_THE_COURSE[here]
    assert read(roles=roles + ELSEWHERE[elsewhere]).is_instructor is teaches
    assert read(roles=ELSEWHERE[elsewhere] + roles).is_instructor is teaches


@pytest.mark.parametrize(
    ("role", "teaches"),
    [
        (f"{MEMBERSHIP}/Instructor#TeachingAssistant", True),
        (f"{MEMBERSHIP}/instructor#TeachingAssistant", True),
        ("Instructor", True),
        ("instructor", False),
        ("Administrator", False),
        ("TeachingAssistant", False),
        ("Learner", False),
        ("urn:lti:role:ims/lis/Instructor", False),
        (f"{MEMBERSHIP}#Instructor ", False),
        (f"{MEMBERSHIP}#Administrator", False),
        (f"{MEMBERSHIP}/Learner#Instructor", False),
        ("http://elsewhere.example/membership#Instructor", False),
        (f"{INSTITUTION}#Instructor", False),
        (f"{INSTITUTION}#Faculty", False),
        ("", False),
    ],
)
def test_single_roles(role: str, teaches: bool) -> None:
    assert read(roles=[role]).is_instructor is teaches


def test_ids_are_text_of_any_size() -> None:
    context = read(custom={"canvas_course_id": 10**18 + 7, "canvas_user_id": 2**53 + 1})
    assert (context.course_id, context.user_id) == ("1000000000000000007", "9007199254740993")
    assert read(custom={"canvas_course_id": "42~9"}).course_id == "42~9"
    assert read(custom={"canvas_section_ids": 17}).section_ids == ("17",)
    assert read(custom={"canvas_section_ids": "17, 18,,19"}).section_ids == ("17", "18", "19")


@pytest.mark.parametrize(
    "value",
    ["", " ", "$Canvas.course.id", None, 4.2e18, [7], {"id": 7}, "../../evil", "1\x00", "1/2", "x" * 65],
)
def test_what_is_no_id_counts_as_missing(value: Any) -> None:
    context = read(custom={"canvas_course_id": value, "canvas_user_id": value}, context={"id": "opaque"})
    assert context.course_id == ""
    assert context.user_id == context.lti_user_id == "lti-id"
    assert context.missing_fields == ("canvas_course_id", "canvas_user_id")


def test_nothing_is_missing_from_a_complete_launch() -> None:
    assert read(custom={"canvas_course_id": 5, "canvas_user_id": 6}).missing_fields == ()


def test_names_come_from_where_they_are() -> None:
    assert read(context={"title": "Writing", "label": "W"}).course_name == "Writing"
    assert read(context={"label": "W"}).course_name == "W"
    assert read(custom={"canvas_course_name": "Seminar"}, context={"title": "W"}).course_name == "Seminar"
    assert read().course_name == read().user_name == ""
    assert read(name="李 明").user_name == "李 明"


@pytest.mark.parametrize("value", [5.5, [], {}, ["x"], None])
def test_claims_of_another_kind_count_as_missing(value: Any) -> None:
    context = read(
        name=value,
        locale=value,
        context=value,
        custom=value,
        launch_presentation={"locale": value},
    )
    assert (context.user_name, context.locale, context.course_name) == ("", "", "")


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert read(name="Ro\ud83dsa").user_name == "Ro?sa"


def test_locale_time_zone_contrast() -> None:
    fields = {"time_zone": "Europe/Berlin", "prefers_high_contrast": True}
    context = read(custom=fields, launch_presentation={"locale": "de"}, locale="en")
    assert (context.locale, context.time_zone, context.high_contrast) == ("de", "Europe/Berlin", True)
    assert read(custom={"prefers_high_contrast": "true"}).high_contrast
    assert not read(custom={"prefers_high_contrast": "$Canvas.user.prefersHighContrast"}).high_contrast


@pytest.mark.parametrize(
    "base", ["https://CANVAS.example.edu", "https://canvas.example.edu:443/", "$Canvas.api"]
)
def test_the_launch_of_the_registered_canvas(base: str) -> None:
    assert read(custom={"canvas_api_base": base}).canvas_origin == "https://canvas.example.edu"


@pytest.mark.parametrize(
    "base",
    ["https://canvas.example.edu.evil.example", "http://canvas.example.edu", "canvas.example.edu", "x"],
)
def test_the_launch_of_another_canvas(base: str) -> None:
    with pytest.raises(LaunchRefused) as refused:
        read(custom={"canvas_api_base": base})
    assert refused.value.refusal is Refusal.OTHER_CANVAS
