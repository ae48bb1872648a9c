"""Extra reviews: where some will not come, who gives others in their place; pure.

The ordinary allocation is made first, as if the reviews that will not come were neither owed again by their
reviewers nor missed by their authors. Then each work that has fewer reviews than agreed gets extra ones: what
exists already stays, spare reviewers come first, then volunteers, everybody's first extra review before
anybody's second. It is a maximum matching of works' missing reviews to people's room, made by augmenting
paths: as many holes are filled as can be, and nobody who was given something gives way to a later one.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from allocation import BrokenRule, Pair, Roster, Rules, verify


@dataclass(frozen=True, slots=True)
class Helper:
    """Somebody who may give extra reviews: at most ``room`` of them. ``spare`` ones are asked first."""

    user: str
    room: int
    spare: bool


@dataclass(frozen=True)
class Reserve:
    """Who can help, and how many reviews each work is to have.

    ``owes`` is what each helper gives anyway; ``low`` the fewest reviews that the ordinary allocation leaves
    a work; ``kept`` are extra reviews that stay whatever happens (completed, begun).
    """

    helpers: tuple[Helper, ...] = ()
    agreed: int = 0
    owes: Mapping[str, int] = field(default_factory=dict)
    low: Mapping[str, int] = field(default_factory=dict)
    kept: frozenset[Pair] = frozenset()

    def beyond(self, pairs: Iterable[Pair], beside: Iterable[Pair] = ()) -> frozenset[Pair]:
        """Of these pairs the extra ones: what helpers give beyond what they owe, at most as they may.

        Which of somebody's reviews count as extra is settled so that the rest, with the pairs ``beside``,
        leaves each work its fewest.
        """
        if not self.helpers:
            return frozenset()
        given: dict[str, list[str]] = defaultdict(list)
        chosen = sorted(pairs)
        for pair in chosen:
            given[pair.reviewer].append(pair.submission)
        load = Counter(pair.submission for pair in {*chosen, *beside})
        surplus = {
            helper.user: min(helper.room, len(given[helper.user]) - self.owes.get(helper.user, 0))
            for helper in self.helpers
        }
        surplus = {user: number for user, number in surplus.items() if number > 0}
        above = {work: load[work] - self.low.get(work, 0) for work in load}
        matching = _Matching({user: given[user] for user in surplus}, above)
        matching.fill(surplus, list(surplus))
        for user, number in surplus.items():
            fullest = sorted(set(given[user]) - matching.taken[user], key=lambda work: (-above[work], work))
            matching.taken[user].update(fullest[: number - len(matching.taken[user])])
        return frozenset(Pair(user, work) for user in surplus for work in matching.taken[user])

    def fill(
        self, roster: Roster, rules: Rules, pairs: Collection[Pair], before: frozenset[Pair], seed: str
    ) -> frozenset[Pair]:
        """The extra pairs beside the ordinary ``pairs``; those of ``before`` stay where they are needed."""
        coming = Counter(pair.submission for pair in pairs)
        coming.update(pair.submission for pair in self.kept)
        missing = {work.id: max(0, self.agreed - coming[work.id]) for work in roster.submissions}
        room = Counter({helper.user: helper.room for helper in self.helpers})
        room.subtract(pair.reviewer for pair in self.kept)
        short = [work for work, number in missing.items() if number]
        if not short or not self.helpers:
            return self.kept
        may = _Allowed(roster, rules, [*pairs, *self.kept], [helper.user for helper in self.helpers])
        order = sorted(self.helpers, key=lambda one: (not one.spare, _lot(seed, one.user)))
        choices = {
            one.user: sorted(filter(may.judge(one.user), short), key=lambda work: _lot(seed, one.user, work))
            for one in order
            if room[one.user] > 0
        }
        matching = _Matching(choices, missing)
        for user, work in sorted(before - self.kept):
            if work in choices.get(user, ()) and len(matching.taken[user]) < room[user]:
                matching.take(user, work)
        for spare in (True, False):
            matching.fill(room, [one.user for one in order if one.spare is spare and one.user in choices])
        return self.kept | {Pair(user, work) for user, works in matching.taken.items() for work in works}


class _Matching:
    """People and works, each with room for so many; grows along augmenting paths."""

    def __init__(self, choices: Mapping[str, Sequence[str]], room: Mapping[str, int]) -> None:
        self.choices = choices
        self.left = dict(room)
        self.taken: dict[str, set[str]] = {user: set() for user in choices}
        self._takers: dict[str, set[str]] = defaultdict(set)

    def take(self, user: str, work: str) -> None:
        """Take it, if the work has room."""
        if self.left[work] > 0:
            self.left[work] -= 1
            self.taken[user].add(work)
            self._takers[work].add(user)

    def fill(self, most: Mapping[str, int], order: Sequence[str]) -> None:
        """Give everybody a first one, then a second, as far as ``most`` and the works allow."""
        waiting = [user for user in order if len(self.taken[user]) < most[user]]
        number = 0
        while waiting:
            number += 1
            for user in waiting:
                if len(self.taken[user]) < number and not self._augment(user):
                    most = {**most, user: len(self.taken[user])}  # never again: nothing was freed meanwhile
            waiting = [user for user in waiting if number < most[user]]

    def _augment(self, start: str) -> bool:
        found: dict[str, str] = {}
        gave: dict[str, str] = {start: ""}
        queue = deque([start])
        while queue:
            user = queue.popleft()
            for work in self.choices[user]:
                if work in found or work in self.taken[user]:
                    continue
                found[work] = user
                if self.left[work] > 0:
                    self.left[work] -= 1
                    self._shift(work, found, gave)
                    return True
                for other in sorted(self._takers[work] - gave.keys()):
                    gave[other] = work
                    queue.append(other)
        return False

    def _shift(self, work: str, found: Mapping[str, str], gave: Mapping[str, str]) -> None:
        while work:
            user = found[work]
            self.taken[user].add(work)
            self._takers[work].add(user)
            work = gave[user]
            if work:
                self.taken[user].discard(work)
                self._takers[work].discard(user)


class _Allowed:
    """Which works somebody may be given beside the pairs that there are, by every rule about pairs."""

    def __init__(self, roster: Roster, rules: Rules, pairs: Sequence[Pair], helpers: Sequence[str]) -> None:
        self._people = {one.id: one for one in roster.participants}
        self._works = {one.id: one for one in roster.submissions}
        self._rules = rules
        self._pairs = set(pairs)
        self._helpers = set(helpers)
        self._own = {author for work in roster.submissions for author in work.authors}
        self._teams = {one for work in roster.submissions if len(work.authors) > 1 for one in work.authors}
        self._reviewers_of: dict[str, set[str]] = defaultdict(set)
        for pair in pairs:
            for author in self._works[pair.submission].authors if pair.submission in self._works else ():
                self._reviewers_of[author].add(pair.reviewer)

    def judge(self, user: str) -> Callable[[str], bool]:
        """Whether this person may review a work."""
        person, rules = self._people.get(user), self._rules
        if person is None or (rules.co_authors != "any" and user in self._teams):
            return lambda _work: False
        named = {share.authors for share in rules.section_shares or () if share.reviewers in person.sections}

        def may(work: str) -> bool:
            authors = [self._people[author] for author in self._works[work].authors]
            ids = {author.id for author in authors}
            sections = {section for author in authors for section in author.sections}
            groups = {group for author in authors for group in author.groups}
            pair = Pair(user, work)
            return not (
                user in ids
                or pair in self._pairs
                or pair in rules.forbidden
                or (rules.avoid_is == "hard" and pair in rules.avoid)
                or (rules.sections == "same" and not sections & person.sections)
                or (rules.sections == "different" and sections & person.sections)
                or (rules.groups == "different" and groups & person.groups)
                or (rules.groups == "same" and not groups & person.groups)
                or named & sections
                or (rules.reciprocal == "forbid" and self._mutual(user, ids))
            )

        return may

    def _mutual(self, user: str, authors: set[str]) -> bool:
        """Whether an author reviews this person, or might be asked to: of two helpers only one may."""
        if self._reviewers_of[user] & authors:
            return True
        return user in self._own and any(user > author for author in authors & self._helpers)


def broken_beyond_numbers(
    roster: Roster, rules: Rules, pairs: Iterable[Pair], reserve: Reserve
) -> tuple[BrokenRule, ...]:
    """What is wrong with ordinary and extra pairs together, by the engine's independent check.

    Only a helper may give more than agreed, and no work gets more than agreed by an extra review.
    """
    every = sorted(set(pairs) - reserve.kept)
    found = verify(roster, rules, every)
    given = Counter(pair.reviewer for pair in every)
    room = {one.user: reserve.owes.get(one.user, 0) + one.room for one in reserve.helpers}
    return tuple(
        one
        for one in found
        if one.code != "receives"
        and not (one.code == "gives" and given[one.reviewer] <= room.get(one.reviewer, -1))
    )


def _lot(*words: str) -> bytes:
    return sha256("\x1f".join(words).encode()).digest()
