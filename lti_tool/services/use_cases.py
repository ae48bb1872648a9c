"""What the product can do, as the pages and the command line see it: protocols and their values.

Every call takes the actor first and looks nothing up outside the actor's Canvas and course. Errors are
those of ``lti_tool.services.errors`` (and ``ReadFailed`` where Canvas itself is the trouble).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from allocation import Quality, Reason
from allocation.sentences import Sentence
from allocation.stages import Effort
from lti_tool.applying.answers import Why
from lti_tool.applying.report import Progress as RunProgress
from lti_tool.applying.report import RunReport, RunSummary
from lti_tool.planning.canvas_method import Draws, Measured
from lti_tool.planning.drift import Drift
from lti_tool.planning.edits import Broken, Difference, Edit
from lti_tool.planning.holes import Lacking
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, PlanId, RunId, UserId
from lti_tool.planning.late_work import TopUp
from lti_tool.planning.people_list import Contact
from lti_tool.planning.plan import Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.same_pairs import SamePairs
from lti_tool.planning.snapshot import AssignmentFacts, ListedLevels, Snapshot
from lti_tool.planning.taking_part import TakingPart
from lti_tool.services.follow_up_cases import (
    CreditCases,
    FillingCases,
    FollowUpCases,
    ScheduleCases,
    WatchCases,
)
from lti_tool.services.plan_table import ENGLISH, Vocabulary

Progress = Callable[[str, int, int | None], None]
"""Told while a long reading goes on: what is being read (a template marked with ``N_``), how many so far, of
how many if known."""


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
class Counts:
    """How far one assignment is: ``submitted`` of ``students``, and its reviews."""

    submitted: int
    students: int
    reviews: ReviewCounts


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
class Kept:
    """If ``dropping`` per cent of the reviewers drop out, each by himself: what works keep.

    ``works`` is the share of works that keep at least ``at_least`` reviews (per cent, rounded down);
    ``certain`` what every work keeps whoever drops out; ``ask`` how many each must give that 95 of 100 works
    keep enough, None where no number is enough.
    """

    dropping: int
    at_least: int
    works: int
    certain: int
    ask: int | None


@dataclass(frozen=True, slots=True)
class Feasibility:
    """Whether rules can work for a snapshot: the numbers when they do, the reasons when not."""

    reviews: int
    gives: tuple[int, int]
    gets: tuple[int, int]
    reasons: tuple[Reason, ...]
    sentences: tuple[Sentence, ...]
    """The reasons in words, with names."""
    received: tuple[int, ...]
    """Reviews of each work."""
    reviewers: int
    reason_names: Mapping[str, str]
    """Display names by id, in the order in which Canvas lists people."""

    @property
    def works(self) -> bool:
        """True when an allocation exists."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class PlanView:
    """A stored plan with all that the preview shows. Quality and measures are of the state after applying."""

    plan: Plan
    snapshot: Snapshot
    quality: Quality
    measured: Measured | None
    """The same in the numbers that are compared with Canvas's own method; None where no review is left."""
    knows: frozenset[str]
    """The fields of ``measured`` that mean something for this class."""
    taking_part: TakingPart
    run_id: RunId | None
    """The run that applied this plan, if one did."""
    created_by_name: str
    top_up: TopUp | None
    """What the plan does about late work, where it builds on reviews that exist."""
    lacking: tuple[Lacking, ...]
    """Works that have fewer reviews coming than agreed even then: for staff, by hand."""
    again: SamePairs | None
    """Which pairs are the same as in another assignment, where the rules ask for that."""
    notified: int
    """Students whom Canvas will notify when the plan is applied."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit came to: a plan; or the rules it would break; or why it cannot work."""

    rules: PlanRules
    """The rules that hold the edit."""
    plan: Plan | None
    broken: tuple[Broken, ...]
    feasibility: Feasibility | None


@dataclass(frozen=True, slots=True)
class Imported:
    """The plan that a file asks for, None when it asks for nothing new; and the rules that it breaks."""

    plan: Plan | None
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two plans side by side; ``broken`` are the rules that the second one breaks."""

    before: PlanView
    after: PlanView
    difference: Difference
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules under a name."""

    id: str
    name: str
    rules: PlanRules
    saved_by_name: str
    saved_at: datetime


class ReadingState(StrEnum):
    """Where a reading in the background stands."""

    READING = "reading"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReadingPart:
    """One list of a reading: rows so far, of about how many where Canvas lets on."""

    what: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class ReadingProgress:
    """A reading in the background. ``told_at`` is when it was heard of last; of one that is over, its end."""

    state: ReadingState
    started_at: datetime
    told_at: datetime
    parts: tuple[ReadingPart, ...] = ()
    why: Why = Why.NONE
    """Why it failed."""

    @property
    def reading(self) -> bool:
        """Whether it goes on."""
        return self.state is ReadingState.READING

    @property
    def done(self) -> int:
        """Rows read, of the lists whose length is known."""
        return sum(min(part.done, part.total) for part in self.parts if part.total)

    @property
    def total(self) -> int:
        """Rows of the lists whose length is known."""
        return sum(part.total or 0 for part in self.parts)

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None while that is a guess."""
        passed = (self.told_at - self.started_at).total_seconds()
        if passed < 2 or self.done * 20 < self.total or not self.done:
            return None
        return passed * (self.total - self.done) / self.done


class Watch(Protocol):
    """Whoever waits for a plan."""

    def hear(self, effort: Effort) -> None:
        """How far the engine is."""
        ...

    def cancelled(self) -> bool:
        """Whether the plan is not wanted any more."""
        ...


class MakingState(StrEnum):
    """Where the making of a plan stands."""

    MAKING = "making"
    MADE = "made"
    IMPOSSIBLE = "impossible"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Making:
    """A plan that is being made, or was. ``told_at`` is when it was heard of last; at its end, the end."""

    state: MakingState
    started_at: datetime
    told_at: datetime
    effort: Effort | None = None
    """None while what the plan rests on is read."""
    plan: PlanId | None = None
    why: Why = Why.NONE

    @property
    def making(self) -> bool:
        """Whether it goes on."""
        return self.state is MakingState.MAKING

    @property
    def seconds_so_far(self) -> float:
        """Since it began."""
        return (self.told_at - self.started_at).total_seconds()

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None while that is a guess."""
        fraction = self.effort.fraction if self.effort else 0.0
        if self.seconds_so_far < 2 or fraction < 0.05:
            return None
        return self.seconds_so_far * (1 - fraction) / fraction


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

    def overview(self, actor: Actor, *, counted: bool = True) -> CourseOverview:
        """The course's assignments; with their counts, which take a while in a large course, or without."""
        ...

    def counts(self, actor: Actor, assignment: AssignmentId) -> Counts:
        """How far one assignment is."""
        ...

    def snapshot(
        self, actor: Actor, assignment: AssignmentId, *, fresh: bool = False, progress: Progress = silent
    ) -> Snapshot:
        """The last reading of this person, or a new one when there is none or ``fresh`` is asked for."""
        ...

    def snapshots(
        self, actor: Actor, assignments: Sequence[AssignmentId], *, fresh: bool = False
    ) -> tuple[Snapshot, ...]:
        """As ``snapshot``, of several assignments; what has to be read is read together."""
        ...

    def known(self, actor: Actor, assignment: AssignmentId) -> bool:
        """Whether this person has read the assignment before."""
        ...

    def facts(self, actor: Actor, assignment: AssignmentId) -> AssignmentFacts:
        """The assignment alone, read anew: one request."""
        ...

    def assignments(self, actor: Actor) -> tuple[AssignmentFacts, ...]:
        """The course's assignments in Canvas's order, without counts."""
        ...

    def give_levels(self, actor: Actor, assignment: AssignmentId, listed: ListedLevels | None) -> Snapshot:
        """Put a list of levels to the last reading, or take it away; gives the reading with it."""
        ...

    def level_columns(self, actor: Actor) -> Mapping[str, str]:
        """Titles of the columns that were added to the gradebook, by id; none where Canvas shows none."""
        ...

    def level_entries(self, actor: Actor, column: str) -> Mapping[UserId, str]:
        """What stands in one of them."""
        ...

    def contacts(self, actor: Actor) -> Mapping[UserId, Contact]:
        """Logins, SIS ids and e-mail addresses of the students, as far as Canvas shows them; never stored."""
        ...

    def enable_peer_reviews(self, actor: Actor, assignment: AssignmentId) -> None:
        """Tick *Require peer reviews* in Canvas; touches nothing else of the assignment."""
        ...


class BackgroundCases(Protocol):
    """Reading a course while a page waits and shows how far it is."""

    def known(self, actor: Actor, assignment: AssignmentId) -> bool:
        """Whether this person has read the assignment before."""
        ...

    def begin(
        self, actor: Actor, assignment: AssignmentId, *, since: datetime, patience_s: float = 0.0
    ) -> ReadingProgress:
        """Read anew, or join a reading that is under way, or be content with one that ended after ``since``.

        Waits up to ``patience_s`` for the end.
        """
        ...

    def state(self, actor: Actor, assignment: AssignmentId) -> ReadingProgress | None:
        """The reading that is under way or ended last; None when there is none."""
        ...


class MakingCases(Protocol):
    """Making a plan while a page waits and shows how far it is; one at a time for a person and assignment."""

    def begin(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, *, patience_s: float = 0.0
    ) -> Making:
        """Make a plan, in place of one that is still being made. Waits up to ``patience_s`` for the end.

        Raises what ``PlanningCases.make_plan`` raises, where it ended in vain within that time.
        """
        ...

    def state(self, actor: Actor, assignment: AssignmentId) -> Making | None:
        """The plan that is being made or was made last; None when there is none."""
        ...

    def cancel(self, actor: Actor, assignment: AssignmentId) -> None:
        """Stop making; nothing is stored."""
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

    def to_approve(self, actor: Actor, plan_id: PlanId) -> bool:
        """Whether this plan of the course is still there and nobody has applied it; cheap."""
        ...

    def canvas_instead(self, actor: Actor, plan_id: PlanId) -> Draws | None:
        """What Canvas's own method would give the same class; None where nobody is left."""
        ...

    def drift(self, actor: Actor, plan_id: PlanId, *, fresh: bool = True) -> tuple[Drift, ...]:
        """What changed in Canvas since the plan's snapshot, up to now or up to the last reading."""
        ...


class RunningCases(Protocol):
    """Applying, watching, undoing."""

    def start(self, actor: Actor, plan_id: PlanId) -> RunId:
        """Journal a run of the plan and ring the worker; the same plan again gives the same run."""
        ...

    def report(self, actor: Actor, run_id: RunId) -> RunReport:
        """State, counts and steps of a run of this course; raises ``NotHere``."""
        ...

    def progress(self, actor: Actor, run_id: RunId) -> RunProgress:
        """How far a run of this course is, without its steps; raises ``NotHere``."""
        ...

    def cancel(self, actor: Actor, run_id: RunId) -> None:
        """Stop after the calls that are under way."""
        ...

    def pause(self, actor: Actor, run_id: RunId) -> None:
        """Send nothing more until somebody resumes the run."""
        ...

    def resume(self, actor: Actor, run_id: RunId) -> None:
        """Go on with a paused run."""
        ...

    def undo(self, actor: Actor, run_id: RunId, *, fresh: bool = True) -> Plan:
        """Make and store the plan that takes a run back, on a new reading or on the last one.

        Raises ``NothingToUndo``.
        """
        ...

    def again(self, actor: Actor, run_id: RunId, *, fresh: bool = True) -> Plan:
        """Make and store the plan of what a run did not make; raises ``PlanEmpty``."""
        ...

    def history(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[RunSummary, ...]:
        """Runs of the course, newest first."""
        ...


class EditingCases(Protocol):
    """Plans from plans; Canvas and the old plan stay as they are."""

    def edit(
        self,
        actor: Actor,
        plan_id: PlanId,
        edit: Edit,
        *,
        anyway: bool = False,
        change: Callable[[PlanRules], PlanRules] | None = None,
    ) -> Edited:
        """Make the plan that holds an edit and moves the fewest other pairs; raises ``EditRefused``."""
        ...

    def again(self, actor: Actor, plan_id: PlanId) -> Plan:
        """Another draw with the same rules; raises ``EditRefused``, ``allocation.Infeasible``."""
        ...

    def import_table(
        self, actor: Actor, plan_id: PlanId, content: bytes, vocabulary: Vocabulary = ENGLISH
    ) -> Imported:
        """Make the plan that a file asks for, exactly; raises ``TableUnusable``, ``EditRefused``."""
        ...

    def compare(self, actor: Actor, before: PlanId, after: PlanId) -> Comparison:
        """Two plans of one assignment, pair by pair; raises ``EditRefused``."""
        ...

    def keep(self, actor: Actor, plan_id: PlanId) -> None:
        """Go on with this plan: its rules are the remembered ones from now on."""
        ...


class RuleSetCases(Protocol):
    """Rules under a name, for the assignments of a course."""

    def all(self, actor: Actor) -> tuple[RuleSet, ...]:
        """The sets of the course, by name."""
        ...

    def get(self, actor: Actor, set_id: str) -> RuleSet:
        """One set; raises ``NotHere``."""
        ...

    def save(self, actor: Actor, name: str, rules: PlanRules, *, replace: bool = False) -> RuleSet:
        """Keep rules under a name; raises ``NameInUse``, and ValueError for a name that is none."""
        ...

    def rename(self, actor: Actor, set_id: str, name: str) -> None:
        """Give a set another name; raises like ``save`` and ``get``."""
        ...

    def delete(self, actor: Actor, set_id: str) -> None:
        """Forget a set; raises ``NotHere``."""
        ...

    def use(self, actor: Actor, set_id: str, assignment: AssignmentId) -> PlanRules:
        """Make a set the rules of an assignment; raises ``NotHere``."""
        ...


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything that pages and commands may call."""

    connecting: ConnectingCases
    reading: ReadingCases
    background: BackgroundCases
    planning: PlanningCases
    making: MakingCases
    editing: EditingCases
    rule_sets: RuleSetCases
    running: RunningCases
    following_up: FollowUpCases
    filling: FillingCases
    crediting: CreditCases
    watching: WatchCases
    scheduling: ScheduleCases
