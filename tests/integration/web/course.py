"""A course without Canvas behind the pages: real planning and allocation, everything kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Protocol

from flask import Blueprint, Flask

from lti_tool.applying.answers import Why
from lti_tool.applying.report import Progress, ReportedStep, RunReport, RunSummary, worth_trying
from lti_tool.applying.states import PAUSED, TERMINAL, RunState, StepClass, Whose
from lti_tool.applying.verification import Verification
from lti_tool.lti.brand import NO_BRAND, Brand
from lti_tool.persistence.database import Database
from lti_tool.persistence.follow_ups import FollowUps
from lti_tool.persistence.grade_columns import GradeColumns
from lti_tool.persistence.plans import StoredPlan
from lti_tool.persistence.saved_rules import SavedRules
from lti_tool.persistence.schedules import Schedules
from lti_tool.planning.again import again_changes
from lti_tool.planning.canvas_method import Draws
from lti_tool.planning.drift import Drift
from lti_tool.planning.freshness import NO_RUN
from lti_tool.planning.ids import (
    AssignmentId,
    CanvasOrigin,
    CourseId,
    GroupId,
    PlanId,
    ReviewId,
    RunId,
    SectionId,
    SubmissionId,
    UserId,
)
from lti_tool.planning.people_list import Contact
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason, Plan
from lti_tool.planning.rule_changes import RulesChange, choices_of
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.signed_person import SignedPerson
from lti_tool.planning.snapshot import (
    AssignmentFacts,
    Earlier,
    Group,
    ListedLevels,
    Person,
    Review,
    Section,
    Snapshot,
    Work,
)
from lti_tool.planning.taking_part import TakingPart, taking_part
from lti_tool.services.actor import Actor
from lti_tool.services.comparing import afterwards, canvas_instead
from lti_tool.services.connecting import ExchangeWaits
from lti_tool.services.crediting import Crediting
from lti_tool.services.editing import Editing
from lti_tool.services.errors import (
    ConnectFailed,
    NameInUse,
    NotConnected,
    NotHere,
    NothingToUndo,
)
from lti_tool.services.filling import Filling
from lti_tool.services.following_up import FollowingUp
from lti_tool.services.long_work import Making, MakingState, ReadingProgress, ReadingState, silent
from lti_tool.services.notices import Notices
from lti_tool.services.own_column import OwnColumns
from lti_tool.services.planning import changes_of, feasibility_of, late_and_lacking, rules_changed
from lti_tool.services.scheduling import Scheduling
from lti_tool.services.shown import (
    AssignmentRow,
    Counts,
    CourseOverview,
    Feasibility,
    ListedPlan,
    PlanStanding,
    PlanView,
    ReviewCounts,
    RuleSet,
)
from lti_tool.services.use_cases import UseCases
from lti_tool.services.watching import Watching
from lti_tool.web.administration import AdministrationCases
from lti_tool.web.factory import WebSettings, create_web
from lti_tool.web.letters import Letter
from tests.integration.web.after_allocation import NoCanvas, no_grade_service, records

CANVAS = CanvasOrigin("https://canvas.example.edu")
COURSE = CourseId("9007199254740993")
ASSIGNMENT = AssignmentId("77")
NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
GIVEN = (
    "Ada",
    "Bilal",
    "Chloé",
    "Dmitri",
    "Ebele",
    "Farah",
    "Giovanni",
    "Hanako",
    "Ífe",
    "Jamal",
    "Kaya",
    "李",
)
FAMILY = (
    "Adeyemi",
    "Bergström",
    "Castillo",
    "Dvořák",
    "Eriksen",
    "Fofana",
    "García",
    "Haddad",
    "Ionescu",
    "明",
)


@dataclass(frozen=True)
class Launch:
    """What the launch told: a teacher unless a test says otherwise."""

    issuer: str = "https://canvas.instructure.com"
    client_id: str = "10000000000001"
    canvas_origin: str = CANVAS
    context_id: str = ""
    lti_user_id: str = "opaque"
    legacy_user_id: str = ""
    claimed_user_id: str = ""
    masquerader: str = ""
    course_id: str = COURSE
    course_name: str = "Writing in the Sciences"
    user_id: str = "1"
    user_name: str = "Dr. Rosa Okafor"
    is_instructor: bool = True
    locale: str = "en"
    time_zone: str = "Europe/Berlin"
    high_contrast: bool = False
    brand: Brand = NO_BRAND
    post_message_token: str = "post-token"
    platform_origin: str = CANVAS
    launch_id: str = "0123456789ab"


def facts(id_: str = ASSIGNMENT, name: str = "Essay 2: methods", **changes: object) -> AssignmentFacts:
    """One assignment with peer reviews."""
    made = AssignmentFacts(
        id=AssignmentId(id_),
        course_id=COURSE,
        name=name,
        published=True,
        peer_reviews=True,
        automatic_peer_reviews=False,
        anonymous_peer_reviews=False,
        intra_group_peer_reviews=False,
        group_category_id=None,
        grade_group_students_individually=False,
        only_visible_to_overrides=False,
        due_at=NOW - timedelta(days=1),
        rubric_id=None,
        html_url=f"{CANVAS}/courses/{COURSE}/assignments/{id_}",
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name, for the tests' brevity


def read_course(people: int, sections: int, names: Sequence[str] = ()) -> Snapshot:
    """A reading of a course: every seventh did not submit, three reviews exist, one of them completed."""
    used = list(names) or [
        f"{GIVEN[n % len(GIVEN)]} {FAMILY[(n // len(GIVEN) + n) % len(FAMILY)]}" for n in range(people)
    ]
    persons = tuple(
        Person(
            id=UserId(str(100 + n)),
            name=name,
            sortable_name=", ".join(reversed(name.split(" ", 1))),
            sections=(SectionId(f"s{n % sections}"),),
            state="active",
        )
        for n, name in enumerate(used)
    )
    works = tuple(
        Work(SubmissionId(str(5000 + n)), one.id, submitted=n % 7 != 6 or len(persons) < 8)
        for n, one in enumerate(persons)
    )
    reviews = tuple(
        Review(ReviewId(str(900 + n)), persons[n].id, persons[to].id, works[to].id, completed=n == 0)
        for n, to in ((0, 1), (1, 2), (2, 0))
        if len(persons) > 2
    )
    groups = (Group(GroupId("g1"), "Group 1", tuple(one.id for one in (*persons[:1], *persons[1:][-1:]))),)
    return Snapshot(
        canvas=CANVAS,
        course_id=COURSE,
        course_name="Writing in the Sciences",
        assignment=facts(),
        people=persons,
        sections=tuple(Section(SectionId(f"s{n}"), f"Section {'ABCDEFGH'[n]}") for n in range(sections)),
        groups=groups,
        works=works,
        reviews=reviews,
        new_allocation_feature=False,
        taken_at=NOW,
        after_run=NO_RUN,
    )


@dataclass
class Course:
    """Implements all four groups of use cases; counts every call that changes something."""

    read: Snapshot
    is_connected: bool = True
    is_known: bool = True
    reading_now: ReadingProgress = field(default_factory=lambda: ReadingProgress(ReadingState.DONE, NOW, NOW))
    making_now: Making | None = None
    saved: PlanRules = field(default_factory=PlanRules)
    version: int = 1
    plans: dict[PlanId, Plan] = field(default_factory=dict)
    runs: dict[RunId, RunReport] = field(default_factory=dict)
    moved: tuple[Drift, ...] = ()
    changed: list[str] = field(default_factory=list)
    automatic: bool = False
    earlier: tuple[Earlier, ...] = ()
    sets: Sets = field(init=False)
    consent_page: str = f"{CANVAS}/login/oauth2/auth?client_id=1&state=good"

    def __post_init__(self) -> None:
        self.sets = Sets(self)

    @cached_property
    def records(self) -> Database:
        """What is kept of the time after an allocation."""
        return records()

    @property
    def schedules(self) -> Schedules:
        """What happens by itself."""
        return Schedules(self.records)

    # connecting
    def connected(self, actor: Actor) -> bool:
        return self.is_connected

    def ticket(self, person: SignedPerson, return_to: str) -> str:
        self.changed.append("ticket")
        return "one-time"

    def finish(self, query: Mapping[str, str], browser_secret: str) -> str:
        if query.get("state") == "waits":
            raise ExchangeWaits("Canvas is busy and asks to wait a few seconds before it connects you.")
        if query.get("state") != "good" or browser_secret != "window-secret":
            raise ConnectFailed("This window took too long. Close it and choose Connect to Canvas again.")
        self.is_connected = True
        return f"/app/courses/{COURSE}"

    def disconnect(self, actor: Actor) -> None:
        self.changed.append("disconnect")
        self.is_connected = False

    def scopes(self) -> Sequence[tuple[str, str]]:
        return (
            ("url:GET|/api/v1/courses/:course_id/users", "read who is in the course"),
            (
                "url:POST|/api/v1/courses/:course_id/assignments/:assignment_id/submissions/:submission_id/peer_reviews",
                "create peer reviews",
            ),
        )

    # reading
    def counts(self, actor: Actor, assignment: AssignmentId) -> Counts:
        return Counts(
            submitted=sum(one.submitted for one in self.read.works),
            students=len(self.read.people),
            reviews=ReviewCounts(len(self.read.reviews), sum(r.completed for r in self.read.reviews)),
        )

    def overview(self, actor: Actor, *, counted: bool = True) -> CourseOverview:
        if not self.is_connected:
            raise NotConnected("not connected")
        runs = self.history(actor)
        return CourseOverview(
            course_name=self.read.course_name,
            with_peer_reviews=(
                AssignmentRow(
                    replace(self.read.assignment, automatic_peer_reviews=self.automatic),
                    submitted=sum(one.submitted for one in self.read.works),
                    students=len(self.read.people),
                    reviews=ReviewCounts(len(self.read.reviews), sum(r.completed for r in self.read.reviews)),
                    last_run=runs[0] if runs else None,
                ),
            ),
            without_peer_reviews=(facts("78", "Reading diary", peer_reviews=False),),
            new_allocation_feature=self.automatic,
            runs=runs,
            read_at=NOW,
        )

    def snapshot(
        self,
        actor: Actor,
        assignment: AssignmentId,
        *,
        fresh: bool = False,
        to_plan: bool = False,
        progress: object = silent,
    ) -> Snapshot:
        if not self.is_connected:
            raise NotConnected("not connected")
        if assignment == "76":
            return replace(self.read, assignment=facts("76", "Essay 1: sources"), reviews=())
        if assignment != ASSIGNMENT:
            raise NotHere("no such assignment")
        return self.read

    def snapshots(
        self, actor: Actor, assignments: Sequence[AssignmentId], *, fresh: bool = False
    ) -> tuple[Snapshot, ...]:
        return tuple(self.snapshot(actor, one, fresh=fresh) for one in assignments)

    def last(self, actor: Actor, assignment: AssignmentId) -> Snapshot | None:
        return self.read if self.is_known else None

    def facts(self, actor: Actor, assignment: AssignmentId) -> AssignmentFacts:
        return self.snapshot(actor, assignment).assignment

    def assignments(self, actor: Actor) -> tuple[AssignmentFacts, ...]:
        return (facts(), facts("76", "Essay 1: sources"), facts("78", "Reading diary", peer_reviews=False))

    def level_columns(self, actor: Actor) -> Mapping[str, str]:
        return {"71": "Prior grade"}

    def level_entries(self, actor: Actor, column: str) -> Mapping[UserId, str]:
        return {UserId("100"): "2,5", UserId("101"): "best" if column == "72" else "1", UserId("999"): "3"}

    def give_levels(self, actor: Actor, assignment: AssignmentId, listed: ListedLevels | None) -> Snapshot:
        self.read = replace(self.read, listed=listed)
        return self.read

    def contacts(self, actor: Actor) -> Mapping[UserId, Contact]:
        return {
            one.id: Contact(f"login{one.id}", f"SIS-{one.id}", f"u{one.id}@example.edu")
            for one in self.read.people
        }

    def enable_peer_reviews(self, actor: Actor, assignment: AssignmentId) -> None:
        self.changed.append("enable")

    # reading in the background
    def current(self, actor: Actor, assignment: AssignmentId, *, to_plan: bool = False) -> bool:
        return self.is_known

    def begin(
        self, actor: Actor, assignment: AssignmentId, *, since: datetime, patience_s: float = 0.0
    ) -> ReadingProgress:
        return self.reading_now

    def state(self, actor: Actor, assignment: AssignmentId) -> ReadingProgress | None:
        return self.reading_now

    # planning
    def rules(self, actor: Actor, assignment: AssignmentId) -> PlanRules:
        return self.saved

    def saved_rules(self, actor: Actor, assignment: AssignmentId) -> SavedRules:
        return SavedRules(self.saved, self.version, self.version, actor.name, NOW)

    def change_rules(
        self, actor: Actor, assignment: AssignmentId, change: RulesChange, *, over: int | None = None
    ) -> PlanRules:
        changed = change(self.saved)
        if over not in (None, self.version) and choices_of(changed) != choices_of(self.saved):
            raise rules_changed(changed, self.saved_rules(actor, assignment))
        self.save_rules(actor, assignment, changed)
        return changed

    def save_rules(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, *, over: int | None = None
    ) -> None:
        if over not in (None, self.version):
            raise rules_changed(rules, self.saved_rules(actor, assignment))
        self.changed.append("save_rules")
        self.version += 1
        self.saved = rules

    def taking_part(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> TakingPart:
        return taking_part(self.snapshot(actor, assignment), rules)

    def feasibility(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> Feasibility:
        return feasibility_of(self.basis(actor, assignment, rules), rules)

    def make_plan(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, based_on: PlanId | None = None
    ) -> Plan:
        seed = rules.seed or f"4{2 + len(self.plans)}"
        changes = changes_of(self.basis(actor, assignment, rules), rules, seed)
        return self.keep(changes, rules, based_on=based_on, seed=seed)

    def basis(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> Snapshot:
        return replace(self.snapshot(actor, assignment), earlier=self.earlier)

    def ours(self, actor: Actor, assignment: AssignmentId) -> frozenset[ReviewId]:
        return frozenset()

    def stored(self, actor: Actor, plan_id: PlanId) -> StoredPlan:
        view = self.plan(actor, plan_id)
        return StoredPlan(view.plan, view.snapshot, actor.user_id, actor.name)

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
        return self.keep(tuple(changes), rules, undo_of, based_on, seed)

    def keep(
        self,
        changes: Sequence[Change],
        rules: PlanRules,
        undo_of: RunId | None = None,
        based_on: PlanId | None = None,
        seed: str = "",
    ) -> Plan:
        self.changed.append("make_plan")
        plan = Plan(
            id=PlanId(f"p{len(self.plans) + 1}"),
            canvas=CANVAS,
            course_id=COURSE,
            assignment_id=ASSIGNMENT,
            fingerprint=self.read.fingerprint,
            rules=rules,
            seed=seed or rules.seed or "42",
            changes=tuple(changes),
            created_at=NOW,
            undo_of=undo_of,
            based_on=based_on,
        )
        self.plans[plan.id] = plan
        return plan

    def plan(self, actor: Actor, plan_id: PlanId) -> PlanView:
        if plan_id not in self.plans:
            raise NotHere("no such plan")
        plan = self.plans[plan_id]
        read = replace(self.read, earlier=self.earlier)
        after = afterwards(read, plan)
        late, short = late_and_lacking(StoredPlan(plan, read, actor.user_id, "Dr. Rosa Okafor"))
        ran = [run.id for run in self.runs.values() if run.plan_id == plan_id]
        return PlanView(
            plan=plan,
            snapshot=read,
            quality=after.quality,
            measured=after.measured,
            knows=after.knows,
            again=after.again,
            taking_part=taking_part(self.read, plan.rules),
            run_id=ran[0] if ran else None,
            created_by_name="Dr. Rosa Okafor",
            top_up=late,
            lacking=short,
            notified=len({change.reviewer for change in plan.of_kind(ChangeKind.CREATE)}),
        )

    def listed(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[ListedPlan, ...]:
        ran = {run.plan_id: run.id for run in self.runs.values()}
        return tuple(
            ListedPlan(
                id=plan.id,
                assignment_id=plan.assignment_id,
                created_at=plan.created_at,
                created_by_name="Dr. Rosa Okafor",
                undo_of=plan.undo_of,
                creates=plan.counts[ChangeKind.CREATE],
                deletes=plan.counts[ChangeKind.DELETE],
                keeps=plan.counts[ChangeKind.KEEP],
                standing=PlanStanding.APPLIED if plan.id in ran else PlanStanding.READY,
                run_id=ran.get(plan.id),
            )
            for plan in reversed(self.plans.values())
        )

    def to_approve(self, actor: Actor, plan_id: PlanId) -> bool:
        return plan_id in self.plans and all(run.plan_id != plan_id for run in self.runs.values())

    def canvas_instead(self, actor: Actor, plan_id: PlanId) -> Draws | None:
        return canvas_instead(self.read, self.plan(actor, plan_id).plan)

    def drift(self, actor: Actor, plan_id: PlanId, *, fresh: bool = True) -> tuple[Drift, ...]:
        self.plan(actor, plan_id)
        return self.moved

    # running
    def start_run(self, actor: Actor, plan_id: PlanId) -> RunId:
        self.changed.append("start")
        plan = self.plan(actor, plan_id).plan
        run_id = RunId(f"r{len(self.runs) + 1}")
        self.runs[run_id] = run_report(plan, run_id, RunState.APPLYING, done=len(plan.writes) // 3)
        return run_id

    def report(self, actor: Actor, run_id: RunId) -> RunReport:
        if run_id not in self.runs:
            raise NotHere("no such run")
        return self.runs[run_id]

    def progress(self, actor: Actor, run_id: RunId) -> Progress:
        return self.report(actor, run_id).progress

    def pause(self, actor: Actor, run_id: RunId) -> None:
        self.report(actor, run_id)
        self.changed.append("pause")
        self.runs[run_id] = replace(self.runs[run_id], pause_requested=True)

    def cancel(self, actor: Actor, run_id: RunId) -> None:
        self.report(actor, run_id)
        self.changed.append("cancel")
        self.runs[run_id] = replace(self.runs[run_id], cancel_requested=True)

    def resume(self, actor: Actor, run_id: RunId) -> None:
        self.report(actor, run_id)
        self.changed.append("resume")

    def undo(self, actor: Actor, run_id: RunId, *, fresh: bool = True) -> Plan:
        report = self.report(actor, run_id)
        done = [step for step in report.steps if step.step_class is StepClass.DONE]
        if not done:
            raise NothingToUndo("This run changed nothing.")
        back = [
            Change(
                ChangeKind.DELETE, s.reviewer, s.author, s.submission, ChangeReason.UNDO_CREATED, s.review_id
            )
            for s in done
        ]
        return self.keep(back, self.saved, undo_of=run_id)

    def again(self, actor: Actor, run_id: RunId, *, fresh: bool = True) -> Plan:
        report = self.report(actor, run_id)
        left = {(step.reviewer, step.author) for step in worth_trying(report)}
        plan = self.plans[report.plan_id]
        missing = [change for change in plan.writes if (change.reviewer, change.author) in left]
        return self.keep(again_changes(self.read, missing), plan.rules, based_on=plan.id, seed=plan.seed)

    def history(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[RunSummary, ...]:
        return tuple(
            RunSummary(
                id=run.id,
                plan_id=run.plan_id,
                assignment_id=run.assignment_id,
                state=run.state,
                started_by=run.started_by,
                started_by_name=run.started_by_name,
                created_at=run.created_at,
                finished_at=run.finished_at,
                counts={str(name): number for name, number in run.counts.items()},
                total=len(run.steps),
                undo_of=run.undo_of,
            )
            for run in reversed(self.runs.values())
        )

    def finish_run(self, run_id: RunId, state: RunState = RunState.DONE, failed: int = 0) -> None:
        """Let a run end, with the last ``failed`` changes not made."""
        plan = self.plans[self.runs[run_id].plan_id]
        self.runs[run_id] = run_report(plan, run_id, state, done=len(plan.writes) - failed, failed=failed)


def run_report(plan: Plan, run_id: RunId, state: RunState, *, done: int, failed: int = 0) -> RunReport:
    """A report in which the first ``done`` changes are made and the next ``failed`` refused."""

    def class_of(place: int) -> StepClass:
        if place < done:
            return StepClass.DONE
        if place < done + failed:
            return StepClass.STUDENT_LEFT
        return StepClass.PAUSED if state in PAUSED else StepClass.PENDING

    steps = tuple(
        ReportedStep(
            kind=change.kind,
            reviewer=change.reviewer,
            author=change.author,
            submission=change.submission,
            step_class=class_of(place),
            review_id=ReviewId(str(7000 + place)) if place < done else None,
            whose=Whose.OURS if place < done else Whose.NONE,
            why=Why.NONE if place < done else Why.NOT_FOUND,
            note="",
        )
        for place, change in enumerate(plan.writes)
    )
    counts = {one: sum(step.step_class is one for step in steps) for one in StepClass}
    over = state in TERMINAL
    return RunReport(
        id=run_id,
        plan_id=plan.id,
        canvas=plan.canvas,
        course_id=plan.course_id,
        assignment_id=plan.assignment_id,
        state=state,
        reason="",
        words="Canvas withdrew the access." if state in PAUSED else "",
        started_by=UserId("1"),
        started_by_name="Dr. Rosa Okafor",
        undo_of=plan.undo_of,
        created_at=NOW,
        finished_at=NOW if over else None,
        cancel_requested=False,
        pause_requested=False,
        progress=Progress(
            plan_id=plan.id,
            state=state,
            done=done + failed,
            total=len(steps),
            counts=counts,
            waiting="Canvas asked us to slow down; going on in a moment." if not over else "",
            waiting_until=None,
            waits_s=130.0 if state is RunState.PAUSED_CANVAS else None,
            seconds_left=None if over or state in PAUSED else 130.0,
            latest=tuple(reversed(steps[:done]))[:5],
        ),
        steps=steps,
        verification=Verification(done, done, (), "f", NOW.isoformat()) if over else None,
    )


class Sets:
    """Rules under a name, in memory."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self.kept: dict[str, RuleSet] = {}

    def all(self, actor: Actor) -> tuple[RuleSet, ...]:
        return tuple(sorted(self.kept.values(), key=lambda one: one.name))

    def get(self, actor: Actor, set_id: str) -> RuleSet:
        if set_id not in self.kept:
            raise NotHere("no such set")
        return self.kept[set_id]

    def save(
        self, actor: Actor, name: str, rules: PlanRules, *, replace: bool = False, over: int | None = None
    ) -> RuleSet:
        if not name.strip():
            raise ValueError("no name")
        found = [one.id for one in self.kept.values() if one.name == name]
        if found and not replace:
            raise NameInUse("Another set of rules of this course has this name.", version=1)
        set_id = found[0] if found else f"set{len(self.kept) + 1}"
        self.kept[set_id] = RuleSet(set_id, name, rules, actor.name, NOW)
        return self.kept[set_id]

    def rename(self, actor: Actor, set_id: str, name: str, *, over: int | None = None) -> None:
        self.kept[set_id] = replace(self.get(actor, set_id), name=name)

    def delete(self, actor: Actor, set_id: str, *, over: int | None = None) -> None:
        del self.kept[self.get(actor, set_id).id]

    def use(
        self, actor: Actor, set_id: str, assignment: AssignmentId, *, over: int | None = None
    ) -> PlanRules:
        self._course.save_rules(actor, assignment, self.get(actor, set_id).rules, over=over)
        return self.get(actor, set_id).rules


class Connecting:
    """The connecting cases of a course; ``start`` means something else there than for runs."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self.connected = course.connected
        self.ticket = course.ticket
        self.finish = course.finish
        self.disconnect = course.disconnect
        self.scopes = course.scopes

    def start(self, ticket: str) -> tuple[str, str]:
        if ticket != "one-time":
            raise ConnectFailed("This window was opened too late or twice.")
        return self._course.consent_page, "window-secret"


class PlansBeingMade:
    """Makes plans at once, unless the course says that one is being made."""

    def __init__(self, course: Course) -> None:
        self._course = course

    def begin(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, *, patience_s: float = 0.0
    ) -> Making:
        if self._course.making_now is not None:
            return self._course.making_now
        plan = self._course.make_plan(actor, assignment, rules)
        return Making(MakingState.MADE, NOW, NOW, plan=plan.id)

    def state(self, actor: Actor, assignment: AssignmentId) -> Making | None:
        return self._course.making_now

    def cancel(self, actor: Actor, assignment: AssignmentId) -> None:
        self._course.changed.append("cancel making")
        self._course.making_now = None


class Running:
    """The running cases of a course."""

    def __init__(self, course: Course) -> None:
        self.start = course.start_run
        self.report = course.report
        self.cancel = course.cancel
        self.pause = course.pause
        self.progress = course.progress
        self.resume = course.resume
        self.undo = course.undo
        self.again = course.again
        self.history = course.history


SESSIONS: Mapping[str, Launch] = {
    "teacher": Launch(),
    "student": Launch(is_instructor=False),
    "other-course": Launch(course_id="2"),
    "no-course": Launch(course_id=""),
    "colleague": Launch(user_id="2", user_name="Dr. Ben Adler"),
    "acted": Launch(masquerader="104"),
    "contrast": Launch(high_contrast=True),
    "arabic": Launch(locale="ar"),
    "german": Launch(locale="de-AT"),
    "branded": Launch(brand=Brand("#8a1538", "#8a1538", "#ffffff")),
}


def web_of(
    course: Course,
    public_url: str = "https://tool.example.edu",
    platform: str = CANVAS,
    settings: WebSettings | None = None,
    outside: OutsideCases | None = None,
) -> Flask:
    """The application over a course; the tokens are the keys of ``SESSIONS``. ``outside`` adds the pages of
    launch, registration and administration."""
    store, schedules = FollowUps(course.records), course.schedules
    following_up = FollowingUp(store, course, NoCanvas(), schedules, lambda: NOW)
    watching = Watching(
        course, lambda actor, one: course.history(actor, one), lambda _run, _phase: None, lambda _run: ()
    )
    app = create_web(
        UseCases(
            connecting=Connecting(course),
            reading=course,
            background=course,
            planning=course,
            making=PlansBeingMade(course),
            editing=Editing(course),
            rule_sets=course.sets,
            running=Running(course),
            following_up=following_up,
            filling=Filling(course, course, following_up, lambda: NOW),
            crediting=Crediting(
                store,
                course,
                NoCanvas(),
                OwnColumns(GradeColumns(course.records), lambda *_: None, no_grade_service, lambda: NOW),
                lambda _post: None,
                lambda: NOW,
            ),
            watching=watching,
            scheduling=Scheduling(
                schedules,
                course,
                course,
                Running(course),
                following_up,
                watching,
                Notices(schedules, NoCanvas(), Letter, lambda: NOW),
                lambda: NOW,
            ),
        ),
        {token: replace(launch, platform_origin=platform) for token, launch in SESSIONS.items()}.get,
        outside.blueprints() if outside else (),
        settings or WebSettings(public_url=public_url, platform_origins=lambda: (platform,)),
        outside,
    )
    app.testing = False
    return app


def a_course(people: int = 24, sections: int = 3, names: Sequence[str] = ()) -> Course:
    """A course whose first reading is done."""
    return Course(read=read_course(people, sections, names))


class OutsideCases(AdministrationCases, Protocol):
    """``tests.integration.web.outside.Outside``."""

    def blueprints(self) -> tuple[Blueprint, ...]: ...


TEACHER = Actor(CANVAS, COURSE, UserId("1"), "Dr. Rosa Okafor")
