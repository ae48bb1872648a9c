"""What a launch's claims come to: roles, person and course, and what is believed of none of them."""

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


GRADES = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
MEMBERS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
SERVICES = "https://canvas.example.edu/api/lti/courses"


def line_items(course: object, host: str = SERVICES) -> dict[str, Any]:
    return {"scope": [], "lineitems": f"{host}/{course}/line_items"}


def members(course: object) -> dict[str, Any]:
    return {"context_memberships_url": f"{SERVICES}/{course}/names_and_roles"}


def in_course(grades: Any = None, names: Any = None, **changes: Any) -> LaunchContext:
    claims = {"sub": "lti-id", CLAIM + "deployment_id": "1:one", CLAIM + "roles": [], GRADES: grades}
    claims |= {MEMBERS: names, CLAIM + "context": {"id": "opaque"}, CLAIM + "resource_link": {"id": "opaque"}}
    return launch_context(claims | {CLAIM + name: value for name, value in changes.items()}, REGISTRATION)


def test_the_course_is_the_one_of_the_signed_addresses_of_any_size() -> None:
    long = 10**18 + 7
    assert in_course(line_items(long)).course_id == str(long)
    assert in_course(None, members(long)).course_id == str(long)
    assert in_course(line_items(7), members(7)).course_id == "7"


def test_custom_fields_make_neither_person_nor_course() -> None:
    context = in_course(custom={"canvas_course_id": 10**18 + 7, "canvas_user_id": 2**53 + 1})
    assert (context.course_id, context.user_id) == ("", "")
    assert context.claimed_user_id == "9007199254740993", "kept to be compared with what Canvas confirms"


@pytest.mark.parametrize(
    "address", ["https://evil.example/api/lti/courses", "http://canvas.example.edu/x", "7"]
)
def test_a_service_address_elsewhere_names_no_course(address: str) -> None:
    assert in_course(line_items(7, address)).course_id == ""


@pytest.mark.parametrize(
    ("grades", "names", "custom"),
    [
        (line_items(7), members(8), {}),
        (line_items(7), None, {"canvas_course_id": 8}),
        (None, members(7), {"canvas_course_id": "8"}),
    ],
)
def test_a_launch_that_contradicts_itself_is_refused(grades: Any, names: Any, custom: Any) -> None:
    with pytest.raises(LaunchRefused) as refused:
        in_course(grades, names, custom=custom)
    assert refused.value.refusal is Refusal.CONTRADICTED


@pytest.mark.parametrize(
    ("types", "of_a_course"),
    [
        (["http://purl.imsglobal.org/vocab/lis/v2/course#CourseOffering"], True),
        (["CourseSection"], True),
        (None, True),
        ([], True),
        (["http://purl.imsglobal.org/vocab/lis/v2/course#Group"], False),
        (["http://purl.imsglobal.org/vocab/lis/v2/account#Account"], False),
        (["User"], False),
    ],
)
def test_only_a_course_is_a_course(types: Any, of_a_course: bool) -> None:
    context = in_course(line_items(7), context={"id": "opaque", "type": types})
    assert (context.context_id, context.course_id) == (("opaque", "7") if of_a_course else ("", ""))


def test_a_link_has_no_say_in_how_pages_look() -> None:
    said = {"time_zone": "Europe/Berlin", "prefers_high_contrast": "true", "post_message_token": "t"}
    own, link = in_course(custom=said), in_course(custom=said, resource_link={"id": "of a link"})
    assert (own.time_zone, own.high_contrast, own.post_message_token) == ("Europe/Berlin", True, "t")
    assert (link.time_zone, link.high_contrast, link.post_message_token) == ("", False, "")


@pytest.mark.parametrize(
    "value",
    ["", " ", "$Canvas.course.id", None, 4.2e18, [7], {"id": 7}, "../../evil", "1\x00", "1/2", "x" * 65],
)
def test_what_is_no_id_counts_as_missing(value: Any) -> None:
    context = in_course(line_items(7), custom={"canvas_course_id": value, "canvas_user_id": value})
    assert (context.course_id, context.claimed_user_id) == ("7", "")


def test_the_older_id_of_a_person_is_found_in_either_claim() -> None:
    assert in_course(lti11_legacy_user_id="old").legacy_user_id == "old"
    assert in_course(lti11_legacy_user_id="past", lti1p1={"user_id": "old"}).legacy_user_id == "old"
    assert in_course().legacy_user_id == ""


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("https://canvas.example.edu/courses/7", True),
        ("https://evil.example/courses/7", False),
        ("", False),
        (None, False),
    ],
)
def test_a_launch_names_its_canvas_by_the_signed_return_address(address: Any, named: bool) -> None:
    presentation = {"return_url": address}
    said = {"canvas_api_base": "https://canvas.example.edu"}
    assert in_course(launch_presentation=presentation, custom=said).names_its_canvas is named


def test_names_come_from_where_they_are() -> None:
    assert read(context={"title": "Writing", "label": "W"}).course_name == "Writing"
    assert read(context={"label": "W"}).course_name == "W"
    assert read(custom={"canvas_course_name": "Seminar"}, context={"title": "W"}).course_name == "W"
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
