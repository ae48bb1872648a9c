"""The board: who owes which reviews and who received what, counted from snapshots; pure.

Canvas stores no due date and no completion time for a peer review (its new feature does, for reviews of its
own). The date by which reviews are due is therefore ours, one per assignment; *overdue* means: still open
after that date at the time of the reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from lti_tool.planning.ids import AssignmentId, GroupId, SectionId, UserId
from lti_tool.planning.name_order import name_order
from lti_tool.planning.own_dates import has_time
from lti_tool.planning.snapshot import Person, Snapshot


class Standing(StrEnum):
    """Which lines of the board one wants to see."""

    ALL = "all"
    OWES = "owes"
    OVERDUE = "overdue"
    DONE = "done"
    UNREVIEWED = "unreviewed"
    HOLES = "holes"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One student: numbers of reviews, over the assignments of the board.

    ``to_do`` and ``done`` are reviews that she gives; ``overdue`` those of ``to_do`` whose date has passed.
    ``received`` and ``awaited`` are reviews of her work, completed and open; ``lost`` are open ones that will
    not come because the reviewer left. ``author_left`` are open reviews that nobody can complete any more,
    since the author left: they are in ``to_do`` of nobody.
    """

    person: Person
    groups: tuple[GroupId, ...]
    to_do: int
    overdue: int
    done: int
    received: int
    awaited: int
    lost: int
    extended: int = 0
    """Those of ``to_do`` whose date has passed while the reviewer's own due date has not: not overdue."""
    author_left: int = 0
    excused: bool = False
    """Excused from an assignment of the board for which reviews are owed."""

    def stands(self, standing: Standing) -> bool:
        """Whether the line belongs under ``standing``."""
        match standing:
            case Standing.ALL:
                return True
            case Standing.OWES:
                return self.person.reachable and self.to_do > 0
            case Standing.OVERDUE:
                return self.person.reachable and self.overdue > 0
            case Standing.DONE:
                return self.to_do == 0 and self.done > 0
            case Standing.UNREVIEWED:
                return self.received == 0 and self.awaited + self.lost > 0
            case Standing.HOLES:
                return self.lost > 0
            case Standing.GONE:
                return not self.person.reachable and self.to_do + self.lost + self.awaited > 0


@dataclass(frozen=True)
class Board:
    """Lines in Canvas's sorting order. ``read_at`` is the oldest of the readings that it rests on."""

    lines: tuple[BoardLine, ...]
    sections: Mapping[SectionId, str]
    groups: Mapping[GroupId, str]
    assignments: Mapping[AssignmentId, str]
    read_at: datetime

    def filtered(
        self,
        standing: Standing = Standing.ALL,
        *,
        section: str = "",
        group: str = "",
        name: str = "",
    ) -> tuple[BoardLine, ...]:
        """The lines that fit; empty strings leave a filter out, ``name`` finds parts of names."""
        wanted = name.casefold()
        return tuple(
            line
            for line in self.lines
            if line.stands(standing)
            and (not section or section in line.person.sections)
            and (not group or group in line.groups)
            and (wanted in line.person.name.casefold() or wanted in line.person.sortable_name.casefold())
        )

    @cached_property
    def totals(self) -> Totals:
        """Sums over all lines."""
        return totals(self.lines)

    @cached_property
    def by_section(self) -> Mapping[SectionId, Totals]:
        """Sums for each section; somebody in two sections counts in both."""
        return {
            section: totals(line for line in self.lines if section in line.person.sections)
            for section in self.sections
        }


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over some lines; ``people`` counts those who give or get a review."""

    people: int
    to_do: int
    overdue: int
    done: int
    lost: int
    author_left: int
    owing: int
    """Reachable people with open reviews to give."""

    @property
    def share_done(self) -> int:
        """Completed reviews in per cent of all, rounded down, so that 100 means all."""
        return 100 * self.done // (self.done + self.to_do) if self.done + self.to_do else 0


def totals(lines: Iterable[BoardLine]) -> Totals:
    """Sums over lines."""
    kept = list(lines)
    return Totals(
        people=sum(1 for line in kept if line.to_do + line.done + line.received + line.awaited + line.lost),
        to_do=sum(line.to_do for line in kept),
        overdue=sum(line.overdue for line in kept),
        done=sum(line.done for line in kept),
        lost=sum(line.lost for line in kept),
        author_left=sum(line.author_left for line in kept),
        owing=sum(1 for line in kept if line.stands(Standing.OWES)),
    )


def make_board(
    snapshots: Sequence[Snapshot], due: Mapping[AssignmentId, datetime | None], now: datetime
) -> Board:
    """Count the reviews of one or several assignments of one course.

    Args:
        due: when the reviews of an assignment are due; without a date nothing is overdue.

    Raises:
        ValueError: no snapshot.
    """
    if not snapshots:
        raise ValueError("a board needs at least one reading")
    people = {person.id: person for snapshot in snapshots for person in snapshot.people}
    tally = _Tally()
    for snapshot in snapshots:
        date = due.get(snapshot.assignment.id)
        in_time = {work.author for work in snapshot.works if has_time(snapshot, work.author, now)}
        tally.add(snapshot, in_time, late=date is not None and date <= now)
    gone = {person.id: person for snapshot in snapshots for person in snapshot.left}
    people |= {user: gone[user] for user in gone.keys() & tally.reviewers - people.keys()}
    groups_of: dict[UserId, dict[GroupId, None]] = {}
    for snapshot in snapshots:
        for group in snapshot.groups:
            for member in group.members:
                groups_of.setdefault(member, {})[group.id] = None
    in_order = sorted(people.values(), key=lambda person: (name_order(person.sortable_name), person.id))
    return Board(
        lines=tuple(
            tally.line(person, tuple(groups_of.get(person.id, ())))
            for person in in_order
            if not person.test_student
        ),
        sections={s.id: s.name for snapshot in snapshots for s in snapshot.sections},
        groups={g.id: g.name for snapshot in snapshots for g in snapshot.groups},
        assignments={snapshot.assignment.id: snapshot.assignment.name for snapshot in snapshots},
        read_at=min(snapshot.taken_at for snapshot in snapshots),
    )


class _Tally:
    """Counts reviews by person while snapshots are gone through."""

    def __init__(self) -> None:
        self.reviewers: set[UserId] = set()
        self._to_do, self._overdue, self._done = Counter[UserId](), Counter[UserId](), Counter[UserId]()
        self._received, self._awaited, self._lost = Counter[UserId](), Counter[UserId](), Counter[UserId]()
        self._extended, self._author_left = Counter[UserId](), Counter[UserId]()
        self._excused: set[UserId] = set()

    def add(self, snapshot: Snapshot, in_time: Set[UserId], *, late: bool) -> None:
        """Count; whose own due date has not passed (``in_time``) is late with nothing."""
        for review in snapshot.reviews:
            self.reviewers.add(review.assessor)
            work = snapshot.work_by_author.get(review.assessor)
            if work is not None and work.excused:
                self._excused.add(review.assessor)
            if snapshot.is_for_nobody(review):
                self._author_left[review.assessor] += 1
                continue
            if review.completed:
                self._done[review.assessor] += 1
                self._received[review.assessee] += 1
                continue
            self._to_do[review.assessor] += 1
            if late:
                (self._extended if review.assessor in in_time else self._overdue)[review.assessor] += 1
            (self._lost if snapshot.is_lost(review) else self._awaited)[review.assessee] += 1

    def line(self, person: Person, groups: tuple[GroupId, ...]) -> BoardLine:
        who = person.id
        return BoardLine(
            person=person,
            groups=groups,
            to_do=self._to_do[who],
            overdue=self._overdue[who],
            done=self._done[who],
            received=self._received[who],
            awaited=self._awaited[who],
            lost=self._lost[who],
            extended=self._extended[who],
            author_left=self._author_left[who],
            excused=who in self._excused,
        )
