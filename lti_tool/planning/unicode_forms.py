"""Unicode's normal forms in linear time.

Normalizing sorts the combining marks behind a letter, and the standard library sorts a long run of them by
insertion: 160 kB of marks take three seconds. Unicode's stream-safe text format (UAX #15, section 13) breaks
runs of more than 30 marks with a joiner; no writing system has such runs.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

LONGEST_RUN = 30
"""Marks behind one letter, as in UAX #15."""
_JOINER = "\u034f"


def normal_form(form: Literal["NFKC", "NFKD"], text: str) -> str:
    """The text in this normal form; absurdly long runs of combining marks are broken first."""
    return unicodedata.normalize(form, text if len(text) <= LONGEST_RUN else _stream_safe(text))


def _stream_safe(text: str) -> str:
    run, parts = 0, []
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run > LONGEST_RUN:
            parts.append(_JOINER)
            run = 1
        parts.append(char)
    return "".join(parts)
