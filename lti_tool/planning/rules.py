"""What the instructor chose: the same keys in the wizard, in the rules file and in the database.

docs/rules.md describes each key; ``peer-allocator rules-schema`` prints the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class Exclusion(BaseModel):
    """One person who takes no part, neither as reviewer nor as author."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Id = Field(description="Canvas user id of the student")
    reason: str = Field(default="", max_length=500, description="Why; kept with the plan")


class PlanRules(BaseModel):
    """The rules of one plan. Unknown keys are an error, so that a misspelt rule is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reviews_per_reviewer: int = Field(default=3, ge=1, le=50, description="Reviews that each reviewer gives")
    sections: Literal["any", "same", "different"] = Field(
        default="any",
        description="Who may review whom: anyone, only within a section, only across sections",
    )
    own_group: Literal["allowed", "barred"] = Field(
        default="barred",
        description="Whether members of one group may review each other's work",
    )
    without_submission: Literal["leave_out", "review_only"] = Field(
        default="leave_out",
        description="Students who did not submit: leave them out, or let them review without being reviewed",
    )
    existing: Literal["keep", "replace"] = Field(
        default="keep",
        description="Open reviews that exist: keep and fill up, or start over; completed ones always stay",
    )
    balance: Literal["equal", "close"] = Field(
        default="equal",
        description="Reviews that a work gets: equal within one or refused, or as close as can be",
    )
    exclude: tuple[Exclusion, ...] = Field(default=(), description="Students who take no part")
    seed: str | None = Field(
        default=None,
        max_length=64,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes the allocation repeatable; none: a fresh unpredictable one, shown with the plan",
    )

    @property
    def excluded(self) -> frozenset[str]:
        """Ids of the people who take no part."""
        return frozenset(exclusion.user for exclusion in self.exclude)
