"""Fill up: late work and reviews that will not come; what counts is ticked, the plan is shown first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, Response, render_template, request, url_for

from allocation import Infeasible
from lti_tool.planning.holes import CHOSEN, Hole, HoleKind
from lti_tool.planning.ids import AssignmentId
from lti_tool.services.errors import NobodyToAllocate, RulesUnfit
from lti_tool.services.follow_up_cases import FillingView
from lti_tool.services.use_cases import UseCases
from lti_tool.web.after import words
from lti_tool.web.answers import go_to
from lti_tool.web.limits import Kind, limited
from lti_tool.web.reading import waiting_for
from lti_tool.web.session import visit

SHOWN = 50
"""At most so many reviews of one kind are listed."""


@dataclass(frozen=True, slots=True)
class KindOfHole:
    """One kind with its reviews: whether it can be ticked, and is; ``stuck`` of them stay in Canvas."""

    kind: HoleKind
    choice: bool
    ticked: bool
    shown: tuple[Hole, ...]
    number: int
    stuck: int


def filling_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/fill-up``."""
    pages = Blueprint("filling", __name__, url_prefix="/assignments/<assignment_id>/fill-up")

    @pages.get("")
    def fill_up(course_id: str, assignment_id: str) -> str:
        view = services.filling.look(visit().actor, AssignmentId(assignment_id))
        return render_template(
            "fill_up.html",
            course_id=course_id,
            assignment_id=assignment_id,
            view=view,
            snapshot=view.snapshot,
            rules=view.rules,
            kinds=kinds_of(view),
            hole_words=words.HOLES,
            names={user: person.name for user, person in view.snapshot.people_by_id.items()},
        )

    @pages.post("/read")
    def read_again(course_id: str, assignment_id: str) -> Response:
        assignment = AssignmentId(assignment_id)
        services.background.begin(visit().actor, assignment, since=datetime.now(UTC))
        here = url_for("course.filling.fill_up", course_id=course_id, assignment_id=assignment_id)
        return go_to(waiting_for(course_id, assignment, here))

    @pages.post("")
    @limited(Kind.PREVIEW)
    def plan(course_id: str, assignment_id: str) -> Response:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        kinds = {kind for kind in CHOSEN if kind in request.form.getlist("kind")}
        delete = request.form.get("open_reviews") == "delete"
        try:
            made = services.filling.plan(actor, assignment, kinds, delete=delete)
        except (Infeasible, NobodyToAllocate, RulesUnfit):
            return go_to(url_for("course.rules.rules", course_id=course_id, assignment_id=assignment_id))
        return go_to(url_for("course.preview.preview", course_id=course_id, plan_id=made.id))

    return pages


def kinds_of(view: FillingView) -> list[KindOfHole]:
    """The kinds that there are, those that Canvas settles first."""
    counted = view.counted
    found = []
    for kind in HoleKind:
        holes = view.of_kind(kind)
        if holes:
            stuck = sum(not hole.deletable for hole in holes)
            choice = kind in CHOSEN
            found.append(KindOfHole(kind, choice, kind in counted, holes[:SHOWN], len(holes), stuck))
    return found
