"""Measure the writer: ``python -m benchmarks.writer`` (``make bench-writer``; about three minutes).

Speed is printed together with what Canvas refused, because a client that floods the bucket wins any race
that does not count refusals. The bucket is the simulator's; clients that need minutes are played in virtual
time, and a run of the whole writer over real sockets shows that both agree.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import mean

from benchmarks.writer_sockets import creates_and_deletes, crowd, large
from benchmarks.writer_virtual import FixedPool, Result, Run, World, ideal, ours, play
from lti_tool.canvas.pacing import Window

SEEDS = range(5)
WRITES = 3_000
PAGES_PER_S = 3.0
CLIENTS: dict[str, Callable[[int], list[Window | FixedPool]]] = {
    "sequential, keep-alive": lambda _seed: [FixedPool(1)],
    "fixed pool of 8": lambda _seed: [FixedPool(8)],
    "fixed pool of 32, sends again": lambda _seed: [FixedPool(32)],
    "this writer": lambda seed: [ours(seed)],
    "this writer, 2 runs": lambda seed: [ours(seed * 10 + n) for n in range(2)],
    "this writer, 4 runs": lambda seed: [ours(seed * 10 + n) for n in range(4)],
}


def main() -> None:
    """Print all tables."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    revision = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "-"
    print(f"{datetime.now(UTC):%Y-%m-%d} python -m benchmarks.writer, revision {revision}")
    busy = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {busy:.1f} busy before the start\n")
    virtual_table()
    one_run()
    many_runs()
    large_course()


def row(first: str, *cells: str) -> None:
    """One line of a table."""
    print(f"{first:30}" + "".join(f"{cell:>10}" for cell in cells))


def virtual_table() -> None:
    """All clients side by side, and the writer among pages and other runs."""
    print(f"{WRITES} creates on one token, 80-400 ms, 30 ms round trip, cost share 0.7; {len(SEEDS)} seeds,")
    print("virtual time. pages: 3 requests a second of the same person's pages meanwhile\n")
    row("", "", "", "of", "", "", "slowest/", "seconds", "refused", "pages")
    names = ("seconds", "writes/s", "ideal", "refused", "share", "fastest", "+ pages", "+ pages", "refused")
    row("client", *names)
    best = mean(ideal(seed, WRITES).seconds for seed in SEEDS)
    row("ideal: sees the bucket", f"{best:.1f}", f"{WRITES / best:.1f}", "100%", "0", "0.00%")
    for name, rules in CLIENTS.items():
        alone = [play(seed, WRITES, rules) for seed in SEEDS]
        among = [play(seed, WRITES, rules, PAGES_PER_S) for seed in SEEDS]
        seconds = mean(one.seconds for one in alone)
        pages_refused = sum(one.pages_refused for one in among) / sum(one.pages for one in among)
        row(
            name,
            f"{seconds:.1f}",
            f"{WRITES / seconds:.1f}",
            f"{best / seconds:.0%}",
            f"{sum(one.refused for one in alone)}",
            share(alone),
            f"{max(one.spread for one in alone):.2f}",
            f"{mean(one.seconds for one in among):.1f}",
            share(among),
            f"{pages_refused:.2%}",
        )
    print()


def share(results: list[Result]) -> str:
    """Of all requests of the runs, those that Canvas refused."""
    return f"{sum(one.refused for one in results) / sum(one.requests for one in results):.2%}"


def one_run() -> None:
    """The whole writer, over sockets, with everything that it reads."""
    creates, deletes = creates_and_deletes(each=4)
    virtual = mean(World(seed).play([Run(ours(seed), creates.writes)]).seconds for seed in SEEDS)
    print("The whole writer over real sockets: one run, then another that takes it back; SQLite, fsync\n")
    row("run", "writes", "requests", "a write", "refused", "seconds", "writing", "writes/s")
    for name, run in (("creates", creates), ("deletes", deletes)):
        row(
            name,
            f"{run.writes}",
            f"{run.requests}",
            f"{run.requests / run.writes:.2f}",
            f"{run.refused}",
            f"{run.seconds:.1f}",
            f"{run.writing_seconds:.1f}",
            f"{run.writes / run.writing_seconds:.1f}",
        )
    speed = f"{creates.writes / virtual:.1f}"
    row("creates, virtual time", f"{creates.writes}", "", "", "", "", f"{virtual:.1f}", speed)
    print()


def many_runs() -> None:
    """Many courses, each with its own token, on one host."""
    print("20 runs of 300 creates at once, 20 tokens, one host, every commit on disk\n")
    row(
        "journal, worker processes",
        "writes",
        "refused",
        "seconds",
        "writes/s",
        "slow/fast",
        "CPU ms",
        "memory MB",
    )
    for kind, workers in (("SQLite", 1), ("PostgreSQL", 1), ("PostgreSQL", 2)):
        found = crowd(20, 300, workers, postgresql=kind == "PostgreSQL")
        row(
            f"{kind}, {workers}",
            f"{found.writes}",
            f"{found.refused}",
            f"{found.seconds:.1f}",
            f"{found.writes / found.seconds:.0f}",
            f"{found.slowest_over_fastest:.2f}",
            f"{found.cpu_seconds / found.writes * 1e3:.1f}",
            f"{found.memory_mb:.0f}",
        )
    print("CPU ms: of the workers, for each write; memory: of the largest worker\n")


def large_course() -> None:
    """What 10 000 students cost the worker, and how long Canvas then needs."""
    found = large(10_000)
    pace = World(1).play([Run(ours(1), found.writes)])
    print(f"{found.students} students, {found.writes} creates:")
    print(f"allocation and diff {found.planning_seconds:.1f} s;")
    print(f"the worker's own work {found.worker_seconds:.0f} s, at most {found.memory_mb:.0f} MB;")
    print(f"Canvas's bucket needs {pace.seconds / 60:.1f} min (virtual time, {pace.refused} refused)")


if __name__ == "__main__":
    main()
