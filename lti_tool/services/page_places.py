"""Places for pages that wait for Canvas: a slow Canvas holds a few threads of the server, never all.

A page takes a place when it first asks a Canvas, and keeps it to its end. Places are limited for one person,
for one Canvas, and for all Canvases together; the other threads serve everything else, health checks above
all. Where no place is free a page waits a moment, since most pages are over in one, and then says that Canvas
is slow, and the browser asks again. No more pages may wait than may ask.

Only the threads of pages are counted. What goes on behind a page has threads of its own (``fair_threads``).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from allocation.sentences import N_
from lti_tool.planning.ids import CanvasOrigin, UserId
from lti_tool.services.errors import ServiceError

PATIENCE_S = 0.4
"""So long a page waits for a place."""


class CanvasBusy(ServiceError):
    """As many pages as may wait for this Canvas are waiting already; nothing was asked or changed."""


@dataclass(frozen=True, slots=True)
class PlaceLimits:
    """At most so many pages ask at once."""

    for_a_person: int
    for_a_canvas: int
    together: int

    @classmethod
    def of_threads(cls, threads: int) -> PlaceLimits:
        """Shares of a server's threads. As many pages again may wait for a moment, so one Canvas never has
        more than half, and a quarter always serves pages that ask no Canvas."""
        return cls(
            for_a_person=max(1, threads // 8),
            for_a_canvas=max(1, threads // 4),
            together=max(1, threads * 3 // 4),
        )


class PagePlaces:
    """Hands out places; one for each process. ``limits`` None: no limit (command line, worker)."""

    def __init__(self, limits: PlaceLimits | None = None, patience_s: float = PATIENCE_S) -> None:
        self._limits = limits
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._asking: Counter[object] = Counter()
        self._waiting: Counter[object] = Counter()
        self._here = threading.local()

    @contextmanager
    def page(self) -> Iterator[None]:
        """The calling thread serves a page in this block; its places are given back at the end."""
        self._here.held = held = set[tuple[CanvasOrigin, str]]()
        try:
            yield
        finally:
            self._here.held = None
            with self._changed:
                for canvas, person in held:
                    self._asking.subtract(_counted(canvas, person))
                self._changed.notify_all()

    def take(self, canvas: CanvasOrigin, person: UserId | str) -> None:
        """A place for the page that this thread serves; nothing for any other thread.

        Raises:
            CanvasBusy: none became free within a moment.
        """
        held: set[tuple[CanvasOrigin, str]] | None = getattr(self._here, "held", None)
        if held is None or self._limits is None or any(one == canvas for one, _ in held):
            return
        wanted = _counted(canvas, person)
        with self._changed:
            if not self._room(self._asking, wanted) and not self._waited(wanted):
                raise CanvasBusy(N_("Too many pages are waiting for Canvas at the same time."))
            self._asking.update(wanted)
        held.add((canvas, str(person)))

    def _waited(self, wanted: tuple[object, ...]) -> bool:
        if not self._room(self._waiting, wanted):
            return False
        self._waiting.update(wanted)
        until = time.monotonic() + self._patience_s
        try:
            while not self._room(self._asking, wanted):
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True
        finally:
            self._waiting.subtract(wanted)

    def _room(self, count: Counter[object], wanted: tuple[object, ...]) -> bool:
        limits = self._limits
        if limits is None:
            return True
        most = (limits.for_a_person, limits.for_a_canvas, limits.together)
        return all(count[one] < bound for one, bound in zip(wanted, most, strict=True))


def _counted(canvas: CanvasOrigin, person: UserId | str) -> tuple[object, ...]:
    return ((canvas, str(person)), canvas, "together")
