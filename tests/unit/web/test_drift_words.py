"""Each change in Canvas behind a preview, and the sentence that tells it: one row a direction."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lti_tool.planning.drift import DriftKind, find_drift
from lti_tool.planning.drift_words import drift_lines
from lti_tool.planning.snapshot import Snapshot
from tests.builders import NOON, person, review, snapshot

THEN = snapshot(4, sections=2, reviews=[review(1, 2), review(2, 3, completed=True)])
NAMES = {person.id: person.name for person in THEN.people}


def now(**changes: object) -> Snapshot:
    """The same class, read again after ``changes``."""
    given: dict[str, object] = {"people": 4, "sections": 2, "reviews": THEN.reviews, **changes}
    return snapshot(**given)  # type: ignore[arg-type]  # the fields are the rows' business


SWITCHES = (
    ("peer_reviews", "Peer reviews were switched on for this assignment",
     "Peer reviews were switched off for this assignment"),
    ("automatic_peer_reviews", "Canvas now assigns reviews of this assignment automatically",
     "Canvas no longer assigns reviews automatically"),
    ("anonymous_peer_reviews", "Peer reviews are now anonymous", "Peer reviews are no longer anonymous"),
    ("intra_group_peer_reviews", "Canvas now allows reviews within groups",
     "Canvas no longer allows reviews within groups"),
    ("only_visible_to_overrides", "The assignment is now for some students only",
     "The assignment is now for everybody"),
    ("published", "The assignment was published", "The assignment was unpublished"),
)  # fmt: skip
CALM = {name: False for name, _, _ in SWITCHES}
OWN = "Canvas's own allocation of reviews was switched {} in this course"
TABLE: list[tuple[Snapshot, Snapshot, str]] = [
    *((now(**CALM), now(**CALM | {name: True}), on) for name, on, _ in SWITCHES),
    *((now(**CALM | {name: True}), now(**CALM), off) for name, _, off in SWITCHES),
    (THEN, replace(THEN, new_allocation_feature=True), OWN.format("on")),
    (replace(THEN, new_allocation_feature=True), THEN, OWN.format("off")),
    (THEN, now(rubric_id="5"), "A rubric was attached"),
    (now(rubric_id="5"), THEN, "The rubric was removed"),
    (now(rubric_id="5"), now(rubric_id="6"), "The rubric was replaced by another one"),
    (THEN, now(due_at=NOON + timedelta(days=1)), "The due date is now 2026-11-22 12:00 UTC"),
    (THEN, now(due_at=None), "The due date was taken away"),
    (THEN, now(group_category_id="9"), "The group set of the assignment was changed"),
    (THEN, now(groups={"a": [4]}), "Student 4 changed groups"),
    (THEN, now(sections=1), "Student 2 changed sections"),
    (THEN, replace(now(people=3), left=(person(4, state="left"),)), "Student 4 left the course"),
    (THEN, replace(now(people=3), sees_everybody=False),
     "Student 4 isn't in a section that you see in Canvas any more"),
    (now(people=3), now(without_work=[4]), "Student 4 joined the course"),
    (THEN, now(change_people={4: {"state": "inactive"}}), "Student 4 left the course"),
    (THEN, now(without_work=[4]), "The assignment is no longer for Student 4"),
    (now(without_work=[4], change_works={4: {"submitted": False}}),
     now(change_works={4: {"submitted": False}}), "The assignment is now for Student 4 too"),
    (now(change_works={4: {"submitted": False}}), THEN, "Student 4 submitted work"),
    (THEN, now(change_works={4: {"submitted": False}}),
     "The work of Student 4 no longer counts as submitted"),
    (THEN, now(change_works={4: {"excused": True}}), "Student 4 was excused"),
    (now(change_works={4: {"excused": True}}), THEN, "Student 4 is no longer excused"),
    (THEN, now(reviews=[*THEN.reviews, review(3, 4)]),
     "Student 3 was given a review of the work of Student 4"),
    (THEN, now(reviews=[*THEN.reviews, review(1, 2, id_="again")]),
     "Student 1 has one more review of the same work, of Student 2"),
    (THEN, now(reviews=THEN.reviews[1:]), "Student 1 no longer reviews the work of Student 2"),
    (THEN, now(reviews=[review(1, 2, completed=True), THEN.reviews[1]]),
     "Student 1 completed the review of the work of Student 2"),
    (THEN, now(reviews=[THEN.reviews[0], review(2, 3)]),
     "Student 2 has to write the review of the work of Student 3 again"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "told"), TABLE, ids=[row[2] for row in TABLE])
def test_each_change_is_told_in_words(before: Snapshot, after: Snapshot, told: str) -> None:
    said = [str(line) for line in drift_lines(find_drift(before, after), NAMES)]
    assert said[0] == told
    assert len(said) == (2 if "sections" in told else 1), "nothing else has changed"


def test_the_table_has_every_kind() -> None:
    seen = {drift.kind for before, after, _ in TABLE for drift in find_drift(before, after)}
    assert seen == set(DriftKind)


def test_what_concerns_everybody_comes_first() -> None:
    """A banner that shows eight of many must not hide that the assignment was unpublished."""
    after = now(published=False, change_works={number: {"submitted": False} for number in range(1, 5)})
    assert str(drift_lines(find_drift(THEN, after), NAMES)[0]) == "The assignment was unpublished"
