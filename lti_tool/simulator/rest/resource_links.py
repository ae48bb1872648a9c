"""`/courses/:course_id/lti_resource_links`: links to tools, with custom parameters that their makers choose.

After `app/controllers/lti/resource_links_controller.rb` of canvas-lms. Both permissions are a teacher's by
default. Canvas looks a link up without regard to the course in the address, so that a teacher can also change
a link of another course; so does this.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response

from lti_tool.simulator.records import Course, ResourceLink
from lti_tool.simulator.rest.answers import RestError
from lti_tool.simulator.rest.call import Call, canonical_id


def custom_of(given: object) -> dict[str, str]:
    """Custom parameters as Canvas keeps them: a hash of texts.

    Raises:
        RestError: 422 when it is anything else.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        words = "'custom' param must contain key/value pairs"
        raise RestError(422, {"errors": [{"code": "invalid_custom", "message": words}]})
    return {str(name): str(value) for name, value in given.items()}


def list_links(call: Call, course_id: str) -> Response:
    """GET, in the order of their making."""
    course = _course(call, course_id)
    rows = [row for row in call.state.resource_links.values() if row.course_id == course.id]
    return call.page(rows, _link_json)


def create_link(call: Call, course_id: str) -> Response:
    """POST: a link for use in texts."""
    course = _course(call, course_id)
    url = str(call.params.get("url") or "")
    link = call.state.add_resource_link(
        course, url, custom_of(call.params.get("custom")), title=str(call.params.get("title") or "")
    )
    return call.answer(_link_json(link))


def update_link(call: Call, course_id: str, link_id: str) -> Response:
    """PUT: address and custom parameters, of any link."""
    _course(call, course_id)
    link = call.state.resource_links.get(canonical_id(link_id))
    if link is None:
        call.fail_not_found()
    if "custom" in call.params:
        link.custom = custom_of(call.params["custom"])
    if call.params.get("url"):
        link.url = str(call.params["url"])
    return call.answer(_link_json(link))


def _course(call: Call, course_id: str) -> Course:
    course = call.course(course_id)
    call.need(course, "manage_assignments_edit")
    return course


def _link_json(link: ResourceLink) -> dict[str, object]:
    return {
        "id": int(link.id),
        "context_id": int(link.assignment_id or link.course_id),
        "context_type": "Assignment" if link.assignment_id else "Course",
        "resource_type": "assignment" if link.assignment_id else "rich_content",
        "resource_link_uuid": link.uuid,
        "lookup_uuid": link.lookup_uuid,
        "title": link.title,
        "url": link.url,
        "workflow_state": "active",
    }
