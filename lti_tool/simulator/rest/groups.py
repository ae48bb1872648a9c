"""Group sets, groups, memberships.

Sources: canvas-lms lib/api/v1/{group,group_category}.rb,
app/controllers/{groups,group_categories}_controller.rb.
"""

from __future__ import annotations

from flask import Response

from lti_tool.simulator.records import Course, Group, GroupCategory, GroupMembership, User
from lti_tool.simulator.rest import rights
from lti_tool.simulator.rest.call import Call, canonical_id
from lti_tool.simulator.rest.params import as_bool, as_list
from lti_tool.simulator.rest.people import user_json


def _category_json(call: Call, category: GroupCategory) -> dict[str, object]:
    return {
        "id": int(category.id),
        "name": category.name,
        "role": None,
        "self_signup": None,
        "group_limit": None,
        "auto_leader": None,
        "context_type": "Course",
        "course_id": int(category.course_id),
        "protected": False,
        "allows_multiple_memberships": False,
        "is_member": False,
        "non_collaborative": False,
        "groups_count": len(call.state.groups_of(category_id=category.id)),
    }


def _accepted(call: Call, group: Group) -> list[GroupMembership]:
    return [row for row in call.state.memberships_of(group.id) if row.workflow_state == "accepted"]


def _group_json(call: Call, group: Group) -> dict[str, object]:
    members = _accepted(call, group)
    course = call.course(group.course_id)
    if rights.visible_section_ids(call.state, course, call.user) is not None:
        visible = call.visible_student_ids(course)  # lib/api/v1/group.rb, user_has_section_restrictions?
        members = [row for row in members if row.user_id in visible]
    shown: dict[str, object] = {
        "id": int(group.id),
        "name": group.name,
        "description": None,
        "is_public": False,
        "join_level": "invitation_only",
        "context_type": "Course",
        "course_id": int(group.course_id),
        "group_category_id": int(group.category_id),
        "members_count": len(members),
        "leader": None,
        "role": None,
        "concluded": False,
        "non_collaborative": False,
    }
    if "users" in call.includes:
        shown["users"] = [user_json(call.state.users[row.user_id], private=False) for row in members]
    return shown


def _category(call: Call, category_id: str) -> tuple[GroupCategory, Course]:
    category = call.state.group_categories.get(canonical_id(category_id))
    if category is None:
        call.fail_not_found()
    course = call.course(category.course_id)
    call.need(course, "manage_groups_manage", "view_all_grades")
    return category, course


def _group(call: Call, group_id: str) -> Group:
    group = call.state.groups.get(canonical_id(group_id))
    if group is None:
        call.fail_not_found()
    call.need(call.course(group.course_id), "read_roster")
    return group


def list_categories(call: Call, course_id: str) -> Response:
    """GET /courses/:course_id/group_categories; for those who manage groups."""
    course = call.course(course_id)
    call.need(course, "manage_groups_manage", "view_all_grades")
    return call.page(call.state.categories_of(course.id), lambda row: _category_json(call, row))


def show_category(call: Call, category_id: str) -> Response:
    """GET /group_categories/:id."""
    return call.answer(_category_json(call, _category(call, category_id)[0]))


def list_category_groups(call: Call, category_id: str) -> Response:
    """GET /group_categories/:group_category_id/groups."""
    category, _ = _category(call, category_id)
    return call.page(call.state.groups_of(category_id=category.id), lambda row: _group_json(call, row))


def list_category_users(call: Call, category_id: str) -> Response:
    """GET /group_categories/:group_category_id/users; `unassigned=true` for those in no group."""
    category, course = _category(call, category_id)
    grouped = {
        row.user_id
        for group in call.state.groups_of(category_id=category.id)
        for row in _accepted(call, group)
    }
    users = [call.state.users[user_id] for user_id in sorted(call.visible_student_ids(course), key=int)]
    if as_bool(call.params.get("unassigned")):
        users = [user for user in users if user.id not in grouped]
    return call.page(
        users,
        lambda user: user_json(user, private=False),
        keep=lambda user: not user.fake_student,
    )


def list_course_groups(call: Call, course_id: str) -> Response:
    """GET /courses/:course_id/groups; `include[]=users` brings the members."""
    course = call.course(course_id)
    call.need(course, "read_roster")
    return call.page(call.state.groups_of(course_id=course.id), lambda row: _group_json(call, row))


def show_group(call: Call, group_id: str) -> Response:
    """GET /groups/:id."""
    return call.answer(_group_json(call, _group(call, group_id)))


def list_memberships(call: Call, group_id: str) -> Response:
    """GET /groups/:group_id/memberships, filtered by `filter_states[]`."""
    group = _group(call, group_id)
    states = as_list(call.params.get("filter_states"))
    rows = [
        row
        for row in call.state.memberships_of(group.id)
        if row.workflow_state in (states or ("accepted", "invited", "requested"))
    ]
    return call.page(
        rows,
        lambda row: {
            "id": int(row.id),
            "group_id": int(row.group_id),
            "user_id": int(row.user_id),
            "workflow_state": row.workflow_state,
            "moderator": row.moderator,
            "just_created": False,
        },
    )


def list_group_users(call: Call, group_id: str) -> Response:
    """GET /groups/:group_id/users, by sortable name."""
    group = _group(call, group_id)
    users = [call.state.users[row.user_id] for row in _accepted(call, group)]
    users.sort(key=_by_name)
    return call.page(users, lambda user: user_json(user, private=False))


def _by_name(user: User) -> tuple[str, int]:
    return user.sortable_name.casefold(), int(user.id)
