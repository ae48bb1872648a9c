"""JSON Schemas (draft 2020-12) of the files of the command line: peer-instance/1 and peer-allocation/1.

A schema tells what a file looks like; what it means as a whole (ids that exist, a section that somebody has)
is checked by `instance_file.read_instance` alone.
"""

from __future__ import annotations

from typing import Any

from allocation.roster import MOST_REVIEWS
from allocation.rules import Goal

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Schema = {"type": "string"}
_NAME: Schema = {"type": "string", "minLength": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": MOST_REVIEWS}
_TALLY: Schema = {"type": "integer", "minimum": 0}
_SHARE_OF_ONE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def instance_schema() -> Schema:
    """What `peer-allocator allocate` reads."""
    rules = {
        "sections": _one_of("any", "same", "different"),
        "section_pairs": _or_null(_list(_row(_NAME, _NAME))),
        "section_shares": _or_null(_list(_row(_NAME, _NAME, _COUNT))),
        "groups": _one_of("any", "different", "same"),
        "co_authors": _one_of("any", "different", "same"),
        "reciprocal": _one_of("any", "avoid", "forbid"),
        "receives": _or_null(_row(_COUNT, _COUNT)),
        "goals": _or_null(_list(_one_of(*Goal)) | {"uniqueItems": True}),
    }
    student = {
        "id": _NAME,
        "sections": _list(_NAME),
        "groups": _list(_NAME),
        "gives": _or_null(_COUNT),
        "ability": _or_null(_SHARE_OF_ONE),
    }
    submission = {
        "id": _NAME,
        "authors": _list(_NAME) | {"minItems": 1, "uniqueItems": True},
        "receives": _or_null(_row(_COUNT, _COUNT)),
    }
    properties = {
        "format": {"const": "peer-instance/1"},
        "name": _TEXT,
        "family": _TEXT,
        "k": _COUNT,
        "seed": {"type": ["string", "integer", "null"]},
        "rules": _object(rules, ()),
        "students": _list(_object(student, ("id",))) | {"minItems": 2},
        "submissions": _list(_object(submission, ("id", "authors"))) | {"minItems": 1},
        "avoid_is": _one_of("soft", "hard"),
        "strong_at": _or_null(_SHARE_OF_ONE),
    } | {key: _list(_row(_NAME, _NAME)) for key in ("forbidden", "required", "kept", "avoid")}
    properties["existing"] = _list(_row(_TEXT, _TEXT))
    return _file("An instance of a peer review allocation", properties, ("format", "students", "submissions"))


def allocation_schema() -> Schema:
    """What `peer-allocator allocate` writes."""
    remedy = {"code": _NAME, "params": {"type": "object"}, "text": _NAME}
    reason = {
        "code": _one_of("people_short", "works_short", "reciprocal"),
        "people": _list(_NAME),
        "submissions": _list(_NAME),
        "need": _TALLY,
        "have": _TALLY,
        "shares": _list(_row(_NAME, _TEXT)),
        "text": _NAME,
        "remedies": _list(_object(remedy, tuple(remedy))),
    }
    loads = {key: {"type": "object", "additionalProperties": _TALLY} for key in ("given", "received")}
    numbers = (
        "reciprocal", "repeats", "moved", "weak", "components", "across", "one_sided", "together",
    )  # fmt: skip
    quality = {
        "loads": _object(loads, tuple(loads)),
        "sections": _list(_row(_NAME, _NAME, _TALLY)),
    } | dict.fromkeys(numbers, _TALLY)
    goal = {"name": _one_of(*Goal), "value": _TALLY, "bound": _TALLY}
    properties = {
        "format": {"const": "peer-allocation/1"},
        "instance": _TEXT,
        "seed": {"type": ["string", "integer"]},
        "status": _one_of("ok", "partial", "infeasible"),
        "edges": _list(_row(_NAME, _NAME)) | {"uniqueItems": True},
        "reasons": _list(_object(reason, tuple(key for key in reason if key != "shares"))),
        "quality": _object(quality, tuple(quality)),
        "goals": _list(_object(goal, tuple(goal))),
        "strategy": _NAME,
    }
    return _file("An allocation of peer reviews", properties, tuple(properties))


def _file(title: str, properties: Schema, required: tuple[str, ...]) -> Schema:
    return {"$schema": DRAFT, "title": title} | _object(properties, required)


def _object(properties: Schema, required: tuple[str, ...]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _row(*items: Schema) -> Schema:
    """A list of exactly these."""
    return {"type": "array", "prefixItems": list(items), "items": False, "minItems": len(items)}


def _one_of(*values: str) -> Schema:
    return {"enum": [str(value) for value in values]}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
