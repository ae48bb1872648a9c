"""Filling up on the pages: what counts is ticked, who stands in is named, what is left is for staff."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from lti_tool.planning.plan import ChangeKind, ChangeReason
from tests.integration.web.course import ASSIGNMENT, COURSE, Course
from tests.integration.web.screens import HOME, course_with_holes, state_for_staff
from tests.integration.web.test_pages import Browser, words_of

FILL_UP = f"{HOME}/assignments/{ASSIGNMENT}/fill-up"
PEOPLE = f"{HOME}/assignments/{ASSIGNMENT}/people"
RULES = f"{HOME}/assignments/{ASSIGNMENT}/rules"


def name(course: Course, user: str) -> str:
    return next(person.name for person in course.read.people if person.id == user)


def test_the_page_tells_late_authors_and_holes_by_kind() -> None:
    course = course_with_holes()
    page = words_of(Browser(course).get(FILL_UP))
    assert f"1 author has no reviewers yet: {name(course, '106')}." in page
    assert "The reviewer is inactive in the course. These 3 reviews are never counted." in page
    assert "refuses to delete them" in page
    assert "The reviewer is excused from the assignment. Do not wait for these 3 reviews" in page
    assert "No date is set by which reviews are due" in page
    assert "1 spare reviewer, 1 volunteer." in page


def test_only_what_is_ticked_is_not_waited_for() -> None:
    course = course_with_holes()
    browser = Browser(course)
    answer = browser.send(FILL_UP, open_reviews="stay")
    waiting = course.plans[max(course.plans)]
    assert answer.json == {"location": f"{HOME}/plans/{waiting.id}"}
    assert not waiting.rules.not_coming
    browser.send(FILL_UP, kind="excused", open_reviews="stay")
    plan = course.plans[max(course.plans)]
    assert {pair.reviewer for pair in plan.rules.not_coming} == {"103"}
    extra = {line.reviewer for line in plan.changes if line.reason is ChangeReason.EXTRA}
    assert extra <= {"110", "113"}
    assert extra
    kept = [line for line in plan.changes if line.reason is ChangeReason.NOT_COMING]
    assert {line.kind for line in kept} == {ChangeKind.KEEP}
    assert "1 late author: +" in words_of(browser.get(f"{HOME}/plans/{plan.id}"))
    browser.send(FILL_UP, kind="excused", open_reviews="delete")
    deleting = course.plans[max(course.plans)]
    reasons = [line.reason for line in deleting.of_kind(ChangeKind.DELETE)]
    assert reasons.count(ChangeReason.NOT_COMING_DELETED) == 3


def test_works_that_nobody_may_review_are_listed_for_staff_with_links() -> None:
    course, path = state_for_staff()
    browser = Browser(course)
    page = browser.get(HOME + path)
    plan = course.plans[max(course.plans)]
    assert "will still have too few reviews" in words_of(page)
    assert "Canvas accepts only students as reviewers" in words_of(page)
    table = browser.get(f"{HOME}/plans/{plan.id}/for-staff.csv")
    rows = list(csv.DictReader(io.StringIO(table.data.decode("utf-8-sig"))))
    assert rows
    for row in rows:
        assert int(row["Missing"]) > 0
        link = (
            f"https://canvas.example.edu/courses/{COURSE}/gradebooks/speed_grader?assignment_id={ASSIGNMENT}"
        )
        assert row["SpeedGrader"] == f"{link}&student_id={row['Author id']}"
    assert rows[0]["SpeedGrader"].replace("&", "&amp;") in page.text


def test_who_stands_in_is_named_one_by_one_and_as_a_list() -> None:
    course = course_with_holes()
    browser = Browser(course)
    one, other = name(course, "107"), name(course, "108")
    browser.send(f"{PEOPLE}/stand-in", stand_in=one, role="volunteer", up_to="3")
    browser.send(f"{PEOPLE}/many/list", list=other, role="spare")
    assert course.saved.extras == {"110": 2, "107": 3}
    assert course.saved.spare == ("113", "108")
    page = words_of(browser.get(PEOPLE))
    assert f"{one} · volunteers for up to 3 extra reviews" in page
    assert f"{other} · spare reviewer" in page
    wrong = browser.send(f"{PEOPLE}/stand-in", stand_in="nobody", role="volunteer", up_to="0")
    assert wrong.status_code == 422
    assert "Write a whole number from 1 to 50." in words_of(wrong)
    browser.send(f"{PEOPLE}/no-stand-in", user="113")
    browser.send(f"{PEOPLE}/stand-in", stand_in=other, role="volunteer", up_to="1")
    after = course.saved
    assert after.extras["108"] == 1
    assert not after.spare, "one role at a time"


def test_the_rules_tell_what_works_keep_if_reviewers_drop_out() -> None:
    course = course_with_holes()
    browser = Browser(course)
    assert (
        "If 10 % of the reviewers drop out by chance, 97 % of the works keep at least 2 reviews."
        in words_of(browser.get(RULES))
    )
    form = {"reviews_per_reviewer": "3", "sections": "any", "own_group": "barred", "existing": "keep"}
    answer = browser.send(f"{RULES}/feasibility", **form, keep="3", dropping="20")
    assert answer.json is not None
    said = answer.json["html"]
    assert "If 20 % of the reviewers drop out by chance, 51 % of the works keep at least 3 reviews." in said
    assert "let each give 6" in said


def test_a_reviewer_of_whom_canvas_says_nothing_is_listed_and_still_waited_for() -> None:
    course = course_with_holes()
    gone = "103"
    course.read = replace(
        course.read, people=tuple(one for one in course.read.people if one.id != gone), sees_everybody=None
    )
    page = words_of(Browser(course).get(FILL_UP))
    assert "Canvas doesn't say whether the reviewer is still in the course." in page
    assert "These 3 reviews are counted as still to come. Refresh to ask Canvas again." in page


def test_a_reviewer_whose_enrollment_was_deleted_is_named_like_one_who_is_inactive() -> None:
    course = course_with_holes()
    gone = next(one for one in course.read.people if one.id == "103")
    course.read = replace(
        course.read,
        people=tuple(one for one in course.read.people if one.id != gone.id),
        works=tuple(one for one in course.read.works if one.author != gone.id),
        left=(replace(gone, state="left"),),
    )
    page = words_of(Browser(course).get(FILL_UP))
    assert "The reviewer left the course. These 3 reviews are never counted." in page
    assert f"{gone.name} reviews" in page
