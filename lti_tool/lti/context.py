"""What a good launch says: a frozen ``LaunchContext`` made from the claims of a checked id_token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lti_tool.lti.brand import NO_BRAND, Brand, brand_of
from lti_tool.lti.errors import LaunchRefused, Refusal
from lti_tool.lti.grades import GradeClaim, grade_claim
from lti_tool.lti.registration import Registration, origin_of

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
INSTRUCTOR_ROLES: Final = frozenset(
    {
        f"{_MEMBERSHIP}#Instructor",
        f"{_MEMBERSHIP}/Instructor#TeachingAssistant",
        f"{_MEMBERSHIP}/instructor#TeachingAssistant",  # Canvas's older role map
        "Instructor",  # the short form that the certification suite sends
    }
)
"""Roles of the course only. Canvas also sends institution and system roles, which say that somebody teaches
somewhere, or may even stand in for a student; they open nothing here."""


ADMINISTRATOR_ROLE: Final = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"
"""Canvas sends it for administrators of the account that the course is in, or of one above it
(canvas-lms lib/lti/substitutions_helper.rb)."""

_CANVAS_ID = re.compile(r"[A-Za-z0-9_~-]{1,64}")


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """Who opened the tool, from where. Ids are Canvas's own where custom fields bring them.

    ``platform_origin`` is where messages of the frame (resize and the like) are addressed to.
    """

    issuer: str
    client_id: str
    deployment_id: str
    canvas_origin: str
    user_id: str
    lti_user_id: str
    user_name: str
    course_id: str
    course_name: str
    roles: tuple[str, ...]
    is_instructor: bool
    section_ids: tuple[str, ...]
    locale: str
    time_zone: str
    high_contrast: bool
    post_message_token: str
    platform_origin: str
    launch_id: str = ""
    """Names the launch in logs; tells nothing about it."""
    is_administrator: bool = False
    """Of the account in Canvas. Opens the administration of this registration, and no course."""
    names_its_canvas: bool = False
    """The launch itself said which Canvas it comes from (``canvas_api_base``)."""
    brand: Brand = NO_BRAND
    """The colours of the person's Canvas, where the launch brought them."""
    grades: GradeClaim | None = None
    """Where the tool may have columns of its own in the course's gradebook."""

    @property
    def missing_fields(self) -> tuple[str, ...]:
        """Custom fields without which nothing can be done in Canvas: its API does not know LTI's ids."""
        return tuple(
            name
            for name, found in (
                ("canvas_course_id", bool(self.course_id)),
                ("canvas_user_id", self.user_id != self.lti_user_id),
            )
            if not found
        )


def launch_context(claims: Mapping[str, Any], registration: Registration) -> LaunchContext:
    """Read the claims of a launch whose token and message were checked.

    Raises:
        LaunchRefused: roles are no list of words, or the launch comes from another Canvas than registered.
    """
    custom = _custom(claims)
    base = custom.get("canvas_api_base", "")
    if base and _origin(base) != registration.canvas_origin:
        raise LaunchRefused(Refusal.OTHER_CANVAS, f"launch names {base[:100]!r}")
    roles = claims.get(f"{CLAIM}roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise LaunchRefused(Refusal.CLAIMS_REFUSED, "roles is not a list of words")
    context = _object(claims, "context")
    presentation = _object(claims, "launch_presentation")
    return LaunchContext(
        issuer=registration.issuer,
        client_id=registration.client_id,
        deployment_id=_text(claims[f"{CLAIM}deployment_id"]),
        canvas_origin=registration.canvas_origin,
        user_id=_canvas_id(custom, "canvas_user_id") or _text(claims["sub"]),
        lti_user_id=_text(claims["sub"]),
        user_name=_text(claims.get("name")),
        course_id=_canvas_id(custom, "canvas_course_id"),
        course_name=custom.get("canvas_course_name")
        or _text(context.get("title"))
        or _text(context.get("label")),
        roles=tuple(_text(role) for role in roles),
        is_instructor=not INSTRUCTOR_ROLES.isdisjoint(roles),
        section_ids=tuple(
            part.strip() for part in custom.get("canvas_section_ids", "").split(",") if part.strip()
        ),
        locale=_text(presentation.get("locale")) or _text(claims.get("locale")),
        time_zone=custom.get("time_zone", ""),
        high_contrast=custom.get("prefers_high_contrast", "").lower() == "true",
        brand=brand_of(custom.get("brand_config_json", "")),
        post_message_token=custom.get("post_message_token", ""),
        platform_origin=registration.canvas_origin,
        is_administrator=ADMINISTRATOR_ROLE in roles,
        names_its_canvas=bool(base),
        grades=grade_claim(claims, registration),
    )


def _canvas_id(custom: Mapping[str, str], name: str) -> str:
    """An id that can be one of Canvas's (digits, or shard and digits, whatever comes); else it is missing."""
    return found if (found := custom.get(name, "")) and _CANVAS_ID.fullmatch(found) else ""


def _custom(claims: Mapping[str, Any]) -> dict[str, str]:
    """Custom fields as text. Canvas sends an unknown variable literally, with its dollar sign: missing."""
    found = {}
    for key, value in _object(claims, "custom").items():
        text = _text(value).strip()
        if text and not text.startswith("$"):
            found[key] = text
    return found


def _text(value: Any) -> str:
    """A claim as text. Canvas sends ids as JSON numbers, of any size; lists and the like count as missing.

    Half a surrogate pair can be written in JSON and stored nowhere: it is replaced.
    """
    if isinstance(value, int):
        return str(value)
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _origin(address: str) -> str | None:
    try:
        return origin_of(address)
    except ValueError:
        return None


def _object(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = claims.get(f"{CLAIM}{name}")
    return value if isinstance(value, dict) else {}
