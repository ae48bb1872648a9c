"""Every form of the tool, sent by somebody who is up to no good: an answer that explains itself, no 5xx."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from lti_tool.planning.rules import PlanRules
from tests.integration.web.course import ASSIGNMENT, TEACHER, a_course, web_of
from tests.integration.web.outside import Outside
from tests.integration.web.test_boundaries import address, rules_of
from tests.sentences import ROOT

FORMS = [file.read_text(encoding="utf-8") for file in (ROOT / "lti_tool" / "web").rglob("*.html")]
NAMED = {
    name
    for form in FORMS
    for name in re.findall(r'<(?:input|select|textarea|button)\b[^>]*? name="([a-z_]+)"', form)
}
FIELDS = sorted(
    NAMED
    | {
        "name-set1",
        "share.s0.s1",
        "share..",
        "author",
        "reviewer",
        "start",
        "mode",
        "user",
        "state",
        "target",
        "way",
        "kind",
    }
)
"""Every field that some form has: those that templates name, and those that macros make."""
QUERY = re.findall(
    r"\S+",
    "find group in iss kind label name next order page person q reason section sort standing state",
)

HOSTILE = {
    "nothing": "",
    "spaces": " \t\r\n\u00a0\u3000",
    "NUL": "a\x00b",
    "half a character": "\ud800",
    "huge number": "9" * 5_000,
    "negative": "-1",
    "infinite": "1e999",
    "digits that are none": "²³",
    "Arabic digits": "٣",
    "no number": "NaN",
    "turned around": "\u202e\u2066\u200f",
    "long": "x" * 70_000,
    "template": "%(who)s %s {0} {{ 7*7 }} {open",
    "packed": '{"say":["%(x)s"],"with":{}}',
    "path": "../../etc/passwd",
    "year 0": "0000-00-00T00:00",
    "year 9999": "9999-12-31T23:59",
    "another's": "set1",
    "bracket": "[" * 2_000,
}
CHOICES = {"do": "swap", "kind": "remind", "start": "at", "mode": "each", "sections": "same", "who": "owing"}
"""Lets other fields be looked at, which a wrong choice would not."""


@pytest.fixture(scope="module")
def app() -> Flask:
    course = a_course(10, 2)
    course.start_run(TEACHER, course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id)
    course.sets.save(TEACHER, "Essay", PlanRules())
    course.disconnect = lambda actor: None  # type: ignore[method-assign]  # the next form wants Canvas too
    return web_of(course, outside=Outside())


def explained(answer: TestResponse) -> bool:
    """Whether it is an answer that somebody was thought of with."""
    return answer.status_code < 500 and b"Traceback" not in answer.data


@pytest.mark.parametrize("name", HOSTILE)
def test_no_form_breaks(name: str, app: Flask) -> None:
    value = HOSTILE[name]
    bearer = {"Authorization": "Bearer teacher"}
    forms = [dict.fromkeys(FIELDS, value) | CHOICES]
    if name == "nothing":
        forms.append({})
    for rule, method in rules_of(app):
        if method != "POST":
            continue
        for form in forms:
            encoded = {key: text.encode("utf-8", "surrogatepass") for key, text in form.items()}
            answer = app.test_client().post(address(app, rule, method), data=encoded, headers=bearer)
            assert explained(answer), rule


@pytest.mark.parametrize(
    "name", ["NUL", "half a character", "huge number", "negative", "digits that are none"]
)
def test_no_address_breaks(name: str, app: Flask) -> None:
    value = quote(HOSTILE[name].encode("utf-8", "surrogatepass"))
    query = "&".join(f"{key}={value}" for key in QUERY)
    for rule, method in rules_of(app):
        if method == "GET":
            bearer = {"Authorization": "Bearer teacher"}
            answer = app.test_client().get(f"{address(app, rule, method)}?{query}", headers=bearer)
            assert explained(answer), rule
            answer.close()


@pytest.mark.parametrize(
    "shape",
    [
        {"data": MultiDict([(name, text) for name in FIELDS for text in ("1", "2", "")])},
        {"data": b"\xff\xfe%00=%zz&&&==", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"--x\r\nContent-Disposition: form-data", "content_type": "multipart/form-data; boundary=x"},
        {"data": b"[" * 5_000, "content_type": "application/json"},
        {"data": b"x", "content_type": "no type at all"},
        {"data": lambda: {"file": (BytesIO(b"\x00\xff" * 999), "\u202e.csv")}},
        {"data": lambda: {"file": (BytesIO(b'"' * 99_999), "q.csv")}},
        {"data": lambda: {name: (BytesIO(b"x"), "a.txt") for name in FIELDS}},
    ],
    ids=[
        "fields repeated",
        "no form",
        "half a form",
        "JSON",
        "no type",
        "binary file",
        "quotes",
        "all files",
    ],
)
def test_no_shape_of_a_form_breaks(shape: dict[str, Any], app: Flask) -> None:
    for rule, method in rules_of(app):
        if method == "POST":
            path = address(app, rule, method)
            sent = dict(shape)
            if callable(sent["data"]):  # a file can be sent once
                sent["data"] = sent["data"]()
            answer = app.test_client().post(path, headers={"Authorization": "Bearer teacher"}, **sent)
            assert explained(answer), path


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(method: str, app: Flask) -> None:
    for rule, _ in rules_of(app):
        path = address(app, rule)
        answer = app.test_client().open(path, method=method, headers={"Authorization": "Bearer teacher"})
        assert answer.status_code in (405, 501), path


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer ended"},
        {"Authorization": "Bearer \x00"},
        {"Authorization": f"Bearer {'x' * 5_000}"},
        {"Authorization": "Basic dGVhY2hlcjp0ZWFjaGVy"},
        {"Cookie": "peer-allocator-session=teacher"},
        {"Authorization": "Bearer other-course"},
        {"Authorization": "Bearer student"},
    ],
    ids=["none", "empty", "stale", "NUL", "long", "basic", "cookie only", "another course", "student"],
)
def test_no_form_is_taken_from_whoever_shows_no_good_token(headers: dict[str, str], app: Flask) -> None:
    """A page on another site can send forms and cookies, but no bearer token: that is the whole of CSRF."""
    for rule, method in rules_of(app):
        if method == "POST" and rule.rule.startswith("/app/"):
            answer = app.test_client().post(address(app, rule, method), headers=headers)
            allowed = rule.endpoint.startswith("administration.") and "other-course" in str(headers)
            assert answer.status_code in (401, 403) or allowed, rule
