"""Versions of saved rules and of rules under a name, and who saved the former."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("version", "choices_version"):
        op.add_column("saved_rules", sa.Column(name, sa.Integer(), nullable=False, server_default="1"))
    op.add_column("saved_rules", sa.Column("saved_by_name", sa.Text(), nullable=True))
    op.add_column("rule_set", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    """Take back."""
    op.drop_column("rule_set", "version")
    for name in ("saved_by_name", "choices_version", "version"):
        op.drop_column("saved_rules", name)
