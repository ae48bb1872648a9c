"""All registrations, those of config.json and those of the database, as one book that is read anew each time.

Whatever one process stores, the others see with their next look: nothing is kept in memory but the file. The
file wins where both know the same key. The API key of a Canvas is found here too, from either place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from allocation.sentences import N_
from lti_tool.canvas.oauth import OAuthKey
from lti_tool.lti.registration import (
    Registration,
    Registrations,
    origin_of,
    read_origin,
    read_registration,
    without_client_id,
)
from lti_tool.persistence.encryption import SealedTextError
from lti_tool.persistence.registrations import AlreadyRegistered, RegistrationRows, StoredRegistration
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.services.audit import Audit, Event
from lti_tool.services.errors import ServiceError

LONGEST_ID, LONGEST_SECRET = 255, 1024

log = structlog.get_logger(__name__)


class RegistrationRefused(ServiceError):
    """A registration cannot be made, changed or removed like this."""


class KnownRegistrations:
    """Implements ``lti_tool.lti.registration.RegistrationBook``, and keeps the book.

    Args:
        configured: what config.json says.
        environment: where the API secrets of config.json are looked up.
    """

    def __init__(
        self,
        configured: Registrations,
        rows: RegistrationRows,
        environment: Mapping[str, str],
        now: Callable[[], datetime],
        audit: Audit,
        *,
        allow_http_loopback: bool,
    ) -> None:
        self._configured = configured
        self._rows = rows
        self._environment = environment
        self._now = now
        self._audit = audit
        self._allow_http_loopback = allow_http_loopback

    def all(self) -> tuple[Registration, ...]:
        """Every registration: the file's, then the others from the oldest on."""
        known = self._configured.all()
        keys = {(one.issuer, one.client_id) for one in known}
        stored = (_registration(row) for row in self._rows.all())
        return known + tuple(one for one in stored if (one.issuer, one.client_id) not in keys)

    def configured(self) -> tuple[Registration, ...]:
        """Those of the file alone, which need no database."""
        return self._configured.all()

    def find(self, issuer: str, client_id: str | None) -> Registration | None:
        """The registration of (issuer, client id), or the one that answers for the issuer without it."""
        if client_id is None:
            return without_client_id([one for one in self.all() if one.issuer == issuer])
        found = self._configured.find(issuer, client_id)
        if found is not None:
            return found
        row = self._rows.find(issuer, client_id)
        return None if row is None else _registration(row)

    def is_configured(self, registration: Registration) -> bool:
        """Whether config.json holds it, so that only an editor can change it."""
        return self._configured.find(registration.issuer, registration.client_id) is not None

    def origins(self) -> tuple[str, ...]:
        """Every Canvas whose pages may frame the tool."""
        configured = (origin for one in self._configured.all() for origin in one.platform_origins)
        return tuple(dict.fromkeys((*configured, *self._rows.origins())))

    def adopt(self, registration: Registration, deployment_id: str) -> None:
        """Remember a deployment that was met in a good launch."""
        self._rows.adopt(registration.issuer, registration.client_id, deployment_id, self._now())
        log.info("deployment adopted", issuer=registration.issuer, client_id=registration.client_id)

    def launched(self, issuer: str, client_id: str) -> None:
        """Remember that a launch from a course came in."""
        self._rows.launched(issuer, client_id, self._now())

    def launched_at(self, registration: Registration) -> datetime | None:
        """When the last launch came in, to the hour."""
        return self._rows.launched_at(registration.issuer, registration.client_id)

    def add_alias(self, issuer: str, client_id: str, address: str) -> Registration:
        """Add another address of a registration's Canvas.

        Raises:
            RegistrationRefused: no such registration, it stands in config.json, or the address can't be used.
        """
        registration = self._stored(issuer, client_id)
        origin, mistakes = read_origin(address, self._allow_http_loopback)
        if origin is None:
            raise RegistrationRefused(
                N_("%(address)s can't be used: %(mistakes)s. Nothing was stored."),
                address=address[:100],
                mistakes=mistakes,
            )
        taken = next((one for one in self.all() if origin in one.platform_origins), None)
        if taken is not None and taken.canvas_origin != registration.canvas_origin:
            raise RegistrationRefused(
                N_("%(address)s already belongs to %(canvas)s. Nothing was stored."),
                address=origin,
                canvas=taken.canvas_origin,
            )
        if origin not in registration.platform_origins:
            self._rows.add_alias(issuer, client_id, origin)
            self._audit.record(Event.REGISTRATION_CHANGED, object_=client_id, detail=f"alias added: {origin}")
            log.info("canvas_alias_added", issuer=issuer, client_id=client_id, alias=origin)
        return self._stored(issuer, client_id)

    def remove_alias(self, issuer: str, client_id: str, address: str) -> None:
        """Forget another address; sessions that were opened there end.

        Raises:
            RegistrationRefused: there is none.
        """
        self._stored(issuer, client_id)
        origin, _ = read_origin(address, self._allow_http_loopback)
        if origin is None or not self._rows.remove_alias(issuer, client_id, origin):
            raise RegistrationRefused(
                N_("%(address)s isn't another address of this registration."), address=address[:100]
            )
        self._audit.record(Event.REGISTRATION_CHANGED, object_=client_id, detail=f"alias removed: {origin}")
        log.info("canvas_alias_removed", issuer=issuer, client_id=client_id, alias=origin)

    def _stored(self, issuer: str, client_id: str) -> Registration:
        if self._configured.find(issuer, client_id) is not None:
            raise RegistrationRefused(
                N_("This registration is in config.json; change canvas_aliases there and restart the tool.")
            )
        row = self._rows.find(issuer, client_id)
        if row is None:
            raise RegistrationRefused(
                N_("There is no registration of %(issuer)s with client id %(client_id)s."),
                issuer=issuer,
                client_id=client_id,
            )
        return _registration(row)

    def add(self, fields: Mapping[str, Any], *, by: str) -> Registration:
        """Store a registration; ``fields`` are named as config.json names them, with ``issuer``.

        Raises:
            RegistrationRefused: something in it is wrong, or its key is registered already.
        """
        rest = dict(fields)
        issuer = str(rest.pop("issuer", ""))
        registration, mistakes = read_registration(issuer, rest, self._allow_http_loopback)
        mistakes += _too_long(fields)
        if registration is None or mistakes:
            raise RegistrationRefused(
                N_("This registration cannot be used, nothing was stored: %(mistakes)s"),
                mistakes="; ".join(mistake.lstrip(".: ") for mistake in mistakes),
            )
        self.refuse_known(registration.issuer, registration.client_id)
        try:
            self._rows.add(_row(registration, self._now(), by))
        except AlreadyRegistered:  # by somebody else, a moment ago
            self.refuse_known(registration.issuer, registration.client_id)
        self._audit.record(
            Event.REGISTRATION_ADDED, canvas=registration.canvas, object_=registration.client_id
        )
        log.info("platform registered", issuer=issuer, client_id=registration.client_id, by=by)
        return registration

    def refuse_known(self, issuer: str, client_id: str) -> None:
        """Raises RegistrationRefused when this key is registered."""
        if self.find(issuer, client_id) is not None:
            raise RegistrationRefused(
                N_(
                    "%(issuer)s with client id %(client_id)s is registered already. "
                    "Remove that registration first if this one is to take its place."
                ),
                issuer=issuer,
                client_id=client_id,
            )

    def remove(self, issuer: str, client_id: str) -> None:
        """Forget a registration: its launches are refused from now on, and its sessions end.

        Raises:
            RegistrationRefused: it stands in config.json, or there is none.
        """
        if self._configured.find(issuer, client_id) is not None:
            raise RegistrationRefused(
                N_("This registration stands in config.json; take it out there and restart the tool.")
            )
        if not self._rows.remove(issuer, client_id):
            raise RegistrationRefused(
                N_("There is no registration of %(issuer)s with client id %(client_id)s."),
                issuer=issuer,
                client_id=client_id,
            )
        self._audit.record(Event.REGISTRATION_REMOVED, object_=client_id, detail=issuer)
        log.info("registration removed", issuer=issuer, client_id=client_id)

    def api_key(self, canvas: CanvasOrigin) -> OAuthKey | None:
        """The API key of a Canvas; None where there is none that can be used."""
        for one in self._configured.all():
            if one.canvas == canvas and one.oauth_client_id:
                return OAuthKey(
                    one.oauth_client_id, self._environment.get(one.oauth_client_secret_env or "", "")
                )
        try:
            stored = self._rows.api_key(canvas)
        except SealedTextError as error:
            log.error("api_key_does_not_open", canvas=canvas, reason=str(error))
            return None
        return None if stored is None else OAuthKey(stored.client_id, stored.secret)

    def store_api_key(self, canvas: CanvasOrigin, client_id: str, secret: str) -> None:
        """Keep the API key of a registered Canvas, sealed; an earlier one is forgotten.

        Raises:
            RegistrationRefused: it is none, or config.json names the key of this Canvas.
        """
        if any(one.canvas == canvas and one.oauth_client_id for one in self._configured.all()):
            raise RegistrationRefused(
                N_("The API key of %(canvas)s stands in config.json; change it there."), canvas=canvas
            )
        client_id, secret = client_id.strip(), secret.strip()
        if not _plain(client_id, LONGEST_ID) or not _plain(secret, LONGEST_SECRET):
            raise RegistrationRefused(
                N_(
                    "Id and key must be copied as Canvas shows them: "
                    "letters, digits and signs without spaces. Nothing was stored."
                )
            )
        self._rows.put_api_key(canvas, client_id, secret, self._now())
        self._audit.record(Event.API_KEY_STORED, canvas=canvas, object_=client_id)
        log.info("api key stored", canvas=canvas, client_id=client_id)


def _plain(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isascii() and text.isprintable() and " " not in text


def _too_long(fields: Mapping[str, Any]) -> list[str]:
    """What would not fit into its column, or is not meant to be stored."""
    ids = (*fields.get("deployment_ids", ()), fields.get("client_id"), fields.get("issuer"))
    too_long = (one for one in ids if isinstance(one, str) and len(one) > LONGEST_ID)
    return [f"{json.dumps(one[:30])} is too long" for one in too_long]


def _row(registration: Registration, now: datetime, by: str) -> StoredRegistration:
    return StoredRegistration(
        issuer=registration.issuer,
        client_id=registration.client_id,
        auth_login_url=registration.auth_login_url,
        auth_token_url=registration.auth_token_url,
        key_set_url=registration.key_set_url,
        canvas_origin=registration.canvas_origin,
        account_name=registration.account_name,
        adopts_deployments=registration.adopts_deployments,
        deployment_ids=registration.deployment_ids,
        canvas_aliases=registration.canvas_aliases,
        created_at=now,
        created_by=by,
    )


def _registration(row: StoredRegistration) -> Registration:
    """A row was checked when it was stored; what the settings allow may have become narrower since, and the
    address guard judges at each connection."""
    return Registration.model_construct(
        issuer=row.issuer,
        client_id=row.client_id,
        auth_login_url=row.auth_login_url,
        auth_token_url=row.auth_token_url,
        key_set_url=row.key_set_url,
        canvas_origin=origin_of(row.canvas_origin),
        account_name=row.account_name,
        adopts_deployments=row.adopts_deployments,
        deployment_ids=row.deployment_ids,
        canvas_aliases=row.canvas_aliases,
    )
