"""Whoever waits for an allocation hears how far it is; the allocation is the same."""

from __future__ import annotations

from allocation import Goal, Pair, Participant, Roster, Rules, Submission, allocate
from allocation.stages import STAGE_WORDS, Effort, Stage

PEOPLE = [f"p{n}" for n in range(60)]
ROSTER = Roster(tuple(map(Participant, PEOPLE)), tuple(Submission(f"w{one}", (one,)) for one in PEOPLE))
RULES = Rules(
    reviews_per_reviewer=3,
    avoid=frozenset(Pair(PEOPLE[n], f"w{PEOPLE[n - k]}") for n in range(60) for k in (1, 2, 3)),
    goals=(Goal.REPEATS, Goal.RECIPROCAL, Goal.CONNECTED),
)


def test_every_stage_is_told_in_order_and_nothing_goes_back() -> None:
    heard: list[Effort] = []
    told = allocate(ROSTER, RULES, seed="1", progress=heard.append)
    assert told.pairs == allocate(ROSTER, RULES, seed="1").pairs
    stages = list(dict.fromkeys(one.stage for one in heard))
    assert stages == [stage for stage in Stage if stage in stages]
    assert {Stage.START, Stage.COMPLETION, Stage.MIXING, Stage.ISLANDS} <= set(stages)
    assert heard[-1].number == heard[-1].of
    fractions = [one.fraction for one in heard]
    assert fractions == sorted(fractions)
    assert 0 == fractions[0] < fractions[-1] <= 1
    moves = [one for one in heard if one.stage is Stage.MIXING and one.total]
    assert len(moves) > 10
    assert all(one.done < one.total for one in moves)
    assert set(STAGE_WORDS) == set(Stage)
