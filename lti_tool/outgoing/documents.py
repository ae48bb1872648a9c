"""One small JSON document from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from lti_tool.outgoing.bounds import AnswerTooLarge, Bounds, bound
from lti_tool.outgoing.reach import Reach
from lti_tool.outgoing.reasons import reason_of

BOUNDS = Bounds()
TOTAL_S = BOUNDS.total_s


class DocumentUnavailable(Exception):
    """No usable answer; the text says for which address and why, without anything of the answer."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON answer. ``headers`` have lower-case names."""

    status: int
    content: Any = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def exchange_json(
    url: str,
    reach: Reach,
    *,
    method: str = "GET",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    total_s: float = TOTAL_S,
    any_status: bool = False,
) -> Document:
    """Send one request, with ``body`` as JSON if there is one, and read the JSON that comes back.

    Args:
        total_s: seconds for everything, from the look-up of the name to the last byte.
        any_status: also give back answers that are no success, for callers that read their reason.

    Raises:
        DocumentUnavailable: the address may not be spoken to, no answer in time, a redirect, a failure, too
            large, or not JSON.
    """
    shown = url.partition("?")[0]  # what follows may hold a token
    try:
        with requests.Session() as session:
            bound(session, reach, replace(BOUNDS, total_s=total_s))
            answer = session.request(
                method,
                url,
                json=body,
                allow_redirects=False,
                headers={"Accept": "application/json", **(headers or {})},
            )
            if not (answer.ok and not answer.is_redirect) and not any_status:
                raise DocumentUnavailable(f"{shown} answered {answer.status_code}")
            content = json.loads(answer.content)
    except AnswerTooLarge as error:
        raise DocumentUnavailable(f"{shown} is {error}") from error
    except requests.RequestException as error:
        raise DocumentUnavailable(f"{shown}: {reason_of(error)}") from error
    except (ValueError, RecursionError) as error:
        raise DocumentUnavailable(f"{shown} isn't JSON") from error
    return Document(
        answer.status_code, content, {name.lower(): value for name, value in answer.headers.items()}
    )
