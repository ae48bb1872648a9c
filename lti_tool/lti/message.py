"""The library's part of a launch: deployment and message checks of pylti1p3next, over our registrations.

The seam is its ``ToolConfAbstract``. Signature, nonce and state are not left to it (see the package's
docstring); what it is given is already verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pylti1p3.cookie import CookieService
from pylti1p3.deployment import Deployment
from pylti1p3.exception import LtiException
from pylti1p3.message_launch import MessageLaunch, TLaunchData
from pylti1p3.registration import Registration as LibraryRegistration
from pylti1p3.request import Request
from pylti1p3.session import SessionService
from pylti1p3.tool_config.abstract import ToolConfAbstract

from lti_tool.lti.context import CLAIM
from lti_tool.lti.errors import LaunchRefused, Refusal
from lti_tool.lti.registration import RegistrationBook, origin_of


class ToolConfiguration(ToolConfAbstract[Any]):
    """Our registrations as the library asks for them; always in the form of many clients per issuer."""

    def __init__(self, registrations: RegistrationBook) -> None:
        super().__init__()
        self._registrations = registrations

    def check_iss_has_one_client(self, iss: str) -> bool:  # noqa: ARG002 - signature of the library
        """Never: with hosted Canvas every institution has the same issuer."""
        return False

    def check_iss_has_many_clients(self, iss: str) -> bool:  # noqa: ARG002 - signature of the library
        """Always."""
        return True

    def find_registration_by_issuer(self, iss: str, *args: Any, **kwargs: Any) -> LibraryRegistration:
        """Not used by the many-clients form."""
        raise NotImplementedError

    def find_registration_by_params(
        self,
        iss: str,
        client_id: str,
        *args: Any,  # noqa: ARG002 - signature of the library
        **kwargs: Any,  # noqa: ARG002 - signature of the library
    ) -> LibraryRegistration:
        """The registration in the library's own type."""
        found = self._registrations.find(iss, client_id)
        if found is None:
            raise LtiException(f"no registration of {iss}")
        registration = (
            LibraryRegistration()
            .set_issuer(found.issuer)
            .set_client_id(found.client_id)
            .set_auth_login_url(found.auth_login_url)
            .set_auth_token_url(found.auth_token_url)
            .set_key_set_url(found.key_set_url)
        )
        return registration.set_auth_audience(found.auth_audience) if found.auth_audience else registration

    def find_deployment(self, iss: str, deployment_id: str) -> Deployment | None:
        """Not used by the many-clients form."""
        raise NotImplementedError

    def find_deployment_by_params(
        self,
        iss: str,
        deployment_id: str,
        client_id: str,
        *args: Any,  # noqa: ARG002 - signature of the library
        **kwargs: Any,  # noqa: ARG002 - signature of the library
    ) -> Deployment | None:
        """The deployment, if the registration accepts it."""
        found = self._registrations.find(iss, client_id)
        if found is None or not found.accepts(deployment_id):
            return None
        return Deployment().set_deployment_id(deployment_id)


class _NoRequest(Request):
    """The library reads nothing from the browser's request: everything is handed to it."""

    @property
    def session(self) -> dict[str, Any]:
        return {}

    def is_secure(self) -> bool:
        return True

    def get_param(self, key: str) -> str:  # noqa: ARG002 - signature of the library
        return ""


class _NoCookies(CookieService):
    """The library sets no cookie."""

    def get_cookie(self, name: str) -> str | None:  # noqa: ARG002 - signature of the library
        return None

    def set_cookie(self, name: str, value: str | int, exp: int | None = 3600) -> None:
        """Nothing."""


class _CheckedLaunch(MessageLaunch[Any, ToolConfiguration, Any, Any]):
    """A launch whose token we verified; the library checks deployment and message."""

    def _get_request_param(self, key: str) -> str:  # noqa: ARG002 - signature of the library
        return ""


def check_message(claims: Mapping[str, Any], registrations: RegistrationBook, launch_url: str) -> None:
    """Check deployment, message type, version, user, roles, resource link and target_link_uri.

    ``launch_url`` is ours: a launch for another tool's address was not meant for us.

    Raises:
        LaunchRefused: one of them is missing or wrong.
    """
    request = _NoRequest()
    launch = _CheckedLaunch(
        request,
        ToolConfiguration(registrations),
        session_service=SessionService(request),
        cookie_service=_NoCookies(),
    )
    launch.set_auto_validation(False)  # it would check state and nonce, which are spent already
    launch.set_jwt({"header": {}, "body": cast(TLaunchData, dict(claims))})
    try:
        launch.validate_registration()
        if not isinstance(claims.get(f"{CLAIM}deployment_id"), str):
            raise LaunchRefused(Refusal.UNKNOWN_DEPLOYMENT, "no deployment")
        launch.validate_deployment()
    except LtiException as error:
        raise LaunchRefused(Refusal.UNKNOWN_DEPLOYMENT, str(error)[:200]) from None
    if not isinstance(claims.get("sub"), str):
        raise LaunchRefused(Refusal.CLAIMS_REFUSED, "no user (sub)")
    if claims.get(f"{CLAIM}message_type") == "LtiDeepLinkingRequest":  # editor button, module item picker
        raise LaunchRefused(Refusal.NOT_FROM_A_COURSE, "an LtiDeepLinkingRequest")
    if claims.get(f"{CLAIM}message_type") != "LtiResourceLinkRequest":
        raise LaunchRefused(Refusal.CLAIMS_REFUSED, "not an LtiResourceLinkRequest")
    link = claims.get(f"{CLAIM}resource_link")
    if not isinstance(link, dict) or not isinstance(link.get("id"), str):
        raise LaunchRefused(Refusal.CLAIMS_REFUSED, "no resource link, or its id is no text")
    target = claims.get(f"{CLAIM}target_link_uri")
    if not isinstance(target, str) or _origin(target) != origin_of(launch_url):
        raise LaunchRefused(Refusal.CLAIMS_REFUSED, "target_link_uri is missing or not ours")
    try:
        launch.validate_message()
    except LtiException as error:
        raise LaunchRefused(Refusal.CLAIMS_REFUSED, str(error)[:200]) from None


def _origin(address: str) -> str | None:
    try:
        return origin_of(address)
    except ValueError:
        return None
