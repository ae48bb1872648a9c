"""Launches from platforms that this tool's authors did not write for it: the PyPI package lti1p3platform,
and the simulated Canvas with its own signing, hints and rotation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.message_launch import MessageLaunchAbstract
from lti1p3platform.oidc_login import OIDCLoginAbstract
from lti1p3platform.registration import Registration as PlatformRegistration

from lti_tool.lti.grades import GRADE_SCOPES
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.state import CanvasState, Deployment, DeveloperKey
from tests.contract.rest_server import person, students_of
from tests.contract.simulator_browser import ServedCanvas, serve_canvas
from tests.integration.lti.scene import (
    CANVAS,
    COURSE,
    INSTRUCTOR,
    ISSUER,
    LEARNER,
    TOOL,
    USER,
    Begun,
    SigningKey,
    Stage,
    Visitor,
    stage,
    words,
)

# --- lti1p3platform ---

SOME_PLATFORM, ITS_CLIENT, ITS_DEPLOYMENT = "https://platform.example.edu", "openlearning", "deployment-9"


def platform_registration(key: SigningKey) -> PlatformRegistration:
    pem = key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = PlatformRegistration()
    made.set_iss(SOME_PLATFORM).set_client_id(ITS_CLIENT).set_deployment_id(ITS_DEPLOYMENT)
    made.set_launch_url(f"{TOOL}/lti/launch").set_oidc_login_url(f"{TOOL}/lti/login")
    made.set_platform_private_key(pem.decode()).set_platform_public_key(key.public_pem().decode())
    return made


class IndependentPlatform(LTI1P3PlatformConfAbstract):  # type: ignore[misc]  # the package carries no types
    """The package's platform with one registration."""

    def init_platform_config(self, **kwargs: Any) -> None:
        self._registration = platform_registration(kwargs["key"])

    def get_registration_by_params(self, **kwargs: Any) -> PlatformRegistration:
        return self._registration


class Login(OIDCLoginAbstract):  # type: ignore[misc]  # the package carries no types
    """Its login, as an address to open."""

    def set_lti_message_hint(self, **kwargs: Any) -> None:
        self._lti_message_hint = kwargs["hint"]

    def get_redirect(self, url: str) -> str:
        return url


class Launch(MessageLaunchAbstract):  # type: ignore[misc]  # the package carries no types
    """Its launch, as the form that it would post. ``request`` is what the tool asked for."""

    def get_preflight_response(self) -> dict[str, str]:
        asked: dict[str, str] = self._request
        return asked

    def render_launch_form(self, launch_data: dict[str, str], **kwargs: Any) -> dict[str, str]:
        return launch_data


@pytest.fixture(scope="module")
def independent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, IndependentPlatform]]:
    platform = IndependentPlatform(key=SigningKey("unused: the package takes the thumbprint"))
    entry = {
        "client_id": ITS_CLIENT,
        "auth_login_url": f"{SOME_PLATFORM}/authorise",
        "auth_token_url": f"{SOME_PLATFORM}/token",
        "deployment_ids": [ITS_DEPLOYMENT],
        "canvas_origin": SOME_PLATFORM,
    }
    with stage(
        tmp_path_factory.mktemp("independent"),
        platforms=lambda keys: {SOME_PLATFORM: [{**entry, "key_set_url": f"{keys.url}/good"}]},
    ) as made:
        made.keys.keys += platform.get_jwks()["keys"]
        yield made, platform


@pytest.mark.parametrize(("role", "status"), [(INSTRUCTOR, 200), (LEARNER, 403)])
def test_a_launch_of_an_independent_platform(
    independent: tuple[Stage, IndependentPlatform], role: str, status: int
) -> None:
    tool, platform = independent
    login = Login(None, platform)
    login.set_lti_message_hint(hint="resource-5")
    visitor = tool.visitor()
    begun = visitor.open_login(login.initiate_login("user-7"))

    launch = Launch(begun.asked, platform)
    launch.set_user_data("user-7", [role], full_name="Rosa Okafor")
    launch.set_resource_link_claim("resource-5", title="Writing")
    launch.set_launch_context_claim("context-1", context_title="Writing")
    launch.set_custom_parameters_claim({"canvas_course_id": str(COURSE), "canvas_user_id": str(USER)})
    form = launch.lti_launch()
    assert form.pop("launch_url") == f"{TOOL}/lti/launch"

    launched = visitor.post(**form)
    assert launched.status_code == 200, words(launched.text)
    assert visitor.enter(launched).status_code == status
    assert visitor.post(**form).status_code == 403


# --- the simulated Canvas ---

LTI_KEY = "170000000000007"


@pytest.fixture(scope="module")
def state() -> CanvasState:
    return build_state(1, kinds=("small", "awkward"))


@pytest.fixture(scope="module")
def canvas(state: CanvasState) -> Iterator[ServedCanvas]:
    with serve_canvas(state, issuer=ISSUER) as served:
        yield served


@pytest.fixture(scope="module")
def launched_from_canvas(
    canvas: ServedCanvas, state: CanvasState, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    fields = {
        "canvas_course_id": "$Canvas.course.id",
        "canvas_user_id": "$Canvas.user.id",
        "canvas_api_base": "$Canvas.api.baseUrl",
        "not_known": "$Canvas.nothing.known",
    }
    state.add_key(
        DeveloperKey(
            client_id=LTI_KEY,
            secret="",
            name="Peer reviews",
            kind="lti",
            redirect_uris=[f"{TOOL}/lti/launch"],
            oidc_initiation_url=f"{TOOL}/lti/login",
            target_link_uri=f"{TOOL}/lti/launch",
            custom_fields=fields,
            scopes=list(GRADE_SCOPES),
            deployments=[Deployment("17:account")],
        )
    )
    entry = {
        "client_id": LTI_KEY,
        "auth_login_url": canvas.platform.authorisation_url,
        "auth_token_url": canvas.platform.token_url,
        "key_set_url": canvas.platform.jwks_url,
        "deployment_ids": ["17:account"],
        "canvas_origin": canvas.base_url,
    }
    with stage(tmp_path_factory.mktemp("canvas"), platforms=lambda _: {ISSUER: [entry]}) as made:
        yield made


def launch_form(
    canvas: ServedCanvas, who: str, course_code: str, visitor: Visitor
) -> tuple[Begun, dict[str, str]]:
    """From the course page to the form that Canvas makes the browser post."""
    state = canvas.state
    course = next(found for found in state.courses.values() if found.code.startswith(course_code))
    user = students_of(state, course)[0] if who == "student" else person(state, who)
    browser = canvas.browser(user)
    initiation = browser.get(f"/courses/{course.id}/external_tools/{LTI_KEY}").form("/lti/login")
    begun = visitor.send_login(initiation.method, initiation.fields)
    return begun, browser.get(begun.attributes["next"]).form("/lti/launch").fields


def course_codes(state: CanvasState) -> list[str]:
    return [course.code for course in state.courses.values()]


@pytest.mark.parametrize("initiation", ["POST", "GET"])
@pytest.mark.parametrize(("who", "status"), [("teacher", 200), ("ta", 200), ("student", 403)])
def test_launches_of_the_simulated_canvas(
    launched_from_canvas: Stage, canvas: ServedCanvas, who: str, status: int, initiation: Any
) -> None:
    canvas.state.habits = Habits(login_initiation=initiation)
    for code in course_codes(canvas.state):
        visitor = launched_from_canvas.visitor()
        _, form = launch_form(canvas, who, code, visitor)
        launched = visitor.post(**form)
        assert launched.status_code == 200, words(launched.text)
        assert visitor.enter(launched).status_code == status


def test_ids_beyond_2_to_the_53_arrive_whole(launched_from_canvas: Stage, canvas: ServedCanvas) -> None:
    course = next(found for found in canvas.state.courses.values() if int(found.id) > 2**53)
    visitor = launched_from_canvas.visitor()
    _, form = launch_form(canvas, "teacher", course.code, visitor)
    answer = visitor.session(visitor.post(**form).text)
    assert answer.get_json()["location"].partition("?")[0] == f"/app/courses/{course.id}"


@pytest.mark.parametrize("keep_previous", [True, False])
def test_the_first_launch_after_a_rotation(
    launched_from_canvas: Stage, canvas: ServedCanvas, keep_previous: bool
) -> None:
    visitor = launched_from_canvas.visitor()
    code = course_codes(canvas.state)[0]
    before = visitor.post(**launch_form(canvas, "teacher", code, visitor)[1])
    canvas.platform.rotate(keep_previous=keep_previous)
    after = visitor.post(**launch_form(canvas, "teacher", code, visitor)[1])
    assert (before.status_code, after.status_code) == (200, 200)


def test_a_launch_whose_hint_was_used_says_so(launched_from_canvas: Stage, canvas: ServedCanvas) -> None:
    visitor = launched_from_canvas.visitor()
    code = course_codes(canvas.state)[0]
    course = next(found for found in canvas.state.courses.values() if found.code == code)
    browser = canvas.browser(person(canvas.state, "teacher"))
    fields = browser.get(f"/courses/{course.id}/external_tools/{LTI_KEY}").form("/lti/login").fields
    first, second = visitor.send_login("post", fields), visitor.send_login("post", fields)
    assert visitor.post(**browser.get(first.attributes["next"]).form("/lti/launch").fields).status_code == 200
    form = browser.get(second.attributes["next"]).form("/lti/launch").fields
    assert form["error"] == "launch_no_longer_valid"
    refused = visitor.post(**form)
    assert refused.status_code == 403
    assert "This launch is over" in words(refused.text)


def test_somebody_who_left_canvas_meanwhile(launched_from_canvas: Stage, canvas: ServedCanvas) -> None:
    visitor = launched_from_canvas.visitor()
    course = next(iter(canvas.state.courses.values()))
    browser = canvas.browser(person(canvas.state, "teacher"))
    fields = browser.get(f"/courses/{course.id}/external_tools/{LTI_KEY}").form("/lti/login").fields
    begun = visitor.send_login("post", fields)
    stranger = canvas.browser()
    refused = visitor.post(**stranger.get(begun.attributes["next"]).form("/lti/launch").fields)
    assert refused.status_code == 403
    assert "Your login in Canvas has ended" in words(refused.text)


def test_storage_is_offered_and_the_binding_from_it_suffices(
    launched_from_canvas: Stage, canvas: ServedCanvas
) -> None:
    """A browser without any cookie: what the scripts keep in the platform's storage is enough, and needed."""
    visitor = launched_from_canvas.visitor(cookies=False)
    code = course_codes(canvas.state)[0]
    begun, form = launch_form(canvas, "teacher", code, visitor)
    assert begun.attributes["storage"] == "post_message_forwarding"
    assert begun.attributes["platform"] == canvas.base_url
    launched = visitor.post(**form)
    answer = visitor.session(launched.text, begun.attributes["binding"])
    assert answer.status_code == 200, answer.text

    begun, form = launch_form(canvas, "teacher", code, visitor)
    assert visitor.session(visitor.post(**form).text, "a guess").status_code == 403


def test_messages_to_the_parent_are_addressed_to_the_course_page(tool: Stage) -> None:
    named = tool.visitor().login(lti_storage_target="post_message_forwarding").attributes["platform"]
    parent = tool.visitor().login(lti_storage_target="_parent").attributes["platform"]
    assert (named, parent) == ("https://sso.canvaslms.com", CANVAS)
