"""The routes of Canvas that we call, by the names that Canvas's scopes have.

One line per route: the path template gives both the address and the scope, so a missing scope can be named
exactly and the list of scopes cannot drift from the calls.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from allocation.sentences import N_, sentence
from lti_tool.canvas.errors import NotFound
from lti_tool.canvas.transport import Parameters, WireRequest
from lti_tool.defects import Defect

_ID = re.compile(r"[A-Za-z0-9_~:.-]{1,255}")
_SLOT = re.compile(r":[a-z_]+")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route. ``template`` is Rails' path as Canvas's scopes write it."""

    method: str
    template: str

    @property
    def scope(self) -> str:
        """Canvas's scope for this route (canvas-lms lib/token_scopes.rb)."""
        return f"url:{self.method}|{self.template}"

    def request(self, *ids: str, query: Parameters = (), form: Parameters = ()) -> WireRequest:
        """The request with ``ids`` put into the template, in order.

        Raises:
            NotFound: an id has a form that no Canvas id has; it never reaches the address.
        """
        rest = iter(ids)
        path = _SLOT.sub(lambda _slot: segment(next(rest)), self.template)
        if next(rest, None) is not None:
            raise Defect(f"more ids than {self.template} has places")
        return WireRequest(self.method, path, query, form, self.scope)


def segment(identifier: str) -> str:
    """One path segment. Ids are opaque, but ``..``, slashes and spaces are not ids.

    Raises:
        NotFound: not the form of an id.
    """
    if not _ID.fullmatch(identifier) or not identifier.strip("."):
        raise NotFound(sentence("%(id)s is not an id of anything in Canvas.", id=repr(identifier[:60])))
    return quote(identifier, safe="~:")


_COURSE = "/api/v1/courses/:course_id"
_SECTION = "/api/v1/sections/:section_id"
_ASSIGNMENT = "/assignments/:assignment_id"
_REVIEWS = "/peer_reviews"
_OF_SUBMISSION = "/submissions/:submission_id/peer_reviews"

SELF = Endpoint("GET", "/api/v1/users/:id")
COURSE = Endpoint("GET", "/api/v1/courses/:id")
PERMISSIONS = Endpoint("GET", f"{_COURSE}/permissions")
FEATURES = Endpoint("GET", f"{_COURSE}/features/enabled")
ASSIGNMENTS = Endpoint("GET", f"{_COURSE}/assignments")
ASSIGNMENT = Endpoint("GET", f"{_COURSE}/assignments/:id")
UPDATE_ASSIGNMENT = Endpoint("PUT", f"{_COURSE}/assignments/:id")
OVERRIDES = Endpoint("GET", f"{_COURSE}{_ASSIGNMENT}/overrides")
SECTIONS = Endpoint("GET", f"{_COURSE}/sections")
ENROLLMENTS = Endpoint("GET", f"{_COURSE}/enrollments")
USERS = Endpoint("GET", f"{_COURSE}/users")
GROUP_CATEGORIES = Endpoint("GET", f"{_COURSE}/group_categories")
COURSE_GROUPS = Endpoint("GET", f"{_COURSE}/groups")
CATEGORY_GROUPS = Endpoint("GET", "/api/v1/group_categories/:group_category_id/groups")
MEMBERSHIPS = Endpoint("GET", "/api/v1/groups/:group_id/memberships")
GROUP_USERS = Endpoint("GET", "/api/v1/groups/:group_id/users")
COURSE_SUBMISSIONS = Endpoint("GET", f"{_COURSE}{_ASSIGNMENT}/submissions")
SECTION_SUBMISSIONS = Endpoint("GET", f"{_SECTION}{_ASSIGNMENT}/submissions")
COURSE_STUDENTS_SUBMISSIONS = Endpoint("GET", f"{_COURSE}/students/submissions")
SECTION_STUDENTS_SUBMISSIONS = Endpoint("GET", f"{_SECTION}/students/submissions")
COURSE_GRADES = Endpoint("POST", f"{_COURSE}{_ASSIGNMENT}/submissions/update_grades")
SECTION_GRADES = Endpoint("POST", f"{_SECTION}{_ASSIGNMENT}/submissions/update_grades")
GRADEBOOK_COLUMNS = Endpoint("GET", f"{_COURSE}/custom_gradebook_columns")
GRADEBOOK_ENTRIES = Endpoint("GET", f"{_COURSE}/custom_gradebook_columns/:id/data")
PROGRESS = Endpoint("GET", "/api/v1/progress/:id")
CONVERSATIONS = Endpoint("POST", "/api/v1/conversations")


@dataclass(frozen=True, slots=True)
class ReviewRoutes:
    """The four peer review routes below one kind of place; eight with courses and sections."""

    of_assignment: Endpoint
    of_submission: Endpoint
    create: Endpoint
    delete: Endpoint


def _review_routes(place: str) -> ReviewRoutes:
    return ReviewRoutes(
        of_assignment=Endpoint("GET", f"{place}{_ASSIGNMENT}{_REVIEWS}"),
        of_submission=Endpoint("GET", f"{place}{_ASSIGNMENT}{_OF_SUBMISSION}"),
        create=Endpoint("POST", f"{place}{_ASSIGNMENT}{_OF_SUBMISSION}"),
        delete=Endpoint("DELETE", f"{place}{_ASSIGNMENT}{_OF_SUBMISSION}"),
    )


COURSE_REVIEWS = _review_routes(_COURSE)
SECTION_REVIEWS = _review_routes(_SECTION)

SCOPES: dict[str, str] = {
    COURSE.scope: N_("the name of the course"),
    PERMISSIONS.scope: N_("whether you may grade in the course"),
    FEATURES.scope: N_("whether Canvas's own peer review allocation is switched on"),
    ASSIGNMENTS.scope: N_("the list of assignments"),
    ASSIGNMENT.scope: N_("the settings of one assignment"),
    UPDATE_ASSIGNMENT.scope: N_("switch peer reviews on for an assignment, only when you ask for it"),
    SECTIONS.scope: N_("the sections of the course"),
    ENROLLMENTS.scope: N_("who is a student of the course, and in which section"),
    USERS.scope: N_("logins and e-mail addresses, only when you give a list of students by them"),
    COURSE_GROUPS.scope: N_("the groups of the course"),
    MEMBERSHIPS.scope: N_("who is in which group"),
    COURSE_SUBMISSIONS.scope: N_("who has handed in"),
    COURSE_REVIEWS.of_assignment.scope: N_("which peer reviews exist"),
    COURSE_REVIEWS.of_submission.scope: N_("which peer reviews one submission has"),
    COURSE_REVIEWS.create.scope: N_("assign peer reviews, after you have approved the preview"),
    COURSE_REVIEWS.delete.scope: N_("take assigned peer reviews back, after you have approved the preview"),
}
"""Every scope that allocating needs, and in words (for translation) what for."""

FOLLOW_UP_SCOPES: dict[str, str] = {
    CONVERSATIONS.scope: N_("send reminders in your name, after you have seen them"),
    COURSE_GRADES.scope: N_("enter points for reviews, after you have approved them"),
    PROGRESS.scope: N_("whether Canvas has finished entering those points"),
}
"""What reminders and credit need beyond that; without them everything else works."""

MEMORY_SCOPES: dict[str, str] = {
    COURSE_STUDENTS_SUBMISSIONS.scope: N_("who has handed in, of several assignments at once"),
    GRADEBOOK_COLUMNS.scope: N_("the columns that you added to the gradebook, to choose one for levels"),
    GRADEBOOK_ENTRIES.scope: N_("what stands in such a column, only when you take levels from it"),
}
"""What makes reading several assignments quicker, and levels from a column possible; without them each
assignment is read by itself, and no column is offered."""

ALL_SCOPES = SCOPES | FOLLOW_UP_SCOPES | MEMORY_SCOPES
"""Every scope that the tool asks for. Nothing else is requested."""

GROUPS: dict[str, tuple[Endpoint, ...]] = {
    "Assignments": (ASSIGNMENTS, ASSIGNMENT, UPDATE_ASSIGNMENT),
    "Conversations": (CONVERSATIONS,),
    "Courses": (COURSE, PERMISSIONS, USERS),
    "Custom Gradebook Columns": (GRADEBOOK_COLUMNS, GRADEBOOK_ENTRIES),
    "Enrollments": (ENROLLMENTS,),
    "Feature Flags": (FEATURES,),
    "Groups": (COURSE_GROUPS, MEMBERSHIPS),
    "Peer Reviews": (
        COURSE_REVIEWS.of_assignment,
        COURSE_REVIEWS.of_submission,
        COURSE_REVIEWS.create,
        COURSE_REVIEWS.delete,
    ),
    "Progress": (PROGRESS,),
    "Sections": (SECTIONS,),
    "Submissions": (COURSE_SUBMISSIONS, COURSE_STUDENTS_SUBMISSIONS, COURSE_GRADES),
}
"""The same by the groups in which Canvas's page of an API key lists them, closed, by the alphabet. Older
Canvases find there only names of groups, newer ones single scopes too
(canvas-lms ui/features/developer_keys_v2/react/ScopesList.jsx)."""
