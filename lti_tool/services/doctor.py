"""Checks every link of the chain that an operator is responsible for, and says what to do for each.

Looks at settings, database, schema, queue, clock and the addresses of each registered platform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from allocation.sentences import NOTHING, Sentence, counted, sentence
from lti_tool.lti.registration import LtiConfigError, Registration, Registrations
from lti_tool.persistence import schema
from lti_tool.persistence.database import make_engine
from lti_tool.settings import Settings, SettingsError

TIMEOUT_S = 5.0
CLOCK_MAY_DIFFER_S = 60.0
"""An id_token may be 30 seconds off; a minute is where launches begin to fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One link: what was checked, whether it holds, and what to do when it does not."""

    check: Sentence
    ok: bool
    words: Sentence


def examine(settings: Settings, environment: Mapping[str, str]) -> tuple[Finding, ...]:
    """All findings, in the order of the chain. ``environment`` is where client secrets are looked up."""
    findings = [_secret_keys(settings), *_database(settings)]
    registered = sentence("registrations")
    try:
        registrations = Registrations.from_config(
            settings.platforms, allow_http_loopback=settings.allow_http_loopback
        )
    except LtiConfigError as error:
        return (*findings, Finding(registered, ok=False, words=_as_told(error)))
    known = registrations.all()
    findings.append(
        Finding(registered, ok=True, words=counted("%(num)s registered", "%(num)s registered", len(known)))
        if known
        else Finding(
            registered,
            ok=False,
            words=sentence("none; add `platforms` to config.json (docs/configuration.md)"),
        )
    )
    for registration in known:
        findings += _platform(registration, environment)
    address, url = sentence("public address"), settings.public_url
    findings.append(
        Finding(address, ok=True, words=_as_told(url))
        if url.startswith("https://") or settings.allow_http_loopback
        else Finding(address, ok=False, words=sentence("%(url)s is not https; set public_url", url=url))
    )
    return tuple(findings)


def _as_told(what: object) -> Sentence:
    """A text that is nobody's to translate: an address, a revision, what a library said."""
    return Sentence("%(what)s", {"what": str(what)})


def _secret_keys(settings: Settings) -> Finding:
    check = sentence("secret keys")
    try:
        box = settings.secret_box
        sound = box.open(box.seal("x", bound_to="doctor"), bound_to="doctor") == "x"
    except (SettingsError, OSError) as error:
        return Finding(check, ok=False, words=_as_told(error))
    return Finding(check, ok=sound, words=sentence("tokens can be sealed and opened"))


def _database(settings: Settings) -> Iterator[Finding]:
    database, tables = sentence("database"), sentence("schema")
    engine = make_engine(settings.database)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        found, newest = schema.current(engine)
    except SQLAlchemyError as error:
        why = sentence("cannot be used: %(why)s", why=str(error).splitlines()[0])
        yield Finding(database, ok=False, words=why)
        return
    finally:
        engine.dispose()
    yield Finding(database, ok=True, words=_as_told(engine.url.render_as_string(hide_password=True)))
    if found == newest:
        yield Finding(tables, ok=True, words=sentence("at revision %(revision)s", revision=str(found)))
    else:
        yield Finding(
            tables,
            ok=False,
            words=sentence(
                "at %(found)s, needed is %(newest)s; run: peer-allocator db upgrade",
                found=str(found),
                newest=str(newest),
            ),
        )


def _platform(registration: Registration, environment: Mapping[str, str]) -> Iterator[Finding]:
    name = registration.canvas_origin
    yield _reachable(sentence("key set of %(canvas)s", canvas=name), registration.key_set_url, _has_keys)
    yield _reachable(sentence("clock against %(canvas)s", canvas=name), str(name), _clock_agrees)
    if registration.oauth_client_id:
        variable = registration.oauth_client_secret_env or ""
        there = bool(environment.get(variable))
        yield Finding(
            sentence("API key of %(canvas)s", canvas=name),
            ok=there,
            words=sentence("secret found in %(variable)s", variable=variable)
            if there
            else sentence("put the secret into %(variable)s", variable=variable),
        )


def _reachable(check: Sentence, url: str, judge: Callable[[requests.Response], Sentence]) -> Finding:
    try:
        answer = requests.get(url, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        words = sentence("%(url)s cannot be reached (%(error)s)", url=url, error=type(error).__name__)
        return Finding(check, ok=False, words=words)
    trouble = judge(answer)
    return Finding(check, ok=not trouble, words=trouble or _as_told(url))


def _has_keys(answer: requests.Response) -> Sentence:
    try:
        keys = answer.json()["keys"]
    except (ValueError, KeyError, TypeError):
        return sentence(
            "%(url)s is no key set (status %(status)s)", url=answer.url, status=answer.status_code
        )
    return NOTHING if keys else sentence("%(url)s holds no keys", url=answer.url)


def _clock_agrees(answer: requests.Response) -> Sentence:
    date = answer.headers.get("Date")
    if date is None:
        return NOTHING
    apart = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    if apart < CLOCK_MAY_DIFFER_S:
        return NOTHING
    return sentence("clocks differ by %(seconds)s s; set this machine's clock (NTP)", seconds=round(apart))
