"""A person as Canvas signed them in a launch."""

from __future__ import annotations

from dataclasses import dataclass

from lti_tool.planning.ids import CanvasOrigin


@dataclass(frozen=True, slots=True)
class SignedPerson:
    """Somebody as Canvas signed them in a launch, in LTI's ids, before Canvas's API has said who that is.

    ``course_id`` is empty where the launch had no signed service address. ``claimed_user_id`` is what the
    launch's ``custom`` says: never believed, only compared.
    """

    issuer: str
    client_id: str
    canvas: CanvasOrigin
    subject: str
    context_id: str
    course_id: str = ""
    legacy_subject: str = ""
    claimed_user_id: str = ""
    opened_at: str = ""
    """The address of Canvas in the person's browser, where it is one of the registration's; else empty."""
