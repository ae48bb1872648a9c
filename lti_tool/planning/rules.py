"""What the instructor chose: the same keys in the wizard, in the rules file and in the database.

docs/rules.md describes each key; ``peer-allocator rules-schema`` prints the JSON Schema.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class Exclusion(BaseModel):
    """One person who takes no part, neither as reviewer nor as author."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Id = Field(description="Canvas user id of the student")
    reason: str = Field(default="", max_length=500, description="Why; kept with the plan")


class Load(BaseModel):
    """How many reviews one person gives, where that differs from the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Id = Field(description="Canvas user id of the student")
    gives: int = Field(ge=0, le=50, description="Reviews that this student gives; 0: is only reviewed")


class Volunteer(BaseModel):
    """One person who takes reviews beyond the own ones where others' will not come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Id = Field(description="Canvas user id of the student")
    up_to: int = Field(default=1, ge=1, le=50, description="Most reviews beyond the own ones")


class PairRule(BaseModel):
    """One pair that must or must not be: ``reviewer`` and the work of ``author``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewer: Id = Field(description="Canvas user id of the reviewer")
    author: Id = Field(description="Canvas user id of the author")
    reason: str = Field(default="", max_length=500, description="Why; kept with the plan")

    @property
    def who(self) -> tuple[str, str]:
        """(reviewer, author)."""
        return self.reviewer, self.author


class SectionShare(BaseModel):
    """So many reviews of each student of one section go to works of another (or the same)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewers: Id = Field(description="Canvas id of the reviewers' section")
    authors: Id = Field(description="Canvas id of the authors' section")
    reviews: int = Field(ge=0, le=50, description="Reviews that each student gives there; 0: none")


Levels = Literal["off", "strong", "same", "mixed"]


MOST_PAIRS = 20_000
"""More pairs than this in one list are a mistake, not a rule."""


class PlanRules(BaseModel):
    """The rules of one plan. Unknown keys are an error, so that a misspelt rule is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reviews_per_reviewer: int = Field(default=3, ge=1, le=50, description="Reviews that each reviewer gives")
    sections: Literal["any", "same", "different"] = Field(
        default="any",
        description="Who may review whom: anyone, only within a section, only across sections",
    )
    section_shares: tuple[SectionShare, ...] = Field(
        default=(),
        max_length=400,
        description="How many reviews go from section to section; what is not named is as it comes",
    )
    co_authors: Literal["any", "different", "same"] = Field(
        default="any",
        description="Group assignments: members of one group review whatever, different works, or the same",
    )
    own_group: Literal["allowed", "barred", "only"] = Field(
        default="barred",
        description="Whether members of one group may review each other's work, or review nobody else's",
    )
    group_set: Id | None = Field(
        default=None,
        description="Which group set counts as own group, where the assignment has none; none: every set",
    )
    without_submission: Literal["leave_out", "review_only"] = Field(
        default="leave_out",
        description="Students who did not submit: leave them out, or let them review without being reviewed",
    )
    existing: Literal["keep", "replace"] = Field(
        default="keep",
        description="Open reviews that exist: keep and fill up, or start over; completed ones always stay",
    )
    late_work: Literal["fewest", "mixed"] = Field(
        default="fewest",
        description="Filling up moves the fewest reviews, or one more for each circle of late authors "
        "who would otherwise review only each other",
    )
    balance: Literal["equal", "close"] = Field(
        default="equal",
        description="Reviews that a work gets: equal within one or refused, or as close as can be",
    )
    mutual: Literal["avoid", "forbid", "allowed"] = Field(
        default="avoid",
        description="Two people who review each other: as few as possible, never, or as it happens",
    )
    exclude: tuple[Exclusion, ...] = Field(default=(), description="Students who take no part")
    most: int | None = Field(
        default=None,
        ge=1,
        le=60,
        description="Most reviews on anybody's list, those included that Canvas will not take back; "
        "none: one more than each reviewer gives",
    )
    loads: tuple[Load, ...] = Field(
        default=(), description="Students who give another number of reviews than the rest"
    )
    spare: tuple[Id, ...] = Field(
        default=(),
        max_length=5_000,
        description="Students who give no reviews at first; holes are filled from them before all others",
    )
    volunteers: tuple[Volunteer, ...] = Field(
        default=(), max_length=5_000, description="Students who take extra reviews where some will not come"
    )
    not_coming: tuple[PairRule, ...] = Field(
        default=(),
        max_length=MOST_PAIRS,
        description="Open reviews that are not waited for; their authors get others in their place",
    )
    not_coming_reviews: Literal["stay", "delete"] = Field(
        default="stay", description="What becomes of the reviews that are not waited for"
    )
    forbidden: tuple[PairRule, ...] = Field(
        default=(), max_length=MOST_PAIRS, description="Pairs that must never be"
    )
    fixed: tuple[PairRule, ...] = Field(
        default=(),
        max_length=MOST_PAIRS,
        description="Pairs that must be; they win over the section, group and repeat rules",
    )
    earlier: tuple[Id, ...] = Field(
        default=(), max_length=50, description="Earlier assignments whose pairs shall not come again"
    )
    repeats: Literal["avoid", "forbid"] = Field(
        default="avoid", description="Pairs of earlier assignments: as few as possible, or never"
    )
    returns: Literal["allowed", "avoid", "forbid"] = Field(
        default="allowed",
        description="Whoever was reviewed by somebody in an earlier assignment reviews that person now: "
        "as it happens, as few as possible, or never",
    )
    same_pairs_as: Id | None = Field(
        default=None, description="Assignment whose pairs shall be the same here, for a second draft"
    )
    same_pairs: Literal["wish", "fix"] = Field(
        default="wish",
        description="Those pairs: as many as the rules allow, or each whose two students take part",
    )
    levels: Levels = Field(
        default="off",
        description="Levels of the students: not looked at; every work gets a strong reviewer; students "
        "review work of their own level; every work gets a strong reviewer and another one",
    )
    levels_by: Literal["points", "list"] = Field(
        default="points",
        description="What tells the levels: points of other assignments, or a list given for this reading",
    )
    levels_from: tuple[Id, ...] = Field(
        default=(),
        max_length=50,
        description="Assignments whose points tell the levels; of several the mean of the per cent of what "
        "each gives at most; read when a plan is made",
    )
    strong_share: int = Field(
        default=50, ge=1, le=99, description="Per cent of the students who count as strong"
    )
    seed: str | None = Field(
        default=None,
        max_length=64,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes the allocation repeatable; none: a fresh unpredictable one, shown with the plan",
    )

    @field_validator("levels_from", mode="before")
    @classmethod
    def _one_or_several(cls, given: object) -> object:
        """A single assignment may stand by itself, as in rules that were saved before."""
        return () if given is None else (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        """Refuse what contradicts itself; who is named twice counts once."""
        for name in ("forbidden", "fixed", "not_coming"):
            for pair in getattr(self, name):
                if pair.reviewer == pair.author:
                    raise ValueError(f"{name}: {pair.reviewer} is named as reviewer of the own work")
        if self.same_pairs_as is not None and self.same_pairs_as in self.earlier:
            raise ValueError("same_pairs_as: its pairs cannot be the same and not come again (earlier)")
        if self.levels != "off" and self.levels_by == "points" and not self.levels_from:
            raise ValueError("levels need an assignment whose points tell them (levels_from)")
        both = {pair.who for pair in self.forbidden} & {pair.who for pair in self.fixed}
        if both:
            reviewer, author = min(both)
            raise ValueError(f"the pair of {reviewer} and {author} is both forbidden and fixed")
        cells = Counter((share.reviewers, share.authors) for share in self.section_shares)
        if max(cells.values(), default=0) > 1:
            raise ValueError("section_shares: two numbers for the same two sections")
        for section in {share.reviewers for share in self.section_shares}:
            row = sum(share.reviews for share in self.section_shares if share.reviewers == section)
            if row > self.reviews_per_reviewer:
                raise ValueError(f"section_shares: section {section} is to give more reviews than each gives")
        twice = [user for user, times in Counter(load.user for load in self.loads).items() if times > 1]
        if twice:
            raise ValueError(f"loads: {twice[0]} has two numbers")
        ready = Counter([*set(self.spare), *(one.user for one in self.volunteers)])
        again = sorted(user for user, times in ready.items() if times > 1)
        if again:
            raise ValueError(f"volunteers: {again[0]} is named twice, or is spare as well")
        return self

    @property
    def gives(self) -> Mapping[str, int]:
        """Reviews of the people who have a number of their own."""
        return {load.user: load.gives for load in self.loads}

    @property
    def extras(self) -> Mapping[str, int]:
        """Most extra reviews of each volunteer."""
        return {one.user: one.up_to for one in self.volunteers}

    @property
    def excluded(self) -> frozenset[str]:
        """Ids of the people who take no part."""
        return frozenset(exclusion.user for exclusion in self.exclude)
