"""Logs: one line an event on standard error, fields as JSON, never bodies, tokens or names of people.

The libraries that log secrets at DEBUG (oauthlib, requests_oauthlib, urllib3) stay at INFO whatever level is
asked for.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

Level = Literal["debug", "info", "warning", "error"]
TALKATIVE = ("oauthlib", "requests_oauthlib", "urllib3", "huey", "waitress")


def configure_logs(level: Level) -> None:
    """Send structlog and the standard library's loggers to standard error, from ``level`` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(
        stream=sys.stderr,
        level=number,
        format='{"level": "%(levelname)s", "logger": "%(name)s", "event": "%(message)s"}',
        force=True,
    )
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.INFO))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
