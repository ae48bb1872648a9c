"""WSGI entry: any WSGI server can call ``app:create_app``; ``python app.py`` is the command line."""

from __future__ import annotations

from flask import Flask

from lti_tool.bootstrap import build_web, start_application


def create_app() -> Flask:
    """The tool's pages and LTI endpoints, with settings from config.json and the environment."""
    return build_web(start_application())


if __name__ == "__main__":
    from lti_tool.cli import main

    main()
