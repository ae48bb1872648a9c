"""From rules to a stored plan: who takes part, can it work, allocate, verify, compare, keep."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import ValidationError

from allocation import (
    Cancelled,
    Pair,
    RosterError,
    Rules,
    RulesError,
    allocate,
    feasibility,
    fewest_moved,
    verify,
)
from allocation.promise import promise, reviews_to_ask
from allocation.sentences import N_, NOTHING, Listing, Sentence, counted, in_a_row, sentence
from lti_tool.applying.report import RunSummary
from lti_tool.defects import PLAN_BROKEN, PlanBroken
from lti_tool.persistence.database import Database
from lti_tool.persistence.plans import (
    PlanHeader,
    StoredPlan,
    latest_snapshot,
    load_plan,
    new_id,
    plan_after,
    plan_headers,
    plan_is_in,
    store_plan,
    store_snapshot,
)
from lti_tool.persistence.saved_rules import SavedRules, change_rules
from lti_tool.persistence.saved_rules import saved_rules as stored_rules
from lti_tool.planning.canvas_method import Draws
from lti_tool.planning.diff import diff
from lti_tool.planning.drift import Drift, find_drift
from lti_tool.planning.engine_input import EngineInput, engine_input
from lti_tool.planning.explain import LEFT_OUT_WORDS, name_in, reason_sentences
from lti_tool.planning.extras import broken_beyond_numbers
from lti_tool.planning.freshness import OurRuns, overtaken_by
from lti_tool.planning.history import wanted_assignments
from lti_tool.planning.holes import Lacking, lacking
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, PlanId, ReviewId, RunId, UserId
from lti_tool.planning.late_work import TopUp, top_up
from lti_tool.planning.name_order import name_order
from lti_tool.planning.plan import Change, ChangeKind, Plan
from lti_tool.planning.rule_changes import RulesChange, choices_of
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.taking_part import TakingPart, taking_part
from lti_tool.services.actor import Actor
from lti_tool.services.comparing import afterwards, canvas_instead
from lti_tool.services.errors import NobodyToAllocate, NotHere, RulesChanged, RulesUnfit
from lti_tool.services.long_work import Watch
from lti_tool.services.reading import Reading
from lti_tool.services.remembering import Remembered
from lti_tool.services.shown import (
    Feasibility,
    Kept,
    ListedPlan,
    Overtaken,
    PlanStanding,
    PlanView,
    standing_after,
)

OurReviews = Callable[[Actor, AssignmentId], AbstractSet[ReviewId]]


class JournalOfPlans(Protocol):
    """What planning asks the journal."""

    def run_of_plan(self, plan: PlanId) -> RunId | None: ...
    def our_runs(self, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId) -> OurRuns: ...
    def made(self, run: RunId) -> int: ...
    def history(
        self, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId | None = None
    ) -> tuple[RunSummary, ...]: ...


LISTED = 100
"""Plans in a list at most; the newest."""
VIEWS_KEPT, COMPARISONS_KEPT = 16, 256
"""Plans, and comparisons with Canvas's own method, that a process remembers; a plan never changes."""


class Planning:
    """Implements ``PlanningCases``.

    ``our_reviews`` gives the ids of reviews that runs of this tool created.
    """

    def __init__(
        self,
        database: Database,
        reading: Reading,
        our_reviews: OurReviews,
        journal: JournalOfPlans,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._reading = reading
        self._our_reviews = our_reviews
        self._journal = journal
        self._now = now
        self._views = Remembered[PlanId, PlanView](VIEWS_KEPT)
        self._compared = Remembered[PlanId, Draws | None](COMPARISONS_KEPT)

    def rules(self, actor: Actor, assignment: AssignmentId) -> PlanRules:
        """The rules remembered for this assignment, or the defaults."""
        return self.saved_rules(actor, assignment).rules

    def saved_rules(self, actor: Actor, assignment: AssignmentId) -> SavedRules:
        """The same with their version and who saved them when."""
        with self._database.read() as session:
            return stored_rules(session, actor.canvas, actor.course_id, assignment)

    def change_rules(
        self, actor: Actor, assignment: AssignmentId, change: RulesChange, *, over: int | None = None
    ) -> PlanRules:
        """Put a change upon the rules as they are now, whoever else changes them at this moment.

        Args:
            over: the version that the choices of the change were made from, where it sets them.

        Raises:
            RulesChanged: somebody has saved other choices since that version.
            RulesUnfit: the changed rules would contradict themselves.
        """

        def checked(current: SavedRules) -> PlanRules:
            changed = change(current.rules)
            stale = over is not None and over < current.choices_version
            if stale and choices_of(changed) != choices_of(current.rules):
                raise rules_changed(changed, current)
            return changed

        return self._write_rules(actor, assignment, checked)

    def save_rules(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, *, over: int | None = None
    ) -> None:
        """Remember rules as a whole, in place of all that was saved before.

        Args:
            over: the version that they replace; None for any.

        Raises:
            RulesChanged: the saved rules are others than that version's.
        """

        def checked(current: SavedRules) -> PlanRules:
            if over is not None and over != current.version and rules != current.rules:
                raise rules_changed(rules, current)
            return rules

        self._write_rules(actor, assignment, checked)

    def _write_rules(
        self, actor: Actor, assignment: AssignmentId, checked: Callable[[SavedRules], PlanRules]
    ) -> PlanRules:
        with self._database.begin() as session:
            place = actor.canvas, actor.course_id, assignment
            try:
                saved = change_rules(
                    session,
                    *place,
                    checked,
                    by=actor.user_id,
                    by_name=actor.name,
                    at=self._now(),
                )
            except ValidationError as error:
                raise RulesUnfit(
                    N_("These rules contradict each other: %(why)s. Nothing was saved."),
                    why="; ".join(found["msg"] for found in error.errors()),
                ) from None
        return saved.rules

    def taking_part(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> TakingPart:
        """Who reviews, who is reviewed, who is left out and why."""
        return taking_part(self._reading.snapshot(actor, assignment), rules)

    def basis(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, *, to_plan: bool = True
    ) -> Snapshot:
        """A snapshot with the earlier reviews and the points that the rules look at.

        Raises:
            AnotherRunActive: a plan shall rest on it, and an update of the assignment is under way.
        """
        snapshot = self._reading.snapshot(actor, assignment, to_plan=to_plan)
        if others := wanted_assignments(rules):
            snapshot = self._reading.with_earlier(actor, snapshot, others)
        if rules.levels != "off" and rules.levels_by == "points":
            snapshot = self._reading.with_scores(actor, snapshot, rules.levels_from)
        return snapshot

    def ours(self, actor: Actor, assignment: AssignmentId) -> AbstractSet[ReviewId]:
        """Reviews that runs of this tool created."""
        return self._our_reviews(actor, assignment)

    def feasibility(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> Feasibility:
        """Whether the rules can work; never writes."""
        return feasibility_of(self.basis(actor, assignment, rules, to_plan=False), rules)

    def make_plan(
        self,
        actor: Actor,
        assignment: AssignmentId,
        rules: PlanRules,
        based_on: PlanId | None = None,
        watch: Watch | None = None,
    ) -> Plan:
        """Allocate, verify, compare and store; ``watch`` hears how far it is, and may stop it.

        The rules are not remembered by it.

        Raises:
            AnotherRunActive: an update of the assignment is under way.
            NobodyToAllocate: fewer than two students take part.
            allocation.Infeasible: with reasons.
            allocation.Cancelled: ``watch`` wanted it; nothing is stored.
        """
        snapshot = self.basis(actor, assignment, rules)
        seed = rules.seed or secrets.token_hex(16)
        changes = changes_of(snapshot, rules, seed, self._our_reviews(actor, assignment), watch)
        if watch is not None and watch.cancelled():
            raise Cancelled("The plan was cancelled.")
        return self.store(actor, snapshot, rules, seed, changes, based_on=based_on)

    def store(
        self,
        actor: Actor,
        snapshot: Snapshot,
        rules: PlanRules,
        seed: str,
        changes: Iterable[Change],
        undo_of: RunId | None = None,
        based_on: PlanId | None = None,
    ) -> Plan:
        """Keep a plan together with the snapshot that it rests on."""
        plan = Plan(
            id=PlanId(new_id()),
            canvas=snapshot.canvas,
            course_id=snapshot.course_id,
            assignment_id=snapshot.assignment.id,
            fingerprint=snapshot.fingerprint,
            rules=rules,
            seed=seed,
            changes=tuple(changes),
            created_at=self._now(),
            undo_of=undo_of,
            based_on=based_on,
            after_run=snapshot.after_run,
        )
        with self._database.begin() as session:
            found = latest_snapshot(
                session, actor.canvas, actor.course_id, snapshot.assignment.id, actor.user_id
            )
            if found is not None and found[1] == snapshot:
                snapshot_id = found[0]
            else:
                snapshot_id = store_snapshot(session, snapshot, actor.user_id)
            store_plan(session, plan, snapshot_id=snapshot_id, by=actor.user_id, by_name=actor.name)
        stored = StoredPlan(plan, snapshot, actor.user_id, actor.name)
        self._views.of(plan.id, lambda: view_of(stored))
        return plan

    def stored(self, actor: Actor, plan_id: PlanId) -> StoredPlan:
        """A stored plan of the actor's course.

        Raises:
            NotHere: no such plan in this course.
        """
        with self._database.read() as session:
            stored = load_plan(session, plan_id)
        if stored is None or (stored.plan.canvas, stored.plan.course_id) != (actor.canvas, actor.course_id):
            raise NotHere(N_("There is no plan %(plan)s in this course."), plan=plan_id)
        return stored

    def plan(self, actor: Actor, plan_id: PlanId) -> PlanView:
        """A stored plan with all that the preview shows.

        Raises:
            NotHere: no such plan in this course.
        """
        with self._database.read() as session:
            here = plan_is_in(session, plan_id, actor.canvas, actor.course_id)
        if not here:
            raise NotHere(N_("There is no plan %(plan)s in this course."), plan=plan_id)
        view = self._views.of(plan_id, lambda: view_of(self.stored(actor, plan_id)))
        run = self._journal.run_of_plan(plan_id)
        return replace(view, run_id=run, overtaken=None if run else self._overtaken(view.plan))

    def to_approve(self, actor: Actor, plan_id: PlanId) -> bool:
        """Whether this plan of the course can still be applied: it is there, nobody has applied it, and no
        update came in between."""
        with self._database.read() as session:
            here = plan_is_in(session, plan_id, actor.canvas, actor.course_id)
            basis = plan_after(session, plan_id)
        if not here or basis is None or self._journal.run_of_plan(plan_id) is not None:
            return False
        assignment, after_run = basis
        runs = self._journal.our_runs(actor.canvas, actor.course_id, assignment)
        return overtaken_by(after_run, runs) is None

    def listed(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[ListedPlan, ...]:
        """The newest plans of the course, or of one assignment, with what can still become of them."""
        with self._database.read() as session:
            found = plan_headers(session, actor.canvas, actor.course_id, assignment, LISTED)
        place = actor.canvas, actor.course_id
        runs = {one: self._journal.our_runs(*place, one) for one in {plan.assignment_id for plan in found}}
        applied = {run.plan_id: run for run in self._journal.history(*place, assignment)}
        return tuple(_listed(plan, applied.get(plan.id), runs[plan.assignment_id]) for plan in found)

    def _overtaken(self, plan: Plan) -> Overtaken | None:
        runs = self._journal.our_runs(plan.canvas, plan.course_id, plan.assignment_id)
        found = overtaken_by(plan.after_run, runs)
        return None if found is None else Overtaken(found, self._journal.made(found.id))

    def canvas_instead(self, actor: Actor, plan_id: PlanId) -> Draws | None:
        """What Canvas's own method would give the same class; worked out once for each plan."""
        view = self.plan(actor, plan_id)
        return self._compared.of(plan_id, lambda: canvas_instead(view.snapshot, view.plan))

    def drift(self, actor: Actor, plan_id: PlanId, *, fresh: bool = True) -> tuple[Drift, ...]:
        """What changed in Canvas since the plan's snapshot, up to now or up to the last reading."""
        then = self.stored(actor, plan_id).snapshot
        last = None if fresh else self._reading.last(actor, then.assignment.id)
        now = last or self._reading.snapshot(actor, then.assignment.id, fresh=fresh)
        return find_drift(then, now)


def _listed(plan: PlanHeader, run: RunSummary | None, runs: OurRuns) -> ListedPlan:
    creates, deletes = plan.counts.get(ChangeKind.CREATE, 0), plan.counts.get(ChangeKind.DELETE, 0)
    if run is not None:
        standing = standing_after(run)
    elif overtaken_by(plan.after_run, runs) is not None:
        standing = PlanStanding.OUT_OF_DATE
    else:
        standing = PlanStanding.READY if creates + deletes else PlanStanding.EMPTY
    return ListedPlan(
        id=plan.id,
        assignment_id=plan.assignment_id,
        created_at=plan.created_at,
        created_by_name=plan.created_by_name,
        undo_of=plan.undo_of,
        creates=creates,
        deletes=deletes,
        keeps=plan.counts.get(ChangeKind.KEEP, 0),
        standing=standing,
        run_id=None if run is None else run.id,
    )


def rules_changed(mine: PlanRules, saved: SavedRules) -> RulesChanged:
    """That ``mine`` were not saved over the saved ones."""
    return RulesChanged(mine, saved.rules, version=saved.version, by=saved.saved_by_name, at=saved.saved_at)


def view_of(stored: StoredPlan) -> PlanView:
    """All that the preview shows of a plan, but for its run."""
    after = afterwards(stored.snapshot, stored.plan)
    creates = stored.plan.of_kind(ChangeKind.CREATE)
    late, short = late_and_lacking(stored)
    return PlanView(
        plan=stored.plan,
        snapshot=stored.snapshot,
        quality=after.quality,
        measured=after.measured,
        knows=after.knows,
        again=after.again,
        taking_part=taking_part(stored.snapshot, stored.plan.rules),
        run_id=None,
        created_by_name=stored.created_by_name,
        top_up=late,
        lacking=short,
        notified=len({change.reviewer for change in creates}),
    )


def late_and_lacking(stored: StoredPlan) -> tuple[TopUp | None, tuple[Lacking, ...]]:
    """What the plan does about late work, and the works that lack reviews even then."""
    plan, snapshot = stored.plan, stored.snapshot
    if plan.undo_of is not None:
        return None, ()
    try:
        given = engine_input(snapshot, plan.rules)
    except RosterError:  # everybody has left
        return None, ()

    def fewest() -> int:
        """Without the pairs that helpers give beyond what they owe: those are no moves."""
        beyond = given.reserve.beyond(given.rules.existing | given.rules.kept)
        return max(0, fewest_moved(given.roster, with_balance(given, plan.rules)) - len(beyond))

    return top_up(snapshot, plan, given, fewest), lacking(given, plan.changes)


def feasibility_of(snapshot: Snapshot, rules: PlanRules) -> Feasibility:
    """Whether rules can work for what was read, with the numbers or the reasons.

    Raises:
        NobodyToAllocate: fewer than two students take part.
        RulesUnfit: the rules contradict themselves or what was read.
    """
    given = prepared(snapshot, rules)
    with _people_named(snapshot):
        engine_rules = with_balance(given, rules)
        reasons = feasibility(given.roster, engine_rules)
    usual = rules.reviews_per_reviewer
    settled = Counter(pair.reviewer for pair in engine_rules.required | engine_rules.kept)
    gives = [
        max(usual if found.gives is None else found.gives, settled[found.id])
        for found in given.roster.participants
    ]
    reviewing = [load for load in gives if load] or [0]
    total, works = sum(gives), len(given.roster.submissions)
    return Feasibility(
        reviews=total,
        gives=(min(reviewing), max(reviewing)),
        gets=engine_rules.receives or (total // works, -(-total // works)),
        reasons=reasons,
        received=tuple(total // works + (place < total % works) for place in range(works)),
        reviewers=len(reviewing),
        sentences=reason_sentences(reasons, snapshot),
        reason_names={
            person.id: person.name
            for person in sorted(snapshot.people, key=lambda one: (name_order(one.sortable_name), one.id))
        },
    )


def coverage(found: Feasibility, at_least: int, dropping: int) -> Kept:
    """The promise of rules that work, before anything is allocated.

    Raises:
        allocation.RulesError: numbers that make no sense.
    """
    share = dropping / 100
    kept = promise(found.received, found.reviewers, share, at_least=at_least)
    return Kept(dropping, at_least, int(100 * kept.enough), kept.worst, reviews_to_ask(at_least, share))


def changes_of(
    snapshot: Snapshot,
    rules: PlanRules,
    seed: str,
    ours: AbstractSet[ReviewId] = frozenset(),
    watch: Watch | None = None,
) -> tuple[Change, ...]:
    """Allocate, verify and compare with what exists.

    Raises:
        NobodyToAllocate: fewer than two students take part.
        allocation.Infeasible: with reasons.
    """
    return compared(rules, *allocated(snapshot, rules, seed, watch=watch), ours)


def allocated(
    snapshot: Snapshot,
    rules: PlanRules,
    seed: str,
    near: AbstractSet[tuple[UserId, UserId]] | None = None,
    watch: Watch | None = None,
    hold: AbstractSet[Pair] = frozenset(),
) -> tuple[EngineInput, tuple[Pair, ...]]:
    """Allocate and verify, close to the reviews that exist or to the pairs ``near``; with all of ``hold``.

    Raises:
        NobodyToAllocate: fewer than two students take part.
        RulesUnfit: the rules contradict themselves or what was read.
        allocation.Infeasible: with reasons.
        PlanBroken: the result breaks the rules.
    """
    given = prepared(snapshot, rules, near)
    with _people_named(snapshot):
        engine_rules = with_balance(given, rules)
        if hold:
            engine_rules = replace(engine_rules, required=engine_rules.required | hold)
        allocation = allocate(
            given.roster,
            engine_rules,
            seed=seed,
            cancelled=watch.cancelled if watch else None,
            progress=watch.hear if watch else None,
        )
    broken = verify(given.roster, engine_rules, allocation.pairs)
    if broken:
        raise PlanBroken(f"{PLAN_BROKEN} The engine broke: {broken[:3]}")
    return with_extras(given, allocation.pairs, seed, given.rules.existing - set(allocation.pairs))


def with_extras(
    given: EngineInput, pairs: Iterable[Pair], seed: str, before: AbstractSet[Pair]
) -> tuple[EngineInput, tuple[Pair, ...]]:
    """Ordinary pairs with extra ones where reviews will not come; checked.

    ``before`` are pairs that exist and are no ordinary ones: those of helpers stay where they are needed.
    """
    ordinary = tuple(pairs)
    helpers = {helper.user for helper in given.reserve.helpers}
    old = frozenset(pair for pair in before if pair.reviewer in helpers)
    extras = given.reserve.fill(given.roster, given.rules, ordinary, old | given.reserve.kept, seed)
    every = tuple(sorted({*ordinary, *extras}))
    more = {pair.reviewer for pair in given.reserve.beyond(given.rules.existing | given.rules.kept)}
    given = replace(
        given, extras=extras, extras_before=frozenset(pair for pair in old if pair.reviewer in more)
    )
    if extras:
        broken = broken_beyond_numbers(given.roster, given.rules, every, given.reserve)
        if broken:
            raise PlanBroken(f"{PLAN_BROKEN} Extra reviews broke: {broken[:3]}")
    return given, every


def compared(
    rules: PlanRules, given: EngineInput, pairs: Iterable[Pair], ours: AbstractSet[ReviewId]
) -> tuple[Change, ...]:
    """The wanted pairs against what exists in Canvas."""
    return diff(given, pairs, keep_open=rules.existing == "keep", ours=ours)


def prepared(
    snapshot: Snapshot, rules: PlanRules, near: AbstractSet[tuple[UserId, UserId]] | None = None
) -> EngineInput:
    """The engine's input, or why there is nothing to allocate, in words.

    Raises:
        NobodyToAllocate: fewer than two students take part.
    """
    part = taking_part(snapshot, rules)
    if len(part.reviewers) - len(part.in_reserve) < 2 or not part.authors:
        raise NobodyToAllocate(_too_few(snapshot, part))
    if rules.levels != "off" and rules.levels_by == "list" and snapshot.listed is None:
        raise RulesUnfit(
            N_(
                "The list of levels is not there any more: it is kept for a day, and with the plans that "
                "rest on it. Give it again, or choose that levels are not looked at."
            )
        )
    with _people_named(snapshot):
        return engine_input(snapshot, rules, near)


@contextmanager
def _people_named(snapshot: Snapshot) -> Iterator[None]:
    """What the engine says of rules or roster that it cannot use, with the names of people."""
    try:
        yield
    except (RulesError, RosterError) as error:
        if not error.words:
            raise
        raise RulesUnfit(error.words.named(name_in(snapshot))) from error


def _too_few(snapshot: Snapshot, part: TakingPart) -> Sentence:
    numbers = counted(
        "Of %(num)s student %(authors)s take part as authors and %(reviewers)s as reviewers.",
        "Of %(num)s students %(authors)s take part as authors and %(reviewers)s as reviewers.",
        len(snapshot.people),
        authors=len(part.authors),
        reviewers=len(part.reviewers),
    )
    why = [
        sentence("%(why)s: %(count)s", why=sentence(LEFT_OUT_WORDS[reason]), count=count)
        for reason, count in part.left_out_counts.items()
    ]
    left_out = sentence("Left out: %(list)s.", list=Listing(tuple(why))) if why else NOTHING
    least = sentence("At least two must take part; wait for submissions, or change who takes part.")
    return in_a_row([numbers, left_out, least])


def with_balance(given: EngineInput, rules: PlanRules) -> Rules:
    """The engine's rules; where equal numbers cannot be and close ones will do, with the smallest widening.

    Reviews that stay whatever happens (completed, not visible) can make equal numbers impossible.
    """
    if rules.balance == "equal":
        return given.rules
    for reason in feasibility(given.roster, given.rules):
        for remedy in reason.remedies:
            if remedy.code == "allow_uneven":
                return remedy.apply(given.rules)
    return given.rules


def too_old(plan: Plan, now: datetime, max_age: timedelta) -> bool:
    """Whether a plan may no longer be applied because of its age."""
    return now - plan.created_at > max_age
