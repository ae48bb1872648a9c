"""Measure the allocation engine: `python benchmarks/engine.py [SIZE ...]`.

Prints one row for each family and size. B is the time to build a networkx graph of the same pairs through
its public interface, in the same
process; times are medians. "hard rules" is compile + random start + exact completion; "all" is `allocate`
with
every goal and mixing; "reason" is `feasibility` where it cannot work. Every result is checked with `verify`
(not timed).
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import networkx as nx

sys.path.insert(0, str(Path(__file__).resolve().parent))

from engine_families import ALL, SMALL, Instance

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


def row(name: str, n: int, instance: Instance) -> str:
    roster, rules = instance
    repeats = REPEATS if n <= 3000 else 3

    def hard_rules() -> None:
        problem = compile_problem(roster, rules)
        fill(random_start(problem, Stream("1", b"", "start")), Stream("1", b"", "completion"))

    began = time.perf_counter()
    found = outcome(instance)
    everything = time.perf_counter() - began
    broken = {one.code for one in verify(roster, rules, found.pairs)}
    assert not broken if found.status == "ok" else broken <= {"gives", "receives"}, (name, broken)
    build = timed(repeats, lambda: nx.DiGraph().add_edges_from(found.pairs))
    hard = timed(repeats, hard_rules)
    measured = found.quality
    if found.status != "ok":
        began = time.perf_counter()
        feasibility(roster, rules)
        everything = time.perf_counter() - began
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


def timed(repeats: int, run: Callable[[], object]) -> float:
    """Median seconds."""
    times = []
    for _ in range(repeats):
        gc.collect()
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return median(times)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [30, 300, 3000])
