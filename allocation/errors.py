"""Everything that can go wrong when reviews are allocated, by meaning.

AllocationError
├── RosterError   the people or the works contradict themselves
├── RulesError    the rules name something that the roster does not have, or contradict themselves
├── Infeasible    the quotas cannot all be met under the rules; carries the reasons and the best that can be
done
├── Cancelled     the caller stopped the search
└── EngineError   the engine contradicts itself: a mistake in this package
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.sentences import NOTHING, Sentence, in_a_row

if TYPE_CHECKING:
    from allocation.result import Allocation, Reason


class AllocationError(Exception):
    """Base of all errors that this package raises on purpose.

    Attributes
    ----------
    words : Sentence
        For the person who chose the rules, in any language, people as mentions; without the name of the rule,
        which a program knows it by. Empty where only a program can make the mistake.
    """

    words: Sentence = NOTHING


class RosterError(AllocationError, ValueError):
    """The roster cannot be used. The message names the person or the work and says what to change."""

    def __init__(self, message: str | Sentence) -> None:
        self.words = message if isinstance(message, Sentence) else NOTHING
        super().__init__(str(message))


class RulesError(AllocationError, ValueError):
    """The rules cannot be used with this roster. The message names the rule and says what to change."""

    def __init__(self, message: str | Sentence, rule: str = "") -> None:
        self.words = message if isinstance(message, Sentence) else NOTHING
        super().__init__(f"{rule}: {message}" if rule else str(message))


class InstanceError(AllocationError, ValueError):
    """An instance file cannot be read. The message names the key and what was expected there."""


class Cancelled(AllocationError):
    """The caller's ``cancelled`` function answered true; nothing was allocated."""


class EngineError(AllocationError, RuntimeError):
    """The engine contradicts itself, which is a mistake in this package and never in the roster or the rules.

    Raised instead of an answer, because an answer would be wrong. Report it with the roster and the rules.
    """


class Infeasible(AllocationError):
    """Not every quota can be met under the hard rules.

    Attributes
    ----------
    reasons : tuple of Reason
        Sets of people and works that cannot all be satisfied, in words and numbers, with remedies.
    best : Allocation
        The largest number of reviews that the rules allow, spread as evenly as possible. It breaks no rule.
    """

    def __init__(self, reasons: tuple[Reason, ...], best: Allocation) -> None:
        self.reasons = reasons
        self.best = best
        self.words = in_a_row(reason.words for reason in reasons)
        super().__init__(str(self.words) or "The quotas cannot all be met.")

    def __reduce__(self) -> tuple[type[Infeasible], tuple[tuple[Reason, ...], Allocation]]:
        """What `pickle` needs to hand the error from one process to another."""
        return type(self), (self.reasons, self.best)
