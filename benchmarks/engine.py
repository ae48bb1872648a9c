"""Measure the allocation engine: `python benchmarks/engine.py [SIZE ...]`.

First one row for each family and size. B is the time to build a networkx graph of the same pairs through its
public interface, in the same process; times are medians, of the processor, so that other programs disturb
little. "hard rules" is compile + random start + exact completion; "all" is `allocate` with every goal and
mixing, or `feasibility` with its remedies where it cannot work. Every result is checked with `verify` (not
timed). Then networkx's own maximum flow, memory and the time to start, each in a process of its own, and the
methods of others (`baselines`).
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import networkx as nx

sys.path.insert(0, str(Path(__file__).resolve().parent))

from baselines import print_table
from engine_families import ALL, LOOSE, SMALL, Instance

from allocation import Allocation, Infeasible, allocate, feasibility, verify
from allocation.problem import compile_problem
from allocation.strategies.exact import fill
from allocation.strategies.start import random_start
from allocation.stream import Stream

REPEATS = 5
LARGEST_SMALL = 300
HEADER = (
    f"{'family':18}{'n':>7}{'B ms':>9}{'hard rules':>12}{'/ B':>7}{'all s':>9}{'status':>9}"
    f"{'recip':>7}{'rep':>5}{'moved':>7}{'weak':>6}{'isl':>5}"
)


def main(sizes: list[int]) -> None:
    print(HEADER)
    for n in sizes:
        for name, family in ALL.items():
            if n <= LARGEST_SMALL or name not in SMALL:
                print(row(name, n, family(n, 3, 1)), flush=True)
    print_flows(min(300, max(sizes)))
    print_processes([n for n in sizes if n >= LARGEST_SMALL])
    print()
    print_table([30])


def print_flows(n: int) -> None:
    """networkx's maximum flow on the graph of all allowed pairs. It knows no goals."""
    print(f"\nmaximum flow of networkx on all pairs, n = {n}: ms")
    for name, family in LOOSE.items():
        roster, rules = family(n, 3, 1)
        problem = compile_problem(roster, rules)
        graph: nx.DiGraph[object] = nx.DiGraph()
        for r, gives in enumerate(problem.gives):
            graph.add_edge("from", ("r", r), capacity=gives)
            pairs = ((("r", r), ("s", s)) for s in range(len(problem.works)) if problem.allowed(r, s))
            graph.add_edges_from(pairs, capacity=1)
        for s, most in enumerate(problem.high):
            graph.add_edge(("s", s), "to", capacity=most)
        print(f"{name:18}{1e3 * timed(1, lambda g=graph: nx.maximum_flow_value(g, 'from', 'to')):9.0f}")


MEMORY = """
import sys, tracemalloc
sys.path.insert(0, "benchmarks")
from engine_families import plain
from allocation import allocate
roster, rules = plain({n}, 3, 1)
tracemalloc.start()
allocate(roster, rules, seed=1)
print(tracemalloc.get_traced_memory()[1] >> 20)
"""
COMMAND = "from lti_tool.cli import main; main()"
SHORT = """{"format": "peer-instance/1", "students": [{"id": "a"}], "submissions": []}"""


def print_processes(sizes: list[int]) -> None:
    """Largest memory beside roster and imports, and how long the command line takes to say something."""
    root = Path(__file__).resolve().parents[1]

    def run(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=root, capture_output=True, text=True, check=False, input=SHORT
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    print()
    for n in sizes:
        print(f"memory for a plain class of {n}: {run('-c', MEMORY.format(n=n)).strip()} MB")
    start = timed(3, lambda: run("-c", COMMAND, "--help"), time.perf_counter)
    print(f"start of peer-allocator --help: {start:.2f} s")
    refused = ("-c", COMMAND, "allocate", "--instance", "/dev/stdin", "--output", "/dev/null")
    print(f"a refused instance: {timed(3, lambda: run(*refused, code=2), time.perf_counter):.2f} s")


def row(name: str, n: int, instance: Instance) -> str:
    roster, rules = instance
    repeats = REPEATS if n <= 3000 else 3

    def hard_rules() -> None:
        problem = compile_problem(roster, rules)
        fill(random_start(problem, Stream("1", b"", "start")), Stream("1", b"", "completion"))

    began = time.process_time()
    found = outcome(instance)
    everything = time.process_time() - began
    broken = {one.code for one in verify(roster, rules, found.pairs)}
    assert not broken if found.status == "ok" else broken <= {"gives", "receives"}, (name, broken)
    build = timed(repeats, lambda: nx.DiGraph().add_edges_from(found.pairs))
    hard = timed(repeats, hard_rules)
    measured = found.quality
    if found.status != "ok":
        began = time.process_time()
        feasibility(roster, rules)
        everything = time.process_time() - began
    return (
        f"{name:18}{n:7}{build * 1e3:9.2f}{hard * 1e3:12.1f}{hard / build:7.1f}"
        f"{everything:9.3f}{found.status:>9}"
        f"{measured.reciprocal:7}{measured.repeats:5}{measured.moved:7}{measured.weak:6}{measured.components:5}"
    )


def outcome(instance: Instance) -> Allocation:
    try:
        return allocate(*instance, seed=1)
    except Infeasible as refused:
        return refused.best


def timed(repeats: int, run: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Median seconds."""
    times = []
    for _ in range(repeats):
        gc.collect()
        began = clock()
        run()
        times.append(clock() - began)
    return median(times)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [30, 300, 3000])
