"""Short notes in the queue's own store, seen by every process: how far a reading is; nothing that lasts."""

from __future__ import annotations

import threading

import structlog
from huey import Huey

from lti_tool.jobs.queue import queue_errors

log = structlog.get_logger(__name__)


class QueueNotes:
    """Implements ``services.background.Notes``. While the queue is out of reach, only this process knows."""

    def __init__(self, queue: Huey) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._own: dict[str, str] = {}

    def put(self, key: str, text: str) -> None:
        """Remember, in place of what stood there."""
        try:
            self._queue.storage.put_data(f"note {key}", text.encode())
            with self._lock:
                self._own.pop(key, None)
        except queue_errors() as error:
            with self._lock:
                self._own[key] = text
            log.warning("the queue keeps no notes at the moment", error=str(error))

    def get(self, key: str) -> str | None:
        """What stands there."""
        with self._lock:
            own = self._own.get(key)
        if own is not None:
            return own
        try:
            found = self._queue.storage.peek_data(f"note {key}")
        except queue_errors():
            return None
        return bytes(found).decode() if isinstance(found, bytes | memoryview) else None
