"""The numbers of the driver; defaults and their reasons are in docs/writer.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriverSettings:
    """Times in seconds.

    Attributes:
        workers: calls in flight at most; pacing inside the Canvas adapter decides how many really are.
        heartbeat: how often the lease is renewed.
        own_deadline: how long after its last confirmed heartbeat a worker still sends; less than the lease.
        settle: how long after a lost answer Canvas may still execute the call.
        read_timeout: of the Canvas client; ``settle`` never is less than one and a half of it.
        read_back_one_by_one: with fewer doubtful steps than this, only their submissions are read.
        max_attempts: sends of one step whose outcome counted against it.
        retry_share, retry_floor: the retry budget of a run: a share of its steps plus a floor.
        breaker_run, breaker_window: failures in a row, and calls of which half may fail, before pausing.
        retry_first, retry_longest, retry_at_most: pauses of a run while Canvas is down: first, longest, and
            how many before it waits for a person (27 of them are two hours).
        look_every: how often the assignment's settings and its reviews are looked at again while a run sends.
        look_share: the longest share of the time that these looks may take; a slow look makes the next one
            wait.
        equal_refusals: refusals in a row after which the person's rights are in question, not the pairs.
        backoff_first, backoff_longest: pause of one worker after a throttled or unreachable answer.
    """

    workers: int = 16
    heartbeat: float = 10.0
    own_deadline: float = 24.0
    settle: float = 90.0
    read_timeout: float = 60.0
    read_back_one_by_one: int = 20
    max_attempts: int = 3
    retry_share: float = 0.1
    retry_floor: int = 20
    breaker_run: int = 8
    breaker_window: int = 40
    retry_first: float = 15.0
    retry_longest: float = 300.0
    retry_at_most: int = 27
    look_every: float = 60.0
    look_share: float = 0.02
    equal_refusals: int = 3
    backoff_first: float = 1.0
    backoff_longest: float = 60.0

    @property
    def settle_wait(self) -> float:
        """How long to wait before a doubtful step is read back."""
        return max(self.settle, 1.5 * self.read_timeout)

    def canvas_pause(self, pauses: int) -> float | None:
        """How long to wait after the ``pauses``-th pause in a row (from 0); none: wait for a person."""
        if pauses >= self.retry_at_most:
            return None
        return min(self.retry_first * 2.0 ** min(pauses, 16), self.retry_longest)
