"""The fingerprint is of what Canvas said, not of the order or the time in which it said it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lti_tool.planning.drift import DriftKind, find_drift
from lti_tool.planning.snapshot import Presence
from tests.builders import person, review, snapshot, user


def test_order_and_time_do_not_change_the_fingerprint() -> None:
    base = snapshot(6, sections=2, groups={"a": [1, 2]}, reviews=[review(1, 2), review(2, 3)])
    shuffled = replace(
        base,
        people=base.people[::-1],
        works=base.works[::-1],
        reviews=base.reviews[::-1],
        sections=base.sections[::-1],
        taken_at=base.taken_at + timedelta(hours=1),
    )
    assert shuffled.fingerprint == base.fingerprint


def test_every_change_of_content_changes_the_fingerprint() -> None:
    base = snapshot(6, reviews=[review(1, 2)])
    others = [
        snapshot(6),
        snapshot(6, reviews=[review(1, 2, completed=True)]),
        snapshot(6, reviews=[review(1, 2)], change_people={3: {"state": "inactive"}}),
        snapshot(6, reviews=[review(1, 2)], change_works={3: {"submitted": False}}),
        snapshot(6, reviews=[review(1, 2)], rubric_id="5"),
        snapshot(6, reviews=[review(1, 2)], groups={"a": [1]}),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 7


def test_drift_names_what_changed_and_whom_it_concerns() -> None:
    then = snapshot(6, sections=2, reviews=[review(1, 2), review(2, 3)])
    now = snapshot(
        7,
        sections=2,
        groups={"a": [4]},
        reviews=[review(1, 2, completed=True), review(5, 6)],
        change_people={3: {"state": "inactive"}},
        rubric_id="8",
    )
    found = {(drift.kind, drift.people) for drift in find_drift(then, now)}
    assert found == {
        (DriftKind.REVIEW_ADDED, (user(5), user(6))),
        (DriftKind.REVIEW_GONE, (user(2), user(3))),
        (DriftKind.REVIEW_COMPLETED, (user(1), user(2))),
        (DriftKind.PERSON_JOINED, (user(7),)),
        (DriftKind.PERSON_LEFT, (user(3),)),
        (DriftKind.WORK_SUBMITTED, (user(7),)),
        (DriftKind.RUBRIC_CHANGED, ()),
        (DriftKind.GROUP_CHANGED, (user(4),)),
    }
    assert find_drift(then, then) == ()


@pytest.mark.parametrize(
    ("state", "presence"),
    [
        ("active", Presence.HERE),
        ("invited", Presence.HERE),
        ("inactive", Presence.LEFT),
        ("concluded", Presence.LEFT),
        ("left", Presence.LEFT),
    ],
)
@pytest.mark.parametrize("sees_everybody", [True, False, None])
def test_an_enrollment_says_who_is_here_and_who_left(
    state: str, presence: Presence, sees_everybody: bool | None
) -> None:
    one = person(1, state=state)
    lists = {"left": (one,), "people": ()} if state == "left" else {"people": (one,), "left": ()}
    made = replace(snapshot(0), sees_everybody=sees_everybody, **lists)  # type: ignore[arg-type]  # two tuples
    assert made.presence(user(1)) is presence


@pytest.mark.parametrize(
    ("sees_everybody", "presence"),
    [(True, Presence.UNKNOWN), (None, Presence.UNKNOWN), (False, Presence.NOT_VISIBLE)],
)
def test_a_name_that_no_list_has_is_never_somebody_who_left(
    sees_everybody: bool | None, presence: Presence
) -> None:
    assert replace(snapshot(3), sees_everybody=sees_everybody).presence(user(9)) is presence


@pytest.mark.parametrize(
    ("was", "now", "kinds"),
    [
        (False, False, []),
        (True, True, []),
        (False, True, [DriftKind.REVIEW_COMPLETED]),
        (True, False, [DriftKind.REVIEW_REOPENED]),
    ],
)
def test_a_pair_that_was_deleted_and_made_again_is_one_review(
    was: bool, now: bool, kinds: list[DriftKind]
) -> None:
    then = snapshot(3, reviews=[review(1, 2, completed=was)])
    later = snapshot(3, reviews=[review(1, 2, completed=now, id_="again")])
    assert [one.kind for one in find_drift(then, later)] == kinds


def test_rows_of_a_pair_that_come_and_go_are_counted() -> None:
    one, two = review(1, 2), review(1, 2, id_="again")
    none, single, double = snapshot(3), snapshot(3, reviews=[one]), snapshot(3, reviews=[one, two])
    assert [found.kind for found in find_drift(single, double)] == [DriftKind.REVIEW_DOUBLED]
    assert [found.kind for found in find_drift(double, single)] == [DriftKind.REVIEW_GONE]
    assert [found.kind for found in find_drift(none, single)] == [DriftKind.REVIEW_ADDED]
    assert [found.kind for found in find_drift(double, none)] == [DriftKind.REVIEW_GONE] * 2
