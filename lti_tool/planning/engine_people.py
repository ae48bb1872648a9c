"""Who gives how many reviews, as the engine takes it: quotas, levels, shares, and who may help out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final, TypedDict

from allocation import Pair, Participant, Roster
from allocation.rules import DEFAULT_GOALS, Goal, Share
from lti_tool.planning.extras import Helper, Reserve
from lti_tool.planning.ids import GroupId, UserId
from lti_tool.planning.levels import abilities
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.taking_part import TakingPart

_ENGINE_LEVELS: Final[Mapping[str, Goal]] = {
    "strong": Goal.STRONG,
    "same": Goal.SAME_LEVEL,
    "mixed": Goal.MIXED,
}
MOST_EXTRA: Final = 1000
"""No limit of the rules."""


def known(part: TakingPart, kept: Iterable[Pair]) -> set[str]:
    """Whoever reviews, is reviewed, or stands behind a review that stays."""
    return {person.id for person in (*part.reviewers, *part.authors)} | {pair.reviewer for pair in kept}


def owed_by(
    rules: PlanRules,
    part: TakingPart,
    outside: Mapping[str, int],
    stuck: Mapping[str, int],
) -> dict[str, int]:
    """What each reviewer is still to give, beside what she gives to works that nobody allocates.

    Reviews of authors who have left stay on the reviewer's list, since Canvas refuses to delete them. They
    count for nothing, but nobody's list shall grow above ``rules.most`` by them.
    """
    own_numbers = rules.gives
    owed: dict[str, int] = {}
    for person in part.reviewers:
        usual = own_numbers.get(person.id, rules.reviews_per_reviewer)
        wanted = 0 if person.id in part.in_reserve else usual
        room = max(wanted, rules.most or rules.reviews_per_reviewer + 1) - stuck.get(person.id, 0)
        owed[person.id] = max(0, min(wanted, room) - outside.get(person.id, 0))
    return owed


def participants(
    snapshot: Snapshot,
    rules: PlanRules,
    part: TakingPart,
    groups: Mapping[UserId, frozenset[GroupId]],
    kept: Sequence[Pair],
    owed: Mapping[str, int],
) -> tuple[Participant, ...]:
    """Reviewers with what they still owe, and whoever only stands behind a review that stays.

    Ordinary reviewers have no quota of their own, so that "fewer reviews each" can be tried as a way out.
    """
    names = _section_names(snapshot)
    own_numbers, ability = rules.gives, abilities(snapshot, rules)
    done = Counter(pair.reviewer for pair in kept)
    each = rules.reviews_per_reviewer
    found = []
    for user in sorted(known(part, kept)):
        person = snapshot.people_by_id.get(UserId(user))
        owes = owed.get(user, 0)
        usual = user in owed and user not in own_numbers and user not in part.in_reserve
        ordinary = usual and owes == each and done[user] <= each
        found.append(
            Participant(
                id=user,
                sections=frozenset(names[section] for section in person.sections) if person else frozenset(),
                groups=groups.get(UserId(user), frozenset()),
                gives=None if ordinary else max(owes, done[user]),
                ability=ability.get(UserId(user)),
            )
        )
    return tuple(found)


def reserve_of(
    rules: PlanRules,
    part: TakingPart,
    gone: int,
    works: Mapping[str, tuple[str, ...]],
    missed: frozenset[Pair],
    owed: Mapping[str, int],
    held: Mapping[str, int],
) -> Reserve:
    """Who may help how much, and how many reviews a work is to have.

    That is what everybody together gives for each work; reviews of people who left count in it, up to the
    number that each gives. ``gone`` is the number of those; ``held`` are reviews on somebody's list
    that count for no work.
    """
    each, most = rules.reviews_per_reviewer, rules.most
    total = sum(
        rules.gives.get(person.id, each) for person in part.reviewers if person.id not in part.in_reserve
    )
    number = len(works) or 1
    agreed = max(total // number, min(each, (total + gone) // number))
    behind = {reviewer for reviewer, _ in missed}
    helpers = []
    for person in part.reviewers:
        spare, extra = person.id in rules.spare, rules.extras.get(person.id, 0)
        if person.id in behind or not (spare or extra):
            continue
        if spare:
            room = min(rules.gives.get(person.id, each), most or MOST_EXTRA) - held.get(person.id, 0)
        else:
            room = min(extra, (most or MOST_EXTRA) - owed[person.id] - held.get(person.id, 0))
        if room > 0:
            helpers.append(Helper(person.id, room, spare))
    fewest = (sum(owed.values()) + len(missed)) // number
    holes = Counter(work for _, work in missed)
    return Reserve(
        helpers=tuple(helpers),
        agreed=agreed,
        owes={helper.user: owed[helper.user] for helper in helpers},
        low={work: fewest - holes[work] for work in works},
    )


def with_holes(
    roster: Roster, rules: PlanRules, missed: frozenset[Pair], fixed: AbstractSet[Pair]
) -> tuple[Roster, tuple[int, int]]:
    """Works that miss reviews may get fewer, all others what they would get without holes: nothing is moved
    from one work to another only because somebody else's review will not come."""
    done = Counter(pair.reviewer for pair in fixed)
    total = len(missed) + sum(
        max(rules.reviews_per_reviewer if one.gives is None else one.gives, done[one.id])
        for one in roster.participants
    )
    floor, rest = divmod(total, len(roster.submissions))
    usual = (floor, floor + (1 if rest else 0))
    holes = Counter(pair.submission for pair in missed)
    slack = 1 if rules.balance == "close" else 0
    submissions = tuple(
        replace(work, receives=(max(0, usual[0] - holes[work.id] - slack), usual[1] + slack))
        if work.id in holes
        else work
        for work in roster.submissions
    )
    return Roster(roster.participants, submissions), usual


class _LevelRules(TypedDict, total=False):
    strong_at: float
    goals: tuple[Goal, ...]


def levels(rules: PlanRules, *, filling_up: bool) -> _LevelRules:
    """Levels and the order of wishes.

    Joining islands may cost a moved pair each, so it is no wish where the fewest moves are wanted.
    """
    strict = filling_up and rules.late_work == "fewest"
    wished = tuple(goal for goal in DEFAULT_GOALS if not (strict and goal is Goal.CONNECTED))
    if rules.levels == "off":
        return {"goals": wished}
    wanted = _ENGINE_LEVELS[rules.levels]
    goals = tuple(wanted if goal is Goal.STRONG else goal for goal in wished)
    return {"strong_at": 1 - rules.strong_share / 100, "goals": goals}


def shares(snapshot: Snapshot, rules: PlanRules, roster: Roster) -> frozenset[Share] | None:
    """The matrix of shares by the sections' names; sections in which nobody takes part are left out."""
    names = _section_names(snapshot)
    inhabited = {section for person in roster.participants for section in person.sections}
    found = {
        Share(names[share.reviewers], names[share.authors], share.reviews)
        for share in rules.section_shares
        if {names.get(share.reviewers), names.get(share.authors)} <= inhabited
    }
    return frozenset(found) or None


def _section_names(snapshot: Snapshot) -> dict[str, str]:
    """What reasons call each section: its name, with the id where two share one, or the id alone."""
    uses = Counter(section.name for section in snapshot.sections)
    names: dict[str, str] = {
        section.id: section.name if uses[section.name] == 1 else f"{section.name} ({section.id})"
        for section in snapshot.sections
    }
    for person in (*snapshot.people, *snapshot.left):
        for section in person.sections:
            names.setdefault(section, section)
    return names
