"""Everything that has to be read or seen can be: contrast of the style sheet's tokens, and of any brand's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from lti_tool.lti.brand import NO_BRAND, Brand, brand_of
from lti_tool.web import colours
from lti_tool.web.colours import GRAPHIC, PAPERS, TEXT, branded, colours_blueprint, contrast

STYLE = (Path(colours.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
PAPER_TOKENS = ("paper", "sunk", "info-paper", "good-paper", "warn-paper", "bad-paper")
STRONGER = 7.0
"""Least contrast of text where somebody asked for more of it (WCAG 2.2, 1.4.6)."""


BLOCK = re.compile(r'(?:@media ([^{]+?) \{\s*)?(:root|\[data-contrast="high"\]) \{([^}]*)\}')


def tokens(scheme: str, *, more_contrast: bool = False) -> dict[str, str]:
    """The colours of a scheme by token, references resolved."""
    found: dict[str, str] = {}
    for media, selector, body in BLOCK.findall(STYLE):
        if ("dark" in media and scheme == "light") or "prefers-contrast" in media:
            continue
        if more_contrast or selector == ":root":
            found |= re.findall(r"--([\w-]+): ([^;]+);", body)
    while any(value.startswith("var(") for value in found.values()):
        found = {k: found[v[6:-1]] if v.startswith("var(") else v for k, v in found.items()}
    return found


def test_the_system_s_wish_for_contrast_counts_like_canvas_s() -> None:
    blocks = BLOCK.findall(STYLE)
    asked_by_canvas = [body for _, selector, body in blocks if selector != ":root"]
    asked_by_system = [body for media, _, body in blocks if "prefers-contrast" in media]
    assert asked_by_canvas == asked_by_system
    assert len(asked_by_canvas) == 2


def text_pairs(found: dict[str, str]) -> list[tuple[str, str]]:
    pairs = [(text, paper) for text in ("ink", "soft", "link") for paper in PAPER_TOKENS]
    pairs += [
        ("good", "paper"),
        ("good", "good-paper"),
        ("bad", "paper"),
        ("bad", "bad-paper"),
        ("bad", "sunk"),
    ]
    pairs += [("warn", "paper"), ("warn", "warn-paper"), ("out", "paper"), ("in", "paper"), ("good", "sunk")]
    pairs += [("on-primary", "primary"), ("on-primary", "primary-over")]
    pairs += [("on-shade", f"shade-{step}") for step in range(1, 6)]
    assert {name for pair in pairs for name in pair} <= set(found)
    return pairs


GRAPHIC_PAIRS = [
    *((name, "paper") for name in ("edge", "primary", "bar", "out", "in")),
    ("edge", "sunk"), ("link", "sunk"), ("bar", "sunk"),
    *((f"group-{number}", "paper") for number in range(6)),
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("more", "least"), [(False, TEXT), (True, STRONGER)], ids=["usual", "high contrast"])
def test_text_can_be_read_in_both_schemes(scheme: str, more: bool, least: float) -> None:
    found = tokens(scheme, more_contrast=more)
    low = {
        (text, paper): round(contrast(found[text], found[paper]), 2)
        for text, paper in text_pairs(found)
        if contrast(found[text], found[paper]) < least
    }
    assert low == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_to_be_seen_can_be_seen(scheme: str) -> None:
    found = tokens(scheme)
    low = {
        (one, other): round(contrast(found[one], found[other]), 2)
        for one, other in GRAPHIC_PAIRS
        if contrast(found[one], found[other]) < GRAPHIC
    }
    assert low == {}


def test_a_brand_is_judged_on_the_papers_of_the_style_sheet() -> None:
    for scheme, papers in PAPERS.items():
        assert papers == tuple(tokens(scheme)[name] for name in PAPER_TOKENS)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("#123456", "#123456") == pytest.approx(1)


COLOUR = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOUR, COLOUR, COLOUR)
@settings(max_examples=150, deadline=None)
def test_no_brand_makes_anything_unreadable(link: str, button: str, words: str) -> None:
    for scheme, papers in PAPERS.items():
        sheet = branded(link, button, words)
        blocks = re.findall(rf"prefers-color-scheme:{scheme}\).*?\{{(:root.*?)\}}\}}", sheet)
        got = dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", "".join(blocks)))
        if "link" in got:
            assert min(contrast(got["link"], paper) for paper in papers) >= TEXT
        if "primary" in got:
            assert contrast(got["on-primary"], got["primary"]) >= TEXT
            assert contrast(got["on-primary"], got["primary-over"]) >= TEXT
            assert min(contrast(got["primary"], paper) for paper in papers) >= GRAPHIC


def test_a_brand_that_can_be_read_is_worn_in_the_scheme_in_which_it_can() -> None:
    sheet = branded("#8a1538", "#8a1538", "#ffffff")
    assert "light" in sheet
    assert "--primary:#8a1538" in sheet
    assert "dark" not in sheet


@pytest.mark.parametrize(
    ("text", "brand"),
    [
        (
            '{"ic-link-color": "#ABC", "ic-brand-button--primary-bgd": " #0b5c7d "}',
            Brand("#aabbcc", "#0b5c7d", ""),
        ),
        ('{"ic-link-color": "red; } body { display: none"}', NO_BRAND),
        ('{"ic-link-color": "#12345"}', NO_BRAND),
        ('{"ic-link-color": ["#123456"]}', NO_BRAND),
        ('["#123456"]', NO_BRAND),
        ("[" * 50_000, NO_BRAND),
        ('{"ic-link-color": "#123456", "more": "' + "x" * 60_000 + '"}', NO_BRAND),
        ("$com.instructure.brandConfigJSON", NO_BRAND),
        ("", NO_BRAND),
    ],
)
def test_only_plain_colours_are_taken_from_a_brand_configuration(text: str, brand: Brand) -> None:
    assert brand_of(text) == brand


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("8a1538-x-x.css", 200),
        ("x-x-x.css", 200),
        ("8A1538-x-x.css", 404),
        ("8a1538-x.css", 404),
        ("8a1538-x-x-x.css", 404),
        ("red-x-x.css", 404),
    ],
)
def test_only_colours_are_in_the_address_of_a_sheet(address: str, status: int) -> None:
    app = Flask(__name__)
    app.register_blueprint(colours_blueprint())
    assert app.test_client().get(f"/brand/{address}").status_code == status
