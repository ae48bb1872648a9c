"""Who takes part: from a snapshot and the rules to reviewers, authors, and those left out with why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lti_tool.planning.ids import UserId
from lti_tool.planning.name_order import name_order
from lti_tool.planning.own_dates import with_more_time
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Person, Snapshot


class LeftOut(StrEnum):
    """Why a student takes no part as an author, or at all."""

    TEST_STUDENT = "test_student"
    LEFT_COURSE = "left_course"
    EXCLUDED = "excluded"
    NOT_ASSIGNED = "not_assigned"
    EXCUSED = "excused"
    NOT_SUBMITTED = "not_submitted"
    MORE_TIME = "more_time"
    """Has not handed in, and need not yet, by a due date of her own; comes in with a later filling up."""


@dataclass(frozen=True)
class TakingPart:
    """``reviewers`` and ``authors`` in Canvas's sorting order; ``left_out`` names everybody else.

    A student who did not submit can be a reviewer and still be in ``left_out`` (as an author).
    ``in_reserve`` are those of the reviewers who give none at first: spare ones, and volunteers who would
    take no part otherwise.
    """

    reviewers: tuple[Person, ...]
    authors: tuple[Person, ...]
    left_out: Mapping[UserId, LeftOut]
    in_reserve: frozenset[UserId] = frozenset()

    @property
    def left_out_counts(self) -> Mapping[LeftOut, int]:
        """Number of students left out, by reason."""
        return Counter(self.left_out.values())


def taking_part(snapshot: Snapshot, rules: PlanRules) -> TakingPart:
    """Apply enrolment, submission and exclusion rules to everybody in the snapshot."""
    reviewers, authors = [], []
    left_out: dict[UserId, LeftOut] = {}
    in_reserve = set()
    ready = {*rules.spare, *rules.extras}
    # Who was given reviews before her date keeps them, so that no plan takes them away for that.
    more_time = with_more_time(snapshot) - {review.assessor for review in snapshot.reviews}
    for person in sorted(snapshot.people, key=lambda person: (name_order(person.sortable_name), person.id)):
        why = _why_left_out(person, snapshot, rules)
        if why is LeftOut.NOT_SUBMITTED and person.id in more_time:
            why = LeftOut.MORE_TIME
        if why is not None:
            left_out[person.id] = why
        if why is None:
            authors.append(person)
        only = why in (LeftOut.NOT_SUBMITTED, LeftOut.EXCUSED)
        usual = why is None or (only and rules.without_submission == "review_only")
        if usual or ((only or why is LeftOut.MORE_TIME) and person.id in ready):
            reviewers.append(person)
            if person.id in rules.spare or not usual:
                in_reserve.add(person.id)
    return TakingPart(tuple(reviewers), tuple(authors), left_out, frozenset(in_reserve))


def _why_left_out(person: Person, snapshot: Snapshot, rules: PlanRules) -> LeftOut | None:
    work = snapshot.work_by_author.get(person.id)
    if person.test_student:
        return LeftOut.TEST_STUDENT
    if not person.reachable:
        return LeftOut.LEFT_COURSE
    if person.id in rules.excluded:
        return LeftOut.EXCLUDED
    if work is None:
        return LeftOut.NOT_ASSIGNED
    if work.submitted:
        return None
    return LeftOut.EXCUSED if work.excused else LeftOut.NOT_SUBMITTED
