"""Settings: ``config.json`` for what is not secret, the environment for the rest; all mistakes at once.

Every field can be given in the file that ``PEER_ALLOCATOR_CONFIG`` names, or as an environment variable
with the prefix ``PEER_ALLOCATOR_``; the environment wins. docs/configuration.md lists them all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lti_tool.logs import Level
from lti_tool.outgoing import Reach
from lti_tool.persistence.encryption import FileSecretBox, KeyFile, SecretBox

CONFIG_VARIABLE = "PEER_ALLOCATOR_CONFIG"


class SettingsError(ValueError):
    """The settings cannot be used; the text lists every mistake, one a line."""


class Settings(BaseSettings):
    """Everything that an operator can choose."""

    model_config = SettingsConfigDict(env_prefix="PEER_ALLOCATOR_", extra="forbid", frozen=True)

    instance: Path = Field(
        default=Path("instance"), description="Folder of the default database, queue and key file"
    )
    database_url: str = Field(
        default="", description="SQLAlchemy URL; default: allocator.sqlite3 in the instance folder"
    )
    queue_url: str = Field(default="", description="Queue URL; default: queue.sqlite3 in the instance folder")
    public_url: str = Field(
        default="http://127.0.0.1:8080", description="Address of this tool as browsers and Canvas see it"
    )
    listen_host: str = Field(default="127.0.0.1", description="Address that `serve` binds to")
    listen_port: int = Field(default=8080, ge=0, le=65535, description="Port that `serve` binds to")
    allow_http_loopback: bool = Field(
        default=False, description="Accept plain http for loopback addresses (demo and tests)"
    )
    allowed_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Networks that are not public and that platforms may be in all the same, such as "
        "10.1.0.0/16, separated by commas",
    )
    secret_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Keys that seal secrets at rest, newest first, separated by commas; "
        "default: those in secret_key_file",
    )
    secret_key_file: Path | None = Field(
        default=None,
        description="Keys, one a line, newest first; watched, so that a rotation needs no restart; "
        "default: secret.key in the instance folder, made at the first start",
    )
    platforms: dict[str, Any] = Field(
        default_factory=dict, description="Registered platforms, in PyLTI1p3's form (config.json only)"
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=5,
        description="Proxies before this tool whose X-Forwarded-For is believed; 0: browsers come directly",
    )
    launches_per_minute: int = Field(
        default=60, ge=0, description="Logins, and launches, from one network address; 0: no limit"
    )
    previews_per_minute: int = Field(default=12, ge=0, description="Plans made by one person; 0: no limit")
    imports_per_minute: int = Field(default=10, ge=0, description="Files read in by one person; 0: no limit")
    registrations_per_hour: int = Field(
        default=20, ge=0, description="Dynamic registrations from one network address; 0: no limit"
    )
    rate_limit_storage: str = Field(
        default="memory://",
        description="Where requests are counted: memory:// (each process for itself) or the URL of a Redis",
    )
    page_threads: int = Field(
        default=32,
        ge=8,
        le=256,
        description="Threads of `serve`; pages that wait for one Canvas take at most half of them",
    )
    log_level: Level = Field(default="warning", description="Least important events that are logged")
    worker_threads: int = Field(default=4, ge=1, le=64, description="Runs that one worker drives at once")
    settle_seconds: float = Field(
        default=90.0, ge=0, description="How long an unanswered write is left alone before it is read back"
    )
    plan_max_age_hours: float = Field(default=24.0, gt=0, description="A plan older than this is not applied")
    snapshot_planning_minutes: float = Field(
        default=10.0, gt=0, description="A plan rests on data from Canvas that is no older than this"
    )
    snapshot_looking_minutes: float = Field(
        default=60.0, gt=0, description="Pages show data from Canvas that is no older than this"
    )
    session_idle_hours: float = Field(default=8.0, gt=0, description="A session ends after this much silence")
    session_hours: float = Field(default=24.0, gt=0, description="A session ends at the latest after this")
    rights_seconds: float = Field(
        default=90.0,
        gt=0,
        le=600,
        description="Canvas is asked again after this whether a person may still see the course, and whom",
    )

    metrics_token: str = Field(
        default="", repr=False, description="Bearer token for /metrics; without it there is no such address"
    )
    worker_metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port on loopback for a worker's own metrics; 0: none"
    )
    keep_plans_days: int = Field(
        default=180, ge=1, description="Plans, finished runs, reminders and credits are erased after this"
    )
    keep_snapshots_days: int = Field(
        default=30, ge=1, description="Readings of Canvas that no plan rests on are erased after this"
    )
    keep_tokens_days: int = Field(
        default=60, ge=1, description="Canvas tokens that nobody used for so long are erased"
    )
    keep_rules_days: int = Field(
        default=730, ge=1, description="Saved rules and settings of assignments are erased after this"
    )

    keep_audit_days: int = Field(
        default=730, ge=30, description="Lines of the audit trail are erased after this"
    )

    _file: ClassVar[Mapping[str, Any]] = {}

    @field_validator("secret_keys", "allowed_networks", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("allowed_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Reach.of(value, plain_loopback=False)
        return value

    @field_validator("public_url")
    @classmethod
    def _bare_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.path.strip("/")
            or parts.query
        ):
            raise ValueError("must be scheme, host and perhaps port, such as https://reviews.example.edu")
        return value.rstrip("/")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - signature of the library
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - signature of the library
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, dict(cls._file))

    @field_validator("rate_limit_storage")
    @classmethod
    def _countable(cls, value: str) -> str:
        if urlsplit(value).scheme not in ("memory", "redis", "rediss"):
            raise ValueError(
                "must be memory:// or the URL of a Redis, such as redis://queue.example.edu:6379/1"
            )
        return value

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.instance.resolve() / 'allocator.sqlite3'}"

    @property
    def queue(self) -> str:
        """The queue URL in force."""
        return self.queue_url or f"sqlite:///{self.instance.resolve() / 'queue.sqlite3'}"

    @cached_property
    def reach(self) -> Reach:
        """Which addresses the tool may speak to."""
        return Reach.of(self.allowed_networks, plain_loopback=self.allow_http_loopback)

    @cached_property
    def secret_box(self) -> SecretBox:
        """Opens and seals stored secrets; makes the key file at the first start.

        Raises:
            SettingsError: a key is unusable.
        """
        try:
            if self.secret_keys:
                return SecretBox(self.secret_keys)
            self.key_file.make_if_missing()
            return FileSecretBox(self.key_file)
        except (ValueError, OSError) as error:
            where = "PEER_ALLOCATOR_SECRET_KEYS" if self.secret_keys else self.key_file.path
            raise SettingsError(f"{where}: {error}") from error

    @property
    def key_file(self) -> KeyFile:
        """Where keys are kept that the environment does not give."""
        return KeyFile(self.secret_key_file or self.instance / "secret.key")


def load_settings(**overrides: Any) -> Settings:
    """Read the file (if ``PEER_ALLOCATOR_CONFIG`` names one) and the environment.

    Raises:
        SettingsError: with every mistake, one a line.
    """
    content = _read_file(os.environ.get(CONFIG_VARIABLE))

    class FromFile(Settings):
        _file: ClassVar[Mapping[str, Any]] = content

    try:
        return FromFile(**overrides)
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise SettingsError("These settings cannot be used:\n" + "\n".join(lines)) from None


def _read_file(path: str | None) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold one JSON object")
    return {key: value for key, value in content.items() if not key.startswith("_")}
