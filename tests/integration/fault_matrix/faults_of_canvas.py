"""Rows 5 to 25, 46 and 47: what Canvas and the wire to it can do."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable

import pytest
from werkzeug.wrappers import Request, Response

from lti_tool.applying.states import RunState, StepClass
from lti_tool.planning.drift import DriftKind
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.records import EnrollmentState
from tests.certificates import certificate
from tests.integration.fault_matrix.faults_of_access import attempts
from tests.integration.fault_matrix.scene import Scene
from tests.integration.fault_matrix.simulated import REVIEWS

HTML = "text/html; charset=utf-8"
POST_SCOPE = (
    "url:POST|/api/v1/courses/:course_id/assignments/:assignment_id/submissions/:submission_id/peer_reviews"
)


def throttled(status: int, shows_remaining: bool) -> Callable[[Scene], None]:
    """5: not done, however often; shown as a wait."""

    def happen(scene: Scene) -> None:
        scene.state.habits.throttle_status = status  # type: ignore[assignment]  # of two
        scene.state.habits.throttle_refusal_shows_remaining = shows_remaining
        for method in ("POST", "DELETE", "GET"):
            scene.fault(FaultKind.THROTTLED, method, 2, times=5)
        seen = []
        scene.when("POST", 5, lambda _path: seen.append(scene.journal.progress(scene.run).waiting))
        assert scene.drive() is RunState.DONE
        assert seen == ["Canvas asks us to slow down"]
        assert scene.journal.progress(scene.run).waiting == ""
        assert attempts(scene) == {0}

    return happen


def student_leaves(scene: Scene) -> None:
    """6: one reading tells who left; the others' lines are done."""
    leaver = scene.world.students[3]
    scene.when("POST", 1, lambda _path: scene.state.drop(leaver.id, scene.world.course.id))
    scene.drive()
    lists = [row for row in scene.state.log if row.path.endswith("/enrollments")]
    assert len(lists) == 3, "at the beginning, after the refusal, at the end"


def assignment_deleted(scene: Scene) -> None:
    """7: over soon, and no other assignment is touched."""

    def delete(_path: str) -> None:
        scene.world.essay.workflow_state = "deleted"

    scene.when("POST", 5, delete)
    scene.drive()
    assert len(scene.writes) == 4 + 3
    assert "no longer exists" in scene.report.words


def course_deleted(scene: Scene) -> None:
    """9: as a deleted assignment."""

    def delete(_path: str) -> None:
        scene.world.course.workflow_state = "deleted"

    scene.when("POST", 5, delete)
    scene.drive()
    assert len(scene.writes) == 4 + 3


def rubric_before(scene: Scene) -> None:
    """8: a review is also keyed by the rubric, so that a new one ends the run before any write."""
    scene.state.attach_rubric(scene.world.essay.id)
    scene.drive()
    assert scene.writes == []
    assert scene.report.reason == "out_of_date"


def edited(field: str, value: object) -> Callable[[Scene], None]:
    """8: too late for a look in between; finished as approved, and told."""

    def happen(scene: Scene) -> None:
        scene.when("POST", 3, lambda _path: setattr(scene.world.essay, field, value))
        scene.drive()

    return happen


def sweep(scene: Scene) -> None:
    """Nothing but what the plan brings along."""
    scene.sweep()


def lost_delete(scene: Scene) -> None:
    """11: "Delete failed" after a lost answer is success, not a failure."""
    scene.fault(FaultKind.DROP_AFTER, "DELETE", 1, times=4)
    scene.sweep()
    assert sum(row.method == "DELETE" for row in scene.writes) == 4


def faster_colleague(scene: Scene) -> None:
    """11: somebody deletes between our look and our call."""

    def remove(path: str) -> None:
        numbers = {scene.world.row(number + 1).id: number for number in range(4)}
        found = REVIEWS.search(path)
        assert found is not None
        scene.remove(numbers[found.group(1)])

    scene.when("DELETE", 1, remove)
    scene.sweep()


def kept_refusing(scene: Scene) -> None:
    """11: it is there and Canvas does not delete it: tried twice."""
    refusal = json.dumps({"errors": {"base": "Delete failed"}})
    _instead(scene, "DELETE", lambda: Response(refusal, 400, mimetype="application/json"))
    scene.sweep()
    assert sum(row.method == "DELETE" for row in scene.writes) == 0, "in the simulator"
    assert len(attempts_of(scene, "delete")) == 4


def attempts_of(scene: Scene, kind: str) -> list[int]:
    """Attempts of the steps of one kind."""
    return [step.attempts for step in scene.journal.steps(scene.run) if step.kind == kind]


def _instead(scene: Scene, method: str, answer: Callable[[], Response], at: range = range(1, 99)) -> None:
    """Answer in Canvas's place at these calls about reviews."""
    seen = 0

    def proxy(request: Request, ask: Callable[[], Response]) -> Response:
        nonlocal seen
        if request.method != method or REVIEWS.search(request.path) is None:
            return ask()
        seen += 1
        return answer() if seen in at else ask()

    scene.stages.proxy = proxy


def _spoiled(scene: Scene, nth: int, answer: Response) -> None:
    """Canvas executes the nth POST, and something on the way answers."""
    seen = 0

    def proxy(request: Request, ask: Callable[[], Response]) -> Response:
        nonlocal seen
        said = ask()
        if request.method != "POST" or REVIEWS.search(request.path) is None:
            return said
        seen += 1
        return answer if seen == nth else said

    scene.stages.proxy = proxy


def unprocessable(scene: Scene) -> None:
    """12: refused for good; a pair that replaces nothing, of its author or of its reviewer."""
    body = json.dumps({"errors": [{"message": "no"}]})
    pair = f"submissions/{scene.world.row(8).id}/peer_reviews"
    scene.stages.proxy = lambda request, ask: (
        Response(body, 422, mimetype="application/json")
        if request.method == "POST" and request.path.endswith(pair)
        else ask()
    )
    scene.sweep()
    (refused,) = [step for step in scene.journal.steps(scene.run) if step.status == 422]
    assert refused.attempts == 1


def lost(kind: FaultKind, method: str, *, seconds: float = 0.0) -> Callable[[Scene], None]:
    """13, 16 to 19: in doubt, waited for, read back; sent again only when it is not there."""

    def happen(scene: Scene) -> None:
        scene.fault(kind, method, 2, times=2, seconds=seconds)
        assert scene.drive() is RunState.DONE
        assert scene.elapsed >= 90, "as long as Canvas may still execute it"
        scene.stages.wait_until_calm()
        again = [row for row in scene.writes if row.method == method]
        lines = {"POST": 8, "DELETE": 4}[method]
        unexecuted = sum(not row.executed for row in again)
        assert len(again) == lines + unexecuted

    return happen


def always_failing(scene: Scene) -> None:
    """13: one pair for which Canvas always fails is given up after three verified attempts.

    Its author and its reviewer each keep the review that it was to replace.
    """
    sick = scene.world.row(2).id
    scene.fault(FaultKind.ERROR_500_BEFORE, "POST", times=99, path=f"submissions/{sick}/peer_reviews")
    scene.sweep()
    assert sum(sick in row.path and row.method == "POST" for row in scene.writes) == 3


def creates_unavailable(scene: Scene) -> None:
    """49: no create comes through for an hour; every review that one was to replace stays."""
    scene.stages.proxy = lambda request, ask: (
        Response("<h1>503 Service Unavailable</h1>", 503, content_type=HTML)
        if request.method == "POST"
        else ask()
    )
    for _ in range(20):
        scene.sweep(most=20)
        if scene.report.progress.over:
            break
        scene.resume()
    assert not [row for row in scene.writes if row.method == "DELETE"]
    assert scene.world.graph == scene.before


def another_plan_applied(scene: Scene) -> None:
    """50: another tab, another teacher or Canvas itself assigned reviews after the preview."""
    scene.add(scene.world.last, 3)
    scene.drive()
    assert scene.writes == []
    assert scene.report.reason == "out_of_date"
    assert [one.kind for one in scene.report.drift.out_of_date] == [DriftKind.REVIEW_ADDED]


def empty_list(path: str) -> Callable[[Scene], None]:
    """51: a list that comes empty proves that nobody left; the run pauses and then goes on."""

    def happen(scene: Scene) -> None:
        scene.stages.proxy = lambda request, ask: (
            Response("[]", 200, content_type="application/json") if request.path.endswith(path) else ask()
        )
        assert scene.drive() is RunState.PAUSED_CANVAS
        assert scene.writes == []
        assert scene.report.counts[StepClass.STUDENT_LEFT] == 0
        scene.stages.proxy = None
        scene.sweep()

    return happen


def changed_in_a_long_run(change: Callable[[Scene], object]) -> Callable[[Scene], None]:
    """52: seen by the look of the next minute, and nothing more is sent."""

    def happen(scene: Scene) -> None:
        def act(_path: str) -> None:
            change(scene)
            scene.clock.jump(20)  # less than a lease; looks are due by the clock of the run

        scene.when("POST", 3, act, phase="executed")
        scene.when("POST", 4, lambda _path: scene.clock.jump(20), phase="executed")
        scene.when("POST", 5, lambda _path: scene.clock.jump(20), phase="executed")
        scene.drive()
        assert len(scene.writes) == 5
        assert scene.report.reason == "out_of_date"

    return happen


def outage(answer: Callable[[], Response]) -> Callable[[Scene], None]:
    """14: ten minutes of it pause the run, which goes on by itself and asks less and less often."""

    def happen(scene: Scene) -> None:
        began: list[float] = []
        scene.when("POST", 4, lambda _path: began.append(scene.elapsed))
        asked = 0

        def proxy(request: Request, ask: Callable[[], Response]) -> Response:
            nonlocal asked
            if not began or scene.elapsed > began[0] + 600:
                return ask()
            asked += 1
            return answer()

        scene.stages.proxy = proxy
        assert scene.drive() is RunState.PAUSED_CANVAS
        assert scene.report.progress.waiting_until is not None
        scene.sweep()
        assert scene.elapsed < 600 + 90 + 330, "resumed within the longest pause"
        assert asked < 120

    return happen


def maintenance() -> Response:
    return Response("<h1>Canvas is down for maintenance</h1>", 503, content_type=HTML)


def maintenance_with_200() -> Response:
    return Response("<h1>Back soon</h1>", 200, content_type=HTML)


def doors_shut(scene: Scene) -> None:
    """15: nobody listens: provably nothing was done."""
    scene.when("POST", 4, lambda _path: scene.stages.shut_doors(), phase="executed")
    try:
        assert scene.drive() is RunState.PAUSED_CANVAS
    finally:
        scene.stages.open_doors()
    assert scene.report.counts[StepClass.DONE] == 4
    scene.sweep()
    assert attempts(scene) == {0}


def no_such_name(scene: Scene) -> None:
    """15: the name does not exist, or what answers speaks no TLS."""
    for origin in ("https://no-such-canvas.invalid", scene.origin.replace("http:", "https:")):
        assert scene.drive(transport=scene.transport(origin)) is RunState.PAUSED_CANVAS
        assert scene.state.log == []
        scene.clock.sleep(60)
    scene.sweep()


def executed_late(scene: Scene) -> None:
    """18: Canvas does it after we stopped waiting."""
    scene.clock.patient = True
    lost(FaultKind.EXECUTE_LATE, "POST", seconds=1.0)(scene)


def slow(scene: Scene) -> None:
    """20: slow answers are answers."""
    scene.fault(FaultKind.SLOW, "POST", times=8, seconds=0.06)
    assert scene.drive() is RunState.DONE
    assert scene.elapsed < 1
    assert attempts(scene) == {0}


def wrong_ids(scene: Scene) -> None:
    """21: nothing more is sent."""
    scene.fault(FaultKind.WRONG_IDS, "POST", 3)
    scene.drive()
    assert len(scene.writes) == 3
    assert not scene.wanted()


def hostile_links(kind: FaultKind) -> Callable[[Scene], None]:
    """22: a list that cannot be read to its end fails; nothing is written on half a class."""

    def happen(scene: Scene) -> None:
        scene.fault(kind, "GET", times=99, path="/enrollments")
        assert scene.drive() is RunState.PAUSED_CANVAS
        assert scene.writes == []
        assert "complete list" in scene.report.words
        scene.state.faults.clear()
        scene.sweep()

    return happen


def short_list(kind: FaultKind, path: str) -> Callable[[Scene], None]:
    """24: a list that stays short pauses the run before any write; nobody is taken for gone."""

    def happen(scene: Scene) -> None:
        scene.fault(kind, "GET", times=9_999, path=path)
        assert scene.drive() is RunState.PAUSED_CANVAS
        assert scene.writes == []
        assert "Canvas's lists don't agree." in scene.report.words
        scene.state.faults.clear()
        scene.sweep()

    return happen


def row_on_two_pages(scene: Scene) -> None:
    """23: a newcomer pushes a row over the border of a page, so that it comes twice."""
    scene.state.habits.per_page_max, scene.state.habits.numeric_enrollments = 5, True
    course = scene.world.course.id
    scene.when("GET", 1, lambda _p: scene.state.enroll_late(course, "Aaa First"), path="/enrollments.*page=2")
    assert scene.drive() is RunState.DONE
    # Whether the newcomer is seen at once depends on which list was read first; twice is nobody.
    assert drift(scene) <= {"person_joined"}


def row_between_pages(scene: Scene) -> None:
    """24: somebody goes, and a row slips over the border unseen; the lists contradict each other."""
    scene.state.habits.per_page_max, scene.state.habits.numeric_enrollments = 5, True
    world = scene.world
    scene.when(
        "GET",
        1,
        lambda _p: scene.state.drop(world.first.id, world.course.id, state=EnrollmentState.DELETED),
        path="/enrollments.*page=2",
    )
    assert scene.drive() is RunState.DONE
    # Which list was read before and which after decides whether the row of the work is missed first.
    assert "person_left" in drift(scene) <= {"person_left", "assigned_switched"}


def drift(scene: Scene) -> set[str]:
    """The kinds of drift that the run's history names."""
    return {
        one["kind"]
        for event in scene.journal.events(scene.run)
        if event.type == "drift"
        for one in event.details["found"]  # type: ignore[attr-defined]  # JSON
    }


def odd_pages(scene: Scene) -> None:
    """25: small pages, empty ones, and addresses that say nothing: only Link decides."""
    scene.state.habits.per_page_max = 4
    scene.state.habits.opaque_paging = True
    scene.fault(FaultKind.EMPTY_PAGE, "GET", 2, times=2, path="/enrollments")
    scene.fault(FaultKind.EMPTY_PAGE, "GET", 1, times=1, path="/submissions")
    assert scene.drive() is RunState.DONE


def portal(scene: Scene) -> None:
    """46: a sign-in page with 200; Canvas saw nothing."""
    scene.fault(FaultKind.HTML_200, "POST", 3)
    scene.fault(FaultKind.HTML_200, "GET", 2, times=2)
    assert scene.drive() is RunState.DONE
    assert sum(row.method == "POST" for row in scene.writes) == 9


def endless_body(scene: Scene) -> None:
    """46: more than we read; Canvas has done it."""
    _spoiled(scene, 3, Response(b" " * 3_000_000, mimetype="application/json"))
    assert scene.drive() is RunState.DONE
    assert sum(row.method == "POST" for row in scene.writes) == 8


def bomb(scene: Scene) -> None:
    """46: small on the wire, huge in memory."""
    answer = Response(gzip.compress(b" " * 30_000_000), mimetype="application/json")
    answer.headers["Content-Encoding"] = "gzip"
    _spoiled(scene, 3, answer)
    assert scene.drive() is RunState.DONE
    assert sum(row.method == "POST" for row in scene.writes) == 8


def redirected(scene: Scene) -> None:
    """47: no redirect is followed with a write or a token."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
        _instead(scene, "POST", lambda: Response("", 307, headers={"Location": address}), range(3, 5))
        assert scene.drive() is RunState.DONE
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


def wrong_certificate(scene: Scene) -> None:
    """47: a certificate that nobody trusts, or of another name: not one byte of a request leaves."""
    public, private = certificate(scene.stages.folder)
    server = scene.stages.serve_securely(public, private)
    try:
        for host, verify in (("localhost", True), ("127.0.0.1", str(public))):
            wire = scene.transport(f"https://{host}:{server.port}", verify=verify)
            assert scene.drive(transport=wire) is RunState.PAUSED_CANVAS
            assert scene.state.log == []
            scene.clock.sleep(60)
        good = scene.transport(f"https://localhost:{server.port}", verify=str(public))
        assert scene.drive(transport=good) is RunState.DONE
    finally:
        server.shutdown()
        server.server_close()
