"""Other solvers on the graph of all allowed pairs, beside the engine: networkx and OR-tools in one table.

docs/allocation.md says what each leaves out. OR-tools runs in its own process:
`python benchmarks/engine_flows.py SIZE FAMILY SOLVER` prints one cell.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import networkx as nx

sys.path.insert(0, str(Path(__file__).resolve().parent))

from engine_families import ALL, FIXED_SIZE, HARDER, LEVELS, LOOSE, TIGHT

from allocation import Infeasible, allocate
from allocation.problem import Problem, compile_problem
from allocation.strategies.exact import fill
from allocation.strategies.start import random_start
from allocation.stream import Stream

LARGEST_NETWORKX = 300
"""Above, the graph of all pairs takes gigabytes as a networkx graph."""
LARGEST_CP_SAT = 30
"""Above, the fewest reciprocal pairs take CP-SAT minutes."""
SECONDS = 60.0


def print_flows(sizes: list[int]) -> None:
    columns = ("this engine: hard rules", "all goals", "networkx max flow", "OR-tools max flow")
    columns += ("OR-tools min-cost flow", "CP-SAT")
    cells = " | ".join(f"{one}, ms" if one == "all goals" else f"{one}, ms | reviews" for one in columns)
    print(f"| family | n | {cells} |\n|---|{'--:|' * 12}")
    for n in sizes:
        for name, family in ALL.items():
            if name in FIXED_SIZE or (n > LARGEST_NETWORKX and name not in LOOSE | HARDER | TIGHT | LEVELS):
                continue
            roster, rules = family(n, 3, 1)
            gc.collect()
            began = time.process_time()
            problem = compile_problem(roster, rules)
            board = random_start(problem, Stream("1", b"", "start"))
            fill(board, Stream("1", b"", "completion"))
            ours = f"{1e3 * (time.process_time() - began):.1f} | {sum(board.load)}"
            began = time.process_time()
            with suppress(Infeasible):
                allocate(roster, rules, seed=1)
            ours += f" | {1e3 * (time.process_time() - began):.0f}"
            theirs = networkx_flow(problem) if n <= LARGEST_NETWORKX else "- | -"
            others = [in_process(n, name, solver) for solver in ("max", "cost")]
            others.append(in_process(n, name, "cp-sat") if n <= LARGEST_CP_SAT else "- | -")
            print(f"| {name} | {n} | {ours} | {theirs} | {' | '.join(others)} |", flush=True)


def choices(problem: Problem, r: int) -> list[int]:
    """The works that somebody may review, fixed pairs aside."""
    return [s for s in problem.pool[r] if problem.allowed(r, s)]


def networkx_flow(problem: Problem) -> str:
    graph: nx.DiGraph[object] = nx.DiGraph()
    for r, gives in enumerate(problem.gives):
        graph.add_edge("from", ("r", r), capacity=gives)
        graph.add_edges_from(((("r", r), ("s", s)) for s in choices(problem, r)), capacity=1)
    for s, most in enumerate(problem.high):
        graph.add_edge(("s", s), "to", capacity=most)
    gc.collect()
    began = time.process_time()
    value = nx.maximum_flow_value(graph, "from", "to")
    return f"{1e3 * (time.process_time() - began):.0f} | {value}"


def in_process(n: int, name: str, solver: str) -> str:
    done = subprocess.run(
        [sys.executable, __file__, str(n), name, solver], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def ortools_flow(problem: Problem, *, cost: bool) -> str:
    """Milliseconds of building and solving with arrays, and the reviews: the most, or with ``cost`` of these
    the most even ones with the fewest moved pairs and repeats."""
    import numpy as np
    from ortools.graph.python import max_flow, min_cost_flow

    people, works = len(problem.people), len(problem.works)
    tails, heads, room, price = [], [], [], []

    def arcs(tail: Any, head: Any, capacity: Any, unit: Any) -> None:
        size = max(np.size(tail), np.size(head))
        for into, some in ((tails, tail), (heads, head), (room, capacity), (price, unit)):
            into.append(np.broadcast_to(np.asarray(some, dtype=np.int64), size))

    arcs(0, np.arange(1, 1 + people), problem.gives, 0)
    for r in range(people):
        mine = np.array(choices(problem, r), dtype=np.int32)
        pairs = [(r, int(s)) for s in mine] if cost and (problem.existing or problem.avoid) else []
        unit = [2 * (pair not in problem.existing) + (pair in problem.avoid) for pair in pairs] or 0
        if len(mine):
            arcs(1 + r, mine + 1 + people, 1, unit)
    ends = np.arange(1 + people, 1 + people + works)
    target = 1 + people + works
    if not cost:
        arcs(ends, target, problem.high, 0)
    for unit_number in range(1, max(problem.high) + 1 if cost else 0):
        open_ends = ends[np.array(problem.high) >= unit_number]
        arcs(open_ends, target, 1, unit_number * 3 * sum(problem.gives))
    columns = [np.concatenate(some) for some in (tails, heads, room, price)]
    columns[:2] = [some.astype(np.int32) for some in columns[:2]]
    began = time.process_time()
    if cost:
        solver = min_cost_flow.SimpleMinCostFlow()
        solver.add_arcs_with_capacity_and_unit_cost(*columns)
        solver.set_node_supply(0, sum(problem.gives))
        solver.set_node_supply(target, -sum(problem.gives))
        status = solver.solve_max_flow_with_min_cost()
        value = solver.maximum_flow()
    else:
        solver = max_flow.SimpleMaxFlow()
        solver.add_arcs_with_capacity(*columns[:3])
        status = solver.solve(0, target)
        value = solver.optimal_flow()
    if status != solver.OPTIMAL:
        raise RuntimeError(f"OR-tools ended with {status}")
    return f"{1e3 * (time.process_time() - began):.0f} | {value}"


def cp_sat(problem: Problem) -> str:
    """Milliseconds until the most reviews, of these the fewest reciprocal pairs, are proven."""
    from ortools.sat.python import cp_model

    began = time.process_time()
    model = cp_model.CpModel()
    chosen = {(r, s): model.new_bool_var("") for r in range(len(problem.people)) for s in choices(problem, r)}
    rows: list[list[Any]] = [[] for _ in problem.people]
    columns: list[list[Any]] = [[] for _ in problem.works]
    ways: dict[tuple[int, int], list[Any]] = {}
    for (r, s), x in chosen.items():
        rows[r].append(x)
        columns[s].append(x)
        for author in problem.authors[s]:
            ways.setdefault((r, author), []).append(x)
    for some, most in (*zip(rows, problem.gives, strict=True), *zip(columns, problem.high, strict=True)):
        model.add(sum(some) <= most)
    met = []
    for (one, other), forth in ways.items():
        for back in ways.get((other, one), ()) if one < other else ():
            met.append(model.new_bool_var(""))
            for x in forth:
                model.add_bool_or([x.negated(), back.negated(), met[-1]])
    model.maximize(sum(chosen.values()) * (1 + len(met)) - sum(met))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = SECONDS
    status = solver.solve(model)
    placed = sum(solver.value(x) for x in chosen.values())
    spent = f"{1e3 * (time.process_time() - began):.0f}"
    return f"{spent} | {placed}" if status == cp_model.OPTIMAL else f"> {spent} | {placed}"


def main(n: int, name: str, solver: str) -> None:
    problem = compile_problem(*ALL[name](n, 3, 1))
    try:
        print(cp_sat(problem) if solver == "cp-sat" else ortools_flow(problem, cost=solver == "cost"))
    except ImportError:
        print("not installed | -")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
