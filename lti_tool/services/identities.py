"""Whose token this is, and which course a launch came from: Canvas's API is asked, with the person's token.

A launch signs LTI's ids (``sub``, ``context.id``); the API needs Canvas's numbers. Canvas itself translates:

* ``GET courses/lti_context_id:<context.id>`` gives the course (lib/api.rb, Api::SIS_MAPPINGS).
* ``GET courses/:id/enrollments?user_id=lti_1_3_id:<sub>`` gives the enrollments of exactly that person, and
  each names their number; people may always ask for their own (enrollments_api_controller,
  user_index_enrollments). Where Canvas doesn't know that prefix, or two accounts were merged, the older id
  is tried: ``lti_user_id:<legacy id>``, which the launch signs too.

The person is confirmed when that number is the one that Canvas's token endpoint named for the token. So
nobody can have their launch joined with another person's consent: the token of somebody else answers with
other numbers, or with none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from allocation.sentences import N_
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.errors import AccessLost, CanvasError, KeyRejected, NotFound, NotPermitted
from lti_tool.lti.context import LaunchContext
from lti_tool.lti.errors import LaunchRefused, Refusal
from lti_tool.persistence.identities import IdentityRows
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.planning.signed_person import SignedPerson
from lti_tool.services.errors import ConnectFailed
from lti_tool.services.page_places import CanvasBusy

log = structlog.get_logger(__name__)


class OtherPerson(ConnectFailed):
    """The token belongs to somebody else than the launch."""


class CourseUnconfirmed(ConnectFailed):
    """Canvas does not show the course of the launch to this person, or names another one."""


class Identities:
    """Confirms and remembers.

    Args:
        client_of: a client with the stored token of a person.
    """

    def __init__(
        self,
        rows: IdentityRows,
        client_of: Callable[[CanvasOrigin, UserId], CanvasClient],
        now: Callable[[], datetime],
    ) -> None:
        self._rows = rows
        self._client_of = client_of
        self._now = now

    def completed(self, context: LaunchContext) -> LaunchContext:
        """The launch with what is known of its person and course; asks nobody.

        Raises:
            LaunchRefused: ``custom`` names another person, or a signed address another course, than Canvas
                confirmed.
        """
        if context.is_identified or not context.context_id:
            return context
        canvas = CanvasOrigin(context.canvas_origin)
        user = self._rows.person(context.issuer, context.client_id, context.lti_user_id, canvas)
        course = self._rows.course(context.issuer, context.client_id, context.context_id, canvas)
        if user is not None and context.claimed_user_id not in ("", user):
            raise _contradicted(context, f"custom names user {context.claimed_user_id}, Canvas {user}")
        _same_course(context, course)
        return replace(
            context,
            user_id=context.user_id or user or "",
            course_id=context.course_id or course or "",
        )

    def arrived(self, context: LaunchContext) -> LaunchContext:
        """As ``completed``; what is missing is asked for with a stored token, if there is one.

        Once a person, and once a course. Which token to ask with is all that ``custom`` decides: Canvas
        confirms that it is the launched person's own, or nothing is learnt. While Canvas does not answer the
        person is asked to connect.
        """
        try:
            found = self.completed(context)
        except LaunchRefused:
            if not self._outlived(context):
                raise
            found = self.completed(context)
        if not found.user_id and found.claimed_user_id and found.context_id:
            return self._met_before(found)
        if not found.user_id or found.course_id or not found.context_id:
            return found
        person = signed_person(found)
        try:
            course = self._course(person, self._client_of(person.canvas, UserId(found.user_id)))
        except (CanvasError, CanvasBusy, CourseUnconfirmed) as error:
            log.info("course_not_confirmed", issuer=person.issuer, client_id=person.client_id, why=str(error))
            return found
        _same_course(found, course)
        self._keep_course(person, course)
        return replace(found, course_id=course)

    def _outlived(self, context: LaunchContext) -> bool:
        """Whether what was confirmed about the person holds no more; then it is forgotten.

        Canvas merges two accounts of one person, and their older ``sub`` then means another number
        (``lookup_lti_id``, app/models/user.rb). A lying link looks the same, but then Canvas still gives the
        number that is stored.
        """
        person = signed_person(context)
        user = self._rows.person(person.issuer, person.client_id, person.subject, person.canvas)
        if user is None or context.claimed_user_id in ("", user):
            return False
        try:
            client = self._client_of(person.canvas, user)
            holds = self._people_of(person, self._course(person, client), client) == {user}
        except KeyRejected:
            holds = True
        except AccessLost:  # nothing can be done with what is stored anyway
            holds = False
        except (CanvasError, CanvasBusy, CourseUnconfirmed):
            holds = True
        if not holds:
            log.info("person_forgotten", issuer=person.issuer, client_id=person.client_id, user=user)
            self._rows.forget_person(person.issuer, person.client_id, person.subject)
        return not holds

    def _met_before(self, context: LaunchContext) -> LaunchContext:
        """A person whose token is stored though their launches were never confirmed."""
        person, user = signed_person(context), UserId(context.claimed_user_id)
        try:
            course = self.confirm(person, user, self._client_of(person.canvas, user))
        except (CanvasError, CanvasBusy, ConnectFailed):
            return context
        _same_course(context, course)
        self.remember(person, user, course)
        return replace(context, user_id=user, course_id=course)

    def confirm(self, person: SignedPerson, user: UserId, client: CanvasClient) -> CourseId:
        """The course, once Canvas has said that ``person`` is ``user``; ``client`` has that user's token.

        Raises:
            OtherPerson: they are two people, or Canvas does not say.
            CourseUnconfirmed: Canvas does not show this person that course.
            CanvasError: Canvas could not be asked.
        """
        if person.claimed_user_id not in ("", user):
            raise _other_person()
        course = self._course(person, client)
        if self._people_of(person, course, client) != {user}:
            raise _other_person()
        return course

    def remember(self, person: SignedPerson, user: UserId, course: CourseId) -> None:
        """Keep what ``confirm`` found."""
        self._rows.keep_person(
            person.issuer, person.client_id, person.subject, person.canvas, user, self._now()
        )
        self._keep_course(person, course)

    def _keep_course(self, person: SignedPerson, course: CourseId) -> None:
        self._rows.keep_course(
            person.issuer, person.client_id, person.context_id, person.canvas, course, self._now()
        )

    def _course(self, person: SignedPerson, client: CanvasClient) -> CourseId:
        try:
            found = client.course(CourseId(f"lti_context_id:{person.context_id}")).id
        except NotFound:
            if not person.course_id:
                raise _no_course() from None
            try:  # a Canvas that does not know the prefix
                found = client.course(CourseId(person.course_id)).id
            except NotFound:
                raise _no_course() from None
        if person.course_id not in ("", found):
            raise _no_course()
        return CourseId(found)

    def _people_of(self, person: SignedPerson, course: CourseId, client: CanvasClient) -> set[UserId]:
        """Whom Canvas calls by the signed ids; nobody where it does not know them."""
        for name, value in (("lti_1_3_id", person.subject), ("lti_user_id", person.legacy_subject)):
            if not value:
                continue
            try:
                found = {UserId(row.user_id) for row in client.enrollments_of(course, f"{name}:{value}")}
            except (NotFound, NotPermitted):
                continue
            if found:
                return found
        return set()


def signed_person(context: LaunchContext) -> SignedPerson:
    """The launch's person and course in LTI's ids."""
    return SignedPerson(
        issuer=context.issuer,
        client_id=context.client_id,
        canvas=CanvasOrigin(context.canvas_origin),
        subject=context.lti_user_id,
        context_id=context.context_id,
        course_id=context.course_id,
        legacy_subject=context.legacy_user_id,
        claimed_user_id=context.claimed_user_id,
        opened_at=context.platform_origin,
    )


def _same_course(context: LaunchContext, course: CourseId | None) -> None:
    """Raises LaunchRefused when the launch names another course than Canvas confirmed."""
    if course is not None and context.course_id not in ("", course):
        raise _contradicted(context, f"the addresses name course {context.course_id}, Canvas {course}")
    if course is not None and context.claimed_course_id not in ("", course):
        raise _contradicted(context, f"custom names course {context.claimed_course_id}, Canvas {course}")


def _contradicted(context: LaunchContext, detail: str) -> LaunchRefused:
    refused = LaunchRefused(Refusal.CONTRADICTED, detail, platform_origins=(context.platform_origin,))
    return refused.of(context.issuer, context.client_id, context.deployment_id)


def _other_person() -> OtherPerson:
    return OtherPerson(
        N_(
            "The Canvas account in this window isn't the one that opened the tool in the course. Nothing was "
            "stored. Log in to Canvas as yourself, open the tool from the course and connect again."
        )
    )


def _no_course() -> CourseUnconfirmed:
    return CourseUnconfirmed(
        N_(
            "Canvas doesn't show you the course from which you opened the tool. Nothing was stored. "
            "Open the tool from the navigation of a course that you teach and connect again."
        )
    )
