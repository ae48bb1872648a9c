"""Random numbers that are the same on every machine and in every Python, and cannot be guessed without the
seed.

A stream is SHAKE-256 (FIPS 202) over the seed, the digest of the problem, a purpose and a block number,
read as little-endian words of
64 bits. Python promises the sequence of its own generator only for `random.random()`, not for shuffling and
sampling.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from hashlib import shake_256
from itertools import count
from typing import TypeVar

T = TypeVar("T")
_BLOCK, _FIRST = 1024, 192


def go_on() -> None:
    """Nobody wants to stop."""


def keep_quiet(_done: int, _total: int) -> None:
    """Nobody waits."""


def _words(key: bytes, check: Callable[[], None]) -> Iterator[int]:
    unpack = struct.Struct(f"<{_BLOCK}Q").unpack
    check()
    beginning = shake_256(key + bytes(8)).digest(8 * _FIRST)  # enough for a small class
    yield from struct.unpack(f"<{_FIRST}Q", beginning)
    yield from unpack(shake_256(key + bytes(8)).digest(8 * _BLOCK))[_FIRST:]
    for block in count(1):
        check()
        yield from unpack(shake_256(key + block.to_bytes(8, "little")).digest(8 * _BLOCK))


class Stream:
    """An endless sequence of 64-bit words for one purpose.

    ``(stream.word() * n) >> 64`` is a number below n; the bias is below n / 2**64. Hot loops write this out.

    ``check`` raises `Cancelled` when the caller wants to stop. It is called for every 1024 words, about every
    millisecond of whatever draws words; what works long without drawing calls it itself.
    """

    __slots__ = ("check", "tell", "word")

    word: Callable[[], int]
    check: Callable[[], None]
    tell: Callable[[int, int], None]
    """Moves made of at most so many, for whoever waits; long searches call it now and then."""

    def __init__(
        self,
        seed: str,
        digest: bytes,
        purpose: str,
        check: Callable[[], None] = go_on,
        tell: Callable[[int, int], None] = keep_quiet,
    ) -> None:
        parts = (seed.encode(errors="surrogatepass"), digest, purpose.encode())
        key = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
        self.check, self.tell = check, tell
        self.word = _words(key, check).__next__

    def below(self, n: int) -> int:
        """A number from 0 to n - 1."""
        return (self.word() * n) >> 64

    def shuffle(self, items: list[T]) -> None:
        """Put the items into random order, in place (Fisher and Yates)."""
        word = self.word
        for last in range(len(items) - 1, 0, -1):
            other = (word() * (last + 1)) >> 64
            items[last], items[other] = items[other], items[last]
