"""What pages, commands and workers of one process share, built from the settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from allocation.sentences import Voice
from lti_tool.applying.errors import UnknownRun
from lti_tool.applying.settings import DriverSettings
from lti_tool.canvas.oauth import CanvasOAuth, Grant
from lti_tool.canvas.origin import canonical_origin
from lti_tool.canvas.pacing import Lane
from lti_tool.jobs.notes import QueueNotes
from lti_tool.jobs.queue import make_queue, queue_errors
from lti_tool.jobs.worker import Bell
from lti_tool.persistence.audit import AuditRows
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.follow_ups import FollowUps
from lti_tool.persistence.grade_columns import GradeColumns
from lti_tool.persistence.holdings import Retention
from lti_tool.persistence.identities import IdentityRows
from lti_tool.persistence.instance import InstanceStore, RestoreWatch
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.launches import SessionRows
from lti_tool.persistence.plans import load_plan
from lti_tool.persistence.registrations import InvitationRows, RegistrationRows
from lti_tool.persistence.schedules import Schedules
from lti_tool.persistence.tokens import ConnectAttempts, TokenRows
from lti_tool.planning.freshness import FreshFor
from lti_tool.planning.ids import CanvasOrigin, CourseId, PlanId, RunId, UserId
from lti_tool.planning.signed_person import SignedPerson
from lti_tool.private_files import make_private_folder
from lti_tool.services.actor import Actor
from lti_tool.services.audit import Audit, Event
from lti_tool.services.background import BackgroundReadings
from lti_tool.services.canvas_access import CanvasAccess, Transports
from lti_tool.services.connect_window import ConnectWindow
from lti_tool.services.connecting import Connecting
from lti_tool.services.crediting import Crediting
from lti_tool.services.editing import Editing
from lti_tool.services.errors import ConnectFailed, NotConnected, NotHere
from lti_tool.services.filling import Filling
from lti_tool.services.following_up import FollowingUp
from lti_tool.services.guarding import Guard
from lti_tool.services.housekeeping import Housekeeping, Purge
from lti_tool.services.identities import Identities
from lti_tool.services.invitations import Invitations
from lti_tool.services.making import MakingPlans
from lti_tool.services.notices import Notices
from lti_tool.services.open_sessions import OpenSessions, Whose
from lti_tool.services.own_column import OwnColumns
from lti_tool.services.page_places import PagePlaces, PlaceLimits
from lti_tool.services.planning import Planning
from lti_tool.services.reading import Reading, Runs
from lti_tool.services.registrations import KnownRegistrations
from lti_tool.services.rule_sets import RuleSets
from lti_tool.services.running import Driving, Running, our_reviews
from lti_tool.services.scheduling import Scheduling
from lti_tool.services.tokens import Tokens
from lti_tool.services.use_cases import UseCases
from lti_tool.services.viewing import Rights
from lti_tool.services.watching import Watching
from lti_tool.settings import Settings, SettingsError

if TYPE_CHECKING:
    from huey import Huey

    from lti_tool.lti.grade_service import GradeService, ServiceTokens
    from lti_tool.lti.grades import GradeClaim
    from lti_tool.lti.registration import Registration


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
    identities: Identities
    audit: Audit
    sessions: OpenSessions
    rights: Rights
    journal: Journal
    driving: Driving
    queue: Huey
    transports: Transports
    places: PagePlaces
    housekeeping: Housekeeping
    purge: Purge
    own_columns: OwnColumns
    background: BackgroundReadings
    making: MakingPlans
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
        self.making.close()
        self.transports.close()
        self.queue.storage.close()
        self.database.dispose()


def make_instance_folder(settings: Settings) -> None:
    """Make the folder of the database and the keys, where it is missing.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        make_private_folder(settings.instance)
    except OSError as error:
        raise SettingsError(
            f"The folder {settings.instance} can't be made: {error.strerror}. Set `instance` to a folder "
            "that this program may write to."
        ) from error


def build_application(settings: Settings, *, environment: Mapping[str, str] = os.environ) -> Application:
    """Wire everything. ``environment`` is where registrations' client secrets are looked up.

    Raises:
        SettingsError: the settings contradict each other or name something unusable.
    """
    from lti_tool.lti.registration import LtiConfigError, Registrations

    make_instance_folder(settings)
    try:
        configured = Registrations.from_config(
            settings.platforms, allow_http_loopback=settings.allow_http_loopback
        )
        queue = make_queue(settings.queue)
    except (LtiConfigError, ValueError) as error:
        raise SettingsError(str(error)) from error
    except queue_errors() as error:
        raise SettingsError(
            f"The queue can't be opened ({error}). Check the setting queue_url, and that its file or server "
            "is there and not locked."
        ) from error
    database = Database(make_engine(settings.database))
    audit = Audit(AuditRows(database), now)
    registrations = KnownRegistrations(
        configured,
        RegistrationRows(database, settings.secret_box),
        environment,
        now,
        audit,
        allow_http_loopback=settings.allow_http_loopback,
    )
    rows = TokenRows(database, settings.secret_box)
    attempts = ConnectAttempts(database, settings.secret_box)
    transports = Transports(reach=settings.reach)
    oauth_of = _oauth_keys(registrations, transports, f"{settings.public_url}/connect/callback")
    identity_rows = IdentityRows(database)
    sessions = OpenSessions(SessionRows(database, settings.secret_box), identity_rows, now)

    def token_changed(canvas: CanvasOrigin, user: UserId, connected: bool) -> None:
        """Without a token nobody sees anything: rights can't be asked for."""
        audit.record(Event.CONNECTED if connected else Event.DISCONNECTED, canvas=canvas, user=user)
        rights.forget(canvas, user)

    def access_ended(actor: Actor) -> None:
        audit.record(Event.ACCESS_ENDED, actor)
        sessions.end(Whose(actor.canvas, actor.course_id, actor.user_id))

    def connect_refused(person: SignedPerson, grant: Grant, why: ConnectFailed) -> None:
        """A consent of somebody else, or given while acting as somebody: worth looking into."""
        audit.record(
            Event.CONNECT_REFUSED,
            canvas=person.canvas,
            course=person.course_id or person.context_id,
            user=grant.user_id,
            real_user=grant.real_user_id or "",
            object_=person.subject,
            detail=f"{type(why).__name__} {person.issuer} {person.client_id}",
        )

    tokens = Tokens(rows, oauth_of, changed=token_changed)
    places = PagePlaces(PlaceLimits.of_threads(settings.page_threads))
    access = CanvasAccess(transports, tokens.source, places=places)
    rights = Rights(access.client, good_for_s=settings.rights_seconds, ended=access_ended)
    guard = Guard(rights, audit)
    identities = Identities(identity_rows, lambda canvas, user: access.client(canvas, user, Lane.PAGE), now)
    connecting = Connecting(
        attempts, tokens, oauth_of, transports.of, identities, take_place=places.take, refused=connect_refused
    )
    journal = Journal(database)
    watch = RestoreWatch(InstanceStore(database), settings.instance / "last-seen.json")
    driving = Driving(
        database,
        journal,
        access,
        DriverSettings(settle=settings.settle_seconds),
        watch,
        # A worker has as many threads for announced runs as for those that a sweep found: some are left.
        most_of_a_canvas=settings.worker_threads + settings.worker_threads // 2,
    )
    bell = Bell(queue, driving.drive)
    reading = Reading(
        database,
        access,
        Runs(lambda actor: journal.history(actor.canvas, actor.course_id, None), journal.active_run),
        now,
        FreshFor(
            planning=timedelta(minutes=settings.snapshot_planning_minutes),
            looking=timedelta(minutes=settings.snapshot_looking_minutes),
        ),
    )
    keep = Retention(
        plans=timedelta(days=settings.keep_plans_days),
        snapshots=timedelta(days=settings.keep_snapshots_days),
        tokens=timedelta(days=settings.keep_tokens_days),
        rules=timedelta(days=settings.keep_rules_days),
        idle_session=timedelta(hours=settings.session_idle_hours),
        audit=timedelta(days=settings.keep_audit_days),
    )
    background = BackgroundReadings(reading, QueueNotes(queue), now)
    planning = Planning(database, reading, our_reviews(journal), journal, now)
    guarded_planning = guard.before("planning", planning)
    making = MakingPlans(guarded_planning, QueueNotes(queue), now)
    running = Running(
        journal, planning, reading, bell.ring, now, timedelta(hours=settings.plan_max_age_hours)
    )
    follow_ups = FollowUps(database)
    schedules = Schedules(database)
    following_up = FollowingUp(follow_ups, reading, access, schedules, now)
    watching = Watching(
        reading,
        lambda actor, one: journal.history(actor.canvas, actor.course_id, one),
        journal.snapshot,
        journal.effects,
    )
    guarded_running = guard.before("running", running)
    guarded_following_up = guard.before("following_up", following_up)
    own_columns = _own_columns(settings, database, registrations)
    send_scores = Bell(queue, own_columns.carry_on, name="send_scores")
    return Application(
        settings=settings,
        database=database,
        registrations=registrations,
        invitations=Invitations(InvitationRows(database), registrations, now, audit),
        tokens=rows,
        connecting=connecting,
        identities=identities,
        audit=audit,
        sessions=sessions,
        rights=rights,
        journal=journal,
        driving=driving,
        queue=queue,
        transports=transports,
        places=places,
        housekeeping=Housekeeping(database, now, keep),
        purge=Purge(database, settings.secret_box, tokens, audit),
        own_columns=own_columns,
        background=background,
        making=making,
        use_cases=guard.before_all(
            UseCases(
                connecting=ConnectWindow(connecting, attempts, now),
                reading=reading,
                background=background,
                planning=guarded_planning,
                making=making,
                editing=Editing(planning),
                rule_sets=RuleSets(database, planning, now),
                running=guarded_running,
                following_up=guarded_following_up,
                filling=Filling(reading, planning, following_up, now),
                crediting=Crediting(follow_ups, reading, access, own_columns, send_scores.ring, now),
                watching=watching,
                scheduling=Scheduling(
                    schedules,
                    guard.before("reading", reading),
                    guarded_planning,
                    guarded_running,
                    guarded_following_up,
                    guard.before("watching", watching),
                    Notices(schedules, access, _letter, now),
                    now,
                ),
            )
        ),
    )


def _letter(locale: str, zone: str) -> Voice:
    """The voice of a message; Flask and the translations are loaded only when one is written."""
    from lti_tool.web.letters import Letter

    return Letter(locale, zone)


def _own_columns(settings: Settings, database: Database, registrations: KnownRegistrations) -> OwnColumns:
    """Columns of the tool's own. The library behind them is loaded when the first is looked at."""
    tokens: list[ServiceTokens] = []

    def connect(registration: Registration, claim: GradeClaim) -> GradeService:
        from lti_tool.lti.grade_service import GradeService, ServiceTokens
        from lti_tool.lti.keys import ToolKeys
        from lti_tool.persistence.launches import ToolKeyRows

        if not tokens:
            tokens.append(ServiceTokens())
        keys = ToolKeys(ToolKeyRows(database, settings.secret_box), now)
        return GradeService(registration, claim, keys, tokens[0], settings.reach)

    return OwnColumns(GradeColumns(database), registrations.find, connect, now)


def _oauth_keys(
    registrations: KnownRegistrations, transports: Transports, redirect_uri: str
) -> Callable[[CanvasOrigin], CanvasOAuth | None]:
    """The API developer key of each registered Canvas that has one."""

    def oauth_of(canvas: CanvasOrigin) -> CanvasOAuth | None:
        key = registrations.api_key(canvas)
        return None if key is None else CanvasOAuth(transports.of(canvas), key, redirect_uri)

    return oauth_of
