"""The access token ends at any step of a run: it is renewed once, and the run does not notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from lti_tool.applying.states import RunState, StepClass
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.planning.ids import SubmissionId, UserId
from lti_tool.planning.snapshot import Review, Snapshot
from tests.builders import ASSIGNMENT, CANVAS, COURSE, review, snapshot
from tests.fakes import FakeCanvas
from tests.integration.canvas.servers import Received, Reply, reply
from tests.integration.canvas.test_tokens import FakeCanvas as TokenCanvas
from tests.integration.canvas.test_tokens import setting_in
from tests.integration.journal.stage import Stage, creates, deletes, engine_of, sqlite_url

CREATED = [(number, number % 12 + 1) for number in range(1, 13)]
DELETED = [(1, 3), (2, 4)]
CALLS = len(CREATED) + 2 * len(DELETED)


class Expiring:
    """Canvas on the socket: peer reviews of the fake, and a token that ends when ``ends_at`` calls came."""

    def __init__(self, tokens: TokenCanvas, reviews: FakeCanvas, ends_at: int) -> None:
        self._tokens, self._reviews, self._ends_at = tokens, reviews, ends_at
        self.calls = 0

    def __call__(self, got: Received) -> Reply:
        if got.path == "/login/oauth2/token":
            return self._tokens(got)
        self.calls += 1
        if self.calls == self._ends_at:
            self._tokens.living = "ended"
        refused = self._tokens(got)
        if refused.status == 401:
            return refused
        submission = SubmissionId(got.path.split("/submissions/")[1].split("/")[0])
        if got.method == "GET":
            return reply([_row(one) for one in self._reviews.reviews_of(submission)])
        reviewer = UserId(got.form.get("user_id") or got.query["user_id"])
        author = self._reviews.world.work_by_id[submission].author
        ask = self._reviews.create if got.method == "POST" else self._reviews.delete
        answer = ask(submission, author, reviewer)
        assert answer.review is not None
        return reply(_row(answer.review))


def _row(found: Review) -> dict[str, str]:
    return {
        "id": found.id,
        "user_id": found.assessee,
        "assessor_id": found.assessor,
        "asset_id": found.submission,
        "asset_type": "Submission",
        "workflow_state": "assigned",
    }


class WritesOverTheSocket(AssignmentReviews):
    """The real client for what a step asks; whole lists are looked at directly."""

    fake: FakeCanvas

    def read_snapshot(self) -> Snapshot:
        return self.fake.read_snapshot()


@pytest.mark.parametrize("workers", [1, 4])
def test_the_token_ends_at_each_call_of_a_run(tmp_path: Path, workers: int) -> None:
    preview = snapshot(reviews=[review(*who) for who in DELETED])
    lines = creates(*CREATED) + deletes(*DELETED)
    first = Stage(sqlite_url(tmp_path / "journal.db"), [])
    with setting_in(tmp_path) as setting:
        for ends_at in range(1, CALLS + 1):
            stage = Stage(None, lines, preview=preview, workers=workers, after=first)
            before = setting.canvas.refreshes
            setting.stub.answer = Expiring(setting.canvas, stage.canvas, ends_at)
            canvas = WritesOverTheSocket(setting.client(), CANVAS, COURSE, ASSIGNMENT)
            canvas.fake = stage.canvas
            assert stage.driver().drive(stage.run, canvas, stage.preview) is RunState.DONE
            assert setting.canvas.refreshes == before + 1, "one renewal, however many calls were refused"
            assert stage.classes() == {StepClass.DONE: len(lines)}
            assert stage.canvas.writes == len(lines)
            assert stage.canvas.second_mails == 0
            attempts = {step.attempts for step in stage.journal.steps(stage.run)}
            assert attempts == {0}, "a token that ended is no attempt"
    engine_of(first.journal).dispose()
