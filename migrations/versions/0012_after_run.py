"""The update of ours that each snapshot was read after."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("snapshot", sa.Column("after_run", sa.String(length=32), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("snapshot", "after_run")
