"""LTI Dynamic Registration as a use case: an invited administrator registers the tool in one Canvas.

Before the invitation is found good nothing is fetched, so that strangers cannot make the tool fetch. It is
spent when the platform is asked, and put back when that came to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import structlog

from allocation.sentences import N_
from lti_tool.lti.developer_key import developer_key, tool_registration
from lti_tool.lti.dynamic_registration import (
    PlatformConfiguration,
    PlatformRefused,
    canvas_of,
    read_configuration,
    register_tool,
)
from lti_tool.lti.registration import Registration
from lti_tool.outgoing import Reach
from lti_tool.services.errors import ServiceError
from lti_tool.services.invitations import Invitations
from lti_tool.services.registrations import KnownRegistrations, RegistrationRefused

log = structlog.get_logger(__name__)


class NotInvited(ServiceError):
    """The registration address was opened without a code that is still good."""


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """What Canvas puts into the registration address, beside our code."""

    code: str = field(repr=False)
    configuration_url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the administrator is asked to confirm."""

    configuration: PlatformConfiguration
    canvas: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Registered:
    """A new registration, and the address that opens its administration.

    The code stands after the sign ``#``: that part is sent to no server, and gets into no log.
    """

    registration: Registration
    setup_address: str = field(repr=False)


class Registering:
    """The use case. ``public_url`` is where browsers find the tool."""

    def __init__(
        self,
        registrations: KnownRegistrations,
        invitations: Invitations,
        reach: Reach,
        public_url: str,
        *,
        allow_http_loopback: bool,
    ) -> None:
        self._registrations = registrations
        self._invitations = invitations
        self._reach = reach
        self._public_url = public_url
        self._allow_http_loopback = allow_http_loopback

    def developer_key(self) -> dict[str, object]:
        """The JSON to paste into a developer key, where Canvas is set up by hand."""
        return developer_key(self._public_url)

    def look(self, request: RegistrationRequest) -> Offer:
        """What would be registered.

        Raises:
            NotInvited: the code is missing, spent or over.
            RegistrationRefused: the platform's configuration is missing or cannot be used.
        """
        invitation = self._invitations.find(request.code)
        if invitation is None:
            raise _not_invited()
        if not request.configuration_url:
            raise RegistrationRefused(
                N_(
                    "This address is for Canvas: paste it there under Admin, Apps, Manage, Install a New "
                    "App; in an older Canvas under Admin, Developer Keys, + Developer Key, LTI Registration. "
                    "Nothing was registered, and the address stays good."
                )
            )
        try:
            configuration = read_configuration(
                request.configuration_url,
                request.token,
                self._reach,
                allow_http_loopback=self._allow_http_loopback,
            )
            canvas = canvas_of(configuration, request.configuration_url)
        except PlatformRefused as error:
            raise _refused(error) from error
        return Offer(configuration, canvas, invitation.expires_at)

    def register(self, request: RegistrationRequest, note: str = "dynamic registration") -> Registered:
        """Register the tool in the platform, and the platform here.

        Raises:
            NotInvited, RegistrationRefused: as ``look``; also when the platform does not take it.
        """
        offer = self.look(request)
        spent = self._invitations.spend(request.code)
        if spent is None:
            raise _not_invited()
        done = False
        try:
            registration = self._register(offer, request.token, spent.invitation.note or note)
            done = True
        except PlatformRefused as error:
            raise _refused(error) from error
        finally:
            if not done:
                self._invitations.put_back(spent)
        code = self._invitations.to_administrate(registration, note)
        return Registered(registration, f"{self._public_url}/setup#{code}")

    def _register(self, offer: Offer, token: str, by: str) -> Registration:
        configuration = offer.configuration
        client_id, deployments = register_tool(
            configuration, token, tool_registration(self._public_url), self._reach
        )
        return self._registrations.add(
            {
                "issuer": configuration.issuer,
                "client_id": client_id,
                "auth_login_url": configuration.authorization_endpoint,
                "auth_token_url": configuration.token_endpoint,
                "key_set_url": configuration.jwks_uri,
                "canvas_origin": offer.canvas,
                "account_name": configuration.account_name,
                "deployment_ids": deployments,
                "adopts_deployments": True,
            },
            by=by,
        )


def _not_invited() -> NotInvited:
    return NotInvited(
        N_(
            "Registering needs a one-time code in the address, and this one has none, or one that was used "
            "or is over. Ask the people who run this tool for a new registration address."
        )
    )


def _refused(error: PlatformRefused) -> RegistrationRefused:
    log.warning("registration refused", reason=str(error))
    return RegistrationRefused(
        N_(
            "This Canvas could not be registered: %(reason)s. Nothing was stored, and the address stays "
            "good. Close this page in Canvas and begin again, or register by hand (docs/install.md)."
        ),
        reason=str(error),
    )
