"""What teachers are told about things that happen by themselves: once, through Canvas's conversations.

Canvas lets a person write to herself when she is the only recipient (canvas-lms
app/helpers/conversations_helper.rb, ``normalize_recipients``), but files such a message under *Sent*, and
mails it only to those who switched on *Conversations created by me* (app/models/conversation_message.rb,
app/models/conversation.rb ``update_participants``). So the pages show the same in any case, and a schedule
may tell the other teachers too, whom Canvas notifies as of any message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from allocation.sentences import Sentence, Voice, counted, sentence
from lti_tool.applying.answers import Outcome, ReadFailed
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.pacing import Lane
from lti_tool.persistence.schedules import Schedules, StoredSchedule
from lti_tool.planning.drift import Drift
from lti_tool.planning.follow_up import Sending
from lti_tool.planning.ids import CourseId, UserId
from lti_tool.planning.plan import ChangeKind, Plan
from lti_tool.planning.reminders import RECIPIENTS
from lti_tool.planning.schedule import Schedule
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.actor import Actor
from lti_tool.services.canvas_access import CanvasAccess
from lti_tool.services.errors import ServiceError

Voices = Callable[[str, str], Voice]
"""A voice for a language and a time zone, outside of any page."""
LONGEST_SUBJECT = 255
NOT_SENT = (Outcome.NOT_DONE, Outcome.PERMANENT)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to a teacher. The same ``key`` is told once only."""

    key: str
    subject: Sentence
    paragraphs: tuple[Sentence, ...]


class Notices:
    """Sends notices with the token of the person who made the schedule, each at most once."""

    def __init__(
        self,
        store: Schedules,
        access: CanvasAccess,
        voices: Voices,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._access = access
        self._voices = voices
        self._now = now

    def voice(self, schedule: Schedule) -> Voice:
        """The language and time zone of a schedule, as in what a page sends."""
        return self._voices(schedule.locale, schedule.zone)

    def tell(self, actor: Actor, due: StoredSchedule, notice: Notice) -> None:
        """Send it unless that was done, or may have been; what goes wrong is kept with the schedule."""
        if not self._store.begin_telling(due.id, notice.key):
            return
        voice = self._voices(due.schedule.locale, due.schedule.zone)
        link = sentence(
            "Open Peer reviews in the navigation of the course: %(link)s",
            link=f"{actor.canvas}/courses/{actor.course_id}",
        )
        subject = notice.subject.said(voice)[:LONGEST_SUBJECT]
        body = "\n\n".join(part.said(voice) for part in (*notice.paragraphs, link))
        try:
            client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
            answers = [client.send_message(actor.course_id, [actor.user_id], subject, body)]
            if due.schedule.tell == "teachers" and (others := _other_teachers(client, actor)):
                answers.append(client.send_message(actor.course_id, others, subject, body))
        except (ServiceError, ReadFailed) as error:
            log.warning("notice not sent", error=str(error))
            self._store.settle_telling(due.id, notice.key, Sending.FAILED, at=self._now())
            return
        if all(answer.outcome is Outcome.OK for answer in answers):
            self._store.settle_telling(due.id, notice.key, Sending.SENT, at=self._now())
        elif all(answer.outcome in NOT_SENT for answer in answers):
            self._store.settle_telling(due.id, notice.key, Sending.FAILED, at=self._now())


def plan_waits(plan: Plan, snapshot: Snapshot) -> Notice:
    """That a plan waits for approval. Told anew only when Canvas is no longer as it was."""
    counts, assignment = plan.counts, snapshot.assignment.name
    return Notice(
        key=_key("plan", plan.fingerprint, str(len(plan.writes))),
        subject=sentence(
            "A plan of peer reviews waits for your approval: %(assignment)s", assignment=assignment
        ),
        paragraphs=(
            sentence(
                "For “%(assignment)s” in %(course)s a plan was made by itself. Reviews to create: "
                "%(create)s. To delete: %(delete)s. Kept: %(keep)s. Blocked by Canvas: %(blocked)s.",
                assignment=assignment,
                course=snapshot.course_name,
                create=counts[ChangeKind.CREATE],
                delete=counts[ChangeKind.DELETE],
                keep=counts[ChangeKind.KEEP],
                blocked=counts[ChangeKind.BLOCKED],
            ),
            sentence("Nothing has been changed in Canvas. The first page there leads to the plan."),
        ),
    )


def not_done(why: Sentence, assignment: str) -> Notice:
    """That something could not be done, and why; told anew only for another reason."""
    return Notice(
        key=_key("failed", str(why)),
        subject=sentence(
            "Peer reviews: something could not be done by itself: %(assignment)s", assignment=assignment
        ),
        paragraphs=(
            sentence(
                "What should have happened by itself for “%(assignment)s” could not be done:",
                assignment=assignment,
            ),
            why,
            sentence("Nothing has been changed in Canvas. It is tried again until it works or is removed."),
        ),
    )


def changes_found(alarms: Sequence[Drift], snapshot: Snapshot) -> Notice:
    """That Canvas or somebody else changed the pairs behind the plan."""
    assignment = snapshot.assignment.name
    return Notice(
        key=_key("found", *sorted(f"{one.kind} {' '.join(one.people)}" for one in alarms)),
        subject=sentence("Peer reviews were changed by somebody else: %(assignment)s", assignment=assignment),
        paragraphs=(
            counted(
                "%(num)s change behind the plan was found for “%(assignment)s”.",
                "%(num)s changes behind the plan were found for “%(assignment)s”.",
                len(alarms),
                assignment=assignment,
            ),
            sentence("The board shows them and leads to a plan for the repair."),
        ),
    )


def _other_teachers(client: CanvasClient, actor: Actor) -> list[UserId]:
    rows = client.enrollments(CourseId(actor.course_id), types=("TeacherEnrollment",), states=("active",))
    return [user for user in dict.fromkeys(UserId(row.user_id) for row in rows) if user != actor.user_id][
        :RECIPIENTS
    ]


def _key(kind: str, *parts: str) -> str:
    return f"{kind} {hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"
