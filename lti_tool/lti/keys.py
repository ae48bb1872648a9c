"""The tool's own RSA keys: published as a key set, rotated with overlap, private halves sealed at rest."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

PUBLISHED_AFTER_ROTATION = timedelta(days=14)
"""Platforms cache key sets; a token signed just before a rotation must still be checkable."""


class ToolKey(Protocol):
    """One key pair; ``public_jwk`` is JSON, ``retired_at`` when a newer one took over."""

    @property
    def kid(self) -> str: ...
    @property
    def private_pem(self) -> str: ...
    @property
    def public_jwk(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def retired_at(self) -> datetime | None: ...


class KeyStore(Protocol):
    """Rows of keys; ``add_current`` retires the others in the same transaction."""

    def all(self) -> Sequence[ToolKey]: ...
    def add_current(
        self, *, kid: str, private_pem: str, public_jwk: str, now: datetime, only_if_none: bool
    ) -> None: ...


class ToolKeys:
    """Finds and rotates the tool's keys; the first is made when first asked for."""

    def __init__(self, store: KeyStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def current(self) -> ToolKey:
        """The key that signs."""
        if (found := self._newest()) is None:
            self._make(only_if_none=True)
            found = self._newest()
        assert found is not None, "a key was made, and is not there"
        return found

    def rotate(self) -> None:
        """Make a new current key; the old ones stay published for a while."""
        self._make(only_if_none=False)

    def public_set(self) -> dict[str, Any]:
        """The JSON Web Key Set to publish."""
        self.current()
        oldest = self._now() - PUBLISHED_AFTER_ROTATION
        keys = [key for key in self._store.all() if key.retired_at is None or key.retired_at > oldest]
        return {"keys": [json.loads(key.public_jwk) for key in keys]}

    def _newest(self) -> ToolKey | None:
        current = [key for key in self._store.all() if key.retired_at is None]
        return max(current, key=lambda key: key.created_at, default=None)

    def _make(self, *, only_if_none: bool) -> None:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        kid = uuid.uuid4().hex
        numbers = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
        public = {name: numbers[name] for name in ("kty", "n", "e")}
        self._store.add_current(
            kid=kid,
            private_pem=private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode(),
            public_jwk=json.dumps({**public, "kid": kid, "alg": "RS256", "use": "sig"}),
            now=self._now(),
            only_if_none=only_if_none,
        )
