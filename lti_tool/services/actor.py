"""Who acts, in which course of which Canvas: the first argument of everything that the product can do."""

from __future__ import annotations

from dataclasses import dataclass

from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which course of which Canvas. ``name`` is only for display and the record."""

    canvas: CanvasOrigin
    course_id: CourseId
    user_id: UserId
    name: str = ""
