"""What an administrator of one Canvas sees and may do here: the second key, the checks, the use, the periods.

Two ways lead in. An administrator of the account in Canvas opens the tool in a course, or somebody holds a
code that the operator made (``lti_tool.services.invitations``). Both see their own registration and no other.
A launch may enter the API key where there is none yet; to replace one takes a code, because Canvas also calls
those administrators who look after a single faculty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from allocation.sentences import N_, Sentence, counted, sentence
from lti_tool.canvas.endpoints import ALL_SCOPES, GROUPS
from lti_tool.canvas.key_check import KeyCheck, KeyTrouble, check_key
from lti_tool.canvas.oauth import OAuthKey
from lti_tool.canvas.transport import Transport
from lti_tool.lti.context import LaunchContext
from lti_tool.lti.registration import Registration
from lti_tool.persistence.audit import AuditFilter, AuditLine
from lti_tool.persistence.database import Database
from lti_tool.persistence.usage import Usage, usage_of
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.services.audit import Audit, Event
from lti_tool.services.doctor import Doctor, Finding, key_words
from lti_tool.services.errors import ServiceError
from lti_tool.services.invitations import Invitations, OpenInvitation
from lti_tool.services.open_sessions import OpenSession, OpenSessions, Whose
from lti_tool.services.registrations import KnownRegistrations
from lti_tool.settings import Settings

LINES, MOST_LINES = 20, 500
"""Lines of the audit trail on the overview, and on their own page."""
API_KEY_NAME = "Peer Review Allocator (API)"
STORED_ALL_THE_SAME = (KeyTrouble.SCOPES, KeyTrouble.SWITCHED_OFF)
"""Troubles that are mended in Canvas alone: id and key need not be entered again."""


class KeyRefused(ServiceError):
    """Canvas does not accept the API key that was entered; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who looks after which registration. ``launched`` is None where a code opened the page."""

    registration: Registration
    launched: LaunchContext | None


@dataclass(frozen=True, slots=True)
class Period:
    """How long something is kept or good, as the settings say."""

    what: Sentence
    how_long: Sentence


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Lines of the audit trail with the filters that they were asked for by."""

    lines: Sequence[AuditLine]
    event: str
    user: str
    course: str


@dataclass(frozen=True, slots=True)
class AdministrationView:
    """Everything on the page but the checks, which take a moment."""

    registration: Registration
    api_key_id: str | None
    may_store_key: bool
    in_file: bool
    key_name: str
    redirect_uri: str
    scopes: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    """By Canvas's group: each scope, and in words what for."""
    usage: Usage
    sessions: Sequence[OpenSession]
    invitations: Sequence[OpenInvitation]
    events: Sequence[AuditLine]
    """The newest lines of the audit trail of this Canvas."""
    periods: Sequence[Period]
    read_at: datetime

    may_change_addresses: bool = False
    launched_at: datetime | None = None
    """When the last launch came in from a course."""

    @property
    def launched_yet(self) -> bool:
        """Whether a launch has come in."""
        return self.launched_at is not None


ADMINISTRATORS = "administrators"
"""All of one Canvas share the places of one person."""


class Administration:
    """The use case.

    Args:
        session: the launch of a session token, if it is good.
        transport_of: the transport to a Canvas.
        take_place: called before a page waits for Canvas.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        registrations: KnownRegistrations,
        invitations: Invitations,
        doctor: Doctor,
        session: Callable[[str], LaunchContext | None],
        transport_of: Callable[..., Transport],
        now: Callable[[], datetime],
        open_sessions: OpenSessions,
        audit: Audit,
        take_place: Callable[[CanvasOrigin, str], None] = lambda _canvas, _person: None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._registrations = registrations
        self._invitations = invitations
        self._doctor = doctor
        self._session = session
        self._transport_of = transport_of
        self._now = now
        self._open_sessions = open_sessions
        self._audit = audit
        self._take_place = take_place

    def administrator(self, token: str) -> Administrator | None:
        """Who shows this token: an administrator's session, or a code. None for everybody else."""
        launched = self._session(token)
        if launched is not None:
            registration = self._registrations.find(launched.issuer, launched.client_id)
            if registration is None or not launched.is_administrator:
                return None
            return Administrator(registration, launched)
        registration = self._invitations.administrated_by(token)
        return None if registration is None else Administrator(registration, None)

    def view(self, who: Administrator) -> AdministrationView:
        """The page."""
        key = self._registrations.api_key(who.registration.canvas)
        in_file = self._registrations.is_configured(who.registration)
        return AdministrationView(
            registration=who.registration,
            api_key_id=key.client_id if key else None,
            may_store_key=not in_file and (key is None or who.launched is None),
            in_file=in_file,
            key_name=API_KEY_NAME,
            redirect_uri=self._doctor.redirect_uri,
            scopes=tuple(
                (group, tuple((one.scope, ALL_SCOPES[one.scope]) for one in endpoints))
                for group, endpoints in GROUPS.items()
            ),
            usage=usage_of(self._database, who.registration.canvas),
            sessions=self._open_sessions.find(_sessions_of(who)),
            invitations=self._invitations.open(who.registration),
            events=self._audit.find(AuditFilter(canvas=who.registration.canvas, limit=LINES)),
            periods=self._periods(),
            read_at=self._now(),
            may_change_addresses=who.launched is None and not in_file,
            launched_at=self._registrations.launched_at(who.registration),
        )

    def events(self, who: Administrator, *, event: str = "", user: str = "", course: str = "") -> AuditPage:
        """The audit trail of this Canvas and no other, narrowed."""
        wanted = AuditFilter(
            canvas=who.registration.canvas, event=event, user=user, course=course, limit=MOST_LINES
        )
        return AuditPage(self._audit.find(wanted), event, user, course)

    def end_sessions(self, who: Administrator, *, id_: str = "", user: str = "") -> int:
        """End one session of this Canvas, all of a person, or all; how many."""
        canvas = who.registration.canvas
        ended = self._open_sessions.end(replace(_sessions_of(who), user=user, id=id_))
        self._audit.record(
            Event.SESSIONS_ENDED, canvas=canvas, user=_acting(who), object_=id_ or user, detail=str(ended)
        )
        return ended

    def revoke_invitation(self, who: Administrator, id_: str) -> bool:
        """End a setup address of this registration."""
        return self._invitations.revoke(id_, who.registration)

    def findings(self, who: Administrator) -> tuple[Finding, ...]:
        """The checks; they ask Canvas and the tool's own public address.

        Raises:
            CanvasBusy: too many pages wait for this Canvas.
        """
        self._take_place(who.registration.canvas, ADMINISTRATORS)
        return self._doctor.for_administrator(who.registration)

    def store_api_key(self, who: Administrator, client_id: str, secret: str) -> KeyCheck:
        """Keep the API key if Canvas accepts it; gives what is still to be mended in Canvas.

        Raises:
            KeyRefused: Canvas does not accept id and secret, or could not be asked; or who asks may not.
            RegistrationRefused: what was entered is no id or no secret.
        """
        if not self.view(who).may_store_key:
            raise KeyRefused(
                N_(
                    "There is an API key already. To replace it takes a setup address from the people who "
                    "run this tool."
                )
            )
        key = OAuthKey(client_id.strip(), secret.strip())
        self._take_place(who.registration.canvas, ADMINISTRATORS)
        found = check_key(self._transport_of(who.registration.canvas), key, self._doctor.redirect_uri)
        if found.trouble is not None and found.trouble not in STORED_ALL_THE_SAME:
            raise KeyRefused(N_("Nothing was stored: %(why)s."), why=key_words(found))
        self._registrations.store_api_key(who.registration.canvas, key.client_id, key.client_secret)
        return found

    def add_alias(self, who: Administrator, address: str) -> None:
        """Add another address of this Canvas; people are sent there for their consent.

        Raises:
            KeyRefused: it takes a setup address.
            RegistrationRefused: it can't be used, or the registration stands in config.json.
        """
        self._holder_of_a_code(who)
        self._registrations.add_alias(who.registration.issuer, who.registration.client_id, address.strip())

    def remove_alias(self, who: Administrator, address: str) -> None:
        """Forget another address of this Canvas. Raises as ``add_alias``."""
        self._holder_of_a_code(who)
        self._registrations.remove_alias(who.registration.issuer, who.registration.client_id, address)

    def _holder_of_a_code(self, who: Administrator) -> None:
        """Canvas also calls those administrators who look after a single faculty."""
        if who.launched is not None:
            raise KeyRefused(
                N_("You need a setup address to change addresses. Ask the people who run this tool for one.")
            )

    def _periods(self) -> Sequence[Period]:
        return (
            Period(
                sentence("A session ends after so much silence"),
                sentence("%(hours)s hours", hours=f"{self._settings.session_idle_hours:g}"),
            ),
            Period(
                sentence("and at the latest after"),
                sentence("%(hours)s hours", hours=f"{self._settings.session_hours:g}"),
            ),
            Period(
                sentence("A preview can be applied for"),
                sentence("%(hours)s hours", hours=f"{self._settings.plan_max_age_hours:g}"),
            ),
            _kept(sentence("Plans and runs are kept for"), self._settings.keep_plans_days),
            _kept(
                sentence("Readings of Canvas, with names, are kept for"),
                self._settings.keep_snapshots_days,
            ),
            _kept(
                sentence("A teacher's access to Canvas, sealed, is kept unused for"),
                self._settings.keep_tokens_days,
            ),
        )


def _sessions_of(who: Administrator) -> Whose:
    return Whose(canvas=who.registration.canvas, client_id=who.registration.client_id)


def _acting(who: Administrator) -> str:
    """The administrator's number, or LTI's id before Canvas said it; nobody where a code opened the page."""
    return "" if who.launched is None else who.launched.user_id or who.launched.lti_user_id


def _kept(what: Sentence, days: int) -> Period:
    return Period(what, counted("%(num)s day", "%(num)s days", days))
