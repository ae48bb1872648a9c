"""Pages of the simulated Canvas: for people who play with it, and for browsers on their way through a
launch or OAuth.

Everything here renders HTML or redirects; what the pages do is done by `state`, `platform` and `oauth`.
"""

from __future__ import annotations

from flask import Flask

from lti_tool.simulator.pages import (
    assignments,
    backstage,
    courses,
    developer_keys,
    grade_services,
    home,
    launch,
    oauth,
    visitor,
)


def register_pages(app: Flask) -> None:
    """Hang every page into the app."""
    for module in (
        visitor,
        home,
        courses,
        assignments,
        launch,
        grade_services,
        oauth,
        developer_keys,
        backstage,
    ):
        app.register_blueprint(module.blueprint)
    visitor.prepare_templates(app)
