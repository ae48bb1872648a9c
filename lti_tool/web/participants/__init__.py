"""Who takes part: numbers, the choice about missing work, leaving single students out with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _

from lti_tool.planning.edits import Edit, EditKind, edited_rules
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.name_order import name_order
from lti_tool.services.people_table import MOST_REVIEWS, Wish, with_wishes
from lti_tool.services.use_cases import UseCases
from lti_tool.web.answers import go_to
from lti_tool.web.paging import page_of
from lti_tool.web.people_fields import PeopleFields, extra_sentence, is_extra, suggestions
from lti_tool.web.reading import waiting_for
from lti_tool.web.session import visit
from lti_tool.web.voice import Words

LONGEST_REASON = 500


def participants_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/people``."""
    pages = Blueprint("participants", __name__, url_prefix="/assignments/<assignment_id>/people")

    def show(
        course_id: str, assignment_id: str, errors: Mapping[str, Words], status: int = 200
    ) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        rules = services.planning.rules(actor, assignment)
        snapshot = services.reading.snapshot(actor, assignment)
        part = services.planning.taking_part(actor, assignment, rules)
        everybody = sorted(snapshot.people, key=lambda one: (name_order(one.sortable_name), one.id))
        wanted = request.args.get("q", "").strip().casefold()
        listed = [
            one
            for one in everybody
            if wanted in one.name.casefold() or wanted in one.sortable_name.casefold()
        ]
        page = page_of(listed, request.args.get("page"))
        return (
            render_template(
                "people.html",
                course_id=course_id,
                assignment_id=assignment_id,
                snapshot=snapshot,
                rules=rules,
                part=part,
                people=everybody,
                reviewer_ids={one.id for one in part.reviewers},
                page=page,
                section_names={section.id: section.name for section in snapshot.sections},
                exclusions=[(one, snapshot.people_by_id.get(UserId(one.user))) for one in rules.exclude],
                errors=errors,
                form=request.form,
                loads=[(one, snapshot.people_by_id.get(UserId(one.user))) for one in rules.loads],
                gives=rules.gives,
                spare=[(user, snapshot.people_by_id.get(UserId(user))) for user in rules.spare],
                volunteers=[(one, snapshot.people_by_id.get(UserId(one.user))) for one in rules.volunteers],
                names=suggestions(snapshot.people),
            ),
            status,
        )

    def here(course_id: str, assignment_id: str) -> str:
        return url_for("course.participants.people", course_id=course_id, assignment_id=assignment_id)

    @pages.get("")
    def people(course_id: str, assignment_id: str) -> tuple[str, int]:
        return show(course_id, assignment_id, {})

    @pages.post("/read")
    def read_again(course_id: str, assignment_id: str) -> Response:
        assignment = AssignmentId(assignment_id)
        services.background.begin(visit().actor, assignment, since=datetime.now(UTC))
        return go_to(waiting_for(course_id, assignment, here(course_id, assignment_id)))

    @pages.post("")
    def choose(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        choice = request.form.get("without_submission")
        if choice not in ("leave_out", "review_only"):
            return show(
                course_id, assignment_id, {"without_submission": _("Choose one of the two answers.")}, 422
            )
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        services.planning.change_rules(
            actor, assignment, lambda rules: rules.model_copy(update={"without_submission": choice})
        )
        return go_to(url_for("course.rules.rules", course_id=course_id, assignment_id=assignment_id))

    @pages.post("/leave-out")
    def leave_out(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        user, reason = request.form.get("user", ""), request.form.get("reason", "").strip()
        errors = {}
        if user not in {one.id for one in services.reading.snapshot(actor, assignment).people}:
            errors["user"] = _("Choose a student from the list.")
        if len(reason) > LONGEST_REASON:
            errors["reason"] = _("Use at most %(n)s characters for the reason.", n=LONGEST_REASON)
        if errors:
            return show(course_id, assignment_id, errors, 422)
        left_out = Edit(EditKind.LEAVE_OUT, person=UserId(user), reason=reason)
        services.planning.change_rules(actor, assignment, lambda rules: edited_rules(rules, left_out))
        return go_to(here(course_id, assignment_id))

    @pages.post("/take-in")
    def take_in(course_id: str, assignment_id: str) -> Response:
        taken_in = Edit(EditKind.TAKE_IN, person=UserId(request.form.get("user", "")))
        services.planning.change_rules(
            visit().actor, AssignmentId(assignment_id), lambda rules: edited_rules(rules, taken_in)
        )
        return go_to(here(course_id, assignment_id))

    @pages.post("/load")
    def set_load(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        """One student gives another number of reviews than the rest."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        fields = PeopleFields(services.reading.snapshot(actor, assignment), request.form)
        user, text = fields.person("load_user"), request.form.get("gives", "").strip()
        if not text.isascii() or not text.isdigit() or len(text) > 2 or int(text) > MOST_REVIEWS:
            fields.errors["gives"] = _("Write a whole number from 0 to %(n)s.", n=MOST_REVIEWS)
        if fields.errors:
            return show(course_id, assignment_id, fields.errors, 422)
        wish = Wish(user, gives=int(text))
        services.planning.change_rules(actor, assignment, lambda rules: with_wishes(rules, [wish]))
        return go_to(f"{here(course_id, assignment_id)}#loads")

    @pages.post("/usual-load")
    def usual_load(course_id: str, assignment_id: str) -> Response:
        """A student gives what everybody gives."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        wish = Wish(UserId(request.form.get("user", "")), usual_number=True)
        services.planning.change_rules(actor, assignment, lambda rules: with_wishes(rules, [wish]))
        return go_to(f"{here(course_id, assignment_id)}#loads")

    @pages.post("/stand-in")
    def stand_in(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        """One student is spare from now on, or a volunteer for so many extra reviews."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        fields = PeopleFields(services.reading.snapshot(actor, assignment), request.form)
        user, text = fields.person("stand_in"), request.form.get("up_to", "").strip() or "1"
        spare = request.form.get("role") == "spare"
        if not spare and not is_extra(text):
            fields.errors["up_to"] = extra_sentence()
        if fields.errors:
            return show(course_id, assignment_id, fields.errors, 422)
        wish = Wish(user, spare=True) if spare else Wish(user, extra=int(text))
        services.planning.change_rules(actor, assignment, lambda rules: with_wishes(rules, [wish]))
        return go_to(f"{here(course_id, assignment_id)}#stand-in")

    @pages.post("/no-stand-in")
    def no_stand_in(course_id: str, assignment_id: str) -> Response:
        """A student neither is spare nor volunteers any longer."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        wish = Wish(UserId(request.form.get("user", "")), spare=False, extra=0)
        services.planning.change_rules(actor, assignment, lambda rules: with_wishes(rules, [wish]))
        return go_to(f"{here(course_id, assignment_id)}#stand-in")

    return pages
