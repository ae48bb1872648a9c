"""Starts worker processes in milliseconds: one process that has imported everything and forks.

``python -m tests.crash.zygote`` reads commands from standard input, one a line: a JSON object starts a worker
(the answer is its process id), a number waits for the end of that process (the answer is its exit code,
negative for a signal). An object in a list is worked here (the answer is 0): a rehearsal, after which all
children inherit what a first run has to load and compile. It has no connection and no other thread when it
forks, so that its children start clean.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from lti_tool.logs import configure_logs
from tests.crash.worker import engine_of, work


def serve() -> None:
    """Until standard input ends."""
    configure_logs("error")
    for line in sys.stdin:
        command = json.loads(line)
        if isinstance(command, int):
            _, status = os.waitpid(command, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the protocol
        elif isinstance(command, list):
            work(**command[0])
            engine_of(command[0]["database"]).dispose()
            print(0, flush=True)  # noqa: T201 - the protocol
        else:
            print(_fork(command), flush=True)  # noqa: T201 - the protocol


def _fork(command: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        work(**command)
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


class Zygote:
    """The other side of the protocol, for tests."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, **command: object) -> int:
        """Start ``work(**command)`` in a process of its own; gives its id."""
        return self._say(command)

    def rehearse(self, **command: object) -> None:
        """Do ``work(**command)`` in the zygote itself, so that later workers need not load and compile."""
        assert self._say([command]) == 0

    def wait(self, pid: int) -> int:
        """Its exit code, when it is over."""
        return self._say(pid)

    def _say(self, what: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


if __name__ == "__main__":
    serve()
