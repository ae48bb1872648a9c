"""Maximum flow of networkx and of OR-tools on the graph of all allowed pairs, for comparison with the engine.

They know no goals and draw nothing at random. OR-tools runs in a process of its own:
`python benchmarks/engine_flows.py SIZE FAMILY` prints one number.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from pathlib import Path

import networkx as nx

sys.path.insert(0, str(Path(__file__).resolve().parent))

from engine_families import ALL, FIXED_SIZE, HARDER, LOOSE, TIGHT

from allocation.problem import Problem, compile_problem
from allocation.strategies.exact import fill
from allocation.strategies.start import random_start
from allocation.stream import Stream

LARGEST_NETWORKX = 300
"""Above, the graph of all pairs takes gigabytes as a networkx graph."""


def print_flows(sizes: list[int]) -> None:
    print(
        "| maximum flow on all pairs | n | this engine, ms | reviews | networkx, ms | reviews | OR-tools, ms "
        "| reviews |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    for n in sizes:
        for name, family in ALL.items():
            if name in FIXED_SIZE or (n > LARGEST_NETWORKX and name not in LOOSE | HARDER | TIGHT):
                continue
            roster, rules = family(n, 3, 1)
            gc.collect()
            began = time.process_time()
            problem = compile_problem(roster, rules)
            board = random_start(problem, Stream("1", b"", "start"))
            fill(board, Stream("1", b"", "completion"))
            ours = f"{1e3 * (time.process_time() - began):.1f} | {sum(board.load)}"
            theirs = networkx_flow(problem) if n <= LARGEST_NETWORKX else "- | -"
            print(f"| {name} | {n} | {ours} | {theirs} | {in_process(n, name)} |", flush=True)


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


def in_process(n: int, name: str) -> str:
    done = subprocess.run(
        [sys.executable, __file__, str(n), name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ortools_flow(n: int, name: str) -> str:
    """Milliseconds of building and solving with arrays, and the flow."""
    try:
        import numpy as np
        from ortools.graph.python import max_flow
    except ImportError:
        return "not installed | -"
    problem = compile_problem(*ALL[name](n, 3, 1))
    people, works = len(problem.people), len(problem.works)
    tails = [np.zeros(people, dtype=np.int32), np.arange(1 + people, 1 + people + works, dtype=np.int32)]
    heads = [
        np.arange(1, 1 + people, dtype=np.int32),
        np.full(works, 1 + people + works, dtype=np.int32),
    ]
    room = [np.array(problem.gives, dtype=np.int64), np.array(problem.high, dtype=np.int64)]
    for r in range(people):
        mine = np.array(choices(problem, r), dtype=np.int32)
        tails.append(np.full(len(mine), 1 + r, dtype=np.int32))
        heads.append(mine + 1 + people)
        room.append(np.ones(len(mine), dtype=np.int64))
    began = time.process_time()
    flow = max_flow.SimpleMaxFlow()
    flow.add_arcs_with_capacity(np.concatenate(tails), np.concatenate(heads), np.concatenate(room))
    assert flow.solve(0, 1 + people + works) == flow.OPTIMAL
    return f"{1e3 * (time.process_time() - began):.0f} | {flow.optimal_flow()}"


if __name__ == "__main__":
    print(ortools_flow(int(sys.argv[1]), sys.argv[2]))
