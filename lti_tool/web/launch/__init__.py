"""The LTI endpoints: login, launch, the exchange for a session, our key set.

Pages here show nothing private. The browser that began a login proves itself at the launch by a cookie
(None, Secure, Partitioned) or by the platform's storage (LTI Client Side postMessages 1.0); either suffices.
A browser that keeps neither is offered a window of its own before anything single-use is spent.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import structlog
from flask import Blueprint, Response, jsonify, make_response, render_template, request, url_for
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lti_tool.lti.context import LaunchContext
from lti_tool.lti.errors import LaunchRefused, Refusal
from lti_tool.lti.keys import ToolKeys
from lti_tool.lti.launching import Launching, StartedLogin
from lti_tool.lti.sessions import Sessions
from lti_tool.metrics import LAUNCHES
from lti_tool.web.limits import Kind, limited
from lti_tool.web.security import ANYBODY, IN_CANVAS, frame_in

COOKIE = "__Host-peer-allocator-launch-"
"""The prefix keeps sites beside this one (other hosts of its domain) from planting a mark of their own."""
COOKIE_SECONDS = 600
log = structlog.get_logger(__name__)

WORDS: dict[Refusal, tuple[int, LazyString, LazyString, LazyString]] = {
    Refusal.NOT_A_LAUNCH: (
        400,
        _l("This is not a launch from Canvas"),
        _l("This address only answers Canvas, when it opens the tool."),
        _l("Open the tool from the course navigation in Canvas."),
    ),
    Refusal.UNKNOWN_PLATFORM: (
        403,
        _l("Canvas and this tool don't know each other yet"),
        _l("The tool is installed in Canvas, but this Canvas and its key are not registered in the tool."),
        _l("Send this page to the people who run the tool. They register the issuer and client id below."),
    ),
    Refusal.PLATFORM_ERROR: (
        403,
        _l("Canvas did not open the tool"),
        _l(
            "Canvas answered with an error instead of a launch. Often it is a login that has ended meanwhile."
        ),
        _l("Reload the page in Canvas, log in if asked, and open the tool again."),
    ),
    Refusal.LOGIN_ENDED: (
        403,
        _l("Your login in Canvas has ended"),
        _l("Canvas does not know any more who you are, or knows you as somebody else than a moment ago."),
        _l("Reload the page in Canvas, log in if asked, and open the tool again."),
    ),
    Refusal.SWITCHED_OFF: (
        403,
        _l("The tool is switched off in Canvas"),
        _l("Canvas answered that this tool's developer key may not be used here."),
        _l("Ask your Canvas administrator to switch the tool's LTI key on for this account."),
    ),
    Refusal.LAUNCH_OVER: (
        403,
        _l("This launch is over"),
        _l("Each launch works once and for a few minutes, so that nobody can repeat it."),
        _l("Open the tool again from the course navigation in Canvas."),
    ),
    Refusal.TOKEN_REFUSED: (
        403,
        _l("The launch could not be verified"),
        _l("What arrived does not prove that it comes from your Canvas, so the tool does not open."),
        _l("Try again from Canvas. If it stays so, give the reference number to whoever installed the tool."),
    ),
    Refusal.KEYS_UNREACHABLE: (
        403,
        _l("Canvas's keys could not be read"),
        _l("To verify a launch the tool reads public keys from Canvas, and that failed just now."),
        _l(
            "Try again in a minute. If it stays so, the key set address in the tool's configuration is wrong."
        ),
    ),
    Refusal.UNKNOWN_DEPLOYMENT: (
        403,
        _l("This installation of the tool is not registered"),
        _l("Canvas and the tool know each other, but not this deployment."),
        _l("Send this page to the people who run the tool. They add the deployment below."),
    ),
    Refusal.CLAIMS_REFUSED: (
        403,
        _l("The launch is incomplete"),
        _l("Something that LTI 1.3 demands is missing from what arrived."),
        _l("Give the reference number to whoever installed the tool."),
    ),
    Refusal.OTHER_CANVAS: (
        403,
        _l("The launch comes from another Canvas"),
        _l("The address of your Canvas differs from the one that is registered for this key."),
        _l("Send this page to the people who run the tool. They can add a second address of a Canvas."),
    ),
    Refusal.NOT_FROM_A_COURSE: (
        403,
        _l("Open the tool from a course"),
        _l("It was opened from a place that belongs to no course, such as an editor or an account."),
        _l("Open it from the navigation of a course that you teach."),
    ),
    Refusal.CONTRADICTED: (
        403,
        _l("This link contradicts Canvas"),
        _l("The link names another course or person than Canvas does, so the tool did not open."),
        _l("Open the tool from the course navigation. Remove the link, or tell the person who made it."),
    ),
    Refusal.BROWSER_NOT_PROVEN: (
        403,
        _l("Your browser did not keep our mark"),
        _l("To be sure that you opened the tool, your browser must give back a mark set a moment ago."),
        _l("Open the tool again, or allow cookies for it; in a private window, use a normal one."),
    ),
}


def launch_blueprint(
    launching: Launching,
    sessions: Sessions,
    keys: ToolKeys,
    arrived: Callable[[LaunchContext], LaunchContext] = lambda context: context,
) -> Blueprint:
    """The endpoints below /lti. ``arrived`` adds what Canvas has confirmed about person and course; it is
    called for each launch from a course whose browser is proven."""
    lti = Blueprint("lti", __name__, url_prefix="/lti", template_folder="templates", static_folder="static")

    @lti.route("/login", methods=["GET", "POST"])
    @limited(Kind.LAUNCH)
    def login() -> Response:
        started = launching.start(request.values)
        frame_in(started.registration.platform_origins)
        answer = make_response(
            # Everything is sent again from a window of its own; the platform's launch is not spent before.
            render_template("launch/login.html", started=started, again=list(request.values.items()))
        )
        _remember(answer, started)
        return answer

    @lti.get("/cookie")
    def cookie() -> Response:
        """Whether the browser sends cookies from where it is; asked by the login page."""
        return jsonify(kept=f"{COOKIE}{request.args.get('label', '')}" in request.cookies)

    @lti.post("/launch")
    @limited(Kind.LAUNCH)
    def launch() -> Response:
        finished = launching.finish(request.form, lambda label: request.cookies.get(f"{COOKIE}{label}"))
        LAUNCHES.labels("accepted").inc()
        _log_launch(finished.context)
        frame_in([finished.context.platform_origin])
        page = "launch/launch.html" if finished.context.context_id else "launch/no_course.html"
        answer = make_response(render_template(page, finished=finished))
        _forget(answer, finished.label)
        return answer

    @lti.post("/session")
    @limited(Kind.LAUNCH)
    def session() -> Response:
        """Exchange a code, and the binding where needed, for a session. JSON only: no form can send it."""
        try:
            body = request.get_json(silent=True)
        except RecursionError:  # brackets without end
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("code"), str):
            raise LaunchRefused(Refusal.NOT_A_LAUNCH, "no code")
        binding = body.get("binding")
        context = launching.redeem(body["code"], binding if isinstance(binding, str) else None)
        if not context.context_id:
            raise LaunchRefused(Refusal.NOT_FROM_A_COURSE, "the launch names no course")
        context = arrived(context)
        around = urlencode({IN_CANVAS: urlsplit(context.platform_origin).netloc})
        page = url_for("course.home.home", course_id=context.place)
        if context.is_administrator and not context.is_instructor:
            page = url_for("administration.overview")
        return jsonify(token=sessions.open(context), location=f"{page}?{around}")

    @lti.get("/jwks.json")
    def jwks() -> Response:
        """The tool's public keys."""
        answer = jsonify(keys.public_set())
        answer.headers["Cache-Control"] = "public, max-age=600"
        return answer

    @lti.get("/launch")
    def launch_by_get() -> Response:
        """Canvas posts launches; an address with a token in it would end up in logs."""
        raise LaunchRefused(Refusal.NOT_A_LAUNCH, "GET")

    lti.register_error_handler(LaunchRefused, _refused)
    return lti


def _remember(answer: Response, started: StartedLogin) -> None:
    answer.set_cookie(
        f"{COOKIE}{started.label}",
        started.binding,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )


def _forget(answer: Response, label: str) -> None:
    answer.delete_cookie(
        f"{COOKIE}{label}", path="/", secure=True, httponly=True, samesite="None", partitioned=True
    )


def _log_launch(context: LaunchContext) -> None:
    """Who acts as whom is named; people and courses are ids only."""
    log.info(
        "launched",
        launch=context.launch_id,
        issuer=context.issuer,
        client_id=context.client_id,
        deployment=context.deployment_id,
        subject=context.lti_user_id,
        context=context.context_id,
        masquerader=context.masquerader or None,
    )


def _named(error: LaunchRefused) -> list[tuple[LazyString, str]]:
    """What an operator needs to find or make the registration."""
    said = (
        (_l("Issuer"), error.issuer),
        (_l("Client id"), error.client_id),
        (_l("Deployment"), error.deployment_id),
    )
    return [(name, value) for name, value in said if value]


def _refused(error: LaunchRefused) -> Response:
    status, title, happened, to_do = WORDS[error.refusal]
    # Where nobody knows whose launch it was, the page must be readable anywhere: perhaps it says just that.
    frame_in(error.platform_origins or ANYBODY)
    LAUNCHES.labels(error.refusal.value).inc()
    log.warning(
        "launch_refused",
        refusal=error.refusal.value,
        detail=error.detail,
        reference=error.reference,
        issuer=error.issuer,
        client_id=error.client_id,
        deployment=error.deployment_id,
    )
    if request.is_json:
        answer = jsonify(
            title=str(title), happened=str(happened), to_do=str(to_do), reference=error.reference
        )
    else:
        answer = make_response(
            render_template(
                "launch/refused.html",
                title=title,
                happened=happened,
                to_do=to_do,
                reference=error.reference,
                named=_named(error),
            )
        )
    answer.status_code = status
    return answer
