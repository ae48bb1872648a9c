"""Measure the writer: ``python -m benchmarks.writer`` (``make bench-writer``; about five minutes).

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
from lti_tool.canvas.pacing import RESERVED, PaceLimits, Window

SEEDS = range(10)
WRITES = 3_000
PAGES_PER_S = 3.0
PAGES_RESERVE = PaceLimits().page_slots * RESERVED
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
    table = [*virtual_table(), *one_run(), *many_runs(), *large_course()]
    print("everything that is asked for, beside what was measured\n")
    asked_row("quantity", "must", "aim", "measured", "")
    for one in table:
        asked_row(*one)


Asked = tuple[str, str, str, str, str]
"""A quantity, what it must be, what is aimed at, what was measured, and whether that is enough."""


def asked(quantity: str, must: float, aim: float | None, measured: float, form: str = "{:.2f}") -> Asked:
    """One line of the last table; of rates more is better, of everything else less."""
    more = quantity.endswith(("rate", "a second"))
    ok = measured >= must if more else measured <= must
    reached = aim is not None and (measured >= aim if more else measured <= aim)
    verdict = "aim" if reached else "must" if ok else "NOT REACHED"
    shown = [form.format(value) if value is not None else "" for value in (must, aim, measured)]
    return quantity, shown[0], shown[1], shown[2], verdict


def asked_row(quantity: str, must: str, aim: str, measured: str, verdict: str) -> None:
    """Print one line of the last table."""
    print(f"{quantity:62}{must:>9}{aim:>9}{measured:>10}  {verdict}")


def row(first: str, *cells: str) -> None:
    """One line of a table."""
    print(f"{first:30}" + "".join(f"{cell:>10}" for cell in cells))


def virtual_table() -> list[Asked]:
    """All clients side by side, and the writer among pages and other runs."""
    print(f"{WRITES} creates on one token, 80-400 ms, 30 ms round trip, cost share 0.7; {len(SEEDS)} seeds,")
    print("virtual time. pages: 3 requests a second of the same person's pages meanwhile, which pass the")
    print(
        "tool's gate for pages (what they wait there: mean, longest), or ask blindly. Each run is a process"
    )
    print("of its own and knows of the others only through the bucket; runs of one process share a window\n")
    row("", "", "", "of", "", "", "slowest/", "seconds", "refused", "pages", "a page", "longest", "pages")
    names = (
        *("seconds", "writes/s", "ideal", "refused", "share", "fastest", "+ pages", "+ pages"),
        *("refused", "waits ms", "ms", "blindly"),
    )
    row("client", *names)
    best = mean(ideal(seed, WRITES).seconds for seed in SEEDS)
    found: dict[str, tuple[list[Result], list[Result]]] = {}
    row("ideal: sees the bucket", f"{best:.1f}", f"{WRITES / best:.1f}", "100%", "0", "0.00%")
    sighted = {
        free: mean(World(seed).sighted(WRITES, free).seconds for seed in SEEDS)
        for free in (0.0, 100.0, PAGES_RESERVE)
    }
    for free, seconds in sighted.items():
        name = f"best over this network, {free:.0f} free"
        row(name, f"{seconds:.1f}", f"{WRITES / seconds:.1f}", f"{best / seconds:.0%}", "0", "0.00%")
    for name, rules in CLIENTS.items():
        alone = [play(seed, WRITES, rules) for seed in SEEDS]
        among = [play(seed, WRITES, rules, PAGES_PER_S) for seed in SEEDS]
        blindly = [play(seed, WRITES, rules, PAGES_PER_S, blindly=True) for seed in SEEDS]
        found[name] = alone, among
        seconds = mean(one.seconds for one in alone)
        waits = sum(one.page_waits_s for one in among) / sum(one.pages for one in among)
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
            f"{pages_refused(among):.2%}",
            f"{waits * 1e3:.0f}",
            f"{max(one.longest_wait_s for one in among) * 1e3:.0f}",
            f"{pages_refused(blindly):.2%}",
        )
    print()
    one, two, four = (found[f"this writer{runs}"] for runs in ("", ", 2 runs", ", 4 runs"))
    several = max(refused_share(two[0]), refused_share(four[0]))
    pages = [pages_refused(among) for _, among in (one, two, four)]
    fastest = best / mean(result.seconds for result in one[0])
    return [
        asked("share of the ideal rate", 0.59, 0.85, fastest, "{:.0%}"),
        asked(
            "share of the best that leaves the pages their reserve, rate",
            0.85,
            1.0,
            fastest * sighted[PAGES_RESERVE] / best,
            "{:.0%}",
        ),
        asked("refused, alone", 0, 0, refused_share(one[0]), "{:.2%}"),
        asked("refused, 2 to 4 runs on one token", 0.01, 0.001, several, "{:.2%}"),
        asked("the same person's pages refused meanwhile, one run", 0.01, 0, pages[0], "{:.2%}"),
        asked("the same, the worse of 2 and 4 runs", 0.01, 0, max(pages[1:]), "{:.2%}"),
        asked("slowest / fastest of equal runs", 1.5, 1.15, max(r.spread for r in two[0] + four[0])),
    ]


def refused_share(results: list[Result]) -> float:
    """Of all requests of the runs, those that Canvas refused."""
    return sum(one.refused for one in results) / sum(one.requests for one in results)


def pages_refused(results: list[Result]) -> float:
    """Of all requests of the pages, those that Canvas refused."""
    return sum(one.pages_refused for one in results) / sum(one.pages for one in results)


def share(results: list[Result]) -> str:
    """The same for people."""
    return f"{refused_share(results):.2%}"


def one_run() -> list[Asked]:
    """The whole writer, over sockets, with everything that it reads."""
    creates, deletes, waited = creates_and_deletes(each=4)
    virtual = mean(World(seed).play([Run(ours(seed), creates.writes)]).seconds for seed in SEEDS)
    print("The whole writer over real sockets: one run, then another that takes it back; SQLite, fsync\n")
    row("run", "writes", "requests", "a write", "refused", "seconds", "writing", "writes/s", "cpu ms")
    for name, run in (("creates", creates), ("deletes", deletes), ("creates, apply --wait", waited)):
        row(
            name,
            f"{run.writes}",
            f"{run.requests}",
            f"{run.requests / run.writes:.2f}",
            f"{run.refused}",
            f"{run.seconds:.1f}",
            f"{run.writing_seconds:.1f}",
            f"{run.writes / run.writing_seconds:.1f}",
            f"{run.cpu_seconds / run.writes * 1e3:.1f}",
        )
    speed = f"{creates.writes / virtual:.1f}"
    row("creates, virtual time", f"{creates.writes}", "", "", "", "", f"{virtual:.1f}", speed)
    print()
    return [
        asked(
            "requests for each create, reading and verification included",
            1.1,
            None,
            creates.requests / creates.writes,
        ),
        asked("requests for each delete, the same", 2.1, None, deletes.requests / deletes.writes),
        asked(
            "writing time of apply --wait / of a worker",
            1.1,
            1.02,
            waited.writing_seconds / creates.writing_seconds,
        ),
        asked("processor of apply --wait / of a worker", 1.1, 1.02, waited.cpu_seconds / creates.cpu_seconds),
        asked("refused of apply --wait", 0, 0, waited.refused, "{:.0f}"),
    ]


def many_runs() -> list[Asked]:
    """Many courses, each with its own token, on one host."""
    print(
        "20 runs of 300 creates at once, 20 tokens, one host, every commit on disk; this host also carries\n"
        "Canvas and the database\n"
    )
    names = (
        "writes",
        "refused",
        "seconds",
        "writes/s",
        "slow/fast",
        "worker",
        "Canvas",
        "database",
        "memory MB",
    )
    row("journal, worker processes", *names)
    best = 0.0
    for kind, workers in (("SQLite", 1), ("PostgreSQL", 1), ("PostgreSQL", 2)):
        found = crowd(20, 300, workers, postgresql=kind == "PostgreSQL")
        best = max(best, found.writes / found.seconds)
        parts = (found.cpu_seconds, found.canvas_cpu_seconds, found.database_cpu_seconds)
        row(
            f"{kind}, {workers}",
            f"{found.writes}",
            f"{found.refused}",
            f"{found.seconds:.1f}",
            f"{found.writes / found.seconds:.0f}",
            f"{found.slowest_over_fastest:.2f}",
            *(f"{seconds / found.writes * 1e3:.1f} ms" for seconds in parts),
            f"{found.memory_mb:.0f}",
        )
    print("worker, Canvas, database: processor time of each for one write; memory: of the largest worker\n")
    return [asked("20 courses x 300 writes, 20 tokens, writes a second", 250, 250, best, "{:.0f}")]


def large_course() -> list[Asked]:
    """What 10 000 students cost the worker, and how long Canvas then needs."""
    found = large(10_000)
    pace = World(1).play([Run(ours(1), found.writes)])
    preview = found.reading_seconds + found.planning_seconds
    print(f"{found.students} students, {found.writes} creates:")
    print(f"read over a socket in {found.reading_seconds:.1f} s, {found.requests} requests, of them")
    print(f"{found.requests_refused} refused; processor time: the tool {found.reading_cpu_seconds:.1f} s,")
    print(f"the simulated Canvas {found.canvas_cpu_seconds:.1f} s on the same cores;")
    print(f"allocation and diff {found.planning_seconds:.1f} s;")
    print(f"the worker's own work {found.worker_seconds:.0f} s, at most {found.memory_mb:.0f} MB;")
    print(f"Canvas's bucket needs {pace.seconds / 60:.1f} min (virtual time, {pace.refused} refused)\n")
    longest = max(pace.seconds, found.worker_seconds) / 60
    return [
        asked("10 000 students x 3: preview, seconds", 60, None, preview, "{:.1f}"),
        asked("10 000 students x 3: memory of the worker, MB", 512, None, found.memory_mb, "{:.0f}"),
        asked("10 000 students x 3: apply, minutes (virtual time)", 16, None, longest, "{:.1f}"),
    ]


if __name__ == "__main__":
    main()
