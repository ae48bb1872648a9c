"""Allocate peer reviews: exact, balanced, unpredictable, explained.

Usable alone: no web framework, no database, no network. See docs/allocation.md for rules, goals and method.

Examples
--------
>>> from allocation import Participant, Roster, Rules, Submission, allocate
>>> people = tuple(Participant(name) for name in ("ada", "bob", "cleo"))
>>> roster = Roster(people, tuple(Submission(one.id, (one.id,)) for one in people))
>>> allocation = allocate(roster, Rules(reviews_per_reviewer=2), seed=1)
>>> allocation.given_by("ada")
('bob', 'cleo')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from allocation.errors import (
    AllocationError,
    Cancelled,
    EngineError,
    Infeasible,
    InstanceError,
    RosterError,
    RulesError,
)
from allocation.promise import Promise, promise, reviews_to_ask
from allocation.quality import quality
from allocation.result import Allocation, GoalReport, Quality, Reason, Remedy
from allocation.roster import Participant, Roster, Submission
from allocation.rules import Goal, Pair, Rules, Share
from allocation.sentences import Listing, Mention, Sentence
from allocation.verify import BrokenRule, verify

if TYPE_CHECKING:
    from allocation.certificate import certificate_holds
    from allocation.engine import allocate, feasibility, fewest_moved
    from allocation.graph import circles, export, reciprocal_pairs
    from allocation.instance_file import read_instance, write_allocation, write_instance
    from allocation.term import Term, assignments_without_repeats, plan_term

__all__ = [
    "allocate", "feasibility", "fewest_moved", "verify", "quality", "certificate_holds",
    "Roster", "Participant", "Submission", "Rules", "Goal", "Pair", "Share",
    "read_instance", "write_instance", "write_allocation", "export", "circles", "reciprocal_pairs",
    "promise", "reviews_to_ask", "Promise", "plan_term", "assignments_without_repeats", "Term",
    "Allocation", "Quality", "GoalReport", "Reason", "Remedy", "BrokenRule",
    "Sentence", "Mention", "Listing",
    "AllocationError", "RosterError", "RulesError", "Infeasible", "InstanceError", "Cancelled",
    "EngineError",
]  # fmt: skip

_LATER = {
    "allocate": "engine", "feasibility": "engine", "fewest_moved": "engine",
    "certificate_holds": "certificate",
    "read_instance": "instance_file", "write_instance": "instance_file", "write_allocation": "instance_file",
    "export": "graph", "circles": "graph", "reciprocal_pairs": "graph",
    "Term": "term", "assignments_without_repeats": "term", "plan_term": "term",
}  # fmt: skip
"""Names whose modules are loaded when they are first used: who reads a file and refuses it need not wait for
the search."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value
