"""Routes of a launch: the tool in a course, the authorisation address, the key set, the storage frame."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, jsonify, render_template, request
from werkzeug.wrappers import Response

from lti_tool.simulator.pages.context import PageProblem, course_or_problem, simulator
from lti_tool.simulator.pages.visitor import person_in_frame, real_person, require_person, signed_in
from lti_tool.simulator.platform import (
    AUTHORISATION_PATH,
    JWKS_PATH,
    STORAGE_FRAME,
    LaunchRejected,
    LaunchUnavailable,
)

blueprint = Blueprint("launch", __name__)


@blueprint.get("/courses/<course_id>/external_tools/<client_id>")
@signed_in
def external_tool(course_id: str, client_id: str) -> str:
    """The course page around the tool: a form that opens the tool's login address in a frame of this page.

    `link` names a link by its lookup id, as texts do; `placement` and `deep_linking` say from where.
    """
    parts = simulator()
    course, person = course_or_problem(course_id), require_person()
    key = parts.state.keys.get(client_id)
    if key is None:
        raise PageProblem(
            404, "There is no such tool", "No developer key has this client id. Check the link."
        )
    wanted = request.args.get("link")
    links = parts.state.resource_links.values()
    link = next((row for row in links if row.lookup_uuid == wanted and row.course_id == course.id), None)
    if wanted and link is None:
        raise PageProblem(404, "There is no such link", "It was deleted, or belongs to another course.")
    try:
        initiation = parts.platform.initiate(
            key,
            course,
            person,
            placement=request.args.get("placement", "course_navigation"),
            link=link,
            deep_linking="deep_linking" in request.args,
            real_user=real_person(),
        )
    except LaunchUnavailable as unavailable:
        raise PageProblem(
            404,
            "This tool cannot be opened here",
            f"{unavailable} Switch its developer key on, or install it in this course.",
        ) from unavailable
    fields = initiation.fields
    if initiation.method == "GET":
        # A form that is sent by GET drops the query of its action.
        fields = dict(parse_qsl(urlsplit(initiation.action).query)) | fields
    settings: dict[str, Any] = {
        "post_message_token": initiation.launch.post_message_token,
        "tool_name": key.name,
        "storage_target": initiation.storage_target,
        "locale": person.locale,
        "time_zone": person.time_zone,
        "use_high_contrast": False,
        "active_brand_config_json_url": f"{parts.platform.base_url}/simulator/static/brand.json",
        "width_class": None,
    }
    return render_template(
        "external_tool.html",
        course=course,
        key=key,
        initiation=initiation,
        fields=fields,
        settings=settings,
        storage_frame=STORAGE_FRAME if initiation.storage_target == STORAGE_FRAME else None,
    )


@blueprint.route(AUTHORISATION_PATH, methods=["GET", "POST"])
def authorise() -> Response | str:
    """Where the tool sends the browser: answered with a form that posts id_token or error to the tool."""
    try:
        answer = simulator().platform.authenticate(request.values.to_dict(), person_in_frame())
    except LaunchRejected as rejected:
        raise PageProblem(400, "Canvas did not accept the tool's request", str(rejected)) from rejected
    return render_template("authentication_answer.html", answer=answer)


@blueprint.get(JWKS_PATH)
def jwks() -> Response:
    answer = jsonify(simulator().platform.keys.public_jwks())
    answer.headers["Cache-Control"] = "max-age=864000"
    return answer


@blueprint.get("/post_message_forwarding")
def storage_frame() -> str:
    """The sibling frame of a launched tool; see static/storage-frame.js."""
    return render_template("storage_frame.html", deaf_for=simulator().platform.storage_deaf_for)
