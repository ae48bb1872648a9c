"""How long an answer of Canvas about somebody's rights is good for, and what holds while it gives none."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.errors import AccessLost, CanvasError, CanvasUnavailable, NotFound, NotPermitted
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.services.actor import Actor
from lti_tool.services.viewing import GRACE_S, AccessEnded, Rights, Viewer

ROSA = Actor(CanvasOrigin("https://canvas.example.edu"), CourseId("7"), UserId("1"))


def row(user: str, type_: str, *, limited: bool = False) -> Any:
    return SimpleNamespace(user_id=user, type=type_, limit_privileges_to_course_section=limited)


class Canvas:
    """Answers the three questions; ``trouble`` instead, where it is set."""

    def __init__(self) -> None:
        self.asked = 0
        self.may = True
        self.own = [row("1", "TeacherEnrollment")]
        self.trouble: CanvasError | None = None

    def permissions(self, _course: str, names: tuple[str, ...]) -> dict[str, bool]:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return dict.fromkeys(names, self.may)

    def own_enrollments(self, _course: str) -> list[Any]:
        return self.own

    def enrollments(self, _course: str) -> list[Any]:
        return [row("5", "StudentEnrollment"), row("6", "StudentEnrollment")]


class Scene:
    def __init__(self) -> None:
        self.canvas, self.time, self.ended = Canvas(), 0.0, list[Actor]()
        self.rights = Rights(
            lambda _canvas, _user, _lane: cast("CanvasClient", self.canvas),
            good_for_s=90,
            ended=self.ended.append,
            clock=lambda: self.time,
        )

    def after(self, seconds: float) -> Viewer:
        self.time += seconds
        return self.rights.viewer(ROSA)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_canvas_is_asked_again_after_the_stated_time(scene: Scene) -> None:
    assert [scene.after(seconds) and scene.canvas.asked for seconds in (0, 89, 2, 1)] == [1, 1, 2, 2]


def test_whoever_is_limited_sees_whom_canvas_lists(scene: Scene) -> None:
    scene.canvas.own = [row("1", "TaEnrollment", limited=True), row("1", "StudentEnrollment")]
    viewer = scene.after(0)
    assert (viewer.limited, viewer.sees("5"), viewer.sees("7")) == (True, True, False)


@pytest.mark.parametrize(
    "own",
    [
        [row("1", "TaEnrollment", limited=True), row("1", "TaEnrollment")],
        [],  # an administrator without an enrollment
    ],
)
def test_one_enrollment_without_limit_shows_everybody(scene: Scene, own: list[Any]) -> None:
    scene.canvas.own = own
    assert not scene.after(0).limited


def _curtail(canvas: Canvas) -> None:
    canvas.may = False


def _answer(error: CanvasError) -> Callable[[Canvas], None]:
    return lambda canvas: setattr(canvas, "trouble", error)


@pytest.mark.parametrize("take", [_curtail, _answer(NotPermitted("no")), _answer(NotFound("gone"))])
def test_rights_end_with_the_next_answer_and_are_back_at_once(
    scene: Scene, take: Callable[[Canvas], None]
) -> None:
    scene.after(0)
    take(scene.canvas)
    assert scene.after(89), "until then the last answer holds"
    with pytest.raises(AccessEnded):
        scene.after(2)
    assert scene.ended == [ROSA]
    scene.canvas.may, scene.canvas.trouble = True, None
    assert scene.after(0), "a refusal isn't remembered"


def test_while_canvas_is_silent_the_last_answer_holds_for_a_while(scene: Scene) -> None:
    scene.after(0)
    scene.canvas.trouble = CanvasUnavailable("down")
    assert scene.after(90 + GRACE_S - 1)
    with pytest.raises(CanvasUnavailable):
        scene.after(2)
    assert scene.ended == [], "silence takes nobody's session"


def test_silence_at_first_shows_nothing(scene: Scene) -> None:
    scene.canvas.trouble = CanvasUnavailable("down")
    with pytest.raises(CanvasUnavailable):
        scene.after(0)


def test_without_a_token_nothing_holds(scene: Scene) -> None:
    scene.after(0)
    scene.canvas.trouble = AccessLost("gone")
    with pytest.raises(AccessLost):
        scene.after(91)
    scene.canvas.trouble = None
    assert scene.after(0)
    scene.rights.forget(ROSA.canvas, ROSA.user_id)
    scene.canvas.trouble = AccessLost("gone")
    with pytest.raises(AccessLost):
        scene.after(0)
