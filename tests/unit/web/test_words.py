"""No code reaches a page as a code."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from lti_tool.applying.answers import Why
from lti_tool.applying.states import RunState, StepClass
from lti_tool.applying.verification import MismatchKind
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.ids import UserId
from lti_tool.planning.plan import ChangeKind, ChangeReason
from lti_tool.planning.taking_part import LeftOut
from lti_tool.web import words


@pytest.mark.parametrize(
    ("codes", "table"),
    [
        (ChangeKind, words.KINDS),
        (ChangeKind, words.SIGNS),
        (ChangeReason, words.REASONS),
        (LeftOut, words.LEFT_OUT),
        (RunState, words.STATES),
        (StepClass, words.CLASSES),
        (Why, words.WHY),
        (MismatchKind, words.MISMATCHES),
    ],
)
def test_every_code_has_words(codes: type[StrEnum], table: Mapping[StrEnum, object]) -> None:
    assert set(table) == set(codes)


def test_every_drift_has_words() -> None:
    lines = words.drift_lines(
        [Drift(kind, (UserId("1"), UserId("2"))) for kind in DriftKind], {UserId("1"): "Ada"}
    )
    assert all(str(line) and "%(" not in str(line) for line in lines)
    assert any(str(line).startswith("Ada") and str(line).endswith("2") for line in lines)
