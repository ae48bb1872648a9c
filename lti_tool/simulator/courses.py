"""The courses that a simulated Canvas starts with, made from a seed: small, sections, large, awkward.

The same seed and the same clock give the same state, ids, names and tokens included. All courses share their
staff: logins `teacher`, `ta` (all sections), `section-ta` (one section only) and `admin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from lti_tool.simulator.awkward_course import add_awkward_course
from lti_tool.simulator.habits import Clock, Habits
from lti_tool.simulator.names import FIRST_NAMES, LAST_NAMES
from lti_tool.simulator.records import Assignment, Course, EnrollmentType, Section, User
from lti_tool.simulator.staff import Staff, add_staff, enroll_staff
from lti_tool.simulator.state import CanvasState

CourseKind = Literal["small", "sections", "large", "awkward"]
ALL_KINDS: tuple[CourseKind, ...] = ("small", "sections", "large", "awkward")


@dataclass(frozen=True, slots=True)
class _Plan:
    name: str
    code: str
    students: int
    sections: int


_PLANS: dict[str, _Plan] = {
    "small": _Plan("Writing Seminar", "WRIT-101", 12, 1),
    "sections": _Plan("Introduction to Sociology", "SOC-110", 120, 4),
    "large": _Plan("Foundations of Biology", "BIO-100", 1_000, 10),
}


def build_state(
    seed: int = 1,
    *,
    kinds: Sequence[CourseKind] = ALL_KINDS,
    clock: Clock | None = None,
    habits: Habits | None = None,
) -> CanvasState:
    """A Canvas with staff and the wanted courses. Tests leave out the large one when they do not need it."""
    state = CanvasState(seed=seed, clock=clock, habits=habits)
    now = state.now().replace(second=0, microsecond=0)
    staff = add_staff(state)
    pairs = [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES]
    names = iter(state.random.sample(pairs, len(pairs)))
    for kind in kinds:
        if kind == "awkward":
            add_awkward_course(state, staff, now)
        else:
            plan = _PLANS[kind]
            _add_plain_course(state, staff, plan, [next(names) for _ in range(plan.students)], now)
    return state


def _add_plain_course(
    state: CanvasState, staff: Staff, plan: _Plan, names: Sequence[str], now: datetime
) -> Course:
    course = state.add_course(plan.name, plan.code)
    sections = [state.add_section(course, f"{plan.code} Section {n + 1:02d}") for n in range(plan.sections)]
    enroll_staff(state, staff, course, sections, now)
    students: list[User] = []
    for position, name in enumerate(names):
        user = state.add_user(name)
        state.add_enrollment(
            user, sections[position % len(sections)], EnrollmentType.STUDENT, at=now - timedelta(days=60)
        )
        students.append(user)
    _add_plain_assignments(state, course, sections, now)
    for assignment in state.assignments_of(course.id):
        state.refresh_submissions(assignment)
    _hand_in(state, course, students, now)
    return course


def _add_plain_assignments(
    state: CanvasState, course: Course, sections: Sequence[Section], now: datetime
) -> list[Assignment]:
    made = now - timedelta(days=50)
    essay = state.add_assignment(course, "Essay 1: a place you know", at=made)
    essay.peer_reviews, essay.due_at = True, now - timedelta(days=3)
    report = state.add_assignment(course, "Field report", at=made)
    report.peer_reviews = report.automatic_peer_reviews = True
    report.peer_review_count, report.due_at = 2, now + timedelta(days=4)
    journal = state.add_assignment(course, "Reading journal", at=made)
    journal.due_at = now - timedelta(days=10)
    draft = state.add_assignment(course, "Essay 2: first draft", at=made)
    draft.peer_reviews, draft.anonymous_peer_reviews, draft.due_at = True, True, now + timedelta(days=9)
    made_assignments = [essay, report, journal, draft]
    if len(sections) > 1:
        task = state.add_assignment(course, "Interview (first two sections only)", at=made)
        task.peer_reviews, task.only_visible_to_overrides = True, True
        for section in sections[:2]:
            override = state.add_override(task, section.name)
            override.section_id, override.due_at = section.id, now - timedelta(days=1)
        made_assignments.append(task)
    return made_assignments


def _hand_in(state: CanvasState, course: Course, students: Sequence[User], now: datetime) -> None:
    """Everybody hands in the first essay; of the rest that is due, nine in ten, some a day late."""
    for number, assignment in enumerate(state.assignments_of(course.id)):
        due = assignment.due_at or now - timedelta(days=1)
        if due > now and not assignment.automatic_peer_reviews:
            continue
        for user in students:
            row = state.submission_of(assignment.id, user.id)
            if row is None or row.deleted or (number > 0 and state.random.random() < 0.1):
                continue
            late = number > 0 and state.random.random() < 0.05
            last_moment = min(due, now)
            early = timedelta(minutes=state.random.randrange(5, 4_000))
            handed_in = min(last_moment + timedelta(hours=20), now) if late else last_moment - early
            state.submit(user.id, assignment.id, at=handed_in)
