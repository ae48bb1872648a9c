"""No code reaches a page as a code."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from lti_tool.applying.answers import Why
from lti_tool.applying.states import RunState, StepClass
from lti_tool.applying.verification import MismatchKind
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
