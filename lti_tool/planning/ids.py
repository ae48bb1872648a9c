"""Identifiers as Canvas gives them: opaque strings, one type each.

Canvas ids can exceed 2^53 and can be written ``shard~id``; nothing here ever turns one into a number.
"""

from __future__ import annotations

from typing import NewType

UserId = NewType("UserId", str)
CourseId = NewType("CourseId", str)
SectionId = NewType("SectionId", str)
GroupId = NewType("GroupId", str)
AssignmentId = NewType("AssignmentId", str)
SubmissionId = NewType("SubmissionId", str)
ReviewId = NewType("ReviewId", str)
"""The id of one Canvas peer review (Canvas's AssessmentRequest row)."""
CanvasOrigin = NewType("CanvasOrigin", str)
"""Scheme, host and port of one Canvas, such as ``https://canvas.example.edu``; no trailing slash."""
PlanId = NewType("PlanId", str)
RunId = NewType("RunId", str)
