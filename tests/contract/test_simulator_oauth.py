"""OAuth2 of the simulated Canvas behaves as canvas-lms does: consent, codes, refresh, revocation, cost."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from lti_tool.simulator.courses import build_state
from lti_tool.simulator.habits import StandingClock
from lti_tool.simulator.oauth import scope_in_words
from lti_tool.simulator.state import CanvasState, Deployment, DeveloperKey
from tests.contract.rest_server import NOON, person
from tests.contract.simulator_browser import Browser, Page, ServedCanvas, serve_canvas

CALLBACK = "http://tool.localhost:9/oauth/callback"
CLIENT = "10000000000042"
SECRET = "key-secret"
SCOPES = ["url:GET|/api/v1/courses/:id", "url:GET|/api/v1/courses/:course_id/assignments"]
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def state() -> CanvasState:
    state = build_state(1, kinds=("small",), clock=StandingClock(NOON))
    state.habits.throttle_enabled = False
    state.add_key(
        DeveloperKey(
            client_id=CLIENT,
            secret=SECRET,
            name="Peer Review Allocator",
            kind="api",
            redirect_uris=[CALLBACK],
            scopes=list(SCOPES),
            require_scopes=True,
        )
    )
    return state


@pytest.fixture
def canvas(state: CanvasState) -> Iterator[ServedCanvas]:
    with serve_canvas(state) as served:
        yield served


@pytest.fixture
def teacher(canvas: ServedCanvas, state: CanvasState) -> Browser:
    return canvas.browser(person(state, "teacher"))


def authorisation(**changes: str) -> str:
    query = {
        "client_id": CLIENT,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "state": "s-1",
        "scope": " ".join(SCOPES),
    } | changes
    return "/login/oauth2/auth?" + urlencode({name: value for name, value in query.items() if value})


def answer_of(response: requests.Response) -> dict[str, str]:
    """The query of a redirect to the tool."""
    assert response.status_code in (302, 303), response.text
    target = response.headers["Location"]
    assert target.startswith(CALLBACK + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}


def consent(browser: Browser, button: str = "authorize", **changes: str) -> dict[str, str]:
    form = browser.get(authorisation(**changes)).form("/login/oauth2/confirm")
    return answer_of(browser.send(form, ("answer", button)))


def ask_token(canvas: ServedCanvas, **changes: str) -> requests.Response:
    form = {"client_id": CLIENT, "client_secret": SECRET, "redirect_uri": CALLBACK} | changes
    return requests.post(f"{canvas.base_url}/login/oauth2/token", data=form, timeout=10)


def exchange(canvas: ServedCanvas, code: str, **changes: str) -> requests.Response:
    return ask_token(canvas, grant_type="authorization_code", code=code, **changes)


def call_api(canvas: ServedCanvas, token: str, path: str = "/courses/11") -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{canvas.base_url}/api/v1{path}", headers=headers, timeout=10)


def test_the_consent_page_says_the_rights_in_words_and_refuses_frames(teacher: Browser) -> None:
    response = teacher.fetch("GET", authorisation(purpose="Term 2"))
    page = Page(response)
    for words in (
        "Read courses",
        "Read assignments",
        "Miriam Castellanos",
        "Peer Review Allocator",
        "Term 2",
    ):
        assert words in page.text
    assert page.form("/confirm").buttons == [("answer", "authorize"), ("answer", "cancel")]
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_a_person_who_is_not_signed_in_signs_in_first_and_comes_back(
    canvas: ServedCanvas, state: CanvasState
) -> None:
    browser = canvas.browser()
    login = browser.get(authorisation())
    page = browser.submit(login.form("/act-as"), user_id=person(state, "ta").id)
    assert "Tomasz Lindqvist" in page.text
    assert "code" in answer_of(browser.send(page.form("/confirm"), ("answer", "authorize")))


def test_force_login_asks_who_one_is_once_more(teacher: Browser, state: CanvasState) -> None:
    for _ in range(2):
        login = teacher.get(authorisation(force_login="1"))
        assert "Who are you?" in login.text
        page = teacher.submit(login.form("/act-as"), user_id=person(state, "ta").id)
        assert "Tomasz Lindqvist" in page.text
        assert page.form("/confirm").buttons


def test_authorised_code_becomes_a_token_that_works(canvas: ServedCanvas, teacher: Browser) -> None:
    answer = consent(teacher)
    assert answer["state"] == "s-1"
    response = exchange(canvas, answer["code"])
    assert response.status_code == 200
    token = response.json()
    assert set(token) == {"access_token", "token_type", "user", "refresh_token", "expires_in"}
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 3600
    assert token["user"]["name"] == "Miriam Castellanos"
    assert isinstance(token["user"]["id"], int)
    assert isinstance(token["user"]["global_id"], str)
    assert call_api(canvas, token["access_token"]).status_code == 200
    insufficient = call_api(canvas, token["access_token"], "/courses/11/sections")
    assert insufficient.status_code == 401
    assert "WWW-Authenticate" not in insufficient.headers


def test_cancel_tells_the_tool(teacher: Browser) -> None:
    answer = consent(teacher, "cancel")
    assert answer["error"] == "access_denied"
    assert answer["state"] == "s-1"
    assert "code" not in answer


def test_a_question_is_answered_once_and_by_the_person_asked(
    canvas: ServedCanvas, state: CanvasState, teacher: Browser
) -> None:
    form = teacher.get(authorisation()).form("/confirm")
    other = canvas.browser(person(state, "ta"))
    assert other.send(form, ("answer", "authorize")).status_code == 400
    assert "code" in answer_of(teacher.send(form, ("answer", "authorize")))
    assert teacher.send(form, ("answer", "authorize")).status_code == 400


def test_unknown_client_and_foreign_address_are_never_redirected(teacher: Browser) -> None:
    unknown = teacher.fetch("GET", authorisation(client_id="1"))
    assert unknown.status_code == 401
    assert unknown.json()["error"] == "invalid_client"
    assert unknown.headers["WWW-Authenticate"] == "Canvas OAuth 2.0"
    for address in ("https://evil.example/", CALLBACK + "/more"):
        foreign = teacher.fetch("GET", authorisation(redirect_uri=address))
        assert foreign.status_code == 400
        assert foreign.json()["error"] == "invalid_request"
        assert "Location" not in foreign.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": SCOPES[0] + " url:GET|/api/v1/accounts"}, "invalid_scope"),
        ({"prompt": "login"}, "unsupported_prompt_type"),
        ({"prompt": "none"}, "interaction_required"),
    ],
)
def test_other_errors_travel_back_with_the_state(
    teacher: Browser, changes: dict[str, str], error: str
) -> None:
    answer = answer_of(teacher.fetch("GET", authorisation(**changes)))
    assert answer["error"] == error
    assert answer["state"] == "s-1"


def test_of_a_repeated_scope_the_last_counts(teacher: Browser) -> None:
    twice = authorisation() + "&" + urlencode({"scope": SCOPES[0]})
    words = teacher.get(twice).text
    assert "Read courses" in words
    assert "Read assignments" not in words


def test_prompt_none_skips_the_question_once_it_was_answered(canvas: ServedCanvas, teacher: Browser) -> None:
    anonymous = canvas.browser()
    assert answer_of(anonymous.fetch("GET", authorisation(prompt="none")))["error"] == "login_required"
    exchange(canvas, consent(teacher)["code"])
    silently = answer_of(teacher.fetch("GET", authorisation(prompt="none")))
    assert exchange(canvas, silently["code"]).status_code == 200


def test_a_code_works_once_for_ten_minutes_and_for_its_client(
    canvas: ServedCanvas, state: CanvasState, teacher: Browser
) -> None:
    code = consent(teacher)["code"]
    assert exchange(canvas, code).status_code == 200
    again = exchange(canvas, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")

    state.add_key(DeveloperKey("77", "other", "Other", "api", redirect_uris=[CALLBACK]))
    code = consent(teacher)["code"]
    stolen = exchange(canvas, code, client_id="77", client_secret="other")
    assert (stolen.status_code, stolen.json()["error_description"]) == (400, "incorrect client")

    state.clock.advance(600)
    late = exchange(canvas, code)
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("verifier", "status"), [(VERIFIER, 200), ("w" * 64, 400), ("", 400)], ids=["right", "wrong", "none"]
)
def test_the_verifier_must_fit_the_challenge(
    canvas: ServedCanvas, teacher: Browser, verifier: str, status: int
) -> None:
    code = consent(teacher, code_challenge=CHALLENGE, code_challenge_method="S256")["code"]
    changes = {"code_verifier": verifier} if verifier else {}
    assert exchange(canvas, code, **changes).status_code == status
    assert exchange(canvas, code, code_verifier=VERIFIER).status_code == 400, "a code is tried once"


def test_client_credentials_come_in_the_body_or_by_basic_authentication(
    canvas: ServedCanvas, teacher: Browser
) -> None:
    form = {"grant_type": "authorization_code", "code": consent(teacher)["code"], "redirect_uri": CALLBACK}
    url = f"{canvas.base_url}/login/oauth2/token"
    wrong = requests.post(url, data=form, auth=(CLIENT, "guess"), timeout=10)
    assert wrong.status_code == 401
    assert wrong.json()["error"] == "invalid_client"
    assert wrong.headers["WWW-Authenticate"] == "Canvas OAuth 2.0"
    assert requests.post(url, data=form, auth=(CLIENT, SECRET), timeout=10).status_code == 200


def test_a_refresh_kills_the_old_token_and_brings_no_new_refresh_token(
    canvas: ServedCanvas, state: CanvasState, teacher: Browser
) -> None:
    first = exchange(canvas, consent(teacher)["code"]).json()
    grants = len(state.grants)
    for _ in range(2):
        old = first["access_token"]
        response = ask_token(canvas, grant_type="refresh_token", refresh_token=first["refresh_token"])
        assert response.status_code == 200
        assert "refresh_token" not in response.json()
        first["access_token"] = response.json()["access_token"]
        assert first["access_token"] != old
        dead = call_api(canvas, old)
        assert dead.status_code == 401
        assert "WWW-Authenticate" in dead.headers
        assert call_api(canvas, first["access_token"]).status_code == 200
    assert len(state.grants) == grants, "the same row, refreshed in place"


def test_an_expired_token_is_refused_until_refreshed(
    canvas: ServedCanvas, state: CanvasState, teacher: Browser
) -> None:
    token = exchange(canvas, consent(teacher)["code"]).json()
    state.clock.advance(3600)
    assert call_api(canvas, token["access_token"]).status_code == 401
    fresh = ask_token(canvas, grant_type="refresh_token", refresh_token=token["refresh_token"]).json()
    assert call_api(canvas, fresh["access_token"]).status_code == 200


def test_each_exchange_makes_a_grant_unless_tokens_are_replaced(
    canvas: ServedCanvas, teacher: Browser
) -> None:
    one = exchange(canvas, consent(teacher)["code"]).json()["access_token"]
    two = exchange(canvas, consent(teacher)["code"]).json()["access_token"]
    assert [call_api(canvas, token).status_code for token in (one, two)] == [200, 200]
    three = exchange(canvas, consent(teacher)["code"], replace_tokens="1").json()["access_token"]
    assert [call_api(canvas, token).status_code for token in (one, two, three)] == [401, 401, 200]


def test_revocation_ends_access_and_refresh(canvas: ServedCanvas, teacher: Browser) -> None:
    token = exchange(canvas, consent(teacher)["code"]).json()
    url = f"{canvas.base_url}/login/oauth2/token"
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    gone = requests.delete(url, headers=bearer, timeout=10)
    assert (gone.status_code, gone.json()) == (200, {})
    assert call_api(canvas, token["access_token"]).status_code == 401
    refreshed = ask_token(canvas, grant_type="refresh_token", refresh_token=token["refresh_token"])
    assert refreshed.status_code == 400
    assert refreshed.json()["error_description"] == "refresh_token not found"
    without = requests.delete(url, timeout=10)
    assert without.status_code == 400
    assert "message" in without.json()


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "client_id": "1"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, 400, "invalid_request"),
    ],
)
def test_token_errors(canvas: ServedCanvas, form: dict[str, str], status: int, error: str) -> None:
    response = ask_token(canvas, **form)
    assert (response.status_code, response.json()["error"]) == (status, error)


def test_each_token_call_costs_two_hundred_so_the_fourth_is_refused(
    canvas: ServedCanvas, state: CanvasState, teacher: Browser
) -> None:
    refresh = exchange(canvas, consent(teacher)["code"]).json()["refresh_token"]
    state.habits.throttle_enabled = True
    state.clock.advance(3600)
    answers = [ask_token(canvas, grant_type="refresh_token", refresh_token=refresh) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert float(answers[0].headers["X-Request-Cost"]) >= 200
    assert "Rate Limit Exceeded" in answers[3].text
    assert answers[3].headers["Content-Type"].startswith("text/plain")


def test_a_personal_token_is_shown_once_works_and_can_be_deleted(
    canvas: ServedCanvas, teacher: Browser
) -> None:
    page = teacher.submit(teacher.get("/profile/settings").form("/profile/tokens"), purpose="Command line")
    token = next(word for word in page.text.split() if word.startswith("1~"))
    assert call_api(canvas, token, "/courses/11/sections").status_code == 200, "not limited by scopes"
    settings = teacher.get("/profile/settings")
    assert token not in settings.html
    assert "Command line" in settings.text
    teacher.submit(settings.form("/delete"))
    assert call_api(canvas, token).status_code == 401


def test_personal_tokens_of_others_cannot_be_deleted(
    canvas: ServedCanvas, state: CanvasState, teacher: Browser
) -> None:
    grant = state.make_personal_token(person(state, "ta").id)
    assert teacher.fetch("POST", f"/profile/tokens/{grant.id}/delete").status_code == 404
    assert call_api(canvas, grant.token).status_code == 200


def test_service_tokens_are_given_for_signed_assertions(canvas: ServedCanvas, state: CanvasState) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    scope = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
    state.add_key(
        DeveloperKey(
            "41",
            "",
            "Peer reviews",
            "lti",
            scopes=[scope],
            public_jwk={name: str(value) for name, value in public.items() if isinstance(value, str)},
            deployments=[Deployment("41:account")],
        )
    )
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": "https://tool.example",
        "sub": "41",
        "aud": canvas.platform.token_url,
        "iat": now,
        "exp": now + 300,
        "jti": "j-1",
    }

    def ask(key: rsa.RSAPrivateKey, wanted: str = scope, **changes: object) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(claims | changes, key, algorithm="RS256", headers={"kid": "k"}),
            "scope": wanted,
        }
        return requests.post(canvas.platform.token_url, data=form, timeout=10)

    good = ask(private)
    assert good.status_code == 200
    assert good.json()["scope"] == scope
    granted = canvas.platform.keys.verify_own(good.json()["access_token"], audience=canvas.platform.token_url)
    assert granted["sub"] == "41"
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert ask(stranger).status_code == 400
    assert ask(private, aud="https://elsewhere.example/token").status_code == 400
    assert ask(private, exp=now - 600).status_code == 400
    assert ask(private, wanted="https://purl.imsglobal.org/spec/lti-ags/scope/score").status_code == 400
    assert ask(private, sub="40").status_code == 401


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("url:GET|/api/v1/courses/:id", "Read courses"),
        (
            "url:POST|/api/v1/courses/:course_id/assignments/:assignment_id/submissions/:submission_id/peer_reviews",
            "Create peer reviews",
        ),
        ("url:PUT|/api/v1/courses/:course_id/assignments/:id", "Change assignments"),
        ("url:GET|/api/v1/something/new", "url:GET|/api/v1/something/new"),
    ],
)
def test_scopes_are_said_in_words(scope: str, words: str) -> None:
    assert scope_in_words(scope) == words
