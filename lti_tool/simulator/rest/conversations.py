"""Sending messages. Source: canvas-lms app/controllers/conversations_controller.rb."""

from __future__ import annotations

from flask import Response

from lti_tool.simulator.records import Message
from lti_tool.simulator.rest.answers import RestError
from lti_tool.simulator.rest.call import Call, canonical_id
from lti_tool.simulator.rest.params import as_bool, as_list

MOST_RECIPIENTS = 100
LONGEST_SUBJECT = 255


def _invalid(attribute: str, message: str) -> RestError:
    """Conversations answer with a bare list."""
    return RestError(400, [{"attribute": attribute, "message": message}])


def create_conversation(call: Call) -> Response:
    """POST /conversations: private threads; 201 with a list, or 202 and `[]` for mode=async."""
    recipients = _recipients(call, as_list(call.params.get("recipients")))
    subject = str(call.params.get("subject") or "")
    body = str(call.params.get("body") or "")
    if not recipients:
        raise _invalid("recipients", "invalid")
    if not body:
        raise _invalid("body", "blank")
    if len(subject) > LONGEST_SUBJECT:
        raise _invalid("subject", "too long")
    if len(recipients) > MOST_RECIPIENTS and not as_bool(call.params.get("bulk_message")):
        raise _invalid("recipients", "too many for group conversation")
    context = call.params.get("context_code")
    sent = [
        Message(
            id=call.state.mint("message"),
            sender_id=call.user.id,
            recipient_id=recipient,
            subject=subject,
            body=body,
            context_code=str(context) if context else None,
            at=call.state.now(),
        )
        for recipient in recipients
    ]
    call.state.messages.extend(sent)
    if call.params.get("mode") == "async" and len(sent) > 1:
        answer = call.answer([], 202)
        answer.headers["X-Conversation-Batch-Id"] = sent[0].id
        return answer
    return call.answer(
        [
            {
                "id": int(message.id),
                "subject": message.subject,
                "workflow_state": "read",
                "last_message": message.body,
                "message_count": 1,
                "private": True,
                "audience": [int(message.recipient_id)],
                "context_code": message.context_code,
            }
            for message in sent
        ],
        201,
    )


def _recipients(call: Call, codes: list[str]) -> list[str]:
    """User ids from ids and `course_1`, `course_1_students` codes; only people of the caller's courses."""
    own = {row.course_id for row in call.state.enrollments_of_user(call.user.id)}
    reachable = {row.user_id for course_id in own for row in call.state.enrollments_of(course_id)}
    chosen: dict[str, None] = {}
    for code in codes:
        if code.startswith("course_"):
            course_id = canonical_id(code.removeprefix("course_").removesuffix("_students"))
            if course_id in own:
                chosen |= dict.fromkeys(call.visible_student_ids(call.state.courses[course_id]))
        elif canonical_id(code) in reachable or call.user.site_admin:
            chosen[canonical_id(code)] = None
    if len(codes) > 1:  # alone, a person may write to herself (conversations_helper.rb normalize_recipients)
        chosen.pop(call.user.id, None)
    return [user_id for user_id in chosen if user_id in call.state.users]
