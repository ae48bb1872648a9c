"""An exact solver for `benchmarks.oracle`: OR-tools on the full pair graph, in a process of its own.

Reads instances (peer-instance/1), one JSON text a line, and answers one JSON text a line. It knows the file
format and the wording of the rules, and imports nothing of the engine. Linear goals are a minimum-cost flow;
reciprocal pairs go to CP-SAT, where the question is small enough.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.graph.python import max_flow, min_cost_flow
from ortools.sat.python import cp_model

Json = dict[str, Any]
GOALS = ("moved", "repeats", "reciprocal", "strong", "connected")


@dataclass
class Unit:
    """Who reviews as one, with how many reviews of which works."""

    people: list[int]
    gives: int
    works: Any  # boolean array: what the rules leave
    team: int  # no two units of one team may review the same work; -1: no such rule


class Question:
    """An instance, read."""

    def __init__(self, top: Json) -> None:
        self.top = top
        rules = top.get("rules", {})
        students, works = top["students"], top["submissions"]
        self.person = {one["id"]: i for i, one in enumerate(students)}
        self.work = {one["id"]: j for j, one in enumerate(works)}
        self.authors = [[self.person[a] for a in one["authors"]] for one in works]
        k = top.get("k", 3)
        self.gives = [k if one.get("gives") is None else one["gives"] for one in students]
        self.goals = list(rules.get("goals", GOALS))
        self.reciprocal = rules.get("reciprocal", "avoid")
        self.co_authors = rules.get("co_authors", "any")
        at = top.get("strong_at")
        self.strong = None if at is None else [(one.get("ability") or -1.0) >= at for one in students]
        self.size = (len(students), len(works))
        sections = [set(one.get("sections", ())) for one in students]
        groups = [set(one.get("groups", ())) for one in students]
        self.mine, self.theirs = sections, [{x for a in some for x in sections[a]} for some in self.authors]
        self.ok = self._allowed(rules, groups)
        self.teams = {tuple(sorted(some)) for some in self.authors if len(some) > 1}
        self._units(rules.get("section_shares") or ())
        self._bounds(rules, works)

    def pairs(self, *keys: str) -> set[tuple[int, int]]:
        return {
            (self.person[r], self.work[s])
            for key in keys
            for r, s in self.top.get(key, ())
            if r in self.person and s in self.work
        }

    def _met(self, mine: Sequence[set[str]], theirs: Sequence[set[str]]) -> Any:
        """Person i and work j share a label."""
        labels = {label: x for x, label in enumerate(sorted({y for some in (*mine, *theirs) for y in some}))}
        left = np.zeros((len(mine), len(labels) or 1), np.float32)
        right = np.zeros((len(theirs), len(labels) or 1), np.float32)
        for table, some in ((left, mine), (right, theirs)):
            for i, names in enumerate(some):
                for name in names:
                    table[i, labels[name]] = 1
        return left @ right.T > 0

    def _allowed(self, rules: Json, groups: list[set[str]]) -> Any:
        ok = np.ones(self.size, bool)
        same = self._met(self.mine, self.theirs)
        if rules.get("sections", "any") != "any":
            ok &= same if rules["sections"] == "same" else ~same
        if rules.get("section_pairs") is not None:
            widened = [{b for a, b in rules["section_pairs"] if a in some} for some in self.mine]
            ok &= self._met(widened, self.theirs)
        if rules.get("groups", "any") != "any":
            met = self._met(groups, [{x for a in some for x in groups[a]} for some in self.authors])
            ok &= met if rules["groups"] == "same" else ~met
        for i, j in self.pairs("forbidden", *(["avoid"] if self.top.get("avoid_is") == "hard" else [])):
            ok[i, j] = False
        for j, some in enumerate(self.authors):
            ok[some, j] = False
        return ok

    def _units(self, shares: Sequence[tuple[str, str, int]]) -> None:
        n, _ = self.size
        together = [[i] for i in range(n)]
        if self.co_authors == "same":
            sets = [[i for i in team if self.gives[i]] for team in self.teams]
            seated = {i for team in sets for i in team}
            together = [team for team in sets if team] + [[i] for i in range(n) if i not in seated]
        unit_of = {i: some for some in together for i in some}
        team_of = {i: t for t, team in enumerate(sorted(self.teams)) for i in team}
        self.fixed = {(x, j) for i, j in self.pairs("required", "kept") for x in unit_of[i]}
        rows: dict[str, dict[str, int]] = {}
        for a, b, number in shares:
            rows.setdefault(a, {})[b] = number
        self.units: list[Unit] = []
        self.first = {i: some[0] for i, some in unit_of.items()}
        for some in together:
            one = some[0]
            row = rows.get(min(self.mine[one] & rows.keys(), default=""), {})
            target = np.array([min(names & row.keys(), default="") for names in self.theirs])
            wanted = {b: number if self.gives[one] else 0 for b, number in row.items()}
            wanted[""] = self.gives[one] - sum(wanted.values())
            works = self.ok[some].all(axis=0)
            for b, number in sorted(wanted.items()):
                here = target == b
                fixed = sum(bool(here[j]) for i, j in self.fixed if i == one)
                team = team_of.get(one, -1) if self.co_authors == "different" else -1
                self.units.append(Unit(some, max(number, fixed), works & here, team))
        fixed_at = {(self.first[i], j) for i, j in self.fixed}
        self.fixed_by: list[set[int]] = []
        for unit in self.units:
            one = unit.people[0]
            row = rows.get(min(self.mine[one] & rows.keys(), default=""), {})
            self.fixed_by.append(set())
            for i, j in fixed_at:
                if i == one and self._of(unit, j, row):
                    self.fixed_by[-1].add(j)
            unit.works[sorted(self.fixed_by[-1])] = False
        for unit, mine in zip(self.units, self.fixed_by, strict=True):
            for other in self.units if unit.team >= 0 else ():
                if other is not unit and other.team == unit.team:
                    other.works[sorted(mine)] = False
        self._by_target = rows

    def _of(self, unit: Unit, j: int, row: dict[str, int]) -> bool:
        """Whether a fixed pair counts for this unit: its works are those of one column of the matrix."""
        if not row:
            return True
        columns = [*sorted({*row, ""})]
        same = [other for other in self.units if other.people is unit.people]
        return same[columns.index(min(self.theirs[j] & row.keys(), default=""))] is unit

    def _bounds(self, rules: Json, works: list[Json]) -> None:
        total, number = sum(unit.gives for unit in self.units), len(works)
        default = rules.get("receives") or [total // number, -(-total // number)]
        on = [sum(j in mine for mine in self.fixed_by) for j in range(number)]
        self.low, self.high, self.on = [], [], on
        for j, one in enumerate(works):
            low, high = one.get("receives") or default
            self.low.append(low)
            self.high.append(max(high, on[j]))


def answer(top: Json) -> Json:
    """What an exact solver says about an instance."""
    question = Question(top)
    found: Json = coverage(question)
    small = sum(int(unit.works.sum()) for unit in question.units)
    if found["feasible"]:
        if question.reciprocal != "forbid":
            found["goals"] = linear_goals(question)
        if small <= 90:
            found["searched"] = searched(question)
    return found


def coverage(question: Question) -> Json:
    """Whether all quotas can be met, and the most reviews that fit (maximum flow, twice)."""
    n, w = len(question.units), question.size[1]
    gates = _gates(question)
    source, sink = n + w + len(gates), n + w + len(gates) + 1
    tails, heads = _arcs(question, gates)
    left = [unit.gives - len(mine) for unit, mine in zip(question.units, question.fixed_by, strict=True)]

    def flow(room: list[int]) -> int:
        solver = max_flow.SimpleMaxFlow()
        solver.add_arcs_with_capacity(tails, heads, np.ones(len(tails), np.int64))
        for gate, node in gates.items():
            solver.add_arc_with_capacity(node, n + gate[1], 1)
        for i, number in enumerate(left):
            solver.add_arc_with_capacity(source, i, number)
        for j, number in enumerate(room):
            solver.add_arc_with_capacity(n + j, sink, number)
        solver.solve(source, sink)
        return int(solver.optimal_flow())

    lows = [max(0, a - b) for a, b in zip(question.low, question.on, strict=True)]
    most = flow([a - b for a, b in zip(question.high, question.on, strict=True)])
    feasible = most == sum(left) and flow(lows) == sum(lows)
    return {"feasible": feasible, "coverage": most + sum(map(len, question.fixed_by))}


def _gates(question: Question) -> dict[tuple[int, int], int]:
    """One node for each team and work that only one of the team may review."""
    gates: dict[tuple[int, int], int] = {}
    base = len(question.units) + question.size[1]
    for unit in question.units:
        if unit.team >= 0:
            for j in np.flatnonzero(unit.works):
                gates.setdefault((unit.team, int(j)), base + len(gates))
    return gates


def _arcs(question: Question, gates: dict[tuple[int, int], int]) -> tuple[Any, Any]:
    n = len(question.units)
    tails, heads = [], []
    for i, unit in enumerate(question.units):
        works = np.flatnonzero(unit.works)
        tails.append(np.full(len(works), i, np.int32))
        if unit.team >= 0:
            heads.append(np.array([gates[unit.team, int(j)] for j in works], np.int32))
        else:
            heads.append((works + n).astype(np.int32))
    return np.concatenate(tails), np.concatenate(heads)


def linear_goals(question: Question) -> Json | None:
    """The lexicographic optimum of the goals that are sums, by minimum-cost flow; None if they are none."""
    known = ("moved", "repeats", "strong", "same_level", "mixed")
    goals = [goal for goal in question.goals if goal in known]
    graded = question.strong is not None
    goals = [goal for goal in goals if graded or goal in ("moved", "repeats")]
    if question.co_authors == "different" and graded:
        goals = [goal for goal in goals if goal in ("moved", "repeats")]
    found: Json = {}
    fixed: list[tuple[str, int]] = []
    for goal in goals:
        found[goal] = _optimum(question, goal, fixed)
        fixed.append((goal, found[goal]))
    return found


def _optimum(question: Question, goal: str, before: list[tuple[str, int]]) -> int:
    """The least of one goal among what is best for those before: weights, one above all of the next."""
    scale = 1 + 2 * sum(unit.gives * len(unit.people) for unit in question.units) + 2 * question.size[1]
    names = [name for name, _ in before] + [goal]
    weight = {name: scale ** (len(names) - 1 - i) for i, name in enumerate(names)}
    total, base = _cheapest(question, weight)
    value = total + base
    for name, best in before:
        value -= weight[name] * best
    return value


def _cheapest(question: Question, weight: dict[str, int]) -> tuple[int, int]:
    """Price of the best flow, and the constant beside it."""
    n, w = len(question.units), question.size[1]
    strong = question.strong or [False] * question.size[0]
    able = [any(strong[i] for i in unit.people) for unit in question.units]
    level = [any(strong[a] for a in some) for some in question.authors]
    existing, avoid = question.pairs("existing"), question.pairs("avoid")
    if question.top.get("avoid_is") == "hard":
        avoid = set()
    gates = _gates(question)
    node = n + w + len(gates)
    tails: list[int] = []
    heads: list[int] = []
    room: list[int] = []
    price: list[int] = []

    def arc(tail: int, head: int, capacity: int, cost: int) -> None:
        tails.append(tail)
        heads.append(head)
        room.append(capacity)
        price.append(cost)

    reward = (weight.get("mixed", 0), weight.get("mixed", 0) + weight.get("strong", 0))
    base = 0
    done = [[False] * w, [False] * w]
    ways: dict[tuple[int, int], int] = {}
    possible = 0
    for i, (unit, mine) in enumerate(zip(question.units, question.fixed_by, strict=True)):
        for j in mine:
            done[able[i]][j] = True
            base += weight.get("repeats", 0) * sum((x, j) in avoid for x in unit.people)
            base += weight.get("same_level", 0) * (able[i] != level[j])
            base -= weight.get("moved", 0) * sum((x, j) in existing for x in unit.people)
            possible += sum((x, j) in existing for x in unit.people)
        for j in map(int, np.flatnonzero(unit.works)):
            cost = weight.get("same_level", 0) * (able[i] != level[j])
            cost += weight.get("repeats", 0) * sum((x, j) in avoid for x in unit.people)
            cost -= weight.get("moved", 0) * sum((x, j) in existing for x in unit.people)
            possible += sum((x, j) in existing for x in unit.people)
            head = n + j
            if unit.team >= 0:
                head = gates[unit.team, j]
            elif reward[able[i]]:
                head = ways.setdefault((able[i], j), node + len(ways))
            arc(i, head, 1, cost)
    base += weight.get("moved", 0) * possible
    for (_, j), gate in gates.items():
        arc(gate, n + j, 1, 0)
    for (kind, j), gate in ways.items():
        if not done[kind][j]:
            arc(gate, n + j, 1, -reward[kind])
        arc(gate, n + j, sum(question.high) + 1, 0)
    for kind in (0, 1):
        base += reward[kind] * sum(not done[kind][j] and question.high[j] > 0 for j in range(w))
    sink = node + len(ways)
    dear = 1 + 2 * sum(abs(one) for one in weight.values()) * (sum(unit.gives for unit in question.units) + w)
    levels = 1 + max(question.high)
    fewest_first = dear * levels * levels
    bounds = set(zip(question.low, question.high, strict=True))
    even = len(bounds) == 1 and all(high - low <= 1 for low, high in bounds)
    supply = 0
    for j in range(w):
        for unit_number in range(question.on[j] + 1, question.high[j] + 1):
            below = unit_number <= question.low[j]
            arc(n + j, sink, 1, (0 if even else dear * unit_number) - (fewest_first if below else 0))
    solver = min_cost_flow.SimpleMinCostFlow()
    assert fewest_first * (sum(question.high) + 1) < 1 << 61, "prices too large for the oracle"
    solver.add_arcs_with_capacity_and_unit_cost(
        np.array(tails, np.int32), np.array(heads, np.int32), np.array(room, np.int64),
        np.array(price, np.int64),
    )  # fmt: skip
    for i, (unit, mine) in enumerate(zip(question.units, question.fixed_by, strict=True)):
        solver.set_node_supply(i, unit.gives - len(mine))
        supply += unit.gives - len(mine)
    solver.set_node_supply(sink, -supply)
    status = solver.solve()
    assert status == solver.OPTIMAL, status
    number = len(tails)
    flows = solver.flows(np.arange(number))
    last = len(price) - sum(
        question.high[j] - question.on[j] for j in range(w) if question.high[j] > question.on[j]
    )
    return int((flows[:last] * np.array(price[:last], np.int64)).sum()), base


def searched(question: Question) -> Json | None:
    """Fewest reciprocal pairs, or whether none is possible, by CP-SAT; None when it takes too long."""
    if question.co_authors == "same" or len({tuple(u.people) for u in question.units}) < len(question.units):
        return None
    model = cp_model.CpModel()
    chosen: dict[tuple[int, int], Any] = {}
    for unit, mine in zip(question.units, question.fixed_by, strict=True):
        one = unit.people[0]
        chosen |= {(one, int(j)): model.new_bool_var("") for j in np.flatnonzero(unit.works)}
        chosen |= {(one, j): model.new_constant(1) for j in mine}
        model.add(sum(x for (i, _), x in chosen.items() if i == one) == unit.gives)
    load = []
    for j in range(question.size[1]):
        load.append(sum(x for (_, s), x in chosen.items() if s == j))
        model.add(load[j] >= question.low[j])
        model.add(load[j] <= question.high[j])
    fixed_at = {(question.first[i], j) for i, j in question.fixed}
    if question.co_authors == "different":
        for team in question.teams:
            for j in range(question.size[1]):
                already = sum((i, j) in fixed_at for i in team)
                model.add(sum(chosen[i, j] for i in team if (i, j) in chosen) <= max(1, already))
    arcs: dict[tuple[int, int], list[Any]] = {}
    sure: set[tuple[int, int]] = set()
    for (i, j), x in chosen.items():
        for a in question.authors[j]:
            arcs.setdefault((i, a), []).append(x)
            if (i, j) in fixed_at:
                sure.add((i, a))
    both = []
    for (i, a), forth in arcs.items():
        back = arcs.get((a, i))
        if i < a and back:
            if question.reciprocal == "forbid" and {(i, a), (a, i)} <= sure:
                continue
            met = model.new_bool_var("")
            for x in forth:
                for y in back:
                    model.add_bool_or([x.negated(), y.negated(), met])
            both.append(met)
    result: Json = {}
    if question.reciprocal == "forbid":
        for met in both:
            model.add(met == 0)
        status, _ = _solve(model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.INFEASIBLE):
            return None
        return {"possible": status != cp_model.INFEASIBLE}
    goals = [goal for goal in question.goals if goal in ("moved", "repeats", "reciprocal", "strong")]
    if question.reciprocal != "avoid" and "reciprocal" in goals:
        goals.remove("reciprocal")
    if question.strong is None and "strong" in goals:
        goals.remove("strong")
    squares = [model.new_int_var(0, 1 << 12, "") for _ in load]
    for square, number in zip(squares, load, strict=True):
        count = model.new_int_var(0, 60, "")
        model.add(count == number)
        model.add_multiplication_equality(square, [count, count])
    terms = {"uneven": sum(squares)} | {goal: _term(question, goal, chosen, both, model) for goal in goals}
    for goal, term in terms.items():
        model.minimize(term)
        status, value = _solve(model)
        if status != cp_model.OPTIMAL:
            return None
        model.add(term == value)
        if goal != "uneven":
            result[goal] = value
    return result


def _term(
    question: Question, goal: str, chosen: dict[tuple[int, int], Any], both: list[Any], model: Any
) -> Any:
    if goal == "reciprocal":
        return sum(both)
    if goal == "strong":
        weak = []
        for j, high in enumerate(question.high):
            lacks = model.new_bool_var("")
            helpers = [x for (i, s), x in chosen.items() if s == j and (question.strong or [])[i]]
            model.add(lacks + sum(helpers) >= 1)
            weak.append(lacks if high > 0 else 0)
        return sum(weak)
    if goal == "repeats":
        avoid = question.pairs("avoid") if question.top.get("avoid_is") != "hard" else set()
        return sum(x for pair, x in chosen.items() if pair in avoid)
    kept = [x for pair, x in chosen.items() if pair in question.pairs("existing")]
    return len(kept) - sum(kept)


def _solve(model: Any) -> tuple[Any, int]:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = 4
    status = solver.solve(model)
    known = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return status, round(solver.objective_value) if known and model.has_objective() else 0


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
