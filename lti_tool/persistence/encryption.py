"""Secrets at rest: authenticated encryption, bound to the row that holds them.

AES-256-GCM; the associated data names the row, so that a sealed text copied to another row does not
open. Several keys may be known; the first seals, all open, which is what rotation needs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32


class SealedTextError(ValueError):
    """A stored secret does not open: wrong key, damaged text, or copied from another row."""


def new_key() -> str:
    """A fresh key in the form in which settings and key files hold it (URL-safe base64 of 32 bytes)."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


class SecretBox:
    """Seals and opens short texts. ``keys``: newest first, each as ``new_key`` makes them.

    Raises:
        ValueError: there is no key, or one is not 32 bytes of base64, or is all one byte.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("no secret key: stored tokens could not be encrypted")
        self._ciphers: dict[str, AESGCM] = {}
        for key in keys:
            try:
                raw = base64.urlsafe_b64decode(key)
            except (binascii.Error, ValueError):
                raw = b""
            if len(raw) != KEY_BYTES or len(set(raw)) == 1:
                raise ValueError("a secret key must be 32 random bytes in URL-safe base64")
            self._ciphers[hashlib.sha256(raw).hexdigest()[:8]] = AESGCM(raw)
        self._newest = next(iter(self._ciphers))

    def seal(self, text: str, *, bound_to: str) -> str:
        """Encrypt ``text`` for the row that ``bound_to`` names; the result carries the key's id."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, text.encode(), bound_to.encode())
        return f"{self._newest}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, bound_to: str) -> str:
        """Decrypt what ``seal`` made for the same row.

        Raises:
            SealedTextError: wrong key, damaged text, or another row.
        """
        key_id, _, body = sealed.partition(".")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealedTextError("a stored secret was sealed with a key that is not configured")
        try:
            raw = base64.urlsafe_b64decode(body)
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SealedTextError("a stored secret is damaged or belongs to another row") from error
