"""Tables for spreadsheets: reviews, plans and runs as CSV that no spreadsheet mistakes for formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from lti_tool.applying.report import RunReport
from lti_tool.planning.explain import REASON_WORDS
from lti_tool.planning.ids import UserId
from lti_tool.planning.plan import Plan
from lti_tool.planning.snapshot import Snapshot

Table = Sequence[Sequence[str]]

_FORMULA = re.compile(r"""^[\s"']*[=+\-@\t\r\n＝＋－＠]""")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")


def csv_text(table: Iterable[Sequence[str]]) -> str:
    """RFC 4180 text. Cells that a spreadsheet could take for a formula get a leading apostrophe.

    Full-width forms and signs behind spaces or quotes count too (OWASP, CSV injection); plain numbers stay.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([_safe(cell) for cell in row] for row in table)
    return out.getvalue()


def _safe(cell: str) -> str:
    cell = cell.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.match(cell) else cell


def display_name(snapshot: Snapshot, user: UserId) -> str:
    """The person's name, or the id where Canvas did not show the person."""
    person = snapshot.people_by_id.get(user)
    return person.name if person else f"user {user}"


def reviews_table(snapshot: Snapshot) -> Table:
    """Every review that exists, with names and ids."""
    rows = [
        [
            display_name(snapshot, review.assessor),
            review.assessor,
            display_name(snapshot, review.assessee),
            review.assessee,
            review.submission,
            "completed" if review.completed else "assigned",
            review.id,
        ]
        for review in snapshot.reviews
    ]
    header = ["reviewer", "reviewer_id", "author", "author_id", "submission_id", "state", "review_id"]
    return [header, *sorted(rows)]


def plan_table(plan: Plan, snapshot: Snapshot) -> Table:
    """Every line of the diff, in its order."""
    header = [
        "change",
        "reviewer",
        "reviewer_id",
        "author",
        "author_id",
        "submission_id",
        "reason",
        "review_id",
    ]
    return [
        header,
        *(
            [
                change.kind.value,
                display_name(snapshot, change.reviewer),
                change.reviewer,
                display_name(snapshot, change.author),
                change.author,
                change.submission,
                REASON_WORDS[change.reason],
                change.review_id or "",
            ]
            for change in plan.changes
        ),
    ]


def run_table(report: RunReport, snapshot: Snapshot) -> Table:
    """Every step of a run with its class."""
    header = [
        "change",
        "reviewer",
        "reviewer_id",
        "author",
        "author_id",
        "submission_id",
        "class",
        "review_id",
    ]
    return [
        header,
        *(
            [
                step.kind.value,
                display_name(snapshot, step.reviewer),
                step.reviewer,
                display_name(snapshot, step.author),
                step.author,
                step.submission,
                step.step_class.value,
                step.review_id or "",
            ]
            for step in report.steps
        ),
    ]
