"""Which changes of a run were settled last, found without reading all of them."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(op.f("ix_run_step_run_id_resolved_at"), "run_step", ["run_id", "resolved_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_run_step_run_id_resolved_at"), table_name="run_step")
