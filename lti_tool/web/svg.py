"""Pictures of a plan as values that templates turn into SVG: bars, arrows on a ring or around one person.

Pure geometry, integers or one decimal; looks come from classes in the style sheet, never from attributes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, sin

RING_RADIUS = 205
LABELS_UP_TO = 30
"""People on a ring whose names still fit beside it; beyond that the names are in the list beside."""


@dataclass(frozen=True, slots=True)
class Load:
    """``people`` who have ``reviews`` each; ``share`` of the longest bar, in percent."""

    reviews: int
    people: int
    share: float


@dataclass(frozen=True, slots=True)
class Loads:
    """One row for each number of reviews, from the lowest to the highest, without holes."""

    rows: tuple[Load, ...]

    @property
    def lowest(self) -> int:
        """The smallest load."""
        return self.rows[0].reviews if self.rows else 0

    @property
    def highest(self) -> int:
        """The largest load."""
        return self.rows[-1].reviews if self.rows else 0


def loads(numbers: Iterable[int]) -> Loads:
    """How many have each load."""
    found = Counter(numbers)
    if not found:
        return Loads(())
    top = max(found.values())
    return Loads(
        tuple(
            Load(reviews, found[reviews], round(100 * found[reviews] / top, 1))
            for reviews in range(min(found), max(found) + 1)
        )
    )


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


STAR_WIDTH = 680
STAR_STEP = 36
_STAR_COLUMN, _STAR_MIDDLE = 220, 340


@dataclass(frozen=True, slots=True)
class Star:
    """One person in the middle, reviewers on the left, authors on the right."""

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    height: int


def star(person: str, reviewers: Sequence[str], authors: Sequence[str]) -> Star:
    """Names in, drawing out; arrows run from left to right."""
    height = STAR_STEP * max(len(reviewers), len(authors), 2)
    middle = _star_node(person, _STAR_MIDDLE, height / 2, "middle", chosen=True)
    left = _star_column(reviewers, _STAR_COLUMN, height, "end")
    right = _star_column(authors, STAR_WIDTH - _STAR_COLUMN, height, "start")
    arrows = [Arrow(_swung(one, middle), "in") for one in left]
    arrows += [Arrow(_swung(middle, one), "out") for one in right]
    return Star((*left, *right, middle), tuple(arrows), height)


def _star_column(names: Sequence[str], x: int, height: int, anchor: str) -> list[Node]:
    top = (height - STAR_STEP * len(names)) / 2
    return [
        _star_node(name, x, top + STAR_STEP * (place + 0.5), anchor, chosen=False)
        for place, name in enumerate(names)
    ]


def _star_node(name: str, x: float, y: float, anchor: str, *, chosen: bool) -> Node:
    beside = {"start": 14, "end": -14, "middle": 0}[anchor]
    return Node(name, name, 0, x, y, x + beside, y - 22 if chosen else y + 5, anchor, chosen)


def _swung(start: Node, end: Node) -> str:
    """A level curve that stops short of the second dot."""
    half = (start.x + end.x) / 2
    begin, finish = f"{start.x:.0f} {start.y:.1f}", f"{end.x - 13:.0f} {end.y:.1f}"
    return f"M{begin}C{half:.0f} {start.y:.1f} {half:.0f} {end.y:.1f} {finish}"
