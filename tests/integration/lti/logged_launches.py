"""A program, run by test_logs: launches good and bad with the real logging, every library at the level given.

Prints the secrets that it used as a JSON list on standard output; everything logged goes to standard error.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import cast

from lti_tool.logs import Level, configure_logs
from tests.integration.lti.scene import Visitor, data_attributes, stage

NAME = "Canary Okafor"


def main(folder: str, level: str, libraries: str) -> None:
    """Launch once in every way; ``libraries`` is the level that each library's logger is forced to, or ''."""
    configure_logs(cast(Level, level))
    secrets: list[str] = []
    with stage(Path(folder)) as tool:
        if libraries:
            for name in list(logging.root.manager.loggerDict):
                logging.getLogger(name).setLevel(libraries)
        visitor = tool.visitor()
        for changes in ({}, {"nonce": "canary-of-a-nonce"}, {"roles": "canary"}, {"sub": 5}):
            begun = visitor.login(login_hint="canary-login-hint", lti_message_hint="canary-message-hint")
            token = tool.token(begun, {"name": NAME, "email": "canary@example.edu", **changes})
            secrets += [begun.state, begun.asked["nonce"], begun.attributes["binding"], token]
            secrets += token.split(".")[1:]
            launched = visitor.post(state=begun.state, id_token=token)
            visitor.post(state=begun.state, id_token=token)
            if launched.status_code == 200:
                secrets += _open_session(visitor, launched.text)
        visitor.post(
            state="canary-state", id_token="canary-token", error="canary", error_description="canary-x"
        )
        visitor.ask("GET", "/lti/launch", query_string={"id_token": "canary-in-address"})
    secrets += [NAME, "canary@", "canary-", "BEGIN PRIVATE KEY"]
    json.dump(secrets, sys.stdout)


def _open_session(visitor: Visitor, page: str) -> list[str]:
    session = visitor.session(page).get_json()
    visitor.session(page)
    bearer = {"Authorization": f"Bearer {session['token']}"}
    visitor.ask("GET", session["location"], headers=bearer)
    visitor.ask("GET", "/app/courses/1", headers=bearer)
    return [data_attributes(page)["code"], session["token"]]


if __name__ == "__main__":
    main(*sys.argv[1:])
