"""What tokens, one-time secrets, sessions, keys and plans rest on, on every database that the tool runs on.

The journal has its own, in ``tests/integration/journal``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from lti_tool.applying.records import Actor, Settlement
from lti_tool.applying.states import StepState
from lti_tool.persistence.database import Database
from lti_tool.persistence.encryption import SecretBox, new_key
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.launches import OneTimeRows, SessionRows, ToolKeyRows
from lti_tool.persistence.plans import (
    latest_snapshot,
    load_plan,
    store_plan,
    store_snapshot,
)
from lti_tool.persistence.saved_rules import SavedRules, change_rules, saved_rules
from lti_tool.persistence.tokens import (
    ConnectAttempt,
    ConnectAttempts,
    RefreshLease,
    StoredToken,
    TokenKind,
    TokenRows,
)
from lti_tool.planning.edits import Edit, EditKind, edited_rules
from lti_tool.planning.ids import RunId, UserId
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.signed_person import SignedPerson
from tests.builders import ASSIGNMENT, CANVAS, COURSE, plan, snapshot
from tests.integration.journal.stage import creates, deletes

TEACHER = UserId("101")
NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
CROWD = 12
Got = TypeVar("Got")


def at_once(act: Callable[[int], Got]) -> list[Got]:
    """What a crowd of threads gets that all begin in the same moment."""
    start = threading.Barrier(CROWD)

    def turn(number: int) -> Got:
        start.wait()
        return act(number)

    with ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(turn, range(CROWD)))


@pytest.fixture
def box() -> SecretBox:
    return SecretBox([new_key()])


@pytest.fixture
def tokens(database: Database, box: SecretBox) -> TokenRows:
    return TokenRows(database, box)


def put(rows: TokenRows, access: str = "access-0") -> StoredToken | None:
    return rows.put(
        CANVAS,
        TEACHER,
        TokenKind.OAUTH,
        access_token=access,
        refresh_token="refresh-0",
        scopes=("url:GET|/api/v1/courses/:id",),
        expires_at=NOW + HOUR,
        renew_at=NOW + HOUR / 2,
        now=NOW,
    )


def test_a_token_comes_back_as_it_was(tokens: TokenRows) -> None:
    assert put(tokens) is None
    found = tokens.find(CANVAS, TEACHER)
    assert found is not None
    assert (found.access_token, found.refresh_token, found.generation) == ("access-0", "refresh-0", 1)
    assert (found.expires_at, found.connected_at) == (NOW + HOUR, NOW), "to the microsecond, in UTC"
    assert tokens.users_of(CANVAS) == (TEACHER,)


def test_a_crowd_that_connects_at_once_leaves_one_token(tokens: TokenRows) -> None:
    at_once(lambda number: put(tokens, f"access-{number}"))
    found = tokens.find(CANVAS, TEACHER)
    assert found is not None
    assert found.generation == CROWD


def test_of_a_crowd_one_gets_the_refresh(tokens: TokenRows) -> None:
    put(tokens)
    got = at_once(lambda number: tokens.lease(CANVAS, TEACHER, 1, f"process-{number}"))
    (lease,) = [one for one in got if isinstance(one, RefreshLease)]
    assert got.count(None) == CROWD - 1
    assert tokens.settle(
        lease, access_token="access-1", refresh_token=None, expires_at=None, renew_at=None, now=NOW
    )
    late = tokens.lease(CANVAS, TEACHER, 1, "late")
    assert isinstance(late, StoredToken)
    assert (late.access_token, late.refresh_token, late.generation) == ("access-1", "refresh-0", 2)


def test_a_lease_that_was_overtaken_stores_nothing(tokens: TokenRows) -> None:
    put(tokens)
    lease = tokens.lease(CANVAS, TEACHER, 1, "slow")
    assert isinstance(lease, RefreshLease)
    put(tokens, "reconnected")
    assert not tokens.settle(
        lease, access_token="late", refresh_token=None, expires_at=None, renew_at=None, now=NOW
    )
    found = tokens.find(CANVAS, TEACHER)
    assert found is not None
    assert found.access_token == "reconnected"


def test_a_connection_under_way_is_spent_once(database: Database, box: SecretBox) -> None:
    attempts = ConnectAttempts(database, box)
    attempt = ConnectAttempt(
        SignedPerson("issuer", "client", CANVAS, "sub", "context", claimed_user_id=TEACHER),
        "/courses/7",
        "verifier",
        "browser",
    )
    attempts.add("state", attempt, datetime.now(UTC) + HOUR)
    spent = at_once(lambda _: attempts.spend("state", datetime.now(UTC)))
    assert [one for one in spent if one is not None] == [attempt]


def test_a_one_time_secret_is_spent_once_and_in_time(database: Database, box: SecretBox) -> None:
    rows = OneTimeRows(database, box)
    rows.add("first", "body", NOW, NOW + HOUR)
    rows.add("late", "body", NOW, NOW + HOUR)
    spent = at_once(lambda _: rows.spend("first", NOW + HOUR / 2))
    assert sorted(spent, key=str) == [*[None] * (CROWD - 1), "body"]
    assert rows.spend("late", NOW + HOUR) is None


def test_a_session_lives_until_it_is_revoked_or_idle(database: Database, box: SecretBox) -> None:
    rows = SessionRows(database, box)
    rows.add("token", "context", NOW, NOW + 8 * HOUR)
    assert rows.touch("token", NOW + HOUR, NOW) is None, "idle"
    assert rows.touch("token", NOW + HOUR, NOW - HOUR) == "context"
    assert rows.touch("token", NOW + 2 * HOUR, NOW + HOUR / 2) == "context", "the last visit counted"
    rows.revoke("token")
    assert rows.touch("token", NOW + HOUR, NOW - HOUR) is None


def test_processes_that_start_at_once_agree_on_one_key(database: Database, box: SecretBox) -> None:
    rows = ToolKeyRows(database, box)
    at_once(
        lambda number: rows.add_current(
            kid=f"key-{number}", private_pem="secret", public_jwk="{}", now=NOW, only_if_none=True
        )
    )
    (key,) = [key for key in rows.all() if key.retired_at is None]
    assert key.private_pem == "secret"


def test_a_plan_comes_back_as_it_was(database: Database) -> None:
    taken = snapshot(4, change_people={2: {"name": "Zoë \U0001f33f نور\0"}})
    made = plan([*creates((1, 2), (2, 3)), *deletes((3, 4))], of=taken)
    made = replace(made, created_at=NOW, undo_of=RunId("earlier"), rules=PlanRules(seed="spring"))
    with database.begin() as session:
        kept = store_snapshot(session, taken, TEACHER)
        store_plan(session, made, snapshot_id=kept, by=TEACHER, by_name="Ada Teacher")
    with database.read() as session:
        found = load_plan(session, made.id)
        newest = latest_snapshot(session, CANVAS, COURSE, ASSIGNMENT, TEACHER)
    assert found is not None
    assert (found.plan, found.snapshot, found.created_by) == (made, taken, TEACHER)
    assert newest == (kept, taken)


def test_changes_of_rules_by_a_crowd_all_survive_and_each_is_a_version(database: Database) -> None:
    def leave_out(number: int) -> None:
        def change(current: SavedRules) -> PlanRules:
            out = Edit(EditKind.LEAVE_OUT, person=UserId(str(number)))
            return edited_rules(current.rules, out)

        with database.begin() as session:
            change_rules(session, CANVAS, COURSE, ASSIGNMENT, change, by=TEACHER, by_name="Ada", at=NOW)

    at_once(leave_out)
    with database.read() as session:
        found = saved_rules(session, CANVAS, COURSE, ASSIGNMENT)
    assert found.rules.excluded == {str(number) for number in range(CROWD)}
    assert (found.version, found.choices_version) == (CROWD, 0)
    assert (found.saved_by_name, found.saved_at) == ("Ada", NOW)


HOSTILE = "\0\ud83d" + "é" * 500
"""A NUL, which PostgreSQL's text cannot hold, half a surrogate pair, and more than any column is long."""


def test_what_canvas_and_people_send_cannot_break_the_journal(database: Database) -> None:
    journal = Journal(database)
    run = journal.start(plan(creates((1, 2))), Actor(TEACHER, f"Ada{HOSTILE}"))
    claim = journal.claim(run, "worker")
    assert claim is not None
    (step,) = journal.steps(run)
    journal.mark_sent(claim, step)
    sent = replace(step, state=StepState.SENT)
    journal.settle(claim, sent, Settlement(StepState.REFUSED, request_id=f"id{HOSTILE}", note=f"no{HOSTILE}"))
    journal.note(claim, "drift", {"words": HOSTILE})
    assert journal.steps(run)[0].note.startswith("no")
    assert journal.load(run).started_by_name.startswith("Ada")
