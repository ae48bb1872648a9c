"""Who may see what of a course, asked of Canvas: the one place that decides.

What is stored was read by somebody at some time; who looks at it may see less, or nothing any more. So every
call of a use case asks ``Rights`` first (``lti_tool.services.guarding``) and gets a ``Viewer``; an answer of
Canvas is good for a short time (setting ``rights_seconds``). Where Canvas can't be asked, the last answer
holds for ``GRACE`` longer, so that a run can be watched and stopped while Canvas is down.

How Canvas expresses it, in canvas-lms:

- Whoever grades holds ``manage_grades`` or ``view_all_grades`` in the course; after removal neither, and the
  permissions aren't answered at all where the course isn't public (app/models/course.rb).
- An enrollment has ``limit_privileges_to_course_section``. A person is limited where all their enrollments
  are (``Course#visibility_limited_to_course_sections?``); whom they then see, ``apply_enrollment_visibility``
  decides, and the list of enrollments is narrowed by it (``EnrollmentsApiController``
  ``course_index_enrollments``). So a limited person's list of students is the truth, and nothing is derived
  from sections here. Only staff enrollments are looked at to decide whether to ask for that list: Canvas
  counts a student's too, and then the list simply has everybody.
- An administrator without an enrollment in the course isn't limited.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from allocation.sentences import N_
from lti_tool.applying.answers import Why
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.errors import CanvasError
from lti_tool.canvas.pacing import Lane
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.planning.plan import Plan
from lti_tool.services.actor import Actor
from lti_tool.services.errors import ServiceError

GRACE_S = 600.0
"""How much longer the last answer holds while Canvas gives none."""
MOST_REMEMBERED = 5_000
"""Answers kept in one process; the oldest goes first."""
STAFF_TYPES = ("TeacherEnrollment", "TaEnrollment", "DesignerEnrollment")
RIGHTS = ("manage_grades", "view_all_grades")
REFUSED = (Why.NOT_PERMITTED, Why.NOT_FOUND)
"""Answers that say that the person has no rights; every other failure says nothing about rights."""
SILENT = (Why.NO_ANSWER, Why.UNREACHABLE, Why.SERVER_ERROR, Why.BROKEN_ANSWER, Why.THROTTLED)

log = structlog.get_logger(__name__)


class AccessEnded(ServiceError):
    """Canvas says that this person may not grade in the course, or isn't in it."""


class NotYours(ServiceError):
    """Part of it concerns students whom Canvas doesn't show to this person."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may look at a course now. ``visible`` are the students Canvas shows; None: all."""

    visible: frozenset[UserId] | None = None

    @property
    def limited(self) -> bool:
        """Whether Canvas hides students of the course."""
        return self.visible is not None

    def sees(self, user: str) -> bool:
        """Whether Canvas shows this student."""
        return self.visible is None or user in self.visible

    def sees_all(self, users: Iterable[str | None]) -> bool:
        """Whether Canvas shows all of them."""
        return self.visible is None or all(user is None or user in self.visible for user in users)

    def may_apply(self, plan: Plan) -> bool:
        """Whether everything that the plan changes concerns students that Canvas shows."""
        return all(self.sees_all((line.reviewer, line.author)) for line in plan.writes)


@dataclass(slots=True)
class _Known:
    """What Canvas said last of one person in one course; None for ``viewer``: no rights."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    asked_at: float | None = None
    viewer: Viewer | None = None


class Rights:
    """Asks Canvas, and remembers the answer for a short time.

    Args:
        client_of: a client of a person's Canvas.
        good_for_s: seconds that an answer is good for.
        ended: told when Canvas says that a person has no rights in a course any more.
    """

    def __init__(
        self,
        client_of: Callable[[CanvasOrigin, UserId, Lane], CanvasClient],
        *,
        good_for_s: float,
        ended: Callable[[Actor], None] = lambda _actor: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client_of = client_of
        self._good_for_s = good_for_s
        self._ended = ended
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[CanvasOrigin, CourseId, UserId], _Known] = {}

    def viewer(self, actor: Actor) -> Viewer:
        """What this person may see in their course now.

        Raises:
            AccessEnded: nothing any more.
            CanvasError: Canvas can't be asked, or there is no usable token.
            CanvasBusy: too many pages wait for this Canvas.
        """
        known = self._place(actor)
        found = known.viewer
        if found is not None and self._fresh(known):
            return found
        # Made before anything waits: a page that waits for the question takes a place too (``page_places``).
        client = self._client_of(actor.canvas, actor.user_id, Lane.PAGE)
        with known.lock:  # whoever comes meanwhile waits for the one question
            if not self._fresh(known):
                self._ask(actor, known, client, self._clock())
            if known.viewer is None:
                raise AccessEnded(
                    N_("Canvas says that you can't grade in this course, or no longer have access to it.")
                )
            return known.viewer

    def forget(self, canvas: CanvasOrigin, user: UserId) -> None:
        """Ask again at the next look."""
        with self._lock:
            for key in [key for key in self._known if (key[0], key[2]) == (canvas, user)]:
                del self._known[key]

    def _place(self, actor: Actor) -> _Known:
        key = (actor.canvas, actor.course_id, actor.user_id)
        with self._lock:
            found = self._known.setdefault(key, _Known())
            while len(self._known) > MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
            return found

    def _fresh(self, known: _Known) -> bool:
        return known.asked_at is not None and self._clock() - known.asked_at < self._good_for_s

    def _ask(self, actor: Actor, known: _Known, client: CanvasClient, now: float) -> None:
        try:
            known.viewer = ask(client, actor.course_id)
        except CanvasError as error:
            still = known.asked_at is not None and now - known.asked_at < self._good_for_s + GRACE_S
            if error.why in SILENT and still and known.viewer is not None:
                log.warning("rights_not_confirmed", course=actor.course_id, why=error.why)
                return
            raise
        # A refusal isn't remembered: whoever is enrolled again comes in at once.
        known.asked_at = None if known.viewer is None else now
        if known.viewer is None:
            self._ended(actor)


def ask(client: CanvasClient, course: CourseId) -> Viewer | None:
    """One look: two calls for most people, the list of students besides for a limited one.

    None where the person has no rights. Raises CanvasError where Canvas doesn't say.
    """
    try:
        if not any(client.permissions(course, RIGHTS).values()):
            return None
        own = [row for row in client.own_enrollments(course) if row.type in STAFF_TYPES]
        if not own or not all(row.limit_privileges_to_course_section for row in own):
            return Viewer()
        return Viewer(frozenset(UserId(row.user_id) for row in client.enrollments(course)))
    except CanvasError as error:
        if error.why in REFUSED:
            return None
        raise
