"""Reviews that will not come: others stand in, nobody above the agreed number, nothing written is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lti_tool.planning.board import make_board
from lti_tool.planning.engine_input import engine_input
from lti_tool.planning.holes import HoleKind, find_holes, lacking, not_waited_for
from lti_tool.planning.ids import ReviewId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.rules import PairRule, PlanRules, Volunteer
from lti_tool.planning.snapshot import Review, Snapshot
from lti_tool.planning.taking_part import taking_part
from lti_tool.services.planning import changes_of
from tests.builders import NOON, review, row, snapshot, user

STAY = (ChangeKind.CREATE, ChangeKind.KEEP)


def applied(before: Snapshot, changes: tuple[Change, ...]) -> Snapshot:
    """What Canvas holds after a plan."""
    gone = {line.review_id for line in changes if line.kind is ChangeKind.DELETE}
    kept = [one for one in before.reviews if one.id not in gone]
    new = [
        Review(
            ReviewId(f"n{line.reviewer}-{line.author}"), line.reviewer, line.author, line.submission, False
        )
        for line in changes
        if line.kind is ChangeKind.CREATE
    ]
    return replace(before, reviews=(*kept, *new))


def allocated(people: int = 12, each: int = 3, **given: object) -> Snapshot:
    """A class with its first allocation."""
    base = snapshot(people, **given)  # type: ignore[arg-type]  # names of the builder
    return applied(base, changes_of(base, PlanRules(reviews_per_reviewer=each, seed="first"), "first"))


def overdue(base: Snapshot, *numbers: int) -> tuple[PairRule, ...]:
    """The open reviews of these students, not waited for."""
    lazy = {user(number) for number in numbers}
    return tuple(
        PairRule(reviewer=one.assessor, author=one.assessee)
        for one in base.reviews
        if one.assessor in lazy and not one.written
    )


def coming(changes: tuple[Change, ...]) -> Counter[str]:
    return Counter(
        line.author for line in changes if line.kind in STAY and line.reason is not ChangeReason.NOT_COMING
    )


def test_volunteers_stand_in_and_what_is_overdue_stays_where_it_is() -> None:
    base = allocated()
    missed = overdue(base, 1)
    rules = PlanRules(
        not_coming=missed, volunteers=(Volunteer(user=user(7), up_to=2), Volunteer(user=user(8)))
    )
    changes = changes_of(base, rules, "seed")
    extra = [line for line in changes if line.kind is ChangeKind.CREATE]
    assert Counter(line.reviewer for line in extra) == {user(7): 2, user(8): 1}
    assert {line.reason for line in extra} == {ChangeReason.EXTRA}
    assert sorted(line.author for line in extra) == sorted(pair.author for pair in missed)
    assert not [line for line in changes if line.kind is ChangeKind.DELETE], "nobody else is touched"
    assert set(coming(changes).values()) == {3}
    again = changes_of(applied(base, changes), rules, "another seed")
    assert {line.kind for line in again} == {ChangeKind.KEEP}, "filling up again finds nothing to do"


def test_what_is_deleted_is_not_given_back_to_whom_it_was_taken_from() -> None:
    base = allocated()
    missed = overdue(base, 1)
    rules = PlanRules(
        not_coming=missed, not_coming_reviews="delete", volunteers=(Volunteer(user=user(7), up_to=3),)
    )
    changes = changes_of(base, rules, "seed")
    gone = [line for line in changes if line.kind is ChangeKind.DELETE]
    assert {(line.reviewer, line.author) for line in gone} == {pair.who for pair in missed}
    assert {line.reason for line in gone} == {ChangeReason.NOT_COMING_DELETED}
    after = applied(base, changes)
    assert {line.kind for line in changes_of(after, rules, "later")} == {ChangeKind.KEEP}


def test_spare_reviewers_come_before_volunteers_and_are_let_go_when_needed_no_longer() -> None:
    base = allocated(change_works={12: {"submitted": False}})
    missed = overdue(base, 1)
    rules = PlanRules(
        not_coming=missed, spare=(user(12),), volunteers=(Volunteer(user=user(7), up_to=3),), loads=()
    )
    assert user(12) in taking_part(base, rules).in_reserve
    changes = changes_of(base, rules, "seed")
    extra = [line for line in changes if line.kind is ChangeKind.CREATE]
    assert {line.reviewer for line in extra} == {user(12)}
    after = applied(base, changes)
    written = tuple(
        replace(one, completed=True) if (one.assessor, one.assessee) == missed[0].who else one
        for one in after.reviews
    )
    later = changes_of(replace(after, reviews=written), rules, "seed")
    (gone,) = [line for line in later if line.kind is ChangeKind.DELETE]
    assert (gone.reviewer, gone.author) == (user(12), missed[0].author)
    assert gone.reason is ChangeReason.EXTRA_NOT_NEEDED


def test_what_nobody_can_take_over_is_named_for_staff() -> None:
    base = allocated()
    missed = overdue(base, 1)
    rules = PlanRules(not_coming=missed, volunteers=(Volunteer(user=user(7), up_to=1),))
    changes = changes_of(base, rules, "seed")
    short = lacking(engine_input(base, rules), changes)
    assert [(one.coming, one.missing) for one in short] == [(2, 1)] * 2
    assert {one.authors[0] for one in short} < {pair.author for pair in missed}


def test_what_stays_on_a_list_counts_for_its_length() -> None:
    base = snapshot(
        12,
        reviews=[review(1, author) for author in (2, 3, 11, 12)],
        change_people={11: {"state": "inactive"}, 12: {"state": "inactive"}},
    )
    changes = changes_of(base, PlanRules(reviews_per_reviewer=3, not_coming=overdue(base, 1)), "seed")
    hers = Counter(line.kind for line in changes if line.reviewer == user(1))
    assert hers == {ChangeKind.KEEP: 2, ChangeKind.BLOCKED: 2}, "four already, and four is the most"


def test_holes_are_found_by_their_kind() -> None:
    base = snapshot(
        8,
        reviews=[
            review(1, 6),
            review(2, 6),
            review(3, 6),
            review(4, 6),
            review(5, 6, completed=True),
            replace(review(7, 6), started=True),
            review(1, 8),
        ],
        change_people={1: {"state": "concluded"}, 2: {"state": "inactive"}, 8: {"state": "inactive"}},
        change_works={3: {"excused": True}},
    )
    kinds = {one.review.assessor: one.kind for one in find_holes(base, None, NOON)}
    assert kinds == {user(1): HoleKind.LEFT, user(2): HoleKind.INACTIVE, user(3): HoleKind.EXCUSED}
    late = find_holes(base, NOON, NOON + timedelta(hours=1))
    assert {one.review.assessor: one.kind for one in late} == {**kinds, user(4): HoleKind.OVERDUE}
    assert {one.review.assessor for one in late if one.deletable} == {user(3), user(4)}
    chosen = not_waited_for(late, {HoleKind.OVERDUE, HoleKind.LEFT}, (), dict.fromkeys(HoleKind, "why"))
    assert [pair.who for pair in chosen] == [(user(4), user(6))], "who cannot write needs no rule"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whoever_fails_to_write_nobody_gets_too_much_and_every_hole_is_filled_or_named(
    data: st.DataObject,
) -> None:
    people = data.draw(st.integers(6, 12), label="students")
    each = data.draw(st.integers(1, 3), label="reviews each")
    base = allocated(people, each, sections=data.draw(st.integers(1, 2)))
    states = [data.draw(st.sampled_from(["open", "open", "begun", "completed"])) for _ in base.reviews]
    base = replace(
        base,
        reviews=tuple(
            replace(one, completed=state == "completed", started=state == "begun")
            for one, state in zip(base.reviews, states, strict=True)
        ),
    )
    numbers = st.sets(st.integers(1, people), max_size=people // 2)
    lazy = data.draw(numbers, label="will not write")
    ready = data.draw(
        st.dictionaries(st.integers(1, people), st.integers(1, 3), max_size=4), label="volunteers"
    )
    most = data.draw(st.none() | st.integers(each, each + 2), label="most")
    rules = PlanRules(
        reviews_per_reviewer=each,
        not_coming=overdue(base, *lazy),
        not_coming_reviews=data.draw(st.sampled_from(["stay", "delete"])),
        volunteers=tuple(Volunteer(user=user(one), up_to=up_to) for one, up_to in ready.items()),
        mutual=data.draw(st.sampled_from(["avoid", "allowed"])),
        most=most,
    )
    changes = changes_of(base, rules, "seed")
    written = {one.id for one in base.reviews if one.written}
    assert written <= {line.review_id for line in changes if line.kind is ChangeKind.KEEP}
    given_ = Counter(line.reviewer for line in changes if line.kind in STAY)
    for number in range(1, people + 1):
        room = ready.get(number, 0)
        if most is not None:
            room = min(room, most - each)
        assert given_[user(number)] <= each + room
    missed = Counter(pair.author for pair in rules.not_coming)
    have = coming(changes)
    short = {one.authors[0]: one.missing for one in lacking(engine_input(base, rules), changes)}
    for number in range(1, people + 1):
        assert have[user(number)] + short.get(user(number), 0) == each, "filled, or named; never more"
    extra = [line for line in changes if line.reason is ChangeReason.EXTRA]
    assert len(extra) + sum(short.values()) == sum(missed.values()), "no more extra reviews than holes"
    assert all(missed[line.author] for line in extra)
    assert not [line for line in changes if line.reason in (ChangeReason.MOVED, ChangeReason.MOVED_FOREIGN)]
    helpers = {number for number in ready if user(number) not in {pair.reviewer for pair in rules.not_coming}}
    pairs = {(line.reviewer, line.author) for line in changes if line.kind is not ChangeKind.DELETE}
    barred = {pair.who for pair in rules.not_coming}
    for author in short:
        for number in helpers:
            room = min(ready[number], most - each) if most is not None else ready[number]
            free = given_[user(number)] < each + room
            able = author != user(number) and not {(user(number), author)} & (pairs | barred)
            assert not (free and able), "somebody could have stood in"
    after = changes_of(applied(base, changes), rules, "another")
    assert {line.kind for line in after} <= {ChangeKind.KEEP}, "a second time changes nothing"


def test_a_spare_reviewer_who_handed_in_is_reviewed_but_gives_none() -> None:
    base = snapshot(12)
    changes = changes_of(base, PlanRules(spare=(user(5),)), "seed")
    given_ = Counter(line.reviewer for line in changes)
    assert given_[user(5)] == 0
    assert set(coming(changes).values()) == {2, 3}
    assert row(5) in {line.submission for line in changes}


# --- people who leave --------------------------------------------------------------------------------------

STATES = ("inactive", "concluded", "left")


def departed(base: Snapshot, states: Mapping[int, str]) -> Snapshot:
    """The class after these students left, each in one way; whose enrollment is deleted has no row either."""
    gone = {user(number): state for number, state in states.items()}
    changed = [replace(one, state=gone.get(one.id, one.state)) for one in base.people]  # type: ignore[arg-type]
    return replace(
        base,
        people=tuple(one for one in changed if one.state != "left"),
        left=(*base.left, *(one for one in changed if one.state == "left")),
        works=tuple(one for one in base.works if one.author not in gone),
        sees_everybody=True,
    )


@pytest.mark.parametrize("state", STATES)
def test_who_leaves_is_repaired_alike_in_every_way_of_leaving(state: str) -> None:
    """12 students with three reviews each, and one leaves: three submissions would keep two."""
    base = departed(allocated(), {5: state})
    holes = find_holes(base, None, NOON)
    assert {one.review.assessor for one in holes} == {user(5)}
    assert len(holes) == 3
    changes = changes_of(base, PlanRules(reviews_per_reviewer=3, seed="first"), "again")
    assert set(coming(changes).values()) == {3}
    blocked = {line.author for line in changes if line.reason is ChangeReason.REVIEWER_LEFT}
    assert blocked == {one.review.assessee for one in holes}, "the preview names each"
    kinds = Counter(line.kind for line in changes)
    assert (kinds[ChangeKind.CREATE], kinds[ChangeKind.DELETE]) == (3, 0), "three new ones, and none is moved"


def test_a_review_that_somebody_began_and_left_will_not_come() -> None:
    base = snapshot(
        4, reviews=[replace(review(1, 2), started=True)], change_people={1: {"state": "inactive"}}
    )
    assert [one.kind for one in find_holes(base, None, NOON)] == [HoleKind.INACTIVE]
    assert make_board([base], {}, NOON).totals.lost == 1


def test_a_ta_of_one_section_sees_no_hole_where_she_sees_no_reviewer() -> None:
    base = replace(snapshot(4, reviews=[review(9, 2)]), sees_everybody=False)
    assert find_holes(base, None, NOON) == ()
    assert make_board([base], {}, NOON).totals.lost == 0
    changes = changes_of(base, PlanRules(reviews_per_reviewer=1), "seed")
    (hers,) = [line for line in changes if line.reviewer == user(9)]
    assert (hers.kind, hers.reason) == (ChangeKind.KEEP, ChangeReason.NOT_VISIBLE)


def test_a_reviewer_of_whom_nothing_is_known_is_named_and_left_alone() -> None:
    base = replace(snapshot(4, reviews=[review(9, 2)]), sees_everybody=None)
    assert [(one.kind, one.deletable) for one in find_holes(base, None, NOON)] == [(HoleKind.UNKNOWN, False)]
    changes = changes_of(base, PlanRules(reviews_per_reviewer=1), "seed")
    assert [line.kind for line in changes if line.reviewer == user(9)] == [ChangeKind.KEEP]


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_three_rounds_of_departures_leave_every_submission_whole_or_named(data: st.DataObject) -> None:
    """Whatever way people leave and however many: the promised number, or a name on the list of what lacks
    (reviews of authors who left stay on lists, which grow only so far)."""
    number, each = data.draw(st.integers(8, 14)), data.draw(st.integers(1, 3))
    base = allocated(number, each)
    rules = PlanRules(reviews_per_reviewer=each, seed="first")
    here = set(range(1, number + 1))
    for turn in range(3):
        most = min(2, len(here) - each - 2)
        leaving = data.draw(st.lists(st.sampled_from(sorted(here)), max_size=max(0, most), unique=True))
        base = departed(base, {one: data.draw(st.sampled_from(STATES)) for one in leaving})
        here -= set(leaving)
        holes = {one.review.id for one in find_holes(base, None, NOON)}
        lost = [one for one in base.reviews if base.is_lost(one) and not base.is_for_nobody(one)]
        assert {one.id for one in lost} == holes
        assert make_board([base], {}, NOON).totals.lost == len(lost), "the board counts what the list names"
        given_ = engine_input(base, rules)
        changes = changes_of(base, rules, f"round {turn}")
        named = {author for work in lacking(given_, changes) for author in work.authors}
        have = coming(changes)
        assert all(have[user(one)] >= each or user(one) in named for one in here)
        blocked = {line.review_id for line in changes if line.reason is ChangeReason.REVIEWER_LEFT}
        assert holes <= blocked, "the preview names each"
        base = applied(base, changes)
