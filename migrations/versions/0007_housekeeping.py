"""When each chore was last done; sessions end, because they held names in plain text."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "chore",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chore")),
    )
    op.execute("DELETE FROM session")
    op.execute("DELETE FROM one_time_secret")


def downgrade() -> None:
    """Take back."""
    op.drop_table("chore")
    op.execute("DELETE FROM session")
    op.execute("DELETE FROM one_time_secret")
