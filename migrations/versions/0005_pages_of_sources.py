"""what is read from a source for a batch, and its pages until they are put together"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source_pull",
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("file", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.Column("resources", sa.String(length=255), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_source_pull_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", "file", name=op.f("pk_source_pull")),
    )
    with op.batch_alter_table("source_pull", schema=None) as batch_op:
        batch_op.create_index("ix_source_pull_source", ["source", "ended_at"], unique=False)
    op.create_table(
        "source_page",
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("file", sa.String(length=255), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id", "file"],
            ["source_pull.batch_id", "source_pull.file"],
            name="fk_source_page_pull",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"], name=op.f("fk_source_page_digest")),
        sa.PrimaryKeyConstraint("batch_id", "file", "number", name=op.f("pk_source_page")),
    )
    with op.batch_alter_table("source_page", schema=None) as batch_op:
        batch_op.create_index("ix_source_page_digest", ["digest"], unique=False)


def downgrade() -> None:
    op.drop_table("source_page")
    op.drop_table("source_pull")
