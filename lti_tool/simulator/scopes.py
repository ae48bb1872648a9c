"""Scopes that an API developer key can be given, a part of Canvas's list (lib/token_scopes.rb).

The names follow Rails' routes: the last id of a resource is `:id`, ids before it have a name.
"""

from __future__ import annotations

_COURSE = "/api/v1/courses/:course_id"
_ASSIGNMENT = f"{_COURSE}/assignments/:assignment_id"
_REVIEWS = f"{_ASSIGNMENT}/submissions/:submission_id/peer_reviews"
_SECTION_ASSIGNMENT = "/api/v1/sections/:section_id/assignments/:assignment_id"
_SECTION_REVIEWS = f"{_SECTION_ASSIGNMENT}/submissions/:submission_id/peer_reviews"

SCOPES: dict[str, tuple[str, ...]] = {
    "Assignments": (
        f"url:GET|{_COURSE}/assignments",
        f"url:GET|{_COURSE}/assignments/:id",
        f"url:POST|{_COURSE}/assignments",
        f"url:PUT|{_COURSE}/assignments/:id",
        f"url:DELETE|{_COURSE}/assignments/:id",
        f"url:GET|{_ASSIGNMENT}/overrides",
    ),
    "Conversations": ("url:GET|/api/v1/conversations", "url:POST|/api/v1/conversations"),
    "Courses": (
        "url:GET|/api/v1/courses",
        "url:GET|/api/v1/courses/:id",
        f"url:GET|{_COURSE}/permissions",
        f"url:GET|{_COURSE}/users",
    ),
    "Custom Gradebook Columns": (
        f"url:GET|{_COURSE}/custom_gradebook_columns",
        f"url:GET|{_COURSE}/custom_gradebook_columns/:id/data",
    ),
    "Enrollments": (f"url:GET|{_COURSE}/enrollments",),
    "Feature Flags": (f"url:GET|{_COURSE}/features", f"url:GET|{_COURSE}/features/enabled"),
    "Group Categories": (
        f"url:GET|{_COURSE}/group_categories",
        "url:GET|/api/v1/group_categories/:group_category_id/groups",
    ),
    "Groups": (
        f"url:GET|{_COURSE}/groups",
        "url:GET|/api/v1/groups/:group_id/memberships",
        "url:GET|/api/v1/groups/:group_id/users",
    ),
    "Peer Reviews": (
        f"url:GET|{_ASSIGNMENT}/peer_reviews",
        f"url:GET|{_REVIEWS}",
        f"url:POST|{_REVIEWS}",
        f"url:DELETE|{_REVIEWS}",
        f"url:GET|{_SECTION_ASSIGNMENT}/peer_reviews",
        f"url:GET|{_SECTION_REVIEWS}",
        f"url:POST|{_SECTION_REVIEWS}",
        f"url:DELETE|{_SECTION_REVIEWS}",
    ),
    "Progress": ("url:GET|/api/v1/progress/:id",),
    "Sections": (f"url:GET|{_COURSE}/sections", "url:GET|/api/v1/sections/:id"),
    "Submissions": (
        f"url:GET|{_ASSIGNMENT}/submissions",
        f"url:GET|{_ASSIGNMENT}/submissions/:user_id",
        f"url:PUT|{_ASSIGNMENT}/submissions/:user_id",
        f"url:POST|{_ASSIGNMENT}/submissions/update_grades",
        f"url:GET|{_SECTION_ASSIGNMENT}/submissions",
        f"url:GET|{_COURSE}/students/submissions",
        "url:GET|/api/v1/sections/:section_id/students/submissions",
    ),
    "Users": ("url:GET|/api/v1/users/:id",),
}
"""By resource, as the page of a developer key groups them."""
