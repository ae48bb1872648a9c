"""From answers and readings to the next state of a step."""

from __future__ import annotations

import pytest

from lti_tool.applying.answers import Answer, Outcome, Why
from lti_tool.applying.records import StepRecord
from lti_tool.applying.settle import (
    COMPLETED_MEANWHILE,
    REPLACED_MEANWHILE,
    after_answer,
    after_refused_delete,
    read_back,
)
from lti_tool.applying.states import STEP_TRANSITIONS, StepState, Whose
from tests.builders import review
from tests.unit.applying.steps import create_step, delete_step

SENT_CREATE = create_step(state=StepState.SENT)
SENT_DELETE = delete_step(state=StepState.SENT)


@pytest.mark.parametrize(
    ("answer", "to", "counted"),
    [
        (Answer(Outcome.OK, review=review(1, 2)), StepState.DONE, False),
        (Answer(Outcome.UNKNOWN, Why.NO_ANSWER), StepState.UNKNOWN, True),
        (Answer(Outcome.UNKNOWN, Why.SERVER_ERROR, status=500), StepState.UNKNOWN, True),
        (Answer(Outcome.UNKNOWN, Why.BROKEN_ANSWER, status=200), StepState.UNKNOWN, True),
        (Answer(Outcome.NOT_DONE, Why.THROTTLED, status=403), StepState.PENDING, False),
        (Answer(Outcome.NOT_DONE, Why.UNREACHABLE), StepState.PENDING, False),
        (Answer(Outcome.NOT_DONE, Why.ACCESS_LOST, status=401), StepState.PENDING, False),
        (Answer(Outcome.PERMANENT, Why.SCOPE_MISSING, status=401), StepState.PENDING, False),
        (Answer(Outcome.PERMANENT, Why.NOT_PERMITTED, status=403), StepState.PENDING, False),
        (Answer(Outcome.PERMANENT, Why.NOT_FOUND, status=404), StepState.PENDING, False),
        (Answer(Outcome.PERMANENT, Why.REFUSED, status=422), StepState.REFUSED, True),
        (Answer(Outcome.OK, review=review(1, 3)), StepState.CONFLICT, False),
        (Answer(Outcome.OK, review=review(4, 2)), StepState.CONFLICT, False),
        (Answer(Outcome.PERMANENT, Why.WRONG_IDS), StepState.CONFLICT, False),
    ],
)
@pytest.mark.parametrize("step", [SENT_CREATE, SENT_DELETE])
def test_answers(step: StepRecord, answer: Answer, to: StepState, counted: bool) -> None:
    settlement = after_answer(step, answer, frozenset())
    assert (settlement.to, settlement.counted) == (to, counted)
    assert settlement.to in STEP_TRANSITIONS[StepState.SENT]


def test_a_returned_id_that_existed_before_the_run_is_adopted() -> None:
    answer = Answer(Outcome.OK, review=review(1, 2))
    old = after_answer(SENT_CREATE, answer, {review(1, 2).id})
    new = after_answer(SENT_CREATE, answer, frozenset())
    assert (old.to, old.whose) == (StepState.ALREADY_THERE, Whose.ADOPTED)
    assert (new.to, new.whose) == (StepState.DONE, Whose.OURS)


def test_what_was_deleted_in_fact_is_remembered() -> None:
    completed = after_answer(
        SENT_DELETE, Answer(Outcome.OK, review=review(1, 2, completed=True)), frozenset()
    )
    assert completed.note == COMPLETED_MEANWHILE
    other = after_answer(SENT_DELETE, Answer(Outcome.OK, review=review(1, 2, id_="x")), frozenset())
    assert (other.note, other.review) == (REPLACED_MEANWHILE, "x")


def test_delete_failed_is_done_only_if_an_earlier_send_is_in_doubt() -> None:
    assert after_refused_delete(SENT_DELETE, []).to is StepState.ALREADY_GONE
    doubted = delete_step(state=StepState.SENT, doubts=1)
    assert after_refused_delete(doubted, []).to is StepState.DONE
    assert after_refused_delete(SENT_DELETE, [review(1, 2)]).to is StepState.PENDING
    again = delete_step(state=StepState.SENT, attempts=1)
    assert after_refused_delete(again, [review(1, 2)]).to is StepState.REFUSED
    completed = [review(1, 2, completed=True)]
    assert after_refused_delete(SENT_DELETE, completed).to is StepState.KEPT_COMPLETED


UNKNOWN_CREATE = create_step(state=StepState.UNKNOWN, doubts=1)
UNKNOWN_DELETE = delete_step(state=StepState.UNKNOWN, doubts=1)


@pytest.mark.parametrize("again", [True, False])
def test_reading_back(again: bool) -> None:
    def settle(step: StepRecord, *rows: object) -> StepState:
        return read_back(step, rows, frozenset(), may_send_again=again).to  # type: ignore[arg-type]  # reviews

    undone = StepState.PENDING if again else StepState.GAVE_UP
    assert settle(UNKNOWN_CREATE, review(1, 2)) is StepState.DONE
    assert settle(UNKNOWN_CREATE) is undone
    assert settle(UNKNOWN_DELETE) is StepState.DONE
    assert settle(UNKNOWN_DELETE, review(1, 2)) is undone
    assert settle(UNKNOWN_DELETE, review(1, 2, completed=True)) is StepState.KEPT_COMPLETED
    assert settle(UNKNOWN_DELETE, review(1, 2, id_="other")) is StepState.CONFLICT


def test_a_row_from_before_the_run_is_not_ours_even_in_doubt() -> None:
    seen = read_back(UNKNOWN_CREATE, [review(1, 2)], {review(1, 2).id}, may_send_again=True)
    assert (seen.to, seen.whose) == (StepState.ALREADY_THERE, Whose.ADOPTED)
