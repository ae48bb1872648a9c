"""Every launch that must not open the tool: each is answered by a 4xx page that explains itself.

One row a launch. The refusal's name keeps a row from passing for another reason than its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from werkzeug.test import TestResponse

from lti_tool.lti.context import CLAIM, MEMBERS_CLAIM
from lti_tool.lti.errors import Refusal
from tests.integration.lti.scene import (
    CANVAS,
    CLIENT,
    DEPLOYMENT,
    INSTRUCTOR,
    ISSUER,
    MISSING,
    OTHER_CLIENT,
    OTHER_DEPLOYMENT,
    TOOL,
    Begun,
    SigningKey,
    Stage,
    hand_made_token,
    words,
)

NOW = int(time.time())
DAY = 86_400
TOKEN, CLAIMS, DEPLOYED, OVER, NO_LAUNCH = (
    Refusal.TOKEN_REFUSED,
    Refusal.CLAIMS_REFUSED,
    Refusal.UNKNOWN_DEPLOYMENT,
    Refusal.LAUNCH_OVER,
    Refusal.NOT_A_LAUNCH,
)
NAN, INFINITE = float("nan"), float("inf")


def refused(answer: TestResponse, events: list[Any], refusal: Refusal) -> None:
    """The answer is a page in words, with the reference that the log has beside the reason."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.mimetype == "text/html"
    assert answer.headers["Cache-Control"] == "no-store"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith((f"frame-ancestors {CANVAS}", "frame-ancestors *")), "it can be read in Canvas"
    logged = [event for event in events if event["event"] == "launch_refused"]
    assert [event["refusal"] for event in logged] == [refusal.value], events
    text = words(answer.text)
    assert answer.text.count("<h1") == 1
    assert answer.text.count("<p>") >= 2
    assert logged[0]["reference"] in text
    assert "<script" not in answer.text
    assert "Traceback" not in text
    assert "data-code" not in answer.text


# --- claims ----------------------------------------------------------------------------------------------

ROWS: list[tuple[str, dict[str, Any], Refusal]] = [
    ("no exp", {"exp": MISSING}, TOKEN),
    ("expired", {"exp": NOW - DAY}, TOKEN),
    ("expired beyond the leeway", {"exp": NOW - 40}, TOKEN),
    ("exp as text", {"exp": str(NOW + 600)}, TOKEN),
    ("exp null", {"exp": None}, TOKEN),
    ("exp true", {"exp": True}, TOKEN),
    ("exp a list", {"exp": [NOW + 600]}, TOKEN),
    ("exp not a number", {"exp": NAN}, TOKEN),
    ("no iat", {"iat": MISSING}, TOKEN),
    ("iat of 1970", {"iat": 11_111}, TOKEN),
    ("iat of yesterday", {"iat": NOW - DAY}, TOKEN),
    ("iat of tomorrow", {"iat": NOW + DAY}, TOKEN),
    ("iat as text", {"iat": str(NOW)}, TOKEN),
    ("iat infinite", {"iat": INFINITE}, TOKEN),
    ("iat minus infinite", {"iat": -INFINITE}, TOKEN),
    ("iat an object", {"iat": {}}, TOKEN),
    ("iat and exp of 1970", {"iat": 11_111, "exp": 22_222}, TOKEN),
    ("not before tomorrow", {"nbf": NOW + DAY}, TOKEN),
    ("no nonce", {"nonce": MISSING}, TOKEN),
    ("nonce of somebody else", {"nonce": "a" * 43}, TOKEN),
    ("empty nonce", {"nonce": ""}, TOKEN),
    ("nonce a number", {"nonce": 5}, TOKEN),
    ("nonce a list", {"nonce": ["x"]}, TOKEN),
    ("nonce half a surrogate pair", {"nonce": "\ud800"}, TOKEN),
    ("no aud", {"aud": MISSING}, TOKEN),
    ("aud another client", {"aud": "somebody"}, TOKEN),
    ("aud another client of ours", {"aud": OTHER_CLIENT}, TOKEN),
    ("aud us and another", {"aud": [CLIENT, "somebody"]}, TOKEN),
    ("aud another and us", {"aud": ["somebody", CLIENT]}, TOKEN),
    ("aud empty", {"aud": []}, TOKEN),
    ("aud a number", {"aud": int(CLIENT)}, TOKEN),
    ("aud numbers", {"aud": [int(CLIENT)]}, TOKEN),
    ("azp another", {"azp": "somebody"}, TOKEN),
    ("azp null", {"azp": None}, TOKEN),
    ("azp a number", {"azp": int(CLIENT)}, TOKEN),
    ("no iss", {"iss": MISSING}, TOKEN),
    ("iss another", {"iss": "https://canvas.beta.instructure.com"}, TOKEN),
    ("iss with a slash", {"iss": ISSUER + "/"}, TOKEN),
    ("iss in capitals", {"iss": ISSUER.upper()}, TOKEN),
    ("iss a list", {"iss": [ISSUER]}, TOKEN),
    ("no sub", {"sub": MISSING}, CLAIMS),
    ("sub empty", {"sub": ""}, CLAIMS),
    ("sub a number", {"sub": 5}, TOKEN),
    ("sub null", {"sub": None}, TOKEN),
    ("sub an object", {"sub": {"id": 5}}, TOKEN),
    ("no deployment", {"deployment_id": MISSING}, DEPLOYED),
    ("deployment unknown", {"deployment_id": "1:none"}, DEPLOYED),
    ("deployment of another registration", {"deployment_id": OTHER_DEPLOYMENT}, DEPLOYED),
    ("deployment in other capitals", {"deployment_id": DEPLOYMENT.upper()}, DEPLOYED),
    ("deployment empty", {"deployment_id": ""}, DEPLOYED),
    ("deployment a number", {"deployment_id": 1}, DEPLOYED),
    ("deployment a list", {"deployment_id": [DEPLOYMENT]}, DEPLOYED),
    ("no version", {"version": MISSING}, CLAIMS),
    ("version 1.1", {"version": "LTI-1p0"}, CLAIMS),
    ("version a number", {"version": 1.3}, CLAIMS),
    ("no message type", {"message_type": MISSING}, CLAIMS),
    ("message type unknown", {"message_type": "LtiSomethingRequest"}, CLAIMS),
    ("deep linking", {"message_type": "LtiDeepLinkingRequest"}, Refusal.NOT_FROM_A_COURSE),
    (
        "editor button",
        {"message_type": "LtiDeepLinkingRequest", "resource_link": MISSING},
        Refusal.NOT_FROM_A_COURSE,
    ),
    ("custom names another course", {"custom": {"canvas_course_id": 8}}, Refusal.CONTRADICTED),
    (
        "the addresses name two courses",
        {MEMBERS_CLAIM: {"context_memberships_url": f"{CANVAS}/api/lti/courses/8/names_and_roles"}},
        Refusal.CONTRADICTED,
    ),
    (
        "a link names another course",
        {"resource_link": {"id": "of-a-link"}, "custom": {"canvas_course_id": 8}},
        Refusal.CONTRADICTED,
    ),
    ("message type a list", {"message_type": ["LtiResourceLinkRequest"]}, CLAIMS),
    ("no roles", {"roles": MISSING}, CLAIMS),
    ("roles as text", {"roles": INSTRUCTOR}, CLAIMS),
    ("roles null", {"roles": None}, CLAIMS),
    ("roles an object", {"roles": {INSTRUCTOR: True}}, CLAIMS),
    ("roles with a number", {"roles": [INSTRUCTOR, 5]}, CLAIMS),
    ("no resource link", {"resource_link": MISSING}, CLAIMS),
    ("resource link without id", {"resource_link": {"title": "Writing"}}, CLAIMS),
    ("resource link with an empty id", {"resource_link": {"id": ""}}, CLAIMS),
    ("resource link with a number", {"resource_link": {"id": 5}}, CLAIMS),
    ("resource link as text", {"resource_link": "opaque"}, CLAIMS),
    ("no target_link_uri", {"target_link_uri": MISSING}, CLAIMS),
    ("target_link_uri elsewhere", {"target_link_uri": "https://elsewhere.example.edu/lti/launch"}, CLAIMS),
    ("target_link_uri not encrypted", {"target_link_uri": TOOL.replace("https", "http")}, CLAIMS),
    ("target_link_uri with a bad port", {"target_link_uri": f"{TOOL}:port/"}, CLAIMS),
    ("target_link_uri a number", {"target_link_uri": 5}, CLAIMS),
    ("several claims", {"roles": MISSING, "sub": MISSING, "version": MISSING}, CLAIMS),
    ("another Canvas", {"custom": {"canvas_api_base": "https://other.example.edu"}}, Refusal.OTHER_CANVAS),
    ("no address", {"custom": {"canvas_api_base": "https://[half"}}, Refusal.OTHER_CANVAS),
    ("an address with a bad port", {"custom": {"canvas_api_base": f"{CANVAS}:x"}}, Refusal.OTHER_CANVAS),
    ("address a number", {"custom": {"canvas_api_base": 5}}, Refusal.OTHER_CANVAS),
]


@pytest.mark.parametrize(("changes", "refusal"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_claims_that_open_nothing(tool: Stage, changes: dict[str, Any], refusal: Refusal) -> None:
    visitor = tool.visitor()
    with structlog.testing.capture_logs() as events:
        answer = visitor.launch(**changes)
    refused(answer, events, refusal)


# --- tokens ----------------------------------------------------------------------------------------------

ATTACKER = SigningKey("key-one")
TINY = SigningKey("tiny", bits=1024)


def _jwk_header(tool: Stage, begun: Begun) -> str:
    return ATTACKER.sign(tool.claims(begun), {"kid": "mine", "jwk": ATTACKER.jwk()})


def _jku_header(tool: Stage, begun: Begun) -> str:
    return ATTACKER.sign(tool.claims(begun), {"kid": "mine", "jku": f"{tool.keys.url}/attacker"})


def _tampered(tool: Stage, begun: Begun) -> str:
    header, _, signature = tool.token(begun, {"roles": []}).split(".")
    return ".".join((header, tool.token(begun).split(".")[1], signature))


TOKENS: list[tuple[str, Callable[[Stage, Begun], str], Refusal]] = [
    (
        "alg none",
        lambda t, b: hand_made_token({"alg": "none", "kid": "key-one"}, t.claims(b), None),
        TOKEN,
    ),
    ("alg none in capitals", lambda t, b: hand_made_token({"alg": "NONE"}, t.claims(b), b""), TOKEN),
    (
        "HS256 with our public key as its secret",
        lambda t, b: hand_made_token({"alg": "HS256", "kid": "key-one"}, t.claims(b), t.key.public_pem()),
        TOKEN,
    ),
    (
        "HS256 that says RS256",
        lambda t, b: hand_made_token({"alg": "RS256", "kid": "key-one"}, t.claims(b), t.key.public_pem()),
        TOKEN,
    ),
    ("RS512", lambda t, b: t.key.sign(t.claims(b), alg="RS512"), TOKEN),
    ("no alg", lambda t, b: hand_made_token({"kid": "key-one"}, t.claims(b), b""), TOKEN),
    ("no kid", lambda t, b: t.key.sign(t.claims(b), {}), TOKEN),
    ("unknown kid", lambda t, b: t.key.sign(t.claims(b), {"kid": "another"}), TOKEN),
    ("empty kid", lambda t, b: t.key.sign(t.claims(b), {"kid": ""}), TOKEN),
    (
        "kid a number",
        lambda t, b: hand_made_token({"alg": "RS256", "kid": 1}, t.claims(b), b""),
        TOKEN,
    ),
    (
        "kid an object",
        lambda t, b: hand_made_token({"alg": "RS256", "kid": {}}, t.claims(b), b""),
        TOKEN,
    ),
    ("another key under a known kid", lambda t, b: ATTACKER.sign(t.claims(b)), TOKEN),
    ("jwk in the header", _jwk_header, TOKEN),
    ("jku in the header", _jku_header, TOKEN),
    (
        "a critical extension",
        lambda t, b: t.key.sign(t.claims(b), {"kid": "key-one", "crit": ["x"], "x": 1}),
        TOKEN,
    ),
    ("changed claims", _tampered, TOKEN),
    ("a cut signature", lambda t, b: t.token(b)[:-20], TOKEN),
    ("no signature", lambda t, b: t.token(b).rpartition(".")[0] + ".", TOKEN),
    ("two parts", lambda t, b: t.token(b).rpartition(".")[0], TOKEN),
    ("not a token", lambda t, b: "certification", TOKEN),
    ("empty", lambda t, b: "", TOKEN),
    ("not ASCII", lambda t, b: "é" * 50, TOKEN),
    ("claims that are a list", lambda t, b: t.key.sign([t.claims(b)]), TOKEN),
    ("claims that are no JSON", lambda t, b: t.key.sign(b"{"), TOKEN),
    ("claims nested without end", lambda t, b: t.key.sign(b"[" * 20_000), TOKEN),
    (
        "header nested without end",
        lambda t, b: "W1tb" * 10_000 + "." + t.token(b).partition(".")[2],
        TOKEN,
    ),
    ("a number without end", lambda t, b: t.key.sign(b'{"exp": ' + b"9" * 5_000 + b"}"), TOKEN),
    (
        "64 kB and more",
        lambda t, b: t.token(b, {"name": "x" * 70_000}),
        NO_LAUNCH,
    ),
]


@pytest.mark.parametrize(("make", "refusal"), [row[1:] for row in TOKENS], ids=[row[0] for row in TOKENS])
def test_tokens_that_open_nothing(tool: Stage, make: Callable[[Stage, Begun], str], refusal: Refusal) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(state=begun.state, id_token=make(tool, begun))
    refused(answer, events, refusal)
    assert "attacker" not in tool.keys.fetches


@pytest.mark.parametrize(
    "name", ["hanging", "trickling", "endless", "no-json", "no-set", "deep", "redirecting", "failing"]
)
def test_key_sets_that_cannot_be_used(tool: Stage, name: str) -> None:
    visitor = tool.visitor()
    begun = visitor.login(client_id=f"client-{name}")
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(state=begun.state, id_token=tool.token(begun))
    refused(answer, events, Refusal.KEYS_UNREACHABLE)


def test_odd_entries_in_a_key_set_do_not_spoil_the_good_ones(tool: Stage) -> None:
    visitor = tool.visitor()
    begun = visitor.login(client_id="client-odd")
    launched = visitor.post(state=begun.state, id_token=tool.token(begun))
    assert launched.status_code == 200, launched.text


# --- state -----------------------------------------------------------------------------------------------


def test_a_launch_cannot_be_sent_twice(tool: Stage) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    form = {"state": begun.state, "id_token": tool.token(begun)}
    assert visitor.post(**form).status_code == 200
    with structlog.testing.capture_logs() as events:
        again = visitor.post(**form)
    refused(again, events, OVER)


def test_a_token_cannot_be_sent_again_with_a_fresh_state(tool: Stage) -> None:
    visitor = tool.visitor()
    first, second = visitor.login(), visitor.login()
    token = tool.token(first)
    assert visitor.post(state=first.state, id_token=token).status_code == 200
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(state=second.state, id_token=token)
    refused(answer, events, TOKEN)


def test_a_used_state_takes_no_fresh_token(tool: Stage) -> None:
    visitor = tool.visitor()
    first, second = visitor.login(), visitor.login()
    assert visitor.post(state=first.state, id_token=tool.token(first)).status_code == 200
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(state=first.state, id_token=tool.token(second))
    refused(answer, events, OVER)


def test_a_refused_launch_spends_its_state(tool: Stage) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    assert visitor.post(state=begun.state, id_token="no token").status_code == 403
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(state=begun.state, id_token=tool.token(begun))
    refused(answer, events, OVER)


@pytest.mark.parametrize("state", ["", "a" * 43, "😀"])
def test_a_state_that_was_never_given_out_fetches_no_keys(tool: Stage, state: str) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    fetches = len(tool.keys.fetches)
    token = tool.key.sign(tool.claims(begun), {"kid": "unheard-of"})
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(state=state, id_token=token)
    refused(answer, events, OVER)
    assert len(tool.keys.fetches) == fetches


def test_a_launch_that_another_browser_began_opens_no_session(tool: Stage) -> None:
    """Login cross-site request forgery: the victim's browser posts the attacker's launch."""
    begun = tool.visitor().login()
    victim = tool.visitor()
    launched = victim.post(state=begun.state, id_token=tool.token(begun))
    with structlog.testing.capture_logs() as events:
        answer = victim.session(launched.text)
    assert answer.status_code == 403
    found = [event["refusal"] for event in events if "refusal" in event]
    assert found == [Refusal.BROWSER_NOT_PROVEN.value]
    with structlog.testing.capture_logs() as events:
        late = victim.session(launched.text, begun.attributes["binding"])
    assert late.status_code == 403, "a code is spent by the first try"


def test_a_state_of_another_registration_takes_no_token_of_this_one(tool: Stage) -> None:
    visitor = tool.visitor()
    begun = visitor.login(client_id=OTHER_CLIENT)
    claims = tool.claims(begun) | {"aud": CLIENT, "azp": CLIENT}
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(state=begun.state, id_token=tool.key.sign(claims))
    refused(answer, events, TOKEN)


# --- requests --------------------------------------------------------------------------------------------


def test_launch_by_get(tool: Stage) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    query = {"state": begun.state, "id_token": tool.token(begun)}
    with structlog.testing.capture_logs() as events:
        answer = visitor.ask("GET", "/lti/launch", query_string=query)
    refused(answer, events, NO_LAUNCH)
    assert visitor.post(**query).status_code == 200, "an address that was only looked at spends nothing"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/lti/login", "/lti/launch", "/lti/session"])
def test_other_methods(tool: Stage, method: str, path: str) -> None:
    answer = tool.visitor().ask(method, path)
    assert answer.status_code == 405
    assert "<h1" in answer.text


ERRORS = {
    "login_required": Refusal.LOGIN_ENDED,
    "unauthorized_client": Refusal.SWITCHED_OFF,
    "launch_no_longer_valid": Refusal.LAUNCH_OVER,
    "invalid_request_object": Refusal.PLATFORM_ERROR,
    "<script>alert(1)</script>": Refusal.PLATFORM_ERROR,
    "": Refusal.PLATFORM_ERROR,
}


@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize(("error", "refusal"), ERRORS.items())
def test_error_posts_of_the_platform(tool: Stage, error: str, refusal: Refusal, with_state: bool) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    form = {"error": error, "error_description": "<script>alert(2)</script> of the platform"}
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(**form, **({"state": begun.state} if with_state else {}))
    refused(answer, events, refusal)
    assert "of the platform" not in answer.text, "what others wrote is not repeated"


def test_an_error_beside_a_token_opens_nothing(tool: Stage) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(state=begun.state, id_token=tool.token(begun), error="login_required")
    refused(answer, events, Refusal.LOGIN_ENDED)


LOGINS: list[tuple[str, dict[str, str], Refusal]] = [
    ("nothing", {}, NO_LAUNCH),
    ("no iss", {"login_hint": "u", "client_id": CLIENT}, NO_LAUNCH),
    ("no login_hint", {"iss": ISSUER, "client_id": CLIENT}, NO_LAUNCH),
    ("iss unknown", {"iss": "https://x.example", "login_hint": "u"}, Refusal.UNKNOWN_PLATFORM),
    ("script as iss", {"iss": "<script>x</script>", "login_hint": "u"}, Refusal.UNKNOWN_PLATFORM),
    ("client unknown", {"iss": ISSUER, "login_hint": "u", "client_id": "5"}, Refusal.UNKNOWN_PLATFORM),
    ("one of many, unsaid", {"iss": ISSUER, "login_hint": "u"}, Refusal.UNKNOWN_PLATFORM),
    ("long iss", {"iss": "x" * 17_000, "login_hint": "u"}, NO_LAUNCH),
    ("long login_hint", {"iss": ISSUER, "client_id": CLIENT, "login_hint": "x" * 17_000}, NO_LAUNCH),
    (
        "long lti_message_hint",
        {"iss": ISSUER, "client_id": CLIENT, "login_hint": "u", "lti_message_hint": "x" * 17_000},
        NO_LAUNCH,
    ),
    (
        "long lti_storage_target",
        {"iss": ISSUER, "client_id": CLIENT, "login_hint": "u", "lti_storage_target": "x" * 17_000},
        NO_LAUNCH,
    ),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("fields", "refusal"), [row[1:] for row in LOGINS], ids=[row[0] for row in LOGINS])
def test_logins_that_lead_nowhere(tool: Stage, fields: dict[str, str], refusal: Refusal, method: str) -> None:
    where = {"query_string": fields} if method == "GET" else {"data": fields}
    with structlog.testing.capture_logs() as events:
        answer = tool.visitor().ask(method, "/lti/login", **where)
    refused(answer, events, refusal)


@pytest.mark.parametrize(
    "name", ["login_hint", "lti_message_hint", "lti_storage_target", "target_link_uri", "x"]
)
def test_what_a_login_brings_is_shown_as_text(tool: Stage, name: str) -> None:
    """The page carries it for the window of its own, and goes on to the platform with it."""
    begun = tool.visitor().login(**{name: '"><script>alert(1)</script>'})
    assert "<script>alert" not in begun.page
    assert begun.page.count("<script") == 1
    assert begun.attributes["next"].startswith("https://sso.canvaslms.com/api/lti/authorize_redirect?")


@pytest.mark.parametrize("name", ["state", "id_token", "error", "lti_storage_target"])
def test_long_parameters_of_a_launch(tool: Stage, name: str) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    form = {"state": begun.state, "id_token": tool.token(begun), name: "x" * 70_000}
    with structlog.testing.capture_logs() as events:
        answer = visitor.post(**form)
    refused(answer, events, NO_LAUNCH)


def test_a_form_of_megabytes(tool: Stage) -> None:
    answer = tool.visitor().post(state="s", id_token="x" * 2_000_000)
    assert answer.status_code == 413
    assert "too much at once" in words(answer.text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"code": 5}',
        b'{"code": ["x"]}',
        b"[" * 50_000,
        b'{"code": "\\ud800", "binding": "\\ud800"}',
        b'{"code": "never-given-out"}',
        json.dumps({"code": "x" * 100_000}).encode(),
    ],
    ids=lambda body: body[:24].decode(),
)
def test_codes_that_open_no_session(tool: Stage, body: bytes) -> None:
    answer = tool.visitor().ask("POST", "/lti/session", data=body, content_type="application/json")
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.get_json()) == {"title", "happened", "to_do", "reference"}


def test_a_code_sent_by_a_form_opens_no_session(tool: Stage) -> None:
    """A form of another site could send it; JSON it could not."""
    visitor = tool.visitor()
    page = visitor.launch().text
    code = page.split('data-code="')[1].split('"')[0]
    assert visitor.ask("POST", "/lti/session", data={"code": code}).status_code == 400
    assert visitor.session(page).status_code == 200


def test_a_state_is_no_code_and_a_code_no_state(tool: Stage) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    assert visitor.ask("POST", "/lti/session", json={"code": begun.state}).status_code == 403
    page = visitor.post(state=begun.state, id_token=tool.token(begun)).text
    code = page.split('data-code="')[1].split('"')[0]
    assert visitor.post(state=code, id_token=tool.token(begun)).status_code == 403


def test_claims_are_asked_by_their_full_names(tool: Stage) -> None:
    """A row above that misspelt a claim would prove nothing: each name stands in a good launch."""
    names = set(tool.claims(tool.visitor().login()))
    asked_for = {name for _, changes, _ in ROWS for name in changes}
    unknown = {name for name in asked_for if name not in names and CLAIM + name not in names}
    assert unknown == {"nbf", MEMBERS_CLAIM}


def test_a_refusal_names_what_the_operator_needs_on_the_page_and_in_the_log(tool: Stage) -> None:
    said = {"iss": ISSUER, "login_hint": "u", "client_id": "17999", "deployment_id": "1:new"}
    with structlog.testing.capture_logs() as events:
        answer = tool.visitor().ask("POST", "/lti/login", data=said)
    logged = next(event for event in events if event["event"] == "launch_refused")
    assert (logged["issuer"], logged["client_id"], logged["deployment"]) == (
        ISSUER,
        "17999",
        "1:new",
    )
    for value in (ISSUER, "17999", "1:new"):
        assert value in words(answer.text)


def test_an_unknown_deployment_is_named(tool: Stage) -> None:
    with structlog.testing.capture_logs() as events:
        answer = tool.visitor().launch(deployment_id="1:elsewhere")
    logged = next(event for event in events if event["event"] == "launch_refused")
    assert (logged["issuer"], logged["client_id"], logged["deployment"]) == (ISSUER, CLIENT, "1:elsewhere")
    assert "1:elsewhere" in words(answer.text)
