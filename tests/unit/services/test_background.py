"""A reading in the background: joined by whoever asks, seen from other processes, begun anew when it died."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from lti_tool.applying.answers import ReadFailed, Why
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, UserId
from lti_tool.services.actor import Actor
from lti_tool.services.background import BackgroundReadings, Notes
from lti_tool.services.errors import NotConnected
from lti_tool.services.long_work import Progress, ReadingProgress, ReadingState
from lti_tool.services.reading import Reading

ACTOR = Actor(CanvasOrigin("https://canvas.example.edu"), CourseId("7"), UserId("1"))
ESSAY = AssignmentId("70")
START = datetime(2026, 11, 21, 14, tzinfo=UTC)


class Shared(dict[str, str]):
    """Notes that two processes see."""

    def put(self, key: str, text: str) -> None:
        self[key] = text


class SlowCanvas:
    """Reads until the test lets it end."""

    def __init__(self) -> None:
        self.times = 0
        self.reading, self.may_end = threading.Event(), threading.Event()
        self.ends: Callable[[], None] = lambda: None

    def snapshot(self, actor: Actor, assignment: AssignmentId, *, fresh: bool, progress: Progress) -> None:
        assert fresh
        self.times += 1
        progress("submissions", 300, 1_000)
        progress("students", 1_000, 1_000)
        self.reading.set()
        assert self.may_end.wait(20)
        self.ends()

    def known(self, actor: Actor, assignment: AssignmentId) -> bool:
        return self.times > 0


class Process:
    """One process of the tool; ``later`` moves its clock."""

    def __init__(self, canvas: SlowCanvas, notes: Notes) -> None:
        self.now = START
        self.readings = BackgroundReadings(cast(Reading, canvas), notes, lambda: self.now)

    def begin(self, patience_s: float = 0) -> ReadingProgress:
        return self.readings.begin(ACTOR, ESSAY, since=self.now, patience_s=patience_s)


@contextmanager
def running(*canvases: SlowCanvas) -> Iterator[list[Process]]:
    notes = Shared()
    processes = [Process(canvas, notes) for canvas in canvases]
    yield processes
    for canvas, process in zip(canvases, processes, strict=True):
        canvas.may_end.set()
        process.readings.close()


def test_whoever_asks_joins_and_sees_how_far_it_is() -> None:
    canvas, other = SlowCanvas(), SlowCanvas()
    with running(canvas, other) as (here, elsewhere):
        assert here.begin().reading
        assert canvas.reading.wait(20)
        assert here.begin().parts
        here.now += timedelta(seconds=10)
        told = here.readings.state(ACTOR, ESSAY)
        assert told is not None
        assert (told.done, told.total) == (1_300, 2_000)
        assert told.seconds_left == pytest.approx(10 * 700 / 1_300)
        assert elsewhere.begin().reading, "another process joins"
        canvas.may_end.set()
        here.readings.close()
        ended = elsewhere.readings.state(ACTOR, ESSAY)
        assert ended is not None
        assert (ended.state, ended.done) == (ReadingState.DONE, 1_300)
    assert (canvas.times, other.times) == (1, 0)


def test_patience_sees_the_end_of_a_short_reading() -> None:
    canvas = SlowCanvas()
    canvas.may_end.set()
    with running(canvas) as (here,):
        assert here.begin(patience_s=20).state is ReadingState.DONE
        assert here.begin(patience_s=20).state is ReadingState.DONE
        assert canvas.times == 1, "one that just ended is good enough"
        here.now += timedelta(seconds=1)
        assert here.begin(patience_s=20).state is ReadingState.DONE
        assert canvas.times == 2


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ReadFailed(Why.THROTTLED, "slow down"), Why.THROTTLED),
        (NotConnected("no token"), Why.ACCESS_LOST),
        (ValueError("a defect"), Why.NONE),
    ],
)
def test_a_failure_is_told_with_its_cause(error: Exception, why: Why) -> None:
    canvas = SlowCanvas()
    canvas.may_end.set()

    def fail() -> None:
        raise error

    canvas.ends = fail
    with running(canvas) as (here,):
        told = here.begin(patience_s=20)
    assert (told.state, told.why) == (ReadingState.FAILED, why)


def test_what_died_with_its_process_is_begun_anew() -> None:
    dead, alive = SlowCanvas(), SlowCanvas()
    alive.may_end.set()
    with running(dead, alive) as (gone, here):
        gone.begin()
        assert dead.reading.wait(20)
        here.now += timedelta(minutes=1)
        assert here.readings.state(ACTOR, ESSAY) is None
        assert here.begin(patience_s=20).state is ReadingState.DONE
    assert alive.times == 1


def test_a_note_of_another_version_is_no_obstacle() -> None:
    canvas = SlowCanvas()
    canvas.may_end.set()
    with running(canvas) as (here,):
        here.begin(patience_s=20)
        notes = here.readings._notes
        assert isinstance(notes, Shared)
        for key in notes:
            notes[key] = '{"state": "dreaming"}'
        assert here.readings.state(ACTOR, ESSAY) is None
