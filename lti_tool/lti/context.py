"""What a good launch says: a frozen ``LaunchContext`` made from the claims of a checked id_token.

**Which claims may be believed.** Canvas signs the whole token, but it also signs what others wrote. Read in
instructure/canvas-lms (lib/lti/messages/jwt_message.rb and resource_link_request.rb,
app/controllers/external_tools_controller.rb), for every placement:

| claim | where Canvas takes it from | who can write it |
|---|---|---|
| ``sub`` | ``user.lookup_lti_id(context)`` | nobody |
| ``lti11_legacy_user_id``, ``lti1p1.user_id`` | the person's opaque id | nobody |
| ``context.id``, ``context.type`` | the course (group, account) in the address of the launch | nobody |
| ``roles`` | the person's enrollments and account roles there | nobody |
| ``deployment_id``, ``aud`` | the installed key | administrators |
| line items and names-and-roles addresses | the number of that same course | nobody |
| ``launch_presentation.return_url`` | host of the request, address of that same context | nobody |
| ``resource_link.id`` | the link's uuid; ``context.id`` again where there is no link | nobody |
| ``target_link_uri``, the link's title | the link | any teacher |
| placement | a parameter of the address | any teacher |
| ``custom`` | the key's fields; a link's own fields are merged over them | any teacher |

So person and course never come from ``custom``, whatever the placement. A teacher who installs the key in
their own course can also change that installation's fields (PUT external_tools), so a launch from the course
navigation deserves no more trust than a link. ``custom`` only serves display, and contradictions: a launch
whose custom ids differ from what Canvas signed is refused.

What a liar gains by each custom field: ``canvas_course_id``, ``canvas_user_id``: a refused launch.
``canvas_api_base``: a refused launch. ``canvas_masquerading_user_id``: a session that can't change anything;
leaving it out gains nothing that "Act as user" doesn't give an administrator in Canvas anyway.
``time_zone``, ``prefers_high_contrast``, ``brand_config_json``: the look of pages and the zone in which times
are shown; not read at all where the launch comes from a link. ``post_message_token``: messages to the frame's
own Canvas that Canvas ignores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from lti_tool.lti.brand import NO_BRAND, Brand, brand_of
from lti_tool.lti.errors import LaunchRefused, Refusal
from lti_tool.lti.grades import GRADE_CLAIM, GradeClaim, grade_claim, is_service_address
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

MEMBERS_CLAIM: Final = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
_SERVICE_PATH = re.compile(r"/api/lti/courses/(\d{1,20})/(?:line_items|names_and_roles)")
_CANVAS_ID = re.compile(r"[A-Za-z0-9_~-]{1,64}")


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """Who opened the tool, from where.

    ``lti_user_id`` and ``context_id`` are LTI's ids and always Canvas's word. ``course_id`` is the number of
    the course in Canvas's API: from a signed service address, else empty until Canvas's API has been asked.
    ``user_id`` is empty until Canvas's API has said whose ``lti_user_id`` this is
    (``lti_tool.services.identities``). ``platform_origin`` is the address under which Canvas was opened: it
    may frame the pages, and messages of the frame (resize and the like) are addressed to it.
    """

    issuer: str
    client_id: str
    deployment_id: str
    canvas_origin: str
    user_id: str
    lti_user_id: str
    user_name: str
    context_id: str
    """LTI's id of the course, empty where the launch comes from anything but a course. Sessions of versions
    that did not keep it are over: their person and course came from ``custom``."""
    course_id: str
    course_name: str
    roles: tuple[str, ...]
    is_instructor: bool
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
    """A signed address (return address, LTI service) is on the registered Canvas."""
    legacy_user_id: str = ""
    """The person's older opaque id, which outlives a merge of two accounts."""
    claimed_user_id: str = ""
    claimed_course_id: str = ""
    """What ``custom`` says: believed by nobody, compared with what Canvas confirms."""
    masquerader: str = ""
    """Who acts as the person ("Act as user" in Canvas), as far as the launch says."""
    brand: Brand = NO_BRAND
    """The colours of the person's Canvas, where the launch brought them."""
    grades: GradeClaim | None = None
    """Where the tool may have columns of its own in the course's gradebook."""

    @property
    def place(self) -> str:
        """What stands for the course in addresses of pages: its number once that is confirmed."""
        return self.course_id or self.context_id

    @property
    def is_identified(self) -> bool:
        """Whether Canvas has confirmed both person and course."""
        return bool(self.user_id and self.course_id)


def launch_context(claims: Mapping[str, Any], registration: Registration) -> LaunchContext:
    """Read the claims of a launch whose token and message were checked.

    Raises:
        LaunchRefused: roles are no list of words, the launch comes from another Canvas than registered, or
            ``custom`` names another course than Canvas signed.
    """
    custom = _custom(claims)
    base = custom.get("canvas_api_base", "")
    if base and _origin(base) not in registration.platform_origins:
        raise LaunchRefused(Refusal.OTHER_CANVAS, f"launch names {base[:100]!r}")
    roles = claims.get(f"{CLAIM}roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise LaunchRefused(Refusal.CLAIMS_REFUSED, "roles is not a list of words")
    context = _object(claims, "context")
    presentation = _object(claims, "launch_presentation")
    opened_at = _origin(_text(presentation.get("return_url"))) or ""
    at_home = opened_at in registration.platform_origins
    context_id = _course_context(context)
    course_id = _signed_course(claims, registration) if context_id else ""
    claimed = _canvas_id(custom, "canvas_course_id")
    if course_id and claimed and claimed != course_id:
        raise LaunchRefused(
            Refusal.CONTRADICTED, f"custom names course {claimed[:40]}, the signed addresses {course_id[:40]}"
        )
    link = _object(claims, "resource_link")
    shown = custom if _text(link.get("id")) == _text(context.get("id")) else {}
    return LaunchContext(
        issuer=registration.issuer,
        client_id=registration.client_id,
        deployment_id=_text(claims[f"{CLAIM}deployment_id"]),
        canvas_origin=registration.canvas_origin,
        user_id="",
        lti_user_id=_text(claims["sub"]),
        user_name=_text(claims.get("name")),
        course_id=course_id,
        course_name=_text(context.get("title")) or _text(context.get("label")),
        roles=tuple(_text(role) for role in roles),
        is_instructor=not INSTRUCTOR_ROLES.isdisjoint(roles),
        locale=_text(presentation.get("locale")) or _text(claims.get("locale")),
        time_zone=shown.get("time_zone", ""),
        high_contrast=shown.get("prefers_high_contrast", "").lower() == "true",
        brand=brand_of(shown.get("brand_config_json", "")),
        post_message_token=shown.get("post_message_token", ""),
        platform_origin=opened_at if at_home else registration.canvas_origin,
        is_administrator=ADMINISTRATOR_ROLE in roles,
        names_its_canvas=at_home or _services_at_home(claims, registration),
        context_id=context_id,
        legacy_user_id=_legacy_user(claims),
        claimed_user_id=_canvas_id(custom, "canvas_user_id"),
        claimed_course_id=claimed,
        masquerader=custom.get("canvas_masquerading_user_id", "")[:64],
        grades=grade_claim(claims, registration),
    )


def _course_context(context: Mapping[str, Any]) -> str:
    """LTI's id of the course, or nothing where ``type`` says that it is a group or an account.

    Canvas writes one type (Lti::SubstitutionsHelper::LIS_V2_ROLE_MAP); LTI leaves it optional.
    """
    types = context.get("type")
    if isinstance(types, list) and types and not any("Course" in _text(one) for one in types):
        return ""
    return _text(context.get("id"))


def _signed_course(claims: Mapping[str, Any], registration: Registration) -> str:
    """The course's number in the addresses of LTI services, which Canvas makes of the course itself.

    Raises:
        LaunchRefused: two addresses name two courses.
    """
    found = {
        match[1]
        for address in _service_addresses(claims)
        if is_service_address(address, registration)
        if (match := _SERVICE_PATH.fullmatch(urlsplit(address).path))
    }
    if len(found) > 1:
        raise LaunchRefused(Refusal.CONTRADICTED, "the service addresses name two courses")
    return found.pop() if found else ""


def _service_addresses(claims: Mapping[str, Any]) -> tuple[str, ...]:
    grades, members = claims.get(GRADE_CLAIM), claims.get(MEMBERS_CLAIM)
    addresses = (
        grades.get("lineitems") if isinstance(grades, Mapping) else None,
        members.get("context_memberships_url") if isinstance(members, Mapping) else None,
    )
    return tuple(address for address in addresses if isinstance(address, str))


def _services_at_home(claims: Mapping[str, Any], registration: Registration) -> bool:
    """Whether an LTI service of the launch is on the registered Canvas, and not just somewhere hosted."""
    return any(_origin(address) in registration.platform_origins for address in _service_addresses(claims))


def _legacy_user(claims: Mapping[str, Any]) -> str:
    """The opaque id of LTI 1.1 (``users.lti_context_id``), from either claim that has it."""
    return _text(_object(claims, "lti1p1").get("user_id")) or _text(
        claims.get(f"{CLAIM}lti11_legacy_user_id")
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
