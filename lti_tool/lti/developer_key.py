"""What the tool tells Canvas about itself: as JSON to paste into a developer key, and as a registration.

Both forms say the same: one place in the course navigation, names but no addresses of people, the custom
fields that launches need, and the services of a column of its own in the gradebook (Assignment and Grade
Services); all else the tool reads and writes through its API key. A key without these scopes works too.
(instructure/canvas-lms, doc/api/lti_dev_key_config.md and doc/api/registration.md.)
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from lti_tool.lti.grades import GRADE_SCOPES

TITLE = "Peer Review Allocator"
LABEL = "Peer reviews"
DESCRIPTION = "Plans peer reviews and enters them in Canvas"
TOOL_ID = "peer-review-allocator"
PLACEMENT = "course_navigation"
PRIVACY_LEVEL = "name_only"
"""Names appear in the record of who started a run; e-mail addresses and pictures are of no use here."""
VISIBILITY = "admins"
"""Canvas's word for teachers, assistants, designers and administrators; the launch decides all the same."""
CUSTOM_FIELDS: Final = MappingProxyType(
    {
        "canvas_course_id": "$Canvas.course.id",
        "canvas_user_id": "$Canvas.user.id",
        "canvas_api_base": "$Canvas.api.baseUrl",
        "canvas_masquerading_user_id": "$Canvas.masqueradingUser.id",
        "time_zone": "$Person.address.timezone",
        "post_message_token": "$com.instructure.PostMessageToken",
        "prefers_high_contrast": "$Canvas.user.prefersHighContrast",
        "brand_config_json": "$com.instructure.brandConfigJSON",
    }
)
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
CANVAS_EXTENSION = "https://canvas.instructure.com/lti/"


def developer_key(public_url: str) -> dict[str, Any]:
    """The JSON of a developer key of kind LTI; ``public_url`` is where browsers find the tool."""
    return {
        "title": TITLE,
        "description": DESCRIPTION,
        "oidc_initiation_url": f"{public_url}/lti/login",
        "target_link_uri": f"{public_url}/lti/launch",
        "public_jwk_url": f"{public_url}/lti/jwks.json",
        "scopes": list(GRADE_SCOPES),
        "custom_fields": dict(CUSTOM_FIELDS),
        "extensions": [
            {
                "platform": "canvas.instructure.com",
                "domain": urlsplit(public_url).netloc,
                "tool_id": TOOL_ID,
                "privacy_level": PRIVACY_LEVEL,
                "settings": {
                    "text": LABEL,
                    "placements": [
                        {
                            "placement": PLACEMENT,
                            "enabled": True,
                            "text": LABEL,
                            "message_type": "LtiResourceLinkRequest",
                            "target_link_uri": f"{public_url}/lti/launch",
                            "visibility": VISIBILITY,
                        }
                    ],
                },
            }
        ],
    }


def tool_registration(public_url: str) -> dict[str, Any]:
    """The same as a registration request of LTI Dynamic Registration 1.0, with Canvas's extensions."""
    launch = f"{public_url}/lti/launch"
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["client_credentials", "implicit"],
        "initiate_login_uri": f"{public_url}/lti/login",
        "redirect_uris": [launch],
        "client_name": TITLE,
        "jwks_uri": f"{public_url}/lti/jwks.json",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(GRADE_SCOPES),
        TOOL_CONFIGURATION: {
            "domain": urlsplit(public_url).netloc,
            "description": DESCRIPTION,
            "target_link_uri": launch,
            "custom_parameters": dict(CUSTOM_FIELDS),
            "claims": ["iss", "sub", "name", "given_name", "family_name", "locale"],
            "messages": [
                {
                    "type": "LtiResourceLinkRequest",
                    "target_link_uri": launch,
                    "label": LABEL,
                    "placements": [PLACEMENT],
                    f"{CANVAS_EXTENSION}{PLACEMENT}/default_enabled": True,
                    f"{CANVAS_EXTENSION}visibility": VISIBILITY,
                }
            ],
            f"{CANVAS_EXTENSION}privacy_level": PRIVACY_LEVEL,
            f"{CANVAS_EXTENSION}tool_id": TOOL_ID,
        },
    }
