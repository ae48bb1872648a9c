"""An awkward class: an impossible rule mended by the way out, a plan edited by hand and by spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.teacher import Teacher
from tests.e2e.test_journey import assignment, course, in_canvas, writes

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("demo", [("awkward",)], indirect=True)
def test_an_impossible_rule_is_mended_and_the_plan_edited_by_hand_and_in_a_spreadsheet(
    teacher: Teacher, tmp_path: Path
) -> None:
    tool = teacher.tool
    where = course(teacher, "RHET")
    what = assignment(teacher, where, "Essay")
    before = in_canvas(teacher, what)
    teacher.open_tool(where)
    teacher.connect()
    tool.locator(f"a[href*='/assignments/{what.id}/people']").click()
    tool.get_by_role("link", name="Many at once").click()
    tool.get_by_label("Students", exact=True).fill("nobody@example.edu")
    tool.get_by_role("button", name="Use the list").click()
    expect(tool.get_by_text("is no student of this course")).to_be_visible()
    teacher.look("many-students")
    teacher.fits(320)
    tool.get_by_role("link", name="Back to who takes part").click()
    tool.get_by_role("button", name="Go on to the rules").click()

    tool.get_by_role("radio", name="only within a section").check()
    tool.locator("#reviews_per_reviewer").fill("7")
    expect(tool.get_by_text("These rules cannot work together.")).to_be_visible()
    teacher.look("rules-awkward")
    tool.locator("#feasibility").get_by_role("button").last.click()
    expect(tool.get_by_text("This gives")).to_be_visible()
    tool.get_by_role("button", name="Choose pairs").click()
    expect(tool.get_by_role("heading", name="Pairs", exact=True)).to_be_visible()
    teacher.look("pairs", tool.locator("main"))
    teacher.fits(320)
    tool.get_by_role("link", name="Back to the rules").click()
    tool.get_by_role("button", name="Show the preview").click()
    expect(tool.get_by_role("heading", name="Preview", exact=True)).to_be_visible()

    line = tool.locator("tr.create").first
    reviewer, author = line.locator("th").inner_text(), line.locator("td").nth(1).inner_text()
    line.get_by_role("link", name="Edit").click()
    expect(tool.get_by_role("heading", name="Edit the plan by hand")).to_be_visible()
    teacher.look("edit-by-hand", tool.locator("main"))
    teacher.fits(320)
    tool.get_by_label("Reason (optional)").first.fill("sisters")
    tool.get_by_role("button", name="This pair must not be").click()
    expect(tool.get_by_role("heading", name="Two plans side by side")).to_be_visible()
    expect(tool.get_by_text("differ; ").or_(tool.get_by_text("differs; "))).to_be_visible()
    teacher.look("compare", tool.locator("main"))
    teacher.fits(320)
    tool.get_by_role("button", name="Go on with the new plan").click()
    expect(tool.get_by_text("1 pair is forbidden")).to_be_visible()

    planned = teacher.downloaded_plan()
    assert planned["Create"]
    with teacher.page.expect_download() as download:
        tool.get_by_role("link", name="Download as CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert [reviewer, author] not in [[row[1], row[3]] for row in rows if row[0] in ("Create", "Keep")]
    place = next(n for n, row in enumerate(rows) if row[0] == "Create")
    dropped = (rows[place][2], rows[place][4])
    edited, wrong = tmp_path / "edited.csv", tmp_path / "wrong.csv"
    with edited.open("w", encoding="utf-16", newline="") as file:
        csv.writer(file, delimiter=";").writerows([*rows[:place], *rows[place + 1 :]])
    wrong.write_text("Reviewer;Author\n=1+1;1\n", encoding="utf-8")
    tool.get_by_role("link", name="Edit in a spreadsheet").click()
    tool.locator("#file").set_input_files(wrong)
    tool.get_by_role("button", name="Check the file").click()
    expect(tool.get_by_text("“=1+1” is a formula")).to_be_visible()
    teacher.look("import-wrong", tool.locator("main"))
    teacher.fits(320)
    tool.locator("#file").set_input_files(edited)
    tool.get_by_role("button", name="Check the file").click()
    expect(tool.get_by_role("heading", name="The new plan breaks rules")).to_be_visible()
    teacher.look("compare-imported", tool.locator("main"))
    tool.get_by_role("button", name="Go on with the new plan").click()
    expect(tool.get_by_role("heading", name="This plan breaks")).to_be_visible()
    teacher.look("preview-edited", tool.locator("main"))

    assert in_canvas(teacher, what) == before, "nothing was changed by planning"
    assert writes(teacher) == []
    wanted = teacher.downloaded_plan()
    assert dropped not in wanted["Create"]
    teacher.apply()
    assert wanted["Create"] <= in_canvas(teacher, what)
    assert dropped not in in_canvas(teacher, what)
