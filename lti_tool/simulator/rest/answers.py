"""How Canvas answers: JSON with numeric or string ids, error bodies, times, the Link header of a collection.

Sources: canvas-lms app/controllers/application_controller.rb, lib/api.rb.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from flask import Request, Response

from lti_tool.simulator.habits import Habits

Json = Mapping[str, object]
Row = TypeVar("Row")

STRING_IDS = "application/json+canvas-string-ids"


class RestError(Exception):
    """A refusal: status, JSON body and headers, ready to be sent."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def invalid_token(message: str) -> RestError:
    """A dead or unknown token: the header says that a new token would help."""
    return RestError(
        401, {"errors": [{"message": message}]}, {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}
    )


def unauthenticated() -> RestError:
    """No token at all."""
    return RestError(
        401,
        {"status": "unauthenticated", "errors": [{"message": "user authorization required"}]},
        {"WWW-Authenticate": 'Bearer realm="canvas-lms"'},
    )


def insufficient_scopes() -> RestError:
    """A 401 that no refresh cures: it has no WWW-Authenticate header."""
    return RestError(401, {"errors": [{"message": "Insufficient scopes on access token."}]})


def invalid_masquerade() -> RestError:
    """`as_user_id` of somebody whom the caller may not act for: here `errors` is a plain string."""
    return RestError(401, {"errors": "Invalid as_user_id"})


def not_authorized(habits: Habits) -> RestError:
    """Permission missing: 403 or, on older installs, 401 without WWW-Authenticate."""
    message = "user not authorized to perform that action"
    return RestError(habits.permission_status, {"status": "unauthorized", "errors": [{"message": message}]})


def not_found(habits: Habits) -> RestError:
    """Unknown, deleted, or not visible to the caller."""
    body: dict[str, object] = {"errors": [{"message": "The specified resource does not exist."}]}
    if habits.error_report_id:
        body["error_report_id"] = 5_551_212
    return RestError(404, body)


def missing_parameter(name: str) -> RestError:
    """A required parameter is not there."""
    return RestError(400, {"errors": [{"message": f"{name} is missing"}]})


def refused(base: str) -> RestError:
    """The peer review actions' refusal: `errors` is an object with one string."""
    return RestError(400, {"errors": {"base": base}})


def invalid_field(field: str, message: str) -> RestError:
    """A model validation that failed: an object of lists."""
    return RestError(400, {"errors": {field: [{"attribute": field, "type": "invalid", "message": message}]}})


def time_text(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, whole seconds, ending in Z."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_string_ids(value: object, key: str = "") -> object:
    """Turn every number under `id`, `*_id` or `*_ids` into a string, at any depth."""
    if isinstance(value, Mapping):
        return {name: with_string_ids(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_string_ids(item, key) for item in value]
    is_id = key == "id" or key.endswith(("_id", "_ids"))
    return str(value) if is_id and isinstance(value, int) and not isinstance(value, bool) else value


def json_answer(request: Request, body: object, status: int = 200) -> Response:
    """A JSON answer in the id form that the caller asked for."""
    if STRING_IDS in request.headers.get("Accept", ""):
        body = with_string_ids(body)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status=status, content_type="application/json; charset=utf-8")


def error_answer(error: RestError) -> Response:
    """The answer of a refusal."""
    text = json.dumps(error.body, separators=(",", ":"))
    answer = Response(text, status=error.status, content_type="application/json; charset=utf-8")
    answer.headers.extend(error.headers)
    return answer


def paged_answer(
    request: Request,
    habits: Habits,
    rows: Sequence[Row],
    show: Callable[[Row], Json],
    *,
    keep: Callable[[Row], bool] = lambda _row: True,
    size: str = "per_page",
) -> Response:
    """One page of a collection with its Link header; `size` is the parameter that asks for its length.

    `keep` drops rows after the page was cut, as Canvas does in places: a page may then be short and still
    have a next one. Pages beyond the end are empty lists; an unreadable opaque page is 404.
    """
    per_page = _positive(_last(request, size) or _last(request, "per_page"), habits.per_page_default)
    per_page = min(per_page, habits.per_page_max)
    offset = _offset(_last(request, "page"), per_page, habits)
    page = [row for row in rows[offset : offset + per_page] if keep(row)]
    answer = json_answer(request, [show(row) for row in page])
    answer.headers["Link"] = _links(request, habits, offset, per_page, len(rows))
    return answer


def bookmarked_answer(
    request: Request,
    habits: Habits,
    rows: Sequence[Row],
    place: Callable[[Row], tuple[str, str, int]],
    show: Callable[[Row], Json],
) -> Response:
    """One page of a collection that Canvas pages by bookmarks, whatever the installation.

    `place` is what the rows are ordered by. A bookmark is the place of a page's last row, so that rows which
    come or go meanwhile push nobody over a border (canvas-lms lib/bookmarked_collection).
    """
    per_page = min(_positive(_last(request, "per_page"), habits.per_page_default), habits.per_page_max)
    page = _last(request, "page") or "first"
    rest = sorted(rows, key=place)
    if page not in ("first", "1"):
        after = _bookmarked(page, habits)
        rest = [row for row in rest if place(row) > after]
    answer = json_answer(request, [show(row) for row in rest[:per_page]])
    places = {"current": "first" if page == "1" else page}
    if len(rest) > per_page:
        text = json.dumps(list(place(rest[per_page - 1])))
        places["next"] = "bookmark:" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    places["first"] = "first"
    answer.headers["Link"] = _link_header(request, places, per_page)
    return answer


def _bookmarked(page: str, habits: Habits) -> tuple[str, str, int]:
    kind, _, mark = page.partition(":")
    try:
        first, second, third = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
    except (binascii.Error, TypeError, ValueError):
        raise not_found(habits) from None
    if kind != "bookmark":
        raise not_found(habits)
    return first, second, third


def _last(request: Request, name: str) -> str | None:
    """A parameter given twice counts the last time, as in Rails."""
    values = request.args.getlist(name)
    return values[-1] if values else None


def _positive(text: str | None, default: int) -> int:
    return max(1, int(text)) if text and text.isdigit() else default


def _offset(page: str | None, per_page: int, habits: Habits) -> int:
    if not habits.opaque_paging:
        return (_positive(page, 1) - 1) * per_page
    if page is None or page in ("", "1", "first"):
        return 0
    try:
        kind, _, mark = page.partition(":")
        text = base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)).decode()
        if kind != "bookmark" or not text.startswith("row-"):
            raise not_found(habits)
        return int(text.removeprefix("row-"))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise not_found(habits) from None


def _links(request: Request, habits: Habits, offset: int, per_page: int, total: int) -> str:
    """`<url>; rel="..."`, joined by bare commas, in Canvas's order: current, next, prev, first, last."""
    last = max(0, (total - 1) // per_page * per_page)
    places = {"current": offset}
    if offset + per_page < total:
        places["next"] = offset + per_page
    if offset > 0 and not habits.opaque_paging:
        places["prev"] = offset - per_page
    places["first"] = 0
    if not habits.opaque_paging:
        places["last"] = last
    pages = {rel: _page(place, per_page, habits) for rel, place in places.items()}
    return _link_header(request, pages, per_page)


def _link_header(request: Request, pages: Mapping[str, str], per_page: int) -> str:
    kept = [
        (name, value)
        for name, value in parse_qsl(request.query_string.decode(), keep_blank_values=True)
        if name not in ("page", "per_page", "access_token")
    ]
    links = []
    for rel, page in pages.items():
        query = urlencode([*kept, ("page", page), ("per_page", str(per_page))])
        links.append(f'<{request.base_url}?{query}>; rel="{rel}"')
    return ",".join(links)


def _page(offset: int, per_page: int, habits: Habits) -> str:
    if not habits.opaque_paging:
        return str(offset // per_page + 1)
    if offset == 0:
        return "first"
    return "bookmark:" + base64.urlsafe_b64encode(f"row-{offset}".encode()).decode().rstrip("=")
