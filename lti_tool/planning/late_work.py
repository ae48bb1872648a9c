"""What a plan does about late work, in numbers and in one sentence: whom it takes in, at what price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from allocation.sentences import Listing, Mention, Sentence, counted, in_a_row, sentence
from lti_tool.planning.engine_input import EngineInput
from lti_tool.planning.ids import UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason, Plan
from lti_tool.planning.snapshot import Snapshot

MOVED = (ChangeReason.MOVED, ChangeReason.MOVED_FOREIGN)
NAMED = 12
"""At most so many late authors are named in a sentence."""


@dataclass(frozen=True, slots=True)
class TopUp:
    """A plan upon reviews that exist.

    ``late`` are authors whose work nobody reviews yet; ``added`` are reviews more than before; ``moved`` open
    reviews go to others, ``fewest`` being proven to be the smallest number; ``over`` students have more than
    ``most`` reviews on their lists. ``extra`` reviews stand in for some that will not come.
    """

    late: tuple[UserId, ...]
    added: int
    moved: int
    fewest: int
    over: int
    most: int
    extra: int

    @property
    def proven(self) -> bool:
        """Whether no plan could have moved fewer."""
        return self.moved <= self.fewest


def top_up(snapshot: Snapshot, plan: Plan, given: EngineInput, fewest: Callable[[], int]) -> TopUp | None:
    """The numbers of a plan; None where nothing existed before, or nothing of it was to be kept.

    ``fewest`` works out the proven minimum of moves, where something is moved at all.
    """
    if not snapshot.reviews or plan.undo_of is not None or plan.rules.existing != "keep":
        return None
    reviewed = {given.work_for_row.get(one.submission, one.submission) for one in snapshot.reviews}
    late = tuple(
        UserId(author)
        for work in given.roster.submissions
        if work.id not in reviewed
        for author in work.authors
    )
    moved = sum(line.reason in MOVED for line in plan.changes)
    most = plan.rules.most or plan.rules.reviews_per_reviewer + 1
    allowed = {one.user: given.reserve.owes.get(one.user, 0) + one.room for one in given.reserve.helpers}
    own = plan.rules.gives
    lists = Counter(line.reviewer for line in plan.changes if line.kind is not ChangeKind.DELETE)
    return TopUp(
        late=late,
        added=plan.counts[ChangeKind.CREATE] - moved - _extras(plan.changes),
        moved=moved,
        fewest=min(moved, fewest()) if moved else 0,
        over=sum(
            number > max(most, allowed.get(user, 0), own.get(user, 0)) for user, number in lists.items()
        ),
        most=most,
        extra=_extras(plan.changes),
    )


def _extras(changes: tuple[Change, ...]) -> int:
    return sum(line.reason is ChangeReason.EXTRA for line in changes)


def top_up_sentences(found: TopUp, snapshot: Snapshot) -> tuple[Sentence, ...]:
    """What to say of it: the headline, who is late, and how sure it is that nothing less would do."""
    over = counted(
        "%(num)s student over %(most)s", "%(num)s students over %(most)s", found.over, most=found.most
    )
    headline = counted(
        "%(num)s late author: +%(added)s, %(moved)s moved, %(over)s.",
        "%(num)s late authors: +%(added)s, %(moved)s moved, %(over)s.",
        len(found.late),
        added=found.added,
        moved=found.moved,
        over=over,
    )
    said = [headline]
    if found.late:
        names = tuple(_mention(snapshot, user) for user in found.late[:NAMED])
        more = len(found.late) - len(names)
        who = sentence("Late: %(names)s.", names=Listing(names))
        if more:
            who = counted(
                "Late: %(names)s and %(num)s more.", "Late: %(names)s and %(num)s more.", more,
                names=Listing(names),
            )  # fmt: skip
        said.append(who)
    if found.extra:
        said.append(
            counted(
                "%(num)s extra review stands in for one that will not come.",
                "%(num)s extra reviews stand in for some that will not come.",
                found.extra,
            )
        )
    said.append(_proof(found))
    return tuple(said)


def _proof(found: TopUp) -> Sentence:
    if not found.moved:
        return sentence("No open review is moved; completed and begun ones stay as they are.")
    if found.proven:
        return in_a_row(
            [
                counted(
                    "%(num)s open review is moved; it is proven that fewer cannot do.",
                    "%(num)s open reviews are moved; it is proven that fewer cannot do.",
                    found.moved,
                ),
                sentence("Completed and begun ones stay as they are."),
            ]
        )
    return counted(
        "%(num)s open review is moved; %(fewest)s would be enough.",
        "%(num)s open reviews are moved; %(fewest)s would be enough.",
        found.moved,
        fewest=found.fewest,
    )


def _mention(snapshot: Snapshot, user: UserId) -> Mention:
    person = snapshot.people_by_id.get(user)
    return Mention("person", user, person.name if person else "")
