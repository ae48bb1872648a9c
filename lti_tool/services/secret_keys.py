"""Rotates the keys that seal secrets at rest, while everything goes on."""

from __future__ import annotations

from dataclasses import dataclass

from lti_tool.persistence.database import Database
from lti_tool.persistence.encryption import KeyFile, SecretBox, id_of_key, new_key
from lti_tool.persistence.resealing import keys_in_use, reseal


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did. ``key_id`` is the newest key's; ``dropped`` are gone from the file."""

    key_id: str
    resealed: int
    unreadable: int
    dropped: tuple[str, ...]


def rotate_file(database: Database, file: KeyFile, box: SecretBox) -> Rotation:
    """Put a fresh key in front of the file's and seal everything with it.

    The key before it stays for readers that are in the middle of something; older ones that seal nothing any
    more are dropped. So a key is gone for good with the second rotation after it.
    """
    earlier = file.read()
    used = keys_in_use(database)
    kept = [key for number, key in enumerate(earlier) if number == 0 or used[id_of_key(key)]]
    file.put([new_key(), *kept])
    found = reseal(database, box)
    dropped = tuple(id_of_key(key) for key in earlier if key not in kept)
    return Rotation(box.newest_key_id, found.done, found.unreadable, dropped)


def reseal_with_newest(database: Database, box: SecretBox) -> Rotation:
    """Seal everything with the first key of a box whose keys the operator gave in the environment."""
    found = reseal(database, box)
    return Rotation(box.newest_key_id, found.done, found.unreadable, ())
