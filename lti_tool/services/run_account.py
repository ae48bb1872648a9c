"""The one report of a run: all that pages and command line say about it, as sentences with names; pure.

The command line prints an account, as text or JSON; the page of a run shows the same one with a button for
each step that it offers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from allocation.sentences import N_, NOTHING, Mention, Sentence, counted, in_a_row, sentence
from lti_tool.applying.answers import Why
from lti_tool.applying.report import Attendance, Progress, ReportedStep, RunReport, worth_trying
from lti_tool.applying.states import PAUSED, RunState, StepClass
from lti_tool.applying.stops import scope_lacking
from lti_tool.applying.verification import BY_OTHERS, Mismatch, MismatchKind
from lti_tool.applying.words import CLASS_WORDS, MISMATCH_WORDS, STATE_WORDS, WHY_WORDS
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.drift_words import drift_lines
from lti_tool.planning.ids import SubmissionId, UserId
from lti_tool.planning.snapshot import Snapshot

GOOD = frozenset({StepClass.DONE, StepClass.ALREADY_THERE, StepClass.ALREADY_GONE})
"""Canvas is as the plan's line wanted it."""
WAITING = frozenset({StepClass.PENDING, StepClass.PAUSED})


class Next(StrEnum):
    """One thing that a person can do about a run. Pages have a button for it, the command line a command."""

    WAIT = "wait"
    START_WORKER = "start_worker"
    ADD_SCOPE = "add_scope"
    CONNECT = "connect"
    CHECK_ROLE = "check_role"
    CHECK_DATABASE = "check_database"
    LOOK_IN_CANVAS = "look_in_canvas"
    RESUME = "resume"
    INSTALL_UPDATE = "install_update"
    TRY_AGAIN = "try_again"
    PLAN_AGAIN = "plan_again"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do, in words."""

    what: Next
    words: Sentence


@dataclass(frozen=True, slots=True)
class ToldStep:
    """A change that was not made, with the names of its people and the reason."""

    step: ReportedStep
    reviewer: str
    author: str
    why: Sentence


@dataclass(frozen=True, slots=True)
class ToldMismatch:
    """One way in which Canvas differs from what the run did, in words."""

    kind: MismatchKind
    words: Sentence


@dataclass(frozen=True, slots=True)
class RunAccount:
    """What is said about one run.

    ``state`` is one status; ``result`` how many changes were made; ``because`` why the run waits or stopped;
    ``standing`` whether anything drives it. ``causes`` are the reasons of ``not_made`` with their numbers; a
    run that never sent anything lists nothing, since its result says so.
    """

    state: Sentence
    result: Sentence
    because: Sentence
    standing: Sentence
    causes: tuple[tuple[Sentence, int], ...]
    not_made: tuple[ToldStep, ...]
    verified: Sentence
    mismatches: tuple[ToldMismatch, ...]
    out_of_date: tuple[Sentence, ...]
    """What others changed that made the plan out of date; ``drift`` is what they changed besides."""
    drift: tuple[Sentence, ...]
    next: tuple[NextStep, ...]


def account_of(report: RunReport, snapshot: Snapshot) -> RunAccount:
    """The account of a run; ``snapshot`` is the one that its plan was made from."""
    names = {one.id: one.name for one in snapshot.people}
    authors = {work.id: work.author for work in snapshot.works}
    progress = report.progress
    nothing_sent = all(step.step_class is StepClass.PENDING for step in report.steps)
    not_listed = GOOD | WAITING if nothing_sent or not progress.over else GOOD
    not_made = [
        ToldStep(
            step,
            names.get(step.reviewer, step.reviewer),
            names.get(step.author, step.author),
            step_reason(step),
        )
        for step in report.steps
        if step.step_class not in not_listed
    ]
    causes = Counter(one.why for one in not_made)
    verification = report.verification
    return RunAccount(
        state=sentence(STATE_WORDS[report.state]),
        result=result_of(progress),
        because=Sentence.unpacked(report.words) if report.words else NOTHING,
        standing=standing_of(progress),
        causes=tuple(causes.most_common()),
        not_made=tuple(not_made),
        verified=NOTHING
        if verification is None
        else _verified(verification.confirmed, verification.expected),
        mismatches=()
        if verification is None
        else tuple(_mismatch(one, names, authors) for one in verification.mismatches),
        out_of_date=tuple(drift_lines(report.drift.out_of_date, names)),
        drift=tuple(drift_lines((*report.drift.harmless, *_made_by_others(report)), names)),
        next=tuple(_next_steps(report)),
    )


_BY_OTHERS: Mapping[StepClass, DriftKind] = {
    StepClass.ALREADY_THERE: DriftKind.REVIEW_ADDED,
    StepClass.ALREADY_GONE: DriftKind.REVIEW_GONE,
}
"""Changes that somebody else had made when the run came to them. The comparison of snapshots leaves the run's
own lines out, so that only the steps know of these."""


def _made_by_others(report: RunReport) -> tuple[Drift, ...]:
    return tuple(
        Drift(_BY_OTHERS[step.step_class], (step.reviewer, step.author))
        for step in report.steps
        if step.step_class in _BY_OTHERS
    )


def result_of(progress: Progress) -> Sentence:
    """How many changes are made, how many the run will not make, and how many somebody else had made."""
    already = sum(progress.counts.get(one, 0) for one in _BY_OTHERS)
    if not already:
        return _made(progress)
    others = counted(
        "%(num)s of them was already made in Canvas by somebody else.",
        "%(num)s of them were already made in Canvas by somebody else.",
        already,
    )
    return in_a_row((_made(progress), others))


def _made(progress: Progress) -> Sentence:
    counts = progress.counts
    good = sum(counts.get(one, 0) for one in GOOD)
    open_ = sum(counts.get(one, 0) for one in WAITING)
    failed = progress.total - good - open_
    if not progress.total:
        return sentence("There was nothing to change.")
    if progress.over:
        if good == progress.total:
            return counted("%(num)s change was made.", "All %(num)s changes were made.", progress.total)
        return counted(
            "%(good)s of %(total)s changes were made, %(num)s was not.",
            "%(good)s of %(total)s changes were made, %(num)s were not.",
            progress.total - good,
            good=good,
            total=progress.total,
        )
    made = sentence(
        "%(good)s of %(total)s changes are made, %(open)s are still to come.",
        good=good,
        total=progress.total,
        open=open_,
    )
    not_ = counted("%(num)s was not made.", "%(num)s were not made.", failed) if failed else NOTHING
    return in_a_row((made, not_))


_STANDING: Mapping[Attendance, str] = {
    Attendance.NOT_NEEDED: "",
    Attendance.DRIVEN: N_("A worker is making these changes."),
    Attendance.HELD: N_(
        "No worker was running in the last minute. A command was making these changes a moment ago, and may "
        "still be."
    ),
    Attendance.EXPECTED: N_("No worker is making these changes yet. One is running and will start them."),
    Attendance.MISSING: N_(
        "Nothing is happening: no worker is making these changes, and none was running in the last minute."
    ),
}


def standing_of(progress: Progress) -> Sentence:
    """Whether anything drives the run on; nothing where it needs nobody."""
    if progress.state in PAUSED and progress.attendance is not Attendance.MISSING:
        return NOTHING
    return sentence(_STANDING[progress.attendance])


def step_reason(step: ReportedStep) -> Sentence:
    """Why a change was not made, or how it was: without names."""
    words = sentence(CLASS_WORDS[step.step_class])
    if step.why is not Why.NONE:
        words = sentence("%(what)s: %(why)s", what=words, why=sentence(WHY_WORDS[step.why]))
    if step.note:
        words = sentence("%(what)s (%(note)s)", what=words, note=Sentence.unpacked(step.note))
    return words


def _person(user: UserId, names: Mapping[UserId, str]) -> Mention:
    return Mention("person", user, names.get(user, user))


def _verified(confirmed: int, expected: int) -> Sentence:
    return sentence(
        "%(confirmed)s of %(expected)s changes were seen in Canvas.",
        confirmed=confirmed,
        expected=expected,
    )


def _mismatch(
    one: Mismatch, names: Mapping[UserId, str], authors: Mapping[SubmissionId, UserId]
) -> ToldMismatch:
    what = sentence(MISMATCH_WORDS[one.kind])
    assignment = one.kind in (MismatchKind.ASSIGNMENT_CHANGED, MismatchKind.ASSIGNMENT_UNFIT)
    if assignment and one.detail in set(DriftKind):
        what = sentence(ASSIGNMENT_WORDS.get(DriftKind(one.detail), MISMATCH_WORDS[one.kind]))
    if one.reviewer is None:
        return ToldMismatch(one.kind, what)
    author = authors.get(one.submission) if one.submission is not None else None
    if author is None:
        return ToldMismatch(
            one.kind, sentence("%(reviewer)s: %(what)s", reviewer=_person(one.reviewer, names), what=what)
        )
    return ToldMismatch(
        one.kind,
        sentence(
            "%(reviewer)s reviews %(author)s: %(what)s",
            reviewer=_person(one.reviewer, names),
            author=_person(author, names),
            what=what,
        ),
    )


ASSIGNMENT_WORDS: Mapping[DriftKind, str] = {
    DriftKind.RUBRIC_CHANGED: N_("the rubric was attached, replaced or removed"),
    DriftKind.NEW_ALLOCATION_SWITCHED: N_("Canvas's own allocation of reviews was switched on or off"),
    DriftKind.PEER_REVIEWS_SWITCHED: N_("peer reviews were switched on or off"),
    DriftKind.AUTOMATIC_SWITCHED: N_("automatic peer reviews were switched on or off"),
    DriftKind.PUBLISHED: N_("the assignment was published"),
    DriftKind.UNPUBLISHED: N_("the assignment was unpublished"),
    DriftKind.DUE_DATE_CHANGED: N_("the due date was changed"),
    DriftKind.ANONYMOUS_SWITCHED: N_("anonymous peer reviews were switched on or off"),
    DriftKind.WITHIN_GROUPS_SWITCHED: N_("reviews within groups were switched on or off"),
    DriftKind.GROUP_SET_CHANGED: N_("the group set was changed"),
    DriftKind.ASSIGNED_TO_CHANGED: N_("who the assignment is for was changed"),
}
"""What of the assignment changed during a run; the verification remembers the kind alone."""


def _next_steps(report: RunReport) -> Iterator[NextStep]:
    progress = report.progress
    if progress.over:
        yield from _after_the_end(report)
    elif report.state is RunState.OF_LATER_VERSION:
        yield NextStep(
            Next.INSTALL_UPDATE, sentence("Wait until the update of the tool is complete, then look again.")
        )
    elif progress.attendance is Attendance.MISSING:
        yield NextStep(
            Next.START_WORKER, sentence("Start a worker of this tool, or ask the people who run the tool to.")
        )
    elif progress.state in PAUSED:
        yield from _while_paused(report)
    elif report.state is RunState.CANCELLING or report.cancel_requested:
        yield NextStep(
            Next.WAIT, sentence("Look again in a minute. It stops when the changes under way are finished.")
        )
    elif progress.attendance is Attendance.HELD:
        yield NextStep(
            Next.WAIT, sentence("Look again in a minute. If nothing is happening then, start a worker.")
        )
    else:
        yield NextStep(Next.WAIT, sentence("Look again later. The changes continue on their own."))


def _while_paused(report: RunReport) -> Iterator[NextStep]:
    if report.progress.waiting_until is not None:
        yield NextStep(
            Next.WAIT,
            sentence("The changes continue automatically at %(when)s.", when=report.progress.waiting_until),
        )
        if report.state is RunState.PAUSED_STORAGE:
            yield NextStep(
                Next.CHECK_DATABASE,
                sentence(
                    "If this happens again, check the database of this tool, or ask the people who run it to."
                ),
            )
        yield NextStep(Next.RESUME, sentence("To try now, resume."))
        return
    yield from _before_resuming(report)
    left = report.progress.total - report.progress.done
    yield NextStep(
        Next.RESUME, counted("Resume the remaining change.", "Resume the remaining %(num)s changes.", left)
    )


def connecting_again() -> NextStep:
    """What to do where the access to Canvas is lost."""
    return NextStep(Next.CONNECT, sentence("Connect to Canvas again."))


def _before_resuming(report: RunReport) -> Iterator[NextStep]:
    if report.state is RunState.PAUSED_AUTH:
        yield connecting_again()
    elif report.state is RunState.PAUSED_PERMISSION and report.reason == Why.SCOPE_MISSING:
        scope = scope_lacking(report.words)
        yield NextStep(
            Next.ADD_SCOPE,
            sentence(
                "Ask the Canvas administrator to add the scope %(scope)s to the tool's API developer key.",
                scope=scope,
            )
            if scope
            else sentence(
                "Ask the Canvas administrator to add the scopes of this tool to its API developer key."
            ),
        )
        yield NextStep(
            Next.CONNECT,
            sentence(
                "When that is done, connect to Canvas again. Until then your access keeps the scopes that it "
                "had."
            ),
        )
    elif report.state is RunState.PAUSED_PERMISSION:
        yield NextStep(
            Next.CHECK_ROLE,
            sentence(
                "Check in Canvas that the course hasn't ended and that your role there may grade. If it may "
                "not, ask the Canvas administrator."
            ),
        )
    elif report.state is RunState.PAUSED_STORAGE:
        yield NextStep(
            Next.CHECK_DATABASE, sentence("Check the database of this tool, or ask the people who run it to.")
        )
    elif report.state is RunState.PAUSED_CANVAS:
        yield NextStep(
            Next.LOOK_IN_CANVAS, sentence("Open this assignment in Canvas to see whether Canvas works again.")
        )
    elif report.state is RunState.PAUSED_RESTORED:
        yield NextStep(Next.LOOK_IN_CANVAS, sentence("Look at the reviews of this assignment in Canvas."))


def _after_the_end(report: RunReport) -> Iterator[NextStep]:
    if _differs(report) or report.state is RunState.FAILED_INTEGRITY:
        yield NextStep(Next.LOOK_IN_CANVAS, sentence("Look at the reviews of this assignment in Canvas."))
    left = len(worth_trying(report))
    if left and report.state is not RunState.NEEDS_REVIEW:
        yield NextStep(
            Next.TRY_AGAIN,
            counted(
                "Plan the change that was not made once more.",
                "Plan the %(num)s changes that were not made once more.",
                left,
            ),
        )
    if report.state is not RunState.DONE:
        yield NextStep(Next.PLAN_AGAIN, sentence("Plan again from what Canvas has now."))
    if any(step.step_class is StepClass.DONE for step in report.steps):
        yield NextStep(Next.UNDO, sentence("Plan to take these changes back."))


def _differs(report: RunReport) -> bool:
    found = report.verification
    return found is not None and any(one.kind not in BY_OTHERS for one in found.mismatches)
