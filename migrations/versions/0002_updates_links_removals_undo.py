"""links, removals, undo: what updates need to know"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "representation",
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("resource_id", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.String(length=32), nullable=False),
        sa.Column("saved", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("target", "kind", "resource_id", name=op.f("pk_representation")),
    )
    op.create_table(
        "failed_file",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"], name=op.f("fk_failed_file_digest")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_failed_file_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_failed_file")),
    )
    op.create_table(
        "plan_group",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("example", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_plan_group_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "type", "action", "name", name=op.f("pk_plan_group")),
    )
    op.create_table(
        "plan_key",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("linkable", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_plan_key_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint(
            "run_id", "seq", "kind", "scope", "by", "key_digest", name=op.f("pk_plan_key")
        ),
    )
    with op.batch_alter_table("plan_key", schema=None) as batch_op:
        batch_op.create_index("ix_plan_key_digest", ["run_id", "key_digest"], unique=False)

    op.create_table(
        "plan_link",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("any_scope", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("to_id", sa.BigInteger(), nullable=True),
        sa.Column("to_seq", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_plan_link_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "seq", "n", name=op.f("pk_plan_link")),
    )
    with op.batch_alter_table("plan_link", schema=None) as batch_op:
        batch_op.create_index("ix_plan_link_key", ["run_id", "key_digest"], unique=False)
        batch_op.create_index("ix_plan_link_to", ["run_id", "to_seq"], unique=False)

    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("media_meant", sa.String(length=64), server_default=sa.text("''"), nullable=False)
        )
        batch_op.add_column(sa.Column("linked", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("footing", sa.LargeBinary(), nullable=True))
        batch_op.drop_column("mentioned_run")

    with op.batch_alter_table("operation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("undone_by", sa.String(length=32), nullable=True))
        batch_op.create_index("ix_operation_resource", ["kind", "resource_id"], unique=False)

    with op.batch_alter_table("plan_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("media_meant", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("linked", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("completes", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("pending", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )
        batch_op.create_index(
            "ix_plan_entry_pending",
            ["run_id", "seq"],
            unique=False,
            sqlite_where=sa.text("pending"),
            postgresql_where=sa.text("pending"),
        )


def downgrade() -> None:
    with op.batch_alter_table("plan_entry", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_plan_entry_pending", sqlite_where=sa.text("pending"), postgresql_where=sa.text("pending")
        )
        batch_op.drop_column("pending")
        batch_op.drop_column("completes")
        batch_op.drop_column("linked")
        batch_op.drop_column("media_meant")

    with op.batch_alter_table("operation", schema=None) as batch_op:
        batch_op.drop_index("ix_operation_resource")
        batch_op.drop_column("undone_by")

    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mentioned_run", sa.String(length=32), nullable=True))
        batch_op.drop_column("footing")
        batch_op.drop_column("linked")
        batch_op.drop_column("media_meant")

    with op.batch_alter_table("plan_link", schema=None) as batch_op:
        batch_op.drop_index("ix_plan_link_to")
        batch_op.drop_index("ix_plan_link_key")

    op.drop_table("plan_link")
    with op.batch_alter_table("plan_key", schema=None) as batch_op:
        batch_op.drop_index("ix_plan_key_digest")

    op.drop_table("plan_key")
    op.drop_table("plan_group")
    op.drop_table("failed_file")
    op.drop_table("representation")
