"""An allocation as a networkx graph. The only module that imports networkx, which costs a quarter of a
second: import it late."""

from __future__ import annotations

import networkx as nx

from allocation.result import Allocation


def reviewer_graph(allocation: Allocation) -> nx.DiGraph[str]:
    """See `Allocation.graph`."""
    roster = allocation.roster
    authors = {one.id: one.authors for one in roster.submissions}
    works: dict[str, list[str]] = {}
    for work in roster.submissions:
        for author in work.authors:
            works.setdefault(author, []).append(work.id)
    graph: nx.DiGraph[str] = nx.DiGraph(
        seed=allocation.seed, strategy=allocation.strategy, status=allocation.status
    )
    graph.add_nodes_from(
        (
            one.id,
            {
                "sections": one.sections,
                "groups": one.groups,
                "submissions": tuple(sorted(works.get(one.id, ()))),
            },
        )
        for one in sorted(roster.participants, key=lambda one: one.id)
    )
    joined: dict[tuple[str, str], tuple[str, ...]] = {}
    for reviewer, submission in allocation.pairs:
        for author in authors[submission]:
            key = (reviewer, author)
            joined[key] = (*joined[key], submission) if key in joined else (submission,)
    graph.add_edges_from(
        (reviewer, author, {"submissions": works}) for (reviewer, author), works in joined.items()
    )
    return graph
