"""The tool as a browser meets it through its public address: what the proxies in front leave of its headers.

A login of the platform is begun, as Canvas would begin one; nothing follows, and it is over in ten minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import requests

from lti_tool.lti.registration import Registration
from lti_tool.outgoing import Bounds, bound
from lti_tool.settings import Settings

BOUNDS = Bounds()
WANTED = ("Secure", "HttpOnly", "SameSite=None", "Partitioned")


@dataclass(frozen=True, slots=True)
class Face:
    """``cookie_lacks``: attributes of the launch's cookie that did not arrive."""

    cookie_lacks: tuple[str, ...]
    frame_options: str
    frame_ancestors: tuple[str, ...]


def look_from_outside(settings: Settings, registration: Registration) -> Face | None:
    """The login page's headers; None when no such page comes."""
    login = {"iss": registration.issuer, "client_id": registration.client_id, "login_hint": "doctor"}
    try:
        with requests.Session() as session:
            bound(session, settings.reach, BOUNDS)
            answer = session.get(f"{settings.public_url}/lti/login", params=login, allow_redirects=False)
    except requests.RequestException:
        return None
    if answer.status_code != requests.codes.ok:
        return None
    parts = {part.strip() for part in answer.headers.get("Set-Cookie", "").split(";")}
    policy = answer.headers.get("Content-Security-Policy", "")
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    return Face(
        tuple(part for part in WANTED if part not in parts),
        answer.headers.get("X-Frame-Options", ""),
        tuple(directives.get("frame-ancestors", "").split()),
    )
