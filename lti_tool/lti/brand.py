"""The colours of a Canvas, from the brand configuration that a launch may bring; pure.

The custom field ``brand_config_json`` holds ``$com.instructure.brandConfigJSON``: the theme editor's
variables as JSON. It is text from outside: only plain hexadecimal colours of a few known names are taken, and
whether they can be read is for the pages to judge.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

LONGEST = 60_000
"""Characters; Canvas's own has about 4000."""
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


@dataclass(frozen=True, slots=True)
class Brand:
    """Colours as ``#rrggbb``; empty where the launch brought none."""

    link: str = ""
    button: str = ""
    button_text: str = ""


NO_BRAND = Brand()


def brand_of(text: str) -> Brand:
    """The colours in a brand configuration; whatever else it holds, or is, counts as none."""
    if not text or len(text) > LONGEST:
        return NO_BRAND
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return NO_BRAND
    if not isinstance(found, dict):
        return NO_BRAND
    return Brand(
        link=_colour(found.get("ic-link-color")),
        button=_colour(found.get("ic-brand-button--primary-bgd")),
        button_text=_colour(found.get("ic-brand-button--primary-text")),
    )


def _colour(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not _COLOUR.fullmatch(text):
        return ""
    digits = text[1:].lower()
    return "#" + ("".join(2 * digit for digit in digits) if len(digits) == 3 else digits)
