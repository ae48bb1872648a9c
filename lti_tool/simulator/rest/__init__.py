"""Canvas's REST API, as far as a peer review tool calls it: one table of routes over the state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Flask, Response, request

from lti_tool.simulator.rest import (
    assignments,
    conversations,
    gradebook_columns,
    groups,
    peer_reviews,
    people,
    resource_links,
    student_submissions,
    submissions,
)
from lti_tool.simulator.rest.answers import RestError, error_answer, not_found
from lti_tool.simulator.rest.call import open_call
from lti_tool.simulator.state import CanvasState

View = Callable[..., Response]

_ASSIGNMENT = "/courses/<course_id>/assignments/<assignment_id>"
_SECTION_ASSIGNMENT = "/sections/<section_id>/assignments/<assignment_id>"

ROUTES: tuple[tuple[str, str, View], ...] = (
    ("GET", "/users/self", people.show_self),
    ("GET", "/users/self/profile", people.show_profile),
    ("GET", "/courses", people.list_courses),
    ("GET", "/courses/<course_id>", people.show_course),
    ("GET", "/courses/<course_id>/permissions", people.course_permissions),
    ("GET", "/courses/<course_id>/features/enabled", people.enabled_features),
    ("GET", "/courses/<course_id>/sections", people.list_sections),
    ("GET", "/sections/<section_id>", people.show_section),
    ("GET", "/courses/<course_id>/enrollments", people.list_course_enrollments),
    ("GET", "/sections/<section_id>/enrollments", people.list_section_enrollments),
    ("GET", "/courses/<course_id>/users", people.list_users),
    ("GET", "/courses/<course_id>/search_users", people.list_users),
    ("GET", "/courses/<course_id>/users/<user_id>", people.show_course_user),
    ("GET", "/courses/<course_id>/custom_gradebook_columns", gradebook_columns.list_columns),
    (
        "GET",
        "/courses/<course_id>/custom_gradebook_columns/<column_id>/data",
        gradebook_columns.list_entries,
    ),
    ("GET", "/progress/<progress_id>", people.show_progress),
    ("GET", "/courses/<course_id>/group_categories", groups.list_categories),
    ("GET", "/group_categories/<category_id>", groups.show_category),
    ("GET", "/group_categories/<category_id>/groups", groups.list_category_groups),
    ("GET", "/group_categories/<category_id>/users", groups.list_category_users),
    ("GET", "/courses/<course_id>/groups", groups.list_course_groups),
    ("GET", "/groups/<group_id>", groups.show_group),
    ("GET", "/groups/<group_id>/memberships", groups.list_memberships),
    ("GET", "/groups/<group_id>/users", groups.list_group_users),
    ("GET", "/courses/<course_id>/assignments", assignments.list_assignments),
    ("GET", _ASSIGNMENT, assignments.show_assignment),
    ("PUT", _ASSIGNMENT, assignments.update_assignment),
    ("GET", f"{_ASSIGNMENT}/overrides", assignments.list_overrides),
    ("GET", f"{_ASSIGNMENT}/submissions", submissions.list_course_submissions),
    ("GET", f"{_ASSIGNMENT}/submissions/<user_id>", submissions.show_submission),
    ("GET", f"{_SECTION_ASSIGNMENT}/submissions", submissions.list_section_submissions),
    ("GET", "/courses/<course_id>/students/submissions", student_submissions.list_course),
    ("GET", "/sections/<section_id>/students/submissions", student_submissions.list_section),
    ("POST", f"{_ASSIGNMENT}/submissions/update_grades", submissions.update_course_grades),
    ("POST", f"{_SECTION_ASSIGNMENT}/submissions/update_grades", submissions.update_section_grades),
    ("GET", f"{_ASSIGNMENT}/peer_reviews", peer_reviews.list_course),
    ("GET", f"{_SECTION_ASSIGNMENT}/peer_reviews", peer_reviews.list_section),
    ("GET", f"{_ASSIGNMENT}/submissions/<submission_id>/peer_reviews", peer_reviews.list_course),
    ("GET", f"{_SECTION_ASSIGNMENT}/submissions/<submission_id>/peer_reviews", peer_reviews.list_section),
    ("POST", f"{_ASSIGNMENT}/submissions/<submission_id>/peer_reviews", peer_reviews.create_course),
    ("POST", f"{_SECTION_ASSIGNMENT}/submissions/<submission_id>/peer_reviews", peer_reviews.create_section),
    ("DELETE", f"{_ASSIGNMENT}/submissions/<submission_id>/peer_reviews", peer_reviews.delete_course),
    (
        "DELETE",
        f"{_SECTION_ASSIGNMENT}/submissions/<submission_id>/peer_reviews",
        peer_reviews.delete_section,
    ),
    ("GET", "/courses/<course_id>/lti_resource_links", resource_links.list_links),
    ("POST", "/courses/<course_id>/lti_resource_links", resource_links.create_link),
    ("PUT", "/courses/<course_id>/lti_resource_links/<link_id>", resource_links.update_link),
    ("POST", "/conversations", conversations.create_conversation),
)

TAKE_THE_LOCK_THEMSELVES: frozenset[View] = frozenset(
    {peer_reviews.create_course, peer_reviews.create_section}
)


def register_rest(app: Flask, state: CanvasState) -> None:
    """Serve the API under /api/v1 from this state."""
    blueprint = Blueprint("canvas_rest", __name__, url_prefix="/api/v1")
    for number, (method, path, view) in enumerate(ROUTES):
        blueprint.add_url_rule(
            path,
            f"route_{number}",
            partial(_serve, state, view),
            methods=[method],
            provide_automatic_options=False,
        )
    blueprint.add_url_rule(
        "/<path:unknown>",
        "unknown",
        partial(_serve_unknown, state),
        methods=["GET", "POST", "PUT", "DELETE", "PATCH"],
        provide_automatic_options=False,
    )
    app.register_blueprint(blueprint)


def _serve(state: CanvasState, view: View, **ids: str) -> Response:
    try:
        if view in TAKE_THE_LOCK_THEMSELVES:
            return view(open_call(state, request), **ids)
        with state.lock:
            return view(open_call(state, request), **ids)
    except RestError as error:
        return error_answer(error)


def _serve_unknown(state: CanvasState, unknown: str) -> Response:
    """No such route, with any method: 404 like any other unknown thing."""
    del unknown
    return error_answer(not_found(state.habits))
