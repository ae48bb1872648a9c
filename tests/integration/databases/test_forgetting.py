"""What is kept, for how long, and what is left of a course, a person or an institution after a purge."""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import inspect, text, update

from lti_tool import persistence
from lti_tool.applying.records import Actor
from lti_tool.bootstrap import Application, build_application
from lti_tool.cli import main
from lti_tool.lti.context import LaunchContext
from lti_tool.lti.sessions import Sessions
from lti_tool.persistence.audit import AuditRow
from lti_tool.persistence.base import Base
from lti_tool.persistence.follow_up_rows import (
    CreditPostRow,
    CreditScoreRow,
    FollowUpRow,
    GradeServiceRow,
    ReminderBatchRow,
    ReminderMessageRow,
    ReminderRow,
)
from lti_tool.persistence.holdings import HOLDINGS, REMOVED
from lti_tool.persistence.identities import CourseRow, PersonRow
from lti_tool.persistence.journal_rows import RunRow
from lti_tool.persistence.launches import SessionRows
from lti_tool.persistence.open_reviews import DueReadingRow, OpenReviewRow
from lti_tool.persistence.plan_rows import PlanRow, RuleSetRow, SavedRulesRow, SnapshotRow
from lti_tool.persistence.plans import store_plan, store_snapshot
from lti_tool.persistence.saved_rules import change_rules
from lti_tool.persistence.schedules import ScheduleRow
from lti_tool.persistence.tokens import ConnectAttemptRow, TokenKind, TokenRow
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, UserId
from lti_tool.planning.rules import Exclusion, PairRule, PlanRules
from lti_tool.planning.snapshot import ListedLevels, Scores
from lti_tool.services.housekeeping import RunsUnderWay, Scope
from lti_tool.settings import Settings
from tests.builders import person, plan, snapshot, user
from tests.integration.journal.stage import creates

NORTH, SOUTH = CanvasOrigin("https://north.example.edu"), CanvasOrigin("https://south.example.edu")
PLACES = [(NORTH, CourseId("7")), (NORTH, CourseId("8")), (SOUTH, CourseId("7"))]
TEACHER, STUDENT = UserId("1"), user(1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

NOT_ABOUT_A_COURSE = {
    # table: why a purge and the retention of courses leave it alone
    "tool_key": "the tool's own keys",
    "chore": "when housekeeping was done",
    "instance": "the installation itself",
    "session": "sealed; ended by a purge, and by housekeeping when it is over",
    "one_time_secret": "sealed; minutes",
    "registration": "the operator's: peer-allocator registration remove",
    "deployment": "goes with its registration",
    "canvas_alias": "goes with its registration",
    "launch_seen": "a moment, nobody's; removed with its registration",
    "canvas_api_key": "goes with its registration",
    "invitation": "the operator's; ends by itself",
    "run_step": "goes with its run",
    "run_step_attempt": "goes with its run",
    "run_event": "goes with its run",
    "run_snapshot": "goes with its run",
    "plan_line": "goes with its plan",
    "reminder_message": "goes with its batch",
    "reminder": "goes with its batch, or its person",
    "credit_score": "goes with its posting, or its person",
}


def test_every_table_is_accounted_for() -> None:
    for module in pkgutil.iter_modules(persistence.__path__):
        importlib.import_module(f"{persistence.__name__}.{module.name}")
    assert set(Base.metadata.tables) == {one.table.name for one in HOLDINGS} | set(NOT_ABOUT_A_COURSE)
    children = {
        name
        for name, table in Base.metadata.tables.items()
        for key in table.foreign_keys
        if key.ondelete == "CASCADE"
    }
    assert {name for name, why in NOT_ABOUT_A_COURSE.items() if why.startswith("goes with its")} <= (
        children | {"canvas_api_key"}
    )


@pytest.fixture
def application(database_url: str, tmp_path: Path) -> Iterator[Application]:
    made = build_application(
        Settings(instance=tmp_path, database_url=database_url, public_url="https://reviews.example.edu")
    )
    for canvas, course in PLACES:
        furnish(made, canvas, course)
    yield made
    made.close()


def furnish(made: Application, canvas: CanvasOrigin, course: CourseId) -> None:
    """One of everything, made long ago, with a finished run."""
    key = f"{canvas[8:13]}{course}"
    rules = PlanRules(
        exclude=(Exclusion(user=STUDENT, reason="Canary reason"),),
        forbidden=(PairRule(reviewer="102", author=STUDENT, reason="Canary reason"),),
    )
    read = snapshot(4)
    read = replace(
        read,
        canvas=canvas,
        course_id=course,
        assignment=replace(read.assignment, id=AssignmentId(f"a{key}"), course_id=course),
        people=tuple(person(n + 1, name=f"Canary{n + 1} Name") for n in range(4)),
        scores=(Scores(AssignmentId("q"), "Quiz", ((STUDENT, 70707.0), (user(2), 80808.0)), 99999.0),),
        listed=ListedLevels(LONG_AGO, ((STUDENT, 60606.0), (user(2), 80808.0)), in_words=False),
        taken_at=LONG_AGO,
    )
    planned = replace(plan(creates((1, 2)), id_=f"p{key}", of=read), created_at=LONG_AGO, rules=rules)
    with made.database.begin() as session:
        kept = store_snapshot(session, read, TEACHER)
        store_plan(session, planned, snapshot_id=kept, by=TEACHER, by_name="Canary Teacher")
        store_snapshot(session, read, TEACHER)
        change_rules(
            session, canvas, course, read.assignment.id, lambda _now: rules,
            by=TEACHER, by_name="Canary Teacher", at=LONG_AGO,
        )  # fmt: skip
        session.merge(
            TokenRow(
                canvas=canvas, user_id=TEACHER, kind=TokenKind.OAUTH, sealed_access="x", sealed_refresh="x",
                scopes="", generation=1, connected_at=LONG_AGO, renewed_at=LONG_AGO, dead=False,
            )
        )  # fmt: skip
        place = {"canvas": canvas, "course_id": course, "assignment_id": "a"}
        session.add(FollowUpRow(**place, body="{}", saved_by=TEACHER, saved_at=LONG_AGO))
        session.add(OpenReviewRow(**place, review_id="r1", reviewer_id=STUDENT, open_at=LONG_AGO))
        session.add(DueReadingRow(**place, read_at=LONG_AGO))
        session.add(
            AuditRow(
                id=f"e{key}", at=LONG_AGO, source="page", event="plan_created", canvas=canvas, course=course,
                assignment="a", user=TEACHER, real_user="", object=f"p{key}", detail="",
            )
        )  # fmt: skip
        session.add(
            ReminderBatchRow(
                id=f"b{key}", **place, sent_by=TEACHER, sent_by_name="Canary Teacher", created_at=LONG_AGO
            )
        )
        session.flush()
        session.add(
            ReminderMessageRow(
                batch_id=f"b{key}", seq=1, subject="s", body="Yours, Canary Teacher", state="sent", note=""
            )
        )
        session.add(ReminderRow(batch_id=f"b{key}", user_id=STUDENT, seq=1))
        session.add(
            CreditPostRow(
                id=f"c{key}", **place, target="t", posted_by=TEACHER, posted_by_name="Canary Teacher",
                created_at=LONG_AGO, state="done", note="", body="{}", jobs="{}",
            )
        )  # fmt: skip
        session.flush()
        session.add(CreditScoreRow(post_id=f"c{key}", user_id=STUDENT, points="9", state="sent", why=""))
        session.add(
            GradeServiceRow(
                canvas=canvas, course_id=course, issuer="i", client_id="1", lineitems="l", scopes="s",
                saved_at=LONG_AGO,
            )
        )  # fmt: skip
        session.add(
            RuleSetRow(
                id=f"n{key}", canvas=canvas, course_id=course, name="Essay", name_key="essay",
                body=rules.model_dump_json(), saved_by=TEACHER, saved_by_name="Canary Teacher",
                saved_at=LONG_AGO,
            )
        )  # fmt: skip
        session.add(
            ConnectAttemptRow(
                state_hash=key, browser_hash="h", sealed_verifier="v", canvas=canvas, user_id=TEACHER,
                return_to="/", expires_at=LONG_AGO, used=False,
            )
        )  # fmt: skip
        session.add(
            PersonRow(
                issuer="i", client_id=key, subject="x", canvas=canvas, user_id=TEACHER, confirmed_at=LONG_AGO
            )
        )  # fmt: skip
        session.add(
            CourseRow(
                issuer="i", client_id=key, context_id="c", canvas=canvas, course_id=course,
                confirmed_at=LONG_AGO,
            )
        )  # fmt: skip
        session.add(
            ScheduleRow(
                id=f"s{key}", **place, user_id=TEACHER, user_name="Canary Teacher", body="{}",
                created_at=LONG_AGO, note="",
            )
        )  # fmt: skip
    run = made.journal.start(planned, Actor(TEACHER, "Canary Teacher"))
    with made.database.begin() as session:
        session.execute(
            update(RunRow)
            .where(RunRow.id == run)
            .values(state="done", created_at=LONG_AGO, finished_at=LONG_AGO)
        )
    sessions_of(made).open(context(canvas, course))


def sessions_of(made: Application) -> Sessions:
    rows = SessionRows(made.database, made.settings.secret_box)
    return Sessions(rows, lambda: datetime.now(UTC), idle=timedelta(hours=1), absolute=timedelta(hours=2))


def context(canvas: CanvasOrigin, course: CourseId) -> LaunchContext:
    return LaunchContext(
        issuer="i", client_id="1", deployment_id="d", canvas_origin=canvas, user_id=TEACHER, lti_user_id="x",
        user_name="Canary Teacher",
        context_id="opaque-course", course_id=course, course_name="c", roles=(), is_instructor=True,
        locale="", time_zone="", high_contrast=False, post_message_token="",
        platform_origin=canvas,
    )  # fmt: skip


def counts(made: Application, *where: str) -> Counter[str]:
    """Rows of each table, all or those of a Canvas."""
    found: Counter[str] = Counter()
    with made.database.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name in ("alembic_version", "chore"):
                continue
            if where and "canvas" not in table.columns:
                continue
            clause = f" WHERE canvas = '{where[0]}'" if where else ""
            found[table.name] = connection.execute(
                text(f'SELECT count(*) FROM "{table.name}"{clause}')
            ).scalar_one()
    return +found


def everything_stored(made: Application) -> bytes:
    """All texts and readings, for a search."""
    found = b""
    with made.database.engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                for cell in row:
                    raw = bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
                    found += zlib.decompress(raw) if raw[:1] == b"x" and isinstance(cell, bytes) else raw
                    found += b"\n"
    return found


def test_an_institution_leaves_nothing_and_the_others_lose_nothing(application: Application) -> None:
    before = counts(application, SOUTH)
    expected = application.purge.preview(Scope(NORTH))
    assert counts(application, NORTH), "a preview changes nothing"
    assert application.purge.do(Scope(NORTH)) == expected
    assert counts(application, NORTH) == {}
    assert counts(application, SOUTH) == before
    assert NORTH.encode() not in everything_stored(application)


def test_a_course_goes_alone(application: Application) -> None:
    left = counts(application)
    gone = application.purge.do(Scope(NORTH, course=CourseId("7")))
    after = counts(application)
    assert gone["plan"] == gone["run"] == gone["saved_rules"] == gone["session"] == 1
    assert after["plan"] == left["plan"] - 1 == 2
    assert after["run_step"] == left["run_step"] - 1, "steps go with their run"
    assert after["canvas_token"] == left["canvas_token"], "a token is of a person, not of a course"


def test_a_student_is_nowhere_by_name_and_in_no_reason(application: Application) -> None:
    application.purge.do(Scope(NORTH, user=STUDENT))
    application.purge.do(Scope(SOUTH, user=STUDENT))
    stored = everything_stored(application)
    assert b"Canary1 Name" not in stored
    assert b"Canary reason" not in stored
    assert b"Canary2 Name" in stored
    assert b"70707" not in stored, "points go with the name"
    assert b"60606" not in stored, "and so does the level"
    assert b"80808" in stored
    assert REMOVED.encode() in stored
    assert counts(application)["reminder"] == counts(application)["open_review"] == 0
    with application.database.read() as session:
        assert session.query(PlanRow).count() == len(PLACES), "the record of what was done stays"


def test_a_teacher_is_gone_with_token_and_session_and_without_name(application: Application) -> None:
    for canvas in (NORTH, SOUTH):
        application.purge.do(Scope(canvas, user=TEACHER))
    assert b"Canary Teacher" not in everything_stored(application)
    assert {"canvas_token", "session", "schedule", "connect_attempt"} & set(counts(application)) == set()
    with application.database.read() as session:
        assert session.query(RunRow).count() == session.query(PlanRow).count() == len(PLACES), (
            "the record stays"
        )


def test_the_stage_has_a_row_in_every_table_that_is_erased(application: Application) -> None:
    assert {one.table.name for one in HOLDINGS} <= set(counts(application))


def test_what_is_under_way_is_not_erased(application: Application) -> None:
    with application.database.begin() as session:
        session.execute(
            update(RunRow).where(RunRow.canvas == NORTH).values(state="applying", finished_at=None)
        )
    for scope in (Scope(NORTH), Scope(NORTH, course=CourseId("7"))):
        with pytest.raises(RunsUnderWay, match="runs cancel"):
            application.purge.do(scope)
    assert counts(application, NORTH)["canvas_token"] == 1, "and nobody was disconnected"


def test_housekeeping_erases_what_is_old_and_nothing_else(application: Application) -> None:
    keep = counts(application)
    with application.database.begin() as session:
        now = datetime.now(UTC)
        south = {"canvas": SOUTH}
        for row, column in (
            (RunRow, "finished_at"), (PlanRow, "created_at"), (SnapshotRow, "taken_at"),
            (SavedRulesRow, "saved_at"), (RuleSetRow, "saved_at"), (TokenRow, "renewed_at"),
            (ReminderBatchRow, "created_at"), (CreditPostRow, "created_at"), (FollowUpRow, "saved_at"),
            (ScheduleRow, "created_at"), (CourseRow, "confirmed_at"),
        ):  # fmt: skip
            session.execute(update(row).filter_by(**south).values({column: now}))
        session.execute(
            update(RunRow)
            .where(RunRow.canvas == NORTH, RunRow.course_id == "8")
            .values(state="paused_auth", finished_at=None)
        )
    gone = application.housekeeping.if_due()
    assert gone is not None
    assert (gone["run"], gone["plan"], gone["snapshot"]) == (1, 1, 3), (
        "an unfinished run keeps plan and reading"
    )
    assert (gone["canvas_token"], gone["schedule"]) == (1, 2)
    assert gone["open_review"] == gone["due_reading"] == 3
    after = counts(application, SOUTH)
    assert after["plan"] == after["run"] == after["canvas_token"] == 1
    assert gone["lti_person"] == 2, "the third is still connected"
    assert (gone["lti_course"], after["lti_course"]) == (2, 1)
    assert sum(counts(application).values()) < sum(keep.values())
    assert application.housekeeping.if_due() is None, "once a day"


def test_the_command_says_first_what_would_go(
    application: Application, database_url: str, tmp_path: Path
) -> None:
    environment = {
        "PEER_ALLOCATOR_INSTANCE": str(tmp_path),
        "PEER_ALLOCATOR_DATABASE_URL": database_url,
        "PEER_ALLOCATOR_PUBLIC_URL": "https://reviews.example.edu",
    }

    def run(*words: str) -> str:
        result = CliRunner().invoke(main, ["purge", "--canvas", NORTH, *words], env=environment)
        return f"{result.exit_code} {result.output}"

    assert "Say what to erase with one of" in run()
    assert "Say what to erase with one of" in run("--course", "7", "--institution")
    before = counts(application)
    assert "Nothing was changed" in run("--course", "7")
    assert counts(application) == before
    assert "Erased:\n" in run("--course", "7", "--yes")
    assert "Erased: nothing." in run("--course", "7", "--yes")
