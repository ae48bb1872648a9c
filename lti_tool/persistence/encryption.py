"""Secrets at rest: authenticated encryption, bound to the row that holds them.

AES-256-GCM; the associated data names the row, so that a sealed text copied to another row does not
open. Several keys may be known; the first seals, all open, which is what rotation needs. ``services.secrets``
rotates them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lti_tool.private_files import make_private_folder

NONCE_BYTES = 12
KEY_BYTES = 32
KEY_ID_LENGTH = 8


class SealedTextError(ValueError):
    """A stored secret does not open: wrong key, damaged text, or copied from another row."""


def new_key() -> str:
    """A fresh key in the form in which settings and key files hold it (URL-safe base64 of 32 bytes)."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


class _Ring:
    """Ciphers by the id of their key; never changed, so that threads can share it."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("no secret key: stored tokens could not be encrypted")
        self.ciphers: dict[str, AESGCM] = {}
        for key in keys:
            try:
                raw = base64.urlsafe_b64decode(key)
            except (binascii.Error, ValueError):
                raw = b""
            if len(raw) != KEY_BYTES or len(set(raw)) == 1:
                raise ValueError("a secret key must be 32 random bytes in URL-safe base64")
            self.ciphers.setdefault(_key_id(raw), AESGCM(raw))
        self.newest = next(iter(self.ciphers))


class SecretBox:
    """Seals and opens short texts. ``keys``: newest first, each as ``new_key`` makes them.

    Raises:
        ValueError: there is no key, or one is not 32 bytes of base64, or is all one byte.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._ring = _Ring(keys)

    @property
    def newest_key_id(self) -> str:
        """What a text sealed now begins with."""
        return self._current().newest

    def seal(self, text: str, *, bound_to: str) -> str:
        """Encrypt ``text`` for the row that ``bound_to`` names; the result carries the key's id."""
        ring = self._current()
        nonce = os.urandom(NONCE_BYTES)
        sealed = ring.ciphers[ring.newest].encrypt(nonce, text.encode(), bound_to.encode())
        return f"{ring.newest}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, bound_to: str) -> str:
        """Decrypt what ``seal`` made for the same row.

        Raises:
            SealedTextError: wrong key, damaged text, or another row.
        """
        cipher = self._current().ciphers.get(sealed.partition(".")[0])
        if cipher is None:
            raise SealedTextError("a stored secret was sealed with a key that is not configured")
        try:
            raw = base64.urlsafe_b64decode(sealed.partition(".")[2])
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SealedTextError("a stored secret is damaged or belongs to another row") from error

    def _current(self) -> _Ring:
        return self._ring


class FileSecretBox(SecretBox):
    """A box over a key file that looks again whenever the file changes.

    Every process has its own, so that a rotation by one of them is known to all before anything that was
    sealed with the new key can reach them: the file is replaced first, rows are sealed anew afterwards.
    """

    def __init__(self, file: KeyFile) -> None:
        self._file = file
        self._mark = file.mark()
        super().__init__(file.read())

    def _current(self) -> _Ring:
        mark = self._file.mark()
        if mark != self._mark:
            self._ring = _Ring(self._file.read())
            self._mark = mark
        return self._ring


class KeyFile:
    """Keys, one a line, newest first, readable by their owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make_if_missing(self) -> None:
        """Write a file with one fresh key, unless there is a file; of two who try at once, one does."""
        make_private_folder(self.path.parent)
        with suppress(FileExistsError):
            os.link(self._written([new_key()]), self.path)
        self._draft.unlink(missing_ok=True)

    def read(self) -> tuple[str, ...]:
        """The keys. Raises OSError when the file cannot be read."""
        return tuple(line.strip() for line in self.path.read_text().splitlines() if line.strip())

    def mark(self) -> tuple[int, int]:
        """Differs after every replacement of the file."""
        found = self.path.stat()
        return found.st_ino, found.st_mtime_ns

    def put(self, keys: Sequence[str]) -> None:
        """Replace the file at once: whoever reads it gets the old keys or the new ones."""
        _Ring(keys)
        os.replace(self._written(keys), self.path)

    @property
    def _draft(self) -> Path:
        return self.path.with_name(f".{self.path.name}.{os.getpid()}.{threading.get_ident()}")

    def _written(self, keys: Sequence[str]) -> Path:
        draft = self._draft
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.writelines(f"{key}\n" for key in keys)
            file.flush()
            os.fsync(file.fileno())
        return draft


def id_of_key(key: str) -> str:
    """The id under which a key seals."""
    return _key_id(base64.urlsafe_b64decode(key))


def _key_id(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:KEY_ID_LENGTH]
