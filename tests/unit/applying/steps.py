"""Steps for the unit tests of applying."""

from __future__ import annotations

from dataclasses import replace

from lti_tool.applying.records import StepRecord
from lti_tool.planning.plan import ChangeKind
from tests.builders import review, row, user


def create_step(who: int = 1, whom: int = 2, **changes: object) -> StepRecord:
    """A pending create."""
    made = StepRecord(0, ChangeKind.CREATE, user(who), user(whom), row(whom), None, "new")
    return replace(made, **changes)  # type: ignore[arg-type]  # field names are the tests' business


def delete_step(who: int = 1, whom: int = 2, **changes: object) -> StepRecord:
    """A pending delete of the review that ``builders.review`` makes for the pair."""
    expected = review(who, whom).id
    made = StepRecord(1, ChangeKind.DELETE, user(who), user(whom), row(whom), expected, "replaced")
    return replace(made, **changes)  # type: ignore[arg-type]  # field names are the tests' business
