"""What machines ask an installation for: alive, ready, metrics."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update

from lti_tool.applying.records import Actor
from lti_tool.bootstrap import Application, build_application, build_web, upgrade_database
from lti_tool.persistence.journal_rows import RunEventRow, RunRow
from lti_tool.persistence.plans import store_plan, store_snapshot
from lti_tool.planning.ids import UserId
from lti_tool.settings import Settings
from tests.builders import plan, snapshot
from tests.integration.journal.stage import creates

TOKEN = "a-token-for-prometheus"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    settings = Settings(instance=tmp_path, metrics_token=TOKEN)
    upgrade_database(settings)
    made = build_application(settings)
    yield made
    made.close()


@pytest.fixture
def client(application: Application) -> FlaskClient:
    return build_web(application).test_client()


def samples(body: str) -> dict[str, float]:
    return {
        " ".join([sample.name, *sorted(sample.labels.values())]): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def test_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/health").get_json() == {"status": "ok"}
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_json()) == (
        200, {"status": "ok", "database": True, "schema": True},
    )  # fmt: skip


def test_not_ready_at_another_schema_or_without_database(
    client: FlaskClient, application: Application, tmp_path: Path
) -> None:
    with application.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert client.get("/ready").get_json() == {"status": "not ready", "database": True, "schema": False}
    application.database.dispose()
    for file in tmp_path.glob("allocator.sqlite3*"):
        file.unlink()
    (tmp_path / "allocator.sqlite3").mkdir()
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_json()["database"]) == (503, False)
    assert client.get("/health").status_code == 200, "a restart would not help"
    assert samples(client.get("/metrics", headers=BEARER).text)["peer_allocator_database_up"] == 0


def test_metrics_are_for_whoever_has_the_token(client: FlaskClient, application: Application) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
        assert client.get("/metrics", headers=headers).status_code == 401
    assert client.get("/metrics", headers=BEARER).status_code == 200
    object.__setattr__(application.settings, "metrics_token", "")
    without = build_web(application).test_client()
    assert without.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_a_run_that_stands_still_is_seen(client: FlaskClient, application: Application) -> None:
    read = snapshot(3)
    planned = plan(creates((1, 2)), of=read)
    with application.database.begin() as session:
        kept = store_snapshot(session, read, UserId("1"))
        store_plan(session, planned, snapshot_id=kept, by=UserId("1"), by_name="Ada")
    run = application.journal.start(planned, Actor(UserId("1"), "Ada"))
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with application.database.begin() as session:
        session.execute(update(RunRow).where(RunRow.id == run).values(created_at=long_ago))
        session.execute(update(RunEventRow).where(RunEventRow.run_id == run).values(at=long_ago))
    found = samples(client.get("/metrics", headers=BEARER).text)
    assert 3590 < found["peer_allocator_oldest_standstill_seconds"] < 4200
    state = application.journal.load(run).state
    assert found[f"peer_allocator_runs {state}"] == 1
    assert found["peer_allocator_runs done"] == 0
    assert found["peer_allocator_queue_length"] == 0


def test_launches_and_answers_are_counted(client: FlaskClient) -> None:
    def counted(name: str) -> float:
        return samples(client.get("/metrics", headers=BEARER).text).get(name, 0)

    before = counted("peer_allocator_launches_total not_a_launch")
    client.get("/lti/launch")
    assert counted("peer_allocator_launches_total not_a_launch") == before + 1
    assert counted("peer_allocator_http_answers_total 400 lti") >= 1
    assert counted("peer_allocator_http_seconds_count machines") > 0


def test_a_worker_has_metrics_of_its_own(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PEER_ALLOCATOR_INSTANCE": str(tmp_path),
        "PEER_ALLOCATOR_METRICS_TOKEN": TOKEN,
        "PEER_ALLOCATOR_WORKER_METRICS_PORT": str(port),
    }
    environment.pop("PEER_ALLOCATOR_CONFIG", None)
    program = "from lti_tool.cli import main; main(['worker'])"
    worker = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                answer = requests.get(f"http://127.0.0.1:{port}/ready", timeout=10)
                break
            except requests.ConnectionError:
                assert time.monotonic() < until
                assert worker.poll() is None
                time.sleep(0.1)
        assert json.loads(answer.text)["schema"]
        body = requests.get(f"http://127.0.0.1:{port}/metrics", headers=BEARER, timeout=10).text
        assert samples(body)["peer_allocator_database_up"] == 1
    finally:
        worker.terminate()
        assert worker.wait(60) == 0
