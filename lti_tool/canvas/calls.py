"""Calls made as one person: token, renewal, pacing, patience, paging, parsing. Knows no endpoint.

Reads are repeated politely; writes are sent once (twice only after a 401 that proves the first was not
executed). A write never raises for what Canvas or the network does, a read raises a `CanvasError`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from allocation.sentences import sentence
from lti_tool.applying.answers import Answer, Outcome, Why
from lti_tool.canvas.answers import Heard, hear, read_error, worth_repeating, write_answer
from lti_tool.canvas.errors import BrokenAnswer, CanvasError, IncompleteList
from lti_tool.canvas.pacing import Lane, Pace
from lti_tool.canvas.paging import ListMoved, Merge, Row, Trail, about_how_many
from lti_tool.canvas.transport import SendFailed, Transport, WireAnswer, WireRequest
from lti_tool.defects import Defect
from lti_tool.planning.ids import SubmissionId, UserId

log = structlog.get_logger(__name__)
Shape = TypeVar("Shape")
Seen = Callable[[int, int | None], None]
"""Told of each page of a list: rows so far, and about how many there are in all where Canvas lets on."""


class TokenSource(Protocol):
    """The access token of one person on one Canvas, shared by threads and processes."""

    def access_token(self) -> str:
        """A token that is not known to be dead. Raises CanvasError, AccessLost above all."""
        ...

    def renew(self, failed_token: str) -> str:
        """A token other than ``failed_token``, which Canvas refused. One refresh, however many ask."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a read is repeated. Waits are drawn from 0 to base * 2^n seconds, at most cap."""

    attempts: int = 5
    throttled_attempts: int = 12
    base_s: float = 1.0
    cap_s: float = 60.0


PAGE_PATIENCE = Patience(attempts=3, throttled_attempts=6, base_s=0.5, cap_s=4.0)
"""For somebody who waits in front of a page."""


class Calls:
    """Everything between a typed endpoint and the wire, for one person in one lane.

    Args:
        sleep: waiting, replaceable in tests.
        jitter: numbers in [0, 1).
    """

    def __init__(
        self,
        transport: Transport,
        tokens: TokenSource,
        pace: Pace,
        *,
        lane: Lane = Lane.RUN,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.transport = transport
        self.pace = pace
        self.lane = lane
        self._tokens = tokens
        self._patience = patience or (PAGE_PATIENCE if lane is Lane.PAGE else Patience())
        self._sleep = sleep
        self._jitter = jitter

    def one(self, request: WireRequest, shape: type[Shape]) -> Shape:
        """The answer to an idempotent request, repeated while that can help.

        Raises:
            CanvasError: BrokenAnswer names the fields that do not fit ``shape``.
        """
        return _parse(TypeAdapter(shape), request, self._read(request))

    def every(
        self, request: WireRequest, record: type[Row], seen: Seen | None = None, *, paged: bool = True
    ) -> list[Row]:
        """A whole list, all pages, merged by id. ``seen`` is told of each page.

        ``paged``: Canvas sends this list in pages and so with a Link header; one that comes in one piece has
        none, and is still followed should it have one.

        Raises:
            IncompleteList: it could not be read to its end, or changed twice while it was read.
            CanvasError: as any read.
        """
        for _ in range(2):
            try:
                return self._every_once(request, TypeAdapter(list[record]), seen, paged)  # type: ignore[valid-type]  # a type in a variable
            except ListMoved:
                log.info("canvas_list_moved", path=request.path)
        raise IncompleteList(
            sentence("The list %(request)s changed twice while it was read.", request=str(request))
        )

    def write(
        self, request: WireRequest, *, submission: SubmissionId, author: UserId, reviewer: UserId
    ) -> Answer:
        """Send the create or delete of one review once, and classify what is known afterwards."""
        try:
            heard = self._send(request)
        except CanvasError as error:  # from the token's owner: nothing was sent
            return Answer(Outcome.NOT_DONE, error.why, note=error.what_happened.packed())
        answer = write_answer(
            heard, submission=submission, author=author, reviewer=reviewer, scope=request.scope
        )
        if answer.outcome is not Outcome.OK:
            log.warning(
                "canvas_write_not_ok",
                method=request.method,
                path=request.path,
                outcome=answer.outcome.value,
                why=answer.why.value,
                status=answer.status,
                request_id=answer.request_id,
            )
        return answer

    def send_once(self, request: WireRequest) -> Answer:
        """Send something that must not be repeated and names no review; never raises."""
        try:
            heard = self._send(request)
        except CanvasError as error:  # from the token's owner: nothing was sent
            return Answer(Outcome.NOT_DONE, error.why, note=str(error.what_happened))
        note = "" if heard.verdict.outcome is Outcome.OK else str(read_error(request, heard).what_happened)
        return Answer(heard.verdict.outcome, heard.verdict.why, None, heard.status, heard.request_id, note)

    def _every_once(
        self, request: WireRequest, rows: TypeAdapter[list[Row]], seen: Seen | None, paged: bool
    ) -> list[Row]:
        trail, merge = Trail(self.transport.origin, request, paged), Merge[Row]()
        page: WireRequest | None = request
        about: int | None = None
        while page is not None:
            heard = self._read(page)
            if not isinstance(heard.got, WireAnswer):
                raise Defect("a read that succeeded has an answer")
            found = _parse(rows, request, heard)
            if not merge.add(found):
                raise trail.incomplete("its pages repeat themselves", heard.got)
            if seen:
                about = about or about_how_many(heard.got, len(merge.rows))
                seen(len(merge.rows), about)
            page = trail.next_page(heard.got, len(found))
        return merge.rows

    def _read(self, request: WireRequest) -> Heard:
        failures = throttled = 0
        while True:
            heard = self._send(request)
            if heard.verdict.outcome is Outcome.OK:
                return heard
            if heard.verdict.why is Why.THROTTLED:
                throttled += 1
            else:
                failures += 1
            log.warning(
                "canvas_read_failed",
                path=request.path.partition("?")[0],
                why=heard.verdict.why.value,
                status=heard.status,
                request_id=heard.request_id,
                attempt=failures + throttled,
            )
            patience = self._patience
            spent = failures >= patience.attempts or throttled >= patience.throttled_attempts
            if spent or not worth_repeating(heard):
                raise read_error(request, heard)
            longest = min(patience.cap_s, patience.base_s * 2 ** (failures + throttled - 1))
            self._sleep(self._jitter() * longest)

    def _send(self, request: WireRequest) -> Heard:
        """One paced exchange; one renewal and one repetition when Canvas refuses the token.

        A 401 with a challenge is given before anything is executed, so the repetition is safe for writes.
        """
        with self.pace.place(self.lane):
            token = self._tokens.access_token()
            heard = self._exchange(request, token)
            if heard.verdict.why is Why.ACCESS_LOST:
                heard = self._exchange(request, self._tokens.renew(token))
            return heard

    def _exchange(self, request: WireRequest, token: str) -> Heard:
        try:
            answer = self.transport.send(request, token=token)
        except SendFailed as failure:
            return hear(failure)
        heard = hear(answer)
        self.pace.learn(
            throttled=heard.verdict.why is Why.THROTTLED,
            remaining=answer.rate_limit_remaining,
            lane=self.lane,
        )
        return heard


def _parse(adapter: TypeAdapter[Shape], request: WireRequest, heard: Heard) -> Shape:
    try:
        return adapter.validate_python(heard.verdict.document)
    except ValidationError as error:
        fields = {".".join(map(str, part["loc"])) or "the whole" for part in error.errors()}
        raise BrokenAnswer(
            sentence(
                "Canvas's answer to %(request)s is not what it documents (%(fields)s).",
                request=str(request),
                fields=", ".join(sorted(fields)[:5]),
            ),
            status=heard.status,
            request_id=heard.request_id,
        ) from None  # the cause would show values of people
