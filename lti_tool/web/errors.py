"""One table from what went wrong to the page that says so: what happened, what it means, what to do.

Every error page carries a reference number that is in the log beside the cause. Nothing of the cause itself
reaches the page unless it is a sentence that was written for the person (``ServiceError``).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import structlog
from flask import Flask, Response, g, jsonify, make_response, render_template, request, url_for
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import HTTPException

from allocation import AllocationError, EngineError
from allocation.sentences import Sentence, sentence
from lti_tool.applying.answers import ReadFailed, Why
from lti_tool.defects import PlanBroken
from lti_tool.services.connecting import ExchangeWaits
from lti_tool.services.errors import (
    AnotherRunActive,
    ConnectFailed,
    NotConnected,
    NotHere,
    NothingToUndo,
    PlanEmpty,
    PlanOutdated,
    RulesChanged,
    RulesUnfit,
    ServiceError,
)
from lti_tool.services.outages import OUTAGES, outage_of
from lti_tool.services.page_places import CanvasBusy
from lti_tool.services.registering import NotInvited
from lti_tool.services.registrations import RegistrationRefused
from lti_tool.services.rules_words import side_by_side
from lti_tool.services.viewing import AccessEnded, NotYours
from lti_tool.web.administration import NotAnAdministrator
from lti_tool.web.security import ANYBODY, frame_in, framed
from lti_tool.web.session import ActingAsAnother, NoSession, NotATeacher, OtherCourse
from lti_tool.web.voice import Words, say, say_plainly

LTI_PAGES = "/lti/"
"""Addresses that Canvas opens in a frame of its own."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error page. ``happened`` may be replaced by the error's own sentence where it has one."""

    status: int
    title: LazyString
    happened: LazyString
    to_do: LazyString
    own_words: bool = False
    again_s: int = 0
    """The browser asks again after about so many seconds; 0: it does not."""


_OPEN_AGAIN = _l("Open the tool again from the course navigation in Canvas.")
_TELL_ADMINISTRATOR = _l("If it stays so, give the reference number below to the people who run this tool.")
_TRY_LATER = _l("Nothing was changed in Canvas. Try again in a few minutes.")

TROUBLES: dict[type[Exception], Trouble] = {
    NoSession: Trouble(
        401,
        _l("Your session has ended"),
        _l("For your students' privacy a session ends after some hours, or when this tab is closed."),
        _OPEN_AGAIN,
    ),
    NotATeacher: Trouble(
        403,
        _l("This page is for teachers"),
        _l("Canvas says that you do not teach in this course, so the tool shows you nothing of it."),
        _l("If you do teach here, ask the person who manages the course in Canvas to check your role."),
    ),
    OtherCourse: Trouble(
        403,
        _l("This address belongs to another course"),
        _l("You opened the tool from one course, and the address names another one."),
        _l("Open the tool from the course navigation of the course that you want."),
    ),
    ActingAsAnother: Trouble(
        403,
        _l("You are acting as another user"),
        _l('In Canvas you chose "Act as user". Changes would be recorded under that person\'s name.'),
        _l('Nothing was changed. Choose "Stop acting as user" in Canvas and open the tool again.'),
    ),
    NotAnAdministrator: Trouble(
        403,
        _l("This page is for administrators"),
        _l("Canvas says that you do not administrate this account, or your setup address is over."),
        _l("Open the tool in Canvas as an administrator, or ask the people who run it for a setup address."),
    ),
    NotInvited: Trouble(
        403,
        _l("This registration address is not good, or not any more"),
        _l("Registering needs a one-time code in the address."),
        _l("Nothing was registered. An address that is already spent has registered a Canvas before."),
        own_words=True,
    ),
    RegistrationRefused: Trouble(
        422,
        _l("The tool was not registered"),
        _l("Something about this Canvas or its key does not fit."),
        _TELL_ADMINISTRATOR,
        own_words=True,
    ),
    NotConnected: Trouble(
        409,
        _l("You are not connected to Canvas"),
        _l("The tool reads and writes Canvas in your name, and at present it may not."),
        _l("Connect to Canvas, and you come back to this page."),
    ),
    AccessEnded: Trouble(
        403,
        _l("You don't have access to this course"),
        _l("Canvas says that you can't grade in this course, or no longer have access to it."),
        _l("If that's a mistake, ask the person who manages the course in Canvas to check your role."),
    ),
    NotYours: Trouble(
        403,
        _l("This concerns students you can't see"),
        _l("In Canvas you are limited to your sections."),
        _l("Nothing was changed."),
        own_words=True,
    ),
    NotHere: Trouble(
        404,
        _l("There is nothing here"),
        _l("This course has no such assignment, plan or run; perhaps it was deleted."),
        _l("Go back to the assignments and start from there."),
    ),
    PlanOutdated: Trouble(
        409,
        _l("This plan is out of date"),
        _l("Canvas has changed since it was made."),
        _l("Nothing was changed. Make a new preview and apply that one."),
        own_words=True,
    ),
    PlanEmpty: Trouble(
        409,
        _l("There is nothing to apply"),
        _l("Canvas already matches this plan."),
        _l("Change the rules if you want something else."),
    ),
    AnotherRunActive: Trouble(
        409,
        _l("Another run of this assignment is under way"),
        _l("Only one run at a time may change the reviews of an assignment."),
        _l("Watch that run to its end, or stop it; then make a new preview."),
    ),
    NothingToUndo: Trouble(
        409,
        _l("There is nothing to undo"),
        _l("This run changed nothing that can be taken back."),
        _l("Reviews that students have completed always stay."),
        own_words=True,
    ),
    CanvasBusy: Trouble(
        503,
        _l("Canvas is slow to answer"),
        _l("Other pages are waiting for the same Canvas, and this one waits for its turn."),
        _TRY_LATER,
        again_s=3,
    ),
    ExchangeWaits: Trouble(
        503,
        _l("Connecting to Canvas"),
        _l("Canvas is busy and asks to wait a few seconds before it connects you."),
        _l("Keep this window open."),
        again_s=5,
    ),
    ConnectFailed: Trouble(
        400,
        _l("Canvas was not connected"),
        _l("The consent in Canvas did not end in an access for this tool."),
        _l("Close this window and choose Connect to Canvas again."),
        own_words=True,
    ),
    ServiceError: Trouble(
        409,
        _l("This did not work"),
        _l("The tool could not do what was asked."),
        _TELL_ADMINISTRATOR,
        own_words=True,
    ),
    RulesUnfit: Trouble(
        422,
        _l("Reviews cannot be allocated like this"),
        _l("The people and the rules do not fit together."),
        _l("Change the rules or who takes part; nothing was changed in Canvas."),
        own_words=True,
    ),
    AllocationError: Trouble(
        422,
        _l("Reviews cannot be allocated like this"),
        _l("The people and the rules do not fit together."),
        _l("Change the rules or who takes part; nothing was changed in Canvas."),
    ),
    ReadFailed: Trouble(
        502, _l("Canvas could not be read"), _l("Canvas gave no usable answer just now."), _TRY_LATER
    ),
}

READ_FAILURES: dict[Why, Trouble] = {
    Why.ACCESS_LOST: TROUBLES[NotConnected],
    Why.SCOPE_MISSING: Trouble(
        403,
        _l("The tool's developer key lacks a right"),
        _l("Canvas refuses because the developer key of this tool does not include a scope that it needs."),
        _l(
            "Ask your Canvas administrator to add the scope to the tool's API developer key. When that is "
            "done, connect to Canvas again: until then your access keeps the scopes that it had."
        ),
    ),
    Why.NOT_PERMITTED: Trouble(
        403,
        _l("Canvas does not let you do this"),
        _l("In Canvas you may not see or change the peer reviews of this assignment."),
        _l("Ask for the permission to manage grades in this course, or let a colleague do it."),
    ),
    Why.NOT_FOUND: TROUBLES[NotHere],
    Why.THROTTLED: Trouble(
        503,
        _l("Canvas asks us to slow down"),
        _l("Canvas answers only so many requests a minute, and at the moment it refuses more."),
        _TRY_LATER,
    ),
}

UNKNOWN_ADDRESS = Trouble(
    404,
    _l("There is no such page"),
    _l("The address is mistyped, or the page was removed."),
    _OPEN_AGAIN,
)
TOO_LARGE = Trouble(
    413,
    _l("That is too much at once"),
    _l("The form that was sent is larger than the tool accepts."),
    _l("Send less at once; nothing was changed."),
)
BAD_REQUEST = Trouble(
    400,
    _l("The tool did not understand that"),
    _l("The request was not one that its pages make."),
    _OPEN_AGAIN,
)
TOO_OFTEN = Trouble(
    429,
    _l("Too many requests in a short time"),
    _l("To stay usable for all, the tool answers only so many of these from one person or one network."),
    _l("Nothing was changed. Wait a minute, then try again."),
)
PLAN_BROKEN = Trouble(
    500,
    _l("This plan was thrown away"),
    _l(
        "The plan that was made broke its own rules. This is a defect of the tool. Nothing was stored, and "
        "nothing was changed in Canvas."
    ),
    _l("Send the reference number to your Canvas administrator. Other rules may work meanwhile."),
)
DATABASE_AWAY = Trouble(
    503,
    _l("The tool can't reach its database"),
    _l("The tool's own database doesn't answer at the moment. Nothing that was stored is lost."),
    _l(
        "Try again in a minute. If this keeps happening, send the reference number to your Canvas "
        "administrator."
    ),
)
OUR_FAULT = Trouble(
    500,
    _l("Something went wrong in the tool"),
    _l("This is a defect of the tool, not of your course. Runs that are under way go on."),
    _TELL_ADMINISTRATOR,
)


def trouble_of(error: Exception) -> Trouble:
    """The page for an error: the nearest class in the table."""
    if isinstance(error, ReadFailed):
        return READ_FAILURES.get(error.why, TROUBLES[ReadFailed])
    for kind in type(error).__mro__:
        if kind in TROUBLES:
            return TROUBLES[kind]
    if isinstance(error, HTTPException):
        return {404: UNKNOWN_ADDRESS, 413: TOO_LARGE, 429: TOO_OFTEN}.get(error.code or 500, BAD_REQUEST)
    return OUR_FAULT


def show_errors(app: Flask) -> None:
    """Answer every error of the application with its page."""
    for kind in TROUBLES:
        app.register_error_handler(kind, _page_of)
    app.register_error_handler(RulesChanged, _both_versions)
    app.register_error_handler(HTTPException, _page_of_http)
    for kind in OUTAGES:
        app.register_error_handler(kind, _page_of_outage)
    for kind in (PlanBroken, EngineError):
        app.register_error_handler(kind, _page_of_broken_plan)
    app.register_error_handler(Exception, _page_of_defect)


def _page_of(error: Exception) -> Response:
    trouble = trouble_of(error)
    reference = _logged(error, trouble)
    own = error.words if trouble.own_words and isinstance(error, ServiceError) else _scope_named(error)
    return _answer(error, trouble, own or trouble.happened, reference)


def _scope_named(error: Exception) -> Sentence | None:
    if not isinstance(error, ReadFailed) or not error.scope:
        return None
    return sentence(
        "Canvas refuses because the tool's API developer key lacks the scope %(scope)s.", scope=error.scope
    )


def _both_versions(changed: RulesChanged) -> Response:
    """What was to be saved beside what is saved. *Use mine* sends the same form again, over this version."""
    log.info("rules_changed_meanwhile", version=changed.version, endpoint=request.endpoint)
    course_id, assignment_id = (str((request.view_args or {}).get(one, "")) for one in _PLACE)
    page = render_template(
        "rules_changed.html",
        course_id=course_id,
        assignment_id=assignment_id,
        happened=say(changed.words),
        rows=side_by_side(changed),
        action=request.path,
        sent=[(name, value) for name, value in request.form.items(multi=True) if name != "version"],
        version=changed.version,
        back=assignment_id
        and url_for("course.rules.rules", course_id=course_id, assignment_id=assignment_id),
    )
    answer = make_response(page)
    answer.status_code = 409
    return answer


_PLACE = ("course_id", "assignment_id")


def _page_of_http(error: HTTPException) -> Response:
    if error.code is not None and error.code < 400:
        return make_response(error.get_response())
    trouble = OUR_FAULT if (error.code or 500) >= 500 else trouble_of(error)
    answer = _answer(error, trouble, trouble.happened, _logged(error, trouble))
    answer.status_code = error.code or 500
    if error.code == 405:
        answer.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return answer


def _page_of_outage(error: Exception) -> Response:
    outage = outage_of(error)
    if outage is None:  # a statement of ours that the database rightly refuses
        return _page_of_defect(error)
    reference = secrets.token_hex(4)
    log.error("database_unavailable", reference=reference, outage=outage, endpoint=request.endpoint)
    return _answer(error, DATABASE_AWAY, DATABASE_AWAY.happened, reference)


def _page_of_broken_plan(error: Exception) -> Response:
    reference = secrets.token_hex(4)
    log.error("plan_broken", reference=reference, endpoint=request.endpoint, exc_info=error)
    return _answer(error, PLAN_BROKEN, PLAN_BROKEN.happened, reference)


def _page_of_defect(error: Exception) -> Response:
    reference = secrets.token_hex(4)
    log.error("page failed", reference=reference, endpoint=request.endpoint, exc_info=error)
    return _answer(error, OUR_FAULT, OUR_FAULT.happened, reference)


def _logged(error: Exception, trouble: Trouble) -> str:
    reference = secrets.token_hex(4)
    log.info(
        "page refused",
        reference=reference,
        error=type(error).__name__,
        why=getattr(error, "why", None),
        status=trouble.status,
        endpoint=request.endpoint,
    )
    return reference


def _answer(error: Exception, trouble: Trouble, happened: Words, reference: str) -> Response:
    static = (request.endpoint or "").rpartition(".")[2] == "static"
    if request.path.startswith(LTI_PAGES) and not static and not framed():
        # Nobody knows yet whose frame this is. The page has no controls and says nothing of anybody.
        frame_in(ANYBODY)
    course_id = (request.view_args or {}).get("course_id") if g.get("visit") is not None else None
    again_s = _again_s(trouble)
    if request.accept_mimetypes.best == "application/json":
        answer = jsonify(
            title=str(trouble.title),
            happened=say_plainly(happened),
            to_do=str(trouble.to_do),
            reference=reference,
        )
    else:
        page = render_template(
            "error.html",
            trouble=trouble,
            again_s=again_s if request.method == "GET" else 0,
            happened=say(happened),
            reference=reference,
            course_id=course_id
            if trouble.status != 401 and not isinstance(error, NotATeacher | OtherCourse | AccessEnded)
            else None,
            wants_connection=trouble is TROUBLES[NotConnected],
            wants_new_connection=trouble is READ_FAILURES[Why.SCOPE_MISSING],
            active_run=error if isinstance(error, AnotherRunActive) else None,
            outdated=error if isinstance(error, PlanOutdated) else None,
            back=request.path,
        )
        answer = make_response(page)
    answer.status_code = trouble.status
    if again_s:
        answer.headers["Retry-After"] = str(again_s)
        if request.method == "GET":  # for windows of their own; in the frame a script asks again
            answer.headers["Refresh"] = str(again_s)
    return answer


def _again_s(trouble: Trouble) -> int:
    """When to ask again: those who were refused together do not come back together."""
    return trouble.again_s and trouble.again_s + secrets.randbelow(trouble.again_s + 1)
