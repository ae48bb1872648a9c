"""Who sits at the browser: signing in by choosing a person, and the "act as" chooser of every page.

Two cookies carry the answer. The session cookie is SameSite=Lax and is what pages and OAuth read. Inside
the frame of a launch the tool's own page may send the browser to the authorisation address, which makes the
request cross-site for a Lax cookie even though the frame is ours; like Canvas's session cookie, a second
one is therefore SameSite=None and Secure. It is valid for that address only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import urlencode

from flask import Blueprint, Flask, current_app, redirect, render_template, request, session
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response

from lti_tool.simulator.pages.context import PageProblem, person_or_problem, simulator
from lti_tool.simulator.people import PersonGroup, people_to_act_as, standing
from lti_tool.simulator.records import Course, User

blueprint = Blueprint("visitor", __name__)

FRAME_COOKIE = "simulated_canvas_frame"
FRAME_COOKIE_PATH = "/api/lti"
JUST_SIGNED_IN = "just_signed_in"
"""Session key: the page for which this browser has just signed in (what force_login of OAuth asks for)."""

P = ParamSpec("P")


def current_person() -> User | None:
    """Who is signed in in this browser."""
    return simulator().state.users.get(session.get("user_id", ""))


def real_person() -> User | None:
    """The administrator who acts as `current_person`; None where nobody does."""
    return simulator().state.users.get(session.get("real_user_id", ""))


def person_in_frame() -> User | None:
    """Who is signed in, as the authorisation address may learn it: from either cookie."""
    person = current_person()
    if person is not None:
        return person
    try:
        user_id = _frame_serializer().loads(request.cookies.get(FRAME_COOKIE, ""))
    except BadSignature:
        return None
    return simulator().state.users.get(user_id)


def signed_in(view: Callable[P, Any]) -> Callable[P, Any]:
    """For views that need a person: sends others to the sign-in page and back."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        if current_person() is None:
            return redirect(login_address())
        return view(*args, **kwargs)

    return guarded


def require_person() -> User:
    """The person of a view behind `signed_in`."""
    person = current_person()
    if person is None:
        raise RuntimeError("the view is not behind signed_in")
    return person


def login_address() -> str:
    """The sign-in page that comes back to the current address."""
    return "/login?" + urlencode({"next": request.full_path.rstrip("?")})


def local_path(wanted: str) -> str:
    """`wanted` when it is a path of this site, else the dashboard."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if plain and "\n" not in wanted and "\r" not in wanted else "/"


@blueprint.get("/login")
def login() -> str:
    groups = [group for course in _courses() for group in people_to_act_as(simulator().state, course)]
    return render_template(
        "login.html", groups=_merged(groups), next=local_path(request.args.get("next", "/"))
    )


@blueprint.post("/act-as")
def act_as() -> Response:
    """Become somebody. The choice ends the old session, as signing out and in would."""
    person = person_or_problem(request.form.get("user_id", ""))
    session.clear()
    return _become(person)


@blueprint.post("/users/<user_id>/masquerade")
@signed_in
def masquerade(user_id: str) -> Response:
    """Canvas's own "Act as user": pages, launches and tokens are the user's, and name who really acts."""
    real = real_person() or require_person()
    if not real.site_admin:
        raise PageProblem(403, "You can't act as another user", "Only administrators can.")
    person = person_or_problem(user_id)
    session.clear()
    if person.id != real.id:
        session["real_user_id"] = real.id
    return _become(person)


def _become(person: User) -> Response:
    session["user_id"] = person.id
    wanted = local_path(request.form.get("next", "/"))
    session[JUST_SIGNED_IN] = wanted
    answer = redirect(wanted, code=303)
    answer.set_cookie(
        FRAME_COOKIE,
        str(_frame_serializer().dumps(person.id)),
        path=FRAME_COOKIE_PATH,
        secure=True,
        httponly=True,
        samesite="None",
    )
    return answer


@blueprint.post("/logout")
def logout() -> Response:
    session.clear()
    answer = redirect("/", code=303)
    answer.delete_cookie(FRAME_COOKIE, path=FRAME_COOKIE_PATH, secure=True, samesite="None")
    return answer


def prepare_templates(app: Flask) -> None:
    """Give every template the person, the chooser and the words for dates and roles."""

    def for_every_page() -> dict[str, Any]:
        state = simulator().state
        person = current_person()
        course = _course_of_address()
        groups = people_to_act_as(state, course) if course is not None else _everywhere()
        listed = person is None or any(row.user.id == person.id for group in groups for row in group.people)
        return {
            "person": person,
            "person_standing": standing(state, person, course) if person is not None else "",
            "person_is_listed": listed,
            "chooser": groups,
            "here": request.full_path.rstrip("?") if request.method == "GET" else "/",
            "now": state.now(),
        }

    app.context_processor(for_every_page)
    app.add_template_filter(lambda at: at.strftime("%d %b %Y, %H:%M") if at is not None else "none", "moment")
    app.add_template_filter(lambda at: at.strftime("%H:%M:%S"), "clock")


def _courses() -> list[Course]:
    return list(simulator().state.courses.values())


def _course_of_address() -> Course | None:
    return simulator().state.courses.get((request.view_args or {}).get("course_id", ""))


def _everywhere() -> list[PersonGroup]:
    state = simulator().state
    return _merged([group for course in _courses() for group in people_to_act_as(state, course)])


def _merged(groups: list[PersonGroup]) -> list[PersonGroup]:
    """One group per label: an admin appears once although every course offers her."""
    merged: dict[str, PersonGroup] = {}
    for group in groups:
        merged.setdefault(group.label, group)
    return list(merged.values())


def _frame_serializer() -> URLSafeSerializer:
    if current_app.secret_key is None:
        raise RuntimeError("the simulator has no key to sign cookies with")
    return URLSafeSerializer(current_app.secret_key, salt=FRAME_COOKIE)
