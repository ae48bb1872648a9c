"""Registrations: which platforms may launch the tool, and which Canvas belongs to each.

Written in PyLTI1p3's form (issuer -> list of registrations) with our own keys beside. One issuer serves many
institutions, so a registration is found by issuer and client id. Keys of that form which this tool does not
use are refused with the reason, so that nobody believes them to be in force.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)

from lti_tool.planning.ids import CanvasOrigin

_OWN_KEYS = (
    "the tool makes, seals and rotates its own keys and publishes them at /lti/jwks.json; leave this out"
)
NOT_SUPPORTED = {
    "key_set": "keys pasted here would end at the platform's next rotation; give key_set_url alone",
    "private_key_file": _OWN_KEYS,
    "public_key_file": _OWN_KEYS,
}
"""Keys of PyLTI1p3's form that are refused, and why."""


class LtiConfigError(ValueError):
    """The registrations cannot be used; the text lists every mistake, one a line."""


def _address(value: str, info: ValidationInfo) -> str:
    parts = urlsplit(value)
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise ValueError("must be a web address without user and password")
    if any(sign.isspace() or not sign.isprintable() or sign == "\\" for sign in value) or parts.fragment:
        raise ValueError("must be a web address without spaces, backslashes and #fragment")
    allow_http = bool(info.context and info.context.get("allow_http_loopback"))
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_http and _loopback(parts.hostname)):
        raise ValueError("must be https (http only for loopback addresses, where the settings allow it)")
    origin_of(value)
    return value


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(value: str, info: ValidationInfo) -> str:
    parts = urlsplit(_address(value, info))
    if parts.path.strip("/") or parts.query:
        raise ValueError("must be scheme, host and perhaps port, without a path")
    return origin_of(value)


def origin_of(address: str) -> str:
    """Scheme, lower-case host and non-default port of an absolute address.

    Raises:
        ValueError: the address has a port that is none, or brackets that do not match.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _some(values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    if not values and not info.data.get("adopts_deployments"):
        raise ValueError("must name at least one deployment, or adopts_deployments must be true")
    return values


def _distinct(values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return tuple(one for one in dict.fromkeys(values) if one != info.data.get("canvas_origin"))


Origin = Annotated[str, AfterValidator(_origin)]
Address = Annotated[str, AfterValidator(_address)]
Word = Annotated[str, Field(min_length=1)]


class Registration(BaseModel):
    """One registered platform: an LTI key of one issuer, and the Canvas that its courses live in.

    ``adopts_deployments``: any deployment of this key may launch; its id becomes known by its first launch.
    Right for a key that belongs to one institution, as each key does that its administrators made: Canvas
    lets nobody else install it. Wrong for a key that Canvas's vendor shares between institutions.
    ``default`` marks the registration of an issuer that answers logins without a client id;
    ``auth_audience`` is the audience of service tokens where it is not ``auth_token_url``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Word
    client_id: Word
    auth_login_url: Address
    auth_token_url: Address
    key_set_url: Address
    adopts_deployments: bool = False
    deployment_ids: Annotated[tuple[Word, ...], AfterValidator(_some), Field(validate_default=True)] = ()
    canvas_origin: Annotated[str, AfterValidator(_origin), AfterValidator(CanvasOrigin)]
    canvas_aliases: Annotated[tuple[Origin, ...], AfterValidator(_distinct)] = ()
    """Other addresses of the same Canvas, such as ``school.instructure.com`` beside an own domain. Pages
    there may frame the tool, launches may come from there, and consent is asked for there; tokens are only
    ever sent to ``canvas_origin``."""
    oauth_client_id: Word | None = None
    oauth_client_secret_env: Word | None = None
    auth_audience: Word | None = None
    default: bool = False
    account_name: str = ""
    """The institution in its own words; only shown."""

    @property
    def canvas(self) -> CanvasOrigin:
        """The Canvas, as the rest of the product names it."""
        return CanvasOrigin(self.canvas_origin)

    def accepts(self, deployment_id: str) -> bool:
        """Whether launches of this deployment may come in; ids are opaque and compared exactly."""
        return self.adopts_deployments or deployment_id in self.deployment_ids

    @property
    def platform_origins(self) -> tuple[str, ...]:
        """Origins whose pages may frame the tool: the Canvas alone, under all its addresses.

        The sign-in host is passed through inside the frame and its storage frame stands beside ours; neither
        is an ancestor.
        """
        return (self.canvas_origin, *self.canvas_aliases)


class RegistrationBook(Protocol):
    """Where launches look registrations up."""

    def find(self, issuer: str, client_id: str | None) -> Registration | None:
        """The registration of (issuer, client id), or the one that answers for the issuer without it."""
        ...

    def adopt(self, registration: Registration, deployment_id: str) -> None:
        """Remember a deployment that was met in a good launch of a registration that adopts them."""
        ...


def without_client_id(of_issuer: Sequence[Registration]) -> Registration | None:
    """Who answers a login that names no client id, which LTI leaves optional: the only registration of the
    issuer, or the one marked ``default``."""
    candidates = of_issuer if len(of_issuer) == 1 else [found for found in of_issuer if found.default]
    return candidates[0] if candidates else None


class Registrations:
    """Registrations of a file, found by issuer and client id."""

    def __init__(self, registrations: tuple[Registration, ...]) -> None:
        self._by_key = {(found.issuer, found.client_id): found for found in registrations}

    @classmethod
    def from_config(cls, platforms: Mapping[str, Any], *, allow_http_loopback: bool) -> Registrations:
        """Parse the ``platforms`` part of config.json.

        Raises:
            LtiConfigError: with every mistake, one a line.
        """
        found: list[Registration] = []
        mistakes: list[str] = []
        for issuer, entries in platforms.items():
            if issuer.startswith("_"):
                continue  # a comment
            if isinstance(entries, list) and not entries:
                mistakes.append(f"platforms.{issuer}: has no registration")
            for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
                registration, wrong = read_registration(issuer, entry, allow_http_loopback)
                mistakes += [f"platforms.{issuer}[{number}]{words}" for words in wrong]
                if registration is not None:
                    found.append(registration)
        mistakes += _contradictions(found)
        if mistakes:
            raise LtiConfigError("These registrations cannot be used:\n" + "\n".join(mistakes))
        return cls(tuple(found))

    def all(self) -> tuple[Registration, ...]:
        """Every registration, in the order of the file."""
        return tuple(self._by_key.values())

    def find(self, issuer: str, client_id: str | None) -> Registration | None:
        """The registration of (issuer, client id), or the one that answers for the issuer without it."""
        if client_id is not None:
            return self._by_key.get((issuer, client_id))
        return without_client_id([found for found in self._by_key.values() if found.issuer == issuer])


def read_registration(
    issuer: str, entry: Any, allow_http_loopback: bool
) -> tuple[Registration | None, list[str]]:
    """One registration, or what is wrong with it."""
    if not isinstance(entry, Mapping):
        return None, [": must be an object"]
    fields = {name: value for name, value in entry.items() if not name.startswith("_")}
    wrong = [f".{name}: {why}" for name, why in NOT_SUPPORTED.items() if name in fields]
    if "issuer" in fields:
        wrong.append(".issuer: is the name of the list, leave it out here")
    fields = {name: value for name, value in fields.items() if name not in NOT_SUPPORTED}
    try:
        registration = Registration.model_validate(
            fields | {"issuer": issuer}, context={"allow_http_loopback": allow_http_loopback}
        )
    except ValidationError as error:
        places = [(".".join(str(part) for part in item["loc"]), item["msg"]) for item in error.errors()]
        return None, wrong + [f".{place}: {words}" for place, words in places]
    return registration, wrong


def read_origin(address: str, allow_http_loopback: bool) -> tuple[str | None, str]:
    """The origin of a typed address, or what is wrong with it."""
    try:
        reader = TypeAdapter(Origin)
        return reader.validate_python(address, context={"allow_http_loopback": allow_http_loopback}), ""
    except ValidationError as error:
        return None, "; ".join(item["msg"] for item in error.errors())


def _contradictions(found: Iterable[Registration]) -> Iterator[str]:
    """What is wrong between registrations that are right by themselves."""
    registrations = list(found)
    for (issuer, client_id), times in Counter((one.issuer, one.client_id) for one in registrations).items():
        if times > 1:
            yield f"platforms.{issuer}: client {client_id} stands {times} times"
    for issuer, times in Counter(one.issuer for one in registrations if one.default).items():
        if times > 1:
            yield f"platforms.{issuer}: {times} registrations are marked default, one at most can be"
    owners: dict[str, str] = {}
    for one in registrations:
        for origin in one.platform_origins:
            if owners.setdefault(origin, one.canvas_origin) != one.canvas_origin:
                yield f"{origin}: belongs to two Canvases, {owners[origin]} and {one.canvas_origin}"
    api_keys: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for one in registrations:
        if bool(one.oauth_client_id) != bool(one.oauth_client_secret_env):
            where = f"platforms.{one.issuer}: client {one.client_id}"
            yield f"{where}: oauth_client_id and oauth_client_secret_env belong together"
        elif one.oauth_client_id:
            api_keys[one.canvas_origin].add((one.oauth_client_id, one.oauth_client_secret_env))
    for canvas, keys in api_keys.items():
        if len(keys) > 1:
            yield f"{canvas}: its registrations name different API keys (oauth_client_id); one Canvas has one"
