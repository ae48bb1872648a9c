"""The OAuth library's session over the transport of one Canvas.

requests-oauthlib speaks through requests. An adapter hands each of its requests to ``Transport``, so that
they have the same guards, limits, connections and log lines as every other call.

oauthlib refuses addresses without TLS, and its only exception is a switch for the whole process. Which
address a Canvas may have is decided by ``canonical_origin`` (http for loopback, and only where the settings
allow it) and judged again at the connection. So the library is given every address with https, and the
adapter takes path and form of it: the transport knows its origin, and speaks to no other.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import requests
from oauthlib.oauth2 import WebApplicationClient
from requests.adapters import BaseAdapter
from requests_oauthlib import OAuth2Session

from lti_tool.canvas.transport import Limits, Transport, WireAnswer, WireRequest


class TransportAdapter(BaseAdapter):
    """Sends requests' requests through a ``Transport``. Raises what the transport raises, ``SendFailed``."""

    def __init__(self, transport: Transport, limits: Limits) -> None:
        super().__init__()
        self._transport = transport
        self._limits = limits

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        """Path, form and bearer; what else the caller says about timeouts, proxies, certificates is ours."""
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        form = tuple(parse_qsl(body if isinstance(body, str) else "", keep_blank_values=True))
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        answer = self._transport.send(
            WireRequest(request.method or "GET", request.path_url, form=form),
            token=token if scheme == "Bearer" else None,
            limits=self._limits,
        )
        made = requests.Response()
        made.status_code = answer.status
        made.headers.update(answer.headers)
        made.encoding = "utf-8"  # JSON's; requests would guess, which takes long for a long text
        made.request, made.url = request, request.url or ""
        made._content = answer.body
        made._content_consumed = True  # type: ignore[attr-defined]  # as requests' own adapter leaves it
        return made

    def close(self) -> None:
        """The transport is its owner's to close."""


class CanvasSession(OAuth2Session):
    """The library's session with one Canvas."""

    def __init__(
        self,
        transport: Transport,
        limits: Limits,
        client: WebApplicationClient,
        redirect_uri: str,
        token: str | None = None,
    ) -> None:
        given = {"access_token": token, "token_type": "Bearer"} if token else None
        super().__init__(client=client, redirect_uri=redirect_uri, token=given)
        self.trust_env = False
        self._origin = transport.origin
        self._safe_origin = "https" + transport.origin[transport.origin.index(":") :]
        self.adapters.clear()
        self.mount("https://", TransportAdapter(transport, limits))

    def address(self, path: str) -> str:
        """The address to give to the library for a path of this Canvas."""
        return self._safe_origin + path

    def consent_address(self, path: str, *, state: str, scope: list[str] | None, **more: str) -> str:
        """The address of Canvas's consent page, for the person's browser."""
        self.scope = scope
        url, _ = self.authorization_url(self.address(path), state=state, **more)
        return self._origin + str(url).removeprefix(self._safe_origin)

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """As the library does it, but no redirect is followed: Canvas answers some errors with one."""
        return super().request(method, url, *args, **(kwargs | {"allow_redirects": False}))

    def heard(self, response: requests.Response) -> WireAnswer:
        """An answer as the rest of the client knows it."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        return WireAnswer(response.status_code, headers, response.content)
