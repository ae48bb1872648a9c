"""What the audit trail learns from pages: that it is a page, and every file that leaves through one."""

from __future__ import annotations

from flask import Flask, Response, g, request

from lti_tool.services.audit import SOURCE, Audit, Event, Source
from lti_tool.web.session import visit_if_any

OBJECTS = ("plan_id", "run_id", "before_id", "after_id")


def keep_trail(app: Flask, audit: Audit) -> None:
    """Record each download, whichever page it comes from: a file to save has a Content-Disposition."""

    @app.before_request
    def begin() -> None:
        g.source_before = SOURCE.get()
        SOURCE.set(Source.PAGE)

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        # Set, not reset by a token: a stream may end in another context than it began in.
        if (before := g.pop("source_before", None)) is not None:
            SOURCE.set(before)

    @app.after_request
    def downloaded(response: Response) -> Response:
        visit = visit_if_any()
        saved = response.headers.get("Content-Disposition", "").startswith("attachment")
        if saved and response.status_code == 200 and visit is not None:
            given = request.view_args or {}
            audit.record(
                Event.DOWNLOADED,
                visit.actor,
                assignment=str(given.get("assignment_id", "")),
                object_=next((str(given[name]) for name in OBJECTS if name in given), ""),
                real_user=visit.launched.masquerader,
                detail=(request.endpoint or "").removeprefix("course."),
            )
        return response
