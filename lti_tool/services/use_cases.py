"""What the product can do, as pages and the command line see it. What comes back is in ``shown``.

Every call takes the actor first and looks nothing up outside the actor's Canvas and course. Errors are
those of ``lti_tool.services.errors`` (and ``ReadFailed`` where Canvas itself is the trouble).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lti_tool.applying.report import Progress as RunProgress
from lti_tool.applying.report import RunReport, RunSummary
from lti_tool.persistence.saved_rules import SavedRules
from lti_tool.planning.canvas_method import Draws
from lti_tool.planning.drift import Drift
from lti_tool.planning.edits import Edit
from lti_tool.planning.ids import AssignmentId, PlanId, RunId, UserId
from lti_tool.planning.people_list import Contact
from lti_tool.planning.plan import Plan
from lti_tool.planning.rule_changes import RulesChange
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.signed_person import SignedPerson
from lti_tool.planning.snapshot import AssignmentFacts, ListedLevels, Snapshot
from lti_tool.planning.taking_part import TakingPart
from lti_tool.services.actor import Actor
from lti_tool.services.follow_up_cases import (
    CreditCases,
    FillingCases,
    FollowUpCases,
    ScheduleCases,
    WatchCases,
)
from lti_tool.services.long_work import (
    Making,
    Progress,
    ReadingProgress,
    silent,
)
from lti_tool.services.plan_table import ENGLISH, Vocabulary
from lti_tool.services.shown import (
    Comparison,
    Counts,
    CourseOverview,
    Edited,
    Feasibility,
    Imported,
    ListedPlan,
    PlanView,
    RuleSet,
)


class ConnectingCases(Protocol):
    """The person's own Canvas token."""

    def connected(self, actor: Actor) -> bool:
        """Whether a usable token of this person for this Canvas is stored."""
        ...

    def ticket(self, person: SignedPerson, return_to: str) -> str:
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
        self,
        actor: Actor,
        assignment: AssignmentId,
        *,
        fresh: bool = False,
        to_plan: bool = False,
        progress: Progress = silent,
    ) -> Snapshot:
        """This person's last snapshot while it is good to look at, or to plan from; else a new one.

        Raises ``AnotherRunActive`` where it is to plan from and an update is under way.
        """
        ...

    def last(self, actor: Actor, assignment: AssignmentId) -> Snapshot | None:
        """This person's last snapshot however old: for names, and for what isn't decided by it."""
        ...

    def snapshots(
        self, actor: Actor, assignments: Sequence[AssignmentId], *, fresh: bool = False
    ) -> tuple[Snapshot, ...]:
        """As ``snapshot``, of several assignments; what has to be read is read together."""
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

    def current(self, actor: Actor, assignment: AssignmentId, *, to_plan: bool = False) -> bool:
        """Whether there is a snapshot that is good to look at, or to plan from."""
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

    def saved_rules(self, actor: Actor, assignment: AssignmentId) -> SavedRules:
        """The same with their version and who saved them when."""
        ...

    def change_rules(
        self, actor: Actor, assignment: AssignmentId, change: RulesChange, *, over: int | None = None
    ) -> PlanRules:
        """Put a change upon the rules as they are now; raises ``RulesChanged`` where somebody has saved
        other choices since version ``over``, and ``RulesUnfit``."""
        ...

    def save_rules(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, *, over: int | None = None
    ) -> None:
        """Remember rules as a whole; raises ``RulesChanged`` where the saved ones aren't version ``over``."""
        ...

    def taking_part(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> TakingPart:
        """Who reviews, who is reviewed, who is left out and why."""
        ...

    def feasibility(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> Feasibility:
        """Whether the rules can work; never writes."""
        ...

    def make_plan(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, based_on: PlanId | None = None
    ) -> Plan:
        """Allocate, compare and store; raises ``allocation.Infeasible`` with reasons."""
        ...

    def plan(self, actor: Actor, plan_id: PlanId) -> PlanView:
        """A stored plan of this course; raises ``NotHere``."""
        ...

    def listed(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[ListedPlan, ...]:
        """The newest plans of the course, or of one assignment, with what can still become of them."""
        ...

    def to_approve(self, actor: Actor, plan_id: PlanId) -> bool:
        """Whether this plan of the course can still be applied: nobody has, and no update came in between."""
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
        """Journal a run of the plan and ring the worker; the same plan again gives the same run.

        Raises ``PlanOutdated``, ``PlanEmpty``.
        """
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

    def from_now(self, actor: Actor, plan_id: PlanId) -> Plan:
        """The plan by the same rules from Canvas as it is; raises as ``again``."""
        ...

    def import_table(
        self, actor: Actor, plan_id: PlanId, content: bytes, vocabulary: Vocabulary = ENGLISH
    ) -> Imported:
        """Make the plan that a file asks for, exactly; raises ``TableUnusable``, ``EditRefused``."""
        ...

    def compare(self, actor: Actor, before: PlanId, after: PlanId) -> Comparison:
        """Two plans of one assignment, pair by pair; raises ``EditRefused``."""
        ...

    def keep(self, actor: Actor, plan_id: PlanId, instead: PlanId | None = None) -> None:
        """Go on with this plan: what its rules have that those of ``instead`` have not is remembered."""
        ...


class RuleSetCases(Protocol):
    """Rules under a name, for the assignments of a course."""

    def all(self, actor: Actor) -> tuple[RuleSet, ...]:
        """The sets of the course, by name."""
        ...

    def get(self, actor: Actor, set_id: str) -> RuleSet:
        """One set; raises ``NotHere``."""
        ...

    def save(
        self, actor: Actor, name: str, rules: PlanRules, *, replace: bool = False, over: int | None = None
    ) -> RuleSet:
        """Keep rules under a name; raises ``NameInUse``, ``RulesChanged`` where the set of this name isn't
        version ``over``, and ValueError for a name that is none."""
        ...

    def rename(self, actor: Actor, set_id: str, name: str, *, over: int | None = None) -> None:
        """Give a set another name; raises like ``save`` and ``get``."""
        ...

    def delete(self, actor: Actor, set_id: str, *, over: int | None = None) -> None:
        """Forget a set; raises ``NotHere``, ``RulesChanged``."""
        ...

    def use(
        self, actor: Actor, set_id: str, assignment: AssignmentId, *, over: int | None = None
    ) -> PlanRules:
        """Make a set the rules of an assignment, in place of its version ``over``; raises ``NotHere``,
        ``RulesChanged``."""
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
