"""Connecting a person to the simulated Canvas: out and back, refused, replayed, by others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask import Flask

from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.canvas.errors import AccessLost
from lti_tool.canvas.oauth import CanvasOAuth, OAuthKey
from lti_tool.canvas.transport import Limits
from lti_tool.persistence.base import Base
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.encryption import SecretBox, new_key
from lti_tool.persistence.identities import IdentityRows
from lti_tool.persistence.tokens import ConnectAttempts, TokenKind, TokenRows
from lti_tool.planning.ids import CanvasOrigin, UserId
from lti_tool.planning.signed_person import SignedPerson
from lti_tool.services.connecting import (
    ActingAsAnother,
    AttemptOver,
    Connecting,
    ConsentRefused,
    ExchangeWaits,
    KeyProblem,
    StartedConnect,
    WrongBrowser,
)
from lti_tool.services.errors import ConnectFailed
from lti_tool.services.identities import CourseUnconfirmed, Identities, OtherPerson
from lti_tool.services.page_places import CanvasBusy
from lti_tool.services.tokens import Tokens
from lti_tool.simulator.app import create_simulator
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.oauth import OAuthProvider
from lti_tool.simulator.pages.context import EXTENSION
from lti_tool.simulator.state import CanvasState, Course, DeveloperKey
from tests.integration.canvas.servers import serving, transport_to

ISSUER = "https://canvas.instructure.com"
BACK = "https://tool.example/connect/callback"
SECRET = "the-secret-of-the-developer-key"


@dataclass
class Scene:
    """The simulated Canvas, the tool's side of connecting, and a clock for it."""

    state: CanvasState
    app: Flask
    canvas: CanvasOrigin
    connecting: Connecting
    tokens: Tokens
    identities: IdentityRows
    clock: list[datetime]
    folder: Path

    @property
    def provider(self) -> OAuthProvider:
        parts = self.app.extensions[EXTENSION]
        found: OAuthProvider = parts.oauth
        return found

    def person(self, login: str) -> UserId:
        return UserId(next(user.id for user in self.state.users.values() if user.login == login))

    @property
    def course(self) -> Course:
        return next(iter(self.state.courses.values()))

    def signed(self, login: str) -> SignedPerson:
        """The person as a launch from the course signs them."""
        user = self.state.users[self.person(login)]
        return SignedPerson(
            ISSUER,
            "1",
            self.canvas,
            user.lti_id,
            self.course.lti_context_id,
            legacy_subject=user.lti_context_id,
        )

    def confirmed(self, login: str) -> UserId | None:
        """Who the tool takes this person's launches for."""
        signed = self.signed(login)
        return self.identities.person(signed.issuer, signed.client_id, signed.subject, self.canvas)

    def says_yes(
        self, started: StartedConnect, login: str = "teacher", acted_by: str | None = None
    ) -> dict[str, str]:
        """What comes back through the browser when this person authorises."""
        asked = self.provider.read_request(dict(parse_qsl(urlsplit(started.authorise_url).query)))
        self.provider.check(asked)
        real = self.state.users[self.person(acted_by)] if acted_by else None
        address = self.provider.issue_code(asked, self.state.users[self.person(login)], real)
        return dict(parse_qsl(urlsplit(address).query))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    state = build_state(5, kinds=["small"])
    key = DeveloperKey(
        "10000000000007", SECRET, "Allocator", "api", [BACK], list(ALL_SCOPES), require_scopes=True
    )
    state.add_key(key)
    apps: list[Flask] = []

    def app_of(origin: CanvasOrigin) -> Flask:
        apps.append(create_simulator(state, base_url=origin))
        return apps[0]

    database = Database(make_engine(f"sqlite:///{tmp_path / 'connect.sqlite3'}"))
    Base.metadata.create_all(database.engine)
    box, clock = SecretBox([new_key()]), [datetime.now(UTC)]
    with serving(app_of) as origin, transport_to(origin, Limits()) as transport:
        oauth = CanvasOAuth(transport, OAuthKey(key.client_id, SECRET), BACK, sleep=lambda _s: None)
        registered: Callable[[CanvasOrigin], CanvasOAuth | None] = {origin: oauth}.get
        tokens = Tokens(TokenRows(database, box), registered)
        connecting = Connecting(
            ConnectAttempts(database, box),
            tokens,
            registered,
            {origin: transport}.__getitem__,
            Identities(IdentityRows(database), no_stored_token, lambda: clock[0]),
            now=lambda: clock[0],
        )
        yield Scene(state, apps[0], origin, connecting, tokens, IdentityRows(database), clock, tmp_path)
    database.dispose()


def no_stored_token(canvas: CanvasOrigin, user: UserId) -> CanvasClient:
    raise AssertionError("a connection is confirmed with the new token alone")


def start(scene: Scene, **changes: str) -> StartedConnect:
    return scene.connecting.start(replace(scene.signed("teacher"), **changes), "/app/home")  # type: ignore[arg-type]  # all of its fields are text


def test_the_consent_address_carries_state_challenge_and_our_scopes_in_one_parameter(scene: Scene) -> None:
    query = parse_qs(urlsplit(start(scene).authorise_url).query)
    assert query["response_type"] == ["code"]
    assert query["redirect_uri"] == [BACK]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    assert len(query["state"][0]) >= 43
    assert query["scope"] == [" ".join(ALL_SCOPES)]
    assert start(scene).authorise_url != start(scene).authorise_url


def test_a_person_connects_and_the_token_works(scene: Scene) -> None:
    started = start(scene)
    connected = scene.connecting.finish(scene.says_yes(started), started.browser_secret)
    assert connected.return_to == "/app/home"
    teacher = scene.person("teacher")
    assert connected.user_id == teacher
    status = scene.connecting.status(scene.canvas, teacher)
    assert status.usable
    assert status.kind is TokenKind.OAUTH
    token = scene.tokens.access_token(scene.canvas, teacher)
    grant = scene.state.find_grant(token)
    assert grant is not None
    assert grant.user_id == teacher
    renewed = scene.tokens.renew(scene.canvas, teacher, token)
    assert scene.state.find_grant(token) is None
    assert scene.state.find_grant(renewed) is grant


def test_connecting_again_leaves_one_living_grant(scene: Scene) -> None:
    for _ in range(2):
        started = start(scene)
        scene.connecting.finish(scene.says_yes(started), started.browser_secret)
    assert [grant.revoked for grant in scene.state.grants.values()] == [True, False]


def test_disconnecting_ends_the_grant_in_canvas(scene: Scene) -> None:
    started = start(scene)
    scene.connecting.finish(scene.says_yes(started), started.browser_secret)
    assert scene.connecting.disconnect(scene.canvas, scene.person("teacher"))
    assert [grant.revoked for grant in scene.state.grants.values()] == [True]
    assert not scene.connecting.status(scene.canvas, scene.person("teacher")).usable


def test_an_answer_is_taken_once(scene: Scene) -> None:
    started = start(scene)
    query = scene.says_yes(started)
    scene.connecting.finish(query, started.browser_secret)
    with pytest.raises(AttemptOver, match="choose Connect again"):
        scene.connecting.finish(query, started.browser_secret)


def test_an_answer_after_ten_minutes_is_too_late(scene: Scene) -> None:
    started = start(scene)
    scene.clock[0] += timedelta(minutes=11)
    with pytest.raises(AttemptOver):
        scene.connecting.finish(scene.says_yes(started), started.browser_secret)


@pytest.mark.parametrize("change", [{"state": "invented"}, {"state": ""}])
def test_an_unknown_state_is_refused_without_asking_canvas(scene: Scene, change: dict[str, str]) -> None:
    started = start(scene)
    with pytest.raises(AttemptOver):
        scene.connecting.finish(scene.says_yes(started) | change, started.browser_secret)
    assert scene.state.received() == []


@pytest.mark.parametrize("secret", [None, "", "another browser's"])
def test_another_browser_cannot_finish_and_spends_the_attempt(scene: Scene, secret: str | None) -> None:
    started = start(scene)
    query = scene.says_yes(started)
    with pytest.raises(WrongBrowser):
        scene.connecting.finish(query, secret)
    with pytest.raises(AttemptOver):
        scene.connecting.finish(query, started.browser_secret)
    assert scene.state.grants == {}


def test_somebody_else_who_authorises_gets_nothing_stored_and_the_grant_ended(scene: Scene) -> None:
    started = start(scene)
    with pytest.raises(OtherPerson, match="Log in to Canvas as yourself"):
        scene.connecting.finish(scene.says_yes(started, "ta"), started.browser_secret)
    assert [grant.revoked for grant in scene.state.grants.values()] == [True]
    for login in ("teacher", "ta"):
        assert not scene.connecting.status(scene.canvas, scene.person(login)).usable


@pytest.mark.parametrize("claimed", ["", "ta"])
def test_a_lying_launch_never_gets_the_access_of_the_person_it_names(scene: Scene, claimed: str) -> None:
    """A teacher lures the assistant into consenting in the window that the teacher's launch began."""
    started = start(scene, claimed_user_id=scene.person(claimed) if claimed else "")
    with pytest.raises(OtherPerson):
        scene.connecting.finish(scene.says_yes(started, "ta"), started.browser_secret)
    assert (scene.confirmed("teacher"), scene.confirmed("ta")) == (None, None)
    assert [grant.revoked for grant in scene.state.grants.values()] == [True]


def test_a_launch_that_claims_to_be_somebody_else_connects_nobody(scene: Scene) -> None:
    started = start(scene, claimed_user_id=scene.person("ta"))
    with pytest.raises(OtherPerson):
        scene.connecting.finish(scene.says_yes(started), started.browser_secret)
    assert scene.confirmed("teacher") is None


@pytest.mark.parametrize(
    ("knows", "legacy"), [(True, True), (True, False), (False, True)], ids=["both", "new id", "old id"]
)
def test_canvas_confirms_by_either_of_the_signed_ids(scene: Scene, knows: bool, legacy: bool) -> None:
    scene.state.habits = replace(scene.state.habits, knows_lti_1_3_id=knows)
    started = start(scene) if legacy else start(scene, legacy_subject="")
    scene.connecting.finish(scene.says_yes(started), started.browser_secret)
    assert scene.confirmed("teacher") == scene.person("teacher")


def test_a_person_whom_canvas_does_not_confirm_is_not_connected(scene: Scene) -> None:
    started = start(scene, subject="no such id", legacy_subject="neither")
    with pytest.raises(OtherPerson):
        scene.connecting.finish(scene.says_yes(started), started.browser_secret)
    assert not scene.connecting.status(scene.canvas, scene.person("teacher")).usable


@pytest.mark.parametrize("change", [{"context_id": "another"}, {"course_id": "999"}])
def test_a_course_that_canvas_does_not_confirm_is_not_connected(scene: Scene, change: dict[str, str]) -> None:
    started = start(scene, **change)
    with pytest.raises(CourseUnconfirmed, match="Nothing was stored"):
        scene.connecting.finish(scene.says_yes(started), started.browser_secret)
    assert [grant.revoked for grant in scene.state.grants.values()] == [True]


def test_acting_as_another_user_stores_nothing_and_keeps_the_person_connected(scene: Scene) -> None:
    """Canvas names the administrator as ``real_user``; the token would have been the teacher's."""
    own = start(scene)
    scene.connecting.finish(scene.says_yes(own), own.browser_secret)
    token = scene.tokens.access_token(scene.canvas, scene.person("teacher"))
    acted = start(scene)
    with pytest.raises(ActingAsAnother, match="Stop acting as user"):
        scene.connecting.finish(scene.says_yes(acted, acted_by="admin"), acted.browser_secret)
    assert scene.tokens.access_token(scene.canvas, scene.person("teacher")) == token
    assert [grant.revoked for grant in scene.state.grants.values()] == [False, True]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("access_denied", ConsentRefused),
        ("invalid_scope", KeyProblem),
        ("unauthorized_client", KeyProblem),
        ("something_new", ConnectFailed),
    ],
)
def test_canvas_says_no_by_redirect(scene: Scene, error: str, kind: type[ConnectFailed]) -> None:
    started = start(scene)
    state = scene.says_yes(started)["state"]
    answer = {"error": error, "error_description": "<script>", "state": state}
    with pytest.raises(kind) as caught:
        scene.connecting.finish(answer, started.browser_secret)
    assert type(caught.value) is kind
    assert "script" not in str(caught.value)


def test_a_code_that_canvas_does_not_know(scene: Scene) -> None:
    started = start(scene)
    with pytest.raises(AttemptOver, match="invalid_grant"):
        scene.connecting.finish(scene.says_yes(started) | {"code": "forged"}, started.browser_secret)


def test_a_wrong_client_secret_is_the_administrators_matter(scene: Scene) -> None:
    scene.state.keys["10000000000007"].secret = "changed in Canvas"
    started = start(scene)
    with pytest.raises(KeyProblem, match="administrator"):
        scene.connecting.finish(scene.says_yes(started), started.browser_secret)


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example", "app", ""])
def test_the_way_back_stays_inside_the_tool(scene: Scene, path: str) -> None:
    with pytest.raises(ValueError, match="inside this tool"):
        scene.connecting.start(scene.signed("teacher"), path)


def test_a_canvas_without_a_developer_key_says_so(scene: Scene) -> None:
    with pytest.raises(KeyProblem, match="oauth_client_id"):
        start(scene, canvas=CanvasOrigin("https://other.example"))


def test_nothing_that_could_finish_an_attempt_is_stored_readable(scene: Scene) -> None:
    started = start(scene)
    query = scene.says_yes(started)
    content = b"".join(path.read_bytes() for path in scene.folder.iterdir())
    for secret in (query["state"], started.browser_secret, query["code"]):
        assert secret.encode() not in content
    assert started.browser_secret not in repr(started)


def test_a_personal_token_is_stored_for_the_person_it_belongs_to(scene: Scene) -> None:
    token = scene.state.make_personal_token(scene.person("ta")).token
    assert scene.connecting.connect_with_personal_token(scene.canvas, f" {token}\n") == scene.person("ta")
    assert scene.tokens.access_token(scene.canvas, scene.person("ta")) == token
    assert scene.connecting.status(scene.canvas, scene.person("ta")).usable


@pytest.mark.parametrize("token", ["made up", "", "zażółć", "a\r\nX-Evil: 1", "1~unknown"])
def test_what_is_no_token_is_not_stored(scene: Scene, token: str) -> None:
    with pytest.raises(AccessLost):
        scene.connecting.connect_with_personal_token(scene.canvas, token)


# --- a Canvas that asks to wait --------------------------------------------------------------------------


def test_eight_people_who_connect_within_seconds_all_get_connected(scene: Scene) -> None:
    """Each exchange costs a third of the bucket that all have in common: five of eight consents were lost."""
    under_way = [(started := start(scene), scene.says_yes(started)) for _ in range(8)]
    seconds = turns = 0
    longest = 0.0
    while under_way:
        waiting = []
        for started, answer in under_way:
            began = time.monotonic()
            try:
                scene.connecting.finish(answer, started.browser_secret)
            except ExchangeWaits:
                waiting.append((started, answer))
                turns += 1
            longest = max(longest, time.monotonic() - began)
        under_way = waiting
        scene.state.clock.advance(5.0)
        scene.clock[0] += timedelta(seconds=5)
        seconds += 5
        assert seconds < 300, "well within the ten minutes that a code lives"
    assert turns >= 5, "Canvas did refuse"
    assert longest < 2.0, "no thread of the server waits meanwhile"
    assert scene.connecting.status(scene.canvas, scene.person("teacher")).usable


def test_an_answer_that_waits_is_worth_nothing_in_another_browser(scene: Scene) -> None:
    started = start(scene)
    answer = scene.says_yes(started)
    scene.state.faults.plant(FaultKind.THROTTLED, path="/login/oauth2/token")
    with pytest.raises(ExchangeWaits):
        scene.connecting.finish(answer, started.browser_secret)
    with pytest.raises(WrongBrowser):
        scene.connecting.finish(answer, "another browser's")
    with pytest.raises(AttemptOver):
        scene.connecting.finish(answer, started.browser_secret)


def test_an_answer_that_waited_is_spent_by_the_exchange_and_ends_with_its_time(scene: Scene) -> None:
    started = start(scene)
    answer = scene.says_yes(started)
    scene.state.faults.plant(FaultKind.THROTTLED, path="/login/oauth2/token", times=2)
    for _ in range(2):
        with pytest.raises(ExchangeWaits):
            scene.connecting.finish(answer, started.browser_secret)
    scene.connecting.finish(answer, started.browser_secret)
    with pytest.raises(AttemptOver):
        scene.connecting.finish(answer, started.browser_secret)
    late = start(scene)
    answer = scene.says_yes(late)
    scene.state.faults.plant(FaultKind.THROTTLED, path="/login/oauth2/token")
    with pytest.raises(ExchangeWaits):
        scene.connecting.finish(answer, late.browser_secret)
    scene.clock[0] += timedelta(minutes=11)
    with pytest.raises(AttemptOver):
        scene.connecting.finish(answer, late.browser_secret)


def test_an_exchange_waits_where_too_many_pages_wait_for_this_canvas(scene: Scene) -> None:
    def full(_canvas: CanvasOrigin, _person: str) -> None:
        raise CanvasBusy("full")

    started = start(scene)
    answer = scene.says_yes(started)
    asked = len(scene.state.received())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.connecting, "_take_place", full)
        with pytest.raises(ExchangeWaits):
            scene.connecting.finish(answer, started.browser_secret)
    assert len(scene.state.received()) == asked
    scene.connecting.finish(answer, started.browser_secret)
