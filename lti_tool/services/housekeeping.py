"""What the tool forgets by itself, once a day, and what it is told to forget."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.persistence import holdings
from lti_tool.persistence.database import Database, one_at_a_time
from lti_tool.persistence.encryption import SealedTextError, SecretBox
from lti_tool.persistence.holdings import Retention
from lti_tool.persistence.housekeeping_rows import ChoreRow
from lti_tool.persistence.lti_rows import SessionRow
from lti_tool.persistence.tokens import TokenRow
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.services.audit import Audit, Event
from lti_tool.services.errors import ServiceError
from lti_tool.services.tokens import Tokens

EVERY = timedelta(days=1)
CHORE = "housekeeping"
log = structlog.get_logger(__name__)


class RunsUnderWay(ServiceError):
    """Something is still being changed in Canvas for what is to be erased."""


class Housekeeping:
    """Erases what is old. Any number of workers may ask; one a day does it."""

    def __init__(self, database: Database, now: Callable[[], datetime], keep: Retention) -> None:
        self._database = database
        self._now = now
        self._keep = keep

    def if_due(self) -> Mapping[str, int] | None:
        """Do it when it was last done a day ago or more, by anybody; what was erased, or None."""
        now = self._now()
        with self._database.read() as session:
            chore = session.get(ChoreRow, CHORE)
        if chore is not None and now - chore.done_at < EVERY:
            return None
        return self.do(only_if_due=True)

    def do(self, *, only_if_due: bool = False) -> Mapping[str, int] | None:
        """Erase what has been kept long enough; how many rows of each table."""
        now = self._now()
        with self._database.begin() as session:
            one_at_a_time(session, CHORE)
            chore = session.get(ChoreRow, CHORE)
            if only_if_due and chore is not None and now - chore.done_at < EVERY:
                return None  # somebody else was faster
            gone = holdings.erase_old(session, now, self._keep)
            session.merge(ChoreRow(name=CHORE, done_at=now))
        log.info("housekeeping", erased=dict(gone))
        return gone


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to be erased: an institution, a course of it, or a person in it."""

    canvas: CanvasOrigin
    course: CourseId | None = None
    user: UserId | None = None


class Purge:
    """Erases everything about a course, a person or an institution."""

    def __init__(self, database: Database, box: SecretBox, tokens: Tokens, audit: Audit) -> None:
        self._database = database
        self._box = box
        self._tokens = tokens
        self._audit = audit

    def preview(self, scope: Scope) -> Mapping[str, int]:
        """What ``do`` would erase, counted by doing it and taking it back."""
        with self._database.begin() as session:
            gone = self._erase(session, scope)
            session.rollback()
        return gone

    def do(self, scope: Scope) -> Mapping[str, int]:
        """Erase; grants in Canvas are ended first, as far as Canvas answers.

        Raises:
            RunsUnderWay: a run of the course or institution is not over.
        """
        people = self._people_to_disconnect(scope)
        gone = self.preview(scope)
        for user in people:
            self._tokens.forget(scope.canvas, user)
        with self._database.begin() as session:
            self._erase(session, scope)
        if scope.course or scope.user:
            what = f"user {scope.user}" if scope.user else f"course {scope.course}"
            self._audit.record(Event.ERASED, canvas=scope.canvas, course=scope.course or "", object_=what)
        else:  # nothing stays that names the institution
            self._audit.record(Event.ERASED, object_="institution")
        log.warning("purged", canvas=scope.canvas, course=scope.course, user=scope.user, erased=dict(gone))
        return gone

    def _people_to_disconnect(self, scope: Scope) -> tuple[UserId, ...]:
        with self._database.begin() as session:
            self._require_rest(session, scope)
        if scope.course is not None:
            return ()
        with self._database.read() as session:
            wanted = select(TokenRow.user_id).where(TokenRow.canvas == scope.canvas)
            if scope.user is not None:
                wanted = wanted.where(TokenRow.user_id == scope.user)
            return tuple(UserId(user) for user in session.scalars(wanted))

    def _require_rest(self, session: Session, scope: Scope) -> None:
        runs = holdings.unfinished_runs(session, scope.canvas, scope.course) if scope.user is None else []
        if runs:
            raise RunsUnderWay(
                f"Runs are not over: {', '.join(runs)}. "
                "End each with `peer-allocator runs cancel`, then purge."
            )

    def _erase(self, session: Session, scope: Scope) -> Counter[str]:
        self._require_rest(session, scope)
        if scope.user is not None:
            gone = holdings.erase_person(session, scope.canvas, scope.user)
        else:
            gone = holdings.erase_place(session, scope.canvas, scope.course)
        gone["session"] += self._end_sessions(session, scope)
        return +gone

    def _end_sessions(self, session: Session, scope: Scope) -> int:
        """Sessions are sealed; those that do not open any more are of nobody."""
        ended = 0
        for row in session.scalars(select(SessionRow)).all():
            try:
                found = json.loads(self._box.open(row.context, bound_to=f"session:{row.token_hash}"))
            except SealedTextError:
                found = {}
            meant = (
                found.get("canvas_origin") == scope.canvas
                and scope.course in (None, found.get("course_id"))
                and scope.user in (None, found.get("user_id"))
            )
            if meant or not found:
                session.execute(delete(SessionRow).where(SessionRow.token_hash == row.token_hash))
                ended += 1
        return ended
