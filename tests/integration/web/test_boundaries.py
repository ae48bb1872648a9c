"""What holds for every address, generated from the URL map so that new pages are included."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from lti_tool.planning.rules import PlanRules
from tests.integration.web.course import ASSIGNMENT, CANVAS, COURSE, TEACHER, Course, a_course, web_of

VALUES = {
    "assignment_id": ASSIGNMENT,
    "plan_id": "p1",
    "run_id": "r1",
    "batch_id": "b1",
    "other_id": "p1",
    "set_id": "set1",
    "target": "pairs",
    "schedule_id": "s1",
    "filename": "frame.mjs",
    "name": "0" * 64,
    "id_": "invitation1",
}


def course_with_everything() -> Course:
    course = a_course(10, 2)
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    course.start_run(TEACHER, plan.id)
    course.changed.clear()
    return course


def rules_of(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule, method


def address(app: Flask, rule: Rule, method: str = "", *, course_id: str = COURSE, **values: str) -> str:
    """The address of a rule with the things of ``course_with_everything``."""
    given = {**VALUES, "course_id": course_id, **values}
    with app.test_request_context():
        path = app.url_map.bind("").build(
            rule.endpoint,
            {name: given[name] for name in rule.arguments},
            method=method or ("GET" if "GET" in (rule.methods or ()) else "POST"),
        )
    return str(path)


def is_private(rule: Rule) -> bool:
    return rule.rule.startswith("/app/")


@pytest.fixture(scope="module")
def course() -> Course:
    return course_with_everything()


@pytest.fixture(scope="module")
def app(course: Course) -> Flask:
    return web_of(course)


def test_the_map_has_pages_and_all_private_ones_name_the_course(app: Flask) -> None:
    private = [rule for rule, _ in rules_of(app) if is_private(rule)]
    assert len(private) > 20
    assert all("course_id" in rule.arguments for rule in private)


def test_every_answer_carries_the_protecting_headers(app: Flask) -> None:
    for rule, method in rules_of(app):
        for token in (None, "teacher", "student", "unknown"):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = app.test_client().open(address(app, rule), method=method, headers=headers)
            assert answer.status_code < 500, (rule, method, token)
            policy = dict(
                part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
            )
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == "'self'"
            known = token in ("teacher", "student") and is_private(rule)
            assert policy["frame-ancestors"] == (CANVAS if known else "'none'")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Strict-Transport-Security" in answer.headers
            if rule.endpoint != "static":
                assert answer.headers["Cache-Control"] == "no-store"
            answer.close()


def test_errors_carry_the_headers_too_and_no_cause(course: Course) -> None:
    broken = course_with_everything()
    app = web_of(broken)

    def fail(*_: object) -> None:
        raise RuntimeError("Ada Adeyemi's grade")

    broken.taking_part = fail  # type: ignore[assignment,method-assign]  # a defect, planted
    client = app.test_client()
    bearer = {"Authorization": "Bearer teacher"}
    base = f"/app/courses/{COURSE}"
    failed = client.get(f"{base}/assignments/{ASSIGNMENT}/people", headers=bearer)
    assert failed.status_code == 500
    assert "Ada" not in failed.text
    for answer in (
        failed,
        client.get("/nowhere"),
        client.get(f"{base}/plans/none", headers=bearer),
        client.put(base, headers=bearer),
        client.post(f"{base}/assignments/{ASSIGNMENT}/people", headers=bearer, data={"q": "x" * 1_100_000}),
    ):
        assert answer.status_code >= 400
        ancestors = answer.headers["Content-Security-Policy"].partition("frame-ancestors ")[2]
        routed = answer.request.path != "/nowhere" and answer.status_code != 405
        assert ancestors == (CANVAS if routed else "'none'")
        assert "Reference number" in answer.text
        assert "Traceback" not in answer.text


def test_without_a_token_pages_are_an_empty_shell_and_nothing_can_be_sent(app: Flask, course: Course) -> None:
    course.changed.clear()
    for rule, method in rules_of(app):
        if not is_private(rule):
            continue
        answer = app.test_client().open(address(app, rule), method=method)
        assert answer.status_code == (200 if method == "GET" else 401)
        for secret in ("Writing in the Sciences", "Okafor", "Essay", "Adeyemi"):
            assert secret not in answer.text
    assert course.changed == []


@pytest.mark.parametrize(
    ("token", "status"), [("unknown", 401), ("student", 403), ("other-course", 403), ("no-course", 403)]
)
def test_nobody_but_a_teacher_of_the_addressed_course_gets_in(
    app: Flask, course: Course, token: str, status: int
) -> None:
    course.changed.clear()
    for rule, method in rules_of(app):
        if not is_private(rule):
            continue
        answer = app.test_client().open(
            address(app, rule), method=method, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == status, (rule, method)
        assert "Adeyemi" not in answer.text
    assert course.changed == []


def test_a_teacher_cannot_address_another_course_or_things_that_are_not_in_hers(
    app: Flask, course: Course
) -> None:
    bearer = {"Authorization": "Bearer teacher"}
    course.changed.clear()
    for rule, method in rules_of(app):
        if not is_private(rule):
            continue
        there = app.test_client().open(address(app, rule, course_id="2"), method=method, headers=bearer)
        assert there.status_code == 403, (rule, method)
        if rule.arguments & {"plan_id", "run_id"}:
            foreign = address(app, rule, plan_id="not-mine", run_id="not-mine")
            answer = app.test_client().open(foreign, method=method, headers=bearer)
            assert answer.status_code == 404, (rule, method)
    assert course.changed == []


def test_looking_changes_nothing() -> None:
    course = course_with_everything()
    app = web_of(course)
    for rule, method in rules_of(app):
        if method == "GET" and is_private(rule):
            path = address(app, rule)
            answer = app.test_client().get(path, headers={"Authorization": "Bearer teacher"})
            assert answer.status_code == 200, path
    assert course.changed == []


def test_a_cookie_has_no_authority(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("Authorization", "Bearer teacher")
    client.set_cookie("peer-allocator-session", "teacher")
    assert client.post(f"/app/courses/{COURSE}/disconnect").status_code == 401


def test_static_files_are_revalidated_by_their_tag(app: Flask) -> None:
    first = app.test_client().get("/static/frame.mjs")
    again = app.test_client().get("/static/frame.mjs", headers={"If-None-Match": first.headers["ETag"]})
    assert first.mimetype in ("text/javascript", "application/javascript")
    assert again.status_code == 304
    first.close()
    again.close()


@pytest.mark.parametrize(
    "origin", ["*", "https://canvas.example.edu/", "https:", "canvas.example.edu; script-src *"]
)
def test_what_is_no_origin_may_not_frame_the_tool(origin: str) -> None:
    from lti_tool.web.security import content_policy

    with pytest.raises(ValueError, match="is not an origin"):
        content_policy([origin])


@pytest.mark.parametrize(
    ("named", "framed_by"),
    [
        ("canvas.example.edu", CANVAS),
        ("evil.example", "'none'"),
        ("canvas.example.edu:444", "'none'"),
        ("", "'none'"),
    ],
)
def test_a_document_may_be_framed_by_the_registered_canvas_that_it_names(
    app: Flask, named: str, framed_by: str
) -> None:
    shell = app.test_client().get(f"/app/courses/{COURSE}", query_string={"in": named})
    assert shell.status_code == 200
    assert shell.headers["Content-Security-Policy"].partition("frame-ancestors ")[2] == framed_by
