"""What the person behind a schedule was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("schedule") as table:
        table.add_column(sa.Column("told", sa.Text(), nullable=True))
        table.add_column(sa.Column("telling", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("told_at", sa.DateTime(), nullable=True))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("schedule") as table:
        table.drop_column("told_at")
        table.drop_column("telling")
        table.drop_column("told")
