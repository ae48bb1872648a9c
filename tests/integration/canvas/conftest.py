"""Fixtures: a client of the stub or of the simulator, without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from lti_tool.canvas.calls import Calls, Patience
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.errors import AccessLost
from lti_tool.canvas.pacing import Lane, Pace, PaceLimits
from lti_tool.canvas.transport import Limits
from tests.integration.canvas.servers import SMALL, Received, Reply, Stub, transport_to

TOKEN = "7~canary-token"
UNPACED = PaceLimits(start=16.0, pause_s=0.01, longest_pause_s=0.02)


class OneToken:
    """A token source with one living token after another, and a count of renewals."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens or (TOKEN,))
        self.renewals = 0

    def access_token(self) -> str:
        return self.tokens[0]

    def renew(self, failed_token: str) -> str:
        assert failed_token == self.tokens[0]
        self.renewals += 1
        if len(self.tokens) == 1:
            raise AccessLost("The token was withdrawn.")
        self.tokens.pop(0)
        return self.tokens[0]


class StubbedClient:
    """A client, the stub it talks to, and what it waited."""

    def __init__(self, stub: Stub, client: CanvasClient, tokens: OneToken, waits: list[float]) -> None:
        self.stub = stub
        self.client = client
        self.tokens = tokens
        self.waits = waits


Connect = Callable[..., AbstractContextManager[StubbedClient]]


@pytest.fixture
def stubbed() -> Connect:
    """Make a client for a stub that answers as the given function says."""

    @contextmanager
    def connect(
        answer: Callable[[Received], Reply],
        *tokens: str,
        patience: Patience | None = None,
        lane: Lane = Lane.RUN,
        limits: Limits = SMALL,
    ) -> Iterator[StubbedClient]:
        waits: list[float] = []
        source = OneToken(*tokens)
        with Stub(answer) as stub, transport_to(stub.origin, limits) as transport:
            calls = Calls(
                transport,
                source,
                Pace(UNPACED),
                lane=lane,
                patience=patience or Patience(attempts=3, throttled_attempts=6),
                sleep=waits.append,
                jitter=lambda: 1.0,
            )
            yield StubbedClient(stub, CanvasClient(calls), source, waits)

    return connect
