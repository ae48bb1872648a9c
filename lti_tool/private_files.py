"""Files and folders that only their owner can read: databases with names, queues, files with keys."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

OTHERS = 0o077
COMPANIONS = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps beside a database, with the mode of the database."""


def make_private_folder(folder: Path) -> None:
    """Make the folder, mode 0700. One that is there keeps its mode: it may have other uses.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private_database(file: Path) -> None:
    """Let a SQLite database be 0600 from its first moment, and an older one from now on.

    Whoever may not do that (another user's file, no such folder) is left to SQLite, which says why it cannot
    open it. A file that exists is never opened here: closing it would drop the locks that SQLite holds for
    this process.
    """
    with suppress(OSError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    for companion in COMPANIONS:
        beside = file.with_name(file.name + companion)
        with suppress(OSError):
            if beside.stat().st_mode & OTHERS:
                beside.chmod(0o600)
