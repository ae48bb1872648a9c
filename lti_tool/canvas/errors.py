"""What can go wrong between us and Canvas, by meaning.

::

    ReadFailed (lti_tool.applying)
    └── CanvasError             what happened; what it means; what to do
        ├── CanvasUnavailable   no answer, or an error of the server
        ├── Throttled           Canvas asks us to slow down, and did not stop asking
        ├── AccessLost          the token is dead and cannot be renewed; the person must connect again
        │   └── KeyRejected     Canvas does not accept our developer key; only an administrator can mend it
        ├── ScopeMissing        the developer key does not grant what we need; names the scope
        ├── NotPermitted        Canvas knows the person and says no
        ├── NotFound            gone, or never visible to this person
        ├── Refused             Canvas understood and will not do it (400, 422)
        ├── BrokenAnswer        not the answer of a Canvas: HTML, cut off, too long, redirected, wrong fields
        └── IncompleteList      a list that could not be read to its end; we never work with half a list
            ├── LinkMissing     a full page without the header that names the next one
            └── ListsDisagree   every list ended properly, and together they cannot be true

No message carries a body, a token or a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from allocation.sentences import N_, Sentence, in_a_row, sentence
from lti_tool.applying.answers import ReadFailed, Why


class CanvasError(ReadFailed):
    """Base. Its words say what happened, what it means and what to do; pages may show the parts.

    Attributes:
        what_happened: one sentence about this occurrence.
        meaning, what_to_do: fixed for the class (``ScopeMissing`` names its scope).
        status, request_id: Canvas's status and X-Request-Context-Id, when it answered.
    """

    default_why: ClassVar[Why]
    meaning: str = ""
    what_to_do: str | Sentence = ""

    def __init__(
        self,
        what_happened: str | Sentence,
        *,
        why: Why | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        self.what_happened = sentence(what_happened)
        words = in_a_row((self.what_happened, sentence(self.meaning), sentence(self.what_to_do)))
        super().__init__(why or self.default_why, words, status=status, request_id=request_id)


class CanvasUnavailable(CanvasError):
    """Canvas could not be reached, did not answer in time, or answered with an error of its own."""

    default_why = Why.UNREACHABLE
    meaning = N_("Canvas is down or slow at the moment; nothing was lost.")
    what_to_do = N_("Try again in a few minutes.")


class Throttled(CanvasError):
    """Canvas kept asking us to slow down until our patience for this read was used up."""

    default_why = Why.THROTTLED
    meaning = N_("Too many requests were made with this person's access at the same time.")
    what_to_do = N_("Wait a minute and try again.")


class AccessLost(CanvasError):
    """No usable token, and none can be had without the person."""

    default_why = Why.ACCESS_LOST
    meaning = N_("Access to Canvas was withdrawn or has ended.")
    what_to_do = N_("Connect to Canvas again; everything done so far is kept.")


class KeyRejected(AccessLost):
    """Canvas refuses our client id or secret (OAuth ``invalid_client``, ``unauthorized_client``)."""

    meaning = N_("Canvas does not accept this tool's developer key.")
    what_to_do = N_(
        "Ask the Canvas administrator to check that the key is on and that id and secret are right."
    )


class ScopeMissing(CanvasError):
    """The developer key enforces scopes and lacks one. No renewal of the token cures that."""

    default_why = Why.SCOPE_MISSING
    meaning = N_("The tool's developer key does not allow this request.")

    def __init__(
        self,
        what_happened: str | Sentence,
        *,
        scope: str,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        self.what_to_do = sentence(
            "Ask the Canvas administrator to add the scope %(scope)s to the developer key, then connect "
            "to Canvas again: until you do, your access keeps the scopes that it had.",
            scope=scope,
        )
        super().__init__(what_happened, status=status, request_id=request_id)
        self.scope = scope


class NotPermitted(CanvasError):
    """Canvas knows the person and refuses: role removed, course concluded, no right to grade."""

    default_why = Why.NOT_PERMITTED
    meaning = N_("Canvas does not allow this person to do that in this course.")
    what_to_do = N_("It needs a role that may grade in a course that has not ended.")


class NotFound(CanvasError):
    """Unknown, deleted, or not visible to this person; Canvas does not tell which."""

    default_why = Why.NOT_FOUND
    meaning = N_("It does not exist in this Canvas, was deleted, or this person may not see it.")
    what_to_do = N_("Check the address and the ids, and that it still exists in Canvas.")


class Refused(CanvasError):
    """Canvas understood the request and will not do it."""

    default_why = Why.REFUSED
    meaning = N_("Canvas will not do this however often it is asked.")
    what_to_do = N_("Read the assignment again and make a new preview.")


class BrokenAnswer(CanvasError):
    """Something answered, but not as Canvas does."""

    default_why = Why.BROKEN_ANSWER
    meaning = N_("A proxy, a maintenance page or an incompatible Canvas stands in between.")
    what_to_do = N_("Try again later; if it stays, show this message to the Canvas administrator.")


class IncompleteList(CanvasError):
    """A list could not be read to its end, so it is not used at all."""

    default_why = Why.INCOMPLETE_LIST
    meaning = N_("Working with half a list could give wrong reviews, so nothing was done.")
    what_to_do = N_("Try again; if it stays, show this message to the Canvas administrator.")


class LinkMissing(IncompleteList):
    """A page full of rows came without the Link header, which Canvas never leaves out of a paged list."""

    what_to_do = N_(
        "Something between this tool and Canvas, such as a proxy, removes the Link header. Ask the "
        "administrator to let it through."
    )


class ListsDisagree(IncompleteList):
    """What one list names another lacks, and reading again did not help."""

    meaning = N_("Planning from half a list would give wrong reviews, so nothing was done.")
    what_to_do = N_(
        "Try again in a few minutes. If this keeps happening, show this message to the Canvas administrator: "
        "something between this tool and Canvas may be cutting lists short."
    )

    def __init__(self, disagreements: Sequence[Sentence]) -> None:
        super().__init__(in_a_row([sentence("Canvas's lists don't agree."), *disagreements]))
