"""Request parameters as Rails reads them: `a[b]=1` is a hash, `a[]=1` a list, JSON bodies join in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from flask import Request

_TRUE = frozenset({"true", "1", "on", "yes", "t", "y"})

_BRACKETS = re.compile(r"\[([^\]]*)\]")


def read_params(request: Request) -> dict[str, object]:
    """Query, form and JSON body as one nested hash; the body wins over the query."""
    params: dict[str, object] = {}
    _insert_all(params, request.args.items(multi=True))
    _insert_all(params, request.form.items(multi=True))
    body = request.get_json(silent=True) if request.is_json else None
    if isinstance(body, dict):
        params.update(body)
    return params


def _insert_all(params: dict[str, object], pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        head = name.split("[", 1)[0]
        _insert(params, [head, *_BRACKETS.findall(name)], value)


def _insert(place: dict[str, object], path: list[str], value: str) -> None:
    """Put one value in: `x[]` makes a list, `x[][y]` a list of hashes (a repeated y opens a new one)."""
    head, rest = path[0], path[1:]
    if not rest:
        place[head] = value
    elif rest[0] == "":
        items = place.setdefault(head, [])
        if not isinstance(items, list):
            return
        if len(rest) == 1:
            items.append(value)
            return
        last = items[-1] if items and isinstance(items[-1], dict) else None
        if last is None or (rest[1] in last and len(rest) == 2):
            last = {}
            items.append(last)
        _insert(last, rest[1:], value)
    else:
        inner = place.setdefault(head, {})
        if isinstance(inner, dict):
            _insert(inner, rest, value)


def as_list(value: object) -> list[str]:
    """A list parameter; a lone value counts as a list of one, as most Canvas actions allow."""
    if value is None:
        return []
    if isinstance(value, list):
        return [str(item) for item in value if not isinstance(item, dict | list)]
    return [str(value)]


def as_bool(value: object) -> bool:
    """Canvas's truthy strings."""
    return value is True or str(value).strip().lower() in _TRUE


def as_time(value: object) -> datetime | None:
    """ISO 8601 with zone; empty is None. ValueError for anything else, as `Invalid datetime` would say."""
    if value in (None, ""):
        return None
    text = str(value)
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
