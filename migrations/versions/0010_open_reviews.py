"""Reviews that were seen open after their date, and when was looked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "open_review",
        sa.Column("canvas", sa.String(length=255), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("assignment_id", sa.String(length=64), nullable=False),
        sa.Column("review_id", sa.String(length=64), nullable=False),
        sa.Column("reviewer_id", sa.String(length=64), nullable=False),
        sa.Column("open_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "canvas", "course_id", "assignment_id", "review_id", name=op.f("pk_open_review")
        ),
    )
    op.create_index(op.f("ix_open_review_canvas_reviewer_id"), "open_review", ["canvas", "reviewer_id"])
    op.create_table(
        "due_reading",
        sa.Column("canvas", sa.String(length=255), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("assignment_id", sa.String(length=64), nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "canvas", "course_id", "assignment_id", "read_at", name=op.f("pk_due_reading")
        ),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("due_reading")
    op.drop_table("open_review")
