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

    check: str
    ok: bool
    words: str


def examine(settings: Settings, environment: Mapping[str, str]) -> tuple[Finding, ...]:
    """All findings, in the order of the chain. ``environment`` is where client secrets are looked up."""
    findings = [_secret_keys(settings), *_database(settings)]
    try:
        registrations = Registrations.from_config(
            settings.platforms, allow_http_loopback=settings.allow_http_loopback
        )
    except LtiConfigError as error:
        return (*findings, Finding("registrations", ok=False, words=str(error)))
    known = registrations.all()
    findings.append(
        Finding("registrations", ok=True, words=f"{len(known)} registered")
        if known
        else Finding(
            "registrations", ok=False, words="none; add `platforms` to config.json (docs/configuration.md)"
        )
    )
    for registration in known:
        findings += _platform(registration, environment)
    findings.append(
        Finding("public address", ok=True, words=settings.public_url)
        if settings.public_url.startswith("https://") or settings.allow_http_loopback
        else Finding("public address", ok=False, words=f"{settings.public_url} is not https; set public_url")
    )
    return tuple(findings)


def _secret_keys(settings: Settings) -> Finding:
    try:
        box = settings.secret_box
        sound = box.open(box.seal("x", bound_to="doctor"), bound_to="doctor") == "x"
    except (SettingsError, OSError) as error:
        return Finding("secret keys", ok=False, words=str(error))
    return Finding("secret keys", ok=sound, words="tokens can be sealed and opened")


def _database(settings: Settings) -> Iterator[Finding]:
    engine = make_engine(settings.database)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        found, newest = schema.current(engine)
    except SQLAlchemyError as error:
        yield Finding("database", ok=False, words=f"cannot be used: {str(error).splitlines()[0]}")
        return
    finally:
        engine.dispose()
    yield Finding("database", ok=True, words=engine.url.render_as_string(hide_password=True))
    if found == newest:
        yield Finding("schema", ok=True, words=f"at revision {found}")
    else:
        yield Finding(
            "schema", ok=False, words=f"at {found}, needed is {newest}; run: peer-allocator db upgrade"
        )


def _platform(registration: Registration, environment: Mapping[str, str]) -> Iterator[Finding]:
    name = registration.canvas_origin
    yield _reachable(f"key set of {name}", registration.key_set_url, _has_keys)
    yield _reachable(f"clock against {name}", str(name), _clock_agrees)
    if registration.oauth_client_id:
        variable = registration.oauth_client_secret_env or ""
        yield Finding(
            f"API key of {name}",
            ok=bool(environment.get(variable)),
            words=f"secret found in {variable}"
            if environment.get(variable)
            else f"put the secret into {variable}",
        )


def _reachable(check: str, url: str, judge: Callable[[requests.Response], str]) -> Finding:
    try:
        answer = requests.get(url, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        return Finding(check, ok=False, words=f"{url} cannot be reached ({type(error).__name__})")
    trouble = judge(answer)
    return Finding(check, ok=not trouble, words=trouble or url)


def _has_keys(answer: requests.Response) -> str:
    try:
        keys = answer.json()["keys"]
    except (ValueError, KeyError, TypeError):
        return f"{answer.url} is no key set (status {answer.status_code})"
    return "" if keys else f"{answer.url} holds no keys"


def _clock_agrees(answer: requests.Response) -> str:
    date = answer.headers.get("Date")
    if date is None:
        return ""
    apart = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    return (
        ""
        if apart < CLOCK_MAY_DIFFER_S
        else f"clocks differ by {apart:.0f} s; set this machine's clock (NTP)"
    )
