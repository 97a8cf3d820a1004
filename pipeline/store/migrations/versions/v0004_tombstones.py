"""What must not come back: digests of forgotten recordings and people, and the names agents have instead."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "tombstones",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("key_check", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pseudonym", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "digest", name="pk_tombstones"),
    )
    op.create_index("ix_tombstones_pseudonym", "tombstones", ["pseudonym"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_tombstones_pseudonym", "tombstones")
    op.drop_table("tombstones")
