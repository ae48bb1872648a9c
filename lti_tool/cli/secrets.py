"""``secrets`` and ``keys``: rotating what seals stored secrets, and what the tool signs with."""

from __future__ import annotations

import click

from lti_tool.cli.output import DONE, WITH_ISSUES, explains_errors, format_option, print_json


@click.group()
def secrets() -> None:
    """The keys that seal tokens and other secrets in the database."""


@secrets.command("rotate")
@format_option
@click.pass_context
@explains_errors
def rotate_secrets(context: click.Context, format_: str) -> None:
    """Make a new key and seal everything with it, while pages and workers go on.

    With keys from the environment (PEER_ALLOCATOR_SECRET_KEYS) no key is made: everything is sealed with the
    first of them. docs/operations.md says how to change them without an interruption.
    """
    from lti_tool.bootstrap import open_application
    from lti_tool.services.audit import Event
    from lti_tool.services.secret_keys import reseal_with_newest, rotate_file

    with open_application() as application:
        settings, database = application.settings, application.database
        if settings.secret_keys:
            done = reseal_with_newest(database, settings.secret_box)
        else:
            done = rotate_file(database, settings.key_file, settings.secret_box)
        application.audit.record(Event.KEYS_ROTATED, object_=done.key_id, detail="secrets rotate")
    if format_ == "json":
        print_json(
            {
                "key": done.key_id,
                "resealed": done.resealed,
                "unreadable": done.unreadable,
                "dropped": list(done.dropped),
            }
        )
    else:
        click.echo(f"Sealed anew with key {done.key_id}: {done.resealed}.")
        if done.dropped:
            click.echo(f"No longer needed and dropped: {', '.join(done.dropped)}.")
        if done.unreadable:
            click.echo(
                f"{done.unreadable} could not be opened, because their key is lost; "
                "the people they belong to connect again.",
                err=True,
            )
    context.exit(WITH_ISSUES if done.unreadable else DONE)


@secrets.command("new-key")
def new_secret_key() -> None:
    """Print a fresh key for PEER_ALLOCATOR_SECRET_KEYS or the key file."""
    from lti_tool.persistence.encryption import new_key

    click.echo(new_key())


@click.group()
def keys() -> None:
    """The RSA keys that the tool signs with and publishes at /lti/jwks.json."""


@keys.command("rotate")
@explains_errors
def rotate_keys() -> None:
    """Make a new key. The old ones stay published for 14 days, and sign for another half hour."""
    from lti_tool.bootstrap import open_application, tool_keys
    from lti_tool.services.audit import Event

    with open_application() as application:
        made = tool_keys(application).rotate()
        application.audit.record(Event.KEYS_ROTATED, object_=made, detail="keys rotate")
    click.echo(f"The new key is {made}.")
