"""What the use cases give back, ready to be shown. What can be asked for is in ``use_cases``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from allocation import Quality, Reason
from allocation.sentences import N_, Mention, Sentence, sentence
from lti_tool.applying.errors import overtaken_words
from lti_tool.applying.report import RunSummary
from lti_tool.applying.states import TERMINAL, RunState, run_state
from lti_tool.planning.canvas_method import Measured
from lti_tool.planning.edits import Broken, Difference
from lti_tool.planning.freshness import OurRun
from lti_tool.planning.holes import Lacking
from lti_tool.planning.ids import AssignmentId, PlanId, RunId
from lti_tool.planning.late_work import TopUp
from lti_tool.planning.plan import Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.same_pairs import SamePairs
from lti_tool.planning.snapshot import AssignmentFacts, Snapshot
from lti_tool.planning.taking_part import TakingPart
from lti_tool.services.run_account import GOOD


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
class Overtaken:
    """Why a plan is out of date: the update that came after its snapshot, or is under way.

    ``made`` is how many changes that update has made.
    """

    run: OurRun
    made: int

    @property
    def words(self) -> Sentence:
        """Who changed the assignment, what and when."""
        if self.run.ended is None:
            return sentence(
                "%(who)s started an update of this assignment at %(when)s that isn't over yet.",
                who=Mention("person", self.run.by_name),
                when=self.run.began,
            )
        return overtaken_words(self.run, self.made)


class PlanStanding(StrEnum):
    """What can still become of a plan in a list."""

    READY = "ready"
    BEING_APPLIED = "being_applied"
    """Its update isn't over: it may be paused, or without a worker."""
    APPLIED = "applied"
    PARTLY_APPLIED = "partly_applied"
    NOT_APPLIED = "not_applied"
    """Its update ended before anything was changed."""
    OUT_OF_DATE = "out_of_date"
    """Canvas changed: another update came first, or its own found out."""
    EMPTY = "empty"
    """It would change nothing."""


STANDING_WORDS: Mapping[PlanStanding, str] = {
    PlanStanding.READY: N_("Can be applied"),
    PlanStanding.BEING_APPLIED: N_("Being applied"),
    PlanStanding.APPLIED: N_("Applied"),
    PlanStanding.PARTLY_APPLIED: N_("Partly applied"),
    PlanStanding.NOT_APPLIED: N_("Not applied"),
    PlanStanding.OUT_OF_DATE: N_("Out of date"),
    PlanStanding.EMPTY: N_("Nothing to change"),
}


def standing_after(run: RunSummary) -> PlanStanding:
    """What became of a plan that a run applied, or applies."""
    state = run_state(run.state)
    if state not in TERMINAL:
        return PlanStanding.BEING_APPLIED
    if state is RunState.DONE:
        return PlanStanding.APPLIED
    if state is RunState.NEEDS_REVIEW:
        return PlanStanding.OUT_OF_DATE
    made = any(run.counts.get(one, 0) for one in GOOD)
    return PlanStanding.PARTLY_APPLIED if made else PlanStanding.NOT_APPLIED


@dataclass(frozen=True, slots=True)
class ListedPlan:
    """One plan in a list; numbers of reviews that it creates, deletes and keeps."""

    id: PlanId
    assignment_id: AssignmentId
    created_at: datetime
    created_by_name: str
    undo_of: RunId | None
    creates: int
    deletes: int
    keeps: int
    standing: PlanStanding
    run_id: RunId | None

    @property
    def words(self) -> Sentence:
        """What can still become of it."""
        return sentence(STANDING_WORDS[self.standing])


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
    overtaken: Overtaken | None = None
    """Why the plan can't be applied any more, unless it was."""
    hidden: int = 0
    """Lines that are left out, because Canvas doesn't show their students to the viewer."""
    partial: bool = False
    """Something of the plan is left out, so whatever is worked out from the whole of it is empty here."""
    may_apply: bool = True
    """Whether the viewer sees every student whom the plan's changes concern."""
    may_edit: bool = True
    """Whether they also see every pair that somebody chose."""


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
    version: int = 1
