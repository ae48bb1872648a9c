"""What changed in Canvas, as sentences; pages translate them, the command line says them as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from allocation.sentences import N_, Mention, Sentence
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.ids import UserId

_DRIFT: Mapping[tuple[DriftKind, bool | None], str] = {
    (DriftKind.UNPUBLISHED, None): N_("The assignment was unpublished"),
    (DriftKind.PUBLISHED, None): N_("The assignment was published"),
    (DriftKind.NEW_ALLOCATION_SWITCHED, True): N_(
        "Canvas's own allocation of reviews was switched on in this course"
    ),
    (DriftKind.NEW_ALLOCATION_SWITCHED, False): N_(
        "Canvas's own allocation of reviews was switched off in this course"
    ),
    (DriftKind.AUTOMATIC_SWITCHED, True): N_("Canvas now assigns reviews of this assignment automatically"),
    (DriftKind.AUTOMATIC_SWITCHED, False): N_("Canvas no longer assigns reviews automatically"),
    (DriftKind.PEER_REVIEWS_SWITCHED, True): N_("Peer reviews were switched on for this assignment"),
    (DriftKind.PEER_REVIEWS_SWITCHED, False): N_("Peer reviews were switched off for this assignment"),
    (DriftKind.RUBRIC_CHANGED, True): N_("A rubric was attached"),
    (DriftKind.RUBRIC_CHANGED, False): N_("The rubric was removed"),
    (DriftKind.RUBRIC_CHANGED, None): N_("The rubric was replaced by another one"),
    (DriftKind.DUE_DATE_CHANGED, True): N_("The due date is now %(when)s"),
    (DriftKind.DUE_DATE_CHANGED, False): N_("The due date was taken away"),
    (DriftKind.ASSIGNED_TO_CHANGED, True): N_("The assignment is now for some students only"),
    (DriftKind.ASSIGNED_TO_CHANGED, False): N_("The assignment is now for everybody"),
    (DriftKind.GROUP_SET_CHANGED, None): N_("The group set of the assignment was changed"),
    (DriftKind.WITHIN_GROUPS_SWITCHED, True): N_("Canvas now allows reviews within groups"),
    (DriftKind.WITHIN_GROUPS_SWITCHED, False): N_("Canvas no longer allows reviews within groups"),
    (DriftKind.ANONYMOUS_SWITCHED, True): N_("Peer reviews are now anonymous"),
    (DriftKind.ANONYMOUS_SWITCHED, False): N_("Peer reviews are no longer anonymous"),
    (DriftKind.PERSON_LEFT, None): N_("%(person)s left the course"),
    (DriftKind.PERSON_HIDDEN, None): N_("%(person)s isn't in a section that you see in Canvas any more"),
    (DriftKind.PERSON_JOINED, None): N_("%(person)s joined the course"),
    (DriftKind.ASSIGNED_SWITCHED, True): N_("The assignment is now for %(person)s too"),
    (DriftKind.ASSIGNED_SWITCHED, False): N_("The assignment is no longer for %(person)s"),
    (DriftKind.WORK_SUBMITTED, None): N_("%(person)s submitted work"),
    (DriftKind.WORK_WITHDRAWN, None): N_("The work of %(person)s no longer counts as submitted"),
    (DriftKind.EXCUSED_SWITCHED, True): N_("%(person)s was excused"),
    (DriftKind.EXCUSED_SWITCHED, False): N_("%(person)s is no longer excused"),
    (DriftKind.SECTION_CHANGED, None): N_("%(person)s changed sections"),
    (DriftKind.GROUP_CHANGED, None): N_("%(person)s changed groups"),
    (DriftKind.REVIEW_ADDED, None): N_("%(person)s was given a review of the work of %(other)s"),
    (DriftKind.REVIEW_DOUBLED, None): N_("%(person)s has one more review of the same work, of %(other)s"),
    (DriftKind.REVIEW_GONE, None): N_("%(person)s no longer reviews the work of %(other)s"),
    (DriftKind.REVIEW_COMPLETED, None): N_("%(person)s completed the review of the work of %(other)s"),
    (DriftKind.REVIEW_REOPENED, None): N_(
        "%(person)s has to write the review of the work of %(other)s again"
    ),
}
"""By what changed and in which direction; in the order in which one wants to know it."""
_DRIFT_ORDER = {kind: place for place, (kind, _) in enumerate(_DRIFT)}


def drift_lines(drift: Sequence[Drift], names: Mapping[UserId, str]) -> list[Sentence]:
    """Every difference as a sentence with display names: first what concerns all, reviews last."""
    lines = []
    for one in sorted(drift, key=lambda one: _DRIFT_ORDER[one.kind]):
        values: dict[str, Mention | datetime] = {
            place: Mention("person", user, names.get(user, user))
            for place, user in zip(("person", "other"), one.people, strict=False)
        }
        if one.at is not None:
            values["when"] = one.at
        lines.append(Sentence(_DRIFT[one.kind, one.on], values))
    return lines
