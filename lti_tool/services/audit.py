"""The audit trail: who did what, where, when, and as whom. Lines are added and never changed.

``Audit.record`` is the one function that writes a line: into the database, and as an event of the log. Use
cases are recorded by ``lti_tool.services.guarding``, so pages, command line and workers are all covered;
launches, sessions, tokens, registrations, keys and downloads record themselves where they happen. A line
holds Canvas's numbers and no names, so it stays when a person is erased. Retention: ``keep_audit_days``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum

import structlog

from lti_tool.persistence.audit import AuditFilter, AuditLine, AuditRows
from lti_tool.persistence.plans import new_id
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.services.actor import Actor


class Event(StrEnum):
    """What happened. The value is the name in the database, the log and ``peer-allocator audit``."""

    LAUNCHED = "launched"
    LOGGED_OUT = "logged_out"
    SESSIONS_ENDED = "sessions_ended"
    ACCESS_ENDED = "access_ended"
    ACTION_REFUSED = "action_refused"
    LAUNCH_REFUSED = "launch_refused"
    CONNECTED = "connected"
    CONNECT_REFUSED = "connect_refused"
    DISCONNECTED = "disconnected"
    PLAN_CREATED = "plan_created"
    UNDO_PLANNED = "undo_planned"
    RULES_CHANGED = "rules_changed"
    LEVELS_GIVEN = "levels_given"
    PEER_REVIEWS_ENABLED = "peer_reviews_enabled"
    RUN_STARTED = "run_started"
    RUN_STOPPED = "run_stopped"
    RUN_PAUSED = "run_paused"
    RUN_RESUMED = "run_resumed"
    RUNS_HELD = "runs_held"
    RULE_SET_SAVED = "rule_set_saved"
    RULE_SET_RENAMED = "rule_set_renamed"
    RULE_SET_DELETED = "rule_set_deleted"
    SETTINGS_CHANGED = "settings_changed"
    REMINDERS_SENT = "reminders_sent"
    GRADES_POSTED = "grades_posted"
    SCHEDULE_ADDED = "schedule_added"
    SCHEDULE_REMOVED = "schedule_removed"
    DOWNLOADED = "downloaded"
    EXPORTED = "exported"
    REGISTRATION_ADDED = "registration_added"
    REGISTRATION_CHANGED = "registration_changed"
    REGISTRATION_REMOVED = "registration_removed"
    API_KEY_STORED = "api_key_stored"
    INVITATION_MADE = "invitation_made"
    INVITATION_REVOKED = "invitation_revoked"
    ERASED = "erased"
    KEYS_ROTATED = "keys_rotated"


class Source(StrEnum):
    """Through what it was done."""

    PAGE = "page"
    COMMAND = "command"
    WORKER = "worker"


SOURCE: ContextVar[Source] = ContextVar("audit_source", default=Source.COMMAND)
"""Pages and workers say so at the beginning of a request or a chore."""
LONGEST = 200
log = structlog.get_logger(__name__)


class Audit:
    """Writes the trail and reads it."""

    def __init__(self, rows: AuditRows, now: Callable[[], datetime]) -> None:
        self._rows = rows
        self._now = now

    def record(
        self,
        event: Event,
        who: Actor | None = None,
        *,
        canvas: CanvasOrigin | str = "",
        course: str = "",
        assignment: str = "",
        user: str = "",
        real_user: str = "",
        object_: str = "",
        detail: str = "",
    ) -> None:
        """Add one line. ``who`` gives Canvas, course and person; without it they are given one by one."""
        line = AuditLine(
            id=new_id(),
            at=self._now(),
            source=SOURCE.get(),
            event=event,
            canvas=(who.canvas if who else canvas)[:255],
            course=(who.course_id if who else course)[:64],
            assignment=assignment[:64],
            user=(who.user_id if who else user)[:64],
            real_user=(getattr(who, "real_user_id", "") or real_user)[:64],
            object=object_[:LONGEST],
            detail=detail[:LONGEST],
        )
        self._rows.add(line)
        fields = {
            name: text
            for name in ("canvas", "course", "assignment", "user", "real_user", "object", "detail")
            if (text := getattr(line, name))
        }
        if line.source != Source.COMMAND:  # a terminal isn't a log; the line is in the database
            log.warning(line.event, audit=line.id, source=line.source, **fields)

    def find(self, wanted: AuditFilter) -> tuple[AuditLine, ...]:
        """Lines, newest first."""
        return self._rows.find(wanted)
