"""From the engine's remedies to changes of the instructor's rules: each can be applied as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from pydantic import ValidationError

from allocation import Reason
from lti_tool.planning.rules import PlanRules


@dataclass(frozen=True, slots=True)
class WayOut:
    """A change of rules that makes them work. ``changes``: field of ``PlanRules`` -> value as text.

    An empty text for a list takes all of it away.
    """

    changes: Mapping[str, str]

    @property
    def code(self) -> str:
        """The change as one text, for a button or the command line; ``apply_way_out`` reads it."""
        return urlencode(sorted(self.changes.items()))


_SINGLE: Final[Mapping[tuple[str, object], tuple[str, str]]] = {
    ("sections", "any"): ("sections", "any"),
    ("groups", "any"): ("own_group", "allowed"),
    ("avoid_is", "soft"): ("repeats", "avoid"),
    ("reciprocal", "avoid"): ("mutual", "avoid"),
    ("forbidden", frozenset()): ("forbidden", ""),
    ("section_shares", None): ("section_shares", ""),
    ("co_authors", "any"): ("co_authors", "any"),
}
"""(field of the engine's rules, value) -> (field of ours, value)."""

_FIELDS: Final = {"reviews_per_reviewer", "balance", "returns", *(field for field, _ in _SINGLE.values())}


def ways_out(reasons: Sequence[Reason], rules: PlanRules) -> tuple[WayOut, ...]:
    """What the engine found that would work, each once, the smallest change first."""
    found: dict[str, WayOut] = {}
    for reason in reasons:
        for remedy in reason.remedies:
            changes = _changes(remedy.params, rules)
            if changes:
                way = WayOut(changes)
                found.setdefault(way.code, way)
    return tuple(found.values())


def _changes(params: Mapping[str, object], rules: PlanRules) -> dict[str, str] | None:
    changes = {}
    for name, value in params.items():
        if name == "reviews_per_reviewer":
            changes[name] = str(value)
        elif name == "receives":
            if rules.balance == "close":
                return None  # the engine was already allowed all that `close` allows
            changes["balance"] = "close"
        elif name == "avoid_is":
            changes |= _earlier_lifted(rules)
        elif name == "forbidden" and _mixed(rules):  # the stricter kind of earlier pairs is among them
            changes |= _earlier_lifted(rules) | ({"forbidden": ""} if rules.forbidden else {})
        elif isinstance(value, str | frozenset | None) and (name, value) in _SINGLE:
            ours, text = _SINGLE[name, value]
            changes[ours] = text
        else:
            return None
    return changes


def _mixed(rules: PlanRules) -> bool:
    """Whether one of pairs again and pairs in return is strict and the other a wish (``engine_history``)."""
    return bool(rules.earlier) and rules.returns != "allowed" and rules.returns != rules.repeats


def _earlier_lifted(rules: PlanRules) -> dict[str, str]:
    """The strict rules about earlier pairs as wishes."""
    return {name: "avoid" for name in ("repeats", "returns") if getattr(rules, name) == "forbid"}


def apply_way_out(rules: PlanRules, code: str) -> PlanRules | None:
    """The rules with a way out in force; None for a text that no ``WayOut`` has."""
    changes: dict[str, object] = dict(parse_qsl(code, keep_blank_values=True))
    if not changes or not changes.keys() <= _FIELDS:
        return None
    for name in changes.keys() & {"forbidden", "section_shares"}:
        changes[name] = ()
    try:
        return PlanRules.model_validate(rules.model_dump() | changes)
    except ValidationError:
        return None
