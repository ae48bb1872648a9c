"""What a launch from a course says about person, course and platform: roles, custom fields, the id_token.

After `app/models/lti/lti_advantage_adapter.rb`, `lib/lti/messages/jwt_message.rb`,
`lib/lti/substitutions_helper.rb` and `doc/api/tools_variable_substitutions.md` of canvas-lms. Pure reading
of the state; nothing is signed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.grade_scopes import GRADE_CLAIM, GRADE_SCOPES
from lti_tool.simulator.records import (
    Course,
    Enrollment,
    EnrollmentState,
    EnrollmentType,
    ResourceLink,
    User,
)
from lti_tool.simulator.state import CanvasState

BRAND = Path(__file__).parent / "static" / "brand.json"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#"
SYSTEM = "http://purl.imsglobal.org/vocab/lis/v2/system/person#"
TEST_USER = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"

_COURSE_ROLES: dict[EnrollmentType, tuple[str, ...]] = {
    EnrollmentType.TEACHER: (f"{MEMBERSHIP}#Instructor",),
    EnrollmentType.TA: (f"{MEMBERSHIP}/Instructor#TeachingAssistant", f"{MEMBERSHIP}#Instructor"),
    EnrollmentType.DESIGNER: (f"{MEMBERSHIP}#ContentDeveloper",),
    EnrollmentType.OBSERVER: (f"{MEMBERSHIP}#Mentor",),
    EnrollmentType.STUDENT: (f"{MEMBERSHIP}#Learner",),
    EnrollmentType.STUDENT_VIEW: (f"{MEMBERSHIP}#Learner", TEST_USER),
}
_INSTITUTION_ROLES: dict[EnrollmentType, str] = {
    EnrollmentType.TEACHER: f"{INSTITUTION}Instructor",
    EnrollmentType.STUDENT: f"{INSTITUTION}Student",
}


@dataclass(frozen=True, slots=True)
class Launch:
    """One prepared launch: who starts which tool where. `id` is what makes it usable only once."""

    id: str
    client_id: str
    deployment_id: str
    course_id: str
    user_id: str
    target_link_uri: str
    post_message_token: str
    placement: str = "course_navigation"
    link_id: str | None = None
    """The link of an assignment, module or text that was opened."""
    deep_linking: bool = False
    """An editor or module page asks the tool what to link to."""
    real_user_id: str | None = None
    """Who acts as the user ("Act as user")."""


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """What the platform says about itself."""

    base_url: str
    api_base_url: str
    issuer: str
    name: str
    guid: str
    environment: str


def active_enrollments(state: CanvasState, user: User, course: Course) -> list[Enrollment]:
    """The person's living enrolments in the course, oldest first."""
    rows = state.enrollments_of(course.id, user.id)
    return [row for row in rows if row.state == EnrollmentState.ACTIVE]


def launch_roles(state: CanvasState, user: User, course: Course) -> list[str]:
    """Every role the person has: here, in the institution, in the system.

    Canvas puts institution#Instructor on everybody who teaches anywhere, and institution#Administrator on
    an admin also where he is a student: only membership# speaks of this course.
    """
    roles: list[str] = []
    for enrollment in active_enrollments(state, user, course):
        roles += _COURSE_ROLES[enrollment.type]
    for enrollment in state.enrollments_of_user(user.id):
        if enrollment.state == EnrollmentState.ACTIVE and enrollment.type in _INSTITUTION_ROLES:
            roles.append(_INSTITUTION_ROLES[enrollment.type])
    if user.site_admin:
        roles.append(f"{INSTITUTION}Administrator")
    roles.append(f"{SYSTEM}User")
    return sorted(set(roles))


def id_token_claims(
    state: CanvasState, launch: Launch, key: DeveloperKey, platform: PlatformFacts, nonce: str
) -> dict[str, Any]:
    """The claims of one launch from a course, valid for an hour from the state's clock."""
    user, course = state.users[launch.user_id], state.courses[launch.course_id]
    link = state.resource_links[launch.link_id] if launch.link_id else None
    issued = int(state.clock.now().timestamp())
    return {
        "iss": platform.issuer,
        "aud": key.client_id,
        "azp": key.client_id,
        "sub": user.lti_id,
        "iat": issued,
        "exp": issued + 3600,
        "nonce": nonce,
        "locale": user.locale,
        CLAIM + "version": "1.3.0",
        CLAIM + "deployment_id": launch.deployment_id,
        CLAIM + "target_link_uri": launch.target_link_uri,
        **_message_claims(platform, course, link, deep_linking=launch.deep_linking),
        CLAIM + "context": {
            "id": course.lti_context_id,
            "label": course.code,
            "title": course.name,
            "type": ["http://purl.imsglobal.org/vocab/lis/v2/course#CourseOffering"],
        },
        CLAIM + "tool_platform": {
            "guid": platform.guid,
            "name": platform.name,
            "version": "cloud",
            "product_family_code": "canvas",
        },
        CLAIM + "launch_presentation": {
            "document_target": "iframe",
            "return_url": f"{platform.base_url}/courses/{course.id}",
            "locale": user.locale,
        },
        CLAIM + "roles": launch_roles(state, user, course),
        CLAIM + "custom": custom_claim(state, launch, key, platform),
        CLAIM + "lti11_legacy_user_id": user.lti_context_id,
        CLAIM + "lti1p1": {"user_id": user.lti_context_id},
        "https://www.instructure.com/placement": launch.placement,
        **_personal_claims(user, key.privacy_level),
        **_grade_service_claim(course, key, platform),
    }


def _message_claims(
    platform: PlatformFacts, course: Course, link: ResourceLink | None, *, deep_linking: bool
) -> dict[str, Any]:
    """What the message is about: a link, the course itself, or the question what to link to."""
    if deep_linking:
        settings = {
            "deep_link_return_url": f"{platform.base_url}/courses/{course.id}/deep_linking_response",
            "accept_types": ["ltiResourceLink"],
            "accept_presentation_document_targets": ["iframe"],
        }
        return {
            CLAIM + "message_type": "LtiDeepLinkingRequest",
            "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings": settings,
        }
    # A course navigation launch has no link of its own: Canvas puts the context's id there.
    shown = (link.uuid, link.title) if link is not None else (course.lti_context_id, course.name)
    return {
        CLAIM + "message_type": "LtiResourceLinkRequest",
        CLAIM + "resource_link": {"id": shown[0], "title": shown[1], "description": None},
    }


def _grade_service_claim(course: Course, key: DeveloperKey, platform: PlatformFacts) -> dict[str, Any]:
    """Only with one of its scopes on the key, with no `lineitem`: course navigation belongs to no column."""
    scopes = [scope for scope in key.scopes if scope in GRADE_SCOPES]
    if not scopes:
        return {}
    lineitems = f"{platform.api_base_url}/api/lti/courses/{course.id}/line_items"
    return {GRADE_CLAIM: {"scope": scopes, "lineitems": lineitems}}


def _personal_claims(user: User, privacy_level: str) -> dict[str, Any]:
    """Names and address as far as the key's privacy level goes (anonymous, name_only, email_only, public)."""
    claims: dict[str, Any] = {}
    if privacy_level in ("public", "name_only"):
        family, _, given = user.sortable_name.partition(", ")
        claims |= {"name": user.name, "given_name": given, "family_name": family}
        claims[CLAIM + "lis"] = {"person_sourcedid": user.login, "course_offering_sourcedid": None}
    if privacy_level in ("public", "email_only"):
        claims["email"] = user.email
    return claims


def custom_claim(
    state: CanvasState, launch: Launch, key: DeveloperKey, platform: PlatformFacts
) -> dict[str, Any]:
    """The key's custom fields, expanded. What Canvas does not know travels literally, `$` and all.

    A link's own fields win over the key's (lib/lti/messages/resource_link_request.rb,
    unexpanded_custom_parameters), and any teacher writes them.
    """
    values = _substitutions(state, launch, platform)

    def expand(text: str) -> Any:
        return values[text]() if text in values else text

    link = state.resource_links[launch.link_id] if launch.link_id else None
    fields = key.custom_fields | (link.custom if link is not None else {})
    return {name: expand(text) for name, text in fields.items()}


def _substitutions(
    state: CanvasState, launch: Launch, platform: PlatformFacts
) -> Mapping[str, Callable[[], Any]]:
    user, course = state.users[launch.user_id], state.courses[launch.course_id]

    def sections() -> str:
        return ",".join(dict.fromkeys(e.section_id for e in active_enrollments(state, user, course)))

    def section_names() -> list[str]:
        ids = dict.fromkeys(e.section_id for e in active_enrollments(state, user, course))
        return [state.sections[section_id].name for section_id in ids]

    def membership_roles() -> str:
        names = [e.role for e in active_enrollments(state, user, course)]
        return ",".join(dict.fromkeys([*names, *(["Account Admin"] if user.site_admin else [])]))

    acting = {}
    if launch.real_user_id is not None:  # otherwise the variable is unknown and travels literally
        real = int(launch.real_user_id)
        acting["$Canvas.masqueradingUser.id"] = lambda: real

    # Ids are numbers here although REST can be asked for strings: Canvas does the same, whatever their size.
    return acting | {
        "$Canvas.api.baseUrl": lambda: platform.api_base_url,
        "$Canvas.api.domain": lambda: platform.api_base_url.partition("://")[2],
        "$Canvas.course.id": lambda: int(course.id),
        "$Canvas.course.name": lambda: course.name,
        "$Canvas.course.sectionIds": sections,
        "$Canvas.course.workflowState": lambda: course.workflow_state,
        "$Canvas.environment.test": lambda: platform.environment == "test",
        "$Canvas.membership.roles": membership_roles,
        "$Canvas.user.globalId": lambda: user.global_id,
        "$Canvas.user.id": lambda: int(user.id),
        "$Canvas.user.loginId": lambda: user.login,
        "$Canvas.user.prefersHighContrast": lambda: "false",
        "$Person.address.timezone": lambda: user.time_zone,
        "$com.instructure.PostMessageToken": lambda: launch.post_message_token,
        "$com.instructure.User.sectionNames": section_names,
        "$com.instructure.brandConfigJSON": lambda: BRAND.read_text(encoding="utf-8"),
        "$com.instructure.brandConfigJSON.url": lambda: f"{platform.base_url}/simulator/static/brand.json",
    }
