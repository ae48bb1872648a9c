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

from lti_tool.defects import Defect

PUBLISHED_AFTER_ROTATION = timedelta(days=14)
"""Platforms cache key sets; a token signed just before a rotation must still be checkable."""
PUBLISHED_BEFORE_SIGNING = timedelta(minutes=30)
"""And a token signed just after it too: a new key signs only when caches had the time to learn it."""


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
    def erase_retired(self, before: datetime) -> int: ...


class ToolKeys:
    """Finds and rotates the tool's keys; the first is made when first asked for."""

    def __init__(self, store: KeyStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def current(self) -> ToolKey:
        """The key that signs: the newest that has been published long enough, or the only one."""
        if not (known := self._published()):
            self._make(only_if_none=True)
            known = self._published()
        if not known:
            raise Defect("a key was made, and is not there")
        known_to_caches = self._now() - PUBLISHED_BEFORE_SIGNING
        return max(known, key=lambda key: (key.created_at <= known_to_caches, key.created_at))

    def rotate(self) -> str:
        """Make a new key, which signs after ``PUBLISHED_BEFORE_SIGNING``; gives its id. The others stay
        published for a while; those that no longer are, are erased."""
        self._store.erase_retired(self._now() - PUBLISHED_AFTER_ROTATION)
        return self._make(only_if_none=False)

    def public_set(self) -> dict[str, Any]:
        """The JSON Web Key Set to publish."""
        self.current()
        return {"keys": [json.loads(key.public_jwk) for key in self._published()]}

    def _published(self) -> list[ToolKey]:
        oldest = self._now() - PUBLISHED_AFTER_ROTATION
        return [key for key in self._store.all() if key.retired_at is None or key.retired_at > oldest]

    def _make(self, *, only_if_none: bool) -> str:
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
        return kid
