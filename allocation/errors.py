"""Everything that can go wrong when reviews are allocated, by meaning.

AllocationError
├── RosterError   the people or the works contradict themselves
├── RulesError    the rules name something that the roster does not have, or contradict themselves
├── Infeasible    the quotas cannot all be met under the rules; carries the reasons and the best that can be
done
└── Cancelled     the caller stopped the search
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allocation.result import Allocation, Reason


class AllocationError(Exception):
    """Base of all errors that this package raises on purpose."""


class RosterError(AllocationError, ValueError):
    """The roster cannot be used. The message names the person or the work and says what to change."""


class RulesError(AllocationError, ValueError):
    """The rules cannot be used with this roster. The message names the rule and says what to change."""


class InstanceError(AllocationError, ValueError):
    """An instance file cannot be read. The message names the key and what was expected there."""


class Cancelled(AllocationError):
    """The caller's ``cancelled`` function answered true; nothing was allocated."""


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
        super().__init__(" ".join(reason.text for reason in reasons) or "The quotas cannot all be met.")
