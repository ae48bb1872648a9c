"""Asking too often: who is counted, what is counted, what the page says."""

from __future__ import annotations

import pytest
from flask import Flask, request
from werkzeug.test import TestResponse

from lti_tool.web.factory import WebSettings
from lti_tool.web.limits import MARK, Kind
from tests.integration.databases.servers import running_redis
from tests.integration.web.course import ASSIGNMENT, CANVAS, COURSE, a_course, web_of
from tests.integration.web.test_pages import GOOD_RULES

BASE = f"/app/courses/{COURSE}"


def limited_web(**changes: object) -> Flask:
    settings = WebSettings(
        "https://tool.example.edu",
        lambda: (CANVAS,),
        rate_limits={Kind.PREVIEW: "2 per minute", Kind.LAUNCH: "3 per minute"},
        **changes,  # type: ignore[arg-type]  # fields by name
    )
    return web_of(a_course(), settings=settings)


def plan(app: Flask, token: str = "teacher", address: str = "203.0.113.1", **headers: str) -> TestResponse:
    return app.test_client().post(
        f"{BASE}/assignments/{ASSIGNMENT}/rules",
        data=GOOD_RULES,
        headers={"Authorization": f"Bearer {token}", **headers},
        environ_base={"REMOTE_ADDR": address},
    )


def test_a_person_is_counted_wherever_she_is_and_nobody_else_with_her() -> None:
    app = limited_web()
    assert [plan(app, address=f"203.0.113.{n}").status_code < 400 for n in range(2)] == [True, True]
    refused = plan(app, address="203.0.113.9")
    assert refused.status_code == 429
    assert plan(app, token="colleague", address="203.0.113.9").status_code < 400


def test_the_page_explains_itself() -> None:
    app = limited_web()
    refused = [plan(app) for _ in range(3)][-1]
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    for words in ("Too many requests", "Nothing was changed. Wait a minute", "Reference number"):
        assert words in refused.text
    assert f"frame-ancestors {CANVAS}" in refused.headers["Content-Security-Policy"]
    as_json = plan(app, Accept="application/json")
    assert as_json.get_json()["title"] == "Too many requests in a short time"


def test_looking_is_not_counted() -> None:
    app = limited_web()
    for _ in range(6):
        answer = app.test_client().get(
            f"{BASE}/assignments/{ASSIGNMENT}/rules", headers={"Authorization": "Bearer teacher"}
        )
        assert answer.status_code == 200


def address_seen(proxies: int, forwarded: str | None) -> str:
    """Whom the tool takes a request for."""
    app = limited_web(trusted_proxies=proxies)
    seen: list[str] = []
    app.before_request(lambda: seen.append(str(request.remote_addr)))
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    app.test_client().get("/nowhere", headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    return seen[0]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, "10.0.0.1"),
        (0, "198.51.100.7", "10.0.0.1"),  # written by the visitor
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.66, 198.51.100.7", "198.51.100.7"),  # the first is the visitor's own
        (2, "203.0.113.66, 198.51.100.7, 192.0.2.1", "198.51.100.7"),
        (1, None, "10.0.0.1"),
    ],
)
def test_only_what_our_own_proxies_wrote_counts(proxies: int, forwarded: str | None, address: str) -> None:
    assert address_seen(proxies, forwarded) == address


def test_the_views_that_are_dear_are_marked() -> None:
    from lti_tool.web.launch import launch_blueprint

    app = limited_web()
    app.register_blueprint(launch_blueprint(None, None, None))  # type: ignore[arg-type]  # never asked
    marked = {name: getattr(view, MARK) for name, view in app.view_functions.items() if hasattr(view, MARK)}
    assert {"lti.login", "lti.launch", "lti.session"} <= {
        name for name, kind in marked.items() if kind is Kind.LAUNCH
    }
    assert marked["course.rules.plan"] is Kind.PREVIEW
    assert [name for name, kind in marked.items() if kind is Kind.IMPORT]


def test_processes_share_a_count_in_redis() -> None:
    url = running_redis().database()
    one, two = (limited_web(rate_limit_storage=url) for _ in range(2))
    answers = [plan(app).status_code for app in (one, two, one, two)]
    assert [status == 429 for status in answers] == [False, False, True, True]


def test_without_its_redis_each_process_counts_for_itself() -> None:
    app = limited_web(rate_limit_storage="redis://127.0.0.1:9/0")
    assert [plan(app).status_code == 429 for _ in range(3)] == [False, False, True]


def test_rules_of_the_tests_make_a_plan() -> None:
    """Or else the counts above would count refused forms."""
    app = limited_web()
    answer = plan(app)
    assert "/plans/" in answer.get_data(as_text=True) + answer.headers.get("Location", "")
