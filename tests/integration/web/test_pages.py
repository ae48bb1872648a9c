"""What a teacher reads and sends, page by page, over real planning and a course in memory."""

from __future__ import annotations

import csv
import html
import io
import re
import sqlite3
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import NoReturn

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from allocation import EngineError
from lti_tool.applying.answers import ReadFailed, Why
from lti_tool.applying.errors import JournalUnavailable
from lti_tool.applying.report import Attendance
from lti_tool.applying.states import RunState
from lti_tool.defects import PlanBroken
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.ids import UserId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.rules import Load, PlanRules
from lti_tool.services.long_work import Making, MakingState, ReadingPart, ReadingProgress, ReadingState
from lti_tool.web.connect import window_cookie
from tests.integration.web.course import ASSIGNMENT, CANVAS, COURSE, NOW, TEACHER, Course, a_course, web_of
from tests.integration.web.screens import state_making

HOME = f"/app/courses/{COURSE}"
PEOPLE = f"{HOME}/assignments/{ASSIGNMENT}/people"
RULES = f"{HOME}/assignments/{ASSIGNMENT}/rules"
GOOD_RULES = {
    "reviews_per_reviewer": "3",
    "sections": "any",
    "own_group": "barred",
    "existing": "keep",
    "seed": "7",
}

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><svg onload=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "{{ 7*7 }} {% raw %}",
    "%(num)s %s %%",
    "javascript:alert(1)",
    "</template><script>alert(2)</script>",
    "\u202eevil\u2066",
    '=HYPERLINK("http://x")',
    "a" * 500,
    "\x00null",
]


class Browser:
    """A teacher's session over the test client."""

    def __init__(self, course: Course, token: str = "teacher") -> None:
        self._client: FlaskClient = web_of(course).test_client()
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> TestResponse:
        return self._client.get(path, headers=self._headers)

    def send(self, path: str, **form: str) -> TestResponse:
        return self._client.post(path, data=form, headers=self._headers)


def words_of(answer: TestResponse) -> str:
    """The text of a page as a reader sees it."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", answer.text)))


def test_home_says_what_each_assignment_has() -> None:
    page = words_of(Browser(a_course()).get(HOME))
    assert "Essay 2: methods" in page
    assert "1 assignment without peer reviews" in page


def test_home_warns_of_two_masters() -> None:
    course = a_course()
    assert "two masters" not in Browser(course).get(HOME).text
    course.automatic = True
    assert "two masters" in Browser(course).get(HOME).text


@pytest.mark.parametrize(
    ("why", "status", "words"),
    [
        (Why.ACCESS_LOST, 409, "You are not connected to Canvas"),
        (Why.SCOPE_MISSING, 403, "developer key lacks a right"),
        (Why.NOT_PERMITTED, 403, "Canvas does not let you do this"),
        (Why.THROTTLED, 503, "Canvas asks us to slow down"),
        (Why.BROKEN_ANSWER, 502, "Canvas could not be read"),
    ],
)
def test_when_canvas_fails_the_page_says_what_to_do(why: Why, status: int, words: str) -> None:
    course = a_course()

    def fail(*_: object, **__: object) -> NoReturn:
        raise ReadFailed(why, "<b>secret of Canvas</b>")

    course.overview = fail  # type: ignore[method-assign]  # Canvas fails
    answer = Browser(course).get(HOME)
    assert answer.status_code == status
    assert words in answer.text
    assert "secret of Canvas" not in answer.text


@pytest.mark.parametrize(
    "error",
    [
        JournalUnavailable("the journal cannot be read"),
        OperationalError("SELECT 1", None, sqlite3.OperationalError("database is locked")),
    ],
)
def test_a_database_that_does_not_answer_is_no_defect_of_the_tool(error: Exception) -> None:
    course = a_course()

    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    course.overview = fail  # type: ignore[method-assign]  # the database fails
    answer = Browser(course).get(HOME)
    assert answer.status_code == 503
    words = words_of(answer)
    assert "The tool's own database doesn't answer at the moment. Nothing that was stored is lost." in words
    assert (
        "Try again in a minute. If this keeps happening, send the reference number to your Canvas "
        "administrator." in words
    )


@pytest.mark.parametrize("error", [PlanBroken("the engine broke rules"), EngineError("two proofs differ")])
def test_a_plan_that_broke_its_rules_is_a_defect_and_no_fault_of_the_rules(error: Exception) -> None:
    course = a_course()

    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    course.overview = fail  # type: ignore[method-assign]  # the engine is wrong
    answer = Browser(course).get(HOME)
    assert answer.status_code == 500
    words = words_of(answer)
    assert (
        "The plan that was made broke its own rules. This is a defect of the tool. Nothing was stored, and "
        "nothing was changed in Canvas." in words
    )
    assert "Send the reference number to your Canvas administrator. Other rules may work meanwhile." in words


def test_a_missing_scope_is_named_with_both_steps_in_order() -> None:
    course = a_course()
    scope = "url:GET|/api/v1/courses/:course_id/sections"

    def fail(*_: object, **__: object) -> NoReturn:
        raise ReadFailed(Why.SCOPE_MISSING, "401", scope=scope)

    course.overview = fail  # type: ignore[method-assign]  # Canvas fails
    answer = Browser(course).get(HOME)
    words = words_of(answer)
    assert f"Canvas refuses because the tool's API developer key lacks the scope {scope}." in words
    assert (
        "Ask your Canvas administrator to add the scope to the tool's API developer key. When that is done, "
        "connect to Canvas again: until then your access keeps the scopes that it had." in words
    )
    assert f'action="{HOME}/disconnect"' in answer.text
    back = Browser(course).send(f"{HOME}/disconnect", next=f"{HOME}/runs/r1")
    assert back.get_json()["location"] == f"{HOME}/connect?next={HOME}/runs/r1"


def test_who_is_not_connected_is_led_to_connecting_and_back() -> None:
    course = a_course()
    course.is_connected = False
    browser = Browser(course)
    assert browser.get(HOME).get_json() == {"location": f"{HOME}/connect"}
    refused = browser.get(PEOPLE)
    assert refused.status_code == 409
    assert f"{HOME}/connect?next={PEOPLE}" in html.unescape(refused.text)
    page = browser.get(f"{HOME}/connect?next={PEOPLE}")
    assert "create peer reviews" in page.text
    window = browser.send(f"{HOME}/connect/ticket", next=PEOPLE).get_json()["window"]
    client = web_of(course).test_client()
    away = client.get(window)
    assert away.status_code == 303
    assert away.location.startswith(CANVAS)
    cookie = away.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/connect", "Secure"))
    back = client.get("/connect/callback?state=good&code=x", base_url="https://tool.example.edu")
    assert back.status_code == 400
    client.set_cookie(window_cookie("good"), "window-secret", path="/connect")
    waits = client.get("/connect/callback?state=waits&code=x")
    assert waits.status_code == 503
    assert 5 <= int(waits.headers["Refresh"]) <= 10, "the window asks again without a script"
    assert waits.headers["Retry-After"] == waits.headers["Refresh"]
    assert "Canvas is busy and asks to wait" in waits.text
    assert "This page tries again automatically." in waits.text
    assert client.get("/connect/callback?state=good&code=x").status_code == 200
    assert browser.get(f"{HOME}/connect/status?next={PEOPLE}").get_json() == {
        "connected": True,
        "location": PEOPLE,
    }


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/app/courses/2", f"{HOME}//evil", f"{HOME}/\\x"]
)
def test_connecting_never_leads_out_of_the_course(target: str) -> None:
    answer = Browser(a_course()).get(f"{HOME}/connect/status?next={target}")
    assert answer.get_json()["location"] == HOME


def test_an_assignment_that_was_never_read_is_read_while_the_page_shows_how_far() -> None:
    course = a_course()
    course.is_known = False
    browser = Browser(course)
    parts = (ReadingPart("submissions", 412, 1_000), ReadingPart("groups", 0, None))
    course.reading_now = ReadingProgress(ReadingState.READING, NOW, NOW + timedelta(seconds=14), parts)
    for path in (PEOPLE, RULES):
        waiting = browser.get(path).get_json()["location"]
        assert waiting.startswith(f"{HOME}/assignments/{ASSIGNMENT}/reading?next=")
    page = words_of(browser.get(waiting))
    assert "412 of about 1,000 rows. About 20 seconds left." in page
    told = browser.get(f"{HOME}/assignments/{ASSIGNMENT}/reading/progress").get_json()
    assert (told["over"], told["done"], told["total"]) == (False, 412, 1_000)
    assert told["says"] == "41 percent read. About 20 seconds left."
    course.is_known = True
    course.reading_now = ReadingProgress(ReadingState.DONE, NOW, NOW)
    assert browser.get(f"{HOME}/assignments/{ASSIGNMENT}/reading/progress").get_json() == {"over": True}
    assert browser.get(waiting).get_json() == {"location": RULES}


def test_a_plan_that_takes_a_while_says_how_far_it_is_and_can_be_cancelled() -> None:
    course = state_making()[0]
    browser = Browser(course)
    waiting = browser.send(RULES, **GOOD_RULES).get_json()["location"]
    assert waiting == f"{HOME}/assignments/{ASSIGNMENT}/making"
    page = words_of(browser.get(waiting))
    assert "Planning: fewest pairs who review each other, and the mix of levels, step 3 of 6." in page
    assert "About 20 seconds left." in page
    assert "4,352 of at most 30,000" in page
    told = browser.get(f"{waiting}/progress").get_json()
    assert (told["over"], told["done"], told["total"]) == (False, 42, 100)
    assert told["says"].endswith("step 3 of 6. About 20 seconds left.")
    assert browser.send(f"{waiting}/cancel").get_json() == {"location": RULES}
    assert browser.get(f"{waiting}/progress").get_json() == {"over": True}
    assert browser.get(waiting).get_json() == {"location": RULES}
    assert not course.plans
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    course.making_now = Making(MakingState.MADE, NOW, NOW, plan=plan.id)
    assert browser.get(waiting).get_json() == {"location": f"{HOME}/plans/{plan.id}"}


def test_the_list_of_assignments_comes_before_its_counts() -> None:
    course = a_course()
    browser = Browser(course)
    counts = f"{HOME}/assignments/{ASSIGNMENT}/counts"
    assert f'data-load="{counts}"' in browser.get(HOME).text
    told = words_of_html(browser.get(counts).get_json()["html"])
    assert "Submitted21 of 24" in told
    assert "Reviews now3, 1 completed" in told

    def fail(*_: object) -> NoReturn:
        raise ReadFailed(Why.THROTTLED, "slow down")

    course.counts = fail  # type: ignore[assignment, method-assign]  # Canvas fails
    assert "could not be read" in browser.get(counts).get_json()["html"]


def test_a_reading_that_failed_says_why() -> None:
    course = a_course()
    course.is_known = False
    course.reading_now = ReadingProgress(ReadingState.FAILED, NOW, NOW, why=Why.THROTTLED)
    refused = Browser(course).get(PEOPLE)
    assert refused.status_code == 503
    assert "slow down" in refused.text
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    told = Browser(course).get(f"{HOME}/plans/{plan.id}/drift").get_json()
    assert "could not be read just now" in told["html"]
    assert not told["again"]


@pytest.mark.parametrize("target", ["https://evil.example/undo", "//evil/undo", "/app/courses/2/runs/1/undo"])
def test_waiting_never_leads_out_of_the_course(target: str) -> None:
    answer = Browser(a_course()).get(f"{HOME}/assignments/{ASSIGNMENT}/reading?next={target}")
    assert answer.get_json() == {"location": HOME}


def test_an_undo_waits_for_a_fresh_reading() -> None:
    course = a_course()
    run_id = course.start_run(TEACHER, course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id)
    course.finish_run(run_id)
    browser = Browser(course)
    course.reading_now = ReadingProgress(ReadingState.READING, NOW, NOW)
    waiting = browser.send(f"{HOME}/runs/{run_id}/undo").get_json()["location"]
    assert len(course.plans) == 1
    course.reading_now = ReadingProgress(ReadingState.DONE, NOW, NOW)
    then = browser.get(waiting).get_json()
    assert then == {"location": f"{HOME}/runs/{run_id}/undo", "post": True}
    assert "/plans/p2" in browser.send(then["location"]).get_json()["location"]


def test_a_student_is_left_out_with_a_reason_and_taken_in_again() -> None:
    course = a_course()
    browser = Browser(course)
    assert browser.send(f"{PEOPLE}/leave-out", user="100", reason="sister").get_json() == {"location": PEOPLE}
    assert course.saved.excluded == {"100"}
    page = words_of(browser.get(PEOPLE))
    assert "sister" in page
    assert "20 review, 20 are reviewed" in page
    browser.send(f"{PEOPLE}/take-in", user="100")
    assert course.saved.excluded == frozenset()


def test_a_wrong_student_is_told_at_the_field_and_in_the_summary() -> None:
    course = a_course()
    answer = Browser(course).send(f"{PEOPLE}/leave-out", user="nobody")
    assert answer.status_code == 422
    assert "<title>Error:" in answer.text
    assert 'href="#user"' in answer.text
    assert re.search(
        r'<select id="user"[^>]*aria-describedby="user-error[^>]*aria-invalid="true"', answer.text
    )
    assert course.saved.excluded == frozenset()


def test_those_without_work_may_review() -> None:
    course = a_course()
    answer = Browser(course).send(PEOPLE, without_submission="review_only")
    assert answer.get_json() == {"location": RULES}
    assert course.saved.without_submission == "review_only"


def test_rules_say_at_once_that_they_work() -> None:
    answer = Browser(a_course()).send(f"{RULES}/feasibility", **GOOD_RULES)
    assert "This gives 63 reviews: everyone gives 3 and every work gets 3." in words_of_html(
        answer.get_json()["html"]
    )


def test_impossible_rules_name_people_and_a_way_out_that_the_form_can_take() -> None:
    browser = Browser(a_course(10, 4))
    shown = browser.send(f"{RULES}/feasibility", **(GOOD_RULES | {"sections": "same"})).get_json()["html"]
    assert "cannot work" in shown
    assert "<bdi>Ada Adeyemi</bdi>" in shown
    ways = re.findall(r'name="way" value="([^"]+)" formaction="([^"]+)"', shown)
    assert ways
    for way, address in ways:
        form = GOOD_RULES | {"sections": "same", "way": html.unescape(way)}
        page = browser.send(html.unescape(address), **form)
        assert "This gives" in words_of(page)


@pytest.mark.parametrize("number", ["0", "51", "three", "", "1e1", "2.5"])
def test_a_wrong_number_keeps_what_was_typed(number: str) -> None:
    course = a_course()
    answer = Browser(course).send(RULES, **(GOOD_RULES | {"reviews_per_reviewer": number}))
    assert answer.status_code == 422
    assert f'name="reviews_per_reviewer" value="{number}"' in answer.text
    assert "Write a whole number from 1 to 50." in answer.text
    assert not course.plans


def test_impossible_rules_make_no_plan() -> None:
    course = a_course(10, 4)
    answer = Browser(course).send(RULES, **(GOOD_RULES | {"sections": "same"}))
    assert answer.status_code == 422
    assert not course.plans


@pytest.mark.parametrize("people", [0, 1, 2])
def test_a_class_too_small_gets_words_and_no_plan(people: int) -> None:
    course = a_course(people, 1)
    browser = Browser(course)
    assert browser.get(PEOPLE).status_code == 200
    said = words_of_html(browser.send(f"{RULES}/feasibility", **GOOD_RULES).get_json()["html"])
    assert ("cannot work" if people == 2 else "Too few students take part.") in said
    assert browser.send(RULES, **GOOD_RULES).status_code == 422
    assert not course.plans


def test_the_preview_counts_what_the_plan_holds() -> None:
    course = a_course()
    browser = Browser(course)
    location = browser.send(RULES, **GOOD_RULES).get_json()["location"]
    (plan,) = course.plans.values()
    page = words_of(browser.get(location))
    assert f"+{plan.counts[ChangeKind.CREATE]} to create" in page
    assert f"{plan.counts[ChangeKind.KEEP]} kept" in page
    assert "Nothing has been changed in Canvas." in page
    assert "Every reviewer gives 3: perfectly even." in page
    assert f"Apply {len(plan.writes)} changes in Canvas" in page
    assert not course.runs


def test_the_table_shows_every_change_once_over_its_pages() -> None:
    course = a_course(120, 4)
    browser = Browser(course)
    location = browser.send(RULES, **GOOD_RULES).get_json()["location"]
    (plan,) = course.plans.values()
    rows = [
        row
        for page in range(1, 6)
        for row in re.findall(
            r'<tr class="(create|delete|blocked)">', browser.get(f"{location}?page={page}").text
        )
    ]
    last_page = -(-len(plan.writes) // 100)
    rows = rows[: len(plan.writes)] if last_page < 5 else rows
    assert len(rows) == len(plan.writes)
    assert len(browser.get(f"{location}?page=2").data) < 150_000


def test_filters_narrow_by_kind_section_and_name() -> None:
    course = a_course()
    browser = Browser(course)
    location = browser.send(RULES, **GOOD_RULES).get_json()["location"]
    kept = browser.get(f"{location}?kind=keep").text
    assert 'class="keep"' in kept
    assert '<tr class="create"' not in kept
    named = re.findall(r'<tr class="create">.*?</tr>', browser.get(f"{location}?name=ada+adeyemi").text, re.S)
    assert named
    assert all("Ada Adeyemi" in row for row in named)
    assert "No change fits" in browser.get(f"{location}?name=nobody-at-all").text


def test_drift_is_told_with_names() -> None:
    course = a_course()
    browser = Browser(course)
    location = browser.send(RULES, **GOOD_RULES).get_json()["location"]
    assert "Canvas is as it was" in browser.get(f"{location}/drift").get_json()["html"]
    course.moved = (Drift(DriftKind.PERSON_LEFT, (UserId("100"),)),)
    shown = browser.get(f"{location}/drift").get_json()["html"]
    assert "This plan is out of date" in shown
    assert "1 thing changed in Canvas that this plan relies on." in shown
    assert "<bdi>Ada Adeyemi</bdi> left the course" in shown
    assert f'action="{location}/renew"' in shown
    renewed = browser.send(f"{location}/renew").get_json()["location"]
    assert renewed != location
    assert browser.get(renewed).status_code == 200, "the preview of a plan from Canvas as it is now"


def test_drift_that_leaves_the_plan_good_is_told_beside_it() -> None:
    course = a_course()
    browser = Browser(course)
    location = browser.send(RULES, **GOOD_RULES).get_json()["location"]
    course.moved = (Drift(DriftKind.DUE_DATE_CHANGED, on=False),)
    shown = browser.get(f"{location}/drift").get_json()["html"]
    assert "The due date was taken away" in shown
    assert "The plan stays as good as it was." in shown
    assert "out of date" not in shown


def test_a_plan_with_deletions_is_applied_only_with_every_tick() -> None:
    course = a_course()
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules(existing="replace"))
    assert plan.counts[ChangeKind.DELETE]
    browser = Browser(course)
    path = f"{HOME}/plans/{plan.id}"
    assert f'href="{path}/confirm"' in browser.get(path).text
    refused = browser.send(f"{path}/apply", deletes="yes")
    assert refused.status_code == 422
    assert 'href="#notices"' in refused.text
    assert not course.runs
    assert browser.send(f"{path}/apply", deletes="yes", notices="yes").get_json() == {
        "location": f"{HOME}/runs/r1"
    }


def test_an_old_tab_does_not_ask_again_to_apply_a_plan_that_was_applied() -> None:
    course = a_course()
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules(existing="replace"))
    browser = Browser(course)
    path = f"{HOME}/plans/{plan.id}"
    assert "Tick what you accept" in words_of(browser.get(f"{path}/confirm"))
    run = browser.send(f"{path}/apply", deletes="yes", notices="yes").get_json()
    assert browser.get(f"{path}/confirm").get_json() == {"location": path}
    preview = browser.get(path)
    assert "This plan was used for an update" in words_of(preview)
    assert f'href="{run["location"]}"' in preview.text
    assert browser.send(f"{path}/apply").get_json()["location"].startswith(f"{HOME}/runs/"), (
        "nothing is left to tick"
    )


ACTING = "You are acting as another user in Canvas. You can look around, but not change anything."


@pytest.mark.parametrize("path", ["", "/board", "/history", "/help", f"/assignments/{ASSIGNMENT}/rules"])
def test_every_course_page_says_that_an_administrator_acting_as_a_teacher_can_only_look(path: str) -> None:
    acting = words_of(Browser(a_course(), "acted").get(HOME + path))
    assert acting.count(ACTING) == 1
    assert ACTING not in words_of(Browser(a_course()).get(HOME + path))


def test_a_change_refused_while_acting_as_another_is_not_explained_twice() -> None:
    course = a_course()
    refused = Browser(course, "acted").send(f"{HOME}/board/read")
    assert refused.status_code == 403
    assert "Stop acting as user" in words_of(refused)
    assert ACTING not in words_of(refused), "the refusal says it already"
    assert not course.changed


def test_the_board_of_several_assignments_gives_the_time_of_the_oldest_data_as_that() -> None:
    browser = Browser(a_course())
    course_board = words_of(browser.get(f"{HOME}/board"))
    assert "Oldest data: " in course_board
    assert "As of " not in course_board
    one = words_of(browser.get(f"{HOME}/assignments/{ASSIGNMENT}/board"))
    assert "As of " in one
    assert "Oldest data" not in one


def test_a_plan_that_changes_nothing_has_no_apply_button() -> None:
    course = a_course()
    plan = course.keep([], PlanRules())
    page = Browser(course).get(f"{HOME}/plans/{plan.id}")
    assert "Canvas already matches this plan." in page.text
    assert f"{plan.id}/apply" not in page.text


def test_progress_then_report_then_undo_as_a_plan() -> None:
    course = a_course()
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    browser = Browser(course)
    run = browser.send(f"{HOME}/plans/{plan.id}/apply").get_json()["location"]
    told = browser.get(f"{run}/progress").get_json()
    assert (told["shown"], told["total"]) == ("going", len(plan.writes))
    assert "About 2 minutes left." in words_of_html(told["html"])
    assert "slow down" in told["html"]
    assert told["html"].count(" reviews the work of ") == 5, "the changes that were settled last"
    assert f"{run}/pause" in browser.get(run).text
    browser.send(f"{run}/pause")
    assert course.changed[-1] == "pause"
    assert "Pausing after" in browser.get(run).text
    browser.send(f"{run}/stop")
    assert "Stopping after" in browser.get(run).text
    (run_id,) = course.runs
    course.finish_run(run_id)
    assert browser.get(f"{run}/progress").get_json()["shown"] == "over"
    page = words_of(browser.get(run))
    assert f"{len(plan.writes)} of {len(plan.writes)} applied and checked" in page
    undo = browser.send(f"{run}/undo").get_json()["location"]
    assert "Preview: undo" in browser.get(undo).text
    assert f"−{len(plan.writes)} to delete" in words_of(browser.get(undo))


def test_what_was_not_made_is_listed_with_its_cause() -> None:
    course = a_course()
    run_id = course.start_run(TEACHER, course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id)
    course.finish_run(run_id, RunState.DONE_WITH_ISSUES, failed=4)
    page = words_of(Browser(course).get(f"{HOME}/runs/{run_id}"))
    assert "4 were not" in page
    assert "4 × student left the course" in page
    assert "Try the 4 again" in page
    again = Browser(course).send(f"{HOME}/runs/{run_id}/again").get_json()["location"]
    preview = words_of(Browser(course).get(again))
    assert "+4 to create" in preview
    assert f"{len(course.read.reviews)} kept" in preview


def test_seed_and_rules_of_a_run_are_a_rules_file_that_gives_the_plan_again() -> None:
    course = a_course()
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules(sections="different"))
    run_id = course.start_run(TEACHER, plan.id)
    course.finish_run(run_id)
    answer = Browser(course).get(f"{HOME}/runs/{run_id}/rules.json")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    rules = PlanRules.model_validate_json(answer.text)
    assert course.make_plan(TEACHER, ASSIGNMENT, rules).changes == plan.changes


def test_a_paused_run_can_go_on() -> None:
    course = a_course()
    run_id = course.start_run(TEACHER, course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id)
    course.finish_run(run_id, RunState.PAUSED_AUTH, failed=0)
    browser = Browser(course)
    assert "access to Canvas was withdrawn" in browser.get(f"{HOME}/runs/{run_id}").text
    assert browser.get(f"{HOME}/runs/{run_id}/progress").get_json()["shown"] == "paused"
    browser.send(f"{HOME}/runs/{run_id}/resume")
    assert course.changed[-1] == "resume"


def test_a_run_that_loses_its_workers_is_shown_anew() -> None:
    course = a_course()
    run_id = course.start_run(TEACHER, course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id)
    teacher, address = Browser(course), f"{HOME}/runs/{run_id}/progress"
    assert teacher.get(address).get_json()["shown"] == "going"
    report = course.runs[run_id]
    alone = replace(report.progress, attendance=Attendance.MISSING)
    course.runs[run_id] = replace(report, progress=alone)
    told = teacher.get(address).get_json()
    assert told["shown"] == "alone"
    assert told["says"] == (
        "Nothing is happening: no worker is making these changes, and none was running in the last minute."
    )


def test_a_run_of_a_newer_version_is_shown_without_buttons() -> None:
    course = a_course()
    teacher = Browser(course)
    run_id = course.start_run(TEACHER, course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id)
    course.finish_run(run_id, RunState.OF_LATER_VERSION)
    page = teacher.get(f"{HOME}/runs/{run_id}").text
    assert "In the hands of a newer version of this tool" in page
    assert not [form for form in ("/pause", "/stop", "/resume", "/undo") if f"{run_id}{form}" in page]
    progress = teacher.get(f"{HOME}/runs/{run_id}/progress").get_json()
    assert (progress["state"], progress["shown"]) == ("of_later_version", "going")


@pytest.mark.parametrize("what", ["plans", "runs"])
def test_downloads_hold_every_line_and_no_formula(what: str) -> None:
    course = a_course(names=[*HOSTILE, *(f"Student {n}" for n in range(8))])
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    run_id = course.start_run(TEACHER, plan.id)
    path = f"plans/{plan.id}/changes.csv" if what == "plans" else f"runs/{run_id}/record.csv"
    answer = Browser(course).get(f"{HOME}/{path}")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert len(rows) - 1 == (len(plan.changes) if what == "plans" else len(plan.writes))
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@")]
    assert any(cell.startswith("'=HYPERLINK") for row in rows for cell in row)


def test_hostile_names_are_text_on_every_page() -> None:
    course = a_course(names=[*HOSTILE, *(f"Student {n}" for n in range(8))])
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules(sections="any"))
    run_id = course.start_run(TEACHER, plan.id)
    course.finish_run(run_id, RunState.DONE_WITH_ISSUES, failed=30)
    course.moved = tuple(Drift(DriftKind.PERSON_LEFT, (one.id,)) for one in course.read.people)
    browser = Browser(course)
    pages = [
        PEOPLE,
        RULES,
        f"{HOME}/plans/{plan.id}",
        f"{HOME}/plans/{plan.id}?person=100",
        f"{HOME}/runs/{run_id}",
    ]
    fragments = [browser.get(f"{HOME}/plans/{plan.id}/drift").get_json()["html"]]
    for text in [browser.get(path).text for path in pages] + fragments:
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "<svg onload" not in text
        assert not event_handlers(text)
        assert " style=" not in text
    assert "&lt;script&gt;alert(1)" in browser.get(PEOPLE).text


def test_language_and_direction_follow_the_launch_where_a_translation_exists() -> None:
    page = Browser(a_course(), "arabic").get(HOME).text
    assert '<html lang="en" dir="ltr">' in page
    assert 'data-contrast="high"' in Browser(a_course(), "contrast").get(HOME).text


def words_of_html(fragment: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", fragment)))


def event_handlers(page: str) -> list[str]:
    """Attributes that would run something, as a browser reads the page."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(f"{tag} {name}" for name, _ in attrs if name.startswith("on"))

    Reader().feed(page)
    return found


def test_rules_that_contradict_a_person_say_so_with_the_name_and_in_the_reader_s_language() -> None:
    course = a_course(10, 2)
    course.saved = PlanRules(loads=(Load(user=UserId("100"), gives=1),))
    shares = {"shares": "yes", "share.s0.s1": "2"}
    german = Browser(course, "german")
    live = german.send(f"{RULES}/feasibility", **GOOD_RULES, **shares).get_json()["html"]
    refused = german.send(RULES, **GOOD_RULES, **shares)
    assert refused.status_code == 422
    for said in (live, refused.text):
        assert "Diese Regeln" in said
        assert "verlangt 2 Begutachtungen, aber <bdi>Ada Adeyemi</bdi> gibt nur 1." in said
        assert "section_shares:" not in said, "the rule's name is for programs"
