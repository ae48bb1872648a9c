"""LTI Dynamic Registration 1.0, the tool's half: read a platform's configuration, send ours, read the answer.

Whoever opens the registration address names the platform's configuration, so nothing in it is believed by
itself. The institution's Canvas is the address to which people's tokens are sent later; it is taken from the
configuration only where the configuration comes from a host that may speak for it (who could name somebody
else's Canvas would sign launches for its people, and act with their stored access):

* hosted Canvas: the document lies on the shared host or its sign-in host, and names the account's host in the
  registration address (instructure/canvas-lms, app/controllers/security_controller.rb) or, in newer versions,
  as ``account_domain``;
* an own Canvas: document and registration address are on one host, and that host is the Canvas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lti_tool.lti.developer_key import CANVAS_EXTENSION, TOOL_CONFIGURATION
from lti_tool.lti.environments import is_shared, speaks_for_hosted
from lti_tool.lti.registration import Address, origin_of
from lti_tool.outgoing import DocumentUnavailable, Reach, exchange_json

PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
LONGEST_TOKEN = 16 * 1024
LONGEST_NAME = 200


class PlatformRefused(Exception):
    """The platform cannot be registered; the text says why, without anything secret."""


class _Details(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    product_family_code: str = ""
    account_name: Annotated[str, Field(alias=f"{CANVAS_EXTENSION}account_name")] = ""
    account_domain: Annotated[str, Field(alias=f"{CANVAS_EXTENSION}account_domain")] = ""


class PlatformConfiguration(BaseModel):
    """A platform's OpenID configuration, as far as it matters here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: Annotated[str, Field(min_length=1, max_length=255)]
    authorization_endpoint: Address
    registration_endpoint: Address
    jwks_uri: Address
    token_endpoint: Address
    details: Annotated[
        _Details, Field(alias="https://purl.imsglobal.org/spec/lti-platform-configuration")
    ] = _Details()

    @property
    def account_name(self) -> str:
        """The institution in its own words, to be shown."""
        return self.details.account_name[:LONGEST_NAME]


class _Address(BaseModel):
    url: Address


def read_configuration(
    url: str, token: str, reach: Reach, *, allow_http_loopback: bool
) -> PlatformConfiguration:
    """Fetch and check a platform's configuration; ``token`` is its registration token, if it gave one.

    Raises:
        PlatformRefused: the address may not be asked, nothing usable came, or it names unusable addresses.
    """
    context = {"allow_http_loopback": allow_http_loopback}
    if len(token) > LONGEST_TOKEN or not token.isprintable() or not token.isascii():
        raise PlatformRefused("the registration token is none")
    try:
        _Address.model_validate({"url": url}, context=context)
        document = exchange_json(url, reach, headers=_bearer(token)).content
        return PlatformConfiguration.model_validate(document, context=context)
    except DocumentUnavailable as error:
        raise PlatformRefused(f"its configuration cannot be read: {error}") from error
    except ValidationError as error:
        named = {".".join(str(part) for part in item["loc"]): item["msg"] for item in error.errors()}
        what = "; ".join(f"{place}: {words}" for place, words in list(named.items())[:5])
        raise PlatformRefused(f"its configuration cannot be used ({what})") from error


def canvas_of(configuration: PlatformConfiguration, url: str) -> str:
    """The origin of the institution's Canvas; ``url`` is where the configuration was read.

    Raises:
        PlatformRefused: the document may not speak for it, or names only hosts that institutions share.
    """
    endpoint = configuration.registration_endpoint
    hosted = speaks_for_hosted(url, configuration.issuer)
    if not hosted and origin_of(url) != origin_of(endpoint):
        raise PlatformRefused(
            f"the configuration at {urlsplit(url).hostname} may not speak for {configuration.issuer}"
        )
    domain = configuration.details.account_domain
    if domain and hosted:
        named = f"{urlsplit(endpoint).scheme}://{domain}"
        if urlsplit(named).netloc == domain and not is_shared(named):
            return origin_of(named)
    if is_shared(endpoint):
        raise PlatformRefused("the configuration does not say which institution it is for")
    return origin_of(endpoint)


def register_tool(
    configuration: PlatformConfiguration,
    token: str,
    registration: dict[str, Any],
    reach: Reach,
    *,
    exchange: Callable[..., Any] = exchange_json,
) -> tuple[str, tuple[str, ...]]:
    """Send the tool's registration; gives the client id, and the deployment if the platform made one already.

    Raises:
        PlatformRefused: the platform did not take it, or its answer names no client id.
    """
    try:
        answer = exchange(
            configuration.registration_endpoint,
            reach,
            method="POST",
            body=registration,
            headers=_bearer(token),
            total_s=20.0,
        ).content
    except DocumentUnavailable as error:
        raise PlatformRefused(f"it did not take the registration: {error}") from error
    client_id = _text(answer, "client_id")
    if not client_id or len(client_id) > 255:
        raise PlatformRefused("its answer names no client id")
    tool = answer.get(TOOL_CONFIGURATION)
    deployment = _text(tool, "deployment_id")
    return client_id, (deployment,) if 0 < len(deployment) <= 255 else ()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _text(answer: Any, name: str) -> str:
    """A member of a JSON object as text; ids come as numbers too."""
    value = answer.get(name) if isinstance(answer, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
