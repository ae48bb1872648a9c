"""Whether a plan is still good for Canvas as it is now: what each kind of drift means for it; pure.

The one place that decides. A drift is harmless where the plan would still say the same; else the plan is out
of date, and Canvas is planned again from now. Before its first write a run ends for either of the other two;
once it has written, what is left of it goes on unless a create that is still to come would come out different
(a half-applied plan leaves more people short than a finished one), or Canvas itself works against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.ids import UserId
from lti_tool.planning.plan import ChangeKind, Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot

PersonPair = tuple[UserId, UserId]
"""(reviewer, author)."""


class Meaning(StrEnum):
    """What one drift means for a plan."""

    HARMLESS = "harmless"
    """The plan would say the same; reported beside it."""
    REPLAN = "replan"
    """Something else should be written now than the plan says."""
    STOP = "stop"
    """As above, and it also ends a run that has begun: what Canvas makes of further writes has changed."""


@dataclass(frozen=True)
class Relied:
    """What a plan, or what is left of its run, relies on.

    Attributes:
        begun: whether Canvas may have executed a write of it.
        people: everybody in a write of it or in a review that existed.
        creates: its creates, and ``open`` those of them that are still to be sent.
        deletes: its deletes.
        rules: its rules; none: every rule may matter.
        exact: it takes a run back and touches nothing but that run's pairs.
    """

    begun: bool
    people: AbstractSet[UserId]
    creates: AbstractSet[PersonPair]
    open: AbstractSet[PersonPair]
    deletes: AbstractSet[PersonPair]
    rules: PlanRules | None = None
    exact: bool = False

    @classmethod
    def on(cls, plan: Plan, snapshot: Snapshot) -> Relied:
        """What a plan relies on that nobody has applied."""
        creates = frozenset((one.reviewer, one.author) for one in plan.of_kind(ChangeKind.CREATE))
        deletes = frozenset((one.reviewer, one.author) for one in plan.of_kind(ChangeKind.DELETE))
        people = people_in(snapshot, creates | deletes)
        return cls(False, people, creates, creates, deletes, plan.rules, plan.undo_of is not None)

    def concerns(self, drift: Drift) -> bool:
        """Whether somebody whom the drift names has a part in the plan."""
        return not self.people.isdisjoint(drift.people)


def people_in(snapshot: Snapshot, pairs: Iterable[PersonPair]) -> frozenset[UserId]:
    """Everybody in these pairs, and in the reviews that exist."""
    there = ((review.assessor, review.assessee) for review in snapshot.reviews)
    return frozenset(user for pair in (*pairs, *there) for user in pair)


@dataclass(frozen=True, slots=True)
class Judged:
    """Drift by what it means."""

    harmless: tuple[Drift, ...] = ()
    replan: tuple[Drift, ...] = ()
    stop: tuple[Drift, ...] = ()

    @classmethod
    def of(cls, found: Mapping[Meaning, Sequence[Drift]]) -> Judged:
        """From drift by meaning."""
        return cls(*(tuple(found[one]) for one in (Meaning.HARMLESS, Meaning.REPLAN, Meaning.STOP)))

    @property
    def by_meaning(self) -> Mapping[Meaning, tuple[Drift, ...]]:
        """The gravest first."""
        return {Meaning.STOP: self.stop, Meaning.REPLAN: self.replan, Meaning.HARMLESS: self.harmless}

    @property
    def out_of_date(self) -> tuple[Drift, ...]:
        """What makes the plan out of date; empty while it is good."""
        return self.stop + self.replan

    @property
    def every(self) -> tuple[Drift, ...]:
        """All of it."""
        return self.out_of_date + self.harmless


def judge(drift: Iterable[Drift], relied: Relied) -> Judged:
    """Sort drift by what it means for this plan."""
    found: dict[Meaning, list[Drift]] = {meaning: [] for meaning in Meaning}
    for one in drift:
        found[meaning_of(one, relied)].append(one)
    return Judged.of(found)


def meaning_of(drift: Drift, relied: Relied) -> Meaning:
    """What one drift means; every kind has its row, and mypy refuses a kind without one."""
    match drift.kind:
        case DriftKind.RUBRIC_CHANGED | DriftKind.GROUP_SET_CHANGED | DriftKind.UNPUBLISHED:
            # A rubric is part of what Canvas finds a review by (Submission#assign_assessor): the pairs that
            # exist would be made once more. Another group set makes other submissions of the same rows.
            return Meaning.STOP
        case DriftKind.PEER_REVIEWS_SWITCHED:
            return Meaning.HARMLESS if drift.on else Meaning.STOP
        case DriftKind.AUTOMATIC_SWITCHED | DriftKind.NEW_ALLOCATION_SWITCHED:
            return Meaning.STOP if drift.on else Meaning.HARMLESS  # Canvas would add reviews of its own
        case DriftKind.REVIEW_ADDED | DriftKind.REVIEW_DOUBLED:
            return _added(drift, relied)
        case DriftKind.REVIEW_GONE:
            # A delete that somebody else made leaves what the plan promised; any other one leaves a gap.
            return _before_the_first_write(relied, unless=drift.people in relied.deletes)
        case DriftKind.REVIEW_COMPLETED:
            return _completed(drift, relied)
        case DriftKind.PERSON_LEFT | DriftKind.PERSON_HIDDEN | DriftKind.WORK_WITHDRAWN:
            # Later the run leaves out their lines, and whoever would lose a review by that keeps one.
            return _before_the_first_write(relied, unless=not relied.concerns(drift))
        case DriftKind.ASSIGNED_SWITCHED:
            # Somebody to whom it is assigned now is as somebody who joined.
            return _before_the_first_write(relied, unless=bool(drift.on) or not relied.concerns(drift))
        case DriftKind.SECTION_CHANGED:
            return _before_the_first_write(relied, unless=not (relied.concerns(drift) and _sections(relied)))
        case DriftKind.GROUP_CHANGED:
            return _before_the_first_write(relied, unless=not (relied.concerns(drift) and _groups(relied)))
        case (
            DriftKind.PERSON_JOINED
            | DriftKind.WORK_SUBMITTED  # both are assigned later, and nobody gets less by it
            | DriftKind.EXCUSED_SWITCHED  # only decides the words for somebody who has not submitted
            | DriftKind.REVIEW_REOPENED  # it stays, and still counts
            | DriftKind.PUBLISHED
            | DriftKind.DUE_DATE_CHANGED
            | DriftKind.ANONYMOUS_SWITCHED
            | DriftKind.WITHIN_GROUPS_SWITCHED  # Canvas heeds it only in its own assigning
            | DriftKind.ASSIGNED_TO_CHANGED  # whom it leaves out, ASSIGNED_SWITCHED names
        ):
            return Meaning.HARMLESS
        case _:
            assert_never(drift.kind)


def _before_the_first_write(relied: Relied, *, unless: bool) -> Meaning:
    return Meaning.HARMLESS if unless or relied.begun or relied.exact else Meaning.REPLAN


def _added(drift: Drift, relied: Relied) -> Meaning:
    """A review that the plan does not know about. A planned pair that others made is what was approved."""
    if drift.kind is DriftKind.REVIEW_ADDED and drift.people in relied.creates:
        return Meaning.HARMLESS
    reviewer, author = drift.people
    touched = any(reviewer == one or author == other for one, other in relied.open)
    if not relied.begun:
        return Meaning.HARMLESS if relied.exact else Meaning.REPLAN
    return Meaning.REPLAN if touched and not relied.exact else Meaning.HARMLESS


def _completed(drift: Drift, relied: Relied) -> Meaning:
    """A review to be deleted that is completed stays, and what was to replace it is one too many."""
    reviewer, author = drift.people
    replaced = any(reviewer == one or author == other for one, other in relied.creates)
    return _before_the_first_write(relied, unless=not (drift.people in relied.deletes and replaced))


def _sections(relied: Relied) -> bool:
    rules = relied.rules
    return rules is None or rules.sections != "any" or bool(rules.section_shares)


def _groups(relied: Relied) -> bool:
    rules = relied.rules
    return rules is None or rules.own_group != "allowed" or rules.co_authors != "any"
