"""Runs that nobody drives, that were stopped, or that are continued: what the terminal says and does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lti_tool.bootstrap import open_application
from lti_tool.canvas.endpoints import ALL_SCOPES, COURSE_REVIEWS
from lti_tool.persistence.tokens import TokenKind
from lti_tool.planning.ids import UserId
from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.habits import Habits
from tests.integration.test_command_line import TOKEN, Terminal
from tests.simulated import SimulatedCanvas, simulated_canvas

NOBODY = "Nothing is happening: no worker is making these changes, and none was running in the last minute."


@pytest.fixture
def canvas() -> Iterator[SimulatedCanvas]:
    with simulated_canvas("small", habits=Habits(throttle_enabled=False)) as running:
        yield running


@pytest.fixture
def terminal(canvas: SimulatedCanvas, tmp_path: Path) -> Terminal:
    found = Terminal(
        canvas,
        {
            "PEER_ALLOCATOR_INSTANCE": str(tmp_path / "instance"),
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
            "PEER_ALLOCATOR_LOG_LEVEL": "error",
            "PEER_ALLOCATOR_SETTLE_SECONDS": "0",
            TOKEN: canvas.state.make_personal_token(canvas.user("teacher").id).token,
        },
    )
    found.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
    return found


def planned(terminal: Terminal) -> str:
    """A plan of the small class."""
    course = terminal.canvas.course("WRIT")
    plan: str = terminal.plan(course, terminal.canvas.assignment(course, "Essay 1"))["id"]
    return plan


def database(terminal: Terminal) -> sqlite3.Connection:
    return sqlite3.connect(Path(terminal.environment["PEER_ALLOCATOR_INSTANCE"]) / "allocator.sqlite3")


def seen_at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def test_applying_without_a_worker_says_that_nothing_happens(terminal: Terminal) -> None:
    lines = terminal.run("apply", planned(terminal)).stdout.splitlines()
    run = lines[0].split()[1].rstrip(":")
    assert lines == [
        f"Run {run}: Waiting to start.",
        "0 of 36 changes are made, 36 are still to come.",
        NOBODY,
        "",
        "Next:",
        "  1. Start a worker of this tool, or ask the people who run the tool to.",
        f"       peer-allocator worker, or here: peer-allocator runs resume {run} --wait",
    ]
    assert terminal.canvas.writes() == []


def test_applying_beside_a_worker_says_that_it_will_start(terminal: Terminal) -> None:
    plan = planned(terminal)
    with closing(database(terminal)) as connection, connection:
        connection.execute("INSERT INTO chore VALUES ('sweep', ?)", (seen_at(datetime.now(UTC)),))
    told = terminal.json("apply", plan)
    assert told["driven"] == "expected"
    assert told["standing"] == "No worker is making these changes yet. One is running and will start them."
    assert [step["what"] for step in told["next"]] == ["wait"]


def test_a_run_whose_worker_died_is_told_and_continued(terminal: Terminal) -> None:
    run = terminal.json("apply", planned(terminal))["id"]
    with closing(database(terminal)) as connection, connection:
        connection.execute(
            "UPDATE run SET state = 'applying', owner = 'a dead worker', fence = 1, lease_until = ?",
            (seen_at(datetime(2026, 1, 1, tzinfo=UTC)),),
        )
    told = terminal.json("runs", "show", run)
    assert (told["state"], told["driven"], told["standing"]) == ("applying", "missing", NOBODY)
    assert NOBODY in terminal.run("runs", "resume", run).stdout.splitlines()
    lines = terminal.run("runs", "resume", run, "--wait").stdout.splitlines()
    assert lines[:2] == [f"Run {run}: Done.", "All 36 changes were made."]
    assert "Verified by reading Canvas again: 36 of 36 changes were seen in Canvas." in lines
    assert terminal.run("runs", "resume", run, expect=2).stderr == (
        "Error: This run is over, so there is nothing to resume.\n"
    )


def test_a_run_whose_command_was_just_killed_is_not_said_to_continue(terminal: Terminal) -> None:
    run = terminal.json("apply", planned(terminal))["id"]
    with closing(database(terminal)) as connection, connection:
        connection.execute(
            "UPDATE run SET state = 'applying', owner = 'a killed command', fence = 1, lease_until = ?",
            (seen_at(datetime.now(UTC) + timedelta(seconds=30)),),
        )
    assert terminal.json("runs", "show", run)["driven"] == "held"
    assert terminal.run("runs", "show", run).stdout.splitlines()[2:] == [
        "No worker was running in the last minute. A command was making these changes a moment ago, and may "
        "still be.",
        "",
        "Next:",
        "  1. Look again in a minute. If nothing is happening then, start a worker.",
        f"       peer-allocator runs show {run}",
    ]


def test_rules_of_a_file_are_remembered_only_with_a_plan_and_what_they_replace_is_named(
    terminal: Terminal, tmp_path: Path
) -> None:
    course = terminal.canvas.course("WRIT")
    where = terminal.where(course, terminal.canvas.assignment(course, "Essay 1"))
    file = tmp_path / "rules.json"
    file.write_text('{"reviews_per_reviewer": 2}')
    assert "replaced" not in terminal.run("plan", *where, "--rules", str(file)).stderr
    remembered = terminal.run("rules", "show", *where).stdout

    file.write_text('{"reviews_per_reviewer": 12}')
    assert "these rules cannot work" in terminal.run("plan", *where, "--rules", str(file), expect=2).stderr
    assert terminal.run("rules", "show", *where).stdout == remembered

    file.write_text('{"reviews_per_reviewer": 1}')
    said = terminal.run("plan", *where, "--rules", str(file)).stderr
    assert "Version 1 was replaced, saved by command line at " in said
    assert terminal.run("rules", "version", *where).stdout == "2\n"
    assert "replaced" not in terminal.run("plan", *where, "--rules", str(file)).stderr


def test_what_was_not_made_is_told_by_name_and_planned_once_more(terminal: Terminal) -> None:
    run = terminal.json("apply", planned(terminal))["id"]
    terminal.run("runs", "cancel", run)
    told = terminal.json("runs", "show", run, expect=1)
    assert (told["state"], told["counts"]["cancelled"]) == ("cancelled", 36)
    assert {step["words"] for step in told["steps"]} == {"not sent: the run was stopped"}
    first = told["steps"][0]
    lines = terminal.run("runs", "show", run, expect=1).stdout.splitlines()
    assert lines[:5] == [
        f"Run {run}: Stopped.",
        "0 of 36 changes were made, 36 were not.",
        "",
        "Not made, and why:",
        "  36 x not sent: the run was stopped",
    ]
    assert f"  + create  {first['reviewer_name']} reviews {first['author_name']}  ({first['words']})" in lines
    assert f"       peer-allocator runs again {run}" in lines
    again = terminal.json("runs", "again", run)
    pairs = {(line["reviewer"], line["author"]) for line in again["creates"]}
    assert pairs == {(step["reviewer"], step["author"]) for step in told["steps"]}
    assert terminal.json("apply", again["id"], "--wait")["state"] == "done"


def test_a_missing_scope_is_named_and_only_connecting_again_helps(terminal: Terminal) -> None:
    """The token of a developer key keeps the scopes that it was given (canvas-lms doc/api/oauth.md)."""
    state, teacher = terminal.canvas.state, terminal.canvas.user("teacher")
    lacking = COURSE_REVIEWS.create.scope
    key = DeveloperKey(
        "10000000000009", "secret", "Allocator", "api", scopes=sorted(ALL_SCOPES.keys() - {lacking})
    )
    key.require_scopes = key.allow_includes = True
    state.add_key(key)

    def connect() -> None:
        """As the window of the consent page does."""
        grant = state.issue_grant(teacher.id, key.client_id, scopes=tuple(key.scopes))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in terminal.environment.items():
                patch.setenv(name, value)
            with open_application() as application:
                application.tokens.put(
                    application.origin(terminal.canvas.url),
                    UserId(teacher.id),
                    TokenKind.OAUTH,
                    access_token=grant.token,
                    refresh_token=grant.refresh_token,
                    scopes=key.scopes,
                    expires_at=grant.expires_at,
                    renew_at=None,
                    now=datetime.now(UTC),
                )

    connect()
    plan = planned(terminal)
    lines = terminal.run("apply", plan, "--wait", expect=1).stdout.splitlines()
    run = lines[0].split()[1].rstrip(":")
    assert lines == [
        f"Run {run}: Paused: Canvas refuses.",
        "0 of 36 changes are made, 36 are still to come.",
        f"Canvas refuses these changes because the tool's API developer key lacks the scope {lacking}.",
        "",
        "Next:",
        f"  1. Ask the Canvas administrator to add the scope {lacking} to the tool's API developer key.",
        "  2. When that is done, connect to Canvas again. Until then your access keeps the scopes that "
        "it had.",
        "       open the tool in Canvas, or with a token of your own: peer-allocator connect --canvas "
        f"{terminal.canvas.url} --token-env NAME",
        "  3. Resume the remaining 36 changes.",
        f"       peer-allocator runs resume {run} --wait",
    ]
    key.scopes.append(lacking)
    still = terminal.json("runs", "resume", run, "--wait", expect=1)
    assert (still["state"], still["reason"]) == ("paused_permission", "scope_missing")
    connect()
    assert terminal.json("runs", "resume", run, "--wait")["state"] == "done"


def test_a_run_whose_access_is_gone_is_told_without_names_and_with_the_way_back(terminal: Terminal) -> None:
    """Who may see whom, only Canvas could say."""
    run = terminal.json("apply", planned(terminal))["id"]
    for grant in terminal.canvas.state.grants.values():
        grant.revoked = True
    lines = terminal.run("runs", "show", run).stdout.splitlines()
    assert lines == [
        f"Run {run}: Waiting to start.",
        "0 of 36 changes are made, 36 are still to come.",
        NOBODY,
        "",
        "Next:",
        "  1. Connect to Canvas again.",
        "       open the tool in Canvas, or with a token of your own: peer-allocator connect --canvas "
        f"{terminal.canvas.url} --token-env NAME",
        "  2. Start a worker of this tool, or ask the people who run the tool to.",
        f"       peer-allocator worker, or here: peer-allocator runs resume {run} --wait",
    ]
    assert terminal.json("runs", "show", run)["steps"] == []


def standing(terminal: Terminal, plan: str) -> tuple[str, str]:
    """What the list of plans says about one of them: to programs, and to people."""
    course = ("--canvas", terminal.canvas.url, "--course", terminal.canvas.course("WRIT").id)
    (code,) = [one["standing"] for one in terminal.json("plan", "list", *course) if one["id"] == plan]
    lines = terminal.run("plan", "list", *course).stdout.splitlines()
    (words,) = [line.split("  ")[1] for line in lines if line.startswith(plan)]
    return code, words


def test_the_list_of_plans_says_what_became_of_each(terminal: Terminal) -> None:
    plan = planned(terminal)
    assert standing(terminal, plan) == ("ready", "Can be applied")
    run = terminal.json("apply", plan)["id"]
    assert standing(terminal, plan) == ("being_applied", "Being applied"), "nothing is made yet"
    terminal.run("runs", "pause", run)
    assert standing(terminal, plan) == ("being_applied", "Being applied")
    terminal.run("runs", "cancel", run)
    assert standing(terminal, plan) == ("not_applied", "Not applied")
    whole = planned(terminal)
    terminal.run("apply", whole, "--wait")
    assert standing(terminal, whole) == ("applied", "Applied")


def test_a_plan_whose_update_was_stopped_half_way_is_partly_applied(terminal: Terminal) -> None:
    plan = planned(terminal)
    run = terminal.json("apply", plan)["id"]
    with closing(database(terminal)) as connection, connection:
        connection.execute("UPDATE run_step SET state = 'done' WHERE seq < 3")
    terminal.run("runs", "cancel", run)
    assert standing(terminal, plan) == ("partly_applied", "Partly applied")


def test_a_plan_that_its_update_found_out_of_date_says_so(terminal: Terminal) -> None:
    course = terminal.canvas.course("WRIT")
    plan = terminal.plan(course, terminal.canvas.assignment(course, "Essay 1"))
    terminal.canvas.state.drop(plan["creates"][0]["reviewer"], course.id)
    terminal.run("apply", plan["id"], "--wait", expect=1)
    assert standing(terminal, plan["id"]) == ("out_of_date", "Out of date")


def test_planning_again_reads_canvas_however_young_the_last_data_is(terminal: Terminal) -> None:
    course = terminal.canvas.course("WRIT")
    plan = terminal.plan(course, terminal.canvas.assignment(course, "Essay 1"))
    left = plan["creates"][0]["reviewer"]
    terminal.canvas.state.drop(left, course.id)
    again = terminal.json("plan", "again", plan["id"])
    made = terminal.json("plan", "show", again["after"])
    assert made["creates"]
    assert not [line for line in made["creates"] if left in (line["reviewer"], line["author"])]


def test_changes_that_a_colleague_had_made_are_counted_and_named(terminal: Terminal) -> None:
    state, course = terminal.canvas.state, terminal.canvas.course("WRIT")
    essay = terminal.canvas.assignment(course, "Essay 1")
    plan = terminal.plan(course, essay)
    first = plan["creates"][0]
    row = state.submissions[first["submission"]]
    state.assign_assessor(row, first["reviewer"], made_by=None)
    told = terminal.json("apply", plan["id"], "--wait")
    assert (told["counts"]["already_there"], told["counts"]["done"]) == (1, 35)
    (step,) = [one for one in told["steps"] if one["class"] == "already_there"]
    who, whose = step["reviewer_name"], step["author_name"]
    assert told["drift"] == [f"{who} was given a review of the work of {whose}"]
    assert "1 of them was already made in Canvas by somebody else." in told["words"]

    undo = terminal.json("undo", told["id"])
    gone = undo["deletes"][0]
    (request,) = [
        one
        for one in state.reviews_of(essay.id)
        if (one.assessor_id, one.user_id) == (gone["reviewer"], gone["author"])
    ]
    state.remove_request(request)
    lines = terminal.run("apply", undo["id"], "--wait").stdout.splitlines()
    run = lines[0].split()[1].rstrip(":")
    told = terminal.json("runs", "show", run)
    (step,) = [one for one in told["steps"] if one["class"] == "already_gone"]
    assert step["words"] == "was already gone"
    named = f"{step['reviewer_name']} no longer reviews the work of {step['author_name']}"
    assert told["drift"] == [named]
    assert lines[1] == ("All 35 changes were made. 1 of them was already made in Canvas by somebody else.")
    at = lines.index("Changed in Canvas since the preview, by others:")
    assert lines[at + 1] == f"  - {named}"
