"""Processes: what starts, with a database that fits, and runs until it is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from lti_tool.bootstrap.application import Application, build_application, make_instance_folder
from lti_tool.bootstrap.pages import build_web, vitals
from lti_tool.jobs.worker import Worker
from lti_tool.logs import configure_logs
from lti_tool.persistence import schema
from lti_tool.persistence.database import Database, make_engine
from lti_tool.services.audit import SOURCE, Source
from lti_tool.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    pass

log = structlog.get_logger(__name__)


def start_application() -> Application:
    """The application of a process: settings from file and environment, logs, a database that fits.

    Raises:
        SettingsError: the settings are unusable, or the database is not at the newest schema.
    """
    settings = load_settings()
    configure_logs(settings.log_level)
    application = build_application(settings)
    try:
        _require_schema(application.database)
    except BaseException:
        application.close()
        raise
    return application


@contextmanager
def open_application() -> Iterator[Application]:
    """``start_application``, closed at the end."""
    application = start_application()
    try:
        yield application
    finally:
        application.close()


def _require_schema(database: Database) -> None:
    found, newest = schema.current(database.engine)
    tables = [name for name in inspect(database.engine).get_table_names() if not name.startswith("huey")]
    if found is None and not tables:  # the queue may share a PostgreSQL database, and make its tables first
        schema.upgrade(database.engine)
    elif not schema.serves(found):
        raise SettingsError(
            f"The database is at schema {found}, this program needs {newest}. Run: peer-allocator db upgrade"
        )


def upgrade_database(settings: Settings | None = None) -> str:
    """Bring the database to the newest schema; gives the revision."""
    settings = settings or load_settings()
    make_instance_folder(settings)
    engine = make_engine(settings.database)
    try:
        schema.upgrade(engine)
        return schema.current(engine)[0] or ""
    finally:
        engine.dispose()


def build_worker(application: Application) -> Worker:
    """A worker on this application's queue and journal."""
    driving = application.driving
    return Worker(
        application.queue,
        driving.drive,
        driving.waiting,
        threads=application.settings.worker_threads,
        chore=lambda: _do_chores(application),
    )


def _do_chores(application: Application) -> None:
    before = SOURCE.set(Source.WORKER)
    try:
        application.housekeeping.if_due()
        application.use_cases.crediting.carry_waiting()
        application.use_cases.scheduling.carry_out_due()
    except SQLAlchemyError as error:
        log.warning("chores failed; tried again", error=type(error).__name__)
    finally:
        SOURCE.reset(before)


@contextmanager
def _worker_metrics(application: Application) -> Iterator[None]:
    """Serve a worker's metrics on loopback, where the settings give a port for them."""
    port = application.settings.worker_metrics_port
    if not port:
        yield
        return
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    from flask import Flask

    from lti_tool.web.machines import machines_blueprint

    class Silent(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Each scrape would be a line."""

    app = Flask("lti_tool.worker", static_folder=None)
    app.register_blueprint(machines_blueprint(vitals(application), application.settings.metrics_token))
    server = make_server("127.0.0.1", port, app, handler_class=Silent)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def work_forever(application: Application) -> None:
    """Drive runs until SIGINT or SIGTERM."""
    with _worker_metrics(application):
        _work_forever(application)


def _work_forever(application: Application) -> None:
    worker = build_worker(application)
    _on_stop_signals(worker.end)
    worker.start()
    worker.wait()
    application.driving.leave()
    worker.stop()


def serve_forever(application: Application) -> None:
    """Serve the pages until interrupted."""
    from waitress import serve

    from lti_tool.bootstrap.serving import server_options

    serve(build_web(application), **server_options(application.settings))


def _on_stop_signals(act: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: act())
