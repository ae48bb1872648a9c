"""Canvas's leaky bucket, one per client.

Sources: canvas-lms app/middleware/request_throttle.rb and request_throttle/increment_bucket.lua. On arrival
the bucket leaks, the up-front cost goes in, and a level at or above the high-water mark refuses; when the
request is done the up-front cost is exchanged for the real one. The level stays between 0 and the maximum.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from lti_tool.simulator.habits import Clock, Habits


@dataclass(slots=True)
class _Bucket:
    level: float
    touched: float


class Throttle:
    """All buckets. Costs are Canvas's units (seconds of CPU and database), times come from the clock."""

    def __init__(self, clock: Clock, habits: Habits) -> None:
        self._clock = clock
        self._habits = habits
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def admit(self, client: str) -> bool:
        """Reserve the up-front cost. False refuses the request and gives the reservation back."""
        with self._lock:
            level = self._pour(client, self._habits.up_front_cost)
            if self._habits.throttle_enabled and level >= self._habits.high_water:
                self._pour(client, -self._habits.up_front_cost)
                return False
            return True

    def settle(self, client: str, cost: float) -> float:
        """Exchange the reservation for the real cost; returns what remains below the high-water mark.

        The remainder counts the client's other requests in flight too, 50 each, and can be negative.
        """
        with self._lock:
            level = self._pour(client, cost - self._habits.up_front_cost)
            return self._habits.high_water - level

    def remaining(self, client: str) -> float:
        """What remains now, for a refused request."""
        with self._lock:
            return self._habits.high_water - self._pour(client, 0.0)

    def empty(self) -> None:
        """Forget all levels, as when the install's Redis is flushed."""
        with self._lock:
            self._buckets.clear()

    def _pour(self, client: str, amount: float) -> float:
        now = self._clock.now().timestamp()
        bucket = self._buckets.setdefault(client, _Bucket(0.0, now))
        leaked = max(0.0, now - bucket.touched) * self._habits.leak_per_second
        level = max(0.0, bucket.level - leaked) + amount
        bucket.level = min(max(0.0, level), self._habits.maximum)
        bucket.touched = now
        return bucket.level
