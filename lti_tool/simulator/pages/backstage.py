"""Behind the stage: what Canvas received, the notifications it sent, and the switches for its habits."""

from __future__ import annotations

import re

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.pages.context import PageProblem, paged, simulator
from lti_tool.simulator.pages.switches import (
    HABITS,
    LATENCY_LEAST,
    LATENCY_MOST,
    PLATFORM,
    apply_switches,
)

blueprint = Blueprint("backstage", __name__, url_prefix="/simulator")


@blueprint.get("/received")
def received() -> str:
    """The log of requests to the API, newest first."""
    state = simulator().state
    writes_only = request.args.get("writes") == "1"
    path_part = request.args.get("path", "").strip()
    rows = state.received(writes_only=writes_only, path_part=path_part)[::-1]
    return render_template(
        "received.html",
        page=paged(rows),
        writes_only=writes_only,
        path_part=path_part,
        total=len(state.log),
        writes=sum(row.is_write for row in state.received()),
        people=state.users,
        tools=state.keys,
    )


@blueprint.post("/received/clear")
def clear_received() -> Response:
    state = simulator().state
    with state.lock:
        state.log.clear()
    flash("The log is empty.")
    return redirect("/simulator/received", code=303)


@blueprint.get("/notifications")
def notifications() -> str:
    """What students found in their mail: one line for each time Canvas reminded somebody."""
    state = simulator().state
    with state.lock:
        rows = state.notifications[::-1]
        messages = state.messages[::-1]
    return render_template(
        "notifications.html",
        page=paged(rows),
        messages=messages[:100],
        message_total=len(messages),
        repeated=sum(row.repeated for row in rows),
        people=state.users,
        assignments=state.assignments,
    )


@blueprint.get("/switches")
def switches() -> str:
    return _switches_page([])


@blueprint.post("/switches")
def change_switches() -> Response | tuple[str, int]:
    problems = apply_switches(simulator().platform, request.form)
    if problems:
        return _switches_page(problems), 400
    flash("The habits are changed.")
    return redirect("/simulator/switches", code=303)


def _switches_page(problems: list[str]) -> str:
    parts = simulator()
    habits, platform = parts.state.habits, parts.platform
    return render_template(
        "switches.html",
        habit_groups=HABITS,
        platform_switches=PLATFORM,
        latency=[(LATENCY_LEAST, habits.latency[0] * 1000), (LATENCY_MOST, habits.latency[1] * 1000)],
        habits=habits,
        platform=platform,
        kinds=list(FaultKind),
        planted=parts.state.faults.planted(),
        problems=problems,
        tokens=sum(not grant.revoked for grant in parts.state.grants.values()),
        keys=platform.keys.public_jwks()["keys"],
    )


@blueprint.post("/tokens/<what>")
def end_tokens(what: str) -> Response:
    state = simulator().state
    if what == "expire":
        state.expire_all_tokens()
        flash("Every access token has expired. Refresh tokens stay good.")
    elif what == "revoke":
        state.revoke_all_tokens()
        flash("Every token is revoked, refresh tokens and personal tokens too.")
    else:
        raise PageProblem(404, "There is no such switch", "Go back to the switches.")
    return redirect("/simulator/switches", code=303)


@blueprint.post("/keys/rotate")
def rotate_keys() -> Response:
    keep = request.form.get("previous") != "drop"
    simulator().platform.rotate(keep_previous=keep)
    flash("Launches are signed with a new key." + ("" if keep else " The old one is no longer published."))
    return redirect("/simulator/switches", code=303)


@blueprint.post("/clock")
def advance_clock() -> Response:
    minutes = request.form.get("minutes", type=float)
    if minutes is None or not 0 < minutes <= 525_600:
        raise PageProblem(400, "How many minutes?", "Give a number above 0 and up to 525600 (a year).")
    simulator().state.clock.advance(minutes * 60)
    flash(f"The clock of this Canvas is {minutes:g} minutes further.")
    return redirect("/simulator/switches", code=303)


@blueprint.post("/faults")
def plant_fault() -> Response | tuple[str, int]:
    form = request.form
    try:
        kind = FaultKind(form.get("kind", ""))
        nth, times = int(form.get("nth", "1")), int(form.get("times", "1"))
        seconds = float(form.get("seconds", "0"))
        if nth < 1 or times < 1 or not 0 <= seconds <= 600:
            raise ValueError("numbers out of range")
        simulator().state.faults.plant(
            kind,
            method=form.get("method", "*"),
            path=form.get("path", "").strip(),
            nth=nth,
            times=times,
            seconds=seconds,
        )
    except (ValueError, re.error) as wrong:
        return _switches_page([f"The fault was not planned: {wrong}"]), 400
    flash(f"Planned: {kind.value}.")
    return redirect("/simulator/switches", code=303)


@blueprint.post("/faults/clear")
def clear_faults() -> Response:
    simulator().state.faults.clear()
    flash("No faults are planned any more.")
    return redirect("/simulator/switches", code=303)
