"""places in plans, by which a page narrows a plan"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plans that were made before have none, and are read through instead (`plan_places.blocks`).
    op.create_table(
        "plan_place",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_plan_place_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "type", "name", "action", "block", name=op.f("pk_plan_place")),
    )


def downgrade() -> None:
    op.drop_table("plan_place")
