"""The fault matrix: what each kind of answer means for a write, and as which error a read shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from lti_tool.applying.answers import Outcome, Why
from lti_tool.canvas import errors
from lti_tool.canvas.answers import error_messages, hear, read_error, worth_repeating, write_answer
from lti_tool.canvas.transport import OversizedBody, SendFailed, WireAnswer, WireRequest
from lti_tool.planning.ids import SubmissionId, UserId

SUBMISSION, AUTHOR, REVIEWER = SubmissionId("9007199254740993"), UserId("7"), UserId("1~23")
REVIEW = {
    "id": "55",
    "asset_id": SUBMISSION,
    "asset_type": "Submission",
    "user_id": AUTHOR,
    "assessor_id": REVIEWER,
    "workflow_state": "assigned",
}
CHALLENGE = {"www-authenticate": 'Bearer realm="canvas-lms"'}
PLAIN = {"content-type": "text/plain"}
HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json; charset=utf-8"}
SCOPE = "url:POST|/api/v1/somewhere"


def says(status: int, document: object = None, **headers: str) -> WireAnswer:
    """A JSON answer of Canvas."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WireAnswer(status, JSON | named, json.dumps(document).encode())


def other(status: int, headers: dict[str, str], body: bytes = b"") -> WireAnswer:
    """An answer that is not JSON."""
    return WireAnswer(status, headers, body)


def messages(*texts: str, **more: object) -> dict[str, object]:
    return {"errors": [{"message": text} for text in texts], **more}


@dataclass(frozen=True)
class Row:
    """One row of the matrix; ``number`` is its number in docs/writer.md."""

    number: str
    got: WireAnswer | SendFailed = field(repr=False)
    outcome: Outcome
    why: Why
    error: type[errors.CanvasError] | None = None
    repeat: bool = False
    """Whether a read would be repeated."""


OK, NOT_DONE, UNKNOWN, PERMANENT = Outcome.OK, Outcome.NOT_DONE, Outcome.UNKNOWN, Outcome.PERMANENT
LIMIT = b"403 Forbidden (Rate Limit Exceeded)\n"

MATRIX = [
    Row("0 created", says(200, REVIEW), OK, Why.NONE),
    Row("0 a 201 from another version", says(201, REVIEW), OK, Why.NONE),
    Row("0 completed before", says(200, REVIEW | {"workflow_state": "completed"}), OK, Why.NONE),
    Row(
        "1 token expired",
        other(401, JSON | CHALLENGE, json.dumps(messages("Expired access token.")).encode()),
        NOT_DONE,
        Why.ACCESS_LOST,
        errors.AccessLost,
    ),
    Row("1 challenge alone", other(401, HTML | CHALLENGE), NOT_DONE, Why.ACCESS_LOST, errors.AccessLost),
    Row(
        "1 header lost on the way",
        says(401, messages("Invalid access token.")),
        NOT_DONE,
        Why.ACCESS_LOST,
        errors.AccessLost,
    ),
    Row(
        "2 token revoked",
        says(401, messages("Revoked access token."), www_authenticate="Bearer"),
        NOT_DONE,
        Why.ACCESS_LOST,
        errors.AccessLost,
    ),
    Row(
        "3 scope missing",
        says(401, messages("Insufficient scopes on access token.")),
        PERMANENT,
        Why.SCOPE_MISSING,
        errors.ScopeMissing,
    ),
    Row(
        "3 scope missing, in Danish",
        says(401, messages("Utilstrækkelige rettigheder.")),
        PERMANENT,
        Why.SCOPE_MISSING,
        errors.ScopeMissing,
    ),
    Row(
        "4 not permitted, new",
        says(403, messages("user not authorized to perform that action", status="unauthorized")),
        PERMANENT,
        Why.NOT_PERMITTED,
        errors.NotPermitted,
    ),
    Row(
        "4 not permitted, old",
        says(401, messages("brugeren har ikke tilladelse", status="unauthorized")),
        PERMANENT,
        Why.NOT_PERMITTED,
        errors.NotPermitted,
    ),
    Row("5 throttled 403", other(403, PLAIN, LIMIT), NOT_DONE, Why.THROTTLED, errors.Throttled, True),
    Row("5 throttled 429", other(429, PLAIN, LIMIT), NOT_DONE, Why.THROTTLED, errors.Throttled, True),
    Row(
        "5 throttled with remaining above zero",
        other(403, PLAIN | {"x-rate-limit-remaining": "37.5"}, LIMIT),
        NOT_DONE,
        Why.THROTTLED,
        errors.Throttled,
        True,
    ),
    Row(
        "5 throttled without content type",
        other(403, {}, LIMIT),
        NOT_DONE,
        Why.THROTTLED,
        errors.Throttled,
        True,
    ),
    Row(
        "5 a firewall's 403 is no throttle",
        other(403, HTML, b"<h1>Blocked</h1>"),
        UNKNOWN,
        Why.BROKEN_ANSWER,
        errors.BrokenAnswer,
        True,
    ),
    Row(
        "6, 7 gone",
        says(404, messages("The specified resource does not exist.", error_report_id=9)),
        PERMANENT,
        Why.NOT_FOUND,
        errors.NotFound,
    ),
    Row(
        "6 a 404 that is not Canvas's",
        other(404, HTML),
        UNKNOWN,
        Why.BROKEN_ANSWER,
        errors.BrokenAnswer,
        True,
    ),
    Row(
        "10 self-review",
        says(400, {"errors": {"base": "Create failed"}}),
        PERMANENT,
        Why.REFUSED,
        errors.Refused,
    ),
    Row(
        "11 nothing to delete",
        says(400, {"errors": {"base": "Delete failed"}}),
        PERMANENT,
        Why.REFUSED,
        errors.Refused,
    ),
    Row("12 invalid", says(422, messages("no")), PERMANENT, Why.REFUSED, errors.Refused),
    Row(
        "13 error of the server",
        says(500, messages("An error occurred.")),
        UNKNOWN,
        Why.SERVER_ERROR,
        errors.CanvasUnavailable,
        True,
    ),
    *(
        Row(
            f"14 gateway {status}",
            other(status, HTML),
            UNKNOWN,
            Why.SERVER_ERROR,
            errors.CanvasUnavailable,
            True,
        )
        for status in (502, 503, 504)
    ),
    Row(
        "14, 46 HTML with 200",
        other(200, HTML, b"<title>Log in</title>"),
        UNKNOWN,
        Why.BROKEN_ANSWER,
        errors.BrokenAnswer,
        True,
    ),
    Row(
        "15 nothing left this machine",
        SendFailed("refused", bytes_left=False),
        NOT_DONE,
        Why.UNREACHABLE,
        errors.CanvasUnavailable,
        True,
    ),
    Row(
        "16-19 no complete answer",
        SendFailed("timeout", bytes_left=True),
        UNKNOWN,
        Why.NO_ANSWER,
        errors.CanvasUnavailable,
        True,
    ),
    Row(
        "19 truncated JSON",
        other(200, JSON, b'{"id": "55", "asse'),
        UNKNOWN,
        Why.BROKEN_ANSWER,
        errors.BrokenAnswer,
        True,
    ),
    Row("19 not UTF-8", other(200, JSON, b'"\xff"'), UNKNOWN, Why.BROKEN_ANSWER, errors.BrokenAnswer, True),
    Row(
        "46 nested to kill the parser",
        other(200, JSON, b"[" * 200_000),
        UNKNOWN,
        Why.BROKEN_ANSWER,
        errors.BrokenAnswer,
        True,
    ),
    Row("21 other submission", says(200, REVIEW | {"asset_id": "7"}), UNKNOWN, Why.WRONG_IDS),
    Row("21 other reviewer", says(200, REVIEW | {"assessor_id": "8"}), UNKNOWN, Why.WRONG_IDS),
    Row("21 other author", says(200, REVIEW | {"user_id": "8"}), UNKNOWN, Why.WRONG_IDS),
    Row(
        "40 an id that lost digits",
        says(200, REVIEW | {"asset_id": 9007199254740992.0}),
        UNKNOWN,
        Why.BROKEN_ANSWER,
    ),
    Row("40 numbers instead of text", says(200, REVIEW | {"asset_id": int(SUBMISSION)}), OK, Why.NONE),
    Row("21 a success about nothing", says(200, {}), UNKNOWN, Why.BROKEN_ANSWER),
    Row("21 a success with a list", says(200, [REVIEW]), UNKNOWN, Why.BROKEN_ANSWER),
    Row(
        "46 longer than we accept",
        OversizedBody("long", bytes_left=True),
        UNKNOWN,
        Why.BROKEN_ANSWER,
        errors.BrokenAnswer,
        False,
    ),
    Row(
        "47 redirect",
        other(302, HTML | {"location": "https://elsewhere.example"}),
        UNKNOWN,
        Why.BROKEN_ANSWER,
        errors.BrokenAnswer,
        False,
    ),
    Row("47 no content", other(204, {}), UNKNOWN, Why.BROKEN_ANSWER, errors.BrokenAnswer, True),
]


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.number)
def test_a_write_is_classified(row: Row) -> None:
    answer = write_answer(hear(row.got), submission=SUBMISSION, author=AUTHOR, reviewer=REVIEWER)
    assert (answer.outcome, answer.why) == (row.outcome, row.why)
    assert (answer.review is not None) == (row.outcome is OK)
    if answer.review is not None:
        assert (answer.review.submission, answer.review.assessee) == (SUBMISSION, AUTHOR)
        assert answer.review.assessor == REVIEWER


@pytest.mark.parametrize("row", [row for row in MATRIX if row.error], ids=lambda row: row.number)
def test_a_failed_read_says_what_it_means_and_what_to_do(row: Row) -> None:
    assert row.error is not None
    heard = hear(row.got)
    error = read_error(WireRequest("POST", "/api/v1/somewhere", scope=SCOPE), heard)
    assert type(error) is row.error
    assert error.why is row.why
    assert error.meaning
    assert error.what_to_do
    assert str(error) == f"{error.what_happened} {error.meaning} {error.what_to_do}"
    assert worth_repeating(heard) == row.repeat


def test_a_missing_scope_is_named() -> None:
    heard = hear(says(401, messages("Insufficient scopes on access token.")))
    error = read_error(WireRequest("POST", "/api/v1/somewhere", scope=SCOPE), heard)
    assert isinstance(error, errors.ScopeMissing)
    assert error.scope == SCOPE
    assert error.what_to_do.said() == (  # type: ignore[union-attr]  # a sentence, since it names the scope
        f"Ask the Canvas administrator to add the scope {SCOPE} to the developer key, then connect to Canvas "
        "again: until you do, your access keeps the scopes that it had."
    )
    answer = write_answer(heard, submission=SUBMISSION, author=AUTHOR, reviewer=REVIEWER, scope=SCOPE)
    assert (answer.why, answer.scope) == (Why.SCOPE_MISSING, SCOPE)


def test_no_error_repeats_the_body() -> None:
    heard = hear(says(404, messages("Secret of Ada Lovelace")))
    assert "Ada" not in str(read_error(WireRequest("GET", "/x"), heard))
    answer = write_answer(heard, submission=SUBMISSION, author=AUTHOR, reviewer=REVIEWER)
    assert "Ada" not in repr(answer)
    assert "Ada" not in repr(heard)


def test_the_request_id_reaches_the_journal() -> None:
    heard = hear(says(500, None, x_request_context_id="abc-1"))
    answer = write_answer(heard, submission=SUBMISSION, author=AUTHOR, reviewer=REVIEWER)
    assert (answer.status, answer.request_id) == (500, "abc-1")


@pytest.mark.parametrize(
    ("document", "texts"),
    [
        (messages("a", "b"), ["a", "b"]),
        ({"errors": {"name": [{"attribute": "name", "type": "blank", "message": "blank"}]}}, ["blank"]),
        ({"errors": {"base": "Create failed"}}, ["Create failed"]),
        ({"errors": "Invalid as_user_id"}, ["Invalid as_user_id"]),
        ([{"attribute": "recipients", "message": "too many"}], ["too many"]),
        ({"message": "no errors key"}, []),
        ({"errors": None}, []),
        (7, []),
    ],
)
def test_all_forms_of_errors_are_read(document: object, texts: list[str]) -> None:
    assert error_messages(document) == texts
