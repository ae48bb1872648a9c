"""Reading a course behind the page that waits for it: joined by whoever asks, watched from any process.

The thread that reads lives in the process that was asked. How far it is stands in notes that every process
sees; the reading itself is a stored snapshot like any other. A note that nobody renews any more belongs to
a process that died, and the next who asks begins anew. Two processes that begin at the same moment both
read, which costs a little and harms nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pydantic import TypeAdapter, ValidationError

from lti_tool.applying.answers import ReadFailed, Why
from lti_tool.defects import present
from lti_tool.planning.ids import AssignmentId
from lti_tool.services.actor import Actor
from lti_tool.services.errors import NotConnected, NotHere
from lti_tool.services.fair_threads import FairThreads
from lti_tool.services.long_work import ReadingPart, ReadingProgress, ReadingState
from lti_tool.services.reading import Reading

THREADS, FOR_A_CANVAS, FOR_A_PERSON = 12, 4, 2
"""Readings at once: of this process, of one Canvas, of one person."""
PULSE_S = 0.7
"""How often a note is renewed."""
LOST_AFTER = timedelta(seconds=20)
"""A reading whose note is older than this has died with its process."""

log = structlog.get_logger(__name__)
_NOTE = TypeAdapter(ReadingProgress)


class Notes(Protocol):
    """Short texts that every process of the tool sees. They may be lost; nothing rests on them."""

    def put(self, key: str, text: str) -> None:
        """Remember, in place of what stood there."""
        ...

    def get(self, key: str) -> str | None:
        """What stands there."""
        ...


@dataclass
class _Live:
    """A reading of this process: lists read so far, and the end."""

    started_at: datetime
    future: Future[None] | None = None
    parts: dict[str, ReadingPart] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, what: str, done: int, total: int | None) -> None:
        """Progress, from any of the threads that read."""
        with self.lock:
            self.parts[what] = ReadingPart(what, done, total)

    def note(
        self, state: ReadingState, now: datetime, why: Why = Why.NONE, scope: str = ""
    ) -> ReadingProgress:
        with self.lock:
            parts = tuple(self.parts.values())
        return ReadingProgress(state, self.started_at, now, parts, why, scope)


class BackgroundReadings:
    """Implements ``BackgroundCases``."""

    def __init__(self, reading: Reading, notes: Notes, now: Callable[[], datetime]) -> None:
        self._reading = reading
        self._notes = notes
        self._now = now
        self._lock = threading.Lock()
        self._live: dict[str, _Live] = {}
        self._threads = FairThreads(
            "background-reading", threads=THREADS, for_a_canvas=FOR_A_CANVAS, for_a_person=FOR_A_PERSON
        )

    def current(self, actor: Actor, assignment: AssignmentId, *, to_plan: bool = False) -> bool:
        """Whether there is a snapshot that is good to look at, or to plan from."""
        return self._reading.current(actor, assignment, to_plan=to_plan)

    def begin(
        self, actor: Actor, assignment: AssignmentId, *, since: datetime, patience_s: float = 0.0
    ) -> ReadingProgress:
        """Read anew, or join a reading that is under way, or be content with one that ended after ``since``.

        Waits up to ``patience_s`` for the end, so that small courses need no page of their own.
        """
        key = _key(actor, assignment)
        with self._lock:
            found = self._state(key)
            content = found is not None and (found.reading or found.told_at >= since)
            if not content:
                live = self._live[key] = _Live(self._now())
                live.future = self._threads.submit(actor, self._read, actor, assignment, key, live)
                live.future.add_done_callback(_log_defect)
                self._put(key, live.note(ReadingState.READING, self._now()))
            mine = self._live.get(key)
        if mine is not None and mine.future is not None and patience_s:
            wait_for([mine.future], timeout=patience_s)
        return present(self.state(actor, assignment), "a reading that was begun has a note")

    def state(self, actor: Actor, assignment: AssignmentId) -> ReadingProgress | None:
        """The reading that is under way or ended last; None when there is none."""
        with self._lock:
            return self._state(_key(actor, assignment))

    def close(self) -> None:
        """Wait for the readings that are under way."""
        self._threads.shutdown()

    def _state(self, key: str) -> ReadingProgress | None:
        live = self._live.get(key)
        if live is not None:
            return live.note(ReadingState.READING, self._now())
        text = self._notes.get(key)
        if text is None:
            return None
        try:
            note = _NOTE.validate_json(text)
        except ValidationError:  # of another version of the tool
            return None
        lost = note.reading and self._now() - note.told_at > LOST_AFTER
        return None if lost else note

    def _read(self, actor: Actor, assignment: AssignmentId, key: str, live: _Live) -> None:
        finished = threading.Event()
        pulse = threading.Thread(target=self._renew, args=(key, live, finished), name="reading-pulse")
        pulse.start()
        state, why, scope = ReadingState.FAILED, Why.NONE, ""
        try:
            self._reading.snapshot(actor, assignment, fresh=True, progress=live.tell)
            state = ReadingState.DONE
        except ReadFailed as error:
            why, scope = error.why, error.scope
        except NotConnected:
            why = Why.ACCESS_LOST
        except NotHere:
            why = Why.NOT_FOUND
        finally:
            finished.set()
            pulse.join()
            with self._lock:
                self._put(key, live.note(state, self._now(), why, scope))
                self._live.pop(key, None)
            if state is ReadingState.FAILED:
                log.warning("reading failed", assignment=assignment, why=why)

    def _renew(self, key: str, live: _Live, finished: threading.Event) -> None:
        while not finished.wait(PULSE_S):
            self._put(key, live.note(ReadingState.READING, self._now()))

    def _put(self, key: str, note: ReadingProgress) -> None:
        self._notes.put(key, _NOTE.dump_json(note).decode())


def _key(actor: Actor, assignment: AssignmentId) -> str:
    return "reading " + json.dumps([actor.canvas, actor.course_id, assignment, actor.user_id])


def _log_defect(future: Future[None]) -> None:
    error = future.exception()
    if error is not None:
        log.error("reading ended by a defect", exc_info=error)
