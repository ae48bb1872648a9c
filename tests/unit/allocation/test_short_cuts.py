"""What the engine does in a quicker way where it can must not differ from the way it does it elsewhere."""

from __future__ import annotations

from random import Random

import networkx as nx
import pytest

from allocation import Infeasible, Pair, Participant, Roster, Rules, Submission, allocate, problem, verify
from allocation.counts import Counts
from allocation.problem import Problem, compile_problem
from allocation.strategies.board import Board
from allocation.strategies.exact import fill
from allocation.strategies.start import random_start
from allocation.strategies.tally import Tally, lexicographic
from allocation.strategies.walk import Walk
from allocation.stream import Stream
from tests.unit.allocation.instances import plain

PAIRS = frozenset(Pair(f"p{i:03}", f"w{(i * 7 + 3) % 40:03}") for i in range(40))


def in_several_sections(n: int, number: int) -> Roster:
    random = Random(n)
    people = tuple(
        Participant(f"p{i:03}", frozenset(f"S{int(random.random() * number)}" for _ in range(i % 4)))
        for i in range(n)
    )
    works = tuple(Submission(f"w{i:03}", (f"p{i:03}",)) for i in range(n - 2))
    both = Submission(f"w{n:03}", (f"p{n - 2:03}", f"p{n - 1:03}"))
    return Roster(people, (*works, both))


def filled(one: Problem) -> Board:
    board = random_start(one, Stream("seed", b"", "start"))
    fill(board, Stream("seed", b"", "completion"))
    return board


@pytest.mark.parametrize("sections", [0, 3])
def test_moves_of_an_ordinary_class_are_those_of_every_class(sections: int) -> None:
    rules = Rules(sections="same" if sections else "any", forbidden=PAIRS)
    compiled = compile_problem(plain(40, sections=sections), rules)
    results = []
    for plainly in (True, False):
        board = filled(compiled)
        before = [set(works) for works in board.out]
        tally = Tally(board, lexicographic(compiled, rules.goals))
        walk = Walk(board, tally, Stream("seed", b"", "mixing"))
        assert walk.plain
        walk.plain = plainly
        walk.sweep(600, 100_000)
        walk.store()
        assert board.out != before
        results.append((board.out, [sorted(some) for some in board.into], walk.steps, walk.closed))
    assert results[0] == results[1]


def test_lists_made_when_asked_for_are_those_made_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    roster, rules = in_several_sections(60, 9), Rules(2, sections="same", forbidden=PAIRS, receives=(0, 9))
    beforehand = compile_problem(roster, rules)
    monkeypatch.setattr(problem, "MANY_KINDS", 3)
    later = compile_problem(roster, rules)
    assert beforehand.parts is None
    assert later.parts is not None
    people, works = range(len(later.people)), range(len(later.works))
    for r in people:
        may = {s for s in works if beforehand.allowed(r, s)}
        assert may == {s for s in works if later.allowed(r, s)}
        assert may == {s for s in later.pool[r] if s not in later.blocked[r]}
    assert sum(filled(beforehand).short) == sum(filled(later).short)
    able = Roster(
        tuple(one if one.sections else Participant(one.id, gives=0) for one in roster.participants),
        roster.submissions,
    )
    assert verify(able, rules, allocate(able, rules, seed=1).pairs) == ()


def test_counts_by_table_are_those_without() -> None:
    random = Random(3)
    rules = Rules(2, sections="same", forbidden=PAIRS, kept=frozenset({Pair("p001", "w004")}))
    compiled = compile_problem(in_several_sections(45, 5), rules)
    slow, quick = Counts(compiled), Counts(compiled)
    quick.tabulate()
    assert quick.rows
    assert not slow.rows
    for side, size in (("people", len(compiled.people)), ("works", len(compiled.works))):
        for share in (0.1, 0.5, 0.9):
            members = [one for one in range(size) if random.random() < share]
            free = frozenset(one for one in range(len(compiled.works)) if random.random() < 0.1)
            assert slow.count(side, members) == quick.count(side, members)
            assert slow.count(side, members, free) == quick.count(side, members, free)


@pytest.mark.parametrize("made_later", [False, True])
def test_long_lists_and_several_sections_are_solved_exactly(
    monkeypatch: pytest.MonkeyPatch, *, made_later: bool
) -> None:
    if made_later:
        monkeypatch.setattr(problem, "MANY_KINDS", 3)
    random = Random(5)
    outcomes = set()
    for n in range(20, 44, 2):
        roster = in_several_sections(n, 2 + n % 12)
        forbidden = frozenset(
            Pair(one.id, work.id)
            for one in roster.participants
            for work in roster.submissions
            if random.random() < (0.1, 0.5, 0.75)[n // 2 % 3]
        )
        rules = Rules(3, sections="same", forbidden=forbidden, receives=(0, 4), goals=())
        flow: nx.DiGraph[str] = nx.DiGraph()
        sections = {one.id: one.sections for one in roster.participants}
        for one in roster.participants:
            flow.add_edge("from", one.id, capacity=3)
            for work in roster.submissions:
                inside = any(one.sections & sections[author] for author in work.authors)
                if inside and one.id not in work.authors and Pair(one.id, work.id) not in forbidden:
                    flow.add_edge(one.id, work.id, capacity=1)
        for work in roster.submissions:
            flow.add_edge(work.id, "to", capacity=4)
        try:
            found = allocate(roster, rules, seed=n)
        except Infeasible as refused:
            found = refused.best
        assert len(found.pairs) == nx.maximum_flow_value(flow, "from", "to")
        assert {broken.code for broken in verify(roster, rules, found.pairs)} <= {"gives"}
        compiled = compile_problem(roster, rules)
        outcomes.add((bool(compiled.listed_bits), compiled.parts is not None))
    assert (True, False) in outcomes or made_later
    assert (False, True) in outcomes or not made_later
