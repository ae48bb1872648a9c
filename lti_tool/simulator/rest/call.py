"""One API call: who calls, with which token, scopes, parameters; and the look-ups that views begin with.

Sources: canvas-lms lib/authentication_methods.rb (tokens, scopes, stripped includes), lib/api.rb (finders).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from flask import Request, Response

from lti_tool.simulator.access import AccessGrant, TokenStanding
from lti_tool.simulator.records import Assignment, Course, Section, User
from lti_tool.simulator.rest import rights
from lti_tool.simulator.rest.answers import (
    Json,
    Row,
    insufficient_scopes,
    invalid_masquerade,
    invalid_token,
    json_answer,
    not_authorized,
    not_found,
    paged_answer,
    unauthenticated,
)
from lti_tool.simulator.rest.params import as_list, read_params
from lti_tool.simulator.state import CanvasState
from lti_tool.simulator.tables import SHARD_STEP

_TOKEN_TEXTS = {
    TokenStanding.EXPIRED: "Expired access token.",
    TokenStanding.REVOKED: "Revoked access token.",
}


def bearer_token(request: Request) -> str | None:
    """The token of a request: `Authorization: Bearer`, or the `access_token` parameter."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and token.strip():
        return token.strip()
    return request.args.get("access_token")


def scope_matches(scope: str, method: str, path: str) -> bool:
    """Whether `url:VERB|/path/:id` covers a request; HEAD counts as GET, a parameter is one path segment."""
    verb, _, pattern = scope.removeprefix("url:").partition("|")
    if verb != ("GET" if method == "HEAD" else method):
        return False
    expression = re.sub(r":[a-z_]+", "[^/]+", pattern)
    return re.fullmatch(expression + r"(\.json)?", path) is not None


def canonical_id(text: str) -> str:
    """An id as the tables know it: `shard~id` becomes the long number; SIS forms find nothing."""
    shard, tilde, local = text.partition("~")
    if tilde and shard.isdigit() and local.isdigit():
        return str(int(shard) * SHARD_STEP + int(local))
    return text


@dataclass(frozen=True, slots=True)
class Call:
    """What a view gets; views run with the state's lock held."""

    state: CanvasState
    request: Request
    user: User
    grant: AccessGrant
    params: dict[str, object]
    includes: frozenset[str]

    def answer(self, body: object, status: int = 200) -> Response:
        """A JSON answer."""
        return json_answer(self.request, body, status)

    def page(
        self,
        rows: Sequence[Row],
        show: Callable[[Row], Json],
        *,
        keep: Callable[[Row], bool] = lambda _row: True,
    ) -> Response:
        """One page of a collection."""
        return paged_answer(self.request, self.state.habits, rows, show, keep=keep)

    def url(self, path: str) -> str:
        """An absolute address on this Canvas."""
        return self.request.host_url.rstrip("/") + path

    def fail_not_found(self) -> NoReturn:
        """Leave with 404."""
        raise not_found(self.state.habits)

    def course(self, course_id: str) -> Course:
        """The course, or 404."""
        course = self.state.courses.get(canonical_id(course_id)) or self._course_of_lti(course_id)
        if course is None or course.workflow_state == "deleted":
            self.fail_not_found()
        return course

    def _course_of_lti(self, name: str) -> Course | None:
        """`lti_context_id:` and LTI's id of the course (lib/api.rb, Api::SIS_MAPPINGS)."""
        prefix, _, wanted = name.partition(":")
        if prefix != "lti_context_id":
            return None
        return next((row for row in self.state.courses.values() if row.lti_context_id == wanted), None)

    def user_id(self, name: str) -> str:
        """The id of a person as finders take it: a number, `self`, or one of LTI's ids; else 404.

        Prefixes as in lib/api.rb: `lti_1_3_id` is what launches carry as `sub`, the others the older id.
        """
        if name == "self":
            return self.user.id
        prefix, _, wanted = name.partition(":")
        if prefix == "lti_1_3_id" and self.state.habits.knows_lti_1_3_id:
            found = next((row.id for row in self.state.users.values() if row.lti_id == wanted), None)
        elif prefix in ("lti_user_id", "lti_context_id", "lti_1_1_id"):
            found = next((row.id for row in self.state.users.values() if row.lti_context_id == wanted), None)
        else:
            found = canonical_id(name)
        if found is None or found not in self.state.users:
            self.fail_not_found()
        return found

    def section(self, section_id: str) -> Section:
        """The section, or 404."""
        section = self.state.sections.get(canonical_id(section_id))
        if section is None:
            self.fail_not_found()
        return section

    def assignment(self, course: Course, assignment_id: str) -> Assignment:
        """The assignment of this course, or 404."""
        assignment = self.state.assignments.get(canonical_id(assignment_id))
        if assignment is None or assignment.course_id != course.id or assignment.workflow_state == "deleted":
            self.fail_not_found()
        return assignment

    def permissions(self, course: Course) -> frozenset[str]:
        """The caller's permissions in the course."""
        return rights.permissions(self.state, course, self.user)

    def need(self, course: Course, *any_of: str) -> None:
        """Leave with "not authorised" unless the caller has one of these permissions."""
        if not self.permissions(course).intersection(any_of):
            raise not_authorized(self.state.habits)

    def visible_student_ids(self, course: Course) -> set[str]:
        """Current students whom the caller sees."""
        return rights.visible_student_ids(self.state, course, self.user)


def open_call(state: CanvasState, request: Request) -> Call:
    """Check token and scopes. Raises RestError 401."""
    token = bearer_token(request)
    if token is None:
        raise unauthenticated()
    grant, standing = state.judge_token(token)
    if grant is None or standing is not TokenStanding.GOOD:
        specific = state.habits.token_error_texts == "specific"
        text = _TOKEN_TEXTS.get(standing) if specific else None
        raise invalid_token(text or "Invalid access token.")
    params = read_params(request)
    includes = frozenset(as_list(params.get("include")) + as_list(params.get("includes")))
    key = state.keys.get(grant.client_id) if grant.client_id else None
    if key is not None and key.require_scopes:
        if not any(scope_matches(scope, request.method, request.path) for scope in grant.scopes):
            raise insufficient_scopes()
        if not key.allow_includes:
            includes &= {"uuid"}
    user = state.users[grant.user_id]
    if "as_user_id" in params:
        user = _masquerade(state, user, str(params["as_user_id"]))
    return Call(state, request, user, grant, params, includes)


def _masquerade(state: CanvasState, user: User, as_user_id: str) -> User:
    other = state.users.get(canonical_id(as_user_id))
    if other is None or not user.site_admin:
        raise invalid_masquerade()
    return other
