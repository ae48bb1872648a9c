"""Rows 26 to 35, 38 to 41 and 43 to 45, 48: our machines, our database, large and odd data, other people."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import event

from lti_tool.applying.errors import JournalUnavailable
from lti_tool.applying.states import RunState, StepClass
from lti_tool.jobs.queue import make_queue
from lti_tool.jobs.worker import Worker
from lti_tool.persistence.instance import InstanceStore, RestoreWatch
from lti_tool.persistence.journal import Journal
from tests.crash.deaths import frozen_after_a_commit, frozen_in_a_call
from tests.crash.stage import Point
from tests.crash.stage import Stage as ProcessStage
from tests.integration.databases.servers import running_postgres
from tests.integration.fault_matrix.scene import Scene
from tests.integration.fault_matrix.simulated import World

HURTFUL = (
    "Robert'); DROP TABLE run;--",
    "\u202egnihtemos \u2066\u2069",
    "نور الدين \u200f(ABC)",
    "<script>alert(1)</script>&amp;",
    "Z\u0300\u0301\u0302\u0303algo \U0001f469\u200d\U0001f680",
    "NUL \x00 BEL \x07 ESC \x1b[31m",
    "long " * 2_000,
    "{{ 7*7 }} ${7*7} %(num)s {0}",
)


def clock_jumps(hours: int) -> Callable[[Scene], None]:
    """26: the wall clock of this host jumps; another worker looks at once."""

    def happen(scene: Scene) -> None:
        others: list[RunState | None] = []

        def jump(_path: str) -> None:
            scene.skew = timedelta(hours=hours)
            others.append(scene.drive("other"))

        scene.when("POST", 4, jump, phase="executed")
        first = scene.drive("first")
        # Ahead, the lease looks over and the other one goes on; behind, it is not.
        assert [first, *others] == ([None, RunState.DONE] if hours > 0 else [RunState.DONE, None])

    return happen


def locked(scene: Scene) -> None:
    """27: another process holds SQLite's lock for a while; nothing is sent meanwhile."""
    engine = scene.database.engine
    event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=200"))
    other = sqlite3.connect(scene.file, isolation_level=None, check_same_thread=False)
    freed = threading.Timer(0.3, lambda: other.execute("ROLLBACK") and None)
    sent_meanwhile: list[str] = []

    def lock(_path: str) -> None:
        other.execute("BEGIN IMMEDIATE")
        freed.start()

    scene.when("POST", 4, lock)
    scene.when("POST", 5, lambda path: sent_meanwhile.append(path) if other.in_transaction else None)
    assert scene.drive() is RunState.DONE
    freed.join()
    other.close()
    assert sent_meanwhile == []


def locked_for_too_long(scene: Scene) -> None:
    """27: longer than all patience: the drive ends, its lease too, and another one goes on."""
    engine = scene.database.engine
    event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=10"))
    other = sqlite3.connect(scene.file, isolation_level=None, check_same_thread=False)
    scene.when("POST", 4, lambda _path: other.execute("BEGIN IMMEDIATE"))
    with suppress(JournalUnavailable):
        scene.drive()
    assert len(scene.writes) == 4
    other.execute("ROLLBACK")
    other.close()
    scene.sweep()


def unwritable(pragma: str) -> Callable[[Scene], None]:
    """28: full, or read-only: no call without a row; afterwards exactly the rest."""

    def happen(scene: Scene) -> None:
        if "page" in pragma:
            _small_pages(scene)
        stuck = False

        def refuse(connection: sqlite3.Connection, *_: object) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            words = pragma.format(pages if stuck else 1_000_000, int(stuck))
            connection.execute(f"PRAGMA {words}")

        event.listen(scene.database.engine, "checkout", refuse)

        def fill(_path: str) -> None:
            nonlocal stuck
            stuck = True

        scene.when("POST", 2, fill)
        with suppress(JournalUnavailable):  # where not even the pause could be written
            assert scene.drive() is RunState.PAUSED_STORAGE
        sent = len(scene.writes)
        assert 2 <= sent < 12, "it stopped in the middle"
        scene.sweep(most=3)
        assert len(scene.writes) == sent
        stuck = False
        scene.sweep()

    return happen


def _small_pages(scene: Scene) -> None:
    """So that a page is soon full."""
    scene.database.dispose()
    with sqlite3.connect(scene.file, isolation_level=None) as connection:
        for statement in ("PRAGMA journal_mode=DELETE", "PRAGMA page_size=512", "VACUUM"):
            connection.execute(statement)
    connection.close()


def connections_cut(scene: Scene) -> None:
    """29: as a death at that point; a commit with an unknown result is read anew."""
    for method, nth, phase in (("POST", 2, "arrived"), ("POST", 6, "executed"), ("DELETE", 2, "executed")):
        scene.when(method, nth, lambda _path: running_postgres().kill_connections(), phase=phase)
    scene.sweep()


def server_dies(scene: Scene) -> None:
    """29: PostgreSQL dies in mid-run and comes back."""

    def die(_path: str) -> None:
        running_postgres().kill()
        running_postgres().start()

    scene.when("POST", 5, die, phase="executed")
    scene.sweep()


def killed_anywhere(stage: ProcessStage) -> None:
    """30: SIGKILL before a commit, after one, and at each phase of a request; another process goes on."""
    points = [Point("journal", 21), Point("journal", 40)]
    points += [
        Point("canvas", 17 + at, phase) for at, phase in enumerate(("arrived", "executed", "answered"))
    ]
    for point in points:
        run = stage.scene()
        assert stage.kill_at(run, point)
        stage.finish(run)
        stage.assert_exact(run)


def pressed_again_and_again(scene: Scene) -> None:
    """31: a double click, a second process, and a web process that dies before it has answered."""
    elsewhere = Journal(scene.database, scene.clock.now)
    with ThreadPoolExecutor(8) as pool:
        press = [scene.journal, elsewhere] * 10
        runs = set(pool.map(lambda journal: journal.start(scene.plan, scene.teacher), press))
    assert runs == {scene.run}
    scene.sweep()
    assert scene.journal.start(scene.plan, scene.teacher) == scene.run, "and after it is over"


def several_workers(scene: Scene) -> None:
    """32: one drives."""
    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(scene.drive, ("one", "two", "three")))
    assert sorted(map(str, ends)) == ["None", "None", "done"]
    assert sum(told.type == "claimed" for told in scene.journal.events(scene.run)) == 1


def frozen(stage: ProcessStage) -> None:
    """33: SIGSTOP right after a `sent` mark, beyond the lease; another process finishes, then SIGCONT."""
    frozen_after_a_commit(stage, 42)


def frozen_while_canvas_works(stage: ProcessStage) -> None:
    """33: SIGSTOP while Canvas works for it."""
    frozen_in_a_call(stage, 20)


def queue_lost(scene: Scene) -> None:
    """34: nobody rings; the sweep of a real worker finds the run."""
    queue = make_queue(f"sqlite:///{scene.stages.folder / f'queue-{scene.stages.scenes}.db'}")
    over = threading.Event()

    def drive(run: str) -> None:
        assert run == scene.run
        scene.drive()
        over.set()

    worker = Worker(queue, drive, scene.journal.runs_to_drive, threads=1, sweep_s=0.05)
    worker.start()
    assert over.wait(60)
    worker.stop()
    queue.storage.close()


def deployed(scene: Scene) -> None:
    """35: asked to end, a worker finishes its calls and gives the lease back; the next goes on at once."""
    for sent in (3, 6):
        leaving = scene.driver(f"version-{sent}")
        scene.when("POST", 3, lambda _path, old=leaving: old.leave())  # type: ignore[misc]  # bound per turn
        leaving.drive(scene.run, scene.reviews(), scene.preview)
        assert len(scene.writes) == sent
        assert scene.wanted(), "no lease is in the way"
    assert scene.drive("the newest") is RunState.DONE
    assert scene.elapsed < 1, "nobody waited for a lease, nothing was in doubt"


def large_class(scene: Scene) -> None:
    """38: requests grow with the writes and the pages, not with the class times the class."""
    assert scene.drive() is RunState.DONE
    creates = 300
    assert len(scene.state.log) <= 1.10 * creates + 2.1 * 4


def rename(world: World) -> None:
    """Everybody gets a name that is made to hurt."""
    for person, name in zip(world.state.users.values(), HURTFUL * 9, strict=False):
        person.name = person.sortable_name = name
    world.course.name = HURTFUL[5]


def hurtful_names(scene: Scene) -> None:
    """39: text from end to end, in either database."""
    assert {person.name for person in scene.preview.people} >= set(HURTFUL[:5])
    assert scene.drive() is RunState.DONE
    assert scene.report.started_by_name == scene.teacher.name.replace("\0", "\ufffd")


def large_ids(scene: Scene) -> None:
    """40: ids beyond 2^53 keep every digit."""
    assert scene.drive() is RunState.DONE
    created = [step for step in scene.journal.steps(scene.run) if step.kind == "create"]
    assert all(step.review is not None and int(step.review) > 2**53 for step in created)
    assert {str(step.review) for step in created} <= {
        row.id for row in scene.state.reviews_of(scene.world.essay.id)
    }


def browser_closed(scene: Scene) -> None:
    """41: the process that started the run is gone, and with it every session; the run is the worker's."""
    scene.database.dispose()
    scene.open(scene.url)
    assert scene.drive() is RunState.DONE


def others_edit(scene: Scene) -> None:
    """43: told, not fought."""

    def edit(_path: str) -> None:
        scene.add(scene.world.last, 3)
        scene.remove(4)

    scene.when("DELETE", 1, edit)
    assert scene.drive() is RunState.DONE


def removed_what_we_made(scene: Scene) -> None:
    """43: what somebody removes right after us is not posted again."""

    scene.when("DELETE", 1, lambda _path: scene.remove_one_of_ours())
    scene.drive()
    assert sum(row.method == "POST" for row in scene.writes) == 8


def completed_just_before(scene: Scene) -> None:
    """44: looked at right before the deletion, and kept."""
    scene.when("GET", 1, scene.complete_in, path=r"submissions/\d+/peer_reviews")
    scene.drive()
    assert sum(row.method == "DELETE" for row in scene.writes) == 3


def doubled(completed: bool) -> Callable[[Scene], None]:
    """45: a pair to be deleted has a second row: Canvas would remove whichever it finds first."""

    def happen(scene: Scene) -> None:
        scene.when("POST", 1, lambda _path: scene.add(scene.world.students[0], 1, completed=completed))
        scene.drive()
        assert sum(row.method == "DELETE" for row in scene.writes) == 3

    return happen


def restored(scene: Scene) -> None:
    """48: a backup of mid-run comes back after the end: nothing is sent until a person says so, and then
    only what is missing."""
    seen, copy = scene.stages.folder / "last-seen.json", scene.file.with_suffix(".backup")

    def look() -> int:
        return RestoreWatch(InstanceStore(scene.database, scene.clock.now), seen).look()

    def back_up(_path: str) -> None:
        with sqlite3.connect(scene.file) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        connection.close()

    assert look() == 0
    scene.when("POST", 5, back_up)
    assert scene.drive() is RunState.DONE
    assert look() == 0
    sent = len(scene.writes)
    scene.open(f"sqlite:///{copy}")
    assert look() == 1
    assert scene.report.state is RunState.PAUSED_RESTORED
    scene.clock.sleep(24 * 3600)
    assert not scene.wanted()
    scene.resume()
    assert scene.drive() is RunState.DONE
    assert len(scene.writes) == sent, "all of it was there"
    assert scene.report.counts[StepClass.ALREADY_THERE] == 3
