"""Independent answers for small instances: networkx's flows on the full pair graph, and complete enumeration.

Reads rules only through `verify`, one pair at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import networkx as nx

from allocation import Pair, Roster, Rules, verify


@dataclass(frozen=True)
class Case:
    """What the rules mean, pair by pair."""

    fixed: frozenset[Pair]
    able: frozenset[Pair]
    gives: dict[str, int]
    bounds: dict[str, tuple[int, int]]


def read(roster: Roster, rules: Rules) -> Case:
    fixed = rules.required | rules.kept
    everything = [Pair(one.id, work.id) for one in roster.participants for work in roster.submissions]
    wrong = {
        (one.reviewer, one.submission)
        for one in verify(roster, replace(rules, reciprocal="any"), everything)
        if one.reviewer and one.submission
    }
    by = Counter(pair.reviewer for pair in fixed)
    on = Counter(pair.submission for pair in fixed)
    gives = {
        one.id: max(by[one.id], rules.reviews_per_reviewer if one.gives is None else one.gives)
        for one in roster.participants
    }
    share = sum(gives.values()) / len(roster.submissions)
    default = rules.receives or (int(share), int(share) + (share > int(share)))
    bounds = {}
    for work in roster.submissions:
        low, high = work.receives or default
        bounds[work.id] = (low, max(high, on[work.id]))
    return Case(fixed, frozenset(p for p in everything if p not in wrong and p not in fixed), gives, bounds)


def best_coverage(case: Case) -> tuple[bool, int]:
    """(every quota can be met, largest number of reviews), by networkx's maximum flow."""
    graph: nx.DiGraph[object] = nx.DiGraph()
    graph.add_nodes_from(("source", "sink"))
    by = Counter(pair.reviewer for pair in case.fixed)
    on = Counter(pair.submission for pair in case.fixed)
    for r, number in case.gives.items():
        graph.add_edge("source", ("r", r), capacity=number - by[r])
    for pair in case.able:
        graph.add_edge(("r", pair.reviewer), ("s", pair.submission), capacity=1)

    def flow(side: int) -> int:
        for s, bounds in case.bounds.items():
            graph.add_edge(("s", s), "sink", capacity=max(0, bounds[side] - on[s]))
        return int(nx.maximum_flow_value(graph, "source", "sink"))

    lows = sum(max(0, low - on[s]) for s, (low, _) in case.bounds.items())
    total = sum(case.gives.values()) - len(case.fixed)
    lows_met = flow(0) == lows
    most = flow(1)
    return lows_met and most == total, most + len(case.fixed)


def every_allocation(case: Case) -> Iterator[frozenset[Pair]]:
    """All valid allocations, by brute force over reviewers."""
    by = Counter(pair.reviewer for pair in case.fixed)
    load = Counter(pair.submission for pair in case.fixed)
    choices = {r: sorted(pair for pair in case.able if pair.reviewer == r) for r in case.gives}
    order = sorted(case.gives)

    def extend(at: int, chosen: tuple[Pair, ...]) -> Iterator[frozenset[Pair]]:
        if at == len(order):
            if all(low <= load[s] <= high for s, (low, high) in case.bounds.items()):
                yield case.fixed.union(chosen)
            return
        r = order[at]
        for some in combinations(choices[r], case.gives[r] - by[r]):
            load.update(pair.submission for pair in some)
            if all(load[pair.submission] <= case.bounds[pair.submission][1] for pair in some):
                yield from extend(at + 1, chosen + some)
            load.subtract(pair.submission for pair in some)

    return extend(0, ())
