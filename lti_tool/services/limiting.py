"""What is left of a stored object for somebody who doesn't see all students of the course.

``shown_to`` knows every type that a use case gives back, and refuses one that it doesn't know: a new type is
either in ``NOBODY`` (it names no student) or gets a function of its own here. Students whom the viewer
doesn't see are left out with everything that names them; pages say how many lines are missing. A pair with
one hidden student is left out whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum
from functools import singledispatch
from typing import Any, TypeVar, cast

from lti_tool.applying.report import Progress as RunProgress
from lti_tool.applying.report import RunReport, RunSummary
from lti_tool.applying.verification import Verification
from lti_tool.persistence.follow_ups import CreditPost, LoggedBatch
from lti_tool.persistence.plans import StoredPlan
from lti_tool.persistence.saved_rules import SavedRules
from lti_tool.persistence.schedules import StoredSchedule
from lti_tool.planning.board import Board
from lti_tool.planning.canvas_method import Draws
from lti_tool.planning.drift import Drift
from lti_tool.planning.edits import difference
from lti_tool.planning.follow_up import FollowUp
from lti_tool.planning.ids import UserId
from lti_tool.planning.plan import Plan
from lti_tool.planning.rules import PairRule, PlanRules
from lti_tool.planning.schedule import ScheduleOutcome
from lti_tool.planning.snapshot import AssignmentFacts, Snapshot
from lti_tool.planning.taking_part import TakingPart
from lti_tool.services.comparing import NO_REVIEWS
from lti_tool.services.follow_up_cases import BoardView, CreditView, FillingView, ReminderView
from lti_tool.services.long_work import Making, ReadingProgress
from lti_tool.services.planning import view_of
from lti_tool.services.shown import (
    Comparison,
    Counts,
    CourseOverview,
    Edited,
    Feasibility,
    Imported,
    ListedPlan,
    PlanView,
    RuleSet,
)
from lti_tool.services.viewing import Viewer
from lti_tool.services.watching import WatchReport

T = TypeVar("T")
V = TypeVar("V")

NOBODY: tuple[type, ...] = (
    type(None), str, int, float, bool, bytes, datetime, Enum,
    AssignmentFacts, Counts, CourseOverview, ListedPlan, RunSummary, ReadingProgress, Making, Draws, FollowUp,
)  # fmt: skip
"""Types that name no student: numbers, ids, words of Canvas about the course, names of staff."""
OF_ONES_OWN_READING = (Feasibility,)
"""Made from the viewer's own last reading, which ``guarding`` renews where it shows more than Canvas does."""


class NotLimitable(TypeError):
    """A use case gave back a type that nobody said how to limit."""


def shown_to(viewer: Viewer, value: T) -> T:
    """``value`` as this viewer may see it; the same object where nothing is hidden from them.

    Raises:
        NotLimitable: the type is not known here.
    """
    return cast("T", limited(value, viewer)) if viewer.limited else value


def by_person(viewer: Viewer, value: Mapping[Any, V]) -> Mapping[Any, V]:
    """A mapping whose keys are students."""
    return {user: one for user, one in value.items() if viewer.sees(user)}


@singledispatch
def limited(value: Any, _viewer: Viewer) -> Any:
    """One value for a limited viewer; the types are registered below."""
    if isinstance(value, (*NOBODY, *OF_ONES_OWN_READING)):
        return value
    raise NotLimitable(f"nobody says what a limited viewer sees of {type(value).__name__}")


@limited.register(tuple)
def _several(values: tuple[Any, ...], viewer: Viewer) -> Any:
    """Each for itself; what is gone altogether is left out."""
    return tuple(one for one in (limited(value, viewer) for value in values) if one is not None)


@limited.register(list)
def _list(values: list[Any], viewer: Viewer) -> Any:
    return [one for one in (limited(value, viewer) for value in values) if one is not None]


@limited.register(Snapshot)
def _snapshot(read: Snapshot, viewer: Viewer) -> Snapshot:
    people = tuple(one for one in read.people if viewer.sees(one.id))
    sections = {section for one in people for section in one.sections}
    groups = (
        replace(one, members=tuple(user for user in one.members if viewer.sees(user))) for one in read.groups
    )
    listed = read.listed
    return replace(
        read,
        people=people,
        left=tuple(one for one in read.left if viewer.sees(one.id)),
        sees_everybody=False,
        sections=tuple(one for one in read.sections if one.id in sections),
        groups=tuple(one for one in groups if one.members),
        works=tuple(one for one in read.works if viewer.sees(one.author)),
        reviews=tuple(one for one in read.reviews if viewer.sees_all((one.assessor, one.assessee))),
        earlier=tuple(
            replace(one, pairs=tuple(pair for pair in one.pairs if viewer.sees_all(pair)))
            for one in read.earlier
        ),
        scores=tuple(
            replace(one, points=tuple(pair for pair in one.points if viewer.sees(pair[0])))
            for one in read.scores
        ),
        listed=listed
        and replace(listed, levels=tuple(pair for pair in listed.levels if viewer.sees(pair[0]))),
    )


BY_USER = ("exclude", "loads", "volunteers")
BY_PAIR = ("not_coming", "forbidden", "fixed")


@limited.register(PlanRules)
def limited_rules(rules: PlanRules, viewer: Viewer) -> PlanRules:
    """Rules without the entries, and the reasons, about hidden students."""
    return rules.model_copy(update={name: _seen(rules, name, viewer)[0] for name in (*BY_USER, *BY_PAIR)} | {
        "spare": tuple(user for user in rules.spare if viewer.sees(user))
    })  # fmt: skip


@limited.register(SavedRules)
def _saved_rules(saved: SavedRules, viewer: Viewer) -> SavedRules:
    return replace(saved, rules=limited_rules(saved.rules, viewer))


def with_hidden(rules: PlanRules, stored: PlanRules, viewer: Viewer) -> PlanRules:
    """What a limited viewer chose, with the entries of ``stored`` that they couldn't see: those stay."""
    mine = limited_rules(rules, viewer)
    update: dict[str, tuple[Any, ...]] = {
        name: (*getattr(mine, name), *_seen(stored, name, viewer)[1]) for name in (*BY_USER, *BY_PAIR)
    }
    update["spare"] = (*mine.spare, *(user for user in stored.spare if not viewer.sees(user)))
    return rules.model_copy(update=update)


def _seen(rules: PlanRules, name: str, viewer: Viewer) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The entries of one list that the viewer sees, and the others."""
    entries = getattr(rules, name)
    seen = [viewer.sees_all(one.who if isinstance(one, PairRule) else (one.user,)) for one in entries]
    return (
        tuple(one for one, is_seen in zip(entries, seen, strict=True) if is_seen),
        tuple(one for one, is_seen in zip(entries, seen, strict=True) if not is_seen),
    )


@limited.register(Plan)
def _plan(plan: Plan, viewer: Viewer) -> Plan:
    return replace(
        plan,
        rules=limited_rules(plan.rules, viewer),
        changes=tuple(one for one in plan.changes if viewer.sees_all((one.reviewer, one.author))),
    )


@limited.register(PlanView)
def _plan_view(view: PlanView, viewer: Viewer) -> PlanView:
    """Worked out from what the viewer sees, and where that isn't the whole plan, not judged at all.

    Counts over the visible pairs alone are untrue: a submission whose reviewers are hidden would seem to lack
    them. Counts over all pairs would tell of hidden students.
    """
    plan, snapshot = _plan(view.plan, viewer), _snapshot(view.snapshot, viewer)
    seen = view_of(StoredPlan(plan, snapshot, UserId(""), view.created_by_name))
    gone = len(view.plan.changes) - len(plan.changes)
    partial = bool(gone) or len(snapshot.people) < len(view.snapshot.people) or plan.rules != view.plan.rules
    may_apply = viewer.may_apply(view.plan)
    chosen = viewer.sees_all(user for pair in view.plan.chosen for user in pair)
    return replace(
        _unjudged(seen) if partial else seen,
        run_id=view.run_id,
        overtaken=view.overtaken,
        hidden=gone,
        partial=partial,
        may_apply=may_apply,
        may_edit=may_apply and chosen,
    )


def _unjudged(view: PlanView) -> PlanView:
    """Without what holds only of a whole plan."""
    return replace(
        view, quality=NO_REVIEWS, measured=None, knows=frozenset(), top_up=None, lacking=(), again=None
    )


@limited.register(TakingPart)
def _taking_part(part: TakingPart, viewer: Viewer) -> TakingPart:
    return TakingPart(
        reviewers=tuple(one for one in part.reviewers if viewer.sees(one.id)),
        authors=tuple(one for one in part.authors if viewer.sees(one.id)),
        left_out=by_person(viewer, part.left_out),
        in_reserve=frozenset(user for user in part.in_reserve if viewer.sees(user)),
    )


@limited.register(Drift)
def _drift(drift: Drift, viewer: Viewer) -> Drift | None:
    return drift if viewer.sees_all(drift.people) else None


@limited.register(Edited)
def _edited(edited: Edited, viewer: Viewer) -> Edited:
    return replace(
        edited,
        rules=limited_rules(edited.rules, viewer),
        plan=limited(edited.plan, viewer),
        broken=_broken(edited.broken, viewer),
    )


@limited.register(Imported)
def _imported(imported: Imported, viewer: Viewer) -> Imported:
    return Imported(limited(imported.plan, viewer), _broken(imported.broken, viewer))


@limited.register(Comparison)
def _comparison(comparison: Comparison, viewer: Viewer) -> Comparison:
    before, after = _plan_view(comparison.before, viewer), _plan_view(comparison.after, viewer)
    differs = difference(before.plan.pairs_after, after.plan.pairs_after)
    return Comparison(before, after, differs, _broken(comparison.broken, viewer))


def _broken(found: Iterable[Any], viewer: Viewer) -> tuple[Any, ...]:
    return tuple(one for one in found if viewer.sees_all((one.reviewer, one.author)))


@limited.register(RuleSet)
def _rule_set(found: RuleSet, viewer: Viewer) -> RuleSet:
    return replace(found, rules=limited_rules(found.rules, viewer))


@limited.register(RunProgress)
def _run_progress(progress: RunProgress, viewer: Viewer) -> RunProgress:
    """Numbers are of the whole run; the changes that are named are those of visible students."""
    return replace(progress, latest=_steps(progress.latest, viewer))


@limited.register(RunReport)
def _run_report(report: RunReport, viewer: Viewer) -> RunReport:
    return replace(
        report,
        steps=_steps(report.steps, viewer),
        progress=_run_progress(report.progress, viewer),
        verification=_verification(report.verification, report.steps, viewer),
    )


def _steps(steps: Iterable[Any], viewer: Viewer) -> tuple[Any, ...]:
    return tuple(one for one in steps if viewer.sees_all((one.reviewer, one.author)))


def _verification(found: Verification | None, steps: Iterable[Any], viewer: Viewer) -> Verification | None:
    """Differences about a hidden reviewer, or the submission of a hidden author, are left out.

    Whose a submission is that no step of the run names, nobody can tell here: it is left out too.
    """
    if found is None:
        return None
    mine = {one.submission for one in steps if viewer.sees(one.author)}
    return replace(
        found,
        mismatches=tuple(
            one
            for one in found.mismatches
            if (one.reviewer is None or viewer.sees(one.reviewer))
            and (one.submission is None or one.submission in mine)
        ),
    )


@limited.register(BoardView)
def _board(view: BoardView, viewer: Viewer) -> BoardView:
    board = view.board
    lines = tuple(line for line in board.lines if viewer.sees(line.person.id))
    sections = {section for line in lines for section in line.person.sections}
    groups = {group for line in lines for group in line.groups}
    seen = Board(
        lines=lines,
        sections={one: name for one, name in board.sections.items() if one in sections},
        groups={one: name for one, name in board.groups.items() if one in groups},
        assignments=board.assignments,
        read_at=board.read_at,
    )
    return replace(view, board=seen)


@limited.register(ReminderView)
def _reminders(view: ReminderView, viewer: Viewer) -> ReminderView:
    plan = view.plan
    messages = tuple(_to_visible(one, viewer) for one in plan.messages)
    return ReminderView(
        replace(
            plan,
            messages=tuple(one for one in messages if one.recipients),
            left_alone=by_person(viewer, plan.left_alone),
        ),
        by_person(viewer, view.names),
    )


def _to_visible(message: Any, viewer: Viewer) -> Any:
    return replace(message, recipients=tuple(user for user in message.recipients if viewer.sees(user)))


@limited.register(LoggedBatch)
def _batch(batch: LoggedBatch, viewer: Viewer) -> LoggedBatch:
    messages = (replace(one, message=_to_visible(one.message, viewer)) for one in batch.messages)
    return replace(batch, messages=tuple(one for one in messages if one.message.recipients))


@limited.register(FillingView)
def _filling(view: FillingView, viewer: Viewer) -> FillingView:
    return replace(
        view,
        snapshot=_snapshot(view.snapshot, viewer),
        rules=limited_rules(view.rules, viewer),
        late=tuple(one for one in view.late if viewer.sees(one.id)),
        holes=tuple(one for one in view.holes if viewer.sees_all((one.review.assessor, one.review.assessee))),
    )


@limited.register(CreditView)
def _credit(view: CreditView, viewer: Viewer) -> CreditView:
    lines = tuple(line for line in view.plan.lines if viewer.sees(line.user))
    return replace(view, plan=replace(view.plan, lines=lines), names=by_person(viewer, view.names))


@limited.register(CreditPost)
def _credit_post(post: CreditPost, viewer: Viewer) -> CreditPost:
    return replace(
        post,
        points=by_person(viewer, post.points),
        scores=tuple(one for one in post.scores if viewer.sees(one.user)),
    )


@limited.register(StoredSchedule)
def _schedule(one: StoredSchedule, _viewer: Viewer) -> StoredSchedule:
    """Why it failed may name students of its maker's reading."""
    return replace(one, note="") if one.outcome is ScheduleOutcome.FAILED else one


@limited.register(WatchReport)
def _watch(report: WatchReport, viewer: Viewer) -> WatchReport:
    return replace(
        report,
        alarms=limited(report.alarms, viewer),
        to_fill_up=limited(report.to_fill_up, viewer),
        snapshot=_snapshot(report.snapshot, viewer),
    )
