"""The worker: answers the bell for one run, and looks for runs that no bell announced.

Huey loses a task when its process dies, and its own clock ticks by the minute; so a sweep over the
journal every few seconds finds runs that wait, whose worker died, or whose pause is over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import structlog
from huey import Huey
from huey.consumer import Consumer

SWEEP_S = 15.0
log = structlog.get_logger(__name__)


class Bell:
    """Rings for one run. ``drive`` must be safe to call for a run that somebody else drives."""

    def __init__(self, queue: Huey, drive: Callable[[str], None]) -> None:
        self._task = queue.task(name="drive_run")(drive)
        """Registers the task: every process that rings or works makes a Bell."""

    def ring(self, run_id: str) -> None:
        """Ask any worker to look at the run soon; losing the ring costs at most one sweep."""
        self._task(run_id)


class _QuietConsumer(Consumer):  # type: ignore[misc]  # huey has no types
    """Leaves the process's signal handlers alone, so that a worker can live beside a server."""

    def _set_signal_handlers(self) -> None:
        return


class Worker:
    """Threads that drive runs. ``waiting`` lists the runs that want a driver now."""

    def __init__(
        self,
        queue: Huey,
        drive: Callable[[str], None],
        waiting: Callable[[], Iterable[str]],
        *,
        threads: int,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._consumer = _QuietConsumer(
            queue, workers=threads, periodic=False, initial_delay=0.05, max_delay=0.5, backoff=1.3
        )
        self._drive = drive
        self._waiting = waiting
        self._sweep_s = sweep_s
        self._stop = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_forever, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin in the background; the first sweep is at once."""
        self._consumer.start()
        self._sweeper.start()

    def end(self) -> None:
        """Ask ``wait`` to return; safe in a signal handler."""
        self._stop.set()

    def stop(self) -> None:
        """Finish the calls that are under way, then end; a run that is left behind is resumed by others."""
        self._stop.set()
        self._consumer.stop(graceful=True)
        self._sweeper.join()

    def wait(self) -> None:
        """Block until ``end`` or ``stop`` is called."""
        while not self._stop.wait(0.5):
            pass

    def _sweep_forever(self) -> None:
        while True:
            for run_id in self._waiting():
                if self._stop.is_set():
                    return
                log.info("run found by sweep", run=run_id)
                self._drive(run_id)
            if self._stop.wait(self._sweep_s):
                return
