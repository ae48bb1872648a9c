"""From a snapshot and the instructor's rules to what the engine takes: roster and rules.

Group assignments: Canvas keeps one submission row per member, the engine one submission per group
(``works``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from allocation import Pair, Roster, Rules, Submission
from allocation.rules import Groups, Reciprocal
from lti_tool.planning.engine_people import (
    known,
    levels,
    owed_by,
    participants,
    reserve_of,
    shares,
    with_holes,
)
from lti_tool.planning.extras import Reserve
from lti_tool.planning.history import (
    History,
    RosterPairs,
    earlier_pairs,
    engine_history,
    history_of,
    pairs_of,
)
from lti_tool.planning.ids import GroupId, SubmissionId, UserId
from lti_tool.planning.plan import ChangeReason
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Person, Review, Snapshot
from lti_tool.planning.taking_part import LeftOut, TakingPart, taking_part
from lti_tool.planning.works import groups_by_member, standing_rows

_ENGINE_GROUPS: Final[Mapping[str, Groups]] = {"barred": "different", "only": "same", "allowed": "any"}
_ENGINE_MUTUAL: Final[Mapping[str, Reciprocal]] = {"avoid": "avoid", "forbid": "forbid", "allowed": "any"}
_REVIEWER_DROPPED = {
    LeftOut.EXCLUDED: ChangeReason.REVIEWER_EXCLUDED,
    LeftOut.NOT_ASSIGNED: ChangeReason.REVIEWER_NOT_ASSIGNED,
    LeftOut.EXCUSED: ChangeReason.REVIEWER_NOT_SUBMITTED,
    LeftOut.NOT_SUBMITTED: ChangeReason.REVIEWER_NOT_SUBMITTED,
    LeftOut.MORE_TIME: ChangeReason.REVIEWER_NOT_SUBMITTED,
}
_AUTHOR_DROPPED = {
    LeftOut.EXCLUDED: ChangeReason.AUTHOR_EXCLUDED,
    LeftOut.NOT_ASSIGNED: ChangeReason.AUTHOR_NOT_ASSIGNED,
    LeftOut.EXCUSED: ChangeReason.AUTHOR_NOT_SUBMITTED,
    LeftOut.NOT_SUBMITTED: ChangeReason.AUTHOR_NOT_SUBMITTED,
    LeftOut.MORE_TIME: ChangeReason.AUTHOR_NOT_SUBMITTED,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What an existing review is for the plan, before any allocation.

    ``fixed``: stays whatever happens, and counts. ``stuck``: should go, but Canvas refuses. ``unfit``:
    should go, and can. None of these: an open review that fits the rules.
    """

    fixed: ChangeReason | None = None
    stuck: ChangeReason | None = None
    unfit: ChangeReason | None = None

    @property
    def fits(self) -> bool:
        """An open review that the rules allow and a plan may keep or move."""
        return self.fixed is None and self.stuck is None and self.unfit is None


@dataclass(frozen=True)
class EngineInput:
    """Everything that one allocation needs, and what is needed to read its answer."""

    roster: Roster
    rules: Rules
    taking_part: TakingPart
    work_for_row: Mapping[SubmissionId, SubmissionId]
    """Each submission row -> the row that stands for its work (itself unless a group handed in)."""
    standings: Sequence[tuple[Review, Standing]]
    """Existing reviews with their standing, one review per pair."""
    duplicates: Sequence[Review]
    """Further rows of a pair that exists more than once."""
    author_of: Mapping[SubmissionId, UserId]
    reserve: Reserve
    """Who may give extra reviews, and how many reviews each work is to have."""
    extras: frozenset[Pair]
    """Pairs beside the ordinary ones of ``rules``, in place of reviews that will not come."""
    extras_before: frozenset[Pair]
    """Those of them that exist already."""
    existing: frozenset[Pair]
    """The pairs to stay close to, without those that are wished for because they were so earlier."""
    fixed: frozenset[Pair]
    forbidden: frozenset[Pair]
    """Pairs that the instructor named as those that must be, and must not."""
    history: History


def engine_input(
    snapshot: Snapshot, rules: PlanRules, near: AbstractSet[tuple[UserId, UserId]] | None = None
) -> EngineInput:
    """Build the engine's roster and rules, and judge every review that exists.

    ``near`` are pairs (reviewer, author) to stay close to, in place of the reviews that exist.

    Raises:
        allocation.RosterError, allocation.RulesError: the snapshot contradicts itself.
    """
    part = taking_part(snapshot, rules)
    groups = groups_by_member(snapshot, rules.group_set)
    work_for_row = standing_rows(snapshot, groups)
    single, duplicates = _split_duplicates(snapshot.reviews, work_for_row)
    judge = _Judge(snapshot, rules, part, groups, work_for_row)
    standings = [(review, judge.standing(review)) for review in single]
    submissions = _submissions(snapshot, part, work_for_row)
    kept, outside = _fixed_pairs(standings, submissions, work_for_row)
    stuck = Counter[str](review.assessor for review, standing in standings if standing.stuck is not None)
    missed = judge.missed({work.id for work in submissions})
    outside.update(reviewer for reviewer, _ in missed)
    owed = owed_by(rules, part, outside, stuck)
    author_of = {work.id: work.author for work in snapshot.works}
    works = {work.id: work.authors for work in submissions}
    pairs = RosterPairs(author_of, known(part, kept), works, work_for_row)
    history = history_of(snapshot, rules, pairs)
    forbidden, fixed = (pairs.of(pair.who for pair in some) for some in (rules.forbidden, rules.fixed))
    existing = (
        frozenset(
            Pair(review.assessor, work_for_row[review.submission])
            for review, standing in standings
            if standing.fits and rules.existing == "keep"
        )
        if near is None
        else pairs.of(near) - missed
    )
    gone = sum(
        standing.stuck is ChangeReason.REVIEWER_LEFT and work_for_row.get(review.submission) in works
        for review, standing in standings
    )
    reserve = reserve_of(rules, part, gone, works, missed, owed, outside + stuck)
    extras = reserve.beyond(kept, existing)
    reserve = replace(reserve, kept=extras)
    kept = [pair for pair in kept if pair not in extras]
    roster = Roster(participants(snapshot, rules, part, groups, kept, owed), submissions)
    again = history.same - forbidden if near is None else history.same & existing
    wished = again - missed - extras if rules.same_pairs == "wish" else frozenset()
    required = fixed if rules.same_pairs == "wish" else fixed | (again - missed - extras)
    receives = None
    if missed:
        roster, receives = with_holes(roster, rules, missed, required.union(kept))
    engine_rules = Rules(
        reviews_per_reviewer=rules.reviews_per_reviewer,
        sections=rules.sections,
        section_shares=shares(snapshot, rules, roster),
        co_authors=rules.co_authors if snapshot.assignment.is_group_assignment else "any",
        groups=_ENGINE_GROUPS[rules.own_group],
        reciprocal=_ENGINE_MUTUAL[rules.mutual],
        required=required,
        kept=frozenset(kept),
        existing=(existing - extras) | wished,
        receives=receives,
        **engine_history(history, rules, forbidden | missed | (extras - required)),
        **levels(rules, filling_up=2 * len(existing.union(kept)) > sum(owed.values())),
    )
    return EngineInput(
        roster,
        engine_rules,
        part,
        work_for_row,
        standings,
        duplicates,
        author_of,
        reserve,
        extras,
        extras,
        existing - extras,
        fixed,
        forbidden,
        history,
    )


def engine_pairs(given: EngineInput, pairs: Iterable[tuple[str, str]]) -> frozenset[Pair]:
    """(reviewer, author) as the engine's pairs; whoever takes no part, and own work, is left out."""
    people = {person.id for person in given.roster.participants}
    authors = {work.id: work.authors for work in given.roster.submissions}
    return RosterPairs(given.author_of, people, authors, given.work_for_row).of(pairs)


def _split_duplicates(
    reviews: Sequence[Review], work_for_row: Mapping[SubmissionId, SubmissionId]
) -> tuple[list[Review], list[Review]]:
    first: dict[tuple[UserId, SubmissionId], Review] = {}
    further = []
    for review in sorted(
        reviews, key=lambda review: (not review.completed, not review.started, len(review.id), review.id)
    ):
        pair = (review.assessor, work_for_row.get(review.submission, review.submission))
        if pair in first:
            further.append(review)
        else:
            first[pair] = review
    return list(first.values()), further


class _Judge:
    """Says what each existing review is, in the order in which Canvas's own limits come first."""

    def __init__(
        self,
        snapshot: Snapshot,
        rules: PlanRules,
        part: TakingPart,
        groups: Mapping[UserId, frozenset[GroupId]],
        work_for_row: Mapping[SubmissionId, SubmissionId],
    ) -> None:
        self.snapshot = snapshot
        self.rules = rules
        self.left_out = part.left_out
        self.reviewers = {person.id for person in part.reviewers}
        self.groups = groups
        self.work_for_row = work_for_row
        self.forbidden = self._on_rows(pair.who for pair in rules.forbidden)
        again = pairs_of(snapshot, rules.same_pairs_as) if rules.same_pairs == "fix" else ()
        named = self._on_rows(pair.who for pair in rules.fixed)
        self.fixed = named | (self._on_rows(again) - self.forbidden)
        before = earlier_pairs(snapshot, rules)
        self.never_again = self._on_rows(before if rules.repeats == "forbid" else ())
        self.never_back = self._on_rows(
            ((author, reviewer) for reviewer, author in before) if rules.returns == "forbid" else ()
        )
        written = {
            (review.assessor, work_for_row.get(review.submission, review.submission))
            for review in snapshot.reviews
            if review.written
        }
        self.not_coming = self._on_rows(pair.who for pair in rules.not_coming) - named - written

    def missed(self, works: AbstractSet[str]) -> frozenset[Pair]:
        """Pairs of people who take part that are not waited for: neither owed again, nor received."""
        return frozenset(
            Pair(reviewer, row)
            for reviewer, row in self.not_coming
            if reviewer in self.reviewers and row in works
        )

    def _on_rows(self, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, SubmissionId]]:
        works = self.snapshot.work_by_author
        return {
            (reviewer, self.work_for_row[works[UserId(author)].id])
            for reviewer, author in pairs
            if author in works
        }

    def standing(self, review: Review) -> Standing:
        reviewer = self.snapshot.people_by_id.get(review.assessor)
        author = self.snapshot.people_by_id.get(review.assessee)
        if reviewer is None or author is None:
            return Standing(fixed=ChangeReason.NOT_VISIBLE)
        if review.completed:
            return Standing(fixed=ChangeReason.COMPLETED)
        if not reviewer.reachable and not (reviewer.test_student or author.test_student):
            return Standing(stuck=ChangeReason.REVIEWER_LEFT)
        if review.started:
            return Standing(fixed=ChangeReason.STARTED)
        if reviewer.test_student or author.test_student:
            return Standing(fixed=ChangeReason.TEST_STUDENT)
        if not author.reachable:
            return Standing(stuck=ChangeReason.AUTHOR_LEFT)
        if review.submission not in self.snapshot.work_by_id:
            return Standing(stuck=ChangeReason.AUTHOR_NOT_ASSIGNED)
        row = self.work_for_row[review.submission]
        unfit = self._unfit(reviewer, author, row)
        if unfit is None and (reviewer.id, row) in self.not_coming:
            if self.rules.not_coming_reviews == "stay":
                return Standing(fixed=ChangeReason.NOT_COMING)
            unfit = ChangeReason.NOT_COMING_DELETED
        return Standing(unfit=unfit)

    def _unfit(self, reviewer: Person, author: Person, row: SubmissionId) -> ChangeReason | None:
        if reviewer.id not in self.reviewers:
            return _REVIEWER_DROPPED[self.left_out[reviewer.id]]
        if author.id in self.left_out:
            return _AUTHOR_DROPPED[self.left_out[author.id]]
        together = self.groups.get(reviewer.id, frozenset()) & self.groups.get(author.id, frozenset())
        if together and self.snapshot.assignment.is_group_assignment:
            return ChangeReason.BREAKS_GROUP_RULE
        if (reviewer.id, row) in self.fixed:
            return None
        if (reviewer.id, row) in self.forbidden:
            return ChangeReason.FORBIDDEN_PAIR
        if (reviewer.id, row) in self.never_again:
            return ChangeReason.REPEATS_EARLIER
        if (reviewer.id, row) in self.never_back:
            return ChangeReason.RETURNS_EARLIER
        if together if self.rules.own_group == "barred" else self.rules.own_group == "only" and not together:
            return ChangeReason.BREAKS_GROUP_RULE
        shared = set(reviewer.sections) & set(author.sections)
        if (self.rules.sections == "same" and not shared) or (self.rules.sections == "different" and shared):
            return ChangeReason.BREAKS_SECTION_RULE
        return None


def _submissions(
    snapshot: Snapshot, part: TakingPart, work_for_row: Mapping[SubmissionId, SubmissionId]
) -> tuple[Submission, ...]:
    authors: dict[SubmissionId, list[str]] = {}
    for person in part.authors:
        authors.setdefault(work_for_row[snapshot.work_by_author[person.id].id], []).append(person.id)
    return tuple(Submission(id=row, authors=tuple(names)) for row, names in sorted(authors.items()))


def _fixed_pairs(
    standings: Sequence[tuple[Review, Standing]],
    submissions: Sequence[Submission],
    work_for_row: Mapping[SubmissionId, SubmissionId],
) -> tuple[list[Pair], Counter[str]]:
    """Reviews that stay and count: as kept pairs where the work is in the roster, else as load given.

    A completed review of one's own group's work (Canvas allows it) stays, but counts for nothing.
    """
    authors = {submission.id: submission.authors for submission in submissions}
    kept, outside = [], Counter[str]()
    for review, standing in standings:
        if standing.fixed is None or standing.fixed is ChangeReason.NOT_COMING:
            continue
        work = work_for_row.get(review.submission, review.submission)
        if work not in authors:
            outside[review.assessor] += 1
        elif review.assessor not in authors[work]:
            kept.append(Pair(review.assessor, work))
    return kept, outside
