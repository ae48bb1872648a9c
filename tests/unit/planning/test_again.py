"""The plan of what a run did not make: only that, and only where it still can be."""

from __future__ import annotations

from dataclasses import replace

from lti_tool.planning.again import again_changes
from lti_tool.planning.ids import ReviewId, SubmissionId, UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.snapshot import Review
from tests.integration.web.course import read_course

CLASS = read_course(12, 2)
"""Reviews 900 to 902 exist: 100 of 101 (completed), 101 of 102, 102 of 100."""


def create(reviewer: int, author: int) -> Change:
    work = SubmissionId(str(5000 + author - 100))
    return Change(ChangeKind.CREATE, UserId(str(reviewer)), UserId(str(author)), work, ChangeReason.NEW)


def delete(reviewer: int, author: int, review: int) -> Change:
    work = SubmissionId(str(5000 + author - 100))
    who = (UserId(str(reviewer)), UserId(str(author)), work)
    return Change(ChangeKind.DELETE, *who, ChangeReason.REPLACED, ReviewId(str(review)))


def told(lines: tuple[Change, ...]) -> set[tuple[str, str, str]]:
    return {
        (line.kind, f"{line.reviewer}-{line.author}", line.reason)
        for line in lines
        if line.reason is not ChangeReason.NOT_PART_OF_UNDO
    }


def test_what_is_missing_is_planned_with_its_old_reasons_and_nothing_else() -> None:
    lines = again_changes(CLASS, [create(105, 104), delete(101, 102, 901)])
    assert told(lines) == {("create", "105-104", "new"), ("delete", "101-102", "replaced")}
    assert len(lines) == 4, "the other two reviews are kept"


def test_what_meanwhile_is_there_or_gone_needs_no_change() -> None:
    assert told(again_changes(CLASS, [create(101, 102), delete(107, 108, 999)])) == set()


def test_what_may_not_be_touched_says_why() -> None:
    twin = Review(ReviewId("950"), UserId("101"), UserId("102"), SubmissionId("5002"), completed=False)
    left = tuple(replace(one, state="inactive") if one.id == "105" else one for one in CLASS.people)
    now = replace(CLASS, reviews=(*CLASS.reviews, twin), people=left)
    missing = [delete(100, 101, 900), delete(101, 102, 901), create(105, 104), create(104, 105)]
    assert told(again_changes(now, missing)) == {
        ("keep", "100-101", "completed"),
        ("blocked", "101-102", "duplicate"),
        ("blocked", "105-104", "reviewer_left"),
        ("blocked", "104-105", "author_left"),
    }
