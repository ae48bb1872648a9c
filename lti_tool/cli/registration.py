"""``registration``: platforms that are registered while the tool runs; invitations for their administrators.

Secrets come from standard input or from an environment variable, never from the arguments: those show in the
list of processes and in the shell's history.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from lti_tool.cli.output import explains_errors, format_option, print_json, refuse

if TYPE_CHECKING:
    from lti_tool.bootstrap import Application
    from lti_tool.lti.registration import Registration

_issuer = click.option("--issuer", required=True, metavar="URL", help="Issuer (iss) of the platform.")
_client_id = click.option("--client-id", required=True, metavar="ID", help="Client id of the LTI key.")
_secret_env = click.option(
    "--oauth-secret-env",
    metavar="NAME",
    default=None,
    help="Environment variable that holds the API key's secret; without it, standard input.",
)


@click.group()
def registration() -> None:
    """Platforms that may launch the tool. Running processes see changes at once."""


@registration.command()
@_issuer
@_client_id
@click.option("--canvas", required=True, metavar="URL", help="The institution's own Canvas.")
@click.option(
    "--alias",
    "aliases",
    multiple=True,
    metavar="URL",
    help="Another address of that Canvas; repeatable.",
)
@click.option(
    "--deployment-id",
    "deployments",
    multiple=True,
    metavar="ID",
    help="A deployment whose launches are accepted; repeatable. Without any, every deployment of the key.",
)
@click.option("--auth-url", default=None, metavar="URL", help="Authorisation; known for hosted Canvas.")
@click.option("--token-url", default=None, metavar="URL", help="Token address; known for hosted Canvas.")
@click.option("--jwks-url", default=None, metavar="URL", help="Key set address; known for hosted Canvas.")
@click.option("--oauth-client-id", default=None, metavar="ID", help="Id of the API key, if there is one yet.")
@_secret_env
@format_option
@explains_errors
def add(
    issuer: str,
    client_id: str,
    canvas: str,
    aliases: tuple[str, ...],
    deployments: tuple[str, ...],
    auth_url: str | None,
    token_url: str | None,
    jwks_url: str | None,
    oauth_client_id: str | None,
    oauth_secret_env: str | None,
    format_: str,
) -> None:
    """Register a platform by hand."""
    from lti_tool.bootstrap import open_application
    from lti_tool.lti.environments import addresses

    given = {"auth_login_url": auth_url, "auth_token_url": token_url, "key_set_url": jwks_url}
    places = addresses(issuer, canvas) | {name: url for name, url in given.items() if url}
    missing = [option for option, name in _ADDRESS_OPTIONS.items() if name not in places]
    if missing:
        refuse(f"{issuer} is not a hosted Canvas, whose addresses are known; give {', '.join(missing)}")
    secret = _secret(oauth_secret_env) if oauth_client_id else ""
    with open_application() as application:
        made = application.registrations.add(
            {
                "issuer": issuer,
                "client_id": client_id,
                "canvas_origin": canvas,
                "canvas_aliases": aliases,
                "deployment_ids": deployments,
                "adopts_deployments": not deployments,
                **places,
            },
            by="command line",
        )
        if oauth_client_id:
            application.registrations.store_api_key(made.canvas, oauth_client_id, secret)
        shown = _as_json(application, made)
    if format_ == "json":
        print_json(shown)
    else:
        click.echo(f"Registered {made.issuer}, client id {made.client_id}, for {made.canvas}.")
        click.echo("Check it with: peer-allocator doctor")


_ADDRESS_OPTIONS = {
    "--auth-url": "auth_login_url",
    "--token-url": "auth_token_url",
    "--jwks-url": "key_set_url",
}


@registration.command("list")
@format_option
@explains_errors
def list_(format_: str) -> None:
    """List all registrations, those of config.json too."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        rows = [_as_json(application, one) for one in application.registrations.all()]
    if format_ == "json":
        print_json(rows)
        return
    for row in rows:
        deployments = (
            "any deployment" if row["adopts_deployments"] else f"{len(row['deployment_ids'])} deployments"
        )
        key = f"API key {row['oauth_client_id']}" if row["oauth_client_id"] else "no API key yet"
        click.echo(f"{row['canvas']}: {row['issuer']}, client id {row['client_id']} ({row['kept_in']})")
        click.echo(f"    {deployments}; {key}")
        if row["canvas_aliases"]:
            click.echo(f"    also known as {', '.join(row['canvas_aliases'])}")
    if not rows:
        click.echo("No platform is registered. Begin with: peer-allocator registration invite")


@registration.command()
@_issuer
@_client_id
@click.option("--yes", is_flag=True, help="Don't ask.")
@explains_errors
def remove(issuer: str, client_id: str, yes: bool) -> None:
    """Forget a platform: its launches are refused and its sessions end at once. Plans and runs stay."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        known = application.registrations.find(issuer, client_id)
        if known is not None and not yes:
            others = [one for one in application.registrations.all() if one.canvas == known.canvas]
            connected = len(application.tokens.users_of(known.canvas))
            click.echo(f"This erases the registration of {known.canvas} and its setup addresses.")
            if len(others) == 1 and application.registrations.api_key(known.canvas) is not None:
                click.echo("It also erases the API key of this Canvas, which can't be shown again.")
                click.echo(f"The Canvas access of {connected} people stops working then.")
            click.confirm("Erase it?", abort=True)
        application.registrations.remove(issuer, client_id)
    click.echo(f"Removed {issuer}, client id {client_id}.")


@registration.group()
def alias() -> None:
    """Other addresses of a registered Canvas, such as school.instructure.com beside its own domain."""


_address = click.option("--address", required=True, metavar="URL", help="The other address of that Canvas.")


@alias.command("add")
@_issuer
@_client_id
@_address
@explains_errors
def add_alias(issuer: str, client_id: str, address: str) -> None:
    """Let the tool be opened under another address too."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        made = application.registrations.add_alias(issuer, client_id, address)
    click.echo(f"{made.canvas_origin} is also known as {', '.join(made.canvas_aliases) or 'nothing else'}.")
    click.echo("Check it with: peer-allocator doctor")


@alias.command("remove")
@_issuer
@_client_id
@_address
@explains_errors
def remove_alias(issuer: str, client_id: str, address: str) -> None:
    """Forget another address; sessions opened there end at once."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        application.registrations.remove_alias(issuer, client_id, address)
    click.echo(f"Removed {address}.")


@registration.command("api-key")
@click.option("--canvas", required=True, metavar="URL", help="The institution's own Canvas.")
@click.option("--oauth-client-id", required=True, metavar="ID", help="Id of the API key.")
@_secret_env
@explains_errors
def api_key(canvas: str, oauth_client_id: str, oauth_secret_env: str | None) -> None:
    """Store the API key of a registered Canvas, or replace it."""
    from lti_tool.bootstrap import open_application

    secret = _secret(oauth_secret_env)
    with open_application() as application:
        origin = application.origin(canvas)
        if not any(one.canvas == origin for one in application.registrations.all()):
            refuse(f"no platform is registered for {origin}")
        application.registrations.store_api_key(origin, oauth_client_id, secret)
    click.echo(f"Stored the API key {oauth_client_id} of {origin}, sealed.")


@registration.command()
@click.option("--note", default="", metavar="TEXT", help="For whom; shown to operators only.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 90), help="How long it is good.")
@click.option("--issuer", default=None, metavar="URL", help="With --client-id: to look after that platform.")
@click.option("--client-id", default=None, metavar="ID", help="With --issuer: to look after that platform.")
@format_option
@explains_errors
def invite(note: str, days: int, issuer: str | None, client_id: str | None, format_: str) -> None:
    """Make an address for an administrator of Canvas.

    Pasted into Canvas it registers that Canvas, once (LTI Dynamic Registration). With issuer and client id
    it is opened in a browser instead, and leads to the administration of that platform.
    """
    from datetime import timedelta

    from lti_tool.bootstrap import open_application

    if (issuer is None) != (client_id is None):
        refuse("--issuer and --client-id belong together")
    with open_application() as application:
        invitations, public_url = application.invitations, application.settings.public_url
        if issuer is None:
            code = invitations.to_register(note, timedelta(days=days))
            address = f"{public_url}/lti/register?invitation={code}"
        else:
            known = application.registrations.find(issuer, client_id)
            if known is None:
                refuse(f"no platform is registered as {issuer} with client id {client_id}")
            code = invitations.to_administrate(known, note, timedelta(days=days))
            address = f"{public_url}/setup#{code}"
    if format_ == "json":
        print_json({"address": address, "days": days})
        return
    click.echo(address)
    what = "Registers one Canvas, once" if issuer is None else "Opens the administration of that platform"
    click.echo(f"{what}; good for {days} days. Send it to the administrator only.", err=True)


@registration.command()
@format_option
@explains_errors
def invitations(format_: str) -> None:
    """List registration addresses and setup addresses that are still good."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        rows = [
            {
                "id": one.id,
                "for": "registration" if one.invitation.issuer is None else "setup",
                "issuer": one.invitation.issuer,
                "client_id": one.invitation.client_id,
                "note": one.invitation.note,
                "expires_at": one.invitation.expires_at.isoformat(),
            }
            for one in application.invitations.open()
        ]
    if format_ == "json":
        print_json(rows)
        return
    for row in rows:
        of = f" of {row['issuer']}, client id {row['client_id']}" if row["issuer"] else ""
        click.echo(f"{row['id']}  {row['for']}{of}, until {str(row['expires_at'])[:16]}  {row['note']}")
    if not rows:
        click.echo("No address is open.")


@registration.command()
@click.argument("id_", metavar="ID")
@explains_errors
def revoke(id_: str) -> None:
    """End a registration address or a setup address; ID is what `registration invitations` lists."""
    from lti_tool.bootstrap import open_application

    with open_application() as application:
        if not application.invitations.revoke(id_):
            refuse(
                f"no open address has the id {id_}; list them with: peer-allocator registration invitations"
            )
    click.echo(f"Ended {id_}.")


def _secret(variable: str | None) -> str:
    if variable is not None:
        found = os.environ.get(variable, "")
    elif sys.stdin.isatty():
        found = click.prompt("Secret of the API key", hide_input=True, err=True)
    else:
        found = sys.stdin.readline()
    if not found.strip():
        where = f"the environment variable {variable}" if variable else "standard input"
        refuse(f"{where} is empty; it must hold the secret of the API key")
    return str(found).strip()


def _as_json(application: Application, one: Registration) -> dict[str, Any]:
    key = application.registrations.api_key(one.canvas)
    return {
        "issuer": one.issuer,
        "client_id": one.client_id,
        "canvas": one.canvas_origin,
        "canvas_aliases": list(one.canvas_aliases),
        "account": one.account_name,
        "auth_login_url": one.auth_login_url,
        "auth_token_url": one.auth_token_url,
        "key_set_url": one.key_set_url,
        "deployment_ids": list(one.deployment_ids),
        "adopts_deployments": one.adopts_deployments,
        "oauth_client_id": key.client_id if key else None,
        "kept_in": "config.json" if application.registrations.is_configured(one) else "database",
    }
