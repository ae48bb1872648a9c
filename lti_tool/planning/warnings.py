"""What would fight a plan, known from the snapshot alone: said before anything is applied."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from allocation.sentences import N_
from lti_tool.planning.snapshot import Snapshot


class PlanWarning(StrEnum):
    """One thing that works against the plan or makes it pointless."""

    AUTOMATIC_BY_CANVAS = "automatic_by_canvas"
    NEW_ALLOCATION_FEATURE = "new_allocation_feature"
    PEER_REVIEWS_OFF = "peer_reviews_off"
    NOT_PUBLISHED = "not_published"


WARNING_WORDS: Final = {
    PlanWarning.AUTOMATIC_BY_CANVAS: N_(
        "Canvas itself assigns reviews for this assignment (Automatically assign peer reviews) and will add "
        "its own to this plan. Switch that off in the assignment's settings."
    ),
    PlanWarning.NEW_ALLOCATION_FEATURE: N_(
        "This course uses Canvas's own peer review allocation (feature option). It can turn reviews that are "
        "assigned here into rules of its own and delete them. Use one of the two."
    ),
    PlanWarning.PEER_REVIEWS_OFF: N_(
        "Peer reviews are switched off for this assignment. Canvas accepts the reviews, but students will "
        "not find them before peer reviews are switched on."
    ),
    PlanWarning.NOT_PUBLISHED: N_(
        "The assignment is not published. Students can neither see their reviews nor are they notified."
    ),
}


def warnings(snapshot: Snapshot) -> tuple[PlanWarning, ...]:
    """Every warning that applies to this assignment as it was read."""
    facts = snapshot.assignment
    checks = {
        PlanWarning.AUTOMATIC_BY_CANVAS: facts.peer_reviews and facts.automatic_peer_reviews,
        PlanWarning.NEW_ALLOCATION_FEATURE: snapshot.new_allocation_feature,
        PlanWarning.PEER_REVIEWS_OFF: not facts.peer_reviews,
        PlanWarning.NOT_PUBLISHED: not facts.published,
    }
    return tuple(warning for warning, applies in checks.items() if applies)
