"""Making a plan behind the page that waits for it: watched from any process, and cancelled from any.

As with readings (``background``), the thread lives in the process that was asked, and a note that every
process sees says how far it is. A wish to cancel that reaches another process is a note too.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from pydantic import TypeAdapter, ValidationError

from allocation import Cancelled, Infeasible
from allocation.stages import Effort
from lti_tool.applying.answers import ReadFailed, Why
from lti_tool.defects import Defect, present
from lti_tool.planning.ids import AssignmentId, PlanId
from lti_tool.planning.rules import PlanRules
from lti_tool.services.actor import Actor
from lti_tool.services.background import LOST_AFTER, PULSE_S, Notes
from lti_tool.services.errors import NobodyToAllocate, NotConnected, NotHere, RulesUnfit
from lti_tool.services.fair_threads import FairThreads
from lti_tool.services.long_work import Making, MakingState
from lti_tool.services.planning import Planning

THREADS, FOR_A_CANVAS, FOR_A_PERSON = 8, 4, 2
"""Plans made at once: by this process, for one Canvas, for one person."""
log = structlog.get_logger(__name__)
_NOTE = TypeAdapter(Making)


@dataclass
class _Live:
    """A plan that this process makes. Implements ``Watch``."""

    started_at: datetime
    unwanted: threading.Event = field(default_factory=threading.Event)
    effort: Effort | None = None
    future: Future[None] | None = None

    def hear(self, effort: Effort) -> None:
        """One reference is replaced; whoever reads sees the old or the new one."""
        self.effort = effort

    def cancelled(self) -> bool:
        """Whether somebody cancelled it, or began another one."""
        return self.unwanted.is_set()

    def note(
        self, state: MakingState, now: datetime, plan: PlanId | None = None, why: Why = Why.NONE
    ) -> Making:
        """What is told of it."""
        return Making(state, self.started_at, now, self.effort, plan, why)


class MakingPlans:
    """Implements ``MakingCases``."""

    def __init__(self, planning: Planning, notes: Notes, now: Callable[[], datetime]) -> None:
        self._planning = planning
        self._notes = notes
        self._now = now
        self._lock = threading.Lock()
        self._live: dict[str, _Live] = {}
        self._threads = FairThreads(
            "making-plan", threads=THREADS, for_a_canvas=FOR_A_CANVAS, for_a_person=FOR_A_PERSON
        )

    def begin(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, *, patience_s: float = 0.0
    ) -> Making:
        """Make a plan, in place of one that is still being made. Waits up to ``patience_s`` for the end.

        Raises:
            NobodyToAllocate, RulesUnfit, allocation.Infeasible, ReadFailed: it ended in vain within that
                time.
        """
        key = _key(actor, assignment)
        live = _Live(self._now())
        with self._lock:
            before = self._live.get(key)
            if before is not None:
                before.unwanted.set()
            self._notes.put(_wish(key), "")
            self._live[key] = live
            self._put(key, live.note(MakingState.MAKING, self._now()))
        live.future = self._threads.submit(actor, self._make, actor, assignment, rules, key, live)
        live.future.add_done_callback(_log_defect)
        if live.future in wait_for([live.future], timeout=patience_s).done:
            live.future.result()
        return present(self.state(actor, assignment), "a plan that was begun has a note")

    def state(self, actor: Actor, assignment: AssignmentId) -> Making | None:
        """The plan that is being made or was made last; None when there is none, or its process died."""
        key = _key(actor, assignment)
        with self._lock:
            live = self._live.get(key)
            if live is not None:
                return live.note(MakingState.MAKING, self._now())
            text = self._notes.get(key)
        try:
            note = _NOTE.validate_json(text) if text else None
        except ValidationError:  # of another version of the tool
            return None
        if note is not None and note.making and self._now() - note.told_at > LOST_AFTER:
            return None
        return note

    def cancel(self, actor: Actor, assignment: AssignmentId) -> None:
        """Stop making, here or in the process that does it; nothing is stored."""
        key = _key(actor, assignment)
        with self._lock:
            live = self._live.get(key)
            if live is not None:
                live.unwanted.set()
        if live is None:
            self._notes.put(_wish(key), "cancel")
        elif live.future is not None:
            wait_for([live.future], timeout=2.0)

    def close(self) -> None:
        """Stop the plans that are being made, and wait for their threads."""
        with self._lock:
            for live in self._live.values():
                live.unwanted.set()
        self._threads.shutdown()

    def _make(self, actor: Actor, assignment: AssignmentId, rules: PlanRules, key: str, live: _Live) -> None:
        finished = threading.Event()
        pulse = threading.Thread(target=self._renew, args=(key, live, finished), name="making-pulse")
        pulse.start()
        end = live.note(MakingState.FAILED, self._now())
        try:
            plan = self._planning.make_plan(actor, assignment, rules, watch=live)
            end = live.note(MakingState.MADE, self._now(), plan.id)
        except Cancelled:
            end = live.note(MakingState.CANCELLED, self._now())
        except (Infeasible, NobodyToAllocate, RulesUnfit):
            end = live.note(MakingState.IMPOSSIBLE, self._now())
            raise
        except (ReadFailed, NotConnected, NotHere) as error:
            end = live.note(MakingState.FAILED, self._now(), why=_why(error))
            raise
        finally:
            finished.set()
            pulse.join()
            with self._lock:
                if self._live.get(key) is live:  # else a newer one tells
                    self._put(key, end)
                    del self._live[key]
            log.info("plan made or not", assignment=assignment, state=end.state, why=end.why)

    def _renew(self, key: str, live: _Live, finished: threading.Event) -> None:
        while not finished.wait(PULSE_S):
            if self._notes.get(_wish(key)):
                live.unwanted.set()
            with self._lock:
                if self._live.get(key) is live:
                    self._put(key, live.note(MakingState.MAKING, self._now()))

    def _put(self, key: str, note: Making) -> None:
        self._notes.put(key, _NOTE.dump_json(note).decode())


def _log_defect(future: Future[None]) -> None:
    error = future.exception()
    if isinstance(error, Defect):
        log.error("plan_broken", exc_info=error)


def _why(error: Exception) -> Why:
    if isinstance(error, ReadFailed):
        return error.why
    return Why.ACCESS_LOST if isinstance(error, NotConnected) else Why.NOT_FOUND


def _key(actor: Actor, assignment: AssignmentId) -> str:
    return "plan " + json.dumps([actor.canvas, actor.course_id, assignment, actor.user_id])


def _wish(key: str) -> str:
    return f"cancel {key}"
