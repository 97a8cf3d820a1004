"""What became of each call of a batch, who works on it, and how it was told from others."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "batch_calls",
        sa.Column("out", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("analysis_bytes", sa.BigInteger(), nullable=True),
        sa.Column("analysis_mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("metadata_sha256", sa.String(64), nullable=True),
        sa.Column("settings_sha256", sa.String(64), nullable=True),
        sa.Column("guidance_sha256", sa.String(64), nullable=True),
        sa.Column("product_version", sa.String(), nullable=True),
        sa.Column("error_kind", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("out", "call_id", name="pk_batch_calls"),
    )
    op.create_index("ix_batch_calls_owner", "batch_calls", ["owner"])


def downgrade() -> None:
    op.drop_index("ix_batch_calls_owner", "batch_calls")
    op.drop_table("batch_calls")
