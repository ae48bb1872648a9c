"""Filling up on the simulated Canvas by commands: overdue reviews, volunteers, the list for staff."""

from __future__ import annotations

from collections import Counter

from lti_tool.simulator.records import Assignment, Course
from tests.integration.test_after_allocation import canvas, course, essay, finish, terminal
from tests.integration.test_command_line import Terminal

__all__ = ["canvas", "course", "essay", "terminal"]


def test_volunteers_stand_in_for_overdue_reviews_and_the_rest_is_for_staff(
    terminal: Terminal,
    course: Course,
    essay: Assignment,
) -> None:
    where = terminal.where(course, essay)
    state = terminal.canvas.state
    lazy = min(row.assessor_id for row in state.reviews_of(essay.id))
    for reviewer in {row.assessor_id for row in state.reviews_of(essay.id)} - {lazy}:
        finish(terminal.canvas, essay, of=reviewer)
    assert terminal.json("holes", *where)["holes"] == []
    terminal.run("follow-up", *where, "--due", "2020-01-01T00:00+00:00")
    found = terminal.json("holes", *where)["holes"]
    assert {(one["kind"], one["reviewer"], one["deletable"]) for one in found} == {("overdue", lazy, True)}
    missed = {one["author"] for one in found}

    waiting = terminal.json("fill-up", *where)
    assert waiting["counts"]["creates"] == 0, "only what is named is not waited for"

    pairs = terminal.canvas.reviews(essay)
    helper = min(
        {reviewer for reviewer, _ in pairs} - {lazy},
        key=lambda user: (len({one for one in missed if one == user or (user, one) in pairs}), user),
    )
    plan = terminal.json(
        "fill-up", *where, "--do-not-wait", "overdue", "--delete", "--volunteer", f"{helper}:2"
    )
    assert {line["author"] for line in plan["deletes"]} == missed
    taken = Counter(line["reviewer"] for line in plan["creates"])
    assert set(taken) == {helper}
    assert taken[helper] <= 2
    assert {line["author"] for line in plan["creates"]} < missed
    assert sum(row["missing"] for row in plan["for_staff"]) == len(missed) - taken[helper]
    row = plan["for_staff"][0]
    assert f"assignment_id={essay.id}&student_id={row['authors'][0]}" in row["link"]
    assert row["link"] in terminal.run("plan", "for-staff", plan["id"]).output
    assert "works will have too few reviews; for staff" in terminal.run("plan", "show", plan["id"]).output

    assert terminal.json("apply", plan["id"], "--wait")["state"] == "done"
    again = terminal.json("fill-up", *where, "--do-not-wait", "overdue", "--delete")
    assert again["counts"]["creates"] + again["counts"]["deletes"] == 0
    assert again["for_staff"] == plan["for_staff"]
