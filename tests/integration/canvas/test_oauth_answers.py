"""The token endpoint when it is not itself: every answer becomes an error by meaning, and no secret shows."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from lti_tool.canvas.errors import (
    AccessLost,
    BrokenAnswer,
    CanvasError,
    CanvasUnavailable,
    KeyRejected,
    Throttled,
)
from lti_tool.canvas.oauth import CanvasOAuth, ConsentRequest, OAuthKey
from tests.integration.canvas.servers import Reply, Stub, reply, transport_to

HTML = {"Content-Type": "text/html"}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FULL = {"access_token": "a", "refresh_token": "r", "expires_in": 3600, "user": {"id": 2**53 + 1}}

ANSWERS: list[tuple[Reply, type[CanvasError]]] = [
    (reply({"error": "invalid_grant"}, status=400), AccessLost),
    (reply({"error": "invalid_request"}, status=400), AccessLost),
    (reply({"error": "invalid_client"}, status=401), KeyRejected),
    (reply({"error": "unauthorized_client"}, status=401), KeyRejected),
    (Reply(403, {"Content-Type": "text/plain"}, b"403 Forbidden (Rate Limit Exceeded)\n"), Throttled),
    (Reply(429, {"Content-Type": "text/plain"}, b"Rate Limit Exceeded"), Throttled),
    (Reply(503, HTML, b"<h1>Maintenance</h1>"), CanvasUnavailable),
    (Reply(200, HTML, b"<h1>Log in</h1>"), BrokenAnswer),
    (reply({"no": "token"}), BrokenAnswer),
    (reply(["a list"]), BrokenAnswer),
    (reply({"access_token": 7}), BrokenAnswer),
    (Reply(302, HTML | {"Location": "/elsewhere"}, b""), BrokenAnswer),
    (Reply(act=lambda connection: connection.close()), CanvasUnavailable),
]


def with_oauth(answer: Reply, act: Callable[[CanvasOAuth], object]) -> tuple[object, Stub]:
    with Stub(lambda _got: answer) as stub, transport_to(stub.origin) as transport:
        key = OAuthKey("10", "client-secret", ("url:GET|/api/v1/courses/:id",))
        oauth = CanvasOAuth(transport, key, "https://t.example/back", now=lambda: NOW, sleep=lambda _s: None)
        return act(oauth), stub


@pytest.mark.parametrize(("answer", "error"), ANSWERS)
def test_an_exchange_fails_by_meaning(answer: Reply, error: type[CanvasError]) -> None:
    with pytest.raises(error) as caught:
        with_oauth(answer, lambda oauth: oauth.exchange("the-code", "the-verifier"))
    assert type(caught.value) is error
    for secret in ("the-code", "the-verifier", "client-secret"):
        assert secret not in str(caught.value)


@pytest.mark.parametrize(("answer", "error"), ANSWERS)
def test_a_refresh_fails_by_meaning(answer: Reply, error: type[CanvasError]) -> None:
    with pytest.raises(error) as caught:
        with_oauth(answer, lambda oauth: oauth.refresh("the-refresh-token"))
    assert type(caught.value) is error
    assert "the-refresh-token" not in str(caught.value)


@pytest.mark.parametrize(
    "act", [lambda o: o.exchange("c", "v"), lambda o: o.refresh("r"), lambda o: o.revoke("a")]
)
def test_no_redirect_is_followed(act: Callable[[CanvasOAuth], object]) -> None:
    """Canvas answers some token errors with a redirect to our own callback."""
    with Stub(lambda _got: reply(FULL)) as elsewhere:
        redirect = Reply(307, HTML | {"Location": f"{elsewhere.origin}/stolen"}, b"")
        with suppress(BrokenAnswer):
            with_oauth(redirect, act)
        assert elsewhere.received == []


def test_http_on_loopback_needs_no_switch_for_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """oauthlib's own exception from TLS is an environment variable, which would count for every Canvas."""
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    consents = []

    def all_four(oauth: CanvasOAuth) -> bool:
        consents.append(oauth.consent_request().url)
        oauth.exchange("c", "v")
        oauth.refresh("r")
        return oauth.revoke("a")

    done, stub = with_oauth(reply(FULL), all_four)
    assert done is True
    assert [(got.method, got.path) for got in stub.received] == [
        ("POST", "/login/oauth2/token"),
        ("POST", "/login/oauth2/token"),
        ("DELETE", "/login/oauth2/token"),
    ]
    assert consents[0].startswith(f"{stub.origin}/login/oauth2/auth?"), "the browser gets the real address"
    assert "OAUTHLIB_INSECURE_TRANSPORT" not in os.environ


def test_pkce_is_the_librarys_and_the_challenge_belongs_to_the_verifier() -> None:
    consent, _ = with_oauth(reply(FULL), lambda oauth: oauth.consent_request())
    assert isinstance(consent, ConsentRequest)
    query = dict(parse_qsl(urlsplit(consent.url).query))
    digest = hashlib.sha256(consent.verifier.encode()).digest()
    assert query["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert query["code_challenge_method"] == "S256"
    assert 43 <= len(consent.verifier) <= 128
    assert consent.verifier not in consent.url


def test_a_refresh_and_a_revocation_send_what_canvas_asks_for() -> None:
    _, stub = with_oauth(reply(FULL), lambda oauth: oauth.refresh("the-refresh-token"))
    assert stub.received[0].form == {
        "grant_type": "refresh_token",
        "client_id": "10",
        "client_secret": "client-secret",
        "redirect_uri": "https://t.example/back",
        "refresh_token": "the-refresh-token",
    }
    assert "Authorization" not in stub.received[0].headers
    _, stub = with_oauth(reply({}), lambda oauth: oauth.revoke("the-token"))
    assert stub.received[0].headers["Authorization"] == "Bearer the-token"
    assert stub.received[0].form == {}


def test_an_exchange_sends_code_verifier_and_credentials_in_the_body() -> None:
    grant, stub = with_oauth(reply(FULL), lambda oauth: oauth.exchange("the-code", "the-verifier"))
    [got] = stub.received
    assert got.target == "/login/oauth2/token"
    assert "Authorization" not in got.headers
    assert got.form == {
        "grant_type": "authorization_code",
        "client_id": "10",
        "client_secret": "client-secret",
        "redirect_uri": "https://t.example/back",
        "code": "the-code",
        "code_verifier": "the-verifier",
    }
    assert getattr(grant, "user_id", None) == "9007199254740993"
    assert getattr(grant, "expires_at", None) == NOW + timedelta(hours=1)


def test_a_token_answer_with_other_scopes_is_no_error() -> None:
    grant, _ = with_oauth(reply(FULL | {"scope": "something else"}), lambda oauth: oauth.exchange("c", "v"))
    assert getattr(grant, "access_token", None) == "a"


def test_a_key_that_does_not_expire_its_tokens() -> None:
    answer = {name: value for name, value in FULL.items() if name != "expires_in"}
    grant, _ = with_oauth(reply(answer), lambda oauth: oauth.exchange("c", "v"))
    assert getattr(grant, "expires_at", "missing") is None


def test_revoking_never_raises() -> None:
    assert with_oauth(reply({}), lambda oauth: oauth.revoke("token"))[0] is True
    for answer, _ in ANSWERS[:4]:
        assert with_oauth(answer, lambda oauth: oauth.revoke("token"))[0] is False
    assert with_oauth(ANSWERS[-1][0], lambda oauth: oauth.revoke("token"))[0] is False
