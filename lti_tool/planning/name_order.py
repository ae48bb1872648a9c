"""The order of names in lists: letters before their accents, capitals like small letters.

This is the root order of the Unicode collation as far as the standard library goes: Ångström stands with A,
Čapek with C, Øster with O, and accents decide only between names that are else equal. Languages in which such
letters are letters of their own, after z, find them with their base letters instead.
"""

from __future__ import annotations

import unicodedata

from lti_tool.planning.unicode_forms import normal_form

_BASE = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ŋ": "n"}
)


def name_order(name: str) -> str:
    """A sorting key for a sortable name, or for the name of anything else."""
    small = normal_form("NFKD", name.casefold())
    letters = "".join(sign for sign in small if not unicodedata.combining(sign))
    return f"{letters.translate(_BASE)}\0{small}"
