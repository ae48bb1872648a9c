"""The simulated Canvas launches tools as the real one does: over a socket, as browser and as tool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
import requests
from playwright.sync_api import Browser as Chromium

from lti_tool.simulator.courses import build_state
from lti_tool.simulator.habits import StandingClock
from lti_tool.simulator.launch_claims import CLAIM, TEST_USER
from lti_tool.simulator.platform import redirect_fits
from lti_tool.simulator.records import Course, EnrollmentType, User
from lti_tool.simulator.state import CanvasState, Deployment, DeveloperKey
from tests.contract.rest_server import NOON, course_called, person, students_of
from tests.contract.simulator_browser import Browser, Form, Page, ServedCanvas, serve_canvas

TOOL = "http://tool.localhost:9"
ISSUER = "https://canvas.example.edu"
CUSTOM_FIELDS = {
    "canvas_course_id": "$Canvas.course.id",
    "canvas_user_id": "$Canvas.user.id",
    "canvas_api_base": "$Canvas.api.baseUrl",
    "canvas_roles": "$Canvas.membership.roles",
    "canvas_section_ids": "$Canvas.course.sectionIds",
    "canvas_course_name": "$Canvas.course.name",
    "time_zone": "$Person.address.timezone",
    "post_message_token": "$com.instructure.PostMessageToken",
    "prefers_high_contrast": "$Canvas.user.prefersHighContrast",
    "brand_config_json_url": "$com.instructure.brandConfigJSON.url",
    "not_known": "$Canvas.moon.phase",
    "constant": "seventeen",
}


def lti_key(tool: str = TOOL) -> DeveloperKey:
    return DeveloperKey(
        client_id="10000000000041",
        secret="",
        name="Peer reviews",
        kind="lti",
        redirect_uris=[f"{tool}/lti/launch"],
        oidc_initiation_url=f"{tool}/lti/login",
        target_link_uri=f"{tool}/lti/launch",
        custom_fields=dict(CUSTOM_FIELDS),
        deployments=[Deployment("41:account")],
    )


@pytest.fixture
def state() -> CanvasState:
    state = build_state(1, kinds=("small", "awkward"), clock=StandingClock(NOON))
    state.add_key(lti_key())
    return state


@pytest.fixture
def canvas(state: CanvasState) -> Iterator[ServedCanvas]:
    with serve_canvas(state, issuer=ISSUER) as served:
        yield served


@pytest.fixture
def course(state: CanvasState) -> Course:
    return course_called(state, "WRIT-101")


def open_tool(browser: Browser, course: Course) -> tuple[Page, Form]:
    """The course page with the tool's frame, and the form that starts the login."""
    page = browser.get(f"/courses/{course.id}/external_tools/10000000000041")
    return page, page.form("/lti/login")


def authentication(login: Form, **changes: str) -> dict[str, str]:
    """What a tool sends to the authorisation address after this login; "" takes a parameter away."""
    parameters = {
        "response_type": "id_token",
        "response_mode": "form_post",
        "scope": "openid",
        "prompt": "none",
        "client_id": login.fields["client_id"],
        "redirect_uri": f"{TOOL}/lti/launch",
        "login_hint": login.fields["login_hint"],
        "lti_message_hint": login.fields["lti_message_hint"],
        "nonce": "n-1",
        "state": "s-1",
    } | changes
    return {name: value for name, value in parameters.items() if value}


def answer_form(browser: Browser, parameters: dict[str, str]) -> Form:
    response = browser.fetch("POST", "/api/lti/authorize_redirect", parameters)
    assert response.status_code == 200, response.text
    return Page(response).form("/lti/launch")


def claims_of(canvas: ServedCanvas, id_token: str) -> dict[str, Any]:
    """The verified claims; the key comes from the published set, by key id."""
    published = requests.get(canvas.local_url + "/api/lti/security/jwks", timeout=10).json()
    kid = jwt.get_unverified_header(id_token)["kid"]
    key = next(key for key in jwt.PyJWKSet.from_dict(published).keys if key.key_id == kid)
    # The simulator's clock stands still at NOON, so times are compared by hand.
    claims: dict[str, Any] = jwt.decode(
        id_token,
        key.key,
        algorithms=["RS256"],
        audience="10000000000041",
        issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "nonce", "sub"]},
    )
    return claims


def launch(canvas: ServedCanvas, user: User, course: Course) -> dict[str, Any]:
    browser = canvas.browser(user)
    _, login = open_tool(browser, course)
    return claims_of(canvas, answer_form(browser, authentication(login)).fields["id_token"])


def test_the_course_page_opens_the_tools_login_in_a_frame_beside_the_storage_frame(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    teacher = person(state, "teacher")
    browser = canvas.browser(teacher)
    listed = browser.get(f"/courses/{course.id}").links
    assert f"{canvas.base_url}/courses/{course.id}/external_tools/10000000000041" in listed

    page, login = open_tool(browser, course)
    assert (login.method, login.action, login.target) == ("post", f"{TOOL}/lti/login", "tool_content")
    hint = login.fields.pop("lti_message_hint")
    assert hint.count(".") == 2
    assert login.fields == {
        "iss": ISSUER,
        "login_hint": teacher.lti_id,
        "target_link_uri": f"{TOOL}/lti/launch",
        "client_id": "10000000000041",
        "deployment_id": "41:account",
        "canvas_region": "not_configured",
        "canvas_environment": "prod",
        "lti_storage_target": "post_message_forwarding",
    }
    assert {"tool_content", "post_message_forwarding"} == {frame["name"] for frame in page.frames}


def test_the_storage_frame_and_the_way_of_login_can_be_switched(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    state.habits.storage_frame = False
    state.habits.login_initiation = "GET"
    state.keys["10000000000041"].oidc_initiation_url = f"{TOOL}/lti/login?region=eu"
    browser = canvas.browser(person(state, "teacher"))
    page = browser.get(f"/courses/{course.id}/external_tools/10000000000041")
    login = page.form("region=eu")
    assert login.method == "get"
    assert login.fields["region"] == "eu", "sending a form by GET drops the query of its action"
    assert "lti_storage_target" not in login.fields
    assert [frame["name"] for frame in page.frames] == ["tool_content"]
    assert "lti_storage_target" not in answer_form(browser, authentication(login)).fields


def test_a_launch_carries_canvas_claims_and_custom_fields(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    teacher = person(state, "teacher")
    browser = canvas.browser(teacher)
    page, login = open_tool(browser, course)
    answer = answer_form(browser, authentication(login))
    assert answer.fields["state"] == "s-1"
    assert answer.fields["lti_storage_target"] == "post_message_forwarding"
    claims = claims_of(canvas, answer.fields["id_token"])

    assert claims["sub"] == teacher.lti_id
    assert claims["azp"] == claims["aud"] == "10000000000041"
    assert claims["nonce"] == "n-1"
    assert claims["iat"] == NOON.timestamp()
    assert claims["exp"] - claims["iat"] == 3600
    assert claims[CLAIM + "message_type"] == "LtiResourceLinkRequest"
    assert claims[CLAIM + "version"] == "1.3.0"
    assert claims[CLAIM + "deployment_id"] == "41:account"
    assert claims[CLAIM + "target_link_uri"] == f"{TOOL}/lti/launch"
    assert claims[CLAIM + "resource_link"]["id"] == claims[CLAIM + "context"]["id"] == course.lti_context_id
    assert claims[CLAIM + "context"]["title"] == course.name
    assert claims[CLAIM + "tool_platform"]["product_family_code"] == "canvas"
    assert claims["https://www.instructure.com/placement"] == "course_navigation"
    assert claims["name"] == teacher.name
    section = state.sections_of(course.id)[0]
    token = claims[CLAIM + "custom"].pop("post_message_token")
    assert token in page.html, "the page must know the token that frameResize will bring"
    assert claims[CLAIM + "custom"] == {
        "canvas_course_id": int(course.id),
        "canvas_user_id": int(teacher.id),
        "canvas_api_base": canvas.base_url,
        "canvas_roles": "TeacherEnrollment",
        "canvas_section_ids": section.id,
        "canvas_course_name": course.name,
        "time_zone": teacher.time_zone,
        "prefers_high_contrast": "false",
        "brand_config_json_url": f"{canvas.base_url}/simulator/static/brand.json",
        "not_known": "$Canvas.moon.phase",
        "constant": "seventeen",
    }


def test_every_role_launches_with_canvas_role_addresses(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    membership = "http://purl.imsglobal.org/vocab/lis/v2/membership"
    institution = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#"
    test_student = next(
        state.users[row.user_id]
        for row in state.enrollments_of(course.id)
        if row.type is EnrollmentType.STUDENT_VIEW
    )

    def roles(user: User) -> set[str]:
        return set(launch(canvas, user, course)[CLAIM + "roles"])

    assert {f"{membership}#Instructor", f"{institution}Instructor"} <= roles(person(state, "teacher"))
    ta = {f"{membership}/Instructor#TeachingAssistant", f"{membership}#Instructor"}
    assert ta <= roles(person(state, "ta"))
    assert ta <= roles(person(state, "section-ta"))
    student = roles(students_of(state, course)[0])
    assert f"{membership}#Learner" in student
    assert f"{membership}#Instructor" not in student
    assert {TEST_USER, f"{membership}#Learner"} <= roles(test_student)
    admin = roles(person(state, "admin"))
    assert f"{institution}Administrator" in admin
    assert not any(role.startswith(membership) for role in admin), "an admin is no member of the course"


def test_an_anonymous_key_gets_no_personal_data(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    state.keys["10000000000041"].privacy_level = "anonymous"
    claims = launch(canvas, person(state, "teacher"), course)
    assert {"name", "given_name", "family_name", "email", CLAIM + "lis"}.isdisjoint(claims)


def test_a_launch_works_once(canvas: ServedCanvas, state: CanvasState, course: Course) -> None:
    browser = canvas.browser(person(state, "teacher"))
    _, login = open_tool(browser, course)
    assert "id_token" in answer_form(browser, authentication(login)).fields
    again = answer_form(browser, authentication(login, nonce="n-2"))
    assert again.fields["error"] == "launch_no_longer_valid"
    assert again.fields["state"] == "s-1"
    assert "id_token" not in again.fields


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"nonce": ""}, "invalid_request_object"),
        ({"prompt": ""}, "invalid_request_object"),
        ({"response_mode": "query"}, "invalid_request_object"),
        ({"scope": "openid profile"}, "invalid_request_object"),
        ({"client_id": "10000000000099"}, "invalid_request_object"),
        ({"login_hint": "somebody-else"}, "login_required"),
    ],
)
def test_bad_requests_are_answered_to_the_tool_and_do_not_use_the_launch_up(
    canvas: ServedCanvas, state: CanvasState, course: Course, changes: dict[str, str], error: str
) -> None:
    browser = canvas.browser(person(state, "teacher"))
    _, login = open_tool(browser, course)
    assert answer_form(browser, authentication(login, **changes)).fields["error"] == error
    assert "id_token" in answer_form(browser, authentication(login)).fields


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/lti/launch"},
        {"redirect_uri": f"{TOOL}/lti/launch/more"},
        {"lti_message_hint": ""},
        {"lti_message_hint": "e30.e30.e30"},
    ],
)
def test_untrustworthy_requests_get_a_page_and_no_form(
    canvas: ServedCanvas, state: CanvasState, course: Course, changes: dict[str, str]
) -> None:
    browser = canvas.browser(person(state, "teacher"))
    _, login = open_tool(browser, course)
    response = browser.fetch("POST", "/api/lti/authorize_redirect", authentication(login, **changes))
    assert response.status_code == 400
    assert "id_token" not in response.text
    assert not [form for form in Page(response).forms if not form.action.startswith(canvas.base_url)]


def test_nobody_else_can_finish_a_launch(canvas: ServedCanvas, state: CanvasState, course: Course) -> None:
    browser = canvas.browser(person(state, "teacher"))
    _, login = open_tool(browser, course)
    for other in (canvas.browser(), canvas.browser(person(state, "ta"))):
        assert answer_form(other, authentication(login)).fields["error"] == "login_required"
    changed_hint = authentication(login, login_hint=person(state, "ta").lti_id)
    other = canvas.browser(person(state, "ta"))
    assert answer_form(other, changed_hint).fields["error"] == "login_required"


def test_a_hint_is_good_for_five_minutes(canvas: ServedCanvas, state: CanvasState, course: Course) -> None:
    browser = canvas.browser(person(state, "teacher"))
    _, early = open_tool(browser, course)
    state.clock.advance(299)
    assert "id_token" in answer_form(browser, authentication(early)).fields
    _, late = open_tool(browser, course)
    state.clock.advance(300)
    response = browser.fetch("POST", "/api/lti/authorize_redirect", authentication(late))
    assert response.status_code == 400


def test_a_tool_launches_where_it_is_deployed(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    elsewhere = course_called(state, "RHET-7")
    key = state.keys["10000000000041"]
    teacher = person(state, "teacher")
    key.deployments.append(Deployment("41:course", course.id))
    assert launch(canvas, teacher, course)[CLAIM + "deployment_id"] == "41:course"
    assert launch(canvas, teacher, elsewhere)[CLAIM + "deployment_id"] == "41:account"
    key.deployments = [Deployment("41:course", course.id)]
    browser = canvas.browser(teacher)
    assert browser.get(f"/courses/{elsewhere.id}/external_tools/{key.client_id}").status == 404
    assert not any("external_tools" in link for link in browser.get(f"/courses/{elsewhere.id}").links)


def test_ids_of_another_shard_arrive_whole(canvas: ServedCanvas, state: CanvasState) -> None:
    awkward = course_called(state, "RHET-7")
    student = students_of(state, awkward)[0]
    custom = launch(canvas, student, awkward)[CLAIM + "custom"]
    assert custom["canvas_course_id"] > 2**53
    assert str(custom["canvas_course_id"]) == awkward.id
    assert str(custom["canvas_user_id"]) == student.id


def test_a_key_that_is_switched_off_cannot_launch(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    browser = canvas.browser(person(state, "teacher"))
    _, login = open_tool(browser, course)
    state.keys["10000000000041"].enabled = False
    assert answer_form(browser, authentication(login)).fields["error"] == "unauthorized_client"
    page = browser.get(f"/courses/{course.id}/external_tools/10000000000041")
    assert page.status == 404
    assert "cannot be opened here" in page.text


def test_rotation_signs_with_a_new_key_and_keeps_or_withdraws_the_old(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    def published() -> list[str]:
        answer = requests.get(canvas.platform.jwks_url, timeout=10).json()
        assert all(set(key) == {"kty", "kid", "alg", "use", "n", "e"} for key in answer["keys"])
        return [key["kid"] for key in answer["keys"]]

    (first,) = published()
    canvas.platform.rotate()
    kept, second = published()
    assert kept == first
    assert second != first
    launch(canvas, person(state, "teacher"), course)
    canvas.platform.rotate(keep_previous=False)
    (third,) = published()
    assert third not in (first, second)
    launch(canvas, person(state, "teacher"), course)


@pytest.mark.parametrize(
    ("candidate", "listed", "fits"),
    [
        ("https://t.example/l", "https://t.example/l", True),
        ("https://t.example/l?x=1", "https://t.example/l", True),
        ("https://t.example/l?x=1&y=2", "https://t.example/l?x=1", True),
        ("https://t.example/l?x=2", "https://t.example/l?x=1", False),
        ("https://t.example/l/", "https://t.example/l", False),
        ("http://t.example/l", "https://t.example/l", False),
        ("https://t.example.evil/l", "https://t.example/l", False),
        ("", "https://t.example/l", False),
    ],
)
def test_redirect_addresses_are_compared_as_canvas_does(candidate: str, listed: str, fits: bool) -> None:
    assert redirect_fits(candidate, listed) is fits


def test_pages_carry_a_strict_policy_and_no_inline_code(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    browser = canvas.browser(person(state, "teacher"))
    for path in ("/", f"/courses/{course.id}", "/simulator/switches", f"/courses/{course.id}/users"):
        response = browser.fetch("GET", path)
        policy = response.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "style=" not in response.text
        assert "<style" not in response.text
        assert "nothing here is real" in response.text


def test_unknown_places_get_a_page_that_says_so(
    canvas: ServedCanvas, state: CanvasState, course: Course
) -> None:
    browser = canvas.browser(person(state, "teacher"))
    for path in ("/nowhere", "/courses/1", f"/courses/{course.id}/assignments/1", "/courses/x/users"):
        page = browser.get(path)
        assert page.status == 404
        assert "There is no such" in page.text


def test_people_play_and_canvas_shows_it(canvas: ServedCanvas, state: CanvasState, course: Course) -> None:
    browser = canvas.browser(person(state, "teacher"))
    assignment = next(row for row in state.assignments_of(course.id) if row.peer_reviews)
    place = f"/courses/{course.id}/assignments/{assignment.id}"
    first, second = students_of(state, course)[:2]

    reviews = browser.get(f"{place}/peer_reviews")
    before = len(state.reviews_of(assignment.id))
    page = browser.submit(reviews.form("/assign"), assessor_id=first.id, user_id=second.id)
    assert f"{first.name} reviews {second.name}." in page.text
    assert len(state.reviews_of(assignment.id)) == before + 1
    made = state.reviews_of(assignment.id)[-1]
    browser.submit(page.form(f"/reviews/{made.id}/finish"))
    assert made.workflow_state == "completed"
    assert first.name in browser.get("/simulator/notifications").text

    people = browser.get(f"/courses/{course.id}/users")
    drop = next(
        form for form in people.forms if form.fields.get("user_id") == first.id and "drop" in form.action
    )
    assert f"{first.name} is now inactive" in browser.submit(drop).text
    late = browser.submit(browser.get(f"/courses/{course.id}").form("/enroll"), name="Ines Vidal")
    assert "Ines Vidal joined the course." in late.text
    assert "Ines Vidal" in browser.get(place).text


def test_the_switches_page_changes_habits_or_says_why_not(canvas: ServedCanvas, state: CanvasState) -> None:
    browser = canvas.browser()
    form = browser.get("/simulator/switches").form("/simulator/switches")
    before = state.habits.high_water, state.habits.per_page_max
    browser.submit(form)
    assert (state.habits.high_water, state.habits.per_page_max) == before, "sent untouched, changes nothing"
    browser.submit(form, permission_status="401", throttle_status="403", storage_frame="False")
    assert state.habits.permission_status == 401
    assert state.habits.throttle_status == 403
    assert state.habits.storage_frame is False

    refused = browser.submit(form, high_water="plenty", permission_status="403")
    assert refused.status == 400
    assert "High-water mark: 'plenty' is not a number" in refused.text
    assert state.habits.permission_status == 401, "nothing of a refused form is applied"

    fault_form = browser.get("/simulator/switches").form("/simulator/faults")
    browser.submit(fault_form, kind="500 before", method="POST", nth="2")
    (fault,) = state.faults.planted()
    assert (fault.kind, fault.method, fault.path, fault.nth) == ("500 before", "POST", "peer_reviews", 2)


def test_the_log_page_shows_writes_apart(canvas: ServedCanvas, state: CanvasState, course: Course) -> None:
    token = state.make_personal_token(person(state, "teacher").id).token
    api = f"{canvas.base_url}/api/v1/courses/{course.id}/assignments"
    bearer = {"Authorization": f"Bearer {token}"}
    assignment = state.assignments_of(course.id)[0]
    assert requests.get(api, headers=bearer, timeout=10).status_code == 200
    fields = {"assignment[peer_reviews]": "1"}
    assert requests.put(f"{api}/{assignment.id}", data=fields, headers=bearer, timeout=10).status_code == 200
    browser = canvas.browser()
    everything, writes = browser.get("/simulator/received"), browser.get("/simulator/received?writes=1")
    assert "2 requests, 1 of them writes" in everything.text
    assert "PUT" in writes.text
    assert "GET" not in writes.text
    assert token not in everything.html


# --- with a real browser -----------------------------------------------------------------------------------

TOOL_PAGE = b"""<!doctype html><title>Tool</title><script>
async function ask(target, message) {
  const answer = new Promise((resolve) => addEventListener("message", function heard(event) {
    const fits = event.data.subject === message.subject + ".response";
    if (fits && event.data.message_id === message.message_id) {
      removeEventListener("message", heard); resolve({ ...event.data, origin: event.origin });
    }
  }));
  const again = setInterval(() => target.postMessage(message, "*"), 50);
  target.postMessage(message, "*");
  const found = await answer; clearInterval(again); return found;
}
async function run() {
  const fields = FIELDS;
  const target = fields.lti_storage_target;
  const storage = target === "_parent" ? parent : parent.frames[target];
  if (location.pathname === "/lti/login") {
    await ask(storage, { subject: "lti.put_data", key: "binding", value: "b-1", message_id: "p" });
    const query = new URLSearchParams({ response_type: "id_token", response_mode: "form_post",
      scope: "openid", prompt: "none", client_id: fields.client_id,
      redirect_uri: location.origin + "/lti/launch",
      login_hint: fields.login_hint, lti_message_hint: fields.lti_message_hint, nonce: "n", state: "s" });
    location.assign("PLATFORM/api/lti/authorize_redirect?" + query);
    return;
  }
  const kept = await ask(storage, { subject: "lti.get_data", key: "binding", message_id: "g" });
  const tooLong = await ask(storage,
    { subject: "lti.put_data", key: "long", value: "x".repeat(4097), message_id: "l" });
  const resized = await ask(parent, { subject: "lti.frameResize", height: 777, message_id: "r" });
  const wrongToken = await ask(parent,
    { subject: "lti.frameResize", height: 3, token: "no", message_id: "w" });
  const settings = await ask(parent, { subject: "lti.getPageSettings", message_id: "s" });
  parent.postMessage({ subject: "lti.showAlert", body: "12 reviews made", alertType: "success" }, "*");
  parent.postMessage({ subject: "lti.screenReaderAlert", body: "half done" }, "*");
  window.seen = { fields, kept, tooLong, resized, wrongToken, settings };
}
run();
</script><h1>Tool</h1>"""


class FakeTool:
    """A page on another site that does what a tool's scripts do in the frame."""

    def __init__(self, platform: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                sent = parse_qs(self.rfile.read(length).decode())
                fields = json.dumps({name: values[0] for name, values in sent.items()}).encode()
                body = TOOL_PAGE.replace(b"FIELDS", fields).replace(b"PLATFORM", platform.encode())
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://tool.localhost:{self.server.server_port}"
        self._thread = Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("storage_target", "deaf_for"),
    [("post_message_forwarding", 0), ("post_message_forwarding", 300), ("_parent", 0)],
)
def test_a_tool_on_another_site_launches_in_the_frame_and_reaches_the_storage_frame(
    state: CanvasState, course: Course, storage_target: str, deaf_for: int, chromium: Chromium
) -> None:
    with serve_canvas(state, host="lms.localhost", issuer=ISSUER) as canvas:
        canvas.platform.storage_target = storage_target
        canvas.platform.storage_deaf_for = deaf_for
        tool = FakeTool(canvas.base_url)
        state.add_key(lti_key(tool.url))
        context = chromium.new_context()
        try:
            page = context.new_page()
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(f"{canvas.base_url}/courses/{course.id}/external_tools/10000000000041")
            page.select_option("#user", person(state, "teacher").id)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("12 reviews made").wait_for()
            frame = page.frame("tool_content")
            assert frame is not None
            # Asked in the page: the address of a frame in another process reaches Playwright late or never.
            frame.wait_for_function("location.pathname === '/lti/launch' && window.seen")
            seen = frame.evaluate("window.seen")
            height = page.locator("#tool-frame").evaluate("frame => frame.clientHeight")
            announced = page.locator("#tool-announcements").text_content()
        finally:
            context.close()
            tool.close()
        assert problems == []
        claims = claims_of(canvas, seen["fields"]["id_token"])
        assert claims["nonce"] == "n"
        assert claims[CLAIM + "custom"]["canvas_api_base"] == canvas.local_url, (
            "where the tool's server calls"
        )
        assert seen["kept"]["value"] == "b-1", "written at login, read back after the launch"
        assert seen["kept"]["origin"] == canvas.base_url
        assert seen["tooLong"]["error"]["code"] == "storage_exhaustion"
        assert seen["resized"]["subject"] == "lti.frameResize.response"
        assert "error" in seen["wrongToken"]
        assert abs(height - 777) <= 2
        assert seen["settings"]["pageSettings"]["time_zone"] == person(state, "teacher").time_zone
        assert announced == "half done"
