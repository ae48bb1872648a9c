"""What each reviewer may draw from and search: lists of works, shared wherever that is possible.

Where people are in several sections and review inside them, nearly everybody reaches works of his own. Their
lists would together be longer than everything else, and a first allocation reads only few of them; so there
each has the lists of his sections (`parts`), and the rest is made when it is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol, TypeVar, overload

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MANY_BUCKETS = 8
"""Who reaches more buckets than this, but not most works, is searched for by a list of works instead."""

BITS = 32
"""Works in a number that are looked at in the time for one work in a list."""
ZERO, ONE = ord("0"), ord("1")

Parts = list[tuple[list[int], ...]]


class ByNumber(Protocol[T_co]):
    """Something for each reviewer."""

    def __getitem__(self, number: int, /) -> T_co: ...


class Made(dict[int, T]):
    """Values by number, each made when it is first asked for."""

    def __init__(self, make: Callable[[int], T]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, number: int) -> T:
        value = self[number] = self.make(number)
        return value


class MadeList(Sequence[T]):
    """A list of so many values, each made when it is first asked for."""

    def __init__(self, size: int, make: Callable[[int], T]) -> None:
        self.size, self.made = size, Made(make)

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        return (
            [self.made[i] for i in range(*at.indices(self.size))] if isinstance(at, slice) else self.made[at]
        )

    def __iter__(self) -> Iterator[T]:
        return (self.made[i] for i in range(self.size))


@dataclass(slots=True)
class Pools:
    """See `Problem`."""

    choices: list[int]
    pool: ByNumber[list[int]]
    fits: ByNumber[frozenset[int] | None]
    explicit: dict[int, list[int]]
    listed_bits: dict[int, int] = field(default_factory=dict)
    parts: Parts | None = None


def make_pools(
    kind_of: list[int], reach_set: Sequence[frozenset[int]], buckets: list[list[int]],
    bucket_of: list[int], blocked: list[set[int]],
) -> Pools:  # fmt: skip
    """Lists to draw works from. A kind that reaches most works shares the list of all, so that lists
    stay short."""
    size = len(bucket_of)
    sizes = [len(works) for works in buckets]
    choices = [sum(map(sizes.__getitem__, reached)) for reached in reach_set]
    everything = list(range(size))
    enough = 4 if len(choices) <= 64 else 2
    pools: list[list[int]] = []
    fitting: list[frozenset[int] | None] = []
    for count, reached in zip(choices, reach_set, strict=True):
        if enough * count >= size * (enough - 1):
            pools.append(everything)
            fitting.append(None if count == size else reached)
        else:
            pools.append(sorted(chain.from_iterable(map(buckets.__getitem__, reached))))
            fitting.append(None)
    pool = [pools[kind] for kind in kind_of]
    fits = [fitting[kind] for kind in kind_of]
    listed = [
        len(reached) > MANY_BUCKETS and len(mine) < size
        for mine, reached in zip(pools, reach_set, strict=True)
    ]
    any_listed = any(listed)
    explicit: dict[int, list[int]] = {}
    for r, barred in enumerate(blocked):
        if len(barred) > 8 and 2 * len(barred) > len(pool[r]):
            reached = reach_set[kind_of[r]]
            explicit[r] = [s for s in pool[r] if s not in barred and bucket_of[s] in reached]
            pool[r] = explicit[r]
            fits[r] = None
        elif any_listed and listed[kind_of[r]]:
            explicit[r] = pool[r]
    return Pools(choices, pool, fits, explicit, _bits(explicit, blocked, size))


def _bits(explicit: dict[int, list[int]], blocked: list[set[int]], size: int) -> dict[int, int]:
    """Lists without what is blocked as the bits of numbers, where that is quicker to go through."""
    bits = {}
    for r, works in explicit.items():
        if len(works) * BITS >= size:
            digits = bytearray(b"0" * size)
            for s in works:
                digits[-1 - s] = ONE
            for s in blocked[r]:
                digits[-1 - s] = ZERO
            bits[r] = int(digits, 2)
    return bits


def pools_by_section(
    sections: list[frozenset[str]], sections_of: list[frozenset[str]], kind_of: list[int], kinds: int
) -> Pools:
    """The same where people review inside their sections, and many are in several."""
    works_in: dict[str, list[int]] = defaultdict(list)
    for s, theirs in enumerate(sections_of):
        for section in theirs:
            works_in[section].append(s)
    parts_of: dict[frozenset[str], tuple[list[int], ...]] = {}
    for mine in sections:
        if mine not in parts_of:
            parts_of[mine] = tuple([works_in[section] for section in sorted(mine) if section in works_in])
    parts = [parts_of[mine] for mine in sections]
    choices = [0] * kinds
    for r, kind in enumerate(kind_of):
        choices[kind] = min(len(sections_of), sum(map(len, parts[r])))

    def pool(r: int) -> list[int]:
        return parts[r][0] if len(parts[r]) == 1 else list(dict.fromkeys(chain(*parts[r])))

    return Pools(choices, Made(pool), Made(lambda _: None), {}, {}, parts)
