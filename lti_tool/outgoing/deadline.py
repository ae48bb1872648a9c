"""An end for everything that goes over a socket: connecting, the TLS handshake, headers, body.

Timeouts of sockets count from one byte to the next, so a server that sends a byte now and then holds its
caller for as long as it likes. Here one thread of the process shuts the connection down when the time is
over, wherever the exchange is.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator


class DeadlinePassed(OSError):
    """The exchange took longer than it may, and its connection was shut down."""


class Deadline:
    """The end of one exchange. ``seconds`` count from now."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._cut = False
        self._over = False

    @property
    def left(self) -> float:
        """Seconds until then; never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the time is over, so that what was received may have been cut off."""
        return self._cut or self.left == 0.0

    def watch(self, opened: socket.socket) -> None:
        """Shut this socket down at the end. Raises DeadlinePassed when that was before."""
        # A duplicate: TLS takes the original over, and its number may be given away again once it is closed.
        twin = socket.socket(fileno=os.dup(opened.fileno()))
        with self._lock:
            if not (self._cut or self._over):
                self._sockets.append(twin)
                return
        _shut(twin)
        twin.close()
        raise DeadlinePassed

    def cut(self) -> None:
        """Shut down what is open; called by the watchdog."""
        with self._lock:
            if not self._over:
                self._cut = True
                for opened in self._sockets:
                    _shut(opened)

    def end(self) -> None:
        """The exchange is over; its connection may go on to serve others."""
        with self._lock:
            self._over = True
            for opened in self._sockets:
                opened.close()
            self._sockets.clear()


def _shut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed by the other side meanwhile
        opened.shutdown(socket.SHUT_RDWR)


class _Current(threading.local):
    deadline: Deadline | None = None


_current = _Current()


def current() -> Deadline | None:
    """The end of the exchange that this thread is in."""
    return _current.deadline


@contextlib.contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """Everything that this thread sends and receives in the block ends after ``seconds``.

    An error that the cut caused becomes DeadlinePassed.
    """
    before, deadline = _current.deadline, Deadline(seconds)
    _current.deadline = deadline
    _watchdog.add(deadline)
    try:
        yield deadline
    except Exception as error:
        if deadline.passed:
            raise DeadlinePassed from error
        raise
    finally:
        _current.deadline = before
        deadline.end()


class _Watchdog:
    """The thread that cuts; begun when first needed, and once more in a forked process."""

    def __init__(self) -> None:
        self._begin_again()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_again)

    def _begin_again(self) -> None:
        self._wake = threading.Condition()
        self._due: list[tuple[float, int, Deadline]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._wake:
            heapq.heappush(self._due, (deadline.at, next(self._numbers), deadline))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            elif self._due[0][2] is deadline:
                self._wake.notify()

    def _watch(self) -> None:
        while True:
            with self._wake:
                while not self._due:
                    self._wake.wait()
                at, _, deadline = self._due[0]
                wait = at - time.monotonic()
                if wait > 0:
                    self._wake.wait(wait)
                    continue
                heapq.heappop(self._due)
            deadline.cut()


_watchdog = _Watchdog()
