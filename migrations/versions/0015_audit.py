"""The audit trail, whose lines can't be changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SQLITE = """
CREATE TRIGGER audit_event_unchanged BEFORE UPDATE ON audit_event
BEGIN SELECT RAISE(ABORT, 'lines of the audit trail can not be changed'); END
"""
POSTGRESQL = (
    """
    CREATE FUNCTION audit_event_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'lines of the audit trail can not be changed'; END $$
    """,
    """
    CREATE TRIGGER audit_event_unchanged BEFORE UPDATE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_unchanged()
    """,
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_event",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("canvas", sa.String(length=255), nullable=False),
        sa.Column("course", sa.String(length=64), nullable=False),
        sa.Column("assignment", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("real_user_id", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_at"), "audit_event", ["at"])
    op.create_index(op.f("ix_audit_event_canvas_at"), "audit_event", ["canvas", "at"])
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else (SQLITE,):
        op.execute(statement)


def downgrade() -> None:
    """Take back."""
    op.drop_table("audit_event")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_event_unchanged()")
