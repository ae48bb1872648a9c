"""What exists in Canvas, as a table for a spreadsheet."""

from __future__ import annotations

from lti_tool.planning.ids import UserId
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.spreadsheet import csv_bytes


def display_name(snapshot: Snapshot, user: UserId) -> str:
    """The person's name, or the id where Canvas did not show the person."""
    person = snapshot.people_by_id.get(user)
    return person.name if person else f"user {user}"


def reviews_csv(snapshot: Snapshot) -> bytes:
    """Every review that exists, with names and ids, as a CSV file."""
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
    return csv_bytes(header, sorted(rows))
