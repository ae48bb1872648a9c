"""How many requests of one token may be open at once: the controller of docs/writer.md.

Canvas reserves 50 units of a bucket of 600 for each open request and refuses when the bucket is full, so
throttling is about parallelism, not about calls per hour (canvas-lms request_throttle.rb). `Window` is the
rule, pure over a clock reading; `Pace` is the gate that threads pass; `Paces` keeps one per grant, because
Canvas keeps one bucket per token. Processes need no coordination: the bucket shows up in
X-Rate-Limit-Remaining whoever fills it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from lti_tool.planning.ids import CanvasOrigin, UserId

RESERVED = 50.0
"""What Canvas takes from the bucket while a request is open (request_throttle.rb, up-front cost)."""


class Lane(StrEnum):
    """Who asks: a page that somebody waits for, or a run in the background."""

    PAGE = "page"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class PaceLimits:
    """Settings of the controller, per Canvas; units are Canvas's bucket units and seconds."""

    start: float = 2.0
    maximum: float = 16.0
    without_header: float = 4.0
    """Largest window while Canvas does not say what remains (behind some proxies)."""
    grow_above: float = 300.0
    full_growth_above: float = 600.0
    """Between the two, growth is in proportion. It costs one run nothing, and several that do not know of
    each other overshoot ten times less (tests/unit/canvas/test_pacing_in_virtual_time.py)."""
    shrink_below: float = 200.0
    shrink_by: float = 0.85
    brake_below: float = 120.0
    """Canvas refuses at 50: here the pages' reserve is going, because several who do not know of each other
    grew at once. All of them brake, harder and sooner than they shrink."""
    brake_by: float = 0.6
    brake_every_s: float = 0.15
    halve_by: float = 0.5
    """On a refused request."""
    react_every_s: float = 0.35
    """One burst of answers speaks of one moment: shrink once, not once per answer."""
    pause_s: float = 0.5
    longest_pause_s: float = 10.0
    after_lull: float = 8.0
    """Largest window after ``lull_s`` in which it was not full. A window of 14 is right while requests keep
    coming, because what they reserve leaks away meanwhile; 14 that come at once fill an empty bucket."""
    lull_s: float = 2.0
    page_slots: int = 4
    """The reserve of 200 units that runs leave free, in open requests of 50 each."""
    unsure_page_slots: int = 2
    """So many pages at once while nothing was heard of the bucket for ``page_news_s``: a run may be under
    way in another process, and others may use the token."""
    page_news_s: float = 1.0
    page_margin: float = 100.0
    """Units that pages leave free; Canvas refuses at 50, and runs of other processes are never still."""


class Window:
    """The rule alone. Not thread-safe; `Pace` guards it.

    Args:
        jitter: gives numbers in [0, 1), so that refused clients do not come back together.
    """

    def __init__(self, limits: PaceLimits, jitter: Callable[[], float] = random.random) -> None:
        self.limits = limits
        self.size = limits.start
        self.paused_until = float("-inf")
        self.refusals_in_a_row = 0
        self._jitter = jitter
        self._shrunk_at = float("-inf")
        self._growth_span = max(1.0, limits.full_growth_above - limits.grow_above)

    @property
    def places(self) -> int:
        """Requests that may be open at once; at least one, or nothing would ever be learnt again."""
        return max(1, int(self.size))

    def good(self, now: float, remaining: float | None) -> None:
        """An answer that was not throttled. ``remaining``: X-Rate-Limit-Remaining, if it was there."""
        self.refusals_in_a_row = 0
        if remaining is None:
            self.size = min(self.size + 1 / self.size, self.limits.without_header)
        elif remaining > self.limits.grow_above:
            step = (remaining - self.limits.grow_above) / self._growth_span
            self.size = min(self.size + min(step, 1.0) / self.size, self.limits.maximum)
        elif remaining < self.limits.brake_below:
            self._shrink(now, self.limits.brake_by, self.limits.brake_every_s)
        elif remaining < self.limits.shrink_below:
            self._shrink(now, self.limits.shrink_by, self.limits.react_every_s)

    def calm_down(self) -> None:
        """Nobody has used all of it lately: begin the next burst with what an empty bucket takes at once."""
        self.size = min(self.size, self.limits.after_lull)

    def refused(self, now: float) -> None:
        """A throttled answer: halve, and pause all sends; pauses double while refusals go on."""
        if now < self.paused_until:
            return  # requests that were open together are refused together; that is one refusal
        self._shrink(now, self.limits.halve_by, self.limits.react_every_s)
        pause = min(self.limits.pause_s * 2**self.refusals_in_a_row, self.limits.longest_pause_s)
        self.refusals_in_a_row = min(self.refusals_in_a_row + 1, 16)
        self.paused_until = now + pause * (0.5 + self._jitter())

    def _shrink(self, now: float, factor: float, at_most_every_s: float) -> None:
        if now - self._shrunk_at >= at_most_every_s:
            self._shrunk_at = now
            self.size = max(1.0, self.size * factor)


class PageSlots:
    """How many pages may ask at once: the reserve, or what is left of it. Not thread-safe; `Pace` guards it.

    Pages and runs mostly live in different processes, and several runs that do not know of each other may
    take from the reserve. A page then waits some milliseconds instead of being refused.
    """

    def __init__(self, limits: PaceLimits) -> None:
        self.limits = limits
        self._heard_at = float("-inf")
        self._free = 0.0

    def places(self, now: float) -> int:
        """Pages that may be open at once; at least one, or nothing would be heard again."""
        if now - self._heard_at > self.limits.page_news_s:
            return self.limits.unsure_page_slots
        fit = (self._free - self.limits.page_margin) / RESERVED
        return int(min(max(fit, 1.0), self.limits.page_slots))

    def heard(self, now: float, remaining: float | None, open_pages: int) -> None:
        """An answer of any lane; ``open_pages`` are still open. Nothing remaining: it was refused."""
        self._heard_at = now
        self._free = float("inf") if remaining is None else remaining + RESERVED * open_pages


@dataclass(frozen=True, slots=True)
class PaceReading:
    """For progress pages and metrics."""

    window: float
    open_requests: int
    waiting: int
    paused_for_s: float


class Pace:
    """The gate of one grant. Runs pass first come, first served within the window; pages have places of
    their own and never wait behind a run.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self,
        limits: PaceLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        limits = limits or PaceLimits()
        self.window = Window(limits, jitter)
        self.page_slots = PageSlots(limits)
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[threading.Condition] = deque()
        """Waiting runs; only the first is woken. Waking all for each answer costs more than the answer."""
        self._page_slot_free = threading.Condition(self._lock)
        self._open_in_lane = {Lane.PAGE: 0, Lane.RUN: 0}
        self._page_waiters = 0
        self._held = threading.local()
        self._full_at = float("-inf")

    @contextmanager
    def place(self, lane: Lane) -> Iterator[None]:
        """Wait for a place and hold it. A thread that holds one already passes at once.

        The second sentence lets a driver take its place first, then write its journal, then send: no time
        passes between the mark and the bytes.
        """
        if getattr(self._held, "place", False):
            yield
            return
        with self._lock:
            if lane is Lane.RUN:
                if self._clock() - self._full_at > self.window.limits.lull_s:
                    self.window.calm_down()
                self._wait_in_queue()
            else:
                self._wait_for_page_slot()
            self._open_in_lane[lane] += 1
            if self._in_use:
                self._full_at = self._clock()
            self._wake_first()
        self._held.place = True
        try:
            yield
        finally:
            self._held.place = False
            with self._lock:
                self._open_in_lane[lane] -= 1
                if lane is Lane.PAGE:
                    self._page_slot_free.notify()
                else:
                    self._wake_first()

    def learn(self, *, throttled: bool, remaining: float | None, lane: Lane = Lane.RUN) -> None:
        """Tell the controller of an answer to a request of ``lane``, whose place is still held."""
        with self._lock:
            pages = max(0, self._open_in_lane[Lane.PAGE] - (lane is Lane.PAGE))
            self.page_slots.heard(self._clock(), 0.0 if throttled else remaining, pages)
            self._page_slot_free.notify_all()
            if throttled:
                self.window.refused(self._clock())
            elif self._in_use or remaining is None or remaining < self.window.limits.shrink_below:
                # Room that nobody uses proves nothing: reading a large class would open the window wide.
                self.window.good(self._clock(), remaining)
            else:
                self.window.refusals_in_a_row = 0
            self._wake_first()

    def reading(self) -> PaceReading:
        """The controller at this moment."""
        with self._lock:
            return PaceReading(
                window=self.window.size,
                open_requests=sum(self._open_in_lane.values()),
                waiting=len(self._queue) + self._page_waiters,
                paused_for_s=max(0.0, self.window.paused_until - self._clock()),
            )

    @property
    def _in_use(self) -> bool:
        """Whether runs use the window, but for one place that may be between two requests."""
        return self._open_in_lane[Lane.RUN] >= max(1, self.window.places - 1)

    @property
    def _room(self) -> bool:
        return self._open_in_lane[Lane.RUN] < self.window.places

    def _wake_first(self) -> None:
        """Let the first in the queue look again, if it could go or has to wait for another moment now."""
        if self._queue and self._room:
            self._queue[0].notify()

    def _wait_in_queue(self) -> None:
        ticket = threading.Condition(self._lock)
        self._queue.append(ticket)
        try:
            while True:
                pause = self.window.paused_until - self._clock()
                if self._queue[0] is ticket and self._room:
                    if pause <= 0:
                        return
                    ticket.wait(pause)
                else:
                    ticket.wait()
        finally:
            self._queue.remove(ticket)

    def _wait_for_page_slot(self) -> None:
        self._page_waiters += 1
        try:
            while self._open_in_lane[Lane.PAGE] >= self.page_slots.places(self._clock()):
                self._page_slot_free.wait(self.window.limits.page_news_s)
        finally:
            self._page_waiters -= 1


class Paces:
    """One gate per (Canvas, person) in this process, made when first asked for."""

    def __init__(self, limits: Callable[[CanvasOrigin], PaceLimits] = lambda _canvas: PaceLimits()) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._paces: dict[tuple[CanvasOrigin, UserId], Pace] = {}

    def of(self, canvas: CanvasOrigin, user: UserId) -> Pace:
        """The gate that all runs and pages of this person on this Canvas share."""
        with self._lock:
            pace = self._paces.get((canvas, user))
            if pace is None:
                pace = self._paces[canvas, user] = Pace(self._limits(canvas))
            return pace
