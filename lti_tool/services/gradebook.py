"""Points as a file that Canvas's gradebook imports (canvas-lms lib/gradebook_importer.rb)."""

from __future__ import annotations

from lti_tool.planning.board import Board
from lti_tool.planning.credit import CreditKind, CreditPlan
from lti_tool.services.spreadsheet import Cell, csv_bytes

FIXED = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
"""Canvas's own headings, which it does not translate; it finds students by ``ID``."""


def gradebook_csv(board: Board, plan: CreditPlan, column: str) -> bytes:
    """One row per student who has points by the rules and isn't excused, below one with the points possible.

    Points are numbers and stay so; importing makes a new column of that name, or fills the one whose id
    stands in parentheses behind its name.
    """
    lines = {line.user: line for line in plan.lines}
    rows: list[list[Cell]] = [["    Points Possible", None, None, None, None, f"{plan.rules.points:g}"]]
    for one in board.lines:
        line = lines.get(one.person.id)
        if line is None or line.then is None or not one.person.reachable or line.kind is CreditKind.EXCUSED:
            continue
        sections = " and ".join(board.sections.get(section, section) for section in one.person.sections)
        rows.append([one.person.sortable_name, one.person.id, None, None, sections, f"{line.then:f}"])
    return csv_bytes([*FIXED, column], rows)
