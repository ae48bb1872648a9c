"""Measure the allocation engine against its targets: `python -m benchmarks.engine [SIZE ...]`.

Prints Markdown. B is the time to build the networkx graph of the same pairs through its public interface, in
the same process, measured in turn with ours. Times are medians, of the processor, so that other programs
disturb little. "hard" is compile + random start + exact completion; "all" is `allocate` with every goal and
mixing. Behind each stands what it must be and what it should be; a number above the first is **bold**, one
above the second is in *italics*. Every result is checked with `verify` (not timed).

Then single quantities, the networkx graph against plain lists, memory and the times to start, each in a
process of its own; networkx and OR-tools on the graph of all pairs (`engine_flows`); and the methods of
others (`baselines`).
"""

from __future__ import annotations

import gc
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import networkx as nx

sys.path.insert(0, str(Path(__file__).resolve().parent))

from baselines import print_tables
from engine_families import (
    ALL,
    FIXED_SIZE,
    HARDER,
    LEVELS,
    LOOSE,
    TIGHT,
    Instance,
    one_solution,
    plain,
    section_short,
    top_up,
)
from engine_flows import print_flows

from allocation import Allocation, Infeasible, Roster, Rules, allocate, feasibility, quality, verify
from allocation.collector import paused
from allocation.engine import STRATEGY
from allocation.explain import explain
from allocation.graph import measured, reviewer_graph
from allocation.problem import Problem, compile_problem
from allocation.result import Reason
from allocation.shortage import find_shortages
from allocation.strategies.board import Board
from allocation.strategies.costs import cheapest, pair_costs
from allocation.strategies.exact import fill
from allocation.strategies.start import random_start
from allocation.stream import Stream

SIZES = [30, 300, 3000, 30_000, 100_000]
LARGEST_SMALL, LARGEST_LEVELS, LARGEST_ALL = 300, 3000, 30_000
"""Adversarial families, levels, and everything but the loose families' hard rules are measured up to these
sizes."""

Target = tuple[float, float]
"""What a number must not exceed, and what it should not."""

HARD: dict[str, dict[int, Target]] = {
    "loose": {30: (4, 4), 300: (3, 2), 3000: (3, 2), 30_000: (3, 2), 100_000: (3, 2)},
    "mixed": {300: (6, 4), 3000: (9, 4), 30_000: (9, 4)},
    "tight": {300: (15, 10), 3000: (20, 10), 30_000: (60, 10)},
}
EVERYTHING: dict[int, Target] = {30: (0.05, 0.02), 300: (0.3, 0.1), 3000: (0.8, 0.3), 30_000: (5, 2)}
"""Seconds, for the loose families."""
WITH_LEVELS: dict[int, Target] = {300: (0.3, 0.3), 3000: (3, 3)}


def main(sizes: list[int]) -> None:
    print(
        f"`python -m benchmarks.engine {' '.join(map(str, sizes))}`, {datetime.now(tz=UTC):%d %B %Y}, "
        f"CPython {platform.python_version()}, networkx {nx.__version__}, {STRATEGY}\n"
    )
    print(
        "| family | n | B, ms | hard, ms | hard / B | must, aim | all, s | must, aim | status | reciprocal "
        "| repeats | moved | weak | circles | fewest | across | one-sided | optimal |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for n in sizes:
        for name, family in ALL.items():
            small = name not in LOOSE | HARDER | TIGHT | LEVELS
            if (
                (n > LARGEST_SMALL and small)
                or (n > LARGEST_LEVELS and name in LEVELS)
                or (n > LARGEST_ALL and name not in LOOSE)
            ):
                continue
            if name not in FIXED_SIZE or n == min(sizes):
                print(row(name, n, family(n, 3, 1)), flush=True)
    print("\n| quantity | measured | must | aim |\n|---|--:|--:|--:|")
    print_quantities(max([n for n in sizes if n <= 3000], default=300))
    print_processes([n for n in sizes if LARGEST_SMALL < n <= LARGEST_ALL])
    print()
    print_flows([n for n in sizes if n in (30, 300, 3000)])
    print()
    print_tables([30])


def target(name: str, n: int) -> Target | None:
    kind = "loose" if name in LOOSE else "tight" if name in TIGHT else ""
    if name in ("mixed", "several sections"):
        kind = "mixed"
    return HARD.get(kind, {}).get(n)


def judged(value: float, wanted: Target | None, form: str) -> str:
    text = format(value, form)
    if wanted is None or value <= wanted[1]:
        return text
    return f"**{text}**" if value > wanted[0] else f"*{text}*"


def both(wanted: Target | None) -> str:
    return "" if wanted is None else f"{wanted[0]:g}, {wanted[1]:g}"


@paused()
def hard_rules(roster: Roster, rules: Rules) -> tuple[Problem, Board]:
    problem = compile_problem(roster, rules)
    board = random_start(problem, Stream("1", b"", "start"))
    fill(board, Stream("1", b"", "completion"))
    return problem, board


def row(name: str, n: int, instance: Instance) -> str:
    roster, rules = instance
    if n > LARGEST_ALL:
        problem, board = hard_rules(roster, rules)
        pairs = [pair for r, works in enumerate(board.out) for s in works for pair in problem.pairs(r, s)]
        assert not verify(roster, rules, pairs)
        del problem, board
        cells = "| | | | | | | | | | | | |"
    else:
        found = outcome(instance)
        pairs = list(found.pairs)
        broken = {one.code for one in verify(roster, rules, pairs)}
        assert not broken if found.status == "ok" else broken <= {"gives", "receives"}, (name, broken)
        values = found.quality
        islands = [goal.bound for goal in found.goals if goal.name == "connected"]
        cells = (
            f"| {found.status} | {values.reciprocal} | {values.repeats} | {values.moved} | {values.weak} "
            f"| {values.components} | {islands[0] if islands else ''} | {values.across} | {values.one_sided} "
            f"| {sum(goal.proven for goal in found.goals)} of {len(found.goals)} |"
        )
        del found
        everything = timed(5 if n <= 300 else 3 if n <= 3000 else 1, lambda: outcome(instance))
        wanted = EVERYTHING.get(n) if name in LOOSE else WITH_LEVELS.get(n) if name in LEVELS else None
        cells = f"| {judged(everything, wanted, '.3f')} | {both(wanted)} {cells}"
    authors = {one.id: one.authors for one in roster.submissions}
    edges = [(reviewer, author) for reviewer, work in pairs for author in authors[work]]
    nodes = [one.id for one in roster.participants]

    def build() -> None:
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(nodes)
        graph.add_edges_from(edges)

    build_times, hard_times = [], []
    for _ in range(7 if n <= 3000 else 5):
        build_times.append(timed(1, build))
        hard_times.append(timed(1, lambda: hard_rules(roster, rules)))
    base, hard = median(build_times), median(hard_times)
    wanted = target(name, n)
    ratio = judged(hard / base, wanted, ".1f")
    return f"| {name} | {n} | {base * 1e3:.2f} | {hard * 1e3:.1f} | {ratio} | {both(wanted)} {cells}"


def outcome(instance: Instance) -> Allocation:
    try:
        return allocate(*instance, seed=1)
    except Infeasible as refused:
        return refused.best


def print_quantities(n: int) -> None:
    """The rows of the table that are about one thing."""

    def show(name: str, value: float, wanted: Target, form: str = ".3f") -> None:
        print(f"| {name} | {judged(value, wanted, form)} | {wanted[0]:g} | {wanted[1]:g} |", flush=True)

    for size, wanted in ((300, (0.5, 0.1)), (1000, (8.0, 1.0))):
        instance = one_solution(size, 3, 1)
        found = outcome(instance)
        assert found.status == "ok"
        assert not verify(*instance, found.pairs)
        show(
            f"lists that ban 75 %, one solution, n = {size}: everything, s",
            timed(3 if size <= 300 else 1, lambda i=instance: outcome(i)), wanted,
        )  # fmt: skip
        show("the same: hard rules, s", timed(3, lambda i=instance: hard_rules(*i)), wanted)
    short = section_short(n, 3, 1)
    assert feasibility(*short)
    show(
        f"reason for a section that is short, n = {n}: found and told, s",
        timed(5, lambda: refusal(*short)),
        (0.3, 0.05),
    )
    show("the same: with every remedy tried, s", timed(5, lambda: feasibility(*short)), (0.3, 0.05))
    print_graph(n)
    late = top_up(n, 3, 1)
    show(f"minimum-change top-up, exact part, n = {n}, s", timed(5, lambda: fewest_moved(*late)), (0.4, 0.1))


def print_graph(n: int) -> None:
    """What the graph costs beside the plain lists from which the engine computes its qualities."""
    roster, rules = plain(n, 3, 1)
    found = allocate(roster, rules, seed=1)
    graph = found.graph()
    counting = timed(5, lambda: measured(graph))
    making = timed(5, lambda: reviewer_graph(found))
    lists = timed(5, lambda: quality(roster, rules, found.pairs))
    for name, value in (
        (f"`quality` from plain lists, everything, n = {n}, s", lists),
        ("the graph made by `graph()`, s", making),
        ("reciprocal pairs and circles counted in it by networkx, s", counting),
    ):
        print(f"| {name} | {value:.4f} | | |", flush=True)
    print(f"| graph and counting / plain lists | {(making + counting) / lists:.1f} | | |", flush=True)


MEMORY = """
import sys, tracemalloc
sys.path.insert(0, "benchmarks")
from engine_families import plain
from allocation import allocate
tracemalloc.start()
roster, rules = plain({n}, 3, 1)
before = tracemalloc.get_traced_memory()[0]
allocate(roster, rules, seed=1)
print(tracemalloc.get_traced_memory()[1] / 2**20, before / 2**20)
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

    def show(name: str, value: float, wanted: Target, form: str) -> None:
        print(f"| {name} | {judged(value, wanted, form)} | {wanted[0]:g} | {wanted[1]:g} |", flush=True)

    for n, most in zip(sizes, (25, 150), strict=False):
        peak, roster = map(float, run("-c", MEMORY.format(n=n)).split())
        name = f"memory at most, plain, n = {n}, roster ({roster:.1f}) and result included, MB"
        show(name, peak, (most, most), ".1f")
    once = timed(5, lambda: run("-c", COMMAND, "--help"), time.perf_counter)
    show("start of `peer-allocator --help`, s of wall time", once, (0.3, 0.15), ".2f")
    refused = ("-c", COMMAND, "allocate", "--instance", "/dev/stdin", "--output", "/dev/null")
    once = timed(5, lambda: run(*refused, code=2), time.perf_counter)
    show("a refused instance, s of wall time", once, (0.3, 0.15), ".2f")


@paused()
def refusal(roster: Roster, rules: Rules) -> tuple[Reason, ...]:
    problem, board = hard_rules(roster, rules)
    return explain(roster, rules, problem, find_shortages(roster, rules, board), ())


@paused()
def fewest_moved(roster: Roster, rules: Rules) -> Board:
    problem = compile_problem(roster, rules)
    board = random_start(problem, Stream("1", b"", "start"))
    complete = fill(board, Stream("1", b"", "completion"))
    return cheapest(problem, pair_costs(problem, 1, 0), Stream("1", b"", "costs"), quotas_fit=complete)


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
    main([int(size) for size in sys.argv[1:]] or SIZES)
