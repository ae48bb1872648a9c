"""Logs: one JSON object a line on standard error, never bodies, tokens or names of people.

Ids that are bound while a request or a run is worked on (``request``, ``launch``, ``run``) are on each of its
lines, whichever thread wrote it. The libraries that log secrets at DEBUG never get that far, whatever level
is asked for; what looks like a secret all the same is blackened at the very end.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from typing import Any, Literal

import structlog
from structlog.tracebacks import ExceptionDictTransformer

Level = Literal["debug", "info", "warning", "error"]
TALKATIVE = ("oauthlib", "requests_oauthlib", "urllib3", "huey", "waitress", "sqlalchemy", "flask-limiter")
"""Stay at INFO when everything else is at DEBUG."""
SPILLING = ("oauthlib", "requests_oauthlib", "sqlalchemy")
"""At DEBUG they write tokens and rows; those records go nowhere, even if somebody turns the loggers up."""

_NAMED = (
    "access_token|refresh_token|id_token|client_secret|client_assertion|code_verifier|registration_token|"
    "secret_keys?|password|ticket|nonce|state|code"
)
_SECRETS = (
    re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]{8,}"),
    re.compile(rf"(?i)(\b(?:{_NAMED})=)[^\s&\"'\\]{{6,}}"),
    re.compile(rf"(?i)((?:\\?[\"'])(?:{_NAMED})(?:\\?[\"'])\s*[:,]\s*(?:\\?[\"']))[^\"'\\]{{6,}}"),
    re.compile(r"()\b\d{1,6}~[A-Za-z0-9]{16,}"),  # a token of Canvas
)

_MAY_HOLD_TOKEN = re.compile(r"[\w.-]{16,}")
"""Whole runs, each read once: an expression for the token itself starts again at each ``eyJ`` of a run."""
_TOKEN_BEGINS = re.compile(r"(?<!\w)eyJ[\w-]{8}")


def _without_token(run: re.Match[str]) -> str:
    """The run up to a JSON Web Token: three parts between points."""
    begins = _TOKEN_BEGINS.search(run[0])
    if begins is None or run[0].count(".", begins.end()) < 2:
        return run[0]
    return run[0][: begins.start()] + "[removed]"


def configure_logs(level: Level) -> None:
    """Send structlog and the standard library's loggers to standard error, from ``level`` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    before: Sequence[Any] = (
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    after: Sequence[Any] = (
        # Without the values of local variables: those are tokens, and people.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        structlog.processors.JSONRenderer(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_says_nothing_secret)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after, _blacken],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.INFO))
    structlog.configure(
        processors=[*before, *after, _blacken],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def blackened(text: str) -> str:
    """The text without what looks like a token, a code or a password."""
    for pattern in _SECRETS:
        text = pattern.sub(r"\1[removed]", text)
    return _MAY_HOLD_TOKEN.sub(_without_token, text)


def _blacken(_logger: Any, _method: str, rendered: Any) -> str:
    return blackened(str(rendered))


def _says_nothing_secret(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.INFO or record.name.partition(".")[0] not in SPILLING
