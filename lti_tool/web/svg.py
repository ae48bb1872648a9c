"""Pictures of a plan as values that templates turn into SVG: bars, and arrows between people on a ring.

Pure geometry, integers or one decimal; looks come from classes in the style sheet, never from attributes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, sin

BAR_WIDTH = 44
BAR_GAP = 12
BAR_HEIGHT = 110
RING_RADIUS = 205
LABELS_UP_TO = 30
"""People on a ring whose names still fit beside it; beyond that the names are in the list beside."""


@dataclass(frozen=True, slots=True)
class Bar:
    """``people`` who have ``load`` reviews; the rest is where to draw it."""

    load: int
    people: int
    x: int
    y: int
    height: int

    @property
    def middle(self) -> int:
        """Where the numbers above and below the bar are centred."""
        return self.x + BAR_WIDTH // 2


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars from the lowest to the highest load, without holes."""

    bars: tuple[Bar, ...]
    width: int

    @property
    def lowest(self) -> int:
        """The smallest load."""
        return self.bars[0].load if self.bars else 0

    @property
    def highest(self) -> int:
        """The largest load."""
        return self.bars[-1].load if self.bars else 0


def histogram(loads: Iterable[int]) -> Histogram:
    """How many have each load."""
    found = Counter(loads)
    if not found:
        return Histogram((), 2 * BAR_GAP + BAR_WIDTH)
    top = max(found.values())
    bars = []
    for place, load in enumerate(range(min(found), max(found) + 1)):
        height = -(-found[load] * BAR_HEIGHT // top)
        x = BAR_GAP + place * (BAR_WIDTH + BAR_GAP)
        bars.append(Bar(load, found[load], x, 20 + BAR_HEIGHT - height, height))
    return Histogram(tuple(bars), BAR_GAP + len(bars) * (BAR_WIDTH + BAR_GAP))


def shade(number: int, largest: int) -> int:
    """One of six steps (0 to 5) for a cell of the section table."""
    return 0 if not number or not largest else max(1, -(-number * 5 // largest))


@dataclass(frozen=True, slots=True)
class Node:
    """One person on the ring; ``anchor``: to which side the name runs, ``group``: a colour from 0 to 5."""

    id: str
    name: str
    group: int
    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """From a reviewer to an author, bent towards the centre. ``role`` is out, in or other."""

    path: str
    role: str


@dataclass(frozen=True, slots=True)
class Ring:
    """Everybody on a circle; with ``labels`` the names are written beside it."""

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    labels: bool


def ring(
    people: Sequence[tuple[str, str, str]], pairs: Iterable[tuple[str, str]], chosen: str | None = None
) -> Ring:
    """People as (id, name, section) in the order of the ring; pairs as (reviewer, author).

    Arrows of the chosen person come last, so that they lie on top.
    """
    groups = {section: place % 6 for place, section in enumerate(dict.fromkeys(one[2] for one in people))}
    nodes = tuple(_node(place, len(people), one, groups, chosen) for place, one in enumerate(people))
    places = {node.id: node for node in nodes}
    arrows = [
        Arrow(_bent(places[a], places[b]), _role(a, b, chosen))
        for a, b in pairs
        if a in places and b in places
    ]
    arrows.sort(key=lambda arrow: arrow.role != "other")
    return Ring(nodes, tuple(arrows), len(people) <= LABELS_UP_TO)


def _node(
    place: int, total: int, person: tuple[str, str, str], groups: Mapping[str, int], chosen: str | None
) -> Node:
    angle = 2 * pi * place / max(total, 1) - pi / 2
    x, y = cos(angle), sin(angle)
    return Node(
        id=person[0],
        name=person[1],
        group=groups[person[2]],
        x=round(RING_RADIUS * x, 1),
        y=round(RING_RADIUS * y, 1),
        label_x=round((RING_RADIUS + 16) * x, 1),
        label_y=round((RING_RADIUS + 16) * y + 4, 1),
        anchor="middle" if abs(x) < 0.04 else ("start" if x > 0 else "end"),
        chosen=person[0] == chosen,
    )


def _role(reviewer: str, author: str, chosen: str | None) -> str:
    if chosen is None:
        return "other"
    return "out" if reviewer == chosen else "in" if author == chosen else "other"


def _bent(start: Node, end: Node) -> str:
    """A curve that stops short of the author's dot, so that the arrow head shows."""
    control_x, control_y = (start.x + end.x) * 0.22, (start.y + end.y) * 0.22
    along_x, along_y = end.x - control_x, end.y - control_y
    length = max((along_x**2 + along_y**2) ** 0.5, 1)
    tip_x, tip_y = end.x - 9 * along_x / length, end.y - 9 * along_y / length
    return f"M{start.x:.1f} {start.y:.1f}Q{control_x:.1f} {control_y:.1f} {tip_x:.1f} {tip_y:.1f}"
