"""The audit trail, sessions and personal data from the command line, on a database of each kind."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from lti_tool.bootstrap import Application, build_application, build_web, now, upgrade_database
from lti_tool.cli import main
from lti_tool.lti.sessions import Sessions
from lti_tool.persistence.audit import AuditFilter, AuditRow
from lti_tool.persistence.launches import SessionRows
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.services.actor import Actor
from lti_tool.services.audit import SOURCE, Event, Source
from lti_tool.services.open_sessions import Whose
from lti_tool.settings import Settings
from tests.integration.test_command_line import Terminal, canvas, terminal
from tests.integration.web.outside import CONTEXT

__all__ = ["canvas", "terminal"]  # fixtures

HERE = CanvasOrigin("https://canvas.example.edu")
ROSA = Actor(HERE, CourseId("7"), UserId("1"), "Rosa Okafor")


@pytest.fixture
def application(database_url: str, tmp_path: Path) -> Iterator[Application]:
    settings = Settings(
        instance=tmp_path, database_url=database_url, public_url="https://reviews.example.edu"
    )
    upgrade_database(settings)
    made = build_application(settings)
    yield made
    made.close()


def test_a_line_cannot_be_changed(application: Application) -> None:
    application.audit.record(Event.RUN_STARTED, ROSA, object_="r1")
    with (
        pytest.raises(sa.exc.DBAPIError, match="can not be changed"),
        application.database.begin() as session,
    ):
        session.execute(sa.update(AuditRow).values(user="2"))
    (line,) = application.audit.find(AuditFilter())
    assert (line.event, line.user, line.course, line.object) == ("run_started", "1", "7", "r1")


def test_lines_are_erased_when_their_time_is_over_and_not_before(application: Application) -> None:
    for days in (731, 729):
        with application.database.begin() as session:
            session.add(
                AuditRow(
                    id=f"d{days}", at=datetime.now(UTC) - timedelta(days=days), source="page",
                    event="launched", canvas=HERE, course="7", assignment="", user="1", real_user="",
                    object="", detail="",
                )
            )  # fmt: skip
    gone = application.housekeeping.do()
    assert gone is not None
    assert gone["audit_event"] == 1
    assert [line.id for line in application.audit.find(AuditFilter())] == ["d729"]


def test_lines_hold_no_names(application: Application) -> None:
    application.audit.record(Event.RUN_STARTED, ROSA)
    (line,) = application.audit.find(AuditFilter())
    assert "Rosa" not in str(line)


def test_a_page_and_a_worker_are_told_from_a_command(
    application: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    from lti_tool.logs import configure_logs

    configure_logs("warning")
    before = SOURCE.set(Source.PAGE)
    try:
        application.audit.record(Event.RUN_STARTED, ROSA, assignment="77", object_="r1")
    finally:
        SOURCE.reset(before)
    application.audit.record(Event.RUN_STARTED, ROSA)
    assert {line.source for line in application.audit.find(AuditFilter())} == {"page", "command"}
    (logged,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert logged["event"] == "run_started"
    assert (logged["user"], logged["course"], logged["assignment"]) == ("1", "7", "77")


def test_what_follows_a_page_in_a_process_is_not_taken_for_one(application: Application) -> None:
    client = build_web(application).test_client()
    assert client.get("/ready").status_code == 200
    assert client.get("/no-such-page").status_code == 404
    application.audit.record(Event.RUN_STARTED, ROSA)
    assert [line.source for line in application.audit.find(AuditFilter())] == ["command"]


def test_everything_that_a_command_changes_leaves_a_line(terminal: Terminal) -> None:
    canvas = terminal.canvas
    course = canvas.course("WRIT")
    essay = canvas.assignment(course, "Essay 1")
    where = terminal.where(course, essay)
    plan = terminal.plan(course, essay)
    run = terminal.json("apply", plan["id"], "--wait")
    undo = terminal.json("undo", run["id"])
    terminal.run("export", *where)
    terminal.run("rules", "sets", "save", *where, "Ours")
    terminal.run("secrets", "rotate")
    lines = terminal.json("audit")
    teacher = canvas.user("teacher").id
    found = [(line["event"], line["object"]) for line in reversed(lines)]
    assert found[0] == ("connected", "")
    assert ("plan_created", plan["id"]) in found
    assert ("run_started", run["id"]) in found
    assert ("undo_planned", undo["id"]) in found
    assert {"exported", "rule_set_saved", "keys_rotated"} <= {event for event, _ in found}
    (started,) = terminal.json("audit", "--event", "run_started", "--course", course.id, "--user", teacher)
    assert (started["course"], started["user"], started["source"]) == (course.id, teacher, "command")
    assert terminal.json("audit", "--course", "999") == []
    assert terminal.json("audit", "--since", "2100-01-01") == []
    table = csv.DictReader(io.StringIO(terminal.run("audit", "--format", "csv").stdout))
    assert [row["event"] for row in table] == [line["event"] for line in lines]


def test_sessions_are_listed_and_ended(application: Application) -> None:
    sessions = Sessions(
        SessionRows(application.database, application.settings.secret_box), now,
        idle=timedelta(hours=1), absolute=timedelta(hours=1),
    )  # fmt: skip
    first, second = sessions.open(CONTEXT), sessions.open(CONTEXT)
    found = application.sessions.find(Whose(canvas=CONTEXT.canvas_origin))
    assert len(found) == 2
    assert {one.user for one in found} == {"1"}
    assert application.sessions.end(Whose(user="2")) == 0
    assert application.sessions.end(Whose(id=found[0].id)) == 1
    assert len([one for one in (first, second) if sessions.authenticate(one)]) == 1
    assert application.sessions.end(Whose()) == 1
    assert sessions.authenticate(first) is sessions.authenticate(second) is None


def test_ending_sessions_needs_to_say_whose(tmp_path: Path) -> None:
    environment = {"PEER_ALLOCATOR_INSTANCE": str(tmp_path)}
    refused = CliRunner().invoke(main, ["sessions", "revoke"], env=environment)
    assert refused.exit_code == 2
    done = CliRunner().invoke(main, ["sessions", "revoke", "--all"], env=environment)
    assert done.output == "0 sessions ended.\n"


def test_a_persons_data_is_given_out_whole_and_without_secrets(terminal: Terminal) -> None:
    canvas = terminal.canvas
    course = canvas.course("WRIT")
    essay = canvas.assignment(course, "Essay 1")
    plan = terminal.plan(course, essay)
    terminal.json("apply", plan["id"], "--wait")
    student = plan["creates"][0]["reviewer"]
    told = terminal.run("privacy", "export", "--canvas", canvas.url, "--user", student).stdout
    found = json.loads(told)
    assert {"in readings", "plan_line", "run_step"} <= set(found)
    people = {person["id"] for reading in found["in readings"] for person in reading["people"]}
    assert people == {student}
    assert all(student in (line["reviewer"], line["author"]) for line in found["plan_line"])
    teacher = canvas.user("teacher").id
    own = json.loads(terminal.run("privacy", "export", "--canvas", canvas.url, "--user", teacher).stdout)
    assert {"plan", "run", "canvas_token", "audit_event"} <= set(own)
    assert "sealed" not in str(own)


def test_addresses_are_listed_and_ended(terminal: Terminal) -> None:
    terminal.run("registration", "invite", "--note", "North")
    (row,) = terminal.json("registration", "invitations")
    assert (row["for"], row["note"]) == ("registration", "North")
    terminal.run("registration", "revoke", "ffffffffffff", expect=2)
    terminal.run("registration", "revoke", row["id"])
    assert terminal.json("registration", "invitations") == []
    events = {line["event"] for line in terminal.json("audit")}
    assert {"invitation_made", "invitation_revoked"} <= events
