"""What many threads commit together: fewer transactions, and nobody pays for another's refusal."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from lti_tool.applying.errors import CancelRequested, LeaseLost
from lti_tool.applying.states import StepState
from lti_tool.persistence.group_commit import GroupCommit
from tests.integration.journal.stage import TEACHER, Stage, creates

Told = Sequence[Exception | None]


class Batches:
    """Commits whose first one is held up until the others wait."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, jobs: Sequence[int]) -> Told:
        self.seen.append(sorted(jobs))
        if len(self.seen) == 1:
            assert self.go.wait(30)
        return [ValueError(job) if job == 3 else None for job in jobs]


def test_those_who_come_during_a_commit_share_the_next_and_each_hears_of_its_own_job() -> None:
    batches = Batches()
    together = GroupCommit(batches, RuntimeError)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(together, 0)
        while not batches.seen:
            pass
        others = [pool.submit(together, job) for job in range(1, 6)]
        while len(together._waiting) < 5:
            pass
        batches.go.set()
        first.result(30)
        told = [other.exception(30) for other in others]
    assert batches.seen == [[0], [1, 2, 3, 4, 5]]
    assert [isinstance(one, ValueError) for one in told] == [False, False, True, False, False]
    together(7)
    assert batches.seen[-1] == [7], "nobody is left waiting, and who is alone commits alone"


def test_a_transaction_that_breaks_off_leaves_nobody_waiting() -> None:
    class Broken(BaseException):
        pass

    go = threading.Event()
    calls: list[int] = []

    def commit(jobs: Sequence[int]) -> Told:
        calls.append(len(jobs))
        if len(calls) == 1:
            assert go.wait(30)
            raise Broken
        return [None for _ in jobs]

    together = GroupCommit(commit, RuntimeError)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(together, 0)
        while not calls:
            pass
        second = pool.submit(together, 1)
        while not together._waiting:
            pass
        go.set()
        assert isinstance(first.exception(30), Broken)
        assert second.exception(30) is None


def test_a_refused_mark_does_not_refuse_the_others(journal_url: str) -> None:
    """Three runs in one transaction: one is stopped, one was taken over, one is marked."""
    stages = [first := Stage(journal_url, creates((1, 2)))]
    stages += [Stage(None, creates((1, 2)), after=first) for _ in range(2)]
    claims = [first.journal.claim(stage.run, "worker") for stage in stages]
    first.journal.request_cancel(stages[0].run, TEACHER)
    first.clock.sleep(31)
    assert first.journal.claim(stages[1].run, "another") is not None
    steps = [first.journal.steps(stage.run)[0] for stage in stages]
    jobs = [(claim, step, None) for claim, step in zip(claims, steps, strict=True) if claim is not None]
    told = first.journal._commit_together(jobs)
    assert [type(one) for one in told] == [CancelRequested, LeaseLost, type(None)]
    states = [first.journal.steps(stage.run)[0].state for stage in stages]
    assert states == [StepState.PENDING, StepState.PENDING, StepState.SENT]
    with pytest.raises(LeaseLost):
        first.journal.mark_sent(jobs[2][0], steps[2])
