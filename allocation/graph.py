"""An allocation as a networkx graph: the graph, what networkx counts in it, and files for other programs.

The only module that imports networkx, which costs a quarter of a second; so each function
imports it. The engine computes its `Quality` from plain lists, because allocating must not wait for a graph
(docs/allocation.md gives the ratio); `measured` computes the same numbers from the graph, and the tests
hold both against each other.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Final, Literal, get_args

from allocation.errors import RulesError
from allocation.result import Allocation

if TYPE_CHECKING:
    import networkx as nx

Format = Literal["graphml", "gml", "json", "csv"]
SEPARATOR: Final = ";"
"""Between several labels or ids in one attribute: GraphML has no lists, so they are texts in all formats."""


def reviewer_graph(allocation: Allocation) -> nx.DiGraph[str]:
    """See `Allocation.graph`."""
    import networkx as nx

    roster, quality = allocation.roster, allocation.quality
    authors = {one.id: one.authors for one in roster.submissions}
    works: dict[str, list[str]] = {}
    for work in roster.submissions:
        for author in work.authors:
            works.setdefault(author, []).append(work.id)
    graph: nx.DiGraph[str] = nx.DiGraph(
        seed=allocation.seed, strategy=allocation.strategy, status=allocation.status
    )
    for one in sorted(roster.participants, key=lambda one: one.id):
        mine = works.get(one.id, ())
        graph.add_node(
            one.id,
            sections=_joined(one.sections),
            groups=_joined(one.groups),
            submissions=_joined(mine),
            given=quality.given[one.id],
            received=sum(quality.received[work] for work in mine),
        )
        if one.ability is not None:
            graph.nodes[one.id]["ability"] = float(one.ability)
    joined: dict[tuple[str, str], list[str]] = {}
    for reviewer, submission in allocation.pairs:
        for author in authors[submission]:
            joined.setdefault((reviewer, author), []).append(submission)
    graph.add_edges_from(
        (reviewer, author, {"submissions": _joined(some), "reviews": len(some)})
        for (reviewer, author), some in joined.items()
    )
    nx.freeze(graph)
    return graph


def _joined(labels: Iterable[str]) -> str:
    return SEPARATOR.join(sorted(labels))


def reciprocal_pairs(graph: nx.DiGraph[str]) -> list[tuple[str, str]]:
    """Pairs of people who review each other, sorted.

    Examples
    --------
    >>> import networkx as nx
    >>> reciprocal_pairs(nx.DiGraph([("b", "a"), ("a", "b"), ("b", "c")]))
    [('a', 'b')]
    """
    mutual = graph.to_undirected(reciprocal=True, as_view=False)
    return sorted((min(pair), max(pair)) for pair in mutual.edges if pair[0] != pair[1])


def circles(graph: nx.DiGraph[str]) -> list[frozenset[str]]:
    """Separate review circles: the people whom reviews join, the largest circle first; people without any
    review are in none.

    Examples
    --------
    >>> import networkx as nx
    >>> [sorted(one) for one in circles(nx.DiGraph([("a", "b"), ("b", "c"), ("x", "y")]))]
    [['a', 'b', 'c'], ['x', 'y']]
    """
    import networkx as nx

    parts = [frozenset(part) for part in nx.weakly_connected_components(graph) if len(part) > 1]
    return sorted(parts, key=lambda part: (-len(part), min(part)))


def measured(graph: nx.DiGraph[str]) -> dict[str, int]:
    """What `Quality` tells about who reviews whom, computed by networkx from the graph alone.

    Co-authors who review the same works count one by one here, and as one in `Quality.reciprocal`.
    """
    return {"reciprocal": len(reciprocal_pairs(graph)), "components": len(circles(graph))}


def export(allocation: Allocation, form: Format) -> str:
    """The allocation as text for another program.

    Parameters
    ----------
    form : {"graphml", "gml", "json", "csv"}
        graphml and gml: the graph, as Gephi, yEd, Cytoscape and igraph read it. json: the graph as nodes and
        links, as d3 and `networkx.node_link_graph` read it. csv: one line for each review: reviewer,
        submission, authors.

    Raises
    ------
    RulesError
        Another format was asked for.
    """
    if form == "csv":
        return _as_csv(allocation)
    import networkx as nx

    graph = allocation.graph()
    if form == "json":
        return json.dumps(nx.node_link_data(graph, edges="links"), ensure_ascii=False)
    if form == "gml":
        return "\n".join(nx.generate_gml(graph)) + "\n"
    if form == "graphml":
        file = BytesIO()
        nx.write_graphml_xml(graph, file)
        return file.getvalue().decode()
    raise RulesError(f"The format is {form!r}. Say one of {', '.join(get_args(Format))}.")


def _as_csv(allocation: Allocation) -> str:
    authors = {one.id: one.authors for one in allocation.roster.submissions}
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("reviewer", "submission", "authors"))
    writer.writerows((one, work, _joined(authors[work])) for one, work in allocation.pairs)
    return file.getvalue()
