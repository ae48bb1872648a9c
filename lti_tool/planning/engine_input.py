"""From a snapshot and the instructor's rules to what the engine takes: roster and rules.

Group assignments: Canvas keeps one submission row per member, the engine one submission per group. The
row that stands for the group is the one that already has reviews, else the one with the smallest id.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, TypedDict

from allocation import Pair, Participant, Roster, Rules, Submission
from allocation.rules import DEFAULT_GOALS, Goal, Groups, Reciprocal, Share
from lti_tool.planning.ids import GroupId, SubmissionId, UserId
from lti_tool.planning.plan import ChangeReason
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Person, Review, Snapshot, Work
from lti_tool.planning.taking_part import LeftOut, TakingPart, taking_part

_ENGINE_GROUPS: Final[Mapping[str, Groups]] = {"barred": "different", "only": "same", "allowed": "any"}
_ENGINE_MUTUAL: Final[Mapping[str, Reciprocal]] = {"avoid": "avoid", "forbid": "forbid", "allowed": "any"}
_ENGINE_LEVELS: Final[Mapping[str, Goal]] = {
    "strong": Goal.STRONG,
    "same": Goal.SAME_LEVEL,
    "mixed": Goal.MIXED,
}
_REVIEWER_DROPPED = {
    LeftOut.EXCLUDED: ChangeReason.REVIEWER_EXCLUDED,
    LeftOut.NOT_ASSIGNED: ChangeReason.REVIEWER_NOT_ASSIGNED,
    LeftOut.EXCUSED: ChangeReason.REVIEWER_NOT_SUBMITTED,
    LeftOut.NOT_SUBMITTED: ChangeReason.REVIEWER_NOT_SUBMITTED,
}
_AUTHOR_DROPPED = {
    LeftOut.EXCLUDED: ChangeReason.AUTHOR_EXCLUDED,
    LeftOut.NOT_ASSIGNED: ChangeReason.AUTHOR_NOT_ASSIGNED,
    LeftOut.EXCUSED: ChangeReason.AUTHOR_NOT_SUBMITTED,
    LeftOut.NOT_SUBMITTED: ChangeReason.AUTHOR_NOT_SUBMITTED,
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


def engine_input(
    snapshot: Snapshot, rules: PlanRules, near: AbstractSet[tuple[UserId, UserId]] | None = None
) -> EngineInput:
    """Build the engine's roster and rules, and judge every review that exists.

    ``near`` are pairs (reviewer, author) to stay close to, in place of the reviews that exist.

    Raises:
        allocation.RosterError, allocation.RulesError: the snapshot contradicts itself.
    """
    part = taking_part(snapshot, rules)
    groups = _groups_by_member(snapshot, rules)
    work_for_row = _standing_rows(snapshot, groups)
    single, duplicates = _split_duplicates(snapshot.reviews, work_for_row)
    judge = _Judge(snapshot, rules, part, groups, work_for_row)
    standings = [(review, judge.standing(review)) for review in single]
    submissions = _submissions(snapshot, part, work_for_row)
    kept, outside = _fixed_pairs(standings, submissions, work_for_row)
    stuck = Counter[str](review.assessor for review, standing in standings if standing.stuck is not None)
    roster = Roster(_participants(snapshot, rules, part, groups, kept, outside, stuck), submissions)
    author_of = {work.id: work.author for work in snapshot.works}
    pairs = _Pairs(author_of, roster, work_for_row)
    existing = (
        frozenset(
            Pair(review.assessor, work_for_row[review.submission])
            for review, standing in standings
            if standing.fits and rules.existing == "keep"
        )
        if near is None
        else pairs.of(near)
    )
    engine_rules = Rules(
        reviews_per_reviewer=rules.reviews_per_reviewer,
        sections=rules.sections,
        section_shares=_shares(snapshot, rules, roster),
        co_authors=rules.co_authors if snapshot.assignment.is_group_assignment else "any",
        groups=_ENGINE_GROUPS[rules.own_group],
        reciprocal=_ENGINE_MUTUAL[rules.mutual],
        forbidden=pairs.of(pair.who for pair in rules.forbidden),
        required=pairs.of(pair.who for pair in rules.fixed),
        kept=frozenset(kept),
        avoid=pairs.of(earlier_pairs(snapshot, rules)),
        avoid_is="hard" if rules.repeats == "forbid" else "soft",
        existing=existing,
        **_levels(rules),
    )
    return EngineInput(roster, engine_rules, part, work_for_row, standings, duplicates, author_of)


def engine_pairs(given: EngineInput, pairs: Iterable[tuple[str, str]]) -> frozenset[Pair]:
    """(reviewer, author) as the engine's pairs; whoever takes no part, and own work, is left out."""
    return _Pairs(given.author_of, given.roster, given.work_for_row).of(pairs)


def earlier_pairs(snapshot: Snapshot, rules: PlanRules) -> set[tuple[UserId, UserId]]:
    """(reviewer, author) of the earlier assignments that the rules name, as far as they were read."""
    return {pair for found in snapshot.earlier if found.assignment in rules.earlier for pair in found.pairs}


class _Pairs:
    """From (reviewer, author) to the engine's pairs; whoever takes no part, and own work, is left out."""

    def __init__(
        self,
        author_of: Mapping[SubmissionId, UserId],
        roster: Roster,
        work_for_row: Mapping[SubmissionId, SubmissionId],
    ) -> None:
        self._people = {person.id for person in roster.participants}
        self._authors = {work.id: work.authors for work in roster.submissions}
        self._row_of = {author: work_for_row[row] for row, author in author_of.items()}

    def of(self, pairs: Iterable[tuple[str, str]]) -> frozenset[Pair]:
        """The pairs that the roster has."""
        found = set()
        for reviewer, author in pairs:
            row = self._row_of.get(UserId(author))
            authors = self._authors.get(row) if row is not None else None
            if row is not None and authors and reviewer in self._people and reviewer not in authors:
                found.add(Pair(reviewer, row))
        return frozenset(found)


def _groups_by_member(snapshot: Snapshot, rules: PlanRules) -> dict[UserId, frozenset[GroupId]]:
    wanted = None if snapshot.assignment.is_group_assignment else rules.group_set
    found: dict[UserId, set[GroupId]] = {}
    for group in snapshot.groups:
        if wanted is not None and group.set_id != wanted:
            continue
        for member in group.members:
            found.setdefault(member, set()).add(group.id)
    for work in snapshot.works:
        if work.group is not None:
            found.setdefault(work.author, set()).add(work.group)
    return {member: frozenset(ids) for member, ids in found.items()}


def _standing_rows(
    snapshot: Snapshot, groups: Mapping[UserId, frozenset[GroupId]]
) -> dict[SubmissionId, SubmissionId]:
    if not snapshot.assignment.is_group_assignment:
        return {work.id: work.id for work in snapshot.works}
    reviews_on = Counter(review.submission for review in snapshot.reviews)
    together: dict[GroupId | SubmissionId, list[Work]] = {}
    for work in snapshot.works:
        own = work.group or next(iter(sorted(groups.get(work.author, ()))), None)
        together.setdefault(own or work.id, []).append(work)
    rows: dict[SubmissionId, SubmissionId] = {}
    for works in together.values():
        stands = min(
            works, key=lambda work: (not work.submitted, -reviews_on[work.id], len(work.id), work.id)
        )
        rows |= {work.id: stands.id for work in works}
    return rows


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
        self.fixed = self._on_rows(pair.who for pair in rules.fixed)
        self.never_again = self._on_rows(earlier_pairs(snapshot, rules) if rules.repeats == "forbid" else ())

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
        if review.started:
            return Standing(fixed=ChangeReason.STARTED)
        if reviewer.test_student or author.test_student:
            return Standing(fixed=ChangeReason.TEST_STUDENT)
        if not reviewer.reachable:
            return Standing(stuck=ChangeReason.REVIEWER_LEFT)
        if not author.reachable:
            return Standing(stuck=ChangeReason.AUTHOR_LEFT)
        if review.submission not in self.snapshot.work_by_id:
            return Standing(stuck=ChangeReason.AUTHOR_NOT_ASSIGNED)
        return Standing(unfit=self._unfit(reviewer, author, self.work_for_row[review.submission]))

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
        if standing.fixed is None:
            continue
        work = work_for_row.get(review.submission, review.submission)
        if work not in authors:
            outside[review.assessor] += 1
        elif review.assessor not in authors[work]:
            kept.append(Pair(review.assessor, work))
    return kept, outside


def _participants(
    snapshot: Snapshot,
    rules: PlanRules,
    part: TakingPart,
    groups: Mapping[UserId, frozenset[GroupId]],
    kept: Sequence[Pair],
    outside: Mapping[str, int],
    stuck: Mapping[str, int],
) -> tuple[Participant, ...]:
    """Reviewers with what they still owe, and whoever only stands behind a review that stays.

    Reviews of authors who have left stay on the reviewer's list, since Canvas refuses to delete them. They
    count for nothing, but nobody's list shall grow above ``rules.most`` by them.

    Ordinary reviewers have no quota of their own, so that "fewer reviews each" can be tried as a way out.
    """
    names = _section_names(snapshot)
    own_numbers, ability = rules.gives, abilities(snapshot, rules)
    done = Counter(pair.reviewer for pair in kept)
    reviewing = {person.id for person in part.reviewers}
    ids = reviewing | {person.id for person in part.authors} | set(done)
    participants = []
    for user in sorted(ids):
        person = snapshot.people_by_id.get(UserId(user))
        wanted = own_numbers.get(user, rules.reviews_per_reviewer)
        room = max(wanted, rules.most or rules.reviews_per_reviewer + 1) - stuck.get(user, 0)
        owes = max(0, min(wanted - outside.get(user, 0), room)) if user in reviewing else 0
        usual = user in reviewing and user not in own_numbers
        ordinary = usual and owes == wanted and done[user] <= wanted
        participants.append(
            Participant(
                id=user,
                sections=frozenset(names[section] for section in person.sections) if person else frozenset(),
                groups=groups.get(UserId(user), frozenset()),
                gives=None if ordinary else max(owes, done[user]),
                ability=ability.get(UserId(user)),
            )
        )
    return tuple(participants)


class _LevelRules(TypedDict, total=False):
    strong_at: float
    goals: tuple[Goal, ...]


def _levels(rules: PlanRules) -> _LevelRules:
    if rules.levels == "off":
        return {}
    wanted = _ENGINE_LEVELS[rules.levels]
    goals = tuple(wanted if goal is Goal.STRONG else goal for goal in DEFAULT_GOALS)
    return {"strong_at": 1 - rules.strong_share / 100, "goals": goals}


def abilities(snapshot: Snapshot, rules: PlanRules) -> dict[UserId, float]:
    """0 (weakest) to 1 for everybody with points: the share of the others who do not have more."""
    if rules.levels == "off":
        return {}
    points = dict(
        next((found.points for found in snapshot.scores if found.assignment == rules.levels_from), ())
    )
    order = sorted(points.values())
    most = max(1, len(order) - 1)
    return {user: (bisect_right(order, value) - 1) / most for user, value in points.items()}


def _shares(snapshot: Snapshot, rules: PlanRules, roster: Roster) -> frozenset[Share] | None:
    """The matrix of shares by the sections' names; sections in which nobody takes part are left out."""
    names = _section_names(snapshot)
    inhabited = {section for person in roster.participants for section in person.sections}
    shares = {
        Share(names[share.reviewers], names[share.authors], share.reviews)
        for share in rules.section_shares
        if {names.get(share.reviewers), names.get(share.authors)} <= inhabited
    }
    return frozenset(shares) or None


def _section_names(snapshot: Snapshot) -> dict[str, str]:
    """What reasons call each section: its name, with the id where two share one, or the id alone."""
    uses = Counter(section.name for section in snapshot.sections)
    names: dict[str, str] = {
        section.id: section.name if uses[section.name] == 1 else f"{section.name} ({section.id})"
        for section in snapshot.sections
    }
    for person in snapshot.people:
        for section in person.sections:
            names.setdefault(section, section)
    return names
