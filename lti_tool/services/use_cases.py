"""What the product can do, as the pages and the command line see it: protocols and their values.

Every call takes the actor first and looks nothing up outside the actor's Canvas and course. Errors are
those of ``lti_tool.services.errors`` (and ``ReadFailed`` where Canvas itself is the trouble).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from allocation import Quality, Reason
from lti_tool.applying.report import RunReport, RunSummary
from lti_tool.planning.drift import Drift
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, PlanId, RunId, UserId
from lti_tool.planning.plan import Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import AssignmentFacts, Snapshot
from lti_tool.planning.taking_part import TakingPart

Progress = Callable[[str, int, int | None], None]
"""Told while a long reading goes on: what is being read, how many so far, of how many if known."""


def silent(_words: str, _done: int, _total: int | None) -> None:
    """No progress wanted."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which course of which Canvas. ``name`` is only for display and the record."""

    canvas: CanvasOrigin
    course_id: CourseId
    user_id: UserId
    name: str = ""


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """Reviews that exist for an assignment now."""

    total: int
    completed: int


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """One line of the home page. ``submitted`` of ``students``; counts are None where unread."""

    facts: AssignmentFacts
    submitted: int | None
    students: int | None
    reviews: ReviewCounts | None
    last_run: RunSummary | None


@dataclass(frozen=True, slots=True)
class CourseOverview:
    """The home page: assignments that use peer reviews, and those that could."""

    course_name: str
    with_peer_reviews: tuple[AssignmentRow, ...]
    without_peer_reviews: tuple[AssignmentFacts, ...]
    new_allocation_feature: bool
    runs: tuple[RunSummary, ...]
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Feasibility:
    """Whether rules can work for a snapshot: the numbers when they do, the reasons when not."""

    reviews: int
    gives: tuple[int, int]
    gets: tuple[int, int]
    reasons: tuple[Reason, ...]
    sentences: tuple[str, ...]
    """The reasons in words, with names."""
    reason_names: Mapping[str, str]
    """Display names for the people ids that the reasons mention."""

    @property
    def works(self) -> bool:
        """True when an allocation exists."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class PlanView:
    """A stored plan with all that the preview shows. ``quality`` is of the state after applying."""

    plan: Plan
    snapshot: Snapshot
    quality: Quality
    taking_part: TakingPart
    run_id: RunId | None
    """The run that applied this plan, if one did."""
    created_by_name: str
    notified: int
    """Students whom Canvas will notify when the plan is applied."""


class ConnectingCases(Protocol):
    """The person's own Canvas token."""

    def connected(self, actor: Actor) -> bool:
        """Whether a usable token of this person for this Canvas is stored."""
        ...

    def ticket(self, actor: Actor, return_to: str) -> str:
        """A one-time ticket (60 s) that the top-level window shows instead of the session."""
        ...

    def start(self, ticket: str) -> tuple[str, str]:
        """Spend a ticket: (address of Canvas's consent page, secret for the window's own cookie)."""
        ...

    def finish(self, query: Mapping[str, str], browser_secret: str) -> str:
        """Spend Canvas's answer; gives the path inside the tool to return to."""
        ...

    def disconnect(self, actor: Actor) -> None:
        """Revoke the token in Canvas and forget it here."""
        ...

    def scopes(self) -> Sequence[tuple[str, str]]:
        """Each scope that is asked for, and in words what for."""
        ...


class ReadingCases(Protocol):
    """What Canvas says."""

    def overview(self, actor: Actor) -> CourseOverview:
        """The course's assignments."""
        ...

    def snapshot(
        self, actor: Actor, assignment: AssignmentId, *, fresh: bool = False, progress: Progress = silent
    ) -> Snapshot:
        """The last reading of this person, or a new one when there is none or ``fresh`` is asked for."""
        ...

    def enable_peer_reviews(self, actor: Actor, assignment: AssignmentId) -> None:
        """Tick *Require peer reviews* in Canvas; touches nothing else of the assignment."""
        ...


class PlanningCases(Protocol):
    """From rules to a stored plan."""

    def rules(self, actor: Actor, assignment: AssignmentId) -> PlanRules:
        """The rules last used for this assignment, or the defaults."""
        ...

    def save_rules(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> None:
        """Remember rules for this assignment."""
        ...

    def taking_part(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> TakingPart:
        """Who reviews, who is reviewed, who is left out and why."""
        ...

    def feasibility(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> Feasibility:
        """Whether the rules can work; never writes."""
        ...

    def make_plan(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> Plan:
        """Allocate, compare and store; raises ``allocation.Infeasible`` with reasons."""
        ...

    def plan(self, actor: Actor, plan_id: PlanId) -> PlanView:
        """A stored plan of this course; raises ``NotHere``."""
        ...

    def drift(self, actor: Actor, plan_id: PlanId) -> tuple[Drift, ...]:
        """What changed in Canvas since the plan's snapshot; reads Canvas."""
        ...


class RunningCases(Protocol):
    """Applying, watching, undoing."""

    def start(self, actor: Actor, plan_id: PlanId) -> RunId:
        """Journal a run of the plan and ring the worker; the same plan again gives the same run."""
        ...

    def report(self, actor: Actor, run_id: RunId) -> RunReport:
        """State, counts and steps of a run of this course; raises ``NotHere``."""
        ...

    def cancel(self, actor: Actor, run_id: RunId) -> None:
        """Stop after the calls that are under way."""
        ...

    def resume(self, actor: Actor, run_id: RunId) -> None:
        """Go on with a paused run."""
        ...

    def undo(self, actor: Actor, run_id: RunId) -> Plan:
        """Make and store the plan that takes a run back; raises ``NothingToUndo``."""
        ...

    def history(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[RunSummary, ...]:
        """Runs of the course, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything that pages and commands may call."""

    connecting: ConnectingCases
    reading: ReadingCases
    planning: PlanningCases
    running: RunningCases
