"""Registrations that are made while the tool runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "registration",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("auth_login_url", sa.Text(), nullable=False),
        sa.Column("auth_token_url", sa.Text(), nullable=False),
        sa.Column("key_set_url", sa.Text(), nullable=False),
        sa.Column("canvas_origin", sa.String(length=255), nullable=False),
        sa.Column("account_name", sa.Text(), nullable=False),
        sa.Column("adopts_deployments", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "client_id", name=op.f("pk_registration")),
    )
    with op.batch_alter_table("registration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_registration_canvas_origin"), ["canvas_origin"], unique=False)

    op.create_table(
        "deployment",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("deployment_id", sa.String(length=255), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer", "client_id"],
            ["registration.issuer", "registration.client_id"],
            name=op.f("fk_deployment_issuer_client_id_registration"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("issuer", "client_id", "deployment_id", name=op.f("pk_deployment")),
    )
    op.create_table(
        "canvas_api_key",
        sa.Column("canvas", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("stored_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("canvas", name=op.f("pk_canvas_api_key")),
    )
    op.create_table(
        "invitation",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=True),
        sa.Column("client_id", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_invitation")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_expires_at"), ["expires_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("invitation")
    op.drop_table("canvas_api_key")
    op.drop_table("deployment")
    op.drop_table("registration")
