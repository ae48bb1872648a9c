"""Who a launched person is and which course a context is, as Canvas confirmed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lti_person",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("canvas", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "client_id", "subject", name=op.f("pk_lti_person")),
    )
    op.create_index(op.f("ix_lti_person_confirmed_at"), "lti_person", ["confirmed_at"])
    op.create_table(
        "lti_course",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("context_id", sa.String(length=255), nullable=False),
        sa.Column("canvas", sa.String(length=255), nullable=False),
        sa.Column("course_id", sa.String(length=255), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "client_id", "context_id", name=op.f("pk_lti_course")),
    )
    op.create_index(op.f("ix_lti_course_confirmed_at"), "lti_course", ["confirmed_at"])
    op.add_column("connect_attempt", sa.Column("person", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("connect_attempt", "person")
    op.drop_table("lti_course")
    op.drop_table("lti_person")
