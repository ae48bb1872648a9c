"""Colours by their numbers: contrast as WCAG 2.2 computes it, and the style sheet of a Canvas's own colours.

A brand's colour is used only where it can be read: each pair that the style sheet makes of it is computed in
each scheme, and a pair that fails keeps the tool's own colours there.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response, url_for
from werkzeug.exceptions import NotFound

TEXT, GRAPHIC = 4.5, 3.0
"""Least contrast of text, and of what has to be seen to use the page (WCAG 2.2, 1.4.3 and 1.4.11)."""
PAPERS = {
    "light": ("#ffffff", "#f5f7f8", "#edf4f9", "#e8f5ee", "#fdf4e1", "#fdeeed"),
    "dark": ("#172028", "#1f2a33", "#1b2f3d", "#16322a", "#362b18", "#3b2023"),
}
"""Everything on which links and buttons lie in each scheme; a test compares them with ``style.css``."""
_HEX = r"[0-9a-f]{6}"
_NAME = re.compile(rf"({_HEX}|x)-({_HEX}|x)-({_HEX}|x)")


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, 0 to 1."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """``one`` with a share (0 to 1) of ``other``."""

    def part(place: int) -> int:
        kept, added = int(one[place : place + 2], 16), int(other[place : place + 2], 16)
        return round(kept * (1 - share) + added * share)

    return f"#{part(1):02x}{part(3):02x}{part(5):02x}"


def branded(link: str, button: str, button_text: str) -> str:
    """A style sheet with the colours that can be read, in the schemes in which they can."""
    rules = []
    for scheme, papers in PAPERS.items():
        tokens = {}
        if link and all(contrast(link, paper) >= TEXT for paper in papers):
            tokens["--link"] = link
        if button and all(contrast(button, paper) >= GRAPHIC for paper in papers):
            tokens |= _button(button, button_text or "#ffffff")
        if tokens:
            body = "".join(f"{name}:{colour};" for name, colour in tokens.items())
            when = f"(prefers-color-scheme:{scheme}) and (prefers-contrast:no-preference)"
            rules.append(f"@media {when}{{:root:not([data-contrast=high]){{{body}}}}}")
    return "\n".join(rules)


def _button(colour: str, words: str) -> dict[str, str]:
    """A button's tokens, where the words on it can be read, also while the pointer is over it."""
    over = mixed(colour, "#000000" if luminance(words) > luminance(colour) else "#ffffff", 0.15)
    if min(contrast(colour, words), contrast(over, words)) < TEXT:
        return {}
    return {"--primary": colour, "--on-primary": words, "--primary-over": over}


def brand_address(brand: tuple[str, str, str]) -> str:
    """The address of the style sheet of a brand (link, button, text on the button); empty for no brand."""
    if not any(brand):
        return ""
    return url_for("colours.sheet", name="-".join(colour.removeprefix("#") or "x" for colour in brand))


def colours_blueprint() -> Blueprint:
    """Serves style sheets by the colours in their address; they hold nothing else, so all may have them."""
    colours = Blueprint("colours", __name__, url_prefix="/brand")

    @colours.get("/<name>.css")
    def sheet(name: str) -> Response:
        found = _NAME.fullmatch(name)
        if found is None:
            raise NotFound
        link, button, words = ("" if part == "x" else f"#{part}" for part in found.groups())
        answer = Response(branded(link, button, words), mimetype="text/css")
        answer.headers["Cache-Control"] = "public, max-age=86400, immutable"
        return answer

    return colours
