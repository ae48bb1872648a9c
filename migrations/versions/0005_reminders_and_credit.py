"""Reminders and credit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PLACE = ("canvas", "course_id", "assignment_id")


def _place() -> list[sa.Column[str]]:
    lengths = (255, 64, 64)
    return [
        sa.Column(name, sa.String(length=length), nullable=False)
        for name, length in zip(PLACE, lengths, strict=True)
    ]


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "follow_up",
        *_place(),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("saved_by", sa.String(length=64), nullable=False),
        sa.Column("saved_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint(*PLACE, name=op.f("pk_follow_up")),
    )
    op.create_table(
        "reminder_batch",
        sa.Column("id", sa.String(length=32), nullable=False),
        *_place(),
        sa.Column("sent_by", sa.String(length=64), nullable=False),
        sa.Column("sent_by_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_batch")),
    )
    op.create_index(
        op.f("ix_reminder_batch_canvas_course_id_assignment_id_created_at"),
        "reminder_batch",
        [*PLACE, "created_at"],
    )
    op.create_table(
        "reminder_message",
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["reminder_batch.id"],
            name=op.f("fk_reminder_message_batch_id_reminder_batch"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("batch_id", "seq", name=op.f("pk_reminder_message")),
    )
    op.create_table(
        "reminder",
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["reminder_batch.id"],
            name=op.f("fk_reminder_batch_id_reminder_batch"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("batch_id", "user_id", name=op.f("pk_reminder")),
    )
    op.create_table(
        "credit_post",
        sa.Column("id", sa.String(length=32), nullable=False),
        *_place(),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("posted_by", sa.String(length=64), nullable=False),
        sa.Column("posted_by_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress_id", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_post")),
    )
    op.create_index(
        op.f("ix_credit_post_canvas_course_id_assignment_id_created_at"),
        "credit_post",
        [*PLACE, "created_at"],
    )


def downgrade() -> None:
    """Take back."""
    for table in ("credit_post", "reminder", "reminder_message", "reminder_batch", "follow_up"):
        op.drop_table(table)
