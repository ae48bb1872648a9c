"""Two versions of rules side by side, in words: what differs, and what each says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allocation.sentences import N_, Sentence, counted, sentence
from lti_tool.planning.rule_changes import differing
from lti_tool.planning.rules import PlanRules
from lti_tool.services.errors import RulesChanged

LABELS: Final = {
    "reviews_per_reviewer": N_("Reviews per student"),
    "sections": N_("Who may review whom"),
    "section_shares": N_("Reviews from section to section"),
    "co_authors": N_("Members of one group, in group assignments"),
    "own_group": N_("Members of one group"),
    "group_set": N_("Which groups count as one group"),
    "without_submission": N_("Students who did not submit"),
    "existing": N_("Reviews that exist"),
    "late_work": N_("Late submissions"),
    "balance": N_("Reviews per submission"),
    "mutual": N_("Two students who review each other"),
    "exclude": N_("Excluded students"),
    "most": N_("Most reviews per student"),
    "loads": N_("Students with a number of their own"),
    "spare": N_("Spare reviewers"),
    "volunteers": N_("Volunteers"),
    "not_coming": N_("Reviews that are not waited for"),
    "not_coming_reviews": N_("What happens to those reviews"),
    "forbidden": N_("Never pair"),
    "fixed": N_("Always pair"),
    "earlier": N_("Previous assignments"),
    "repeats": N_("Repeated pairs"),
    "returns": N_("Reviews in return"),
    "same_pairs_as": N_("Same pairs as in"),
    "same_pairs": N_("How the same pairs are kept"),
    "levels": N_("Ability mix"),
    "levels_by": N_("What ability is taken from"),
    "levels_from": N_("Assignments that ability is taken from"),
    "strong_share": N_("Percent of students who count as strong"),
    "seed": N_("Draw code"),
}
"""A label for each rule."""

ANSWERS: Final = {
    ("sections", "any"): N_("Anyone"),
    ("sections", "same"): N_("Same section only"),
    ("sections", "different"): N_("Other sections only"),
    ("co_authors", "any"): N_("No rule"),
    ("co_authors", "different"): N_("Different submissions"),
    ("co_authors", "same"): N_("The same submissions"),
    ("own_group", "allowed"): N_("May review each other"),
    ("own_group", "barred"): N_("Don't review each other"),
    ("own_group", "only"): N_("Review only each other"),
    ("without_submission", "leave_out"): N_("Excluded"),
    ("without_submission", "review_only"): N_("Review, but aren't reviewed"),
    ("existing", "keep"): N_("Keep them and assign what is missing"),
    ("existing", "replace"): N_("Start over"),
    ("late_work", "fewest"): N_("Move the fewest reviews"),
    ("late_work", "mixed"): N_("Mix late submissions with the others"),
    ("balance", "equal"): N_("Equal"),
    ("balance", "close"): N_("As close as possible"),
    ("mutual", "avoid"): N_("Avoid where possible"),
    ("mutual", "forbid"): N_("Never"),
    ("mutual", "allowed"): N_("Allowed"),
    ("not_coming_reviews", "stay"): N_("They stay"),
    ("not_coming_reviews", "delete"): N_("They are deleted"),
    ("repeats", "avoid"): N_("Avoid where possible"),
    ("repeats", "forbid"): N_("Never"),
    ("returns", "allowed"): N_("Allowed"),
    ("returns", "avoid"): N_("Avoid where possible"),
    ("returns", "forbid"): N_("Never"),
    ("same_pairs", "wish"): N_("As many as possible"),
    ("same_pairs", "fix"): N_("All of them"),
    ("levels", "off"): N_("Not considered"),
    ("levels", "strong"): N_("A strong reviewer for every submission"),
    ("levels", "same"): N_("Reviewers of the same ability"),
    ("levels", "mixed"): N_("A strong reviewer and another one"),
    ("levels_by", "points"): N_("Points of other assignments"),
    ("levels_by", "list"): N_("A list"),
}
"""A word for each answer of the rules that have a few."""


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule in which two versions differ."""

    label: Sentence
    mine: Sentence
    theirs: Sentence


def side_by_side(changed: RulesChanged) -> tuple[RuleRow, ...]:
    """The rules in which what was to be saved differs from what is saved."""
    return tuple(
        RuleRow(sentence(LABELS[name]), _said(name, changed.mine), _said(name, changed.theirs))
        for name in differing(changed.mine, changed.theirs)
    )


def _said(name: str, rules: PlanRules) -> Sentence:
    value = getattr(rules, name)
    if isinstance(value, tuple):
        return counted("%(num)s entry", "%(num)s entries", len(value)) if value else sentence("none")
    if value is None:
        return sentence("none")
    if (name, value) in ANSWERS:
        return sentence(ANSWERS[name, value])
    return sentence("%(value)s", value=str(value))
