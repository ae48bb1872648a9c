"""What can go wrong between the driver, its journal and the people who start runs."""

from __future__ import annotations

from datetime import datetime

from allocation.sentences import Mention, Sentence, counted, sentence
from lti_tool.planning.freshness import OurRun
from lti_tool.planning.ids import RunId


class LeaseLost(Exception):
    """Another worker drives this run now, or may; whoever gets this stops and touches nothing."""


class CancelRequested(Exception):
    """Somebody asked to stop the run; no further change is sent."""


class PauseRequested(Exception):
    """Somebody asked for a pause; no further change is sent until somebody says so."""


class JournalUnavailable(Exception):
    """The journal could not be written or read, so nothing may be sent; steps under way are in doubt."""


class UnknownRun(LookupError):
    """There is no run with this id."""


class NotResumable(Exception):
    """The run is not paused, so there is nothing to resume. ``state`` says where it stands."""

    def __init__(self, state: str) -> None:
        self.words = sentence("This run is not paused, so there is nothing to resume.")
        super().__init__(str(self.words))
        self.state = state


class OfLaterVersion(Exception):
    """The run is in a state that only a later version of this program knows; this one changes nothing."""

    def __init__(self) -> None:
        self.words = sentence(
            "A newer version of this tool works on this run. Try again when the update is complete."
        )
        super().__init__(str(self.words))


class PlanOvertaken(Exception):
    """Another run changed the assignment after the plan's snapshot, so the plan can't be applied any more.

    Attributes:
        run: that run, which is over.
        made: how many changes it made.
    """

    def __init__(self, run: OurRun, made: int) -> None:
        self.words = overtaken_words(run, made)
        super().__init__(str(self.words))
        self.run = run
        self.made = made


def overtaken_words(run: OurRun, made: int) -> Sentence:
    """Who changed the assignment since a plan was made, what and when."""
    when = run.ended or run.began
    who = Mention("person", run.by_name)
    if run.undo:
        return counted(
            "%(who)s undid an update of this assignment at %(when)s (%(num)s change).",
            "%(who)s undid an update of this assignment at %(when)s (%(num)s changes).",
            made,
            who=who,
            when=when,
        )
    return counted(
        "%(who)s applied %(num)s change to this assignment at %(when)s.",
        "%(who)s applied %(num)s changes to this assignment at %(when)s.",
        made,
        who=who,
        when=when,
    )


class ActiveRunExists(Exception):
    """Another run of this assignment is not over yet; one at a time.

    Attributes:
        run: that run.
        who: name of the person who started it.
        since: when.
        done, total: how many of its changes are settled, of how many.
    """

    def __init__(self, run: RunId, who: str, since: datetime, done: int, total: int) -> None:
        self.words = sentence(
            "%(who)s is already applying changes to this assignment (since %(since)s, %(done)s of %(total)s "
            "done); wait until that run is over, or stop it.",
            who=Mention("person", who),
            since=since,
            done=done,
            total=total,
        )
        super().__init__(str(self.words))
        self.run = run
        self.who = who
        self.since = since
        self.done = done
        self.total = total
