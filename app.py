"""WSGI entry: any WSGI server can call ``app:create_app``; ``python app.py`` is the command line."""

from __future__ import annotations

from flask import Flask

from lti_tool.bootstrap import build_application, build_web
from lti_tool.settings import load_settings


def create_app() -> Flask:
    """The tool's pages and LTI endpoints, with settings from config.json and the environment."""
    return build_web(build_application(load_settings()))


if __name__ == "__main__":
    from lti_tool.cli import main

    main()
