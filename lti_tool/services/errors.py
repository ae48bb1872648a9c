"""What can go wrong in a use case, by meaning; ``web.errors`` and ``cli`` turn each into words.

ServiceError
├── NotConnected            no usable Canvas token of this person
├── NotHere                 no such plan, run or assignment in this course (or not yours to see)
├── PeerReviewsNotPossible  Canvas has no peer reviews for this kind of assignment
├── NobodyToAllocate        fewer than two students take part
├── RulesUnfit              the rules contradict themselves, or what the course has
├── RulesChanged            somebody else saved other rules meanwhile: look at both, then choose
├── PlanOutdated            an update came in between or is under way, or the plan is too old: plan again
├── PlanEmpty               nothing to apply
├── AnotherRunActive        somebody else's run of this assignment is under way
├── RunNotPaused            nothing to resume
├── NothingToUndo           the run changed nothing that can be taken back
├── NothingToSend           nobody would get a reminder, or nobody's points would change
├── CreditChanged           the points are not those that were approved: look again
├── CreditTargetUnfit       points cannot go into this assignment
├── CanvasBusy              too many pages wait for this Canvas: asked again by the browser
└── ConnectFailed           the consent at Canvas did not end in a token
    └── ExchangeWaits       not yet: Canvas asks to slow down; asked again by the browser
"""

from __future__ import annotations

from datetime import datetime

from allocation.sentences import N_, Mention, Sentence, Value, sentence
from lti_tool.planning.ids import PlanId, RunId
from lti_tool.planning.rules import PlanRules


class ServiceError(Exception):
    """Base; the words are for the person, and say what to do.

    Args:
        words: a template marked with ``N_``, its ``values`` beside it; or a sentence made elsewhere.
    """

    def __init__(self, words: str | Sentence, /, **values: Value) -> None:
        self.words = sentence(words, **values)
        super().__init__(str(self.words))


class NotConnected(ServiceError):
    """There is no usable Canvas token of this person for this Canvas."""


class NotHere(ServiceError):
    """The thing named does not exist in the actor's course."""


class PeerReviewsNotPossible(ServiceError):
    """Canvas did not switch peer reviews on for this kind of assignment."""


class NobodyToAllocate(ServiceError):
    """Fewer than two students take part, so nobody could review anybody."""


class RulesUnfit(ServiceError):
    """The rules cannot be used with these people; says which two things contradict each other."""


class RulesChanged(ServiceError):
    """Somebody else saved other rules meanwhile; nothing was saved.

    Attributes:
        mine: the rules that were to be saved.
        theirs: those that are saved.
        version: their version; a write over this one is accepted.
        by: who saved them.
        at: when.
    """

    def __init__(
        self, mine: PlanRules, theirs: PlanRules, *, version: int, by: str, at: datetime | None
    ) -> None:
        if at is None:
            super().__init__(N_("These rules are not saved any more. Nothing was saved now."))
        else:
            super().__init__(
                N_("%(who)s saved other rules at %(when)s. Nothing was saved now."),
                who=Mention("person", by),
                when=at,
            )
        self.mine = mine
        self.theirs = theirs
        self.version = version
        self.by = by
        self.at = at


class EditRefused(ServiceError):
    """No rule can make this edit possible."""


class NameInUse(ServiceError):
    """Another set of rules has this name; ``version`` is that set's, for whoever means to replace it."""

    def __init__(self, words: str | Sentence, /, *, version: int | None = None, **values: Value) -> None:
        super().__init__(words, **values)
        self.version = version


class PlanOutdated(ServiceError):
    """The plan may no longer be applied as it is.

    Args:
        plan_id: the plan, for whoever plans again; None where the cause is another one.
        run_id: the update that came in between, if one did.
        undo_of: the update that the plan takes back, if it does.
        active: whether that update is still under way, so that planning again must wait for it.
    """

    def __init__(
        self,
        words: str | Sentence,
        /,
        *,
        plan_id: PlanId | None = None,
        run_id: RunId | None = None,
        undo_of: RunId | None = None,
        active: bool = False,
        **values: Value,
    ) -> None:
        super().__init__(words, **values)
        if run_id is not None:
            self.args = (f"This plan is out of date. {self.words}",)
        self.plan_id = plan_id
        self.run_id = run_id
        self.undo_of = undo_of
        self.active = active


class PlanEmpty(ServiceError):
    """Canvas already matches the plan."""


class AnotherRunActive(ServiceError):
    """One run at a time per assignment."""

    def __init__(
        self, words: str | Sentence, /, *, run_id: RunId, by: str, since: datetime, done: int, total: int
    ):
        super().__init__(words)
        self.run_id = run_id
        self.by = by
        self.since = since
        self.done = done
        self.total = total


class RunNotPaused(ServiceError):
    """There is nothing to resume."""


class RunOfLaterVersion(ServiceError):
    """A newer version of the program works on the run; this one does not touch it."""


class NothingToUndo(ServiceError):
    """No effect of the run can be taken back."""


class NothingToSend(ServiceError):
    """Nobody would get a reminder, or nobody's points would change."""


class CreditChanged(ServiceError):
    """What would be posted is no longer what was approved."""


class CreditTargetUnfit(ServiceError):
    """The chosen assignment cannot receive points for reviews."""


class ConnectFailed(ServiceError):
    """Canvas did not give a token: refused, expired, or for another person."""
