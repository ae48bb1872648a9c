"""Instance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "instance",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(length=32), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
    )
    op.add_column(
        "run", sa.Column("pause_requested", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("run", "pause_requested")
    op.drop_table("instance")
