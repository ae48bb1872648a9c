"""One assignment: who handed in, who reviews whom, and the buttons with which students and teachers act."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from lti_tool.simulator.pages.context import (
    PageProblem,
    assignment_or_problem,
    course_or_problem,
    paged,
    person_or_problem,
    simulator,
)
from lti_tool.simulator.pages.visitor import signed_in
from lti_tool.simulator.records import AssessmentRequest, Assignment, Course, ReviewState, Submission, User

blueprint = Blueprint("assignments", __name__, url_prefix="/courses/<course_id>/assignments/<assignment_id>")


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One review as the page shows it."""

    review: AssessmentRequest
    reviewer: User
    author: User


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One student's work as the page shows it."""

    submission: Submission
    student: User
    gives: int
    gets: int


@blueprint.get("")
@signed_in
def assignment_page(course_id: str, assignment_id: str) -> str:
    course, assignment = _place(course_id, assignment_id)
    works = _works(assignment)
    return render_template(
        "assignment.html",
        course=course,
        assignment=assignment,
        page=paged(works),
        waiting=[
            row for row in works if row.submission.submission_type is None and not row.submission.excused
        ],
        rubric=simulator().state.rubric_associations.get(assignment.rubric_association_id or ""),
    )


@blueprint.get("/peer_reviews")
@signed_in
def peer_reviews(course_id: str, assignment_id: str) -> str:
    """Who reviews whom, by reviewer, as on Canvas's own peer review page."""
    course, assignment = _place(course_id, assignment_id)
    state = simulator().state
    wanted = request.args.get("search", "").strip().casefold()
    with state.lock:
        every = [
            ReviewRow(row, state.users[row.assessor_id], state.users[row.user_id])
            for row in state.reviews_of(assignment.id)
        ]
    every.sort(key=lambda row: (row.reviewer.sortable_name.casefold(), row.author.sortable_name.casefold()))
    shown = [
        row for row in every if wanted in row.reviewer.name.casefold() or wanted in row.author.name.casefold()
    ]
    return render_template(
        "peer_reviews.html",
        course=course,
        assignment=assignment,
        page=paged(shown),
        total=len(every),
        completed=sum(row.review.workflow_state == ReviewState.COMPLETED for row in every),
        search=request.args.get("search", ""),
        students=sorted(
            (row.student for row in _works(assignment)), key=lambda user: user.sortable_name.casefold()
        ),
    )


@blueprint.post("/submit")
@signed_in
def submit(course_id: str, assignment_id: str) -> Response:
    course, assignment = _place(course_id, assignment_id)
    student = _student_with_row(assignment, "user_id")
    simulator().state.submit(student.id, assignment.id)
    flash(f"{student.name} handed in.")
    return _back(course, assignment)


@blueprint.post("/reviews/assign")
@signed_in
def assign(course_id: str, assignment_id: str) -> Response:
    """A teacher assigns a review by hand, as on Canvas's own page."""
    course, assignment = _place(course_id, assignment_id)
    state = simulator().state
    reviewer = _student_with_row(assignment, "assessor_id")
    author = _student_with_row(assignment, "user_id")
    if reviewer.id == author.id:
        raise PageProblem(400, "Nobody reviews the own work", "Choose two different people.")
    work = state.submission_row(assignment.id, author.id)
    state.assign_assessor(work, reviewer.id, made_by="Canvas page")
    flash(f"{reviewer.name} reviews {author.name}.")
    return _back(course, assignment, "/peer_reviews")


@blueprint.post("/reviews/<review_id>/finish")
@signed_in
def finish(course_id: str, assignment_id: str, review_id: str) -> Response:
    course, assignment = _place(course_id, assignment_id)
    simulator().state.complete_review(_review(assignment, review_id).id)
    flash("The review is finished.")
    return _back(course, assignment, "/peer_reviews")


@blueprint.post("/reviews/<review_id>/remove")
@signed_in
def remove(course_id: str, assignment_id: str, review_id: str) -> Response:
    course, assignment = _place(course_id, assignment_id)
    simulator().state.unassign(_review(assignment, review_id).id)
    flash("The review was removed. Comments that were made stay.")
    return _back(course, assignment, "/peer_reviews")


@blueprint.post("/rubric/attach")
@signed_in
def attach_rubric(course_id: str, assignment_id: str) -> Response:
    course, assignment = _place(course_id, assignment_id)
    simulator().state.attach_rubric(assignment.id)
    flash(
        "A rubric is attached. Canvas adopted the reviews and set them back to assigned, finished ones too."
    )
    return _back(course, assignment)


@blueprint.post("/rubric/detach")
@signed_in
def detach_rubric(course_id: str, assignment_id: str) -> Response:
    course, assignment = _place(course_id, assignment_id)
    if assignment.rubric_association_id is None:
        raise PageProblem(400, "There is no rubric to remove", "Attach one first.")
    simulator().state.detach_rubric(assignment.id)
    flash("The rubric is removed.")
    return _back(course, assignment)


@blueprint.post("/automatic")
@signed_in
def automatic(course_id: str, assignment_id: str) -> Response:
    """Let Canvas's own algorithm fill up, as its scheduled job or the button on its page would."""
    course, assignment = _place(course_id, assignment_id)
    made = simulator().state.run_canvas_automatic_allocation(assignment.id)
    flash(f"Canvas assigned {len(made)} reviews by itself.")
    return _back(course, assignment, "/peer_reviews")


def _place(course_id: str, assignment_id: str) -> tuple[Course, Assignment]:
    course = course_or_problem(course_id)
    return course, assignment_or_problem(course, assignment_id)


def _works(assignment: Assignment) -> list[WorkRow]:
    state = simulator().state
    with state.lock:
        gives: dict[str, int] = {}
        gets: dict[str, int] = {}
        for row in state.reviews_of(assignment.id):
            gives[row.assessor_id] = gives.get(row.assessor_id, 0) + 1
            gets[row.submission_id] = gets.get(row.submission_id, 0) + 1
        rows = [
            WorkRow(row, state.users[row.user_id], gives.get(row.user_id, 0), gets.get(row.id, 0))
            for row in state.submissions_of(assignment.id)
            if not row.deleted
        ]
    return sorted(rows, key=lambda row: row.student.sortable_name.casefold())


def _student_with_row(assignment: Assignment, field: str) -> User:
    """The person of a form field, who must have a submission row for the assignment."""
    person = person_or_problem(request.form.get(field, ""))
    row = simulator().state.submission_of(assignment.id, person.id)
    if row is None or row.deleted:
        raise PageProblem(404, "This person does not have the assignment", "Choose somebody from the list.")
    return person


def _review(assignment: Assignment, review_id: str) -> AssessmentRequest:
    review = simulator().state.requests.get(review_id)
    if review is None or review.assignment_id != assignment.id:
        raise PageProblem(404, "There is no such review any more", "Load the list of peer reviews again.")
    return review


def _back(course: Course, assignment: Assignment, below: str = "") -> Response:
    return redirect(f"/courses/{course.id}/assignments/{assignment.id}{below}", code=303)
