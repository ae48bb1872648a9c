"""Threads that work behind pages, shared fairly: one slow Canvas or one busy person never has them all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from lti_tool.planning.ids import CanvasOrigin
from lti_tool.services.actor import Actor


@dataclass(frozen=True, slots=True)
class _Job:
    canvas: CanvasOrigin
    person: tuple[CanvasOrigin, str]
    future: Future[None]
    work: Callable[[], object]


class FairThreads:
    """First come, first served, except for those whose Canvas or person has its share already."""

    def __init__(self, name: str, *, threads: int, for_a_canvas: int, for_a_person: int) -> None:
        self._most = (for_a_canvas, for_a_person)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = threads
        self._lock = threading.Lock()
        self._waiting: list[_Job] = []
        self._running: Counter[object] = Counter()

    def submit(self, actor: Actor, work: Callable[..., object], *args: Any) -> Future[None]:
        """Do it as soon as this person's turn comes, with the caller's ids in its log lines.

        The future ends as the work does.
        """
        person, context = (actor.canvas, str(actor.user_id)), copy_context()
        job = _Job(actor.canvas, person, Future(), lambda: context.run(work, *args))
        with self._lock:
            self._waiting.append(job)
            self._start_what_may()
        return job.future

    def shutdown(self) -> None:
        """Wait for what runs; what still waits is never begun."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for job in waiting:
            job.future.cancel()
        self._pool.shutdown()

    def _start_what_may(self) -> None:
        for job in tuple(self._waiting):
            if not self._free:
                return
            if self._running[job.canvas] < self._most[0] and self._running[job.person] < self._most[1]:
                self._waiting.remove(job)
                self._free -= 1
                self._running.update((job.canvas, job.person))
                self._pool.submit(self._do, job)

    def _do(self, job: _Job) -> None:
        try:
            if job.future.set_running_or_notify_cancel():
                try:
                    job.work()
                except BaseException as error:
                    job.future.set_exception(error)
                else:
                    job.future.set_result(None)
        finally:
            with self._lock:
                self._free += 1
                self._running.subtract((job.canvas, job.person))
                self._start_what_may()
