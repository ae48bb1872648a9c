"""Every regular expression of the tool, against texts made of its own pieces: none takes quadratic time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.growth import MOST_GROWTH, growth

ROOT = Path(__file__).parents[2]
MAKERS = frozenset(("compile", "match", "search", "fullmatch", "sub", "split", "findall", "finditer", "subn"))
SIZE = 2_500


def expressions() -> Iterator[tuple[str, str]]:
    """(where, expression) of each that is written in the product; the simulated Canvas is no part of it."""
    for package in ("lti_tool", "allocation"):
        for file in sorted((ROOT / package).rglob("*.py")):
            where = file.relative_to(ROOT).as_posix()
            if where.startswith("lti_tool/simulator/"):
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and _makes_an_expression(node.func):
                    yield f"{where}:{node.lineno}", _written(node.args[0])


def _makes_an_expression(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in MAKERS
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
    )


def _written(node: ast.expr) -> str:
    """The expression; what is put into it from a name becomes a few words."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr), "an expression is a literal, so that it can be tested here"
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "(?:code|state|#[0-9a-f]{6})"
        for part in node.values
    )


def texts_for(expression: str) -> Iterator[tuple[str, str, str]]:
    """(beginning, what repeats, end): runs of one and of two of the expression's own pieces, and of usual
    signs, after each word of it and before something that fits nothing."""
    words = sorted(set(re.findall(r"[A-Za-z]{3,}", expression)))[:6]
    pieces = sorted({" ", "\t", "a", "1", "-", ".", "(", ")", *words, *re.findall(r"[^\w\s\\]", expression)})
    repeated = {*pieces, *("".join(two) for two in product(pieces, repeat=2))}
    for begin, unit in product(("", "a", *words[:2]), sorted(repeated)):
        yield begin, unit, "\x00"


FOUND = dict(expressions())


def test_the_expressions_are_found() -> None:
    assert len(FOUND) >= 14
    assert any(where.startswith("lti_tool/planning/pair_list.py") for where in FOUND)


@pytest.mark.parametrize("where", FOUND)
def test_no_expression_takes_quadratic_time(where: str) -> None:
    expression = re.compile(FOUND[where])
    for begin, unit, end in texts_for(FOUND[where]):

        def text(size: int, begin: str = begin, unit: str = unit, end: str = end) -> str:
            return begin + unit * (size // len(unit)) + end

        for work in (expression.search, expression.match, lambda one: expression.sub("", one)):
            grown = growth(work, text, SIZE)
            assert grown < MOST_GROWTH, f"{begin!r} and many {unit!r}: {grown:.0f} times as long"


def test_the_measure_finds_what_it_is_for() -> None:
    """The expression that once read pairs: 40 kB of spaces took 27 seconds."""
    quadratic = re.compile(r"\t|\s*(?:->|→|=>|>|;|\|)\s*")
    assert growth(quadratic.split, lambda size: "a" + " " * size + "b", SIZE) > MOST_GROWTH
