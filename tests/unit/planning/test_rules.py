"""What the rules beyond the defaults do to an allocation: loads, pairs, groups, earlier assignments."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from pydantic import ValidationError

from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.rules import Load, PairRule, PlanRules
from lti_tool.planning.snapshot import Earlier, Snapshot
from lti_tool.services.planning import changes_of, feasibility_of
from tests.builders import review, snapshot, user


def pair(reviewer: int, author: int) -> PairRule:
    return PairRule(reviewer=user(reviewer), author=user(author))


def after(changes: tuple[Change, ...]) -> set[tuple[UserId, UserId]]:
    stays = (ChangeKind.CREATE, ChangeKind.KEEP)
    return {(line.reviewer, line.author) for line in changes if line.kind in stays}


def with_earlier(base: Snapshot, *pairs: tuple[int, int]) -> Snapshot:
    found = tuple((user(reviewer), user(author)) for reviewer, author in pairs)
    return replace(base, earlier=(Earlier(AssignmentId("60"), "Draft", found),))


def test_people_with_a_number_of_their_own_give_it_and_the_rest_stays_even() -> None:
    rules = PlanRules(loads=(Load(user=user(1), gives=0), Load(user=user(2), gives=5)))
    pairs = after(changes_of(snapshot(12), rules, "s"))
    given = Counter(reviewer for reviewer, _ in pairs)
    assert (given[user(1)], given[user(2)], given[user(3)]) == (0, 5, 3)
    received = Counter(author for _, author in pairs)
    assert received[user(1)] >= 2, "who gives nothing is still reviewed"
    assert max(received.values()) - min(received.values()) <= 1


def test_forbidden_pairs_never_come_and_fixed_pairs_always() -> None:
    never = [pair(1, other) for other in range(2, 9)]
    rules = PlanRules(forbidden=tuple(never), fixed=(pair(2, 1), pair(3, 1)))
    for seed in ("a", "b", "c"):
        pairs = after(changes_of(snapshot(12), rules, seed))
        assert not pairs & {found.who for found in never}
        assert {(user(2), user(1)), (user(3), user(1))} <= pairs


def test_an_open_review_of_a_forbidden_pair_goes_and_a_completed_one_stays() -> None:
    base = snapshot(8, reviews=[review(1, 2), review(3, 4, completed=True)])
    rules = PlanRules(forbidden=(pair(1, 2), pair(3, 4)))
    found = {(line.reviewer, line.author): line for line in changes_of(base, rules, "s")}
    assert found[user(1), user(2)].kind is ChangeKind.DELETE
    assert found[user(1), user(2)].reason is ChangeReason.FORBIDDEN_PAIR
    assert found[user(3), user(4)].kind is ChangeKind.KEEP


def test_a_fixed_pair_keeps_an_open_review_that_breaks_the_section_rule() -> None:
    base = snapshot(12, sections=2, reviews=[review(1, 2), review(3, 4)])
    rules = PlanRules(reviews_per_reviewer=2, sections="same", balance="close", fixed=(pair(1, 2),))
    found = {(line.reviewer, line.author): line for line in changes_of(base, rules, "s")}
    assert found[user(1), user(2)].kind is ChangeKind.KEEP
    assert found[user(3), user(4)].reason is ChangeReason.BREAKS_SECTION_RULE


def test_a_new_fixed_pair_says_why_it_comes() -> None:
    lines = changes_of(snapshot(8), PlanRules(fixed=(pair(1, 2),)), "s")
    assert {line.reason for line in lines if (line.reviewer, line.author) == (user(1), user(2))} == {
        ChangeReason.PINNED
    }


def test_pairs_of_people_who_take_no_part_have_no_effect() -> None:
    base = snapshot(8, without_work=(8,), change_people={7: {"state": "inactive"}})
    rules = PlanRules(forbidden=(pair(1, 8), pair(7, 1)), fixed=(pair(2, 7), pair(8, 2)))
    assert feasibility_of(base, rules).works
    assert changes_of(base, rules, "s")


def test_earlier_pairs_come_back_never_or_as_seldom_as_can_be() -> None:
    once = [(r, a) for r in range(1, 7) for a in (r % 6 + 1, (r + 1) % 6 + 1)]
    base = with_earlier(snapshot(6), *once)
    seen = {(user(r), user(a)) for r, a in once}
    never = PlanRules(earlier=("60",), repeats="forbid")
    assert not after(changes_of(base, never, "s")) & seen
    more = never.model_copy(update={"reviews_per_reviewer": 4})
    assert not feasibility_of(base, more).works
    seldom = more.model_copy(update={"repeats": "avoid"})
    assert len(after(changes_of(base, seldom, "s")) & seen) == 6
    assert len(after(changes_of(base, PlanRules(earlier=("61",)), "s")) & seen) > 0


def test_an_open_review_that_repeats_an_earlier_pair_goes_when_repeats_are_forbidden() -> None:
    base = with_earlier(snapshot(8, reviews=[review(1, 2)]), (1, 2))
    lines = changes_of(base, PlanRules(earlier=("60",), repeats="forbid"), "s")
    (gone,) = [line for line in lines if line.kind is ChangeKind.DELETE]
    assert gone.reason is ChangeReason.REPEATS_EARLIER


def test_own_group_means_the_group_set_that_was_chosen() -> None:
    base = snapshot(6, groups={"Lab": [1, 2, 3], "Tutorial": [1, 4, 5, 6]})
    base = replace(base, groups=tuple(replace(group, set_id=group.id) for group in base.groups))
    lab = PlanRules(reviews_per_reviewer=2, group_set="g-Lab")
    pairs = after(changes_of(base, lab, "s"))
    assert not [p for p in pairs if set(p) <= {user(1), user(2), user(3)}]
    assert not feasibility_of(base, PlanRules(reviews_per_reviewer=3)).works, "every set counts without one"


def test_reviews_only_inside_the_own_group() -> None:
    base = snapshot(8, groups={"A": [1, 2, 3, 4], "B": [5, 6, 7, 8]})
    pairs = after(changes_of(base, PlanRules(own_group="only"), "s"))
    assert len(pairs) == 24
    assert all((int(r) <= 104) == (int(a) <= 104) for r, a in pairs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"forbidden": [{"reviewer": "1", "author": "1"}]},
        {"forbidden": [{"reviewer": "1", "author": "2"}], "fixed": [{"reviewer": "1", "author": "2"}]},
        {"loads": [{"user": "1", "gives": 1}, {"user": "1", "gives": 2}]},
        {"loads": [{"user": "1", "gives": -1}]},
    ],
)
def test_rules_that_contradict_themselves_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PlanRules.model_validate(wrong)


def test_shares_between_sections_are_kept_to_the_number() -> None:
    base = snapshot(12, sections=2)
    shares = [
        {"reviewers": "s1", "authors": "s2", "reviews": 2},
        {"reviewers": "s2", "authors": "s1", "reviews": 2},
        {"reviewers": "gone", "authors": "s1", "reviews": 1},
    ]
    rules = PlanRules.model_validate({"section_shares": shares})
    pairs = after(changes_of(base, rules, "s"))
    across = Counter(reviewer for reviewer, author in pairs if (int(reviewer) - int(author)) % 2)
    assert set(across.values()) == {2}
    assert len(across) == 12
    with pytest.raises(ValidationError):
        PlanRules.model_validate({"section_shares": shares, "reviews_per_reviewer": 1})


@pytest.mark.parametrize(("choice", "works"), [("same", 3), ("different", 9)])
def test_members_of_one_group_review_the_same_or_different_works(choice: str, works: int) -> None:
    groups = {f"G{n}": range(3 * n + 1, 3 * n + 4) for n in range(10)}
    base = snapshot(30, groups=groups, group_category_id="1")
    named = {member: group.id for group in base.groups for member in group.members}
    base = replace(base, works=tuple(replace(one, group=named[one.author]) for one in base.works))
    rules = PlanRules.model_validate({"co_authors": choice})
    pairs = after(changes_of(base, rules, "s"))
    for group in base.groups:
        seen = {named[author] for reviewer, author in pairs if reviewer in group.members}
        assert len(seen) == works
