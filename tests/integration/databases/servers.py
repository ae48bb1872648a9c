"""Real PostgreSQL and Redis servers for tests: Debian's binaries, throw-away folders, gone at the end.

A cluster that the machine runs anyway is never touched. PostgreSQL listens on a socket file in its own folder
only, Redis on a free port of 127.0.0.1. PostgreSQL refuses to run as root, so root starts it as ``postgres``
(or ``nobody``). Without binaries the tests skip; with ``PEER_ALLOCATOR_REQUIRE_SERVERS=1`` they fail.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import redis

from lti_tool.persistence import schema
from lti_tool.persistence.database import make_engine

REQUIRE = "PEER_ALLOCATOR_REQUIRE_SERVERS"
READY_WITHIN_S = 60.0


def _missing(what: str, package: str) -> None:
    words = f"there is no {what} on this machine; on Debian: apt-get install {package}"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(words)
    pytest.skip(words)


def _wait(ready: object, words: str) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while not ready():  # type: ignore[operator]  # any callable without arguments
        if time.monotonic() > until:
            raise TimeoutError(words)
        time.sleep(0.02)


class Postgres:
    """One server with as many databases as tests ask for.

    ``fsync`` is off unless it is ``durable``: tests kill processes, not machines.
    """

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self._binaries = binaries
        self._durability = "fsync=on" if durable else "fsync=off"
        self._numbers = itertools.count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._as = _unprivileged()
        if self._as is not None:
            os.chown(self.folder, self._as, -1)
        initdb = ["initdb", "--pgdata", str(self.folder / "data"), "--username", "tests", "--auth", "trust"]
        self._run(*initdb, "--no-sync", "--encoding", "UTF8", "--locale", "C")
        self.start()
        self._template = self._create("template_of_tests", "template1")
        engine = make_engine(self._template)
        schema.upgrade(engine)
        engine.dispose()

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [str(self._binaries / command[0]), *command[1:]],
            cwd=self.folder,
            user=self._as,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = ("listen_addresses=", self._durability, "max_connections=200")
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [
                    str(self._binaries / "postgres"),
                    "-D",
                    str(self.folder / "data"),
                    "-k",
                    str(self.folder),
                    *(word for one in settings for word in ("-c", one)),
                ],
                cwd=self.folder,
                user=self._as,
                stdout=log,
                stderr=log,
            )
        _wait(self._answers, f"PostgreSQL does not answer; see {self.folder / 'log'}")

    @property
    def pid(self) -> int:
        """The process that all of the server's others are children of."""
        return self._server.pid

    def _answers(self) -> bool:
        assert self._server.poll() is None, (self.folder / "log").read_text()
        try:
            self.administer("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """What a crash of the server does: all connections die at once; ``start`` recovers."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait()

    def administer(self, statement: str) -> None:
        """Execute one statement as the superuser, outside a transaction."""
        with psycopg.connect(
            host=str(self.folder), user="tests", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def kill_connections(self) -> None:
        """End every other connection, as an impatient administrator or a failover does."""
        self.administer(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    def database(self, *, empty: bool = False) -> str:
        """The URL of a new database at the newest schema, or without any table."""
        name = f"test_{next(self._numbers)}"
        return self._create(name, "template1" if empty else "template_of_tests")

    def _create(self, name: str, template: str) -> str:
        self.administer(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"postgresql://tests@/{name}?host={self.folder}"

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._server.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis:
    """One server without persistence."""

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self.folder = tempfile.mkdtemp(prefix="redis-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._databases = itertools.count()
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._server = subprocess.Popen(
            [
                self._binary,
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--databases",
                "64",
            ],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )
        _wait(self._answers, "Redis does not answer")

    def _answers(self) -> bool:
        assert self._server.poll() is None, "redis-server ended at once"
        client = redis.Redis(port=self.port)
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()

    def database(self) -> str:
        """The URL of an unused database."""
        return f"redis://127.0.0.1:{self.port}/{next(self._databases)}"

    def kill(self) -> None:
        """Everything in it is lost."""
        self._server.kill()
        self._server.wait()

    def stop(self) -> None:
        """End it."""
        if self._server.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _unprivileged() -> int | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return known.get("postgres", known["nobody"])


@functools.cache
def _postgres(binaries: Path, durable: bool) -> Postgres:
    server = Postgres(binaries, durable=durable)
    atexit.register(server.stop)
    return server


def running_postgres(*, durable: bool = False) -> Postgres:
    """This process's PostgreSQL server, started by the first who asks; skips the test without binaries."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    usable = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    if not usable:
        _missing("PostgreSQL server", "postgresql")
    return _postgres(usable[-1], durable)


@functools.cache
def _redis(binary: str) -> Redis:
    server = Redis(binary)
    atexit.register(server.stop)
    return server


def running_redis() -> Redis:
    """This process's Redis server, started by the first who asks; skips the test without binary."""
    binary = shutil.which("redis-server")
    if binary is None:
        _missing("Redis server", "redis-server")
    assert binary is not None
    return _redis(binary)
