"""A course: its assignments with their peer reviews in numbers, its people, and who comes and goes."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from lti_tool.simulator.pages.context import (
    PageProblem,
    course_or_problem,
    paged,
    person_or_problem,
    simulator,
)
from lti_tool.simulator.pages.visitor import signed_in
from lti_tool.simulator.people import ROLE_ORDER, enrollment_in_words
from lti_tool.simulator.records import Assignment, Course, EnrollmentState, EnrollmentType, ReviewState, User

blueprint = Blueprint("courses", __name__)


@blueprint.get("/courses/<course_id>")
@signed_in
def course_page(course_id: str) -> str:
    state = simulator().state
    course = course_or_problem(course_id)
    with state.lock:
        rows = [_in_numbers(assignment) for assignment in state.assignments_of(course.id)]
    return render_template(
        "course.html", course=course, rows=rows, sections=state.sections_of(course.id), tools=tools_of(course)
    )


def _in_numbers(assignment: Assignment) -> dict[str, object]:
    state = simulator().state
    submissions = [row for row in state.submissions_of(assignment.id) if not row.deleted]
    reviews = state.reviews_of(assignment.id)
    return {
        "assignment": assignment,
        "submitted": sum(row.submission_type is not None for row in submissions),
        "expected": len(submissions),
        "reviews": len(reviews),
        "completed": sum(row.workflow_state == ReviewState.COMPLETED for row in reviews),
    }


def tools_of(course: Course) -> list[tuple[str, str]]:
    """Client id and name of each LTI tool that is installed here, for the course navigation."""
    return [
        (key.client_id, key.label or key.name)
        for key in simulator().state.keys.values()
        if key.kind == "lti" and any(d.course_id in (None, course.id) for d in key.deployments)
    ]


@blueprint.app_context_processor
def course_navigation() -> dict[str, object]:
    course = simulator().state.courses.get((request.view_args or {}).get("course_id", ""))
    return {"nav_tools": tools_of(course) if course is not None else []}


@blueprint.get("/courses/<course_id>/users")
@signed_in
def people(course_id: str) -> str:
    """Everybody in the course, one row for each enrolment, as Canvas keeps them."""
    state = simulator().state
    course = course_or_problem(course_id)
    wanted = request.args.get("search", "").strip().casefold()
    with state.lock:
        rows = [
            (state.users[row.user_id], row, state.sections[row.section_id], enrollment_in_words(state, row))
            for row in state.enrollments_of(course.id)
            if wanted in state.users[row.user_id].name.casefold()
        ]
    rows.sort(key=lambda row: (ROLE_ORDER.index(row[1].type), row[0].sortable_name.casefold()))
    return render_template(
        "people.html", course=course, page=paged(rows), search=request.args.get("search", "")
    )


@blueprint.post("/courses/<course_id>/drop")
@signed_in
def drop(course_id: str) -> Response:
    state, course = simulator().state, course_or_problem(course_id)
    person = _student(course)
    kind = request.form.get("state", EnrollmentState.INACTIVE.value)
    if kind not in ("inactive", "completed", "deleted"):
        raise PageProblem(400, "That is no way to leave a course", "Choose inactive, completed or deleted.")
    state.drop(person.id, course.id, state=EnrollmentState(kind))
    flash(f"{person.name} is now {kind}. Canvas keeps the reviews; its API can no longer change them.")
    return redirect(f"/courses/{course.id}/users", code=303)


@blueprint.post("/courses/<course_id>/reinstate")
@signed_in
def reinstate(course_id: str) -> Response:
    state, course = simulator().state, course_or_problem(course_id)
    person = _student(course)
    state.reinstate(person.id, course.id)
    flash(f"{person.name} is active again.")
    return redirect(f"/courses/{course.id}/users", code=303)


@blueprint.post("/courses/<course_id>/enroll")
@signed_in
def enroll(course_id: str) -> Response:
    state, course = simulator().state, course_or_problem(course_id)
    name = " ".join(request.form.get("name", "").split())
    section_id = request.form.get("section_id") or None
    if not name:
        raise PageProblem(400, "The new student needs a name", "Go back and fill in the name.")
    if section_id is not None and section_id not in {row.id for row in state.sections_of(course.id)}:
        raise PageProblem(400, "There is no such section", "Go back and choose a section of this course.")
    state.enroll_late(course.id, name, section_id=section_id)
    flash(f"{name} joined the course.")
    return redirect(f"/courses/{course.id}", code=303)


def _student(course: Course) -> User:
    """The student that the form names, who must have an enrolment here."""
    person = person_or_problem(request.form.get("user_id", ""))
    rows = simulator().state.enrollments_of(course.id, person.id)
    if not any(row.type == EnrollmentType.STUDENT for row in rows):
        raise PageProblem(
            404, "This person is not a student here", "Choose somebody from the people of the course."
        )
    return person
