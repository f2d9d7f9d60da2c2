"""scopes of runs: of those that write to one scope, one goes at a time"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_scope",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_scope_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "target", "scope", name=op.f("pk_run_scope")),
    )
    with op.batch_alter_table("run_scope", schema=None) as batch_op:
        batch_op.create_index("ix_run_scope_scope", ["target", "scope"], unique=False)
        batch_op.create_index(
            "uq_run_scope_held",
            ["target", "scope"],
            unique=True,
            sqlite_where=sa.text("held"),
            postgresql_where=sa.text("held"),
        )


def downgrade() -> None:
    with op.batch_alter_table("run_scope", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_run_scope_held", sqlite_where=sa.text("held"), postgresql_where=sa.text("held")
        )
        batch_op.drop_index("ix_run_scope_scope")
    op.drop_table("run_scope")
