"""A Flask application and a doctor on top of what is shared."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from allocation.sentences import sentence
from lti_tool.bootstrap.application import Application, build_application, now
from lti_tool.planning.ids import CanvasOrigin, UserId
from lti_tool.services.actor import Actor
from lti_tool.services.audit import Event
from lti_tool.services.open_sessions import Whose
from lti_tool.services.registrations import KnownRegistrations
from lti_tool.settings import Settings, SettingsError

if TYPE_CHECKING:
    from flask import Flask

    from lti_tool.lti.context import LaunchContext
    from lti_tool.lti.keys import ToolKeys
    from lti_tool.lti.sessions import Sessions
    from lti_tool.services.doctor import Doctor, Finding
    from lti_tool.services.vitals import Vitals
    from lti_tool.web.limits import Kind


log = structlog.get_logger(__name__)


def _still_registered(
    context: LaunchContext | None, registrations: KnownRegistrations
) -> LaunchContext | None:
    """A session ends with the registration that it came from, and with the address of Canvas around it."""
    if context is None:
        return None
    found = registrations.find(context.issuer, context.client_id)
    return context if found is not None and context.platform_origin in found.platform_origins else None


@dataclass(frozen=True)
class _SessionEnds:
    """Log out, and Disconnect."""

    application: Application
    sessions: Sessions
    session: Callable[[str], LaunchContext | None]

    def this(self, token: str) -> None:
        """End the session of this token."""
        launched = self.session(token)
        self.sessions.close(token)
        if launched is not None:
            self.application.audit.record(
                Event.LOGGED_OUT,
                canvas=launched.canvas_origin,
                course=launched.place,
                user=launched.user_id or launched.lti_user_id,
                real_user=launched.masquerader,
            )

    def all_of(self, actor: Actor) -> None:
        """End all sessions of a person, wherever they are open."""
        if actor.user_id:
            self.application.sessions.end(Whose(canvas=actor.canvas, user=actor.user_id))


def vitals(application: Application) -> Vitals:
    """How this installation stands."""
    from lti_tool.jobs.queue import queue_errors
    from lti_tool.services.vitals import Vitals

    return Vitals(application.database, application.journal, application.queue.pending_count, queue_errors)


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
    from lti_tool.lti.errors import LaunchRefused
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

    identities = application.identities

    def session(token: str) -> LaunchContext | None:
        found = _still_registered(sessions.authenticate(token), registrations)
        try:
            return None if found is None else identities.completed(found)
        except LaunchRefused as refused:  # begun with a lie that has come to light meanwhile
            log.warning("session_refused", refusal=refused.refusal.value, detail=refused.detail)
            return None

    audit = application.audit

    def arrived(context: LaunchContext) -> LaunchContext:
        """A launch: ask Canvas for rights again, and record who opened the tool and as whom."""
        registrations.launched(context.issuer, context.client_id)
        try:
            found = identities.arrived(context)
        except LaunchRefused as refused:
            audit.record(
                Event.LAUNCH_REFUSED,
                canvas=context.canvas_origin,
                course=context.place,
                user=context.lti_user_id,
                object_=context.launch_id,
                detail=refused.detail,
            )
            raise
        if found.course_id:
            application.own_columns.remember(found)
        application.rights.forget(CanvasOrigin(found.canvas_origin), UserId(found.user_id))
        audit.record(
            Event.LAUNCHED,
            canvas=found.canvas_origin,
            course=found.place,
            user=found.user_id or found.lti_user_id,
            real_user=found.masquerader,
            object_=found.launch_id,
        )
        return found

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
        application.sessions,
        audit,
        take_place=application.places.take,
    )
    return create_web(
        application.use_cases,
        session,
        [
            launch_blueprint(launching, sessions, tool_keys(application), arrived),
            register_blueprint(registering),
            machines_blueprint(vitals(application), settings.metrics_token),
        ],
        WebSettings(
            settings.public_url,
            registrations.origins,
            trusted_proxies=settings.trusted_proxies,
            rate_limits=_rate_limits(settings),
            rate_limit_storage=settings.rate_limit_storage,
            page_scope=application.places.page,
        ),
        administration,
        _SessionEnds(application, sessions, session),
        audit,
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
