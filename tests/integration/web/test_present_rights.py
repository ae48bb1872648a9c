"""What is stored, against what Canvas says of the viewer now: every address of a course x who looks.

The tool is wired as for production before a simulated Canvas. A teacher who sees everybody made a plan, a
run, rules with reasons, reminders and settings; then others look, each with a session that was good when it
was opened. The addresses come from the URL map, so a new page is in the table by itself.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from allocation.sentences import ENGLISH
from lti_tool.bootstrap import Application, build_application, build_web, now, upgrade_database
from lti_tool.cli.plans import show_plan
from lti_tool.lti.context import LaunchContext
from lti_tool.lti.sessions import Sessions
from lti_tool.persistence.audit import AuditFilter
from lti_tool.persistence.launches import SessionRows
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, PlanId, UserId
from lti_tool.planning.reminders import Audience, Template
from lti_tool.planning.rules import Exclusion, PairRule, PlanRules
from lti_tool.services.actor import Actor
from lti_tool.services.comparing import NO_REVIEWS
from lti_tool.services.viewing import AccessEnded, NotYours
from lti_tool.settings import Settings
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import EnrollmentState, EnrollmentType
from tests.simulated import SimulatedCanvas, simulated_canvas

ISSUER = "https://canvas.instructure.com"
REASON = "in hospital until January"
TEACHING = ("http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor",)
NOTHING = ("removed", "disconnected", "now a student", "may not grade any more")
"""Who sees nothing of the course any more, although the session was good when it was opened."""


@dataclass(frozen=True)
class Stored:
    """What the teacher left behind."""

    plan: str
    run: str
    rule_set: str


class Stage:
    """A course with sections, its staff, and a tool that the teacher has used."""

    def __init__(self, canvas: SimulatedCanvas, application: Application) -> None:
        self.canvas, self.application = canvas, application
        self.app: Flask = build_web(application)
        self.origin = CanvasOrigin(canvas.url)
        self.course = canvas.course("SOC")
        self.essay = canvas.assignment(self.course, "Essay 1")
        state, section_ta = canvas.state, canvas.user("section-ta")
        (own,) = state.enrollments_of(self.course.id, section_ta.id)
        students = [row for row in state.enrollments_of(self.course.id) if row.type is EnrollmentType.STUDENT]
        self.seen = {row.user_id for row in students if row.section_id == own.section_id}
        self.hidden = {row.user_id for row in students} - self.seen
        assert len(self.seen) > 3
        assert len(self.hidden) > 3
        self.actors = {
            "teacher": self.person(canvas.user("teacher").id),
            "limited": self.person(section_ta.id),
            "removed": self.joined("Removed Assistant"),
            "disconnected": self.joined("Disconnected Assistant"),
            "now a student": self.joined("Demoted Assistant"),
            "may not grade any more": self.joined("Curtailed Assistant"),
        }
        self.connect(*self.actors)
        self.stored = self.furnish()
        self.take_rights_away()

    def person(self, user: str) -> Actor:
        return Actor(self.origin, CourseId(self.course.id), UserId(user), "Somebody")

    def joined(self, name: str) -> Actor:
        state = self.canvas.state
        user = state.add_user(name, login=name)
        section = state.sections_of(self.course.id)[0]
        state.add_enrollment(user, section, EnrollmentType.TA, at=state.now())
        return self.person(user.id)

    def connect(self, *who: str) -> None:
        for one in who:
            grant = self.canvas.state.make_personal_token(self.actors[one].user_id)
            self.application.connecting.connect_with_personal_token(self.origin, grant.token)

    def furnish(self) -> Stored:
        cases, teacher = self.application.use_cases, self.actors["teacher"]
        essay = AssignmentId(self.essay.id)
        hidden = sorted(self.hidden)
        rules = PlanRules(
            reviews_per_reviewer=2,
            exclude=(Exclusion(user=hidden[0], reason=REASON),),
            forbidden=(PairRule(reviewer=hidden[1], author=sorted(self.seen)[0], reason=REASON),),
        )
        cases.reading.snapshot(teacher, essay, fresh=True)
        cases.planning.save_rules(teacher, essay, rules)
        plan = cases.planning.make_plan(teacher, essay, rules)
        run = cases.running.start(teacher, plan.id)
        self.application.driving.drive_to_rest(run)
        kept = cases.rule_sets.save(teacher, "Ours", rules)
        template = Template(subject="Reviews", body="Please write {open} reviews.")
        owing = tuple(UserId(one) for one in hidden)
        cases.reading.snapshot(teacher, essay, fresh=True)
        cases.following_up.send_reminders(
            teacher, essay, template, Audience(), voice=ENGLISH, approved=owing, fresh=False
        )
        later = cases.planning.make_plan(teacher, essay, rules.model_copy(update={"reviews_per_reviewer": 3}))
        return Stored(later.id, run, kept.id)

    def take_rights_away(self) -> None:
        state = self.canvas.state
        for who, to in (("removed", EnrollmentState.DELETED), ("now a student", EnrollmentState.DELETED)):
            for row in state.enrollments_of(self.course.id, self.actors[who].user_id):
                row.state = to
        demoted = state.users[self.actors["now a student"].user_id]
        state.add_enrollment(
            demoted, state.sections_of(self.course.id)[0], EnrollmentType.STUDENT, at=state.now()
        )
        curtailed = self.actors["may not grade any more"].user_id
        state.withheld[curtailed, self.course.id] = {"manage_grades", "view_all_grades"}
        self.application.tokens.remove(self.origin, self.actors["disconnected"].user_id)

    def token(self, who: str) -> str:
        """A session of this person, opened while everything was well."""
        actor = self.actors[who]
        sessions = Sessions(
            SessionRows(self.application.database, self.application.settings.secret_box), now,
            idle=now() - now().replace(year=now().year - 1),
            absolute=now() - now().replace(year=now().year - 1),
        )  # fmt: skip
        return sessions.open(
            LaunchContext(
                issuer=ISSUER, client_id="1", deployment_id="1:x", canvas_origin=actor.canvas,
                user_id=actor.user_id, lti_user_id=f"lti-{actor.user_id}", user_name="Somebody",
                context_id="opaque-course", course_id=actor.course_id, course_name="Sociology",
                roles=TEACHING, is_instructor=True,
                locale="en", time_zone="", high_contrast=False, post_message_token="",
                platform_origin=actor.canvas,
            )
        )  # fmt: skip

    def rules(self) -> Iterator[tuple[Rule, str]]:
        for rule in self.app.url_map.iter_rules():
            if "course_id" in rule.arguments:
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    yield rule, method

    def ask(self, who: str, rule: Rule, method: str) -> TestResponse:
        stored = self.stored
        given = {
            "course_id": self.course.id, "assignment_id": self.essay.id, "plan_id": stored.plan,
            "before_id": stored.plan, "after_id": stored.plan, "other_id": stored.plan,
            "run_id": stored.run, "set_id": stored.rule_set,
        }  # fmt: skip
        path = self.app.url_map.bind("x").build(
            rule.endpoint, {name: given.get(name, "1") for name in rule.arguments}, method=method
        )
        return self.app.test_client().open(
            path, method=method, headers={"Authorization": f"Bearer {self.token(who)}"}
        )

    def names(self, users: set[str]) -> set[str]:
        return {self.canvas.state.users[user].name for user in users}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with simulated_canvas("sections", habits=Habits(throttle_enabled=False)) as canvas:
        platform = {
            "client_id": "1",
            "canvas_origin": canvas.url,
            "auth_login_url": "https://sso.canvaslms.com/api/lti/authorize_redirect",
            "auth_token_url": f"{canvas.url}/login/oauth2/token",
            "key_set_url": "https://sso.canvaslms.com/api/lti/security/jwks",
            "deployment_ids": ["1:x"],
        }
        settings = Settings(
            instance=Path(tmp_path_factory.mktemp("rights")),
            public_url="https://reviews.example.edu",
            allow_http_loopback=True,
            platforms={ISSUER: [platform]},
            previews_per_minute=0,
            imports_per_minute=0,
            rights_seconds=0.001,
            settle_seconds=0,
        )
        upgrade_database(settings)
        application = build_application(settings)
        try:
            yield Stage(canvas, application)
        finally:
            application.close()


def leaks(answer: TestResponse, names: set[str]) -> list[str]:
    return [name for name in sorted(names | {REASON}) if name in answer.text]


def test_the_teacher_sees_everybody(stage: Stage) -> None:
    """Or else what follows would prove nothing."""
    seen = ""
    for rule, method in stage.rules():
        if method == "GET":
            answer = stage.ask("teacher", rule, method)
            assert answer.status_code < 500, rule
            seen += answer.text
    assert stage.names(stage.hidden | stage.seen) <= {
        name for name in stage.names(stage.hidden | stage.seen) if name in seen
    }
    assert REASON in seen


def test_a_limited_assistant_meets_nobody_whom_canvas_hides(stage: Stage) -> None:
    seen = ""
    for rule, method in stage.rules():
        if method != "GET":
            continue
        answer = stage.ask("limited", rule, method)
        assert answer.status_code < 500, (rule, answer.text)
        assert not leaks(answer, stage.names(stage.hidden)), (rule, answer.text)
        if answer.mimetype == "text/csv":
            cells = {cell for row in csv.reader(io.StringIO(answer.text)) for cell in row}
            assert not cells & stage.hidden, (rule, "ids are names too")
        seen += answer.text
    assert "whom Canvas doesn't show you" in seen, "and how much is missing they are told"
    found = {name for name in stage.names(stage.seen) if name in seen}
    assert found == stage.names(stage.seen), "their own section they see whole"


def test_a_limited_assistant_changes_nothing_that_is_hidden(stage: Stage) -> None:
    cases, actor, essay = (
        stage.application.use_cases,
        stage.actors["limited"],
        AssignmentId(stage.essay.id),
    )
    before = stage.canvas.reviews(stage.essay)
    plan = cases.planning.plan(actor, stage.stored.plan)  # type: ignore[arg-type]  # ids are text
    assert plan.hidden > 0
    for touch in (
        lambda: cases.running.start(actor, stage.stored.plan),  # type: ignore[arg-type]  # ids are text
        lambda: cases.running.undo(actor, stage.stored.run),  # type: ignore[arg-type]  # ids are text
        lambda: cases.running.resume(actor, stage.stored.run),  # type: ignore[arg-type]  # ids are text
        lambda: cases.editing.again(actor, stage.stored.plan),  # type: ignore[arg-type]  # ids are text
        lambda: cases.rule_sets.save(actor, "ours", PlanRules(), replace=True),
        lambda: cases.rule_sets.use(actor, stage.stored.rule_set, essay),
    ):
        with pytest.raises(NotYours):
            touch()
    assert stage.canvas.reviews(stage.essay) == before
    refused = stage.application.audit.find(AuditFilter(user=actor.user_id, event="action_refused"))
    assert len(refused) >= 6


def test_a_limited_assistant_reads_no_judgement_of_a_plan_that_they_see_in_part(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted over the visible pairs alone, submissions would seem to lack reviews and rules to be broken."""
    planning, plan_id = stage.application.use_cases.planning, PlanId(stage.stored.plan)
    assert planning.plan(stage.actors["teacher"], plan_id).quality.given, "there is something to judge"
    view = planning.plan(stage.actors["limited"], plan_id)
    assert view.partial
    assert not view.may_apply
    assert not view.may_edit
    assert (view.quality, view.measured, view.lacking, view.top_up) == (NO_REVIEWS, None, (), None)

    plan = f"/app/courses/{stage.course.id}/plans/{plan_id}"
    client = stage.app.test_client()
    headers = {"Authorization": f"Bearer {stage.token('limited')}"}
    page = client.get(plan, headers=headers).text
    assert "concerns students you can&#39;t see" in page or "concerns students you can't see" in page
    assert "Only an instructor who sees the whole course can apply" in page
    for claim in (
        "too few reviews", "This plan breaks", "Repair it", "islands", "perfectly even", "Draw again",
        "Edit by hand", "How it looks afterwards", "Canvas will notify", f"{plan}/apply", f"{plan}/confirm",
    ):  # fmt: skip
        assert claim not in page, claim
    confirm = client.get(f"{plan}/confirm", headers=headers).text
    assert plan in confirm, "back to the preview"
    assert "in Canvas?" not in confirm
    assert client.get(f"{plan}/drift", headers=headers).get_json() == {"html": "", "again": False}
    assert client.get(f"{plan}/quality", headers=headers).get_json() == {"html": ""}
    assert len(client.get(f"{plan}/for-staff.csv", headers=headers).text.splitlines()) == 1
    compared = client.get(f"{plan}/compare/{plan_id}", headers=headers).text
    for claim in ("Nothing differs", "reviews each work gets", "Draw again"):
        assert claim not in compared, claim

    capsys.readouterr()  # what was logged
    show_plan(view, "json")
    told = json.loads(capsys.readouterr().out)
    assert (told["partial"], told["for_staff"], told["promise"], told["late_work"]) == (
        True,
        None,
        None,
        None,
    )
    show_plan(view, "text")
    text = capsys.readouterr().out
    assert "also concerns students you can't see" in text
    for claim in ("too few reviews", "drop out", "Apply it with", "already matches"):
        assert claim not in text, claim


def test_rules_that_a_limited_assistant_saves_keep_what_they_could_not_see(stage: Stage) -> None:
    cases, actor, essay = (
        stage.application.use_cases,
        stage.actors["limited"],
        AssignmentId(stage.essay.id),
    )
    teacher = stage.actors["teacher"]
    before = cases.planning.rules(teacher, essay)
    mine = cases.planning.rules(actor, essay)
    assert mine.exclude == ()
    assert mine.forbidden == ()
    left_out = Exclusion(user=sorted(stage.seen)[0], reason="Knows the answer")
    cases.planning.save_rules(actor, essay, mine.model_copy(update={"exclude": (left_out,)}))
    after = cases.planning.rules(teacher, essay)
    assert set(after.exclude) == {*before.exclude, left_out}
    assert after.forbidden == before.forbidden
    cases.planning.save_rules(teacher, essay, before)


def test_a_limited_assistant_plans_and_applies_for_their_own_section(stage: Stage) -> None:
    cases, actor, essay = (
        stage.application.use_cases,
        stage.actors["limited"],
        AssignmentId(stage.essay.id),
    )
    cases.reading.snapshot(actor, essay, fresh=True)
    plan = cases.planning.make_plan(actor, essay, PlanRules(reviews_per_reviewer=5))
    assert plan.writes
    assert {line.reviewer for line in plan.writes} <= stage.seen
    run = cases.running.start(actor, plan.id)
    stage.application.driving.drive_to_rest(run)
    assert cases.running.report(actor, run).state == "done"
    undo = cases.running.undo(actor, run)
    assert {line.reviewer for line in undo.writes} <= stage.seen


@pytest.mark.parametrize("who", NOTHING)
def test_whoever_has_no_rights_any_more_sees_nothing(stage: Stage, who: str) -> None:
    for rule, method in stage.rules():
        answer = stage.ask(who, rule, method)
        assert answer.status_code < 500, (rule, method, answer.text)
        assert not leaks(answer, stage.names(stage.hidden | stage.seen)), (rule, method)
        assert "attachment" not in answer.headers.get("Content-Disposition", ""), rule
    if who != "disconnected":
        stage.connect(who)  # one of the addresses is Disconnect


@pytest.mark.parametrize("who", [who for who in NOTHING if who != "disconnected"])
def test_a_session_ends_with_the_rights_in_canvas(stage: Stage, who: str) -> None:
    token = stage.token(who)

    def ask() -> int:
        path = f"/app/courses/{stage.course.id}/runs/{stage.stored.run}/record.csv"
        return stage.app.test_client().get(path, headers={"Authorization": f"Bearer {token}"}).status_code

    assert [ask(), ask()] == [403, 401]


def test_disconnect_and_log_out_end_sessions_at_once(stage: Stage) -> None:
    client = stage.app.test_client()
    home = f"/app/courses/{stage.course.id}"
    first, second = stage.token("limited"), stage.token("limited")

    def status(token: str) -> int:
        return client.get(f"{home}/history", headers={"Authorization": f"Bearer {token}"}).status_code

    assert (status(first), status(second)) == (200, 200)
    answer = client.post(f"{home}/log-out", headers={"Authorization": f"Bearer {first}"})
    assert "You&#39;re logged out" in answer.text
    assert (status(first), status(second)) == (401, 200)
    third = stage.token("limited")
    client.post(f"{home}/disconnect", headers={"Authorization": f"Bearer {second}"})
    assert (status(second), status(third)) == (401, 401)
    stage.connect("limited")


def test_the_command_line_asks_canvas_too(stage: Stage) -> None:
    """Commands use the same use cases; the actor is whose token they act with."""
    cases = stage.application.use_cases
    with pytest.raises(AccessEnded):
        cases.running.report(stage.actors["removed"], stage.stored.run)  # type: ignore[arg-type]  # text
    report = cases.running.report(stage.actors["limited"], stage.stored.run)  # type: ignore[arg-type]  # text
    assert {user for step in report.steps for user in (step.reviewer, step.author)} <= stage.seen


LEAVES_NO_LINE = {
    "board.read_all", "board.read_one", "filling.read_again", "participants.read_again", "making.cancel",
}  # fmt: skip
"""Accepted, and nothing is changed: they read Canvas again, or stop a plan that isn't made yet."""


def test_every_form_that_is_accepted_leaves_a_line(stage: Stage) -> None:
    """Forms are sent empty: what is refused or shown again changed nothing."""
    stage.connect("teacher")
    silent, recorded = set[str](), set[str]()
    for rule, method in stage.rules():
        if method != "POST":
            continue
        before = len(stage.application.audit.find(AuditFilter(limit=10_000)))
        answer = stage.ask("teacher", rule, method)
        lines = len(stage.application.audit.find(AuditFilter(limit=10_000))) - before
        if answer.status_code == 200 and answer.is_json and "location" in (answer.get_json() or {}):
            (recorded if lines else silent).add((rule.endpoint or "").removeprefix("course."))
        if rule.endpoint == "course.connect.disconnect":
            stage.connect("teacher")
    assert len(recorded) > 5, recorded
    assert silent == LEAVES_NO_LINE
