"""Levels of the students: from points of other assignments, or from a list that was given. Pure.

A level is a number from 0 (weakest) to 1, or unknown. Levels are nowhere but in the reading that a plan rests
on, and no student sees them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from statistics import fmean

from lti_tool.planning.ids import UserId
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Scores, Snapshot


def abilities(snapshot: Snapshot, rules: PlanRules) -> dict[UserId, float]:
    """The level of everybody of whom one is known.

    Of points, and of numbers in a list, it is the share of the others who do not have more; where a list
    says in words who is strong, that counts as it stands.
    """
    if rules.levels == "off":
        return {}
    if rules.levels_by == "points":
        return _ranks(mean_points(snapshot, rules.levels_from))
    if snapshot.listed is None:
        return {}
    listed = dict(snapshot.listed.levels)
    return listed if snapshot.listed.in_words else _ranks(listed)


def mean_points(snapshot: Snapshot, assignments: tuple[str, ...]) -> dict[UserId, float]:
    """Points of one assignment; of several the mean of the shares of what each gives at most.

    Whoever has points in some only is judged by these. An assignment that gives no points says nothing.
    """
    found = [one for one in snapshot.scores if one.assignment in assignments]
    if len(assignments) == 1:
        return dict(found[0].points) if found else {}
    shares: dict[UserId, list[float]] = {}
    for one in found:
        for user, share in _shares(one):
            shares.setdefault(user, []).append(share)
    return {user: fmean(some) for user, some in shares.items()}


def _shares(scores: Scores) -> list[tuple[UserId, float]]:
    if not scores.possible or scores.possible <= 0:
        return []
    return [(user, points / scores.possible) for user, points in scores.points]


def _ranks(points: Mapping[UserId, float]) -> dict[UserId, float]:
    order = sorted(points.values())
    most = max(1, len(order) - 1)
    return {user: (bisect_right(order, value) - 1) / most for user, value in points.items()}
