"""Checks every link of the chain that makes a launch and a run work, and says what to do for each that fails.

``Doctor`` looks at what is shared (settings, database, queue, keys, our own public address) and, platform by
platform, at what Canvas says: key set, clock, API key with its redirect address and scopes, the cookies and
the framing that arrive through whatever proxy stands in front.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from allocation.sentences import Sentence, counted, sentence
from lti_tool.canvas.key_check import KeyCheck, KeyTrouble, check_key
from lti_tool.canvas.transport import Transport
from lti_tool.lti.keys import ToolKeys
from lti_tool.lti.registration import Registration
from lti_tool.outgoing import DocumentUnavailable, exchange_json
from lti_tool.persistence import schema
from lti_tool.persistence.database import Database
from lti_tool.persistence.encryption import SealedTextError
from lti_tool.persistence.usage import oldest_waiting
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.services.public_face import Face, look_from_outside
from lti_tool.services.registrations import KnownRegistrations
from lti_tool.settings import Settings, SettingsError

CLOCK_MAY_DIFFER_S = 60.0
"""An id_token may be 30 seconds off; a minute is where launches begin to fail."""
QUEUE_MAY_WAIT = timedelta(minutes=2)
"""A run that waits for nobody is taken up within 45 seconds, also after a crash."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One link: what was checked, whether it holds, and what to do when it does not."""

    check: Sentence
    ok: bool
    words: Sentence


KEY_TROUBLES = {
    KeyTrouble.UNREACHABLE: sentence("Canvas gave no usable answer; try again, then check the network"),
    KeyTrouble.UNKNOWN: sentence(
        "Canvas does not know this id; copy it from the column Details, and switch the key on"
    ),
    KeyTrouble.REDIRECT: sentence("its redirect address is another one; enter this one's in Canvas"),
    KeyTrouble.SWITCHED_OFF: sentence("it is switched off in Canvas; set its state to ON"),
    KeyTrouble.SECRET: sentence("Canvas does not accept the key's secret; copy it again with Show Key"),
}


class Doctor:
    """Examines the whole installation, or what concerns one platform.

    Args:
        transport_of: the transport to a Canvas.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        registrations: KnownRegistrations,
        keys: ToolKeys,
        transport_of: Callable[..., Transport],
    ) -> None:
        self._settings = settings
        self._database = database
        self._registrations = registrations
        self._keys = keys
        self._transport_of = transport_of

    def examine(self) -> tuple[Finding, ...]:
        """All findings, in the order of the chain."""
        findings = [*self._shared()]
        fit = _database_fits(findings)
        known = self._registrations.all() if fit else self._registrations.configured()
        registered = sentence("registrations")
        findings.append(
            Finding(registered, ok=True, words=counted("%(num)s known", "%(num)s known", len(known)))
            if known
            else Finding(
                registered,
                ok=False,
                words=sentence("none; run: peer-allocator registration invite (docs/install.md)"),
            )
        )
        findings += self._public(fit)
        for registration in known:
            findings += self.platform(registration, fit)
        return tuple(findings)

    def for_administrator(self, registration: Registration) -> tuple[Finding, ...]:
        """What an administrator of one platform may see: nothing of the others, no address of a database."""
        shared = [*self._shared()]
        fit = _database_fits(shared)
        return (*shared, *self._public(fit), *self.platform(registration, fit, with_secret=False))

    def _shared(self) -> Iterator[Finding]:
        yield _secret_keys(self._settings)
        found = tuple(_database(self._database))
        yield from found
        if len(found) == 2 and found[1].ok:
            yield self._queue()
            yield self._own_keys()

    def _queue(self) -> Finding:
        check = sentence("queue")
        waiting = oldest_waiting(self._database)
        age = datetime.now(UTC) - waiting if waiting else timedelta()
        if age < QUEUE_MAY_WAIT:
            return Finding(check, ok=True, words=sentence("no run waits for a worker"))
        words = sentence(
            "a run has waited for %(minutes)s minutes; is `peer-allocator worker` running?",
            minutes=int(age.total_seconds() // 60),
        )
        return Finding(check, ok=False, words=words)

    def _own_keys(self) -> Finding:
        check = sentence("signing keys")
        try:
            usable = bool(self._keys.current().private_pem)
        except SealedTextError:
            words = sentence("they do not open with the secret keys; run: peer-allocator keys rotate")
            return Finding(check, ok=False, words=words)
        return Finding(check, ok=usable, words=sentence("the current one opens"))

    def _public(self, fit: bool) -> Iterator[Finding]:
        address, url = sentence("public address"), self._settings.public_url
        if not (url.startswith("https://") or self._settings.allow_http_loopback):
            words = sentence("%(url)s is not https; set public_url", url=url)
            yield Finding(address, ok=False, words=words)
            return
        yield Finding(address, ok=True, words=as_told(url))
        if fit:
            yield self._own_key_set(f"{url}/lti/jwks.json")

    def _own_key_set(self, url: str) -> Finding:
        check = sentence("own key set, as Canvas reads it")
        try:
            content = exchange_json(url, self._settings.reach).content
        except DocumentUnavailable as error:
            words = sentence("%(why)s; check proxy and public_url", why=str(error))
            return Finding(check, ok=False, words=words)
        served = content.get("keys") if isinstance(content, dict) else None
        kids = (
            {key.get("kid") for key in served if isinstance(key, dict)} if isinstance(served, list) else set()
        )
        if self._keys.current().kid in kids:
            return Finding(check, ok=True, words=as_told(url))
        words = sentence("%(url)s publishes other keys; does public_url lead to this tool?", url=url)
        return Finding(check, ok=False, words=words)

    def platform(
        self, registration: Registration, fit: bool = True, *, with_secret: bool = True
    ) -> Iterator[Finding]:
        """What Canvas says, and what arrives in its frame; the latter not without a database that is fit."""
        name = registration.canvas_origin
        yield from self._key_set(registration)
        if fit or registration.oauth_client_id:
            yield self._api_key(registration, with_secret)
        if not fit:
            return
        for alias in registration.canvas_aliases:
            yield self._alias(registration, alias)
        face = look_from_outside(self._settings, registration)
        yield _cookies(sentence("cookies in %(canvas)s", canvas=name), face)
        yield _framing(sentence("framing in %(canvas)s", canvas=name), face, registration)

    def _key_set(self, registration: Registration) -> Iterator[Finding]:
        check = sentence("key set of %(canvas)s", canvas=registration.canvas_origin)
        url = registration.key_set_url
        try:
            document = exchange_json(url, self._settings.reach)
        except DocumentUnavailable as error:
            yield Finding(check, ok=False, words=sentence("%(why)s", why=str(error)))
            return
        keys = document.content.get("keys") if isinstance(document.content, dict) else None
        if isinstance(keys, list) and keys:
            yield Finding(check, ok=True, words=as_told(url))
        else:
            yield Finding(check, ok=False, words=sentence("%(url)s holds no keys", url=url))
        yield _clock(registration.canvas_origin, document.headers.get("date"))

    def _api_key(self, registration: Registration, with_secret: bool) -> Finding:
        """The stored API key, as Canvas judges it."""
        check = sentence("API key of %(canvas)s", canvas=registration.canvas_origin)
        key = self._registrations.api_key(registration.canvas)
        if key is None:
            words = sentence("there is none; make one in Canvas and enter it on the administration page")
            return Finding(check, ok=False, words=words)
        if not key.client_secret:
            words = sentence(
                "put the secret into %(variable)s", variable=registration.oauth_client_secret_env or "?"
            )
            return Finding(check, ok=False, words=words)
        transport = self._transport_of(registration.canvas)
        found = check_key(transport, key, self.redirect_uri, with_secret=with_secret)
        if found.trouble is None and not with_secret:
            return Finding(check, ok=True, words=sentence("Canvas accepts id, redirect address and scopes"))
        return Finding(check, ok=found.trouble is None, words=key_words(found))

    def _alias(self, registration: Registration, alias: str) -> Finding:
        """Whether another address leads to the same Canvas: it must know the API key, whose secret is not
        sent there."""
        check = sentence("%(alias)s, another address of %(canvas)s", alias=alias, canvas=registration.canvas)
        key = self._registrations.api_key(registration.canvas)
        if key is None:
            words = sentence("can be checked once there is an API key")
            return Finding(check, ok=False, words=words)
        transport = self._transport_of(CanvasOrigin(alias))
        found = check_key(transport, key, self.redirect_uri, with_secret=False)
        if found.trouble is None:
            return Finding(check, ok=True, words=sentence("the same Canvas answers there"))
        if found.trouble is KeyTrouble.UNREACHABLE:
            return Finding(check, ok=False, words=KEY_TROUBLES[found.trouble])
        words = sentence("another Canvas answers there; remove it: peer-allocator registration alias remove")
        return Finding(check, ok=False, words=words)

    @property
    def redirect_uri(self) -> str:
        """Where Canvas sends people back to after their consent."""
        return f"{self._settings.public_url}/connect/callback"


def _database_fits(findings: Sequence[Finding]) -> bool:
    """Whether rows can be read: keys, database and schema are the first three findings."""
    return len(findings) >= 3 and all(finding.ok for finding in findings[:3])


def as_told(what: object) -> Sentence:
    """A text that is nobody's to translate: an address, a revision, what a library said."""
    return Sentence("%(what)s", {"what": str(what)})


def key_words(found: KeyCheck) -> Sentence:
    """What Canvas thinks of a key, and what to do."""
    if found.trouble is None:
        return sentence("Canvas accepts id, secret, redirect address and scopes")
    if found.trouble is KeyTrouble.SCOPES:
        return sentence(
            "it lacks scopes; tick in Canvas: %(scopes)s",
            scopes=", ".join(found.scopes) or "those on the administration page",
        )
    return KEY_TROUBLES[found.trouble]


def _secret_keys(settings: Settings) -> Finding:
    check = sentence("secret keys")
    try:
        box = settings.secret_box
        sound = box.open(box.seal("x", bound_to="doctor"), bound_to="doctor") == "x"
    except (SettingsError, OSError) as error:
        return Finding(check, ok=False, words=as_told(error))
    return Finding(check, ok=sound, words=sentence("tokens can be sealed and opened"))


def _database(database: Database) -> Iterator[Finding]:
    answers, tables = sentence("database"), sentence("schema")
    try:
        with database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        found, newest = schema.current(database.engine)
    except SQLAlchemyError as error:
        why = sentence("cannot be used: %(why)s", why=str(error).splitlines()[0])
        yield Finding(answers, ok=False, words=why)
        return
    yield Finding(answers, ok=True, words=sentence("%(kind)s answers", kind=database.engine.dialect.name))
    if schema.serves(found):
        yield Finding(tables, ok=True, words=sentence("at revision %(revision)s", revision=str(found)))
        return
    words = sentence(
        "at %(found)s, needed is %(newest)s; run: peer-allocator db upgrade",
        found=str(found),
        newest=str(newest),
    )
    yield Finding(tables, ok=False, words=words)


def _clock(canvas: str, date: str | None) -> Finding:
    check = sentence("clock against %(canvas)s", canvas=canvas)
    if date is None:
        return Finding(check, ok=True, words=sentence("Canvas does not say what time it is"))
    apart = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    if apart < CLOCK_MAY_DIFFER_S:
        return Finding(check, ok=True, words=sentence("they agree"))
    words = sentence("clocks differ by %(seconds)s s; set this machine's clock (NTP)", seconds=round(apart))
    return Finding(check, ok=False, words=words)


def _cookies(check: Sentence, face: Face | None) -> Finding:
    if face is None:
        words = sentence("the login page cannot be read from outside; check proxy and public_url")
        return Finding(check, ok=False, words=words)
    if face.cookie_lacks:
        words = sentence(
            "the proxy takes %(parts)s away from our cookie; let Set-Cookie through unchanged",
            parts=", ".join(face.cookie_lacks),
        )
        return Finding(check, ok=False, words=words)
    return Finding(check, ok=True, words=sentence("they arrive whole"))


def _framing(check: Sentence, face: Face | None, registration: Registration) -> Finding:
    if face is None:
        words = sentence("the login page cannot be read from outside; check proxy and public_url")
        return Finding(check, ok=False, words=words)
    if face.frame_options:
        words = sentence("the proxy adds X-Frame-Options, so the tool stays blank in Canvas; remove that")
        return Finding(check, ok=False, words=words)
    if face.frame_ancestors != registration.platform_origins:
        words = sentence("the proxy changes Content-Security-Policy; let it through unchanged")
        return Finding(check, ok=False, words=words)
    return Finding(check, ok=True, words=sentence("this Canvas may frame the tool, nobody else"))
