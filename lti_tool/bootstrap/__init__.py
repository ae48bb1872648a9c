"""The composition root: the one place that builds the object graph.

``application`` makes everything that commands, pages and workers share; ``pages`` and ``processes`` put a
Flask application, a doctor or a worker on top of it.
"""

from __future__ import annotations

from lti_tool.bootstrap.application import Application, build_application, now
from lti_tool.bootstrap.pages import build_doctor, build_web, examine, tool_keys
from lti_tool.bootstrap.processes import (
    build_worker,
    open_application,
    serve_forever,
    start_application,
    upgrade_database,
    work_forever,
)

__all__ = [
    "Application",
    "build_application",
    "build_doctor",
    "build_web",
    "build_worker",
    "examine",
    "now",
    "open_application",
    "serve_forever",
    "start_application",
    "tool_keys",
    "upgrade_database",
    "work_forever",
]
