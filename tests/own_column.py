"""A tool that has been opened in a course of a simulated Canvas whose key has the grade services' scopes."""

from __future__ import annotations

from pathlib import Path

from lti_tool.bootstrap import build_application
from lti_tool.bootstrap.pages import tool_keys
from lti_tool.lti.context import launch_context
from lti_tool.lti.grades import GRADE_SCOPES
from lti_tool.settings import Settings
from lti_tool.simulator.access import Deployment, DeveloperKey
from lti_tool.simulator.launch_claims import Launch, PlatformFacts, id_token_claims
from lti_tool.simulator.records import Course
from tests.simulated import SimulatedCanvas

CLIENT = "10000000000041"


def open_tool_in(
    canvas: SimulatedCanvas, course: Course, instance: Path, scopes: tuple[str, ...] = GRADE_SCOPES
) -> DeveloperKey:
    """Register the tool if need be, and let a teacher open it; gives the key in Canvas."""
    application = build_application(Settings(instance=instance, allow_http_loopback=True))
    try:
        registration = application.registrations.find(canvas.url, CLIENT) or application.registrations.add(
            {
                "issuer": canvas.url,
                "client_id": CLIENT,
                "auth_login_url": f"{canvas.url}/api/lti/authorize_redirect",
                "auth_token_url": f"{canvas.url}/login/oauth2/token",
                "key_set_url": f"{canvas.url}/api/lti/security/jwks",
                "canvas_origin": canvas.url,
                "adopts_deployments": True,
            },
            by="test",
        )
        key = DeveloperKey(
            client_id=CLIENT,
            secret="",
            name="Peer reviews",
            kind="lti",
            scopes=list(scopes),
            custom_fields={"canvas_course_id": "$Canvas.course.id", "canvas_user_id": "$Canvas.user.id"},
            public_jwk=tool_keys(application).public_set()["keys"][0],
            deployments=[Deployment("41:account")],
        )
        canvas.state.add_key(key)
        launch = Launch("l", CLIENT, "41:account", course.id, canvas.user("teacher").id, "", "")
        facts = PlatformFacts(canvas.url, canvas.url, canvas.url, "Canvas", "guid", "prod")
        claims = id_token_claims(canvas.state, launch, key, facts, "nonce")
        application.own_columns.remember(launch_context(claims, registration))
    finally:
        application.close()
    return key
