"""While an update goes on, processes of two versions work on one database: this one is the older of them."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from alembic.config import Config
from click.testing import CliRunner, Result
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import OperationalError

import migrations
from lti_tool.applying.driver import Driver
from lti_tool.applying.errors import ActiveRunExists, OfLaterVersion
from lti_tool.applying.records import Actor
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import RunState, StepClass
from lti_tool.bootstrap import build_application, build_web
from lti_tool.cli import main
from lti_tool.persistence import database as database_module
from lti_tool.persistence import schema
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.plans import store_plan, store_snapshot
from lti_tool.planning.ids import CanvasOrigin, CourseId, RunId, UserId
from lti_tool.settings import Settings
from tests.builders import plan, snapshot
from tests.fakes import FakeCanvas, VirtualClock
from tests.integration.journal.stage import creates
from tests.simulated import SimulatedCanvas, simulated_canvas

TOKEN = "TEACHERS_TOKEN"
PAIRS = creates(*((number, number % 12 + 1) for number in range(1, 7)))
AHEAD = (
    "CREATE TABLE invented_later (id INTEGER PRIMARY KEY, words TEXT NOT NULL)",
    *(
        f"ALTER TABLE {table} ADD COLUMN invented_later TEXT"
        for table in ("run", "run_step", "run_step_attempt", "run_event", "plan", "plan_line", "canvas_token")
    ),
    "UPDATE alembic_version SET version_num = '9999'",
)
"""One migration of a version that is not written yet: it only adds, as CONTRIBUTING.md asks."""
LATER_STATE = (
    "UPDATE run SET state = 'paused_for_the_weather', reason = 'weather', words = 'Rain.', verification = "
    '\'{"confirmed": 1, "expected": 1, "fingerprint": "f", "taken_at": "t", "mood": "fine", '
    '"mismatches": [{"kind": "sun_spots", "reviewer": null, "submission": null, "reviews": [], '
    '"detail": "", "colour": "red"}]}\'',
)
LATER_STEP = ("UPDATE run_step SET state = 'reconsidered', why = 'moon', whose = 'theirs' WHERE seq = 2",)


class Installed:
    """A run of six creates in a database, this version's processes, and the Canvas that they ask who may.

    The teacher of a course there has connected. The class of the run is a small one of this test's own, which
    only ``canvas`` knows.
    """

    def __init__(self, url: str, folder: Path, campus: SimulatedCanvas) -> None:
        self.settings = Settings(instance=folder, database_url=url, allow_http_loopback=True)
        user = campus.user("teacher")
        self.teacher = Actor(UserId(user.id), user.name)
        self.environment = {
            "PEER_ALLOCATOR_INSTANCE": str(folder),
            "PEER_ALLOCATOR_DATABASE_URL": url,
            "PEER_ALLOCATOR_LOG_LEVEL": "error",
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
            TOKEN: campus.state.make_personal_token(user.id).token,
        }
        connected = self.command("connect", "--canvas", campus.url, "--token-env", TOKEN)
        assert connected.exit_code == 0, connected.output
        self.engine = make_engine(url)
        self.clock = VirtualClock()
        database = Database(self.engine)
        self.journal = Journal(database, self.clock.now)
        self.preview = replace(
            snapshot(), canvas=CanvasOrigin(campus.url), course_id=CourseId(campus.course("WRIT").id)
        )
        self.plan = plan(PAIRS, of=self.preview)
        with database.begin() as session:
            kept = store_snapshot(session, self.preview, self.teacher.user)
            store_plan(session, self.plan, snapshot_id=kept, by=self.teacher.user, by_name=self.teacher.name)
        self.run: RunId = self.journal.start(self.plan, self.teacher)
        self.canvas = FakeCanvas(self.preview, self.clock)

    def write(self, *statements: str) -> None:
        """What a later version does."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement.replace(":", r"\:")))

    def rows(self) -> list[object]:
        """The run and its steps as they are stored."""
        with self.engine.connect() as connection:
            return [
                tuple(row)
                for table, order in (("run", "id"), ("run_step", "seq"), ("run_event", "id"))
                for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}"))
            ]

    def drive(self) -> RunState | None:
        """One worker of this version, an hour later."""
        self.clock.sleep(3600)
        return Driver(self.journal, self.clock, "older", DriverSettings(workers=1)).drive(
            self.run, self.canvas, self.preview
        )

    def command(self, *words: str) -> Result:
        """A command of this version."""
        return CliRunner().invoke(main, list(words), env=self.environment, catch_exceptions=False)


@pytest.fixture
def installed(database_url: str, tmp_path: Path) -> Iterator[Installed]:
    with simulated_canvas("small") as campus:
        made = Installed(database_url, tmp_path, campus)
        yield made
        made.engine.dispose()


@pytest.mark.parametrize("later", [LATER_STATE, LATER_STEP], ids=["run", "step"])
def test_what_a_later_version_wrote_is_shown_and_left_alone(
    installed: Installed, later: tuple[str, ...]
) -> None:
    installed.write(*later)
    before = installed.rows()
    assert installed.run not in installed.journal.runs_to_drive()
    assert installed.drive() is None
    assert installed.canvas.calls == {}, "Canvas is not even read"

    shown = installed.command("runs", "show", installed.run, "--format", "json")
    found = json.loads(shown.stdout)
    assert sum(found["counts"].values()) == 6
    unknown = found["state"] == "of_later_version", found["counts"]["of_later_version"]
    assert unknown == ((True, 0) if later is LATER_STATE else (False, 1))
    report = installed.journal.report(installed.run)
    assert installed.journal.progress(installed.run).counts == report.counts
    assert not report.progress.over
    (summary,) = installed.journal.history(report.canvas, report.course_id)
    assert summary.total == 6
    with pytest.raises(ActiveRunExists):
        installed.journal.start(plan(PAIRS, id_="another", of=installed.preview), installed.teacher)
    assert installed.rows() == before


def test_nobody_stops_or_pauses_a_run_of_a_later_version(installed: Installed) -> None:
    installed.write(*LATER_STATE)
    before = installed.rows()
    for press in (
        installed.journal.request_cancel,
        installed.journal.request_pause,
        installed.journal.resume,
    ):
        with pytest.raises(OfLaterVersion):
            press(installed.run, installed.teacher)
    for word in ("cancel", "pause", "resume"):
        said = installed.command("runs", word, installed.run)
        assert said.exit_code == 2
        assert "newer version of this tool" in said.output
    assert installed.rows() == before
    verification = installed.journal.report(installed.run).verification
    assert verification is not None
    assert [mismatch.kind.value for mismatch in verification.mismatches] == ["of_later_version"]


def test_a_run_that_a_newer_engine_began_is_left_to_it(installed: Installed) -> None:
    installed.write("UPDATE run SET engine_version = 99")
    before = installed.rows()
    assert installed.drive() is None
    assert installed.rows() == before


def test_this_version_works_on_a_database_one_migration_ahead(installed: Installed) -> None:
    installed.write(*AHEAD)
    assert installed.drive() is RunState.DONE
    assert installed.journal.report(installed.run).counts[StepClass.DONE] == 6
    again = plan(PAIRS, id_="another", of=installed.preview, after=installed.run)
    assert installed.journal.start(again, installed.teacher) != installed.run
    shown = json.loads(installed.command("runs", "show", installed.run, "--format", "json").stdout)
    assert shown["state"] == "done"
    application = build_application(installed.settings)
    try:
        assert build_web(application).test_client().get("/ready").status_code == 200
        assert application.driving.waiting(), "a worker of this version starts and sweeps"
    finally:
        application.close()


def test_a_database_that_is_behind_is_refused(installed: Installed) -> None:
    installed.write("UPDATE alembic_version SET version_num = '0001'")
    refused = installed.command("runs", "show", installed.run)
    assert refused.exit_code == 2
    assert "peer-allocator db upgrade" in refused.output


# --- a migration that takes its time -----------------------------------------------------------------------

SLOW = """
import time
from alembic import op

revision, down_revision, branch_labels, depends_on = "slow", None, None, None


def upgrade():
    op.execute("CREATE TABLE made (id INTEGER)")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT pg_sleep(1.2)")
    time.sleep(0.8)
    op.execute("INSERT INTO made VALUES (1)")
"""


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another history with one slow migration, and less patience than it needs."""
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    real = Path(migrations.__file__).parent
    for name in ("env.py", "script.py.mako"):
        (scripts / name).write_text((real / name).read_text())
    (scripts / "versions" / "slow.py").write_text(SLOW)
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.set_main_option("path_separator", "os")
    monkeypatch.setattr(schema, "_config", lambda: config)
    monkeypatch.setattr(database_module, "PATIENCE_MS", 400)


def _upgrade(url: str, start: Barrier) -> None:
    engine = make_engine(url)
    start.wait()
    schema.upgrade(engine)
    engine.dispose()


@pytest.mark.usefixtures("slow")
def test_processes_that_upgrade_at_once_do_it_once_and_may_take_their_time(empty_url: str) -> None:
    """Statements and silences longer than a connection is otherwise allowed."""
    fork = multiprocessing.get_context("fork")
    start = fork.Barrier(3)
    processes = [fork.Process(target=_upgrade, args=(empty_url, start)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    engine = make_engine(empty_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM made")).scalar_one() == 1
    _assert_others_are_cut(engine)
    assert inspect(engine).has_table("made")
    engine.dispose()


def _assert_others_are_cut(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        return
    with engine.connect() as connection, pytest.raises(OperationalError, match="statement timeout"):
        connection.execute(text("SELECT pg_sleep(1.2)"))
