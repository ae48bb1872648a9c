"""An exact solver for `benchmarks.fuzz`: one CP-SAT model with every rule and every goal, in a process of its
own.

Reads one JSON text a line: ``instance`` (peer-instance/1), ``status``, ``loads`` and ``goals`` (pairs of name
and value) as the engine answered; ``sure``, goals not to ask about; ``brief``: nothing but whether a refusal
is right. Answers whether the quotas can be met, the most reviews, the least uneven
loads, and for each goal the least value that is possible when all before it have the engine's values. Knows
the file format through `benchmarks.oracle_solver` and imports nothing of the engine.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from benchmarks.oracle_solver import Question

Json = dict[str, Any]
EFFORT = 6.0
"""CP-SAT's deterministic time for one question; what it cannot decide in it is left out and counted."""
ABOVE = 1 << 10
"""What a review above the fewest of its submission costs beside its place: more than
all places together."""


class Model:
    """Variables for each review that the rules leave, and terms for what the goals count."""

    def __init__(self, question: Question, *, quotas: bool) -> None:
        self.question = question
        self.model = cp_model.CpModel()
        self.chosen: list[dict[int, Any]] = []
        for unit, mine in zip(question.units, question.fixed_by, strict=True):
            row = {int(j): self.model.new_bool_var("") for j in np.flatnonzero(unit.works)}
            row |= {j: self.model.new_constant(1) for j in mine}
            self.chosen.append(row)
            given = sum(row.values())
            self.model.add(given == unit.gives if quotas else given <= unit.gives)
        self.loads = []
        for j, (low, high) in enumerate(zip(question.low, question.high, strict=True)):
            load = self.model.new_int_var(0, high, "")
            self.model.add(load == sum(row[j] for row in self.chosen if j in row))
            if quotas:
                self.model.add(load >= low)
            self.loads.append(load)
        self._teams()
        self.met = self._mutual()

    def _teams(self) -> None:
        question = self.question
        by_team: dict[tuple[int, int], list[Any]] = {}
        already: dict[tuple[int, int], int] = {}
        for unit, row, mine in zip(question.units, self.chosen, question.fixed_by, strict=True):
            for j, x in row.items() if unit.team >= 0 else ():
                by_team.setdefault((unit.team, j), []).append(x)
                already[unit.team, j] = already.get((unit.team, j), 0) + (j in mine)
        for key, some in by_team.items():
            if len(some) > 1:
                self.model.add(sum(some) <= max(1, already[key]))

    def _mutual(self) -> list[Any]:
        """One variable for each two people who may review each other; people who review together are one."""
        question, model = self.question, self.model
        ways: dict[tuple[int, int], list[Any]] = {}
        sure: set[tuple[int, int]] = set()
        for unit, row, mine in zip(question.units, self.chosen, question.fixed_by, strict=True):
            one = question.first[unit.people[0]]
            for j, x in row.items():
                for other in {question.first[a] for a in question.authors[j]}:
                    ways.setdefault((one, other), []).append(x)
                    if j in mine:
                        sure.add((one, other))
        met = []
        for (one, other), forth in ways.items():
            back = ways.get((other, one))
            if one >= other or not back:
                continue
            if question.reciprocal == "forbid" and {(one, other), (other, one)} <= sure:
                continue
            both = model.new_bool_var("")
            for x in forth:
                for y in back:
                    model.add_bool_or([x.negated(), y.negated(), both])
            if question.reciprocal == "forbid":
                model.add(both == 0)
            met.append(both)
        return met

    def number(self) -> Any:
        return sum(self.loads)

    def unevenness(self) -> Any:
        """The sum of the costs of all reviews, each dearer than the one before at the same submission."""
        total = []
        for load, low, high in zip(self.loads, self.question.low, self.question.high, strict=True):
            if high <= 0:
                continue
            steps = [self.model.new_bool_var("") for _ in range(high)]
            self.model.add(sum(steps) == load)
            for earlier, later in pairwise(steps):
                self.model.add_implication(later, earlier)
            total += [step * price(unit, low) for unit, step in enumerate(steps, 1)]
        return sum(total)

    def term(self, goal: str) -> Any:
        question = self.question
        strong = question.strong or [False] * question.size[0]
        able = [any(strong[i] for i in unit.people) for unit in question.units]
        if goal == "reciprocal":
            return sum(self.met)
        if goal in ("moved", "repeats"):
            named = question.pairs("existing" if goal == "moved" else "avoid")
            weighted = [
                (x, sum((i, j) in named for i in unit.people))
                for unit, row in zip(question.units, self.chosen, strict=True)
                for j, x in row.items()
            ]
            placed = sum(x * people for x, people in weighted if people)
            return sum(people for _, people in weighted) - placed if goal == "moved" else placed
        if goal == "same_level":
            level = [any(strong[a] for a in some) for some in question.authors]
            return sum(x for u, row in enumerate(self.chosen) for j, x in row.items() if able[u] != level[j])
        lacks = []
        for j, high in enumerate(question.high):
            for kind in (True, False) if goal == "mixed" else (True,):
                if high > 0:
                    lack = self.model.new_bool_var("")
                    helpers = [row[j] for u, row in enumerate(self.chosen) if j in row and able[u] is kind]
                    self.model.add(lack + sum(helpers) >= 1)
                    lacks.append(lack)
        return sum(lacks)

    def least(self, term: Any) -> int | None:
        """The least value of a term; None when CP-SAT cannot tell in time."""
        if isinstance(term, int):
            return term
        self.model.minimize(term)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        solver.parameters.max_deterministic_time = EFFORT
        status = solver.solve(self.model)
        return round(solver.objective_value) if status == cp_model.OPTIMAL else None

    def possible(self) -> bool | None:
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        solver.parameters.max_deterministic_time = EFFORT
        status = solver.solve(self.model)
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return True
        return False if status == cp_model.INFEASIBLE else None


def price(unit: int, low: int) -> int:
    return unit if unit <= low else ABOVE + unit


def answer(asked: Json) -> Json:
    question = Question(asked["instance"])
    found: Json = {"possible": True if asked["status"] == "ok" else Model(question, quotas=True).possible()}
    if found["possible"] is None or (found["possible"] and asked["status"] != "ok"):
        return found
    if asked["status"] != "ok" and asked.get("brief"):
        return found
    model = Model(question, quotas=asked["status"] == "ok")
    loads = asked["loads"]
    if asked["status"] != "ok":
        most = model.least(-model.number())
        found["most"] = None if most is None else -most
        if found["most"] != sum(loads):
            return found
        model.model.add(model.number() == sum(loads))
    if asked["status"] != "ok" or not _always_even(question):
        found["uneven"] = _hold_even(model, loads)
    found["goals"] = {}
    for name, value in asked["goals"]:
        if name == "connected":
            continue
        term = model.term(name)
        sure = value == 0 or name in asked.get("sure", ())
        found["goals"][name] = value if sure else model.least(term)
        model.model.add(term <= value)
    return found


def _always_even(question: Question) -> bool:
    """Whether every allocation that meets the quotas has the same loads, in another order."""
    bounds = set(zip(question.low, question.high, strict=True))
    return len(bounds) == 1 and all(high - low <= 1 for low, high in bounds)


def _hold_even(model: Model, loads: list[int]) -> list[int | None]:
    """Unevenness of the engine's loads and the least possible one; holds the model to the former."""
    question = model.question
    uneven = sum(
        price(unit, low) for load, low in zip(loads, question.low, strict=True) for unit in range(1, load + 1)
    )
    term = model.unevenness()
    least = model.least(term)
    model.model.add(term == uneven)
    return [uneven, least]


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
