"""Clients against the simulator's exact bucket in virtual time: thousands of writes in a second or two.

The bucket is ``lti_tool.simulator.throttle.Throttle``, the controller is ``lti_tool.canvas.pacing.Window``;
only time and the network are played.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lti_tool.canvas.pacing import RESERVED, PaceLimits, PageSlots, Window
from lti_tool.simulator.habits import Clock, Habits
from lti_tool.simulator.throttle import Throttle

ROUND_TRIP_S = 0.03
REFUSAL_S = 0.005
LATENCY_S = (0.08, 0.4)
COST_SHARE = 0.7
RETRY_S = 0.25
"""Pause of a fixed pool after a refusal; shorter pauses mean more refusals and more speed."""
START = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOKEN = "token"


class VirtualClock(Clock):
    """Time that events set."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def now(self) -> datetime:
        """The moment of the present event."""
        return START + timedelta(seconds=self.seconds)


class FixedPool:
    """So many requests at once, whatever Canvas says."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.paused_until = float("-inf")

    def good(self, now: float, remaining: float | None) -> None:
        """Learns nothing."""

    def refused(self, now: float) -> None:
        """Learns nothing."""


@dataclass
class Run:
    """One client with so many writes to do."""

    rule: Window | FixedPool
    left: int
    in_flight: int = 0
    requests: int = 0
    refused: int = 0
    done_at: float = 0.0


@dataclass
class Result:
    """What came of it; ``pages`` are requests of the same person's pages meanwhile, ``page_waits_s`` what
    they waited for a place in all, and ``longest_wait_s`` the longest."""

    seconds: float
    requests: int
    refused: int
    pages: int = 0
    pages_refused: int = 0
    spread: float = 1.0
    page_waits_s: float = 0.0
    longest_wait_s: float = 0.0


@dataclass
class World:
    """One token, the runs that share it, and perhaps pages of the same person.

    The pages are another process: they pass the product's gate for pages (`slots`) and see of the bucket only
    their own answers; without a gate they ask blindly.
    """

    seed: int
    pages_per_s: float = 0.0
    slots: PageSlots | None = None
    latency_s: tuple[float, float] = LATENCY_S
    cost_share: float = COST_SHARE
    clock: VirtualClock = field(default_factory=VirtualClock)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.throttle = Throttle(self.clock, Habits())
        self._numbers = itertools.count()
        self.pages = self.pages_refused = self.pages_open = 0
        self.page_waits: list[float] = []
        self._waiting_pages: deque[float] = deque()

    def play(self, runs: list[Run]) -> Result:
        """Until all writes are done."""
        for run in runs:
            self._after(0.0, lambda run=run: self._fill(run))  # type: ignore[misc]  # bound per turn
        if self.pages_per_s:
            self._after(0.0, self._page)
        while any(run.left or run.in_flight for run in runs):
            self.clock.seconds, _, act = heapq.heappop(self._events)
            act()
        ends = [run.done_at for run in runs]
        return Result(
            max(ends),
            sum(run.requests for run in runs),
            sum(run.refused for run in runs),
            self.pages,
            self.pages_refused,
            max(ends) / min(ends),
            sum(self.page_waits),
            max(self.page_waits, default=0.0),
        )

    def ideal(self, writes: int) -> Result:
        """A client that sees the bucket itself, without network: sends whenever it would be admitted."""
        in_flight, left = 0, writes

        def send() -> None:
            nonlocal in_flight, left
            while left and self.throttle.admit(TOKEN):
                left -= 1
                in_flight += 1
                duration = self._duration()
                self._after(duration, lambda duration=duration: end(duration))  # type: ignore[misc]  # bound per turn

        def end(duration: float) -> None:
            nonlocal in_flight
            self.throttle.settle(TOKEN, self.cost_share * duration)
            in_flight -= 1
            send()

        def leak() -> None:
            send()
            if left:
                self._after(0.005, leak)

        self._after(0.0, leak)
        while left or in_flight:
            self.clock.seconds, _, act = heapq.heappop(self._events)
            act()
        return Result(self.clock.seconds, writes, 0)

    def sighted(self, writes: int, free: float) -> Result:
        """The best that is possible over this network: a client that sees the bucket and what is on its way
        there, and sends whenever ``free`` units stay free; what it leaves is for others of the same token."""
        on_the_way, in_flight, left = 0, 0, writes

        def send() -> None:
            nonlocal on_the_way, in_flight, left
            while left and self.throttle.remaining(TOKEN) - RESERVED * (on_the_way + 1) > free:
                left -= 1
                on_the_way += 1
                in_flight += 1
                self._after(ROUND_TRIP_S / 2, arrive)

        def arrive() -> None:
            nonlocal on_the_way
            on_the_way -= 1
            self.throttle.admit(TOKEN)
            duration = self._duration()
            self._after(duration, lambda: end(duration))

        def end(duration: float) -> None:
            self.throttle.settle(TOKEN, self.cost_share * duration)
            self._after(ROUND_TRIP_S / 2, answered)

        def answered() -> None:
            nonlocal in_flight
            in_flight -= 1
            send()

        self._after(0.0, send)
        while left or in_flight:
            self.clock.seconds, _, act = heapq.heappop(self._events)
            act()
        return Result(self.clock.seconds, writes, 0)

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.clock.seconds + seconds, next(self._numbers), act))

    def _duration(self) -> float:
        return self.draw.uniform(*self.latency_s)

    def _fill(self, run: Run) -> None:
        wait = run.rule.paused_until - self.clock.seconds
        if wait > 0:
            self._after(wait, lambda: self._fill(run))
            return
        while run.left and run.in_flight < run.rule.places:
            run.left -= 1
            run.in_flight += 1
            run.requests += 1
            self._after(ROUND_TRIP_S / 2, lambda: self._arrive(run))

    def _arrive(self, run: Run) -> None:
        if not self.throttle.admit(TOKEN):
            run.refused += 1
            self._after(REFUSAL_S + ROUND_TRIP_S / 2, lambda: self._throttled(run))
            return
        duration = self._duration()
        self._after(duration, lambda: self._executed(run, duration))

    def _executed(self, run: Run, duration: float) -> None:
        remaining = self.throttle.settle(TOKEN, self.cost_share * duration)
        self._after(ROUND_TRIP_S / 2, lambda: self._answered(run, remaining))

    def _throttled(self, run: Run) -> None:
        run.rule.refused(self.clock.seconds)
        if isinstance(run.rule, FixedPool):
            self._after(RETRY_S, lambda: self._again(run))
        else:
            self._again(run)

    def _again(self, run: Run) -> None:
        run.in_flight -= 1
        run.left += 1
        self._fill(run)

    def _answered(self, run: Run, remaining: float) -> None:
        run.rule.good(self.clock.seconds, remaining)
        run.in_flight -= 1
        run.done_at = self.clock.seconds
        self._fill(run)

    def _page(self) -> None:
        self._waiting_pages.append(self.clock.seconds)
        self._let_pages_ask()
        self._after(self.draw.expovariate(self.pages_per_s), self._page)

    def _let_pages_ask(self) -> None:
        while self._waiting_pages and (
            self.slots is None or self.pages_open < self.slots.places(self.clock.seconds)
        ):
            self.page_waits.append(self.clock.seconds - self._waiting_pages.popleft())
            self.pages += 1
            self.pages_open += 1
            self._after(ROUND_TRIP_S / 2, self._page_arrives)

    def _page_arrives(self) -> None:
        if self.throttle.admit(TOKEN):
            duration = self._duration()
            self._after(duration, lambda: self._page_executed(duration))
        else:
            self.pages_refused += 1
            self._after(REFUSAL_S + ROUND_TRIP_S / 2, lambda: self._page_answered(0.0))

    def _page_executed(self, duration: float) -> None:
        remaining = self.throttle.settle(TOKEN, self.cost_share * duration)
        self._after(ROUND_TRIP_S / 2, lambda: self._page_answered(remaining))

    def _page_answered(self, remaining: float) -> None:
        self.pages_open -= 1
        if self.slots is not None:
            self.slots.heard(self.clock.seconds, remaining, self.pages_open)
        self._let_pages_ask()


def ours(seed: int) -> Window:
    """The product's controller with the product's numbers."""
    return Window(PaceLimits(), random.Random(seed).random)


def play(
    seed: int,
    writes: int,
    rules: Callable[[int], list[Window | FixedPool]],
    pages_per_s: float = 0.0,
    *,
    blindly: bool = False,
) -> Result:
    """``writes`` divided equally among the clients that ``rules`` makes, all on one token; the pages pass the
    product's gate, or ask ``blindly``."""
    made = rules(seed)
    runs = [Run(rule, writes // len(made)) for rule in made]
    slots = None if blindly else PageSlots(PaceLimits())
    return World(seed, pages_per_s, slots).play(runs)


def ideal(seed: int, writes: int) -> Result:
    """The same writes by a client that sees the bucket."""
    return World(seed).ideal(writes)
