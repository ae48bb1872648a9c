"""The simulated Canvas's pages can be used by everybody: no axe findings, no sideways scrolling at 320 px."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from lti_tool.simulator.courses import build_state
from lti_tool.simulator.state import DeveloperKey
from tests.contract.rest_server import course_called, person, students_of
from tests.contract.simulator_browser import serve_canvas


@pytest.mark.browser
def test_every_page_is_accessible_and_narrow_enough(chromium: Browser) -> None:
    state = build_state(1, kinds=("awkward",))
    callback = "http://tool.localhost:9/callback"
    state.add_key(DeveloperKey("42", "secret", "Allocator", "api", redirect_uris=[callback]))
    course = course_called(state, "RHET-7")
    teacher, student = person(state, "teacher"), students_of(state, course)[0]
    state.make_personal_token(teacher.id)
    assignment = next(row for row in state.assignments_of(course.id) if state.reviews_of(row.id))
    place = f"/courses/{course.id}"
    paths = [
        "/",
        "/login",
        "/nowhere",
        "/profile/settings",
        place,
        f"{place}/users",
        f"{place}/assignments/{assignment.id}",
        f"{place}/assignments/{assignment.id}/peer_reviews",
        "/simulator/received",
        "/simulator/notifications",
        "/simulator/switches",
        f"/login/oauth2/auth?client_id=42&response_type=code&redirect_uri={callback}",
    ]
    with serve_canvas(state, host="lms.localhost") as canvas:
        context = chromium.new_context(viewport={"width": 320, "height": 640})
        try:
            page = context.new_page()
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on(
                "console", lambda message: problems.append(message.text) if "Policy" in message.text else None
            )
            page.goto(f"{canvas.base_url}/login")
            page.select_option("#user", teacher.id)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"{canvas.base_url}/")
            for path in paths:
                page.goto(canvas.base_url + path)
                found = Axe().run(page).response["violations"]
                assert [rule["id"] for rule in found] == [], path
                assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
            page.goto(f"{canvas.base_url}{place}/users")
            page.get_by_role("button", name=f"Act as {student.name}", exact=True).first.click()
            page.wait_for_url(f"{canvas.base_url}{place}")
            assert page.locator("#act-as").input_value() == student.id
        finally:
            context.close()
        assert problems == []
