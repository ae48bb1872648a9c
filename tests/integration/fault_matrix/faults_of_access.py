"""Rows 1 to 4, 9, 36, 37 and 42: the token ends, the access is withdrawn, a right is lost."""

from __future__ import annotations

from collections.abc import Callable

from allocation.sentences import Sentence
from lti_tool.applying.states import RunState, StepClass
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.records import EnrollmentState
from tests.integration.fault_matrix.scene import Scene

HTML = "text/html; charset=utf-8"
POST_SCOPE = (
    "url:POST|/api/v1/courses/:course_id/assignments/:assignment_id/submissions/:submission_id/peer_reviews"
)


def attempts(scene: Scene) -> set[int]:
    """How often answers counted against a step."""
    return {step.attempts for step in scene.journal.steps(scene.run)}


def expires(method: str, nth: int, path: str = "") -> Callable[[Scene], None]:
    """1: the token ends, is renewed once, and no attempt is counted."""

    def happen(scene: Scene) -> None:
        scene.when(method, nth, lambda _path: scene.state.expire_all_tokens(), path=path)
        assert scene.drive() is RunState.DONE
        assert scene.refreshes == 1
        assert attempts(scene) == {0}

    return happen


def revoked(scene: Scene) -> None:
    """2: the access is withdrawn; connecting again goes on exactly."""
    scene.when("POST", 4, lambda _path: scene.state.revoke_all_tokens())
    assert scene.drive() is RunState.PAUSED_AUTH
    report = scene.report
    assert report.counts[StepClass.DONE] == 3
    assert report.counts[StepClass.PAUSED] == 9
    assert "Connect to Canvas again" in report.words
    sent = len(scene.state.log)
    scene.clock.sleep(3600)
    assert not scene.wanted()
    assert scene.drive() is None
    assert len(scene.state.log) == sent, "nothing is tried meanwhile"
    scene.connect()
    scene.resume()
    assert scene.drive() is RunState.DONE


def scope_missing(scene: Scene) -> None:
    """3: stop at once and name it; the administrator adds the scope, and then the person connects again."""
    key = scene.world.key

    def enforce(_path: str) -> None:
        key.scopes.remove(POST_SCOPE)
        key.require_scopes = key.allow_includes = True
        grant = next(iter(scene.state.grants.values()))
        grant.scopes = tuple(key.scopes)

    scene.when("POST", 3, enforce)
    assert scene.drive() is RunState.PAUSED_PERMISSION
    assert len(scene.writes) == 3
    assert scene.refreshes == 0
    words = f"Canvas refuses these changes because the tool's API developer key lacks the scope {POST_SCOPE}."
    assert str(Sentence.unpacked(scene.report.words)) == words
    assert not scene.wanted()
    key.scopes.append(POST_SCOPE)
    scene.resume()
    assert scene.drive() is RunState.PAUSED_PERMISSION, "a token keeps the scopes that it was given"
    assert len(scene.writes) == 4
    scene.connect()
    scene.resume()
    assert scene.drive() is RunState.DONE


def not_permitted(lose: Callable[[Scene], None], gain: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """4, 9, 42: three refusals in a row are about the person, not about the pairs."""

    def happen(scene: Scene) -> None:
        scene.when("POST", 5, lambda _path: lose(scene))
        assert scene.drive() is RunState.PAUSED_PERMISSION
        assert len(scene.writes) == 4 + 3
        assert scene.report.counts[StepClass.PAUSED] == 8
        assert not scene.wanted()
        gain(scene)
        scene.resume()
        assert scene.drive() is RunState.DONE

    return happen


def withhold(scene: Scene) -> None:
    scene.state.withheld[scene.world.teacher.id, scene.world.course.id].add("manage_grades")


def withhold_as_of_old(scene: Scene) -> None:
    scene.state.habits.permission_status = 401
    withhold(scene)


def give_back(scene: Scene) -> None:
    scene.state.withheld.clear()


def conclude(scene: Scene) -> None:
    scene.world.course.workflow_state = "completed"


def reopen(scene: Scene) -> None:
    scene.world.course.workflow_state = "available"


def demote(scene: Scene) -> None:
    for row in scene.state.enrollments_of(scene.world.course.id, scene.world.teacher.id):
        row.state = EnrollmentState.DELETED


def promote(scene: Scene) -> None:
    for row in scene.state.enrollments_of(scene.world.course.id, scene.world.teacher.id):
        row.state = EnrollmentState.ACTIVE


def refresh_race(scene: Scene) -> None:
    """36: eight threads meet the dead token at once."""
    scene.when("POST", 2, lambda _path: scene.state.expire_all_tokens())
    assert scene.drive() is RunState.DONE
    assert scene.refreshes == 1


def lost_refresh(scene: Scene) -> None:
    """37: Canvas has made the new token and its answer is lost."""
    scene.fault(FaultKind.DROP_AFTER, "POST", path="oauth2/token")
    scene.when("POST", 3, lambda _path: scene.state.expire_all_tokens())
    scene.sweep()
    assert scene.refreshes == 2
    assert attempts(scene) == {0}
