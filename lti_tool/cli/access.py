"""``connect``: a personal access token for one Canvas, kept encrypted."""

from __future__ import annotations

import os

import click

from lti_tool.cli.output import explains_errors, format_option, print_json, refuse


@click.command()
@click.option("--canvas", required=True, metavar="URL", help="Address of the Canvas.")
@click.option("--token-env", required=True, metavar="NAME", help="Environment variable that holds the token.")
@format_option
@explains_errors
def connect(canvas: str, token_env: str, format_: str) -> None:
    """Store a personal access token (made in Canvas under Account, Settings) for that Canvas.

    The token is read from an environment variable, so that it shows neither in the shell's history nor in
    the list of processes; it is checked against Canvas and stored encrypted.
    """
    from lti_tool.bootstrap import open_application

    token = os.environ.get(token_env, "").strip()
    if not token:
        refuse(f"the environment variable {token_env} is empty; put the access token into it")
    with open_application() as application:
        origin = application.origin(canvas)
        user = application.connecting.connect_with_personal_token(origin, token)
    if format_ == "json":
        print_json({"canvas": origin, "user": user})
    else:
        click.echo(f"Connected to {origin} as user {user}.")
