"""The controller of open requests: the rule in virtual time, the gate with real threads."""

from __future__ import annotations

import threading
import time

import pytest

from lti_tool.canvas.pacing import Lane, Pace, PaceLimits, Paces, PageSlots, Window
from lti_tool.planning.ids import CanvasOrigin, UserId


def window(**limits: float) -> Window:
    return Window(PaceLimits(**limits), jitter=lambda: 0.5)  # type: ignore[arg-type]  # all are numbers


def test_it_starts_small_and_grows_while_there_is_room() -> None:
    rule = window()
    assert rule.places == 2
    for _ in range(1_000):
        rule.good(0.0, 550.0)
    assert rule.places == 16


def test_it_holds_between_the_thresholds() -> None:
    rule = window()
    for remaining in (200.0, 250.0, 300.0):
        rule.good(0.0, remaining)
    assert rule.size == 2.0


def test_it_grows_more_carefully_near_the_threshold() -> None:
    near, far = window(), window()
    near.good(0.0, 310.0)
    far.good(0.0, 600.0)
    assert near.size == pytest.approx(2 + 1 / 60)
    assert far.size == 2.5


def test_it_shrinks_once_per_moment_however_many_answers_say_so() -> None:
    rule = window(start=10.0)
    for _ in range(20):
        rule.good(100.0, 150.0)
    assert rule.size == pytest.approx(8.5)
    rule.good(100.5, 150.0)
    assert rule.size == pytest.approx(7.225)


def test_it_brakes_harder_and_sooner_where_the_reserve_of_the_pages_is_going() -> None:
    rule = window(start=10.0)
    rule.good(100.0, 100.0)
    assert rule.size == pytest.approx(6.0)
    rule.good(100.1, 60.0)
    assert rule.size == pytest.approx(6.0), "one burst of answers speaks of one moment"
    rule.good(100.25, 60.0)
    assert rule.size == pytest.approx(3.6)


def test_without_the_header_it_stays_small() -> None:
    rule = window()
    for _ in range(1_000):
        rule.good(0.0, None)
    assert rule.places == 4


def test_a_window_grown_with_headers_falls_back_when_they_vanish() -> None:
    rule = window(start=12.0)
    rule.good(0.0, None)
    assert rule.size == 4.0


def test_refusals_halve_and_pause_longer_each_time_up_to_ten_seconds() -> None:
    rule = window(start=16.0)
    now, pauses, sizes = 1_000.0, [], []
    for _ in range(8):
        rule.refused(now)
        pauses.append(rule.paused_until - now)
        sizes.append(rule.size)
        now = rule.paused_until
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 10, 10, 10])
    assert sizes[:5] == [8, 4, 2, 1, 1]
    assert rule.places == 1
    rule.good(now, 500.0)
    rule.refused(now + 1)
    assert rule.paused_until - (now + 1) == pytest.approx(0.5)


def test_requests_refused_together_count_once() -> None:
    rule = window(start=16.0)
    for _ in range(10):
        rule.refused(5.0)
    assert rule.size == 8.0
    assert rule.paused_until == pytest.approx(5.5)


def test_refused_clients_do_not_come_back_together() -> None:
    pauses = set()
    for draw in (0.0, 0.5, 0.999):
        rule = Window(PaceLimits(), jitter=lambda draw=draw: draw)  # type: ignore[misc]  # bound per turn
        rule.refused(0.0)
        pauses.add(round(rule.paused_until, 2))
    assert pauses == {0.25, 0.5, 0.75}


def crowd(pace: Pace, lane: Lane, threads: int, calls: int) -> int:
    """Let many threads pass the gate; the largest number that was inside at once."""
    inside, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(calls):
            with pace.place(lane):
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.001)
                with lock:
                    inside -= 1

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return most


def test_runs_never_exceed_the_window_and_use_it() -> None:
    assert crowd(Pace(PaceLimits(start=3.0)), Lane.RUN, threads=12, calls=10) == 3


def test_pages_have_four_places_of_their_own_once_it_is_known_that_they_are_free() -> None:
    pace = Pace(PaceLimits(start=1.0), clock=lambda: 5.0)
    assert crowd(pace, Lane.PAGE, threads=12, calls=10) == 2, "a run may be under way in another process"
    pace.learn(throttled=False, remaining=550.0, lane=Lane.PAGE)
    assert crowd(pace, Lane.PAGE, threads=12, calls=10) == 4


@pytest.mark.parametrize(
    ("remaining", "still_open", "places"),
    [(550.0, 1, 4), (None, 0, 4), (260.0, 0, 3), (160.0, 0, 1), (160.0, 2, 3), (0.0, 0, 1), (-120.0, 0, 1)],
)
def test_pages_wait_where_runs_have_taken_from_their_reserve(
    remaining: float | None, still_open: int, places: int
) -> None:
    slots = PageSlots(PaceLimits())
    slots.heard(10.0, remaining, still_open)
    assert slots.places(10.5) == places
    assert slots.places(11.5) == 2, "old news"


def test_a_page_passes_while_a_run_waits_in_front_of_a_full_or_paused_gate() -> None:
    pace = Pace(PaceLimits(start=1.0, pause_s=0.3), jitter=lambda: 0.5)
    waited = threading.Event()

    def run() -> None:
        with pace.place(Lane.RUN):
            waited.set()

    def page() -> None:
        with pace.place(Lane.PAGE):
            pass

    with pace.place(Lane.RUN):
        pace.learn(throttled=True, remaining=None)
        runner = threading.Thread(target=run)
        runner.start()
        page_passed = threading.Thread(target=page)
        page_passed.start()
        page_passed.join(5)
        assert not page_passed.is_alive()
        assert not waited.is_set()
    runner.join(5)
    assert waited.is_set()


def test_first_come_first_served() -> None:
    """Runs of one person share the window fairly because nobody overtakes."""
    pace, order = Pace(PaceLimits(start=1.0)), []

    def work(number: int) -> None:
        with pace.place(Lane.RUN):
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    with pace.place(Lane.RUN):
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while pace.reading().waiting < number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_a_thread_that_holds_a_place_does_not_wait_for_a_second() -> None:
    pace = Pace(PaceLimits(start=1.0))
    with pace.place(Lane.RUN), pace.place(Lane.RUN):
        assert pace.reading().open_requests == 1
    assert pace.reading().open_requests == 0


def test_a_place_is_given_back_after_an_error() -> None:
    pace = Pace(PaceLimits(start=1.0))
    with pytest.raises(KeyError), pace.place(Lane.RUN):
        raise KeyError
    assert crowd(pace, Lane.RUN, threads=2, calls=1) == 1


def test_one_gate_per_person_and_canvas() -> None:
    paces = Paces()
    first, second = CanvasOrigin("https://a.example"), CanvasOrigin("https://b.example")
    assert paces.of(first, UserId("1")) is paces.of(first, UserId("1"))
    assert paces.of(first, UserId("1")) is not paces.of(first, UserId("2"))
    assert paces.of(first, UserId("1")) is not paces.of(second, UserId("1"))


class Hands:
    """A clock that tests move, and a gate whose requests tests answer."""

    def __init__(self, limits: PaceLimits) -> None:
        self.now = 0.0
        self.pace = Pace(limits, clock=lambda: self.now, jitter=lambda: 0.5)

    def answer(self, times: int, *, at_once: int) -> None:
        """So many good answers with plenty of room, while ``at_once`` requests of runs are open."""
        done = threading.Event()
        entered = threading.Barrier(at_once + 1)

        def hold() -> None:
            with self.pace.place(Lane.RUN):
                entered.wait()
                done.wait()

        holders = [threading.Thread(target=hold) for _ in range(at_once)]
        for holder in holders:
            holder.start()
        entered.wait()
        for _ in range(times):
            self.pace.learn(throttled=False, remaining=550.0)
        done.set()
        for holder in holders:
            holder.join()


def test_room_that_nobody_uses_opens_nothing() -> None:
    """Hundreds of pages of a class list, three at a time, say nothing about sixteen writes at once."""
    hands = Hands(PaceLimits(start=6.0))
    hands.answer(500, at_once=3)
    assert hands.pace.reading().window == 6.0
    hands.answer(1, at_once=5)
    assert hands.pace.reading().window > 6.0


def test_after_a_lull_a_burst_fits_an_empty_bucket() -> None:
    hands = Hands(PaceLimits(start=14.0))
    hands.answer(1, at_once=8)
    assert 8.0 < hands.pace.reading().window < 8.2, "nothing has used more yet"
    hands.answer(200, at_once=8)
    wide = hands.pace.reading().window
    assert wide > 8.0
    hands.now += 1.0
    hands.answer(1, at_once=1)
    assert hands.pace.reading().window == wide
    hands.now += 2.0
    hands.answer(1, at_once=1)
    assert hands.pace.reading().window == 8.0
