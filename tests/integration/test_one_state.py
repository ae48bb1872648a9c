"""Plans, boards and alarms are only as good as the Canvas that they were made from: on the simulated Canvas,
in two processes, for two teachers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from lti_tool.applying.report import RunReport
from lti_tool.applying.states import RunState
from lti_tool.bootstrap import Application, build_application, build_web, now
from lti_tool.lti.sessions import Sessions
from lti_tool.persistence.launches import SessionRows
from lti_tool.planning.drift import DriftKind
from lti_tool.planning.ids import AssignmentId, RunId
from lti_tool.planning.plan import ChangeKind, Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.services.actor import Actor
from lti_tool.services.errors import AnotherRunActive, PlanOutdated
from lti_tool.settings import Settings
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment
from tests.integration.databases.sessions import ISSUER, a_launch
from tests.integration.test_command_line import TOKEN, Terminal
from tests.simulated import SimulatedCanvas, simulated_canvas

COLLEAGUE = "COLLEAGUE_TOKEN"


@dataclass
class Place:
    """One assignment; a process for each of two teachers, on one database."""

    canvas: SimulatedCanvas
    terminal: Terminal
    here: Application
    elsewhere: Application
    teacher: Actor
    colleague: Actor
    essay: Assignment

    @property
    def assignment(self) -> AssignmentId:
        return AssignmentId(self.essay.id)

    @property
    def readings(self) -> int:
        """How often the reviews were read."""
        return sum(one.path.endswith("/peer_reviews") for one in self.canvas.state.received())

    def plan(self, process: Application, actor: Actor, **rules: object) -> Plan:
        """As the page of the rules does, without asking for a new snapshot."""
        chosen = PlanRules.model_validate(rules)
        return process.use_cases.planning.make_plan(actor, self.assignment, chosen)

    def apply(self, process: Application, actor: Actor, plan: Plan) -> RunId:
        run = process.use_cases.running.start(actor, plan.id)
        process.driving.drive_to_rest(run)
        return run

    def look(self, process: Application, actor: Actor) -> None:
        """As the pages before the preview do."""
        process.use_cases.reading.snapshot(actor, self.assignment)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with simulated_canvas("small", habits=Habits(throttle_enabled=False)) as canvas:
        course = canvas.course("WRIT")
        environment = {
            "PEER_ALLOCATOR_INSTANCE": str(tmp_path / "instance"),
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
            "PEER_ALLOCATOR_LOG_LEVEL": "error",
            TOKEN: canvas.state.make_personal_token(canvas.user("teacher").id).token,
            COLLEAGUE: canvas.state.make_personal_token(canvas.user("ta").id).token,
        }
        terminal = Terminal(canvas, environment)
        for token in (TOKEN, COLLEAGUE):
            terminal.run("connect", "--canvas", canvas.url, "--token-env", token)
        platform = {
            "client_id": "1",
            "canvas_origin": canvas.url,
            "auth_token_url": f"{canvas.url}/login/oauth2/token",
            "auth_login_url": "https://sso.canvaslms.com/api/lti/authorize_redirect",
            "key_set_url": "https://sso.canvaslms.com/api/lti/security/jwks",
            "deployment_ids": ["1:x"],
        }
        settings = Settings(
            instance=tmp_path / "instance",
            allow_http_loopback=True,
            log_level="error",
            platforms={ISSUER: [platform]},
        )
        here, elsewhere = build_application(settings), build_application(settings)
        yield Place(
            canvas=canvas,
            terminal=terminal,
            here=here,
            elsewhere=elsewhere,
            teacher=here.actor(canvas.url, course.id, canvas.user("teacher").id),
            colleague=elsewhere.actor(canvas.url, course.id, canvas.user("ta").id),
            essay=canvas.assignment(course, "Essay 1"),
        )
        here.close()
        elsewhere.close()


def test_planning_again_after_applying_changes_nothing_for_anybody(place: Place) -> None:
    place.look(place.elsewhere, place.colleague)
    place.look(place.elsewhere, place.teacher)
    first = place.plan(place.here, place.teacher)
    number = first.counts[ChangeKind.CREATE]
    assert number > 0
    place.apply(place.here, place.teacher, first)
    held = place.canvas.reviews(place.essay)
    for process in (place.here, place.elsewhere):
        for actor in (place.teacher, place.colleague):
            again = place.plan(process, actor)
            assert (again.counts[ChangeKind.CREATE], again.counts[ChangeKind.DELETE]) == (0, 0)
            assert again.counts[ChangeKind.KEEP] == number
    filled = place.here.use_cases.filling.plan(place.teacher, place.assignment, (), delete=False)
    assert filled.writes == ()
    assert place.canvas.reviews(place.essay) == held


def test_a_plan_from_before_somebody_elses_update_is_refused(place: Place) -> None:
    mine = place.plan(place.here, place.teacher)
    theirs = place.plan(place.elsewhere, place.colleague)
    place.apply(place.elsewhere, place.colleague, theirs)
    held = place.canvas.reviews(place.essay)
    with pytest.raises(PlanOutdated) as refused:
        place.here.use_cases.running.start(place.teacher, mine.id)
    number = theirs.counts[ChangeKind.CREATE]
    assert str(refused.value).startswith(
        f"This plan is out of date. command line applied {number} changes to this assignment at "
    )
    assert not refused.value.active
    assert place.canvas.reviews(place.essay) == held
    shown = place.here.use_cases.planning.plan(place.teacher, mine.id)
    assert shown.overtaken is not None
    assert not place.here.use_cases.planning.to_approve(place.teacher, mine.id)

    where = ("--canvas", place.canvas.url, "--course", place.teacher.course_id, "--as", place.teacher.user_id)
    listed = {one["id"]: one["standing"] for one in place.terminal.json("plan", "list", *where)}
    assert listed == {mine.id: "out_of_date", theirs.id: "applied"}
    assert f"{mine.id}  Out of date" in place.terminal.run("plan", "list", *where).stdout

    said = place.terminal.run("apply", mine.id, expect=2).output
    assert f"Plan again with: peer-allocator plan again {mine.id}" in said
    again = place.terminal.json("plan", "again", mine.id)
    assert again["counts"]["after"]["create"] == again["counts"]["after"]["delete"] == 0


def test_of_two_tabs_that_press_at_once_one_wins(place: Place) -> None:
    plans = [
        place.plan(place.here, place.teacher, seed="one"),
        place.plan(place.elsewhere, place.teacher, seed="two"),
    ]

    def press(turn: int) -> object:
        process = (place.here, place.elsewhere)[turn]
        try:
            return process.use_cases.running.start(place.teacher, plans[turn].id)
        except PlanOutdated as refused:
            return refused

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(press, range(2)))
    (run,) = [end for end in ends if isinstance(end, str)]
    (refused,) = [end for end in ends if isinstance(end, PlanOutdated)]
    assert refused.active
    assert refused.run_id == run
    place.here.driving.drive_to_rest(run)
    held = place.canvas.reviews(place.essay)
    assert len(held) == plans[0].counts[ChangeKind.CREATE]


def test_nothing_is_planned_while_an_update_is_under_way(place: Place) -> None:
    run = place.here.use_cases.running.start(place.teacher, place.plan(place.here, place.teacher).id)
    with pytest.raises(AnotherRunActive) as refused:
        place.plan(place.elsewhere, place.colleague)
    assert refused.value.run_id == run
    watched = place.elsewhere.use_cases.watching.look(place.colleague, place.assignment, fresh=True)
    assert watched.under_way
    assert watched.alarms == watched.to_fill_up == ()
    place.here.driving.drive_to_rest(run)
    assert place.plan(place.elsewhere, place.colleague).writes == (), "what was read during it is read again"


def test_an_undo_obeys_the_same_rule_and_a_new_plan_starts_from_after_it(place: Place) -> None:
    before = place.canvas.reviews(place.essay)
    run = place.apply(place.here, place.teacher, place.plan(place.here, place.teacher))
    cases = place.here.use_cases.running
    first, second = (cases.undo(place.teacher, run, fresh=False) for _ in range(2))
    place.apply(place.here, place.teacher, first)
    assert place.canvas.reviews(place.essay) == before
    with pytest.raises(PlanOutdated, match=r"undid an update of this assignment at .* changes\)"):
        cases.start(place.teacher, second.id)
    assert place.plan(place.elsewhere, place.colleague).counts[ChangeKind.CREATE] > 0


def test_the_board_is_read_again_after_an_update_and_raises_no_alarm(place: Place) -> None:
    cases = place.here.use_cases
    before = cases.following_up.board(place.teacher, [place.assignment])
    assert before.board.totals.to_do == 0
    place.apply(place.elsewhere, place.colleague, place.plan(place.elsewhere, place.colleague))
    number = len(place.canvas.reviews(place.essay))
    after = cases.following_up.board(place.teacher, [place.assignment])
    assert after.board.totals.to_do == number
    assert after.read_at[place.assignment] > before.read_at[place.assignment]
    watched = cases.watching.look(place.teacher, place.assignment)
    assert watched.run is not None
    assert watched.alarms == ()
    where = place.terminal.where(place.canvas.course("WRIT"), place.essay)
    said = place.terminal.run("watch", *where, "--as", place.teacher.user_id).stdout
    assert "0 changes behind the plan" in said


def test_a_snapshot_is_used_until_it_is_too_old_to_plan_from(place: Place, tmp_path: Path) -> None:
    strict = build_application(
        Settings(
            instance=tmp_path / "instance",
            allow_http_loopback=True,
            log_level="error",
            snapshot_planning_minutes=0.0001,
        )
    )
    place.look(place.here, place.teacher)
    asked = place.readings
    place.plan(place.here, place.teacher)
    assert place.readings == asked, "it was read a moment ago"
    place.look(strict, place.teacher)
    assert place.readings == asked, "good enough to look at"
    place.plan(strict, place.teacher)
    assert place.readings > asked
    strict.close()


def drive_to_out_of_date(place: Place, plan: Plan) -> RunReport:
    """Apply a plan that Canvas has left behind: nothing is written, and the report says why."""
    before = place.canvas.reviews(place.essay)
    run = place.apply(place.here, place.teacher, plan)
    report = place.here.use_cases.running.report(place.teacher, run)
    assert (report.state, report.reason) == (RunState.NEEDS_REVIEW, "out_of_date")
    assert place.canvas.reviews(place.essay) == before
    return report


def from_now(place: Place, plan: Plan) -> Plan:
    """As the button and the command do; no snapshot from before the refusal is good any more."""
    return place.here.use_cases.editing.from_now(place.teacher, plan.id)


def test_a_student_who_drops_out_between_preview_and_apply(place: Place) -> None:
    """Nobody loses a review: the plan is out of date, and the one from now leaves the student out."""
    plan = place.plan(place.here, place.teacher)
    left = plan.of_kind(ChangeKind.CREATE)[0].reviewer
    place.canvas.state.drop(left, place.canvas.course("WRIT").id)
    report = drive_to_out_of_date(place, plan)
    assert [(one.kind, one.people) for one in report.drift.out_of_date] == [(DriftKind.PERSON_LEFT, (left,))]
    again = from_now(place, plan)
    assert not any(left in pair for pair in again.pairs_after)
    run = place.apply(place.here, place.teacher, again)
    assert place.here.use_cases.running.report(place.teacher, run).state is RunState.DONE
    received = Counter(author for _, author in place.canvas.reviews(place.essay))
    assert set(received.values()) == {3}


@pytest.mark.parametrize("existing", ["keep", "replace"])
def test_reviews_that_somebody_assigned_by_hand_since_the_preview_stay(place: Place, existing: str) -> None:
    plan = place.plan(place.here, place.teacher, existing=existing)
    one, *others = plan.of_kind(ChangeKind.CREATE)
    other = next(
        change
        for change in others
        if change.author != one.reviewer and (one.reviewer, change.author) not in plan.pairs_after
    )
    row = place.canvas.state.submissions[other.submission]
    place.canvas.state.assign_assessor(row, one.reviewer, made_by=None)
    (found,) = drive_to_out_of_date(place, plan).drift.out_of_date
    assert (found.kind, found.people) == (DriftKind.REVIEW_ADDED, (one.reviewer, other.author))
    again = from_now(place, plan)
    assert again.counts[ChangeKind.DELETE] == 0
    assert (one.reviewer, other.author) in again.pairs_after
    run = place.apply(place.here, place.teacher, again)
    assert place.here.use_cases.running.report(place.teacher, run).state is RunState.DONE


def test_no_page_plans_again_from_the_snapshot_that_an_update_refuted(place: Place) -> None:
    plan = place.plan(place.here, place.teacher)
    left = plan.of_kind(ChangeKind.CREATE)[0].reviewer
    place.canvas.state.drop(left, place.canvas.course("WRIT").id)
    drive_to_out_of_date(place, plan)
    for process in (place.here, place.elsewhere):
        made = place.plan(process, place.teacher)
        assert not any(left in pair for pair in made.pairs_after)
    said = place.terminal.json("plan", "again", plan.id)
    made = place.here.use_cases.planning.plan(place.teacher, said["after"]).plan
    assert not any(left in pair for pair in made.pairs_after)


class Tab:
    """The teacher's pages, as their front end asks for them."""

    def __init__(self, place: Place) -> None:
        box = place.here.settings.secret_box
        sessions = Sessions(
            SessionRows(place.here.database, box), now, idle=timedelta(hours=1), absolute=timedelta(hours=1)
        )
        launch = replace(
            a_launch(place.teacher.user_id, "Rosa Okafor"),
            canvas_origin=place.teacher.canvas,
            platform_origin=place.teacher.canvas,
            course_id=place.teacher.course_id,
        )
        self._headers = {"Authorization": f"Bearer {sessions.open(launch)}"}
        self._client = build_web(place.here).test_client()
        self.course = f"/app/courses/{place.teacher.course_id}"

    def get(self, path: str, status: int = 200) -> str:
        """The words of a page."""
        answer = self._client.get(f"{self.course}{path}", headers=self._headers)
        assert answer.status_code == status, answer.text
        return said(answer.text)

    def post(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, where it leads within the course, and the words."""
        answer = self._client.post(f"{self.course}{path}", data=form or {}, headers=self._headers)
        where = str((answer.get_json(silent=True) or {}).get("location", ""))
        return answer.status_code, where.removeprefix(self.course), said(answer.text)


def said(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_apply_plan_again_board_and_a_second_tab_on_the_pages(place: Place) -> None:
    tab, essay = Tab(place), f"/assignments/{place.essay.id}"
    choices = {"reviews_per_reviewer": "2", "sections": "any", "own_group": "barred", "existing": "keep"}
    tab.get(f"{essay}/people")
    _, first, _ = tab.post(f"{essay}/rules", choices)
    _, second, _ = tab.post(f"{essay}/rules", choices)
    ticks = {"deletes": "yes", "notices": "yes"}
    _, run, _ = tab.post(f"{first}/apply", ticks)
    place.here.driving.drive_to_rest(run.rsplit("/", 1)[-1])
    number = len(place.canvas.reviews(place.essay))
    assert number > 0

    status, _, words = tab.post(f"{second}/apply", ticks)
    assert status == 409
    assert "This plan is out of date" in words
    assert re.search(r"Rosa Okafor applied \d+ changes to this assignment at", words)
    assert "Preview again" in words
    assert "This plan is out of date." in tab.get(second)
    assert "Out of date" in tab.get("/history")

    _, again, _ = tab.post(f"{second}/renew")
    assert f"0 to create 0 to delete {number} kept" in tab.get(again)
    _, third, _ = tab.post(f"{essay}/rules", choices)
    assert f"0 to create 0 to delete {number} kept" in tab.get(third)

    board = tab.get(f"{essay}/board")
    assert re.search(r"As of .*, just now\.", board)
    assert f"0 done (0 %) {number} to do" in board
    assert "behind the plan" not in board
    assert len(place.canvas.reviews(place.essay)) == number
