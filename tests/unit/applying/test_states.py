"""The tables of states: what must be reachable, what must never be left, what adds up."""

from __future__ import annotations

import pytest

from lti_tool.applying import states
from lti_tool.applying.states import (
    ACTIVE,
    DOUBTFUL,
    PAUSED,
    RUN_TRANSITIONS,
    SETTLED,
    STEP_TRANSITIONS,
    TERMINAL,
    RunState,
    StepClass,
    StepState,
    step_class,
)


def test_every_state_has_its_row() -> None:
    assert set(RUN_TRANSITIONS) == set(RunState)
    assert set(STEP_TRANSITIONS) == set(StepState)


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_terminal_runs_are_never_left(state: RunState) -> None:
    for other in RunState:
        with pytest.raises(states.IllegalTransition):
            states.require_run_transition(state, other)


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_every_active_run_can_still_end(state: RunState) -> None:
    seen, edge = set(), {state}
    while edge:
        seen |= edge
        edge = {after for one in edge for after in RUN_TRANSITIONS[one]} - seen
    assert seen & TERMINAL


@pytest.mark.parametrize("state", sorted(PAUSED))
def test_paused_runs_go_on_by_being_queued_or_checked_never_by_writing(state: RunState) -> None:
    assert RunState.QUEUED in RUN_TRANSITIONS[state]
    assert not RUN_TRANSITIONS[state] & {RunState.APPLYING, RunState.VERIFYING}


def test_settled_steps_are_never_left_and_only_pending_ones_are_sent() -> None:
    assert all(not STEP_TRANSITIONS[state] for state in SETTLED)
    assert [state for state, after in STEP_TRANSITIONS.items() if StepState.SENT in after] == [
        StepState.PENDING
    ]


def test_what_may_have_happened_is_never_cancelled_unread() -> None:
    assert all(StepState.CANCELLED not in STEP_TRANSITIONS[state] for state in DOUBTFUL)


def test_what_a_later_version_knows_is_neither_entered_nor_left() -> None:
    for table in (RUN_TRANSITIONS, STEP_TRANSITIONS):
        known = {after for afters in table.values() for after in afters}
        assert "of_later_version" not in known
        assert table["of_later_version"] == frozenset()  # type: ignore[index]  # a StrEnum is its value
    assert RunState.OF_LATER_VERSION not in ACTIVE | PAUSED | TERMINAL
    assert StepState.OF_LATER_VERSION not in SETTLED | DOUBTFUL
    assert states.run_state("invented") is RunState.OF_LATER_VERSION
    assert states.run_state("applying") is RunState.APPLYING


@pytest.mark.parametrize("run", sorted(RunState))
def test_every_step_has_one_class(run: RunState) -> None:
    for step in StepState:
        found = step_class(step, run)
        if step in SETTLED or step is StepState.OF_LATER_VERSION:
            assert found == step.value
        else:
            assert found is (StepClass.PAUSED if run in PAUSED else StepClass.PENDING)
