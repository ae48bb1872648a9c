"""A thousand students: a reading that shows how far it is, a preview in which everybody can be found."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Request, expect

from tests.e2e.teacher import HEAR_CANVAS, Teacher

pytestmark = pytest.mark.browser

LARGEST_PAGE = 150_000


@pytest.mark.parametrize("demo", [("large",)], indirect=True)
def test_a_thousand_students(teacher: Teacher) -> None:
    sizes: dict[str, int] = {}

    def measure(request: Request) -> None:
        answer = request.response()
        if answer and request.headers.get("authorization") and "csv" not in request.url:
            sizes[request.url] = len(answer.body())

    teacher.page.on("requestfinished", measure)
    teacher.context.add_init_script(HEAR_CANVAS)
    (where,) = teacher.demo.state.courses.values()
    teacher.open_tool(where)
    teacher.connect()

    habits = teacher.demo.state.habits
    habits.latency = (0.4, 0.5)
    teacher.tool.get_by_role("link", name="Plan reviews").first.click()
    expect(teacher.tool.get_by_role("heading", name="Reading the course from Canvas")).to_be_visible()
    expect(
        teacher.tool.locator("[data-reading] dd", has_text=re.compile(r"^\d+ of about 1,\d+$")).first
    ).to_be_visible()
    teacher.page.screenshot(path=teacher.picture("reading"))
    expect(teacher.tool.get_by_role("heading", name="Who takes part")).to_be_visible()
    habits.latency = (0.0, 0.0)
    said = teacher.read_aloud()
    assert any(re.match(r"\d+ percent read", one) for one in said), said

    teacher.tool.get_by_role("button", name="Go on to the rules").click()
    teacher.tool.get_by_role("radio", name="only across sections").check()
    teacher.tool.get_by_role("button", name="Show the preview").click()
    expect(teacher.tool.get_by_text("+3,000 to create")).to_be_visible()
    expect(teacher.tool.get_by_text("Canvas is as it was when this preview was made")).to_be_visible()
    expect(teacher.tool.get_by_text("It was run 20 times on this class")).to_be_visible()
    rows = teacher.tool.locator("#changes-place tbody tr")
    expect(rows).to_have_count(100)
    teacher.look("preview-quality", teacher.tool.locator("#quality-title"))

    name = rows.nth(40).locator("th").inner_text()
    teacher.tool.locator("#find").fill(name)
    expect(teacher.tool.locator(".neighbours h4")).to_have_text(name)
    expect(teacher.tool.locator("svg.star .node")).to_have_count(7)
    teacher.look("preview-person", teacher.tool.locator("#who"))
    teacher.tool.locator("#name").fill(name)
    expect(rows).to_have_count(6)
    expect(rows.filter(has_not_text=name)).to_have_count(0)

    (created,) = teacher.downloaded_plan().values()
    assert len(created) == 3_000, "the download has everything, whatever is filtered"
    assert max(sizes.values()) < LARGEST_PAGE, sizes
    assert teacher.troubles == []
