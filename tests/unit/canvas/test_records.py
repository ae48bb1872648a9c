"""From Canvas's rows to people and works: ids, states, sections, groups, what counts as handed in."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lti_tool.canvas.class_list import people_of
from lti_tool.canvas.records import (
    AssignmentRecord,
    EnrollmentRecord,
    PeerReviewRecord,
    SectionRecord,
    SubmissionRecord,
)
from lti_tool.canvas.snapshot_reader import works_of
from lti_tool.planning.ids import GroupId, UserId
from lti_tool.planning.snapshot import Group


def enrolled(section: str, state: str = "active", **more: Any) -> EnrollmentRecord:
    row = {
        "id": f"{section}-{state}",
        "user_id": 7,
        "course_section_id": section,
        "type": "StudentEnrollment",
        "enrollment_state": state,
        "user": {"id": 7, "name": "Ada Lovelace", "sortable_name": "Lovelace, Ada"},
    }
    return EnrollmentRecord.model_validate(row | more)


def handed_in(**fields: Any) -> SubmissionRecord:
    row = {"id": "1", "user_id": "7", "assignment_id": "2", "workflow_state": "unsubmitted"}
    return SubmissionRecord.model_validate(row | fields)


@pytest.mark.parametrize(
    ("value", "text"),
    [(2**53 + 1, "9007199254740993"), ("1~23", "1~23"), (10**18, "1000000000000000000"), (0, "0")],
)
def test_ids_are_text_whatever_canvas_sends(value: object, text: str) -> None:
    assert SectionRecord.model_validate({"id": value, "name": "A"}).id == text


@pytest.mark.parametrize("value", [None, "", 9007199254740993.0, True, [1], {"id": 1}])
def test_what_cannot_be_an_id_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        SectionRecord.model_validate({"id": value, "name": "A"})


@pytest.mark.parametrize(
    ("states", "state", "sections"),
    [
        (["active"], "active", ("s0",)),
        (["completed", "active"], "active", ("s1",)),
        (["inactive", "invited", "completed"], "invited", ("s1",)),
        (["creation_pending"], "invited", ("s0",)),
        (["active", "invited"], "active", ("s0", "s1")),
        (["completed", "inactive"], "inactive", ("s0", "s1")),
        (["completed"], "concluded", ("s0",)),
        (["deleted", "active"], "active", ("s1",)),
    ],
)
def test_a_person_has_the_best_state_and_the_sections_where_she_is_reachable(
    states: list[str], state: str, sections: tuple[str, ...]
) -> None:
    [person] = people_of(enrolled(f"s{n}", each) for n, each in enumerate(states))
    assert (person.state, person.sections) == (state, sections)
    assert (person.name, person.sortable_name) == ("Ada Lovelace", "Lovelace, Ada")


def test_people_in_an_unknown_state_are_left_out() -> None:
    assert people_of([enrolled("c", "sleeping")]) == ()


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["deleted"], "left"),
        (["rejected"], "left"),
        (["deleted", "rejected"], "left"),
        (["deleted", "completed"], "concluded"),
        (["rejected", "inactive"], "inactive"),
        (["deleted", "active"], "active"),
    ],
)
def test_somebody_has_left_when_every_enrollment_says_so(states: list[str], state: str) -> None:
    [person] = people_of(enrolled(f"s{n}", each) for n, each in enumerate(states))
    assert person.state == state
    assert person.reachable is (state == "active")


def test_one_row_of_the_test_student_makes_the_test_student() -> None:
    [person] = people_of([enrolled("a", type="StudentViewEnrollment")])
    assert person.test_student


def test_a_missing_sortable_name_is_no_reason_to_fail() -> None:
    [person] = people_of([enrolled("a", user={"id": 7, "name": "Ada"})])
    assert person.sortable_name == "Ada"


@pytest.mark.parametrize(
    ("fields", "submitted"),
    [
        ({"submission_type": "online_text_entry", "workflow_state": "submitted"}, True),
        ({"submission_type": None, "workflow_state": "graded", "score": 5}, False),
        ({"workflow_state": "unsubmitted", "excused": True}, False),
        ({"submission_type": "online_upload", "workflow_state": "pending_review"}, True),
    ],
)
def test_handed_in_is_what_has_a_type(fields: dict[str, Any], submitted: bool) -> None:
    [work] = works_of([handed_in(**fields)], [])
    assert work.submitted is submitted
    assert work.excused is bool(fields.get("excused"))


def test_a_work_has_the_group_of_its_author() -> None:
    groups = [Group(GroupId("g"), "G", (UserId("7"),))]
    works = works_of([handed_in(), handed_in(id="2", user_id="8")], groups)
    assert [work.group for work in works] == ["g", None]


def test_an_assignment_without_its_optional_fields() -> None:
    record = AssignmentRecord.model_validate(
        {"id": 3, "course_id": 4, "name": "Essay", "published": True, "html_url": "https://c.example/a"}
    )
    facts = record.facts()
    assert (facts.id, facts.course_id, facts.rubric_id, facts.due_at) == ("3", "4", None, None)
    assert not facts.peer_reviews
    assert not facts.is_group_assignment


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "//evil.example", ""]
)
def test_a_link_that_is_no_web_address_is_none(link: str) -> None:
    given = {"id": 3, "course_id": 4, "name": "Essay", "published": True, "html_url": link}
    assert AssignmentRecord.model_validate(given).facts().html_url == ""


@pytest.mark.parametrize(
    "change", [{"workflow_state": "new state"}, {"asset_type": "Discussion"}, {"assessor_id": None}]
)
def test_a_review_of_an_unknown_kind_is_not_guessed_at(change: dict[str, Any]) -> None:
    row = {
        "id": 1,
        "asset_id": 2,
        "asset_type": "Submission",
        "user_id": 3,
        "assessor_id": 4,
        "workflow_state": "completed",
    }
    assert PeerReviewRecord.model_validate(row).review().completed
    with pytest.raises(ValidationError):
        PeerReviewRecord.model_validate(row | change)
