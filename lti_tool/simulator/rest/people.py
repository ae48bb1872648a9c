"""Courses, their permissions and flags, sections, enrollments and users.

Sources: canvas-lms app/controllers/{courses,sections,enrollments_api}_controller.rb,
lib/api/v1/{section,user}.rb.
"""

from __future__ import annotations

from flask import Response

from lti_tool.simulator.records import (
    Course,
    Enrollment,
    EnrollmentState,
    EnrollmentType,
    Progress,
    Section,
    User,
)
from lti_tool.simulator.rest import rights
from lti_tool.simulator.rest.answers import bookmarked_answer, not_authorized, time_text
from lti_tool.simulator.rest.call import Call, canonical_id
from lti_tool.simulator.rest.params import as_list

_KINDS = {
    "student": EnrollmentType.STUDENT,
    "teacher": EnrollmentType.TEACHER,
    "ta": EnrollmentType.TA,
    "designer": EnrollmentType.DESIGNER,
    "observer": EnrollmentType.OBSERVER,
    "student_view": EnrollmentType.STUDENT_VIEW,
}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base_36(number: int) -> str:
    """A number in base 36: Canvas's `anonymous_id` of a user is the id written so."""
    text = ""
    while number:
        number, rest = divmod(number, 36)
        text = _DIGITS[rest] + text
    return text or "0"


def user_display(call: Call, user: User, course: Course) -> dict[str, object]:
    """The short form of a person inside other objects."""
    shown: dict[str, object] = {
        "id": int(user.id),
        "anonymous_id": base_36(int(user.id)),
        "display_name": user.short_name,
        "avatar_image_url": call.url("/images/messages/avatar-50.png"),
        "html_url": call.url(f"/courses/{course.id}/users/{user.id}"),
        "pronouns": user.pronouns,
    }
    if user.fake_student:
        shown["fake_student"] = True
    return shown


def user_json(user: User, *, private: bool) -> dict[str, object]:
    """A person; login and SIS fields only for callers who may see them."""
    shown: dict[str, object] = {
        "id": int(user.id),
        "name": user.name,
        "created_at": "2026-01-05T08:00:00Z",
        "sortable_name": user.sortable_name,
        "short_name": user.short_name,
        "pronouns": user.pronouns,
    }
    if private:
        shown |= {"sis_user_id": None, "integration_id": None, "login_id": user.login}
    return shown


def show_self(call: Call) -> Response:
    """GET /users/self."""
    user = call.user
    return call.answer(
        user_json(user, private=True)
        | {
            "first_name": user.name.rpartition(" ")[0],
            "last_name": user.name.rpartition(" ")[2],
            "avatar_url": call.url("/images/messages/avatar-50.png"),
            "locale": None,
            "effective_locale": user.locale,
            "permissions": {"can_update_name": True, "can_update_avatar": False},
        }
    )


def show_profile(call: Call) -> Response:
    """GET /users/self/profile."""
    user = call.user
    return call.answer(
        user_json(user, private=True)
        | {
            "primary_email": user.email,
            "time_zone": user.time_zone,
            "locale": user.locale,
            "effective_locale": user.locale,
            "lti_user_id": user.lti_context_id,
        }
    )


def _course_json(call: Call, course: Course) -> dict[str, object]:
    rows = call.state.enrollments_of(course.id, call.user.id)
    shown: dict[str, object] = {
        "id": int(course.id),
        "name": course.name,
        "course_code": course.code,
        "account_id": 1,
        "root_account_id": 1,
        "uuid": course.lti_context_id,
        "workflow_state": course.workflow_state,
        "time_zone": course.time_zone,
        "default_view": "assignments",
        "start_at": None,
        "end_at": None,
        "is_public": False,
        "enrollments": [
            {
                "type": row.type.removesuffix("Enrollment").lower(),
                "role": row.role,
                "user_id": int(row.user_id),
                "enrollment_state": row.state.value,
                "limit_privileges_to_course_section": row.limit_privileges_to_course_section,
            }
            for row in rows
        ],
    }
    if "total_students" in call.includes:
        # Everybody, whatever the caller sees, but not the Test Student (canvas-lms lib/api/v1/course.rb).
        real = [row for row in call.state.enrollments_of(course.id) if row.type is EnrollmentType.STUDENT]
        shown["total_students"] = len(call.state.current_student_ids(real))
    if "sections" in call.includes:
        shown["sections"] = [
            {"id": int(row.id), "name": row.name} for row in call.state.sections_of(course.id)
        ]
    return shown


def list_courses(call: Call) -> Response:
    """GET /courses: the caller's own."""
    rows = call.state.enrollments_of_user(call.user.id)
    own = {row.course_id for row in rows if row.state is EnrollmentState.ACTIVE}
    courses = [course for course in call.state.courses.values() if course.id in own]
    return call.page(courses, lambda course: _course_json(call, course))


def show_course(call: Call, course_id: str) -> Response:
    """GET /courses/:id."""
    course = call.course(course_id)
    call.need(course, "read")
    return call.answer(_course_json(call, course))


def course_permissions(call: Call, course_id: str) -> Response:
    """GET /courses/:id/permissions: each asked-for name (or all known) with true or false."""
    course = call.course(course_id)
    call.need(course, "read")
    granted = call.permissions(course)
    names = as_list(call.params.get("permissions")) or list(rights.ALL_PERMISSIONS)
    return call.answer({name: name in granted for name in names})


def enabled_features(call: Call, course_id: str) -> Response:
    """GET /courses/:id/features/enabled: a plain list of names."""
    course = call.course(course_id)
    call.need(course, "read")
    return call.answer(sorted(course.feature_flags))


def _section_json(call: Call, section: Section) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": int(section.id),
        "course_id": int(section.course_id),
        "name": section.name,
        "start_at": None,
        "end_at": None,
        "created_at": "2026-01-05T08:00:00Z",
        "restrict_enrollments_to_section_dates": None,
        "nonxlist_course_id": int(section.nonxlist_course_id) if section.nonxlist_course_id else None,
        "sis_section_id": None,
    }
    # The Test Student does not count here.
    members = [
        row
        for row in call.state.enrollments_of(section.course_id)
        if row.section_id == section.id and row.type is EnrollmentType.STUDENT
    ]
    current = call.state.current_student_ids(members)
    if "total_students" in call.includes:
        shown["total_students"] = len(current)
    if "students" in call.includes:
        people = [call.state.users[user_id] for user_id in sorted(current, key=int)]
        shown["students"] = [user_json(user, private=False) for user in people] or None
    return shown


def list_sections(call: Call, course_id: str) -> Response:
    """GET /courses/:course_id/sections, by name; a section-limited caller sees only hers."""
    course = call.course(course_id)
    call.need(course, "read_roster")
    visible = rights.visible_section_ids(call.state, course, call.user)
    rows = [row for row in call.state.sections_of(course.id) if visible is None or row.id in visible]
    return call.page(rows, lambda row: _section_json(call, row))


def show_section(call: Call, section_id: str) -> Response:
    """GET /sections/:id."""
    section = call.section(section_id)
    call.need(call.course(section.course_id), "read_roster")
    return call.answer(_section_json(call, section))


def list_course_enrollments(call: Call, course_id: str) -> Response:
    """GET /courses/:course_id/enrollments."""
    return _list_enrollments(call, call.course(course_id), None)


def list_section_enrollments(call: Call, section_id: str) -> Response:
    """GET /sections/:section_id/enrollments."""
    section = call.section(section_id)
    return _list_enrollments(call, call.course(section.course_id), section)


def _list_enrollments(call: Call, course: Course, section: Section | None) -> Response:
    """One row per person, section and role; by type, sortable name, id, in bookmarked pages.

    Without `state[]` the docs promise active and invited; the code gives those who read as admins, that is
    teachers, the inactive ones too. Deleted and rejected rows come where they are asked for. With `user_id`
    the caller's sections narrow nothing (canvas-lms enrollments_api_controller.rb, user_index_enrollments).
    """
    person = as_list(call.params.get("user_id"))[:1]
    wanted = call.user_id(person[0]) if person else None
    if wanted != call.user.id:  # one's own are shown without any permission
        call.need(course, "read_roster")
    teaches = "view_all_grades" in call.permissions(course)
    default = ["active", "invited", "inactive"] if teaches else ["active", "invited"]
    states = as_list(call.params.get("state")) or default
    types = as_list(call.params.get("type"))
    visible = (
        rights.visible_enrollments(call.state, course, call.user)
        if wanted is None
        else call.state.enrollments_of(course.id, wanted)
    )
    rows = [
        row
        for row in visible
        if row.state in states
        and (not types or row.type in types)
        and (section is None or row.section_id == section.id)
    ]

    def place(row: Enrollment) -> tuple[str, str, int]:
        return row.type, call.state.users[row.user_id].sortable_name.casefold(), int(row.id)

    def show(row: Enrollment) -> dict[str, object]:
        return _enrollment_json(call, row, private=teaches)

    if call.state.habits.numeric_enrollments:
        return call.page(sorted(rows, key=place), show)
    return bookmarked_answer(call.request, call.state.habits, rows, place, show)


def _enrollment_json(call: Call, row: Enrollment, *, private: bool = False) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": int(row.id),
        "user_id": int(row.user_id),
        "course_id": int(row.course_id),
        "course_section_id": int(row.section_id),
        "root_account_id": 1,
        "type": row.type.value,
        "role": row.role,
        "role_id": 3,
        "enrollment_state": row.state.value,
        "limit_privileges_to_course_section": row.limit_privileges_to_course_section,
        "associated_user_id": None,
        "created_at": time_text(row.created_at),
        "updated_at": time_text(row.created_at),
        "start_at": None,
        "end_at": None,
        "last_activity_at": None,
        "total_activity_time": 0,
        "html_url": call.url(f"/courses/{row.course_id}/users/{row.user_id}"),
        "user": user_json(call.state.users[row.user_id], private=private),
    }
    if "group_ids" in call.includes:
        shown["user"] = user_json(call.state.users[row.user_id], private=private) | {
            "group_ids": [
                int(membership.group_id)
                for membership in call.state.group_memberships.values()
                if membership.user_id == row.user_id
                and call.state.groups[membership.group_id].course_id == row.course_id
            ]
        }
    return shown


def list_users(call: Call, course_id: str) -> Response:
    """GET /courses/:course_id/users: one row per person.

    The Test Student is dropped after the page was cut unless asked for by `include[]=test_student` or the
    type `student_view`, so a page may be short.
    """
    course = call.course(course_id)
    call.need(course, "read_roster")
    asked = as_list(call.params.get("enrollment_type"))
    types = {_KINDS[kind] for kind in asked if kind in _KINDS}
    if EnrollmentType.STUDENT in types:
        types.add(EnrollmentType.STUDENT_VIEW)
    states = as_list(call.params.get("enrollment_state")) or ["active", "invited"]
    enrollments: dict[str, list[Enrollment]] = {}
    for row in rights.visible_enrollments(call.state, course, call.user):
        if row.state in states and (not types or row.type in types):
            enrollments.setdefault(row.user_id, []).append(row)
    users = sorted(
        (call.state.users[user_id] for user_id in enrollments),
        key=lambda user: (user.sortable_name.casefold(), int(user.id)),
    )
    keep_test_student = "test_student" in call.includes or "student_view" in asked
    private = "view_all_grades" in call.permissions(course)

    def show(user: User) -> dict[str, object]:
        shown = user_json(user, private=private)
        if "enrollments" in call.includes:
            shown["enrollments"] = [_enrollment_json(call, row) for row in enrollments[user.id]]
        if "email" in call.includes and private:
            shown["email"] = user.email
        return shown

    return call.page(users, show, keep=lambda user: keep_test_student or not user.fake_student)


def show_course_user(call: Call, course_id: str, user_id: str) -> Response:
    """GET /courses/:course_id/users/:id."""
    course = call.course(course_id)
    call.need(course, "read_roster")
    wanted = call.user.id if user_id == "self" else canonical_id(user_id)
    visible = {row.user_id for row in rights.visible_enrollments(call.state, course, call.user)}
    if wanted not in visible:
        call.fail_not_found()
    return call.answer(user_json(call.state.users[wanted], private=False))


def show_progress(call: Call, progress_id: str) -> Response:
    """GET /progress/:id."""
    row = call.state.progresses.get(canonical_id(progress_id))
    if row is None:
        call.fail_not_found()
    if row.user_id != call.user.id and not call.user.site_admin:
        raise not_authorized(call.state.habits)
    return call.answer(progress_json(call, row))


def progress_json(call: Call, row: Progress) -> dict[str, object]:
    """A job as Canvas shows it."""
    return {
        "id": int(row.id),
        "context_id": int(row.context_id),
        "context_type": row.context_type,
        "user_id": int(row.user_id),
        "tag": row.tag,
        "completion": row.completion,
        "workflow_state": row.workflow_state,
        "message": row.message,
        "url": call.url(f"/api/v1/progress/{row.id}"),
        "created_at": time_text(row.created_at),
        "updated_at": time_text(row.updated_at),
    }
