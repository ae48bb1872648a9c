"""Keys of the simulated platform: the RSA set that signs launches, and how it rotates.

Canvas publishes several keys at once and signs with one of them. A tool that has cached the set meets an
unknown `kid` after a rotation and must read the set again; `rotate` brings that moment about. Nothing here
is written to disk: every start of the simulator has new keys, which is one more reason for a tool not to
trust its cache.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """One RSA key and the id under which its public half is published (RFC 7638 thumbprint)."""

    kid: str
    private: rsa.RSAPrivateKey

    @classmethod
    def generate(cls) -> PlatformKey:
        private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        numbers = private.public_key().public_numbers()
        members = {"e": _base64url_int(numbers.e), "kty": "RSA", "n": _base64url_int(numbers.n)}
        canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
        return cls(kid=_base64url(hashlib.sha256(canonical.encode()).digest()), private=private)

    def public_jwk(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "kid": self.kid,
            "alg": "RS256",
            "use": "sig",
            "e": _base64url_int(numbers.e),
            "n": _base64url_int(numbers.n),
        }


class KeySet:
    """The keys that are published, newest last; the newest one signs."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._keys: list[PlatformKey] = [PlatformKey.generate()]

    @property
    def current(self) -> PlatformKey:
        with self._lock:
            return self._keys[-1]

    def rotate(self, *, keep_previous: bool = True) -> PlatformKey:
        """Sign with a fresh key from now on. The previous one stays published unless told otherwise."""
        fresh = PlatformKey.generate()
        with self._lock:
            self._keys = [self._keys[-1], fresh] if keep_previous else [fresh]
        return fresh

    def public_jwks(self) -> dict[str, list[dict[str, str]]]:
        with self._lock:
            return {"keys": [key.public_jwk() for key in self._keys]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWS, RS256, with the `kid` of the current key."""
        key = self.current
        return jwt.encode(dict(claims), key.private, algorithm="RS256", headers={"kid": key.kid})

    def verify_own(self, token: str, *, audience: str) -> dict[str, Any]:
        """Claims of a token that this key set signed; times are not judged here.

        Raises:
            jwt.InvalidTokenError: not ours, tampered with, or for another audience.
        """
        kid = jwt.get_unverified_header(token).get("kid")
        with self._lock:
            keys = [key for key in self._keys if key.kid == kid]
        if not keys:
            raise jwt.InvalidTokenError("signed with a key that is not in the set")
        return jwt.decode(
            token,
            keys[0].private.public_key(),
            algorithms=["RS256"],
            audience=audience,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _base64url_int(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
