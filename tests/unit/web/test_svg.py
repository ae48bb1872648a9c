"""Pictures show the numbers that they are made from."""

from __future__ import annotations

from lti_tool.web.svg import BAR_HEIGHT, histogram, ring, shade


def test_perfect_balance_is_one_bar() -> None:
    figure = histogram([3] * 20)
    assert [(bar.load, bar.people, bar.height) for bar in figure.bars] == [(3, 20, BAR_HEIGHT)]


def test_loads_that_nobody_has_leave_a_gap() -> None:
    figure = histogram([1, 1, 3])
    assert [(bar.load, bar.people) for bar in figure.bars] == [(1, 2), (2, 0), (3, 1)]
    assert figure.bars[1].height == 0
    assert (figure.lowest, figure.highest) == (1, 3)


def test_nobody_gives_an_empty_picture() -> None:
    assert histogram([]).bars == ()


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
