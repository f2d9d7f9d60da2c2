"""media of items: to which item they belong, and by what content they are known again; originals that are kept"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.add_column(sa.Column("part_of", sa.BigInteger(), nullable=True))
        batch_op.add_column(
            sa.Column("content", sa.String(length=64), server_default=sa.text("''"), nullable=False)
        )
        batch_op.create_index("ix_ledger_part", ["target", "part_of"], unique=False)
    op.create_table(
        "kept_file",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_kept_file_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"], name=op.f("fk_kept_file_digest")),
        sa.PrimaryKeyConstraint("run_id", "digest", name=op.f("pk_kept_file")),
    )
    with op.batch_alter_table("kept_file", schema=None) as batch_op:
        batch_op.create_index("ix_kept_file_digest", ["digest"], unique=False)


def downgrade() -> None:
    op.drop_table("kept_file")
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.drop_index("ix_ledger_part")
        batch_op.drop_column("content")
        batch_op.drop_column("part_of")
