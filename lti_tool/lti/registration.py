"""Registrations: which platforms may launch the tool, and which Canvas belongs to each.

Written in PyLTI1p3's form (issuer -> list of registrations) with our own keys beside. One issuer serves many
institutions, so a registration is found by issuer and client id.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from lti_tool.planning.ids import CanvasOrigin


class LtiConfigError(ValueError):
    """The registrations cannot be used; the text lists every mistake, one a line."""


def _address(value: str, info: ValidationInfo) -> str:
    parts = urlsplit(value)
    if not parts.hostname or parts.username or parts.password:
        raise ValueError("must be a web address without user and password")
    allow_http = bool(info.context and info.context.get("allow_http_loopback"))
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_http and _loopback(parts.hostname)):
        raise ValueError("must be https (http only for loopback addresses, where the settings allow it)")
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
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be scheme, host and perhaps port, without a path")
    return origin_of(value)


def origin_of(address: str) -> str:
    """Scheme, lower-case host and non-default port of an absolute address."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


Address = Annotated[str, AfterValidator(_address)]


class Registration(BaseModel):
    """One registered platform: an LTI key of one issuer, and the Canvas that its courses live in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1)
    client_id: str = Field(min_length=1)
    auth_login_url: Address
    auth_token_url: Address
    key_set_url: Address
    deployment_ids: tuple[str, ...] = Field(min_length=1)
    canvas_origin: Annotated[str, AfterValidator(_origin), AfterValidator(CanvasOrigin)]
    oauth_client_id: str | None = None
    oauth_client_secret_env: str | None = None
    auth_audience: str | None = None
    default: bool = False

    @property
    def canvas(self) -> CanvasOrigin:
        """The Canvas, as the rest of the product names it."""
        return CanvasOrigin(self.canvas_origin)

    @property
    def platform_origins(self) -> tuple[str, ...]:
        """Origins whose pages may frame the tool: the Canvas, and the issuer's and sign-in hosts."""
        return tuple(dict.fromkeys((self.canvas_origin, origin_of(self.auth_login_url))))


class Registrations:
    """All registrations, found by issuer and client id."""

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
            for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
                where = f"platforms.{issuer}[{number}]"
                try:
                    found.append(
                        Registration.model_validate(
                            {**_without_comments(entry), "issuer": issuer},
                            context={"allow_http_loopback": allow_http_loopback},
                        )
                    )
                except ValidationError as error:
                    mistakes += [
                        f"{where}.{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
                        for item in error.errors()
                    ]
                except TypeError:
                    mistakes.append(f"{where}: must be an object")
        keys = [(item.issuer, item.client_id) for item in found]
        mistakes += [
            f"platforms.{iss}: client {cid} stands twice"
            for iss, cid in {k for k in keys if keys.count(k) > 1}
        ]
        if mistakes:
            raise LtiConfigError("These registrations cannot be used:\n" + "\n".join(mistakes))
        return cls(tuple(found))

    def all(self) -> tuple[Registration, ...]:
        """Every registration, in the order of the file."""
        return tuple(self._by_key.values())

    def find(self, issuer: str, client_id: str | None) -> Registration | None:
        """The registration of (issuer, client id); by issuer alone where it has only one, as LTI allows."""
        if client_id is not None:
            return self._by_key.get((issuer, client_id))
        of_issuer = [found for found in self._by_key.values() if found.issuer == issuer]
        return of_issuer[0] if len(of_issuer) == 1 else None


def _without_comments(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise TypeError(entry)
    return {key: value for key, value in entry.items() if not key.startswith("_")}
