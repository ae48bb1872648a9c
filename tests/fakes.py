"""A Canvas in memory behind the driver's port, time that only tests move, and death at any boundary.

The fake keeps what decides whether a writer is good and what the end state alone does not show: every
mail that Canvas would have sent, every second row of a pair, every completed review that was deleted.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from lti_tool.applying.answers import Answer, Outcome, ReadFailed, Why
from lti_tool.applying.records import Glance
from lti_tool.planning.ids import ReviewId, SubmissionId, UserId
from lti_tool.planning.snapshot import Review, Snapshot
from tests.builders import NOON

Pair = tuple[UserId, SubmissionId]


class VirtualClock:
    """Time that passes only while somebody sleeps; background beats are called when their time comes."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._time = 0.0
        self._beats: dict[object, tuple[float, float, Callable[[], None]]] = {}

    def monotonic(self) -> float:
        return self._time

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self._time)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            end = self._time + seconds
            while True:
                due = min((beat[0] for beat in self._beats.values()), default=end)
                if due >= end:
                    break
                self._time = max(self._time, due)
                for key, (at, every, action) in list(self._beats.items()):
                    if at <= due:
                        self._beats[key] = (at + every, every, action)
                        action()
            self._time = end

    def jump(self, seconds: float) -> None:
        """Time passes while this process is frozen: no beat is called."""
        with self._lock:
            self._time += seconds
            self._beats = {
                key: (self._time + every, every, act) for key, (_, every, act) in self._beats.items()
            }

    def every(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        key = object()
        with self._lock:
            self._beats[key] = (self._time + seconds, seconds, action)

        def end() -> None:
            with self._lock:
                self._beats.pop(key, None)

        return end


class Killed(BaseException):
    """The process died here. Nothing in the product catches it."""


class Fate:
    """Counts the boundaries that a process crosses, and kills it at the ``dies_at``-th (from 1)."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.dies_at = dies_at
        self.crossed = 0
        self._lock = threading.Lock()

    def cross(self) -> None:
        with self._lock:
            self.crossed += 1
            if self.dies_at is not None and self.crossed >= self.dies_at:
                raise Killed


class Mortal:
    """Any port, with a boundary before and after each call; after the death no call gets through."""

    def __init__(self, port: Any, fate: Fate) -> None:
        self._port = port
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self._fate.cross()
            result = method(*args, **kwargs)
            self._fate.cross()
            return result

        return call


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one call: whether Canvas executes it (at once, late, never) and what it says."""

    answer: Answer | None = None
    executes: bool = False
    late_by: float | None = None
    read_fails: Why | None = None


LOST_BEFORE = Fault(Answer(Outcome.UNKNOWN, Why.NO_ANSWER))
LOST_AFTER = Fault(Answer(Outcome.UNKNOWN, Why.NO_ANSWER), executes=True)
BROKEN_AFTER = Fault(Answer(Outcome.UNKNOWN, Why.BROKEN_ANSWER, status=200), executes=True)
SERVER_ERROR = Fault(Answer(Outcome.UNKNOWN, Why.SERVER_ERROR, status=500))
THROTTLED = Fault(Answer(Outcome.NOT_DONE, Why.THROTTLED, status=403))
UNREACHABLE = Fault(Answer(Outcome.NOT_DONE, Why.UNREACHABLE), read_fails=Why.UNREACHABLE)
REVOKED = Fault(Answer(Outcome.NOT_DONE, Why.ACCESS_LOST, status=401), read_fails=Why.ACCESS_LOST)
NO_SCOPE = Fault(Answer(Outcome.NOT_DONE, Why.SCOPE_MISSING, status=401), read_fails=Why.SCOPE_MISSING)
FORBIDDEN = Fault(Answer(Outcome.PERMANENT, Why.NOT_PERMITTED, status=403), read_fails=Why.NOT_PERMITTED)


def executes_late(seconds: float) -> Fault:
    """No answer, and Canvas does it ``seconds`` later all the same."""
    return Fault(Answer(Outcome.UNKNOWN, Why.NO_ANSWER), late_by=seconds)


class FakeCanvas:
    """``CanvasReviews`` over a snapshot that it changes, with Canvas's habits.

    ``fault(verb, n)`` may give a fault for the nth call (from 1) of a verb: create, delete, snapshot,
    reviews, reviews_of. ``meanwhile(verb, n)`` is called before the call is looked at,
    ``waits_for_a_place()`` while the driver waits for its turn.
    """

    def __init__(self, snapshot: Snapshot, clock: VirtualClock | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = clock or VirtualClock()
        self.world = snapshot
        self.fault: Callable[[str, int], Fault | None] = lambda verb, n: None
        self.meanwhile: Callable[[str, int], None] = lambda verb, n: None
        self.waits_for_a_place: Callable[[], None] = lambda: None
        self.calls: Counter[str] = Counter()
        self.mails: Counter[ReviewId] = Counter()
        self.completed_deleted: list[Review] = []
        self._late: list[tuple[float, Callable[[], object]]] = []
        self._born = 0

    # -- what tests look at and do

    @property
    def pairs(self) -> Counter[Pair]:
        """Every pair with the number of its rows."""
        self._catch_up()
        return Counter((row.assessor, row.submission) for row in self.world.reviews)

    @property
    def second_mails(self) -> int:
        """Mails beyond the first about one review."""
        return sum(number - 1 for number in self.mails.values())

    @property
    def writes(self) -> int:
        """Calls that asked for a change."""
        return self.calls["create"] + self.calls["delete"]

    def add(self, review: Review) -> None:
        """Somebody else makes a review."""
        with self.lock:
            self.world = replace(self.world, reviews=(*self.world.reviews, review))

    def remove(self, review: ReviewId) -> None:
        """Somebody else deletes a review."""
        with self.lock:
            left = tuple(row for row in self.world.reviews if row.id != review)
            self.world = replace(self.world, reviews=left)

    def complete(self, review: ReviewId) -> None:
        """A student finishes a review."""
        with self.lock:
            self.world = replace(
                self.world,
                reviews=tuple(
                    replace(row, completed=True) if row.id == review else row for row in self.world.reviews
                ),
            )

    def drop(self, user: UserId) -> None:
        """A student becomes inactive."""
        with self.lock:
            self.world = replace(
                self.world,
                people=tuple(
                    replace(one, state="inactive") if one.id == user else one for one in self.world.people
                ),
            )

    def change_assignment(self, **fields: Any) -> None:
        """Somebody edits the assignment."""
        self.world = replace(self.world, assignment=replace(self.world.assignment, **fields))

    # -- the port

    def read_snapshot(self) -> Snapshot:
        with self.lock:
            self._read("snapshot")
            return replace(self.world, taken_at=self.clock.now())

    def glance(self) -> Glance:
        with self.lock:
            self._read("glance")
            return Glance(self.world.assignment, self.world.new_allocation_feature, self.world.reviews)

    def reviews(self) -> tuple[Review, ...]:
        with self.lock:
            self._read("reviews")
            return self.world.reviews

    def reviews_of(self, submission: SubmissionId) -> tuple[Review, ...]:
        with self.lock:
            self._read("reviews_of")
            return tuple(row for row in self.world.reviews if row.submission == submission)

    @contextmanager
    def turn(self) -> Iterator[None]:
        self.waits_for_a_place()
        yield

    def create(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        return self._write("create", lambda: self._create(submission, author, reviewer))

    def delete(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        return self._write("delete", lambda: self._delete(submission, author, reviewer))

    # -- inside

    def _read(self, verb: str) -> None:
        fault = self._arrive(verb)
        if fault is not None and fault.read_fails is not None:
            raise ReadFailed(fault.read_fails, f"planted: {fault.read_fails}")

    def _arrive(self, verb: str) -> Fault | None:
        self.calls[verb] += 1
        self.meanwhile(verb, self.calls[verb])
        self._catch_up()
        return self.fault(verb, self.calls[verb])

    def _write(self, verb: str, execute: Callable[[], Answer]) -> Answer:
        with self.lock:
            fault = self._arrive(verb)
            if fault is None:
                return execute()
            if fault.executes:
                execute()
            if fault.late_by is not None:
                self._late.append((self.clock.monotonic() + fault.late_by, execute))
            assert fault.answer is not None
            return fault.answer

    def _catch_up(self) -> None:
        with self.lock:
            due = [late for late in self._late if late[0] <= self.clock.monotonic()]
            for late in due:
                self._late.remove(late)
                late[1]()

    def _visible(self, *users: UserId) -> bool:
        people = self.world.people_by_id
        return all(user in people and people[user].reachable for user in users)

    def _create(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        if not self._visible(author, reviewer) or submission not in self.world.work_by_id:
            return Answer(Outcome.PERMANENT, Why.NOT_FOUND, status=404)
        if author == reviewer:
            return Answer(Outcome.PERMANENT, Why.REFUSED, status=400)
        found = self._rows(submission, reviewer)
        if found:
            review = found[0]
        else:
            self._born += 1
            review = Review(ReviewId(f"new{self._born}"), reviewer, author, submission, completed=False)
            self.add(review)
        if not review.completed:
            self.mails[review.id] += 1  # on every call, found or made
        return Answer(Outcome.OK, review=review, status=200)

    def _delete(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        if not self._visible(author, reviewer):
            return Answer(Outcome.PERMANENT, Why.NOT_FOUND, status=404)
        found = self._rows(submission, reviewer)
        if not found:
            return Answer(Outcome.PERMANENT, Why.REFUSED, status=400, note="Delete failed")
        if found[0].completed:
            self.completed_deleted.append(found[0])
        self.remove(found[0].id)
        return Answer(Outcome.OK, review=found[0], status=200)

    def _rows(self, submission: SubmissionId, reviewer: UserId) -> list[Review]:
        rows = self.world.reviews
        return [row for row in rows if row.submission == submission and row.assessor == reviewer]
