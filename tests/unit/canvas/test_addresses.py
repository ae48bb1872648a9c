"""Origins, routes, scopes and Link headers: what may end up in an address."""

from __future__ import annotations

import pytest

from lti_tool.canvas import endpoints
from lti_tool.canvas.errors import NotFound
from lti_tool.canvas.origin import canonical_origin, is_loopback, origin_of
from lti_tool.canvas.paging import next_link
from lti_tool.canvas.transport import WireAnswer


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://Canvas.Example.edu/", "https://canvas.example.edu"),
        ("https://canvas.example.edu:443", "https://canvas.example.edu"),
        ("https://canvas.example.edu:8443", "https://canvas.example.edu:8443"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443"),
    ],
)
def test_an_origin_has_one_form(written: str, origin: str) -> None:
    assert canonical_origin(written) == origin
    assert origin_of(f"{origin}/api/v1/users/self?x=1") == origin


@pytest.mark.parametrize(
    "address",
    [
        "canvas.example.edu",
        "ftp://canvas.example.edu",
        "https://",
        "https://canvas.example.edu/api",
        "https://user:secret@canvas.example.edu",
        "https://canvas.example.edu:443@evil.example",
        "https://canvas.example.edu:99999",
        "http://canvas.example.edu",
        "http://127.0.0.1:8000",
        "javascript:alert(1)",
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical_origin(address)


def test_plain_http_is_for_loopback_where_allowed() -> None:
    for host in ("127.0.0.1:81", "localhost", "lms.localhost:8000", "[::1]:9"):
        assert canonical_origin(f"http://{host}", allow_plain_loopback=True) == f"http://{host}"
    for host in ("10.0.0.1", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost"):
        with pytest.raises(ValueError, match="not encrypted"):
            canonical_origin(f"http://{host}", allow_plain_loopback=True)
    assert not is_loopback("169.254.169.254")


def test_a_route_gives_address_and_scope() -> None:
    route = endpoints.COURSE_REVIEWS.create
    request = route.request("1~2", "9007199254740993", "77", form=[("user_id", "5")])
    assert request.path == "/api/v1/courses/1~2/assignments/9007199254740993/submissions/77/peer_reviews"
    assert request.scope == (
        "url:POST|/api/v1/courses/:course_id/assignments/:assignment_id"
        "/submissions/:submission_id/peer_reviews"
    )


@pytest.mark.parametrize("bad", ["", ".", "..", "../1", "1/2", "1?x=2", "1#", "1 2", "1\n", "٣", "a" * 300])
def test_what_is_no_id_never_reaches_an_address(bad: str) -> None:
    with pytest.raises(NotFound, match="not an id"):
        endpoints.COURSE.request(bad)


def test_sis_ids_are_ids() -> None:
    assert endpoints.COURSE.request("sis_course_id:BIO-1.a").path == "/api/v1/courses/sis_course_id:BIO-1.a"


def test_only_needed_scopes_are_asked_for_and_each_is_explained() -> None:
    writes = {scope for scope in endpoints.SCOPES if not scope.startswith("url:GET|")}
    assert {scope.partition("|")[0] for scope in writes} == {"url:POST", "url:DELETE", "url:PUT"}
    assert len(writes) == 3
    assert all(len(words.split()) >= 3 for words in endpoints.SCOPES.values())
    assert len(set(endpoints.SCOPES.values())) == len(endpoints.SCOPES)


def answer_with(link: str) -> WireAnswer:
    return WireAnswer(200, {"link": link}, b"[]", "https://c.example/api/v1/x")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ('<https://c.example/a?page=1>; rel="current",<https://c.example/a?page=2>; rel="next"', "page=2"),
        ('<https://c.example/a?page=bookmark:WyJ,0xIl0>; rel="next"', "bookmark:WyJ,0xIl0"),
        ("<https://c.example/a?page=2>;rel=next", "page=2"),
        ('<https://c.example/a?page=2>; rel="NEXT"', "page=2"),
        ('<https://c.example/a?page=1>; rel="prev"', None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_the_next_page_is_found(link: str, target: str | None) -> None:
    found = next_link(answer_with(link))
    assert found is None if target is None else found is not None and found.endswith(target)
