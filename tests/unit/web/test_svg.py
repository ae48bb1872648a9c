"""Pictures show the numbers that they are made from."""

from __future__ import annotations

from lti_tool.web.svg import loads, ring, shade, star


def test_perfect_balance_is_one_full_bar() -> None:
    assert [(row.reviews, row.people, row.share) for row in loads([3] * 20).rows] == [(3, 20, 100)]


def test_loads_that_nobody_has_leave_a_gap() -> None:
    figure = loads([1, 1, 3])
    assert [(row.reviews, row.people, row.share) for row in figure.rows] == [
        (1, 2, 100),
        (2, 0, 0),
        (3, 1, 50),
    ]
    assert (figure.lowest, figure.highest) == (1, 3)


def test_nobody_gives_an_empty_picture() -> None:
    assert loads([]).rows == ()


def test_a_star_has_an_arrow_for_each_neighbour_and_keeps_them_apart() -> None:
    drawn = star("Ada", ["Bilal", "Chloé", "Dmitri"], ["Bilal"])
    assert [arrow.role for arrow in drawn.arrows] == ["in", "in", "in", "out"]
    assert [node.name for node in drawn.nodes if node.chosen] == ["Ada"]
    places = {(node.x, node.y) for node in drawn.nodes}
    assert len(places) == 5
    assert all(0 < y < drawn.height for _, y in places)


def test_shading_grows_with_the_number_and_only_nothing_is_unshaded() -> None:
    assert [shade(number, 10) for number in (0, 1, 5, 10)] == [0, 1, 3, 5]
    assert shade(0, 0) == 0


def test_a_ring_has_every_arrow_and_the_chosen_persons_on_top() -> None:
    people = [(str(n), f"P{n}", f"s{n % 2}") for n in range(6)]
    pairs = [("0", "1"), ("2", "0"), ("3", "4"), ("5", "9")]
    drawn = ring(people, pairs, chosen="0")
    assert [arrow.role for arrow in drawn.arrows] == ["other", "out", "in"]
    assert [node.group for node in drawn.nodes] == [0, 1, 0, 1, 0, 1]
    assert [node.id for node in drawn.nodes if node.chosen] == ["0"]
