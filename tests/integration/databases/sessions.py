"""What a launch tells of a teacher, for tests that open pages without Canvas."""

from __future__ import annotations

from lti_tool.lti.context import LaunchContext
from tests.builders import CANVAS, COURSE

ISSUER = "https://canvas.instructure.com"


def a_launch(user: str, name: str) -> LaunchContext:
    """A teacher of the builders' course."""
    return LaunchContext(
        issuer=ISSUER,
        client_id="1",
        deployment_id="1:x",
        canvas_origin=CANVAS,
        user_id=user,
        lti_user_id=f"opaque{user}",
        user_name=name,
        context_id="opaque-course",
        course_id=COURSE,
        course_name="Writing",
        roles=("http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor",),
        is_instructor=True,
        locale="en",
        time_zone="",
        high_contrast=False,
        post_message_token="",
        platform_origin=CANVAS,
    )
