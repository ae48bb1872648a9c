"""One transaction for what many threads want committed at the same moment.

Nobody waits for company: whoever comes first commits alone at once, and those who come meanwhile go together
in the next transaction, committed by the first of them. Each call returns only after the transaction with
its own job has been committed, so a caller may rely on it as if it had been alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Job = TypeVar("Job")


class _Ticket(Generic[Job]):
    """One caller's job. ``woken`` is released when it is over, or when its caller has to lead."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.over = False
        self.error: Exception | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


class GroupCommit(Generic[Job]):
    """Calls ``commit`` with the jobs of all callers that wait; one transaction at a time.

    Args:
        commit: commits all of the jobs; gives for each of them what its caller is to be told, or None.
        broken_off: what the others are told when ``commit`` itself raises; its caller gets that error.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Job]], Sequence[Exception | None]],
        broken_off: Callable[[], Exception],
    ) -> None:
        self._commit = commit
        self._broken_off = broken_off
        self._lock = threading.Lock()
        self._waiting: list[_Ticket[Job]] = []
        self._led = False

    def __call__(self, job: Job) -> None:
        """Return when ``job`` is committed; raise what ``commit`` says of it."""
        ticket = _Ticket(job)
        with self._lock:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            ticket.woken.acquire()
        if not ticket.over:
            self._lead()
        if ticket.error is not None:
            raise ticket.error

    def _lead(self) -> None:
        """Commit the jobs of all who wait, then hand over to the first of those who came meanwhile."""
        with self._lock:
            tickets, self._waiting = self._waiting, []
        errors: Sequence[Exception | None] | None = None
        try:
            errors = self._commit([ticket.job for ticket in tickets])
        finally:
            with self._lock:
                follower = self._waiting[0] if self._waiting else None
                self._led = follower is not None
            for at, ticket in enumerate(tickets):
                ticket.error = self._broken_off() if errors is None else errors[at]
                ticket.over = True
                ticket.woken.release()
            if follower is not None:
                follower.woken.release()
