"""What stands beside a course's pages, without Canvas behind it: launch, registration, administration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint

from allocation.sentences import sentence
from lti_tool.canvas.endpoints import ALL_SCOPES, GROUPS
from lti_tool.lti.context import LaunchContext
from lti_tool.lti.dynamic_registration import PlatformConfiguration
from lti_tool.lti.errors import LaunchRefused, Refusal
from lti_tool.lti.launching import FinishedLaunch, StartedLogin
from lti_tool.lti.registration import Registration
from lti_tool.persistence.audit import AuditLine
from lti_tool.persistence.registrations import Invitation
from lti_tool.persistence.usage import Usage
from lti_tool.planning.ids import UserId
from lti_tool.services.administration import (
    AdministrationView,
    Administrator,
    AuditPage,
    KeyRefused,
    Period,
)
from lti_tool.services.doctor import Finding
from lti_tool.services.invitations import OpenInvitation
from lti_tool.services.open_sessions import OpenSession
from lti_tool.services.registering import NotInvited, Offer, Registered, RegistrationRequest
from lti_tool.services.registrations import RegistrationRefused
from lti_tool.web.launch import launch_blueprint
from lti_tool.web.register import register_blueprint
from tests.integration.web.course import CANVAS, COURSE, NOW, SESSIONS

REGISTRATION = Registration(
    issuer="https://canvas.instructure.com",
    client_id="10000000000001",
    auth_login_url="https://sso.canvaslms.com/api/lti/authorize_redirect",
    auth_token_url=f"{CANVAS}/login/oauth2/token",
    key_set_url=f"{CANVAS}/api/lti/security/jwks",
    adopts_deployments=True,
    canvas_origin=CANVAS,
    account_name="Example University",
)
CONFIGURATION = PlatformConfiguration.model_validate(
    {
        "issuer": REGISTRATION.issuer,
        "authorization_endpoint": REGISTRATION.auth_login_url,
        "registration_endpoint": f"{CANVAS}/api/lti/registrations",
        "jwks_uri": REGISTRATION.key_set_url,
        "token_endpoint": REGISTRATION.auth_token_url,
        "https://purl.imsglobal.org/spec/lti-platform-configuration": {
            "https://canvas.instructure.com/lti/account_name": "Example University"
        },
    }
)
ASKED = "?invitation=good&openid_configuration=https://canvas.example.edu/c&registration_token=t"
CONTEXT = LaunchContext(
    issuer=REGISTRATION.issuer, client_id=REGISTRATION.client_id, deployment_id="1:one", canvas_origin=CANVAS,
    user_id=UserId("1"), lti_user_id="x", user_name="Dr. Rosa Okafor",
    context_id="opaque-course", course_id=COURSE, course_name="c",
    roles=(), is_instructor=True, locale="en", time_zone="", high_contrast=False,
    post_message_token="", platform_origin=CANVAS,
)  # fmt: skip

OPEN = OpenSession("0123456789ab", CANVAS, COURSE, "1", "x", NOW, NOW, REGISTRATION.client_id)
INVITED = OpenInvitation(
    "ba9876543210", Invitation("", REGISTRATION.issuer, REGISTRATION.client_id, NOW, NOW)
)
LINES = (
    AuditLine("1", NOW, "page", "run_started", CANVAS, COURSE, "77", "1", "", "0123abcd", ""),
    AuditLine("2", NOW, "worker", "launched", CANVAS, COURSE, "", "1", "2", "", ""),
)


@dataclass
class Outside:
    """Answers for the pages outside a course; implements the cases of their blueprints."""

    key_id: str | None = None
    launched: bool = False
    all_well: bool = False

    # administration
    def administrator(self, token: str) -> Administrator | None:
        found = SESSIONS.get(token)
        if found is None or not found.is_instructor:
            return None
        return Administrator(self._registration(), found)  # type: ignore[arg-type]  # what pages need of it

    def view(self, who: Administrator) -> AdministrationView:
        return AdministrationView(
            registration=who.registration,
            api_key_id=self.key_id,
            may_store_key=self.key_id is None,
            in_file=False,
            key_name="Peer Review Allocator (API)",
            redirect_uri="https://tool.example.edu/connect/callback",
            scopes=tuple(
                (group, tuple((one.scope, ALL_SCOPES[one.scope]) for one in endpoints))
                for group, endpoints in GROUPS.items()
            ),
            usage=Usage(3, 2, 7, 5, 1204, NOW) if self.launched else Usage(0, 0, 0, 0, 0, None),
            sessions=(OPEN,) if self.launched else (),
            invitations=(INVITED,) if self.launched else (),
            events=LINES if self.launched else (),
            periods=(
                Period(sentence("Plans and runs are kept for"), sentence("%(hours)s hours", hours="8")),
            ),
            read_at=NOW,
            launched_at=NOW if self.launched else None,
        )

    def events(self, who: Administrator, *, event: str, user: str, course: str) -> AuditPage:
        return AuditPage(LINES if self.launched else (), event, user, course)

    def end_sessions(self, who: Administrator, *, id_: str = "", user: str = "") -> int:
        return 0

    def revoke_invitation(self, who: Administrator, id_: str) -> bool:
        return False

    def findings(self, who: Administrator) -> Sequence[Finding]:
        well = Finding(sentence("database"), True, sentence("%(kind)s answers", kind="sqlite"))
        ill = Finding(sentence("API key of %(canvas)s", canvas=CANVAS), False, sentence("they agree"))
        return (well,) if self.all_well else (well, ill)

    def store_api_key(self, who: Administrator, client_id: str, secret: str) -> object:
        raise KeyRefused(
            sentence("Nothing was stored: %(why)s.", why=sentence("Canvas does not know who they are"))
        )

    def add_alias(self, who: Administrator, address: str) -> None:
        raise RegistrationRefused(sentence("they agree"))

    def remove_alias(self, who: Administrator, address: str) -> None:
        self.add_alias(who, address)

    # registration
    def look(self, request: RegistrationRequest) -> Offer:
        if request.code != "good":
            raise NotInvited(sentence("Registering needs a one-time code in the address."))
        if not request.configuration_url:
            raise RegistrationRefused(sentence("they agree"))
        return Offer(CONFIGURATION, CANVAS, NOW)

    def register(self, request: RegistrationRequest) -> Registered:
        self.look(request)
        return Registered(self._registration(), "https://tool.example.edu/setup#0123456789abcdefghij")

    def developer_key(self) -> dict[str, object]:
        return {}

    # launch
    def start(self, values: Mapping[str, str]) -> StartedLogin:
        if "iss" not in values:
            raise LaunchRefused(Refusal.NOT_A_LAUNCH, "no issuer")
        return StartedLogin(f"{CANVAS}/authorise", "0123456789ab", "mark", None, CANVAS, REGISTRATION)

    def finish(self, form: Mapping[str, str], cookie: Callable[[str], str | None]) -> FinishedLaunch:
        if form.get("state") not in ("course", "no-course"):
            raise LaunchRefused(Refusal.LAUNCH_OVER, "no state")
        context = CONTEXT if form["state"] == "course" else replace(CONTEXT, course_id="", user_id=UserId(""))
        return FinishedLaunch("code", "0123456789ab", True, None, CANVAS, context)

    def redeem(self, code: str, binding: str | None) -> LaunchContext:
        raise LaunchRefused(Refusal.LAUNCH_OVER, "used")

    def public_set(self) -> dict[str, object]:
        return {"keys": []}

    def blueprints(self) -> tuple[Blueprint, Blueprint]:
        cases: Any = self
        return launch_blueprint(cases, cases, cases), register_blueprint(self)

    def _registration(self) -> Registration:
        known = ("1:one",) if self.launched else ()
        return REGISTRATION.model_copy(update={"deployment_ids": known})
