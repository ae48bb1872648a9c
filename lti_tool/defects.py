"""What the program raises when it contradicts itself: its own mistake, never a person's or Canvas's.

Raised instead of going on, because what followed would be wrong; and, unlike an assertion, also under
``python -O``. Pages answer 500 with a reference number that is in the log, commands end with the traceback.
"""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Defect(RuntimeError):
    """The program broke one of its own rules."""


PLAN_BROKEN = (
    "The plan broke its own rules and was thrown away; nothing was stored. This is a defect of the program: "
    "please report it."
)


class PlanBroken(Defect):
    """A plan breaks the rules that it was made by. It is thrown away: nothing is stored.

    The text is for people.
    """


def present(value: T | None, because: str) -> T:
    """``value``, which is there; ``because`` says why.

    Raises:
        Defect: it is not.
    """
    if value is None:
        raise Defect(f"missing, although {because}")
    return value
