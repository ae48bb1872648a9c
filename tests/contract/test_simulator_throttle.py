"""Throttle, headers and planted faults of the simulated Canvas, as a client meets them over a socket."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator

import pytest
import requests
from waitress import wasyncore
from waitress.server import create_server

from lti_tool.simulator import request_pipeline
from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course
from lti_tool.simulator.state import StandingClock
from lti_tool.simulator.throttle import Throttle
from tests.contract.rest_server import (
    NOON,
    Caller,
    RestServer,
    assignment_called,
    build_app,
    course_called,
    person,
    serve,
    students_of,
    submission_of,
)


@pytest.fixture
def canvas() -> Iterator[RestServer]:
    """The small course at a standing noon: nothing leaks unless a test moves the clock."""
    with serve(build_state(7, kinds=["small"], clock=StandingClock(NOON))) as server:
        yield server


def place(canvas: RestServer) -> tuple[Course, Assignment]:
    course = course_called(canvas.state, "WRIT-101")
    return course, assignment_called(canvas.state, course, "Essay 1")


def review_path(canvas: RestServer) -> tuple[str, str]:
    """A path to write a review to, and a reviewer."""
    course, essay = place(canvas)
    author, reviewer = students_of(canvas.state, course)[:2]
    row = submission_of(canvas.state, essay, author)
    path = f"/courses/{course.id}/assignments/{essay.id}/submissions/{row.id}/peer_reviews"
    return path, reviewer.id


# --- the bucket ------------------------------------------------------------------------------------------


def test_eleven_in_flight_pass_and_the_twelfth_is_refused() -> None:
    throttle = Throttle(StandingClock(NOON), Habits())
    assert [throttle.admit("a") for _ in range(12)] == [True] * 11 + [False]
    assert throttle.admit("b")


def test_refused_request_gives_its_reservation_back() -> None:
    throttle = Throttle(StandingClock(NOON), Habits())
    for _ in range(11):
        throttle.admit("a")
    for _ in range(20):
        assert not throttle.admit("a")
    throttle.settle("a", 0.1)
    assert throttle.admit("a")


def test_bucket_leaks_ten_per_second_and_never_below_empty() -> None:
    clock = StandingClock(NOON)
    throttle = Throttle(clock, Habits())
    throttle.admit("a")
    assert throttle.settle("a", 500.0) == pytest.approx(100.0)
    clock.advance(20)
    assert throttle.remaining("a") == pytest.approx(300.0)
    clock.advance(3_600)
    assert throttle.remaining("a") == pytest.approx(600.0)


def test_level_is_capped_at_the_maximum() -> None:
    throttle = Throttle(StandingClock(NOON), Habits())
    throttle.admit("a")
    assert throttle.settle("a", 5_000.0) == pytest.approx(-200.0)


def test_switched_off_throttle_admits_all() -> None:
    throttle = Throttle(StandingClock(NOON), Habits(throttle_enabled=False))
    assert all(throttle.admit("a") for _ in range(50))


def test_twelve_simultaneous_calls_over_the_socket_lose_one(
    canvas: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(request_pipeline, "_wait", lambda seconds: seconds and gate.wait(60))
    canvas.state.habits.latency = (1.0, 1.0)
    token = canvas.state.make_personal_token(person(canvas.state, "teacher").id).token
    answers: queue.Queue[int] = queue.Queue()

    def call(caller: Caller) -> None:
        answers.put(caller("GET", "/users/self", timeout=90).status_code)

    threads = [threading.Thread(target=call, args=(canvas.with_token(token),)) for _ in range(12)]
    for thread in threads:
        thread.start()
    # Eleven are held at the gate; only a refused call can be answered before it opens.
    first = answers.get(timeout=80)
    gate.set()
    for thread in threads:
        thread.join()
    assert (first, [answers.get_nowait() for _ in range(11)]) == (429, [200] * 11)
    assert [row.throttled for row in canvas.state.received()].count(True) == 1


@pytest.mark.parametrize(("status", "shows"), [(403, True), (429, True), (429, False)])
def test_refusal_is_plain_text_without_retry_after(canvas: RestServer, status: int, shows: bool) -> None:
    canvas.state.habits.throttle_status = 403 if status == 403 else 429
    canvas.state.habits.throttle_refusal_shows_remaining = shows
    caller = canvas.login("teacher")
    canvas.state.faults.plant(FaultKind.THROTTLED)
    answer = caller.get("/users/self")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "Rate Limit Exceeded" in answer.text
    assert "Retry-After" not in answer.headers
    assert "X-Request-Cost" not in answer.headers
    assert (float(answer.headers["X-Rate-Limit-Remaining"]) > 0) is shows


def test_every_answer_carries_cost_remaining_and_request_id(canvas: RestServer) -> None:
    caller = canvas.login("teacher")
    first, second = caller.get("/users/self"), caller.get("/courses/424242")
    costs = [float(answer.headers["X-Request-Cost"]) for answer in (first, second)]
    assert float(second.headers["X-Rate-Limit-Remaining"]) == pytest.approx(600.0 - sum(costs), abs=1e-4)
    ids = [answer.headers["X-Request-Context-Id"] for answer in (first, second)]
    assert ids == [row.request_id for row in canvas.state.received()]
    assert ids[0] != ids[1]


def test_cost_is_the_configured_share_of_the_latency(canvas: RestServer) -> None:
    canvas.state.habits.latency, canvas.state.habits.cost_share = (0.1, 0.1), 0.5
    answer = canvas.login("teacher").get("/users/self")
    assert float(answer.headers["X-Request-Cost"]) == pytest.approx(0.05)


def test_fourth_call_of_the_token_endpoint_in_a_burst_is_refused(canvas: RestServer) -> None:
    # Only the price is tested here; the endpoint itself is not served, hence 404.
    caller = canvas.with_token(None)
    url = f"{canvas.base_url}/login/oauth2/token"
    statuses = [caller("POST", url, data={"client_secret": "hidden"}).status_code for _ in range(4)]
    assert statuses == [404, 404, 404, 429]
    assert {row.form for row in canvas.state.received()} == {(("client_secret", "…"),)}
    assert canvas.login("teacher").get("/users/self").status_code == 200
    canvas.state.clock.advance(20)
    assert caller("POST", url).status_code == 404


def test_each_token_has_its_own_bucket(canvas: RestServer) -> None:
    canvas.state.add_key(DeveloperKey("10", "s", "tool", "api"))
    teacher = person(canvas.state, "teacher")
    first, second = (canvas.state.issue_grant(teacher.id, "10") for _ in range(2))
    before = float(canvas.with_token(first.token).get("/users/self").headers["X-Rate-Limit-Remaining"])
    answer = canvas.with_token(second.token).get("/users/self")
    assert before < 600.0
    own_cost = float(answer.headers["X-Request-Cost"])
    assert float(answer.headers["X-Rate-Limit-Remaining"]) == pytest.approx(600.0 - own_cost, abs=1e-4)


# --- faults ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "executed"),
    [
        (FaultKind.DROP_BEFORE, False),
        (FaultKind.DROP_AFTER, True),
        (FaultKind.STALL_BEFORE, False),
        (FaultKind.STALL_AFTER, True),
        (FaultKind.EXECUTE_LATE, True),
    ],
)
def test_lost_answers_leave_the_review_made_or_not(
    canvas: RestServer, kind: FaultKind, executed: bool
) -> None:
    path, reviewer = review_path(canvas)
    fault = canvas.state.faults.plant(kind, method="POST", path="peer_reviews$", seconds=1.0)
    caller = canvas.login("teacher")
    with pytest.raises((requests.ConnectionError, requests.ReadTimeout)):
        caller("POST", path, data={"user_id": reviewer}, timeout=0.5)
    wait_for_log(canvas, 1)
    assert fault.spent
    assert len(canvas.state.requests) == int(executed)
    (row,) = canvas.state.received()
    assert (row.executed, row.fault) == (executed, kind.value)


def wait_for_log(canvas: RestServer, count: int) -> None:
    """A stalled request is logged when the server is done with it, after the caller gave up."""
    done = threading.Event()
    for _ in range(200):
        if len(canvas.state.received()) >= count:
            return
        done.wait(0.05)
    raise AssertionError("the server never finished the request")


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_connection_is_dropped_under_waitress_too(kind: FaultKind) -> None:
    state = build_state(7, kinds=["small"], clock=StandingClock(NOON))
    app, throttle = build_app(state)
    listener = socket.create_server(("127.0.0.1", 0))
    channels: dict[int, socket.socket] = {}
    server = create_server(app, map=channels, sockets=[listener], threads=4)
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            wasyncore.loop(timeout=0.02, map=channels, count=1)
        server.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    canvas = RestServer(state, f"http://127.0.0.1:{listener.getsockname()[1]}", throttle)
    caller = canvas.login("teacher")
    path, reviewer = review_path(canvas)
    state.faults.plant(kind)
    try:
        with pytest.raises(requests.ConnectionError):
            caller("POST", path, data={"user_id": reviewer})
        assert len(state.requests) == (kind is FaultKind.DROP_AFTER)
        assert caller("POST", path, data={"user_id": reviewer}).status_code == 200
    finally:
        caller.session.close()
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("kind", "status", "mimetype", "executed"),
    [
        (FaultKind.HTML_200, 200, "text/html", False),
        (FaultKind.HTML_502, 502, "text/html", False),
        (FaultKind.HTML_503, 503, "text/html", False),
        (FaultKind.ERROR_500_BEFORE, 500, "application/json", False),
        (FaultKind.ERROR_500_AFTER, 500, "application/json", True),
        (FaultKind.EXPIRED, 401, "application/json", False),
        (FaultKind.THROTTLED, 429, "text/plain", False),
        (FaultKind.SLOW, 200, "application/json", True),
    ],
)
def test_spoilt_answers(
    canvas: RestServer, kind: FaultKind, status: int, mimetype: str, executed: bool
) -> None:
    path, reviewer = review_path(canvas)
    canvas.state.faults.plant(kind, seconds=0.05)
    caller = canvas.login("teacher")
    answer = caller("POST", path, data={"user_id": reviewer})
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(mimetype)
    assert len(canvas.state.requests) == int(executed)
    assert ("X-Request-Cost" in answer.headers) is (mimetype == "application/json")
    assert caller("POST", path, data={"user_id": reviewer}).status_code == 200


def test_truncated_json_is_not_json(canvas: RestServer) -> None:
    path, reviewer = review_path(canvas)
    canvas.state.faults.plant(FaultKind.TRUNCATED)
    answer = canvas.login("teacher")("POST", path, data={"user_id": reviewer})
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert len(canvas.state.requests) == 1


def test_wrong_ids_name_another_submission(canvas: RestServer) -> None:
    path, reviewer = review_path(canvas)
    canvas.state.faults.plant(FaultKind.WRONG_IDS)
    answer = canvas.login("teacher")("POST", path, data={"user_id": reviewer})
    (made,) = canvas.state.requests.values()
    assert answer.json()["asset_id"] == int(made.submission_id) + 1
    assert answer.json()["assessor_id"] == int(reviewer)


def test_fault_strikes_the_nth_match_as_often_as_planned(canvas: RestServer) -> None:
    canvas.state.faults.plant(FaultKind.HTML_502, method="GET", path="/users/", nth=2, times=2)
    caller = canvas.login("teacher")
    statuses = []
    for _ in range(4):
        statuses.append(caller.get("/users/self").status_code)
        assert caller.get("/courses").status_code == 200
    assert statuses == [200, 502, 502, 200]


def test_hostile_links(canvas: RestServer) -> None:
    course, _ = place(canvas)
    caller = canvas.login("teacher")
    path = f"/courses/{course.id}/users"
    canvas.state.faults.plant(FaultKind.LINK_LOOP, nth=1)
    canvas.state.faults.plant(FaultKind.LINK_FOREIGN, nth=2)
    loop, foreign = caller.get(path), caller.get(path)
    assert loop.links["next"]["url"] == loop.url
    assert foreign.links["next"]["url"].startswith("https://elsewhere.invalid/")


def test_empty_page_in_the_middle_loses_nobody_who_follows_links(canvas: RestServer) -> None:
    course, _ = place(canvas)
    caller = canvas.login("teacher")
    canvas.state.faults.plant(FaultKind.EMPTY_PAGE, nth=2)
    url: str | None = f"{canvas.base_url}/api/v1/courses/{course.id}/enrollments?per_page=5"
    sizes = []
    while url:
        answer = caller.get(url)
        sizes.append(len(answer.json()))
        url = answer.links.get("next", {}).get("url")
    assert sizes == [5, 0, 5, 5, 1]
