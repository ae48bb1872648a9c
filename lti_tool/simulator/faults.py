"""Faults planted for single requests: the list of what should go wrong, and when its turn comes.

This module only decides; `request_pipeline` acts. "Before" means that the request is never executed, "after"
that it is executed and the answer is what suffers.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """Everything that can go wrong with one request; a fault's `seconds` is how long the slow ones take."""

    STALL_BEFORE = "stall before"  # waits, then cuts the connection; never executed
    STALL_AFTER = "stall after"  # executed, then waits before it answers
    EXECUTE_LATE = "execute late"  # waits first: takes effect after an impatient caller has gone
    SLOW = "slow"  # half of the wait before, half after; answers normally
    DROP_BEFORE = "drop before"
    DROP_AFTER = "drop after"
    TRUNCATED = "truncated"  # executed; half of the JSON arrives
    HTML_200 = "html 200"  # a captive portal; Canvas saw nothing
    HTML_502 = "html 502"
    HTML_503 = "html 503"
    ERROR_500_BEFORE = "500 before"
    ERROR_500_AFTER = "500 after"
    WRONG_IDS = "wrong ids"  # executed; the answer names the next submission and author
    THROTTLED = "throttled"
    EXPIRED = "expired"  # 401 as for a dead token, once; the token itself stays good
    LINK_LOOP = "link loop"  # `next` is the page itself
    LINK_FOREIGN = "link foreign"  # `next` is on another host
    NO_LINK = "no link"  # something in between removes the Link header
    EMPTY_LIST = "empty list"  # `[]`, as if that were all
    CUT_LIST = "cut list"  # half of the rows, as if they were all
    EMPTY_PAGE = "empty page"  # `[]`, and `next` leads to what should have been here


NOT_EXECUTED = frozenset(
    {
        FaultKind.STALL_BEFORE,
        FaultKind.DROP_BEFORE,
        FaultKind.HTML_200,
        FaultKind.HTML_502,
        FaultKind.HTML_503,
        FaultKind.ERROR_500_BEFORE,
        FaultKind.THROTTLED,
        FaultKind.EXPIRED,
    }
)


@dataclass(slots=True)
class Fault:
    """A planted fault: hits the `nth` matching request and the `times - 1` ones after it.

    `path` is a regular expression searched in the path; `seconds` is how long a stall or a slow answer takes.
    """

    kind: FaultKind
    method: str = "*"
    path: str = ""
    nth: int = 1
    times: int = 1
    seconds: float = 0.0
    seen: int = field(default=0, compare=False)
    struck: int = field(default=0, compare=False)

    @property
    def executes(self) -> bool:
        """Whether the request takes effect all the same."""
        return self.kind not in NOT_EXECUTED

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it should."""
        return self.struck >= self.times

    def matches(self, method: str, path: str) -> bool:
        """Whether it concerns this request at all."""
        return self.method in ("*", method) and re.search(self.path, path) is not None


class Faults:
    """The planted faults, in planting order; the first whose turn it is strikes."""

    def __init__(self) -> None:
        self._planted: list[Fault] = []
        self._lock = threading.Lock()

    def plant(
        self,
        kind: FaultKind,
        *,
        method: str = "*",
        path: str = "",
        nth: int = 1,
        times: int = 1,
        seconds: float = 0.0,
    ) -> Fault:
        """Plan a fault and return it, so that a test can ask later whether it struck."""
        re.compile(path)
        fault = Fault(FaultKind(kind), method.upper(), path, nth, times, seconds)
        with self._lock:
            self._planted.append(fault)
        return fault

    def due(self, method: str, path: str) -> Fault | None:
        """Count this request for every matching fault; return the one that strikes, if any."""
        struck: Fault | None = None
        with self._lock:
            for fault in self._planted:
                if fault.spent or not fault.matches(method, path):
                    continue
                fault.seen += 1
                if struck is None and fault.seen >= fault.nth:
                    fault.struck += 1
                    struck = fault
        return struck

    def planted(self) -> list[Fault]:
        """All faults that were planted and not cleared, struck or not."""
        with self._lock:
            return list(self._planted)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._planted.clear()
