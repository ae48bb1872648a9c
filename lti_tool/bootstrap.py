"""The composition root: the one place that builds the object graph.

``build_application`` makes everything that commands, pages and workers share; ``build_web`` and
``build_worker`` put a Flask application or a worker on top of it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from allocation.sentences import sentence
from lti_tool.applying.errors import UnknownRun
from lti_tool.applying.settings import DriverSettings
from lti_tool.canvas.oauth import CanvasOAuth
from lti_tool.canvas.origin import canonical_origin
from lti_tool.jobs.notes import QueueNotes
from lti_tool.jobs.queue import make_queue
from lti_tool.jobs.worker import Bell, Worker
from lti_tool.logs import configure_logs
from lti_tool.persistence import schema
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.follow_ups import FollowUps
from lti_tool.persistence.holdings import Retention
from lti_tool.persistence.instance import InstanceStore, RestoreWatch
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.plans import load_plan
from lti_tool.persistence.registrations import InvitationRows, RegistrationRows
from lti_tool.persistence.schedules import Schedules
from lti_tool.persistence.tokens import ConnectAttempts, TokenRows
from lti_tool.planning.ids import CanvasOrigin, CourseId, PlanId, RunId, UserId
from lti_tool.services.background import BackgroundReadings
from lti_tool.services.canvas_access import CanvasAccess, Transports
from lti_tool.services.connect_window import ConnectWindow
from lti_tool.services.connecting import Connecting
from lti_tool.services.crediting import Crediting
from lti_tool.services.editing import Editing
from lti_tool.services.errors import NotConnected, NotHere
from lti_tool.services.following_up import FollowingUp
from lti_tool.services.housekeeping import Housekeeping, Purge
from lti_tool.services.invitations import Invitations
from lti_tool.services.planning import Planning
from lti_tool.services.reading import Reading
from lti_tool.services.registrations import KnownRegistrations
from lti_tool.services.rule_sets import RuleSets
from lti_tool.services.running import Driving, Running, our_reviews
from lti_tool.services.scheduling import Scheduling
from lti_tool.services.tokens import Tokens
from lti_tool.services.use_cases import Actor, UseCases
from lti_tool.services.watching import Watching
from lti_tool.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from flask import Flask
    from huey import Huey

    from lti_tool.lti.context import LaunchContext
    from lti_tool.lti.keys import ToolKeys
    from lti_tool.services.doctor import Doctor, Finding
    from lti_tool.services.vitals import Vitals
    from lti_tool.web.limits import Kind


log = structlog.get_logger(__name__)


def now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Application:
    """Everything that is shared by pages, commands and workers of one process."""

    settings: Settings
    database: Database
    registrations: KnownRegistrations
    invitations: Invitations
    tokens: TokenRows
    connecting: Connecting
    journal: Journal
    driving: Driving
    queue: Huey
    transports: Transports
    housekeeping: Housekeeping
    purge: Purge
    background: BackgroundReadings
    use_cases: UseCases

    def origin(self, canvas: str) -> CanvasOrigin:
        """The canonical address of a Canvas that somebody typed.

        Raises:
            SettingsError: not an address that a token may be sent to.
        """
        try:
            return canonical_origin(canvas, allow_plain_loopback=self.settings.allow_http_loopback)
        except ValueError as error:
            raise SettingsError(str(error)) from error

    def actor(self, canvas: str, course: str, user: str | None = None) -> Actor:
        """Who acts on the command line: the person whose token for that Canvas is stored.

        Raises:
            NotConnected: nobody's token is stored, or several people's and ``user`` does not say whose.
        """
        origin = self.origin(canvas)
        stored = self.tokens.users_of(origin)
        if user is not None and UserId(user) not in stored:
            raise NotConnected(f"No token of user {user} is stored for {origin}. Run: peer-allocator connect")
        if user is None and len(stored) != 1:
            how = "No token is" if not stored else f"Tokens of several people ({', '.join(stored)}) are"
            what = "Run: peer-allocator connect" if not stored else "Say whose to use with --as USER."
            raise NotConnected(f"{how} stored for {origin}. {what}")
        return Actor(origin, CourseId(course), UserId(user) if user else stored[0], "command line")

    def actor_of_plan(self, plan_id: PlanId) -> Actor:
        """The person who made a plan. Raises NotHere."""
        with self.database.read() as session:
            stored = load_plan(session, plan_id)
        if stored is None:
            raise NotHere(f"There is no plan {plan_id}.")
        return Actor(stored.plan.canvas, stored.plan.course_id, stored.created_by, stored.created_by_name)

    def actor_of_run(self, run_id: RunId) -> Actor:
        """The person who started a run. Raises NotHere."""
        try:
            run = self.journal.load(run_id)
        except UnknownRun:
            raise NotHere(f"There is no run {run_id}.") from None
        return Actor(run.canvas, run.course_id, run.started_by, run.started_by_name)

    def close(self) -> None:
        """Close the database and the connections to Canvas, after the readings that are under way."""
        self.background.close()
        self.transports.close()
        self.database.dispose()


def build_application(settings: Settings, *, environment: Mapping[str, str] = os.environ) -> Application:
    """Wire everything. ``environment`` is where registrations' client secrets are looked up.

    Raises:
        SettingsError: the settings contradict each other or name something unusable.
    """
    from lti_tool.lti.registration import LtiConfigError, Registrations

    settings.instance.mkdir(parents=True, exist_ok=True)
    try:
        configured = Registrations.from_config(
            settings.platforms, allow_http_loopback=settings.allow_http_loopback
        )
        queue = make_queue(settings.queue)
    except (LtiConfigError, ValueError) as error:
        raise SettingsError(str(error)) from error
    database = Database(make_engine(settings.database))
    registrations = KnownRegistrations(
        configured,
        RegistrationRows(database, settings.secret_box),
        environment,
        now,
        allow_http_loopback=settings.allow_http_loopback,
    )
    rows = TokenRows(database, settings.secret_box)
    attempts = ConnectAttempts(database, settings.secret_box)
    transports = Transports(reach=settings.reach)
    oauth_of = _oauth_keys(registrations, transports, f"{settings.public_url}/connect/callback")
    tokens = Tokens(rows, oauth_of)
    connecting = Connecting(attempts, tokens, oauth_of, transports.of)
    access = CanvasAccess(transports, tokens.source)
    journal = Journal(database)
    watch = RestoreWatch(InstanceStore(database), settings.instance / "last-seen.json")
    driving = Driving(database, journal, access, DriverSettings(settle=settings.settle_seconds), watch)
    bell = Bell(queue, driving.drive)
    reading = Reading(
        database, access, lambda actor: journal.history(actor.canvas, actor.course_id, None), now
    )
    keep = Retention(
        plans=timedelta(days=settings.keep_plans_days),
        snapshots=timedelta(days=settings.keep_snapshots_days),
        tokens=timedelta(days=settings.keep_tokens_days),
        rules=timedelta(days=settings.keep_rules_days),
        idle_session=timedelta(hours=settings.session_idle_hours),
    )
    background = BackgroundReadings(reading, QueueNotes(queue), now)
    planning = Planning(database, reading, our_reviews(journal), journal.run_of_plan, now)
    running = Running(
        journal, planning, reading, bell.ring, now, timedelta(hours=settings.plan_max_age_hours)
    )
    follow_ups = FollowUps(database)
    following_up = FollowingUp(follow_ups, reading, access, now)
    watching = Watching(
        reading, lambda actor, one: journal.history(actor.canvas, actor.course_id, one), journal.snapshot
    )
    return Application(
        settings=settings,
        database=database,
        registrations=registrations,
        invitations=Invitations(InvitationRows(database), registrations, now),
        tokens=rows,
        connecting=connecting,
        journal=journal,
        driving=driving,
        queue=queue,
        transports=transports,
        housekeeping=Housekeeping(database, now, keep),
        purge=Purge(database, settings.secret_box, tokens),
        background=background,
        use_cases=UseCases(
            connecting=ConnectWindow(connecting, attempts, now),
            reading=reading,
            background=background,
            planning=planning,
            editing=Editing(planning),
            rule_sets=RuleSets(database, planning, now),
            running=running,
            following_up=following_up,
            crediting=Crediting(follow_ups, reading, access, now),
            watching=watching,
            scheduling=Scheduling(
                Schedules(database), reading, planning, running, following_up, watching, now
            ),
        ),
    )


def _oauth_keys(
    registrations: KnownRegistrations, transports: Transports, redirect_uri: str
) -> Callable[[CanvasOrigin], CanvasOAuth | None]:
    """The API developer key of each registered Canvas that has one."""

    def oauth_of(canvas: CanvasOrigin) -> CanvasOAuth | None:
        key = registrations.api_key(canvas)
        return None if key is None else CanvasOAuth(transports.of(canvas), key, redirect_uri)

    return oauth_of


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
    elif found != newest:
        raise SettingsError(
            f"The database is at schema {found}, this program needs {newest}. Run: peer-allocator db upgrade"
        )


def upgrade_database(settings: Settings | None = None) -> str:
    """Bring the database to the newest schema; gives the revision."""
    settings = settings or load_settings()
    settings.instance.mkdir(parents=True, exist_ok=True)
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
    try:
        application.housekeeping.if_due()
        application.use_cases.scheduling.carry_out_due()
    except SQLAlchemyError as error:
        log.warning("chores failed; tried again", error=type(error).__name__)


def vitals(application: Application) -> Vitals:
    """How this installation stands."""
    from lti_tool.jobs.queue import queue_errors
    from lti_tool.services.vitals import Vitals

    return Vitals(application.database, application.journal, application.queue.pending_count, queue_errors)


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

    serve(
        build_web(application),
        host=application.settings.listen_host,
        port=application.settings.listen_port,
        threads=16,
        ident="",
        # Waitress drops the headers of proxies unless told otherwise; which of them count is decided above.
        clear_untrusted_proxy_headers=application.settings.trusted_proxies == 0,
    )


def _on_stop_signals(act: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: act())


def _still_registered(
    context: LaunchContext | None, registrations: KnownRegistrations
) -> LaunchContext | None:
    """A session ends with the registration that it came from."""
    if context is None or registrations.find(context.issuer, context.client_id) is None:
        return None
    return context


def tool_keys(application: Application) -> ToolKeys:
    """The RSA keys that the tool signs with."""
    from lti_tool.lti.keys import ToolKeys
    from lti_tool.persistence.launches import ToolKeyRows

    return ToolKeys(ToolKeyRows(application.database, application.settings.secret_box), now)


def _rate_limits(settings: Settings) -> dict[Kind, str]:
    from lti_tool.web.limits import Kind

    numbers = {
        Kind.LAUNCH: (settings.launches_per_minute, "minute"),
        Kind.PREVIEW: (settings.previews_per_minute, "minute"),
        Kind.IMPORT: (settings.imports_per_minute, "minute"),
        Kind.REGISTRATION: (settings.registrations_per_hour, "hour"),
    }
    return {kind: f"{number} per {span}" for kind, (number, span) in numbers.items() if number}


def build_web(application: Application) -> Flask:
    """The tool's pages and LTI endpoints."""
    from lti_tool.lti.key_sets import KeySets
    from lti_tool.lti.launching import Launching
    from lti_tool.lti.sessions import Sessions
    from lti_tool.persistence.launches import OneTimeRows, SessionRows
    from lti_tool.services.administration import Administration
    from lti_tool.services.registering import Registering
    from lti_tool.web.factory import WebSettings, create_web
    from lti_tool.web.launch import launch_blueprint
    from lti_tool.web.machines import machines_blueprint
    from lti_tool.web.register import register_blueprint

    settings, database = application.settings, application.database
    launching = Launching(
        application.registrations,
        OneTimeRows(database, settings.secret_box),
        KeySets(reach=settings.reach),
        f"{settings.public_url}/lti/launch",
        now,
    )
    sessions = Sessions(
        SessionRows(database, settings.secret_box),
        now,
        idle=timedelta(hours=settings.session_idle_hours),
        absolute=timedelta(hours=settings.session_hours),
    )
    registrations = application.registrations

    def session(token: str) -> LaunchContext | None:
        return _still_registered(sessions.authenticate(token), registrations)

    registering = Registering(
        registrations,
        application.invitations,
        settings.reach,
        settings.public_url,
        allow_http_loopback=settings.allow_http_loopback,
    )
    administration = Administration(
        settings,
        database,
        registrations,
        application.invitations,
        build_doctor(application),
        session,
        application.transports.of,
        now,
    )
    return create_web(
        application.use_cases,
        session,
        [
            launch_blueprint(launching, sessions, tool_keys(application)),
            register_blueprint(registering),
            machines_blueprint(vitals(application), settings.metrics_token),
        ],
        WebSettings(
            settings.public_url,
            registrations.origins,
            trusted_proxies=settings.trusted_proxies,
            rate_limits=_rate_limits(settings),
            rate_limit_storage=settings.rate_limit_storage,
        ),
        administration,
    )


def build_doctor(application: Application) -> Doctor:
    """Looks at this application and its platforms."""
    from lti_tool.services.doctor import Doctor

    return Doctor(
        application.settings,
        application.database,
        application.registrations,
        tool_keys(application),
        application.transports.of,
    )


def examine(settings: Settings, *, environment: Mapping[str, str] = os.environ) -> tuple[Finding, ...]:
    """Everything that can be found wrong, also when the settings are so wrong that nothing starts."""
    from lti_tool.services.doctor import Finding, as_told

    try:
        application = build_application(settings, environment=environment)
    except SettingsError as error:
        return (Finding(sentence("settings"), ok=False, words=as_told(error)),)
    try:
        return build_doctor(application).examine()
    finally:
        application.close()
