"""The allocation as a networkx graph: made once, drawn, counted, and read by other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import BytesIO, StringIO
from time import process_time
from typing import Any

import networkx as nx
import pytest

from allocation import (
    EngineError,
    GoalReport,
    Pair,
    Participant,
    Roster,
    Rules,
    RulesError,
    Submission,
    allocate,
    circles,
    export,
    reciprocal_pairs,
)
from allocation.graph import measured
from tests.unit.allocation.instances import plain


def teams() -> Roster:
    """Two of four works have two authors; one person is in no section and one id needs quoting."""
    people = tuple(
        Participant(f"p <{i}> & \u00e9", frozenset({"A", "B"} if i % 2 else ()), frozenset({"g"}), None, 0.5)
        for i in range(6)
    )
    ids = [one.id for one in people]
    works = [(ids[0], ids[1]), (ids[2], ids[3]), (ids[4],), (ids[5],)]
    return Roster(people, tuple(Submission(f"w{i}", some) for i, some in enumerate(works)))


def test_the_graph_is_made_once_and_cannot_be_changed() -> None:
    found = allocate(plain(6), Rules(2), seed=1)
    assert found.graph() is found.graph()
    with pytest.raises(nx.NetworkXError):
        found.graph().add_edge("p000", "p001")
    free = found.graph().copy()
    free.add_edge("p000", "somebody else")


@pytest.mark.parametrize("roster", [plain(9, sections=3), teams()], ids=["plain", "teams"])
def test_other_programs_read_the_same_graph(roster: Roster) -> None:
    found = allocate(roster, Rules(1), seed=1)
    graph = found.graph()
    readers: dict[Any, Callable[[str], Any]] = {
        "graphml": lambda text: nx.read_graphml(BytesIO(text.encode())),
        "gml": nx.parse_gml,
        "json": lambda text: nx.node_link_graph(json.loads(text), edges="links"),
    }
    for form, read in readers.items():
        again = read(export(found, form))
        assert {one: again.nodes[one] for one in again} == {one: graph.nodes[one] for one in graph}, form
        assert {edge: again.edges[edge] for edge in again.edges} == {e: graph.edges[e] for e in graph.edges}
        assert again.is_directed()


def test_the_table_has_a_line_for_each_review() -> None:
    found = allocate(teams(), Rules(1), seed=1)
    lines = list(csv.DictReader(StringIO(export(found, "csv"))))
    assert [Pair(line["reviewer"], line["submission"]) for line in lines] == list(found.pairs)
    authors = {one.id: ";".join(sorted(one.authors)) for one in teams().submissions}
    assert all(line["authors"] == authors[line["submission"]] for line in lines)


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(RulesError, match=r"'dot'.*graphml, gml, json, csv"):
        export(allocate(plain(4), Rules(1), seed=1), "dot")  # type: ignore[arg-type]  # on purpose


def test_networkx_counts_what_the_engine_counts() -> None:
    for seed in range(12):
        for roster in (plain(4 + seed), teams()):
            found = allocate(roster, Rules(1 + seed % 2, goals=()), seed=seed)
            graph = found.graph()
            assert measured(graph) == {
                "reciprocal": found.quality.reciprocal,
                "components": found.quality.components,
            }
            assert len(reciprocal_pairs(graph)) == found.quality.reciprocal
            assert len(circles(graph)) == found.quality.components
            assert {one: graph.nodes[one]["given"] for one in graph} == found.quality.given


def test_reviews_are_looked_up_without_looking_at_all_pairs() -> None:
    """Asking for everybody costs as much as a pass over the pairs, not a pass for each person."""
    found = allocate(plain(3000), Rules(3, goals=()), seed=1)
    begin = process_time()
    given = {one.id: found.given_by(one.id) for one in found.roster.participants}
    received = {one.id: found.reviewers_of(one.id) for one in found.roster.submissions}
    assert process_time() - begin < 0.5, "3,000 passes over 9,000 pairs take seconds"
    assert sorted(Pair(one, work) for one, works in given.items() for work in works) == list(found.pairs)
    assert sorted(Pair(one, work) for work, some in received.items() for one in some) == list(found.pairs)
    assert found.given_by("nobody") == ()


def test_a_value_below_its_bound_is_an_error_of_the_engine() -> None:
    with pytest.raises(EngineError, match="'mixed' has the value 2, below its bound 3"):
        GoalReport("mixed", 2, 3)
