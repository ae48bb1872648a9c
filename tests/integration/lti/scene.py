"""The tool as it is wired for production, a platform that signs whatever it is told to, a browser between."""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import re
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from werkzeug.serving import make_server
from werkzeug.test import Client, TestResponse

from lti_tool.bootstrap import Application, build_application, build_web, upgrade_database
from lti_tool.lti.context import CLAIM
from lti_tool.lti.key_sets import KeySets
from lti_tool.settings import Settings

ISSUER = "https://canvas.instructure.com"
CANVAS = "https://canvas.example.edu"
TOOL = "https://reviews.example.edu"
CLIENT, OTHER_CLIENT = "10000000000001", "10000000000002"
DEPLOYMENT, OTHER_DEPLOYMENT = "1:one", "1:two"
COURSE, USER = 10_000_000_000_000_007, 9_007_199_254_740_993
"""Beyond 2^53, where JavaScript's numbers would no longer be exact."""
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
INSTRUCTOR, LEARNER = f"{MEMBERSHIP}#Instructor", f"{MEMBERSHIP}#Learner"
HOSTILE = ("hanging", "trickling", "endless", "no-json", "no-set", "deep", "redirecting", "failing", "odd")
TOTAL_S = 1.0
"""What a fetch of a key set may take in these tests; the product allows more."""


class SigningKey:
    """An RSA key of a platform."""

    def __init__(self, kid: str, bits: int = 2048) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def jwk(self) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "alg": "RS256", "use": "sig"}

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, claims: Any, headers: Mapping[str, Any] | None = None, alg: str = "RS256") -> str:
        """A token with any claims whatever, which a well-behaved library would refuse to make."""
        payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        names = {"kid": self.kid} if headers is None else dict(headers)
        return jwt.PyJWS().encode(payload, self.private, algorithm=alg, headers=names)


def hand_made_token(header: object, payload: object, secret: bytes | None) -> str:
    """A token signed by HMAC with ``secret``, or not at all."""
    parts = [_base64(json.dumps(part).encode()) for part in (header, payload)]
    signature = hmac.digest(secret, ".".join(parts).encode(), hashlib.sha256) if secret is not None else b""
    return ".".join([*parts, _base64(signature)])


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class KeyServer:
    """Serves key sets: ``keys`` at /good, and sets that no tool should trust at the other addresses."""

    keys: list[dict[str, Any]]
    url: str = ""
    fetches: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        name = environ["PATH_INFO"].strip("/")
        self.fetches.append(name)
        good = json.dumps({"keys": self.keys}).encode()
        status, headers, body = "200 OK", [("Content-Type", "application/json")], iter([good])
        if name == "hanging":
            self.over.wait()
        elif name == "trickling":
            headers.append(("Content-Length", "100000"))
            body = self._drops(b" ", every_s=0.05)
        elif name == "endless":
            body = self._drops(b" " * 65536, every_s=0)
        elif name == "redirecting":
            status, headers = "302 Found", [("Location", f"{self.url}/good")]
        elif name == "failing":
            status = "503 Service Unavailable"
        elif name != "good":
            body = iter([self._odd_body(name)])
        start(status, headers)
        return body

    def _odd_body(self, name: str) -> bytes:
        no_number = {"kty": "RSA", "kid": "n", "n": "!!", "e": "AQAB"}
        odd: list[Any] = [None, 7, {}, {"kty": "EC", "kid": "ec"}, no_number, {**no_number, "n": 5}]
        return {
            "no-json": b"<!doctype html><p>Log in first",
            "no-set": b'["keys"]',
            "deep": b"[" * 100_000,
            "odd": json.dumps({"keys": [*odd, *self.keys]}).encode(),
        }[name]

    def _drops(self, drop: bytes, every_s: float) -> Iterator[bytes]:
        while not self.over.is_set():
            yield drop
            if every_s:
                self.over.wait(every_s)


@contextmanager
def key_server(*keys: SigningKey) -> Iterator[KeyServer]:
    """A key server on a free port."""
    served = KeyServer([key.jwk() for key in keys])
    server = make_server("127.0.0.1", 0, served, threaded=True)
    served.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Begun:
    """A login under way: what the tool asked the platform for, and the page that the browser has."""

    asked: dict[str, str]
    page: str
    attributes: dict[str, str]

    @property
    def state(self) -> str:
        return self.asked["state"]


class Visitor:
    """One browser. ``cookies=False`` is one that sends none."""

    def __init__(self, stage: Stage, *, cookies: bool = True) -> None:
        self._stage = stage
        self._client = Client(stage.web, use_cookies=cookies)

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        return self._client.open(path, method=method, base_url=TOOL, **options)

    def login(self, *, method: str = "POST", client_id: str = CLIENT, **changes: str) -> Begun:
        """Open the login endpoint as Canvas does, and read what the tool sends the browser to."""
        fields = {
            "iss": ISSUER,
            "login_hint": "lti-user",
            "target_link_uri": f"{TOOL}/lti/launch",
            "lti_message_hint": "hint.of.canvas",
            "client_id": client_id,
            **changes,
        }
        return self.send_login(method, fields)

    def send_login(self, method: str, fields: Mapping[str, str]) -> Begun:
        """Send a platform's own fields to the login endpoint."""
        where = {"query_string": fields} if method.upper() == "GET" else {"data": fields}
        answer = self.ask(method, "/lti/login", **where)
        assert answer.status_code == 200, answer.text
        attributes = data_attributes(answer.text)
        return Begun(dict(parse_qsl(urlsplit(attributes["next"]).query)), answer.text, attributes)

    def open_login(self, address: str) -> Begun:
        """Follow a platform's link to the login endpoint."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{TOOL}/lti/login"
        return self.send_login("GET", dict(parse_qsl(parts.query)))

    def post(self, **form: str) -> TestResponse:
        return self.ask("POST", "/lti/launch", data=form)

    def launch(self, **claims: Any) -> TestResponse:
        """A whole launch, with claims changed or (``MISSING``) left out."""
        begun = self.login()
        return self.post(state=begun.state, id_token=self._stage.token(begun, claims))

    def session(self, page: str, binding: str | None = None) -> TestResponse:
        """What the launch page's script does."""
        code = data_attributes(page)["code"]
        return self.ask("POST", "/lti/session", json={"code": code, "binding": binding})

    def enter(self, launched: TestResponse) -> TestResponse:
        """Exchange a launch for a session and open the page that it leads to."""
        answer = self.session(launched.text)
        assert answer.status_code == 200, answer.text
        said = answer.get_json()
        return self.ask("GET", said["location"], headers={"Authorization": f"Bearer {said['token']}"})


MISSING = object()
"""As a claim's value: the claim is left out."""


@dataclass
class Stage:
    """Everything of one test module."""

    web: Any
    key: SigningKey
    keys: KeyServer
    database_file: Path
    application: Application | None = None

    def visitor(self, *, cookies: bool = True) -> Visitor:
        return Visitor(self, cookies=cookies)

    def claims(self, begun: Begun) -> dict[str, Any]:
        """Claims of a course navigation launch as Canvas makes them."""
        now = int(time.time())
        return {
            "iss": ISSUER,
            "aud": begun.asked["client_id"],
            "azp": begun.asked["client_id"],
            "sub": "535fa085-f2b4-4655-a8d6-59c6b6b3c0f0",
            "iat": now,
            "exp": now + 3600,
            "nonce": begun.asked["nonce"],
            "name": "Rosa Okafor",
            "locale": "en",
            CLAIM + "message_type": "LtiResourceLinkRequest",
            CLAIM + "version": "1.3.0",
            CLAIM + "deployment_id": DEPLOYMENT,
            CLAIM + "target_link_uri": f"{TOOL}/lti/launch",
            CLAIM + "resource_link": {"id": "opaque-course", "title": "Writing"},
            CLAIM + "context": {"id": "opaque-course", "label": "WRIT", "title": "Writing"},
            CLAIM + "roles": [INSTRUCTOR],
            CLAIM + "launch_presentation": {"return_url": f"{CANVAS}/courses/{COURSE}"},
            "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
                "scope": [],
                "lineitems": f"{CANVAS}/api/lti/courses/{COURSE}/line_items",
            },
            CLAIM + "custom": {
                "canvas_course_id": COURSE,
                "canvas_user_id": USER,
                "canvas_api_base": CANVAS,
                "time_zone": "$Person.address.timezone",
            },
        }

    def token(self, begun: Begun, changes: Mapping[str, Any] | None = None) -> str:
        """A signed token; names of LTI's own claims may be given without their prefix."""
        return self.key.sign(changed(self.claims(begun), changes or {}))


def changed(claims: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Claims with some replaced or left out."""
    made = dict(claims)
    for name, value in changes.items():
        full = name if name in claims or CLAIM + name not in claims else CLAIM + name
        if value is MISSING:
            del made[full]
        else:
            made[full] = value
    return made


def data_attributes(page: str) -> dict[str, str]:
    """The data attributes on a page of the launch."""
    return {name: html.unescape(value) for name, value in re.findall(r'data-([a-z-]+)="([^"]*)"', page)}


def words(page: str) -> str:
    """A page's text, tags left out and white space folded."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def registration(keys: KeyServer, client_id: str, deployment: str, address: str = "good") -> dict[str, Any]:
    return {
        "client_id": client_id,
        "auth_login_url": "https://sso.canvaslms.com/api/lti/authorize_redirect",
        "auth_token_url": f"{CANVAS}/login/oauth2/token",
        "key_set_url": f"{keys.url}/{address}",
        "deployment_ids": [deployment],
        "canvas_origin": CANVAS,
    }


@contextmanager
def stage(
    folder: Path, *, platforms: Callable[[KeyServer], dict[str, list[Any]]] = lambda _: {}
) -> Iterator[Stage]:
    """The tool with two registrations of one issuer, one for each bad key set, and more ``platforms``."""
    key = SigningKey("key-one")
    with key_server(key) as keys, pytest.MonkeyPatch.context() as patch:
        patch.setattr("lti_tool.lti.key_sets.KeySets", partial(KeySets, total_s=TOTAL_S))
        registrations = [
            registration(keys, CLIENT, DEPLOYMENT),
            registration(keys, OTHER_CLIENT, OTHER_DEPLOYMENT),
            *(registration(keys, f"client-{name}", DEPLOYMENT, name) for name in HOSTILE),
        ]
        more = platforms(keys)
        settings = Settings(
            instance=folder,
            public_url=TOOL,
            allow_http_loopback=True,
            launches_per_minute=0,
            platforms=more | {ISSUER: registrations + more.get(ISSUER, [])},
        )
        upgrade_database(settings)
        application = build_application(settings)
        try:
            yield Stage(build_web(application), key, keys, folder / "allocator.sqlite3", application)
        finally:
            application.close()
