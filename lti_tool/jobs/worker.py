"""The worker: answers the bell for one run, and looks for runs that no bell announced.

Huey loses a task when its process dies, and its own clock ticks by the minute; so a sweep over the
journal every few seconds finds runs that wait, whose worker died, or whose pause is over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from huey import Huey
from huey.consumer import Consumer

from lti_tool.applying.errors import JournalUnavailable
from lti_tool.jobs.queue import queue_errors

SWEEP_S = 15.0
log = structlog.get_logger(__name__)


class Bell:
    """Rings for one run, or another thing that waits for a worker (``name`` says which kind).

    ``drive`` must be safe to call for a thing that somebody else drives.
    """

    def __init__(self, queue: Huey, drive: Callable[[str], object], *, name: str = "drive_run") -> None:
        self._task = queue.task(name=name)(drive)
        """Registers the task: every process that rings or works makes a Bell."""

    def ring(self, run_id: str) -> None:
        """Ask any worker to look at the run soon; a ring that is lost, or a queue that is down, costs at most
        one sweep."""
        try:
            self._task(run_id)
        except queue_errors() as error:
            log.warning("bell out of order; the sweep will find the run", run=run_id, error=str(error))


class _QuietConsumer(Consumer):  # type: ignore[misc]  # huey has no types
    """Leaves the process's signal handlers alone, so that a worker can live beside a server."""

    def _set_signal_handlers(self) -> None:
        return


class Worker:
    """Threads that drive runs. ``waiting`` lists the runs that want a driver now.

    Two sets of ``threads``: one for runs that the bell announced, one for runs that the sweep found, so that
    neither waits behind the other. ``chore`` is called after each sweep; it decides itself whether it is due.
    """

    def __init__(
        self,
        queue: Huey,
        drive: Callable[[str], None],
        waiting: Callable[[], Iterable[str]],
        *,
        threads: int,
        sweep_s: float = SWEEP_S,
        chore: Callable[[], object] = lambda: None,
    ) -> None:
        self._consumer = _QuietConsumer(
            queue, workers=threads, periodic=False, initial_delay=0.05, max_delay=0.5, backoff=1.3
        )
        self._drive = drive
        self._waiting = waiting
        self._sweep_s = sweep_s
        self._chore = chore
        self._stop = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_forever, name="sweeper", daemon=True)
        self._drivers = ThreadPoolExecutor(threads, thread_name_prefix="swept-run")
        self._lock = threading.Lock()
        self._swept: set[str] = set()
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="chores")
        self._clerk_at_work: Future[object] | None = None

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
        self._drivers.shutdown()
        self._clerk.shutdown()

    def wait(self) -> None:
        """Block until ``end`` or ``stop`` is called."""
        while not self._stop.wait(0.5):
            pass

    def _sweep_forever(self) -> None:
        while True:
            try:
                self._sweep()
            except JournalUnavailable as error:
                log.warning("sweep failed; tried again", error=str(error))
            self._begin_chore()
            if self._stop.wait(self._sweep_s):
                return

    def _sweep(self) -> None:
        """Begin to drive what waits, but nothing that an earlier sweep began and that is not over yet."""
        for run_id in self._waiting():
            with self._lock:
                if self._stop.is_set() or run_id in self._swept:
                    continue
                self._swept.add(run_id)
                drive = self._drivers.submit(self._drive, run_id)
            log.info("run found by sweep", run=run_id)
            drive.add_done_callback(lambda done, run_id=run_id: self._swept_run_left(run_id, done))  # type: ignore[misc]  # bound per turn

    def _begin_chore(self) -> None:
        """One at a time and beside the runs: to read and plan a large course for a schedule takes a while."""
        busy = self._clerk_at_work
        if busy is not None and not busy.done():
            return
        if busy is not None and (error := busy.exception()) is not None:
            log.error("chore left by an error; begun again", exc_info=error)
        with self._lock:
            if not self._stop.is_set():
                self._clerk_at_work = self._clerk.submit(self._chore)

    def _swept_run_left(self, run_id: str, done: Future[None]) -> None:
        with self._lock:
            self._swept.discard(run_id)
        error = done.exception()
        if error is not None:
            log.error("run left by an error; the next sweep takes it up", run=run_id, exc_info=error)
