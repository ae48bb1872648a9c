"""Points in a column of the tool's own; every job of a posting instead of the last one."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    posts = sa.table(
        "credit_post",
        sa.column("id", sa.String),
        sa.column("state", sa.String),
        sa.column("progress_id", sa.String),
        sa.column("jobs", sa.Text),
    )
    with op.batch_alter_table("credit_post") as table:
        table.add_column(sa.Column("jobs", sa.Text(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("label", sa.Text(), nullable=True))
        table.add_column(sa.Column("maximum", sa.Float(), nullable=True))
        table.add_column(sa.Column("column_id", sa.String(length=255), nullable=True))
        table.add_column(sa.Column("claimed_until", sa.DateTime(), nullable=True))
    connection = op.get_bind()
    for row in connection.execute(sa.select(posts).where(posts.c.progress_id.is_not(None))).all():
        jobs = json.dumps({row.progress_id: row.state})
        connection.execute(posts.update().where(posts.c.id == row.id).values(jobs=jobs))
    with op.batch_alter_table("credit_post") as table:
        table.alter_column("jobs", server_default=None, existing_type=sa.Text(), existing_nullable=False)
        table.drop_column("progress_id")
    op.create_table(
        "credit_score",
        sa.Column("post_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("points", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("result_id", sa.String(length=255), nullable=True),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["post_id"],
            ["credit_post.id"],
            name=op.f("fk_credit_score_post_id_credit_post"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("post_id", "user_id", name=op.f("pk_credit_score")),
    )
    op.create_table(
        "grade_service",
        sa.Column("canvas", sa.String(length=255), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("lineitems", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("canvas", "course_id", name=op.f("pk_grade_service")),
    )


def downgrade() -> None:
    """Take back. Of several jobs the last is kept, and postings into own columns go."""
    posts = sa.table(
        "credit_post",
        sa.column("id", sa.String),
        sa.column("target", sa.String),
        sa.column("jobs", sa.Text),
        sa.column("progress_id", sa.String),
    )
    op.drop_table("grade_service")
    op.drop_table("credit_score")
    with op.batch_alter_table("credit_post") as table:
        table.add_column(sa.Column("progress_id", sa.String(length=64), nullable=True))
    connection = op.get_bind()
    connection.execute(posts.delete().where(posts.c.target == "own"))
    for row in connection.execute(sa.select(posts)).all():
        if jobs := list(json.loads(row.jobs)):
            connection.execute(posts.update().where(posts.c.id == row.id).values(progress_id=jobs[-1]))
    with op.batch_alter_table("credit_post") as table:
        for name in ("jobs", "label", "maximum", "column_id", "claimed_until"):
            table.drop_column(name)
