"""The file formats of the command line: read an instance (peer-instance/1), write an allocation
(peer-allocation/1).

Knows JSON and nothing of how an allocation is found. Unknown keys are errors, so that a misspelt rule is
never silently ignored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from allocation.check import check
from allocation.errors import AllocationError, InstanceError
from allocation.result import Allocation
from allocation.roster import MOST_REVIEWS, Participant, Roster, Submission, is_count
from allocation.rules import DEFAULT_GOALS, Goal, Pair, Rules, Share

T = TypeVar("T")
V = TypeVar("V")
INSTANCE = "peer-instance/1"
ALLOCATION = "peer-allocation/1"
PAIR_LISTS = ("forbidden", "required", "kept", "avoid", "existing")
TOP = frozenset(
    (
        "format",
        "name",
        "family",
        "k",
        "seed",
        "rules",
        "students",
        "submissions",
        "avoid_is",
        "strong_at",
        *PAIR_LISTS,
    )
)

RULES = frozenset(
    (
        "sections",
        "section_pairs",
        "section_shares",
        "groups",
        "co_authors",
        "reciprocal",
        "receives",
        "goals",
    )
)


class Instance(NamedTuple):
    """What an instance file says."""

    name: str
    roster: Roster
    rules: Rules
    seed: str | None


def read_instance(source: str | Path) -> Instance:
    """Read an instance from a file (a `Path`) or from its text.

    Raises
    ------
    InstanceError
        Not JSON, not this format, an unknown or missing key, a value of the wrong kind; the message names
        the key.
    OSError
        The file cannot be opened.
    """
    if isinstance(source, Path):
        try:
            source = source.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InstanceError(f"The file is not UTF-8: {error}.") from error
    try:
        top = json.loads(source, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except InstanceError:
        raise
    except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
        raise InstanceError(f"The instance is not JSON: {error}.") from error
    _object(top, "the instance", TOP)
    if top.get("format") != INSTANCE:
        raise InstanceError(f'format: expected "{INSTANCE}", found {top.get("format")!r}.')
    for key in ("students", "submissions"):
        if key not in top:
            raise InstanceError(f"{key}: is missing.")
    seed = top.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, str | int)):
        raise InstanceError(f"seed: expected a text, a whole number or null, found {seed!r}.")
    if isinstance(seed, str):
        _text(seed, "seed")
    name = _text(top.get("name", ""), "name")
    _text(top.get("family", ""), "family")
    try:
        roster = Roster(
            tuple(_each(top["students"], "students", _student)),
            tuple(_each(top["submissions"], "submissions", _submission)),
        )
        rules = _rules(top)
        check(roster, rules)
    except InstanceError:
        raise
    except AllocationError as error:
        raise InstanceError(str(error)) from error
    return Instance(name, roster, rules, None if seed is None else str(seed))


def write_instance(name: str, roster: Roster, rules: Rules, seed: str | None = None) -> str:
    """The JSON text of an instance; `read_instance` gives the same roster and rules back."""
    default = Rules()
    content: dict[str, object] = {"format": INSTANCE, "name": name, "k": rules.reviews_per_reviewer}
    if seed is not None:
        content["seed"] = _as_given(seed)
    changed = {key: getattr(rules, key) for key in RULES if getattr(rules, key) != getattr(default, key)}
    content["rules"] = {key: _plain(value) for key, value in sorted(changed.items())}
    content["students"] = [
        {"id": one.id}
        | ({"sections": sorted(one.sections)} if one.sections else {})
        | ({"groups": sorted(one.groups)} if one.groups else {})
        | ({"gives": one.gives} if one.gives is not None else {})
        | ({"ability": one.ability} if one.ability is not None else {})
        for one in roster.participants
    ]
    content["submissions"] = [
        {"id": one.id, "authors": list(one.authors)}
        | ({"receives": list(one.receives)} if one.receives is not None else {})
        for one in roster.submissions
    ]
    content |= {key: _plain(getattr(rules, key)) for key in PAIR_LISTS if getattr(rules, key)}
    if rules.avoid_is != default.avoid_is:
        content["avoid_is"] = rules.avoid_is
    if rules.strong_at is not None:
        content["strong_at"] = rules.strong_at
    return json.dumps(content, ensure_ascii=False) + "\n"


def _as_given(seed: str) -> str | int:
    """A seed that was a number is written as one; both forms mean the same draw."""
    return int(seed) if seed.isascii() and seed.isdigit() and str(int(seed)) == seed else seed


def write_allocation(name: str, allocation: Allocation) -> str:
    """The JSON text of an allocation, with a final line break; the same allocation gives the same bytes."""
    measured = allocation.quality
    content = {
        "format": ALLOCATION,
        "instance": name,
        "seed": _as_given(allocation.seed),
        "status": allocation.status,
        "edges": [list(pair) for pair in allocation.pairs],
        "reasons": [
            {
                "code": reason.code,
                "people": list(reason.people),
                "submissions": list(reason.submissions),
                "need": reason.need,
                "have": reason.have,
                **({"shares": [list(one) for one in reason.shares]} if reason.shares else {}),
                "text": reason.text,
                "remedies": [
                    {
                        "code": one.code,
                        "params": {key: _plain(v) for key, v in one.params.items()},
                        "text": one.text,
                    }
                    for one in reason.remedies
                ],
            }
            for reason in allocation.reasons
        ],
        "quality": {
            "loads": {
                "given": dict(sorted(measured.given.items())),
                "received": dict(sorted(measured.received.items())),
            },
            "sections": [[giver, taker, number] for (giver, taker), number in measured.sections.items()],
            "reciprocal": measured.reciprocal,
            "repeats": measured.repeats,
            "moved": measured.moved,
            "weak": measured.weak,
            "components": measured.components,
            "across": measured.across,
            "one_sided": measured.one_sided,
            "together": measured.together,
        },
        "goals": [asdict(goal) for goal in allocation.goals],
        "strategy": allocation.strategy,
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _plain(value: object) -> object:
    """JSON for the value of a remedy: sets become sorted lists."""
    if isinstance(value, frozenset):
        return [list(one) for one in sorted(value)]
    return list(value) if isinstance(value, tuple) else value


def _rules(top: Mapping[str, Any]) -> Rules:
    given = _object(top.get("rules", {}), "rules", RULES)
    forbidden, required, kept, avoid, existing = (
        frozenset(_each(top.get(key, []), key, _pair)) for key in PAIR_LISTS
    )
    shares = given.get("section_shares")
    matrix = given.get("section_pairs")
    goals = given.get("goals")
    receives = given.get("receives")
    if goals is not None:
        for goal in _of(list, goals, "rules.goals"):
            if goal not in tuple(Goal):
                raise InstanceError(f"rules.goals: {goal!r} is none of {', '.join(Goal)}.")
    strong_at = top.get("strong_at")
    number = _of(int, top.get("k", 3), "k")
    if not is_count(number):
        raise InstanceError(f"k: expected a whole number from 0 to {MOST_REVIEWS}, found {number}.")
    return Rules(
        reviews_per_reviewer=number,
        sections=given.get("sections", "any"),
        groups=given.get("groups", "any"),
        reciprocal=given.get("reciprocal", "avoid"),
        avoid_is=top.get("avoid_is", "soft"),
        strong_at=None if strong_at is None else _of(float, strong_at, "strong_at"),
        receives=None if receives is None else _bounds(receives, "rules.receives"),
        section_pairs=None if matrix is None else frozenset(_each(matrix, "rules.section_pairs", _two_names)),
        section_shares=None if shares is None else _shares(shares),
        co_authors=given.get("co_authors", "any"),
        goals=DEFAULT_GOALS if goals is None else tuple(Goal(goal) for goal in goals),
        forbidden=forbidden,
        required=required,
        kept=kept,
        avoid=avoid,
        existing=existing,
    )


def _shares(value: object) -> frozenset[Share]:
    where = "rules.section_shares"
    shares = _each(value, where, _share)
    cells = set()
    for i, (giver, taker, _) in enumerate(shares):
        if (giver, taker) in cells:
            raise InstanceError(f"{where}[{i}]: {giver!r} to {taker!r} is there twice.")
        cells.add((giver, taker))
    return frozenset(shares)


def _share(value: object, where: str) -> Share:
    items = _of(list, value, where)
    if len(items) != 3:
        raise InstanceError(f"{where}: expected [section, section, reviews], found {value!r}.")
    number = _of(int, items[2], f"{where}[2]")
    return Share(_text(items[0], f"{where}[0]"), _text(items[1], f"{where}[1]"), number)


def _student(value: object, where: str) -> Participant:
    given = _object(value, where, frozenset(("id", "sections", "groups", "gives", "ability")))
    gives, ability = given.get("gives"), given.get("ability")
    return Participant(
        id=_text(given.get("id"), f"{where}.id"),
        sections=frozenset(_each(given.get("sections", []), f"{where}.sections", _text)),
        groups=frozenset(_each(given.get("groups", []), f"{where}.groups", _text)),
        gives=None if gives is None else _of(int, gives, f"{where}.gives"),
        ability=None if ability is None else _of(float, ability, f"{where}.ability"),
    )


def _submission(value: object, where: str) -> Submission:
    given = _object(value, where, frozenset(("id", "authors", "receives")))
    receives = given.get("receives")
    return Submission(
        id=_text(given.get("id"), f"{where}.id"),
        authors=tuple(_each(given.get("authors", []), f"{where}.authors", _text)),
        receives=None if receives is None else _bounds(receives, f"{where}.receives"),
    )


def _pair(value: object, where: str) -> Pair:
    return Pair(*_two_names(value, where))


def _two_names(value: object, where: str) -> tuple[str, str]:
    names = list(_each(value, where, _text))
    if len(names) != 2:
        raise InstanceError(f"{where}: expected two texts, found {value!r}.")
    return names[0], names[1]


def _bounds(value: object, where: str) -> tuple[int, int]:
    numbers = [_of(int, one, where) for one in _of(list, value, where)]
    if len(numbers) != 2:
        raise InstanceError(f"{where}: expected [fewest, most], found {value!r}.")
    return numbers[0], numbers[1]


def _text(value: object, where: str) -> str:
    text = _of(str, value, where)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InstanceError(f"{where}: {text!r} has half a character (a lone surrogate).") from error
    return text


def _each(value: object, where: str, read: Callable[[object, str], T]) -> list[T]:
    return [read(one, f"{where}[{i}]") for i, one in enumerate(_of(list, value, where))]


def _of(kind: type[V], value: object, where: str) -> V:
    """The value, if it is of this JSON kind; whole numbers pass as numbers, true and false never do."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        named = {str: "a text", int: "a whole number", float: "a number", list: "a list"}[kind]
        found = "nothing" if value is None else repr(value)
        raise InstanceError(f"{where}: expected {named}, found {found}.")
    return value


def _object(value: object, where: str, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InstanceError(f"{where}: expected an object, found {value!r}.")
    for key in value:
        if key not in known:
            raise InstanceError(f"{where}: unknown key {key!r}. Known keys: {', '.join(sorted(known))}.")
    return value


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise InstanceError(f"The key {twice!r} occurs twice in one object.")
    return result


def _no_constant(name: str) -> float:
    raise InstanceError(f"The number {name} is not allowed in JSON.")
