"""Other addresses of a Canvas, and when a key launched last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "canvas_alias",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer", "client_id"],
            ["registration.issuer", "registration.client_id"],
            name=op.f("fk_canvas_alias_issuer_client_id_registration"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("issuer", "client_id", "origin", name=op.f("pk_canvas_alias")),
    )
    op.create_table(
        "launch_seen",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "client_id", name=op.f("pk_launch_seen")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("launch_seen")
    op.drop_table("canvas_alias")
