"""Roster and rules as numbers: the form in which the strategies see an allocation.

People and works are numbered in the order of their ids, so that nothing depends on the order of the input.
The n * n table of who may review
what is never made. Works fall into *buckets* (works whose authors have the same sections), people into
*kinds* (people with the same
sections); the section rule is a relation between kinds and buckets. What goes beyond it (own work, group
mates, forbidden pairs) is in one
short set of blocked works for each person. Size and time: people + works + blocked pairs + kinds * buckets.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from allocation.check import FIXED, check_pairs, check_sections
from allocation.pools import ByNumber, MadeList, Parts, make_pools, pools_by_section
from allocation.roster import Roster
from allocation.rules import PAIRS, Pair, Rules
from allocation.seats import Key, Kind, check_seats, matrix, seat, target_of

BIG_GROUP = 32
"""Groups with more works than this make buckets of their own instead of blocked pairs (their number is a
square)."""


MANY_KINDS = 64
"""Beyond so many kinds of people in several sections, what each reaches is made only when asked for."""

NO_KEY: Key = (frozenset(), frozenset())


@dataclass(slots=True)
class Problem:
    """A compiled allocation problem; r numbers people, s works, b buckets. Not changed after
    `compile_problem`.

    ``pool[r]`` lists works among which everything is that r may review; a work of it is allowed when it is
    not in ``blocked[r]`` and
    its bucket is in ``fits[r]`` (None: every bucket of the pool is). ``explicit[r]`` is a list
    to search instead of buckets, where r is barred from more than half of his pool or reaches many buckets.
    ``listed_bits[r]`` has the bit 2 ** s for each work s of a long list ``explicit[r]`` that is not blocked.
    ``choices[kind]`` is the number of works in the buckets that a kind reaches, or a little more. Where most
    people have works of their own to choose from, ``parts[r]`` are the lists that make up ``pool[r]``, which
    is made only when it is asked for, like ``reach_set``; then everybody is searched for by his list.

    r is a seat (`seats`): mostly a person. ``members`` are the people of each seat, None where every person
    is a seat; ``alike[r]`` the seats of the same people, r among them, None where everybody has one;
    ``mates[r]`` the seats of co-authors who must not review the same work, None without that rule.
    ``existing`` and ``avoid`` tell for how many people a pair stands. ``strong`` are the seats and ``level``
    the works of strong people.
    """

    people: list[str]
    works: list[str]
    authors: list[tuple[int, ...]]
    own: list[list[int]]
    gives: list[int]
    low: list[int]
    high: list[int]
    bucket_of: list[int]
    buckets: list[list[int]]
    kind_of: list[int]
    reach_set: Sequence[frozenset[int]]
    choices: list[int]
    pool: ByNumber[list[int]]
    fits: ByNumber[frozenset[int] | None]
    blocked: list[set[int]]
    explicit: dict[int, list[int]]
    locked: list[tuple[int, int]]
    existing: dict[tuple[int, int], int]
    avoid: dict[tuple[int, int], int]
    strong: list[bool] | None
    level: list[bool] | None = None
    members: list[tuple[str, ...]] | None = None
    alike: list[tuple[int, ...]] | None = None
    mates: list[tuple[int, ...]] | None = None
    listed_bits: dict[int, int] = field(default_factory=dict)
    parts: Parts | None = None
    _reach: dict[int, list[int]] = field(default_factory=dict)

    def reach(self, kind: int) -> list[int]:
        """The buckets of `reach_set` in order."""
        if kind not in self._reach:
            self._reach[kind] = sorted(self.reach_set[kind])
        return self._reach[kind]

    def listed(self, r: int) -> list[int] | None:
        """The list to search for r instead of buckets, if he has one."""
        return self.pool[r] if self.parts is not None else self.explicit.get(r)

    def allowed(self, r: int, s: int) -> bool:
        """May r review s? (Required and kept pairs aside, which are settled beforehand.)"""
        return s not in self.blocked[r] and self.bucket_of[s] in self.reach_set[self.kind_of[r]]

    def pairs(self, r: int, s: int) -> list[Pair]:
        """What a seat and a work stand for."""
        names = (self.people[r],) if self.members is None else self.members[r]
        return [Pair(name, self.works[s]) for name in names]

    def names(self, r: int) -> tuple[str, ...]:
        """Who sits there."""
        return (self.people[r],) if self.members is None else self.members[r]

    def heads(self, seats: Iterable[int]) -> int:
        """How many people sit there."""
        return len({name for r in seats for name in self.names(r)})

    def holder(self, r: int, s: int, out: list[set[int]]) -> int:
        """The seat of a co-author who reviews s, so that r may not; -1 without one."""
        if self.mates is not None:
            for x in self.mates[r]:
                if s in out[x]:
                    return x
        return -1


def compile_problem(roster: Roster, rules: Rules) -> Problem:
    """Number everything and work out quotas, buckets and blocked pairs.

    Raises
    ------
    RulesError
        The rules name something that the roster does not have.
    """
    check_pairs(roster, rules, FIXED)
    check_sections(roster, rules)
    check_seats(roster, rules)
    try:
        return _compiled(roster, rules)
    except (KeyError, TypeError, ValueError):
        check_pairs(roster, rules, PAIRS)
        raise


def _compiled(roster: Roster, rules: Rules) -> Problem:
    """`compile_problem` but for the check of the many pairs, which are looked at only once: each must name
    somebody and something that is there."""
    participants = sorted(roster.participants, key=attrgetter("id"))
    submissions = sorted(roster.submissions, key=attrgetter("id"))
    number_work = {one.id: s for s, one in enumerate(submissions)}
    seating = seat(roster, rules, participants)
    place, people_of = seating.place, seating.people
    number = {one.id: i for i, one in enumerate(participants)}
    writers = [
        (number[one.authors[0]],) if len(one.authors) == 1 else tuple(sorted(number[a] for a in one.authors))
        for one in submissions
    ]
    authors = writers if people_of is None else [seating.authors(some) for some in writers]
    own: list[list[int]] = [[] for _ in seating.gives]
    for s, some in enumerate(authors):
        for r in some:
            own[r].append(s)

    def numbered(pairs: Iterable[tuple[str, str]]) -> dict[tuple[int, int], int]:
        in_order = sorted((number[r], number_work[s]) for r, s in pairs)
        if people_of is None:
            return dict.fromkeys(in_order, 1)
        return Counter((place(one, sections_of[s]), s) for one, s in in_order)

    sections = [one.sections for one in participants]
    groups = [one.groups for one in participants]
    none: frozenset[str] = frozenset()
    use_sections = rules.sections != "any" or rules.section_pairs is not None or bool(rules.section_shares)
    if use_sections:
        sections_of = [
            sections[some[0]] if len(some) == 1 else none.union(*(sections[a] for a in some))
            for some in writers
        ]
    else:
        sections_of = [none] * len(writers)
    locked = sorted(numbered(rules.required | rules.kept))
    mates = seating.mates(roster, number) if rules.co_authors == "different" else None
    gives, low, high = _quotas(roster, rules, seating.gives, number_work, locked)
    blocked: list[set[int]] = [set(mine) for mine in own]
    for pairs in (rules.forbidden, rules.avoid if rules.avoid_is == "hard" else ()):
        if people_of is None:
            for reviewer, work in pairs:
                blocked[number[reviewer]].add(number_work[work])
        else:
            for reviewer, work in pairs:
                s = number_work[work]
                blocked[place(number[reviewer], sections_of[s])].add(s)
    for r, s in locked if mates is not None else ():
        for x in mates[r] if mates is not None else ():
            blocked[x].add(s)
    keyed = _block_small_groups(rules, groups, writers, blocked, people_of)
    looked_at = use_sections or bool(keyed)
    own_keys = [
        (sections[i] if use_sections else none, groups[i] & keyed) if looked_at else NO_KEY
        for i in range(len(participants))
    ]
    kinds: dict[Kind, int] = {}
    if looked_at or people_of is not None:
        kind_of = [kinds.setdefault(kind, len(kinds)) for kind in seating.kinds(own_keys)]
    else:
        kinds, kind_of = {((NO_KEY,), "", ""): 0}, [0] * len(participants)
    bucket_keys: dict[Key, int] = {}
    bucket_of = []
    for some, theirs in zip(writers, sections_of, strict=True):
        key = (theirs, none.union(*(groups[a] & keyed for a in some)) if keyed else none)
        bucket_of.append(bucket_keys.setdefault(key, len(bucket_keys)))
    buckets: list[list[int]] = [[] for _ in bucket_keys]
    for s, b in enumerate(bucket_of):
        buckets[b].append(s)
    reach_set = _reach(rules, kinds, bucket_keys)
    several = sum(len(keys[0][0]) > 1 for keys, _, _ in kinds)
    if people_of is None and not keyed and _only_same_section(rules) and several > MANY_KINDS:
        pools = pools_by_section(sections, sections_of, kind_of, len(kinds))
    else:
        reach_set = list(reach_set)
        pools = make_pools(kind_of, reach_set, buckets, bucket_of, blocked)
    strong = level = None
    if rules.strong_at is not None:
        at = rules.strong_at
        able = [one.ability is not None and one.ability >= at for one in participants]
        strong = able if people_of is None else [any(able[i] for i in some) for some in people_of]
        level = [any(able[i] for i in some) for some in writers]
    ids = [one.id for one in participants]
    problem = Problem(
        people=ids if people_of is None else [ids[some[0]] for some in people_of],
        works=[one.id for one in submissions], authors=authors, own=own,
        gives=gives, low=low, high=high, bucket_of=bucket_of, buckets=buckets, kind_of=kind_of,
        reach_set=reach_set, choices=pools.choices, pool=pools.pool, fits=pools.fits, blocked=blocked,
        explicit=pools.explicit, listed_bits=pools.listed_bits, parts=pools.parts,
        locked=locked, existing={}, avoid=numbered(rules.avoid) if rules.avoid_is == "soft" else {},
        strong=strong,
        level=level,
        mates=mates, alike=seating.alike(),
        members=None if people_of is None else [tuple(ids[i] for i in some) for some in people_of],
    )  # fmt: skip
    fixed = set(locked)
    there = [(one, work) for one, work in rules.existing if one in number and work in number_work]
    problem.existing = {
        pair: people for pair, people in numbered(there).items() if problem.allowed(*pair) or pair in fixed
    }
    return problem


def with_quotas(problem: Problem, roster: Roster, rules: Rules) -> Problem:
    """The problem for rules that differ only in how many reviews people give and works get."""
    number_work = {one: s for s, one in enumerate(problem.works)}
    wanted = seat(roster, rules, sorted(roster.participants, key=lambda one: one.id)).gives
    gives, low, high = _quotas(roster, rules, wanted, number_work, problem.locked)
    return replace(problem, gives=gives, low=low, high=high)


def _quotas(
    roster: Roster,
    rules: Rules,
    gives: list[int],
    number_work: dict[str, int],
    locked: list[tuple[int, int]],
) -> tuple[list[int], list[int], list[int]]:
    """Reviews that each seat gives, and fewest and most that each work gets; fixed pairs raise what they
    exceed."""
    fixed_by = [0] * len(gives)
    fixed_on = [0] * len(number_work)
    for r, s in locked:
        fixed_by[r] += 1
        fixed_on[s] += 1
    gives = [max(wanted, fixed) for wanted, fixed in zip(gives, fixed_by, strict=True)]
    floor, rest = divmod(sum(gives), len(number_work))
    default = rules.receives or (floor, floor + (1 if rest else 0))
    low = [0] * len(number_work)
    high = [0] * len(number_work)
    for work in roster.submissions:
        s = number_work[work.id]
        low[s], high[s] = default if work.receives is None else work.receives
        high[s] = max(high[s], fixed_on[s])
    return gives, low, high


def _block_small_groups(
    rules: Rules, groups: list[frozenset[str]], writers: list[tuple[int, ...]], blocked: list[set[int]],
    people_of: list[tuple[int, ...]] | None,
) -> frozenset[str]:  # fmt: skip
    """Block the works of group mates; returns the groups that the buckets must tell apart instead."""
    if rules.groups == "any":
        return frozenset()
    works_of: dict[str, list[int]] = defaultdict(list)
    for s, some in enumerate(writers):
        for group in {group for a in some for group in groups[a]}:
            works_of[group].append(s)
    if rules.groups == "same":
        return frozenset(works_of)
    big = frozenset(group for group, works in works_of.items() if len(works) > BIG_GROUP)
    for r in range(len(blocked)):
        for i in (r,) if people_of is None else people_of[r]:
            for group in groups[i]:
                if group not in big and group in works_of:
                    blocked[r].update(works_of[group])
    return big


def _only_same_section(rules: Rules) -> bool:
    return rules.sections == "same" and rules.section_pairs is None and not rules.section_shares


def _reach(rules: Rules, kinds: dict[Kind, int], buckets: dict[Key, int]) -> Sequence[frozenset[int]]:
    """For each kind the buckets that section and (big) group rules leave it."""
    by_section: dict[str, list[int]] = defaultdict(list)
    by_group: dict[str, list[int]] = defaultdict(list)
    for (bucket_sections, bucket_groups), b in buckets.items():
        for section in bucket_sections:
            by_section[section].append(b)
        for group in bucket_groups:
            by_group[group].append(b)
    may_review: dict[str, set[str]] = defaultdict(set)
    for giver, taker in rules.section_pairs or ():
        may_review[giver].add(taker)
    everything = frozenset(buckets.values())

    def touching(index: dict[str, list[int]], labels: Iterable[str]) -> frozenset[int]:
        return frozenset[int]().union(*(index[label] for label in labels if label in index))

    def reached_by(kind_sections: frozenset[str], kind_groups: frozenset[str]) -> frozenset[int]:
        left = everything
        if rules.sections == "same":
            left = touching(by_section, kind_sections)
        elif rules.sections == "different":
            left -= touching(by_section, kind_sections)
        if rules.section_pairs is not None:
            left &= touching(by_section, {taker for giver in kind_sections for taker in may_review[giver]})
        if rules.groups == "same":
            left &= touching(by_group, kind_groups)
        elif rules.groups == "different" and kind_groups:
            left -= touching(by_group, kind_groups)
        return left

    rows = matrix(rules)
    all_kinds = list(kinds)

    def reached(kind: int) -> frozenset[int]:
        keys, home, target = all_kinds[kind]
        left = reached_by(*keys[0])
        for key in keys[1:]:
            left &= reached_by(*key)
        if home:
            left = frozenset(
                b
                for (theirs, _), b in buckets.items()
                if b in left and target_of(theirs, rows[home]) == target
            )
        return left

    return MadeList(len(all_kinds), reached)
