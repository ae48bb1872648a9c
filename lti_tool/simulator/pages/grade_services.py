"""Routes of LTI Assignment and Grade Services; see `grade_services` for what they do."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request

from lti_tool.simulator.grade_services import (
    ANY_LINE_ITEM_SCOPE,
    READS_RESULTS,
    WRITES_LINE_ITEMS,
    WRITES_SCORES,
    ServiceCall,
    line_item_json,
    open_service_call,
    result_json,
)
from lti_tool.simulator.pages.context import simulator
from lti_tool.simulator.records import LineItem
from lti_tool.simulator.rest.answers import RestError, error_answer, paged_answer
from lti_tool.simulator.rest.call import bearer_token, canonical_id

blueprint = Blueprint("grade_services", __name__, url_prefix="/api/lti/courses/<course_id>/line_items")
LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
CONTAINER_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"

blueprint.register_error_handler(RestError, error_answer)


@blueprint.get("")
def list_line_items(course_id: str) -> Response:
    with simulator().state.lock:
        call = _open(course_id, ANY_LINE_ITEM_SCOPE)
        found = call.line_items(tag=request.args.get("tag"), resource_id=request.args.get("resource_id"))
        answer = paged_answer(
            request,
            simulator().state.habits,
            found,
            lambda item: line_item_json(item, _address),
            size="limit",
        )
    answer.headers["Content-Type"] = CONTAINER_TYPE
    return answer


@blueprint.post("")
def create_line_item(course_id: str) -> Response:
    with simulator().state.lock:
        item = _open(course_id, WRITES_LINE_ITEMS).create(_body())
        return _json(line_item_json(item, _address), LINE_ITEM_TYPE, 201)


@blueprint.get("/<line_item_id>")
def show_line_item(course_id: str, line_item_id: str) -> Response:
    with simulator().state.lock:
        item = _open(course_id, ANY_LINE_ITEM_SCOPE).line_item(line_item_id)
        return _json(line_item_json(item, _address), LINE_ITEM_TYPE)


@blueprint.get("/<line_item_id>/results")
def list_results(course_id: str, line_item_id: str) -> Response:
    with simulator().state.lock:
        call = _open(course_id, READS_RESULTS)
        item = call.line_item(line_item_id)
        answer = paged_answer(
            request,
            simulator().state.habits,
            call.results(item),
            lambda result: result_json(call, item, result, _address(item)),
            size="limit",
        )
    answer.headers["Content-Type"] = RESULTS_TYPE
    return answer


@blueprint.post("/<line_item_id>/scores")
def post_score(course_id: str, line_item_id: str) -> Response:
    with simulator().state.lock:
        call = _open(course_id, WRITES_SCORES)
        item = call.line_item(line_item_id)
        result = call.score(item, _body())
        return _json({"resultUrl": f"{_address(item)}/results/{result.id}"}, SCORE_TYPE)


def _open(course_id: str, any_of: tuple[str, ...]) -> ServiceCall:
    return open_service_call(
        simulator().platform, bearer_token(request) or "", canonical_id(course_id), any_of
    )


def _address(item: LineItem) -> str:
    base = simulator().platform.api_base_url
    return f"{base}/api/lti/courses/{item.course_id}/line_items/{item.id}"


def _body() -> dict[str, Any]:
    found = request.get_json(silent=True)
    return found if isinstance(found, dict) else {}


def _json(body: dict[str, Any], kind: str, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, content_type=kind)
