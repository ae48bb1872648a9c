"""What the product can do after an allocation, as the pages and the command line see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from allocation.sentences import N_, Voice
from lti_tool.persistence.follow_ups import CreditPost, LoggedBatch
from lti_tool.persistence.schedules import StoredSchedule
from lti_tool.planning.board import Board
from lti_tool.planning.credit import CreditPlan
from lti_tool.planning.follow_up import FollowUp
from lti_tool.planning.holes import Hole, HoleKind
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.plan import Plan
from lti_tool.planning.reminders import Audience, ReminderPlan, Template
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.schedule import Schedule
from lti_tool.planning.snapshot import AssignmentFacts, Person, Snapshot
from lti_tool.services.actor import Actor

if TYPE_CHECKING:
    from lti_tool.services.watching import WatchReport


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board with the times of the readings that it rests on."""

    board: Board
    read_at: Mapping[AssignmentId, datetime]
    settings: Mapping[AssignmentId, FollowUp]


@dataclass(frozen=True, slots=True)
class ReminderView:
    """What would be sent now. ``names`` are those of everybody whom the plan mentions."""

    plan: ReminderPlan
    names: Mapping[UserId, str]


TITLE = N_("Peer reviews: %(assignment)s")
"""What a column of points is called; pages hand it over in the language of whoever posts."""


@dataclass(frozen=True, slots=True)
class CreditTarget:
    """Where points go: an assignment, or a column of the tool's own.

    Of an own column: ``exists`` unless it is made with the first posting; points are out of ``maximum`` and
    entered in proportion where Canvas's column counts up to another number.
    """

    id: AssignmentId
    name: str
    own: bool = False
    exists: bool = True
    maximum: float = 0.0
    column_maximum: float = 0.0


@dataclass(frozen=True, slots=True)
class CreditView:
    """What would be posted now. While ``target`` is None nothing is compared."""

    plan: CreditPlan
    names: Mapping[UserId, str]
    target: CreditTarget | None
    fingerprint: str
    """Names exactly these points; `post_credit` wants it back."""
    late_from: datetime | None = None
    """From when on reviews are late; None while there is no deduction, or no due date."""
    first_reading: datetime | None = None
    """The first reading after that; what was completed before it counts as on time."""


@dataclass(frozen=True, slots=True)
class FillingView:
    """What there is to fill up. ``due`` is when reviews are due by the board, ``late`` are authors whose work
    nobody reviews yet, ``holes`` open reviews that will or may not come."""

    snapshot: Snapshot
    rules: PlanRules
    due: datetime | None
    late: tuple[Person, ...]
    holes: tuple[Hole, ...]

    def of_kind(self, kind: HoleKind) -> tuple[Hole, ...]:
        """The holes of one kind."""
        return tuple(hole for hole in self.holes if hole.kind is kind)

    @property
    def counted(self) -> frozenset[HoleKind]:
        """The kinds that were chosen when this was filled up last."""
        chosen = {pair.who for pair in self.rules.not_coming}
        return frozenset(
            hole.kind for hole in self.holes if (hole.review.assessor, hole.review.assessee) in chosen
        )


class FillingCases(Protocol):
    """Late work, and reviews that will not come."""

    def look(self, actor: Actor, assignment: AssignmentId, *, fresh: bool = False) -> FillingView:
        """Late authors and holes, from the last reading or from a new one."""
        ...

    def plan(
        self, actor: Actor, assignment: AssignmentId, kinds: Collection[HoleKind], *, delete: bool
    ) -> Plan:
        """Remember what is not waited for, and make and store the plan that fills up."""
        ...


class FollowUpCases(Protocol):
    """Settings, board, reminders."""

    def settings(self, actor: Actor, assignment: AssignmentId) -> FollowUp:
        """What was settled for an assignment, or the defaults."""
        ...

    def save_settings(
        self, actor: Actor, assignment: AssignmentId, settings: FollowUp, locale: str = "en"
    ) -> None:
        """Keep it."""
        ...

    def reviewed(self, actor: Actor) -> list[AssignmentId]:
        """The assignments of a board over the whole course: published ones with peer reviews."""
        ...

    def board(self, actor: Actor, assignments: Sequence[AssignmentId], *, fresh: bool = False) -> BoardView:
        """Who owes what, who received what, from the last readings or from new ones."""
        ...

    def course_zone(self, actor: Actor) -> str:
        """The IANA name of the course's time zone in Canvas."""
        ...

    def preview_reminders(
        self,
        actor: Actor,
        assignment: AssignmentId,
        template: Template,
        audience: Audience,
        *,
        voice: Voice,
    ) -> ReminderView:
        """Who would be sent what, in the language and time zone of ``voice``."""
        ...

    def send_reminders(
        self,
        actor: Actor,
        assignment: AssignmentId,
        template: Template,
        audience: Audience,
        *,
        voice: Voice,
        approved: Sequence[UserId],
        fresh: bool = True,
    ) -> LoggedBatch:
        """Read Canvas again and remind those of ``approved`` who still owe; raises ``NothingToSend``."""
        ...

    def send_rest(self, actor: Actor, assignment: AssignmentId, batch_id: str) -> LoggedBatch:
        """Send what a process that died had not begun to send; raises ``NotHere``."""
        ...

    def reminder_log(self, actor: Actor, assignment: AssignmentId) -> tuple[LoggedBatch, ...]:
        """Who was told what when, newest first."""
        ...


class WatchCases(Protocol):
    """What changed behind the plan."""

    def look(self, actor: Actor, assignment: AssignmentId, *, fresh: bool = False) -> WatchReport:
        """Differences between the last verified run and the last reading, or a new one."""
        ...


class ScheduleCases(Protocol):
    """What happens by itself."""

    def schedules(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[StoredSchedule, ...]:
        """The schedules of the course, or of one assignment."""
        ...

    def waiting(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[StoredSchedule, ...]:
        """Schedules of the course that wait for somebody: a plan to approve, or something that failed."""
        ...

    def add_schedule(self, actor: Actor, assignment: AssignmentId, schedule: Schedule) -> str:
        """Keep a schedule of this person; gives its id."""
        ...

    def remove_schedule(self, actor: Actor, schedule_id: str) -> None:
        """Forget one; raises ``NotHere``."""
        ...

    def carry_out_due(self) -> int:
        """Carry out what is due, for workers; gives how many."""
        ...


class CreditCases(Protocol):
    """Points for completed reviews."""

    def own_column_offered(self, actor: Actor) -> bool:
        """Whether points can go into a column of the tool's own."""
        ...

    def credit_targets(self, actor: Actor, assignment: AssignmentId) -> tuple[AssignmentFacts, ...]:
        """Assignments of the course that can receive points."""
        ...

    def preview_credit(self, actor: Actor, assignment: AssignmentId, title: str = TITLE) -> CreditView:
        """The points by the rules beside those in Canvas; raises ``CreditTargetUnfit``."""
        ...

    def post_credit(
        self,
        actor: Actor,
        assignment: AssignmentId,
        fingerprint: str,
        title: str = TITLE,
        *,
        despite: Collection[UserId] = (),
    ) -> CreditPost:
        """Send the points that differ, or hand them to the workers; raises ``CreditChanged``,
        ``NothingToSend``. ``despite`` are excused students who get points all the same."""
        ...

    def finish_post(self, actor: Actor, assignment: AssignmentId, post_id: str) -> CreditPost:
        """Carry a posting to its end, for whoever waits for it."""
        ...

    def carry_waiting(self) -> int:
        """Go on with postings that nobody carries, for workers; gives how many."""
        ...

    def credit_posts(self, actor: Actor, assignment: AssignmentId) -> tuple[CreditPost, ...]:
        """Postings, newest first; asks Canvas about one that is under way."""
        ...
