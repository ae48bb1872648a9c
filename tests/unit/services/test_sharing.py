"""Who gets threads and places when many ask: shares for a person, a Canvas, and all together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lti_tool.applying.settings import DriverSettings
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.services import running
from lti_tool.services.actor import Actor
from lti_tool.services.fair_threads import FairThreads
from lti_tool.services.page_places import CanvasBusy, PagePlaces, PlaceLimits
from lti_tool.services.running import Turns

ONE, OTHER = CanvasOrigin("https://one.example"), CanvasOrigin("https://other.example")
LIMITS = PlaceLimits(for_a_person=2, for_a_canvas=3, together=5)


@contextmanager
def pages(places: PagePlaces, *who: tuple[CanvasOrigin, str]) -> Iterator[list[bool]]:
    """Pages in threads of their own that ask and stay; gives who got a place, in order of asking."""
    over, got = threading.Event(), list[bool]()

    def page(canvas: CanvasOrigin, person: str, done: threading.Event) -> None:
        with places.page():
            try:
                places.take(canvas, person)
                got.append(True)
            except CanvasBusy:
                got.append(False)
            done.set()
            over.wait(10)

    with ThreadPoolExecutor(max(1, len(who))) as threads:
        for canvas, person in who:
            done = threading.Event()
            threads.submit(page, canvas, person, done)
            assert done.wait(10)
        try:
            yield got
        finally:
            over.set()


def test_places_are_shared_by_person_and_by_canvas_and_some_are_left() -> None:
    places = PagePlaces(LIMITS, patience_s=0.01)
    people = [(ONE, "a")] * 3 + [(ONE, "b"), (ONE, "c"), (OTHER, "a"), (OTHER, "b"), (OTHER, "c")]
    with pages(places, *people) as got:
        assert got == [True, True, False, True, False, True, True, False]
    with pages(places, (ONE, "c"), (OTHER, "c")) as got:
        assert got == [True, True], "places come back with the end of a page"


def test_a_page_takes_one_place_however_often_it_asks() -> None:
    places = PagePlaces(PlaceLimits(1, 1, 1), patience_s=0.01)
    with places.page():
        for _ in range(3):
            places.take(ONE, UserId("a"))
        with pages(places, (ONE, "a")) as got:
            assert got == [False]


def test_a_page_gets_a_place_that_becomes_free_while_it_waits() -> None:
    places = PagePlaces(PlaceLimits(1, 1, 1), patience_s=10.0)

    def later() -> float:
        began = time.monotonic()
        with places.page():
            places.take(ONE, "a")
        return time.monotonic() - began

    with ThreadPoolExecutor(1) as threads:
        with places.page():
            places.take(ONE, "a")
            waiting = threads.submit(later)
            time.sleep(0.2)
            assert not waiting.done()
        assert 0.15 <= waiting.result() < 5.0


def test_no_more_pages_wait_than_may_ask() -> None:
    """Waiting holds a thread too: the third waits for nothing and is refused at once."""
    places = PagePlaces(PlaceLimits(1, 1, 1), patience_s=0.5)
    with pages(places, (ONE, "a")), ThreadPoolExecutor(4) as threads:

        def seconds() -> float:
            began = time.monotonic()
            with places.page(), pytest.raises(CanvasBusy):
                places.take(ONE, "a")
            return time.monotonic() - began

        first = threads.submit(seconds)
        time.sleep(0.1)
        assert seconds() < 0.2
        assert first.result() >= 0.4


def test_commands_and_workers_need_no_place() -> None:
    places = PagePlaces(PlaceLimits(1, 1, 1))
    for _ in range(3):
        places.take(ONE, "a")  # no page of this thread


@pytest.mark.parametrize("threads", [8, 16, 32, 256])
def test_one_canvas_has_at_most_half_of_the_threads_and_some_are_always_left(threads: int) -> None:
    limits = PlaceLimits.of_threads(threads)
    assert 2 * limits.for_a_canvas <= threads / 2, "asking and waiting together"
    assert limits.for_a_person < limits.for_a_canvas or threads < 16
    assert limits.together < threads


def actor(canvas: CanvasOrigin, person: str) -> Actor:
    return Actor(canvas=canvas, course_id=CourseId("1"), user_id=UserId(person), name="")


def test_threads_are_shared_and_nobody_is_passed_over_for_ever() -> None:
    fair = FairThreads("test", threads=4, for_a_canvas=2, for_a_person=1)
    over, order, lock = threading.Event(), list[str](), threading.Lock()

    def work(name: str) -> None:
        with lock:
            order.append(name)
        over.wait(10)

    jobs = [
        fair.submit(actor(canvas, person), work, name)
        for canvas, person, name in (
            (ONE, "a", "first of a"), (ONE, "a", "second of a"), (ONE, "b", "b"), (ONE, "c", "c"),
            (OTHER, "a", "a elsewhere"), (OTHER, "b", "b elsewhere"),
        )
    ]  # fmt: skip
    until(lambda: len(order) == 4)
    assert set(order) == {"first of a", "b", "a elsewhere", "b elsewhere"}
    over.set()
    assert not wait_for(jobs, timeout=10).not_done
    assert set(order[4:]) == {"second of a", "c"}
    fair.shutdown()


def test_what_fails_says_so_and_frees_its_thread() -> None:
    fair = FairThreads("test", threads=1, for_a_canvas=1, for_a_person=1)

    def fail() -> None:
        raise ValueError("as meant")

    failed = fair.submit(actor(ONE, "a"), fail)
    good = fair.submit(actor(ONE, "a"), lambda: None)
    with pytest.raises(ValueError, match="as meant"):
        failed.result(10)
    assert good.result(10) is None
    fair.shutdown()


def test_runs_of_one_slow_canvas_leave_threads_of_the_worker_for_others() -> None:
    turns = Turns(2)
    with (
        turns.of(ONE) as first,
        turns.of(ONE) as second,
        turns.of(ONE) as third,
        turns.of(OTHER) as elsewhere,
    ):
        assert (first, second, third, elsewhere) == (True, True, False, True)
    with turns.of(ONE) as again:
        assert again
    with Turns(None).of(ONE) as first, Turns(None).of(ONE) as second:
        assert first
        assert second


def test_a_run_whose_turn_it_is_not_is_left_to_a_later_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    driven, over = list[str](), threading.Event()
    plan = SimpleNamespace(canvas=ONE, course_id="1", assignment_id="2", rules=None)
    monkeypatch.setattr(
        running, "load_plan", lambda _session, _plan: SimpleNamespace(plan=plan, snapshot=None)
    )
    parts = SimpleNamespace(
        load=lambda run: SimpleNamespace(plan_id=run, started_by="u"),
        read=nullcontext,
        client=lambda *_: SimpleNamespace(),
    )
    part = cast(Any, parts)
    driving = running.Driving(part, part, part, DriverSettings(), most_of_a_canvas=1)

    def drive(run: str, *_: object) -> str:
        driven.append(run)
        over.wait(10)
        return "done"

    monkeypatch.setattr(driving, "_driver", SimpleNamespace(drive=drive))
    with ThreadPoolExecutor(1) as threads:
        threads.submit(driving.drive, "first")
        until(lambda: driven == ["first"])
        driving.drive("second")
        assert driven == ["first"], "it was left at once"
        over.set()
    driving.drive("second")
    assert driven == ["first", "second"]


def until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")
