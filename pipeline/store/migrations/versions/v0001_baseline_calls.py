"""What each call says about an agent's usual voice and rates."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "baseline_calls",
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("line_type", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tracker", sa.String(), nullable=False),
        sa.Column("voiced_s", sa.Double(), nullable=False),
        sa.Column("f0_median_hz", sa.Double(), nullable=True),
        sa.Column("f0_range_st", sa.Double(), nullable=True),
        sa.Column("loudness_median_db", sa.Double(), nullable=True),
        sa.Column("phonation_s", sa.Double(), nullable=False),
        sa.Column("articulation_rate_sps", sa.Double(), nullable=True),
        sa.Column("speech_rate_wpm", sa.Double(), nullable=True),
        sa.Column("turn_time_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "line_type", "call_id", name="pk_baseline_calls"),
    )
    op.create_index("ix_baseline_calls_sha256", "baseline_calls", ["sha256"])


def downgrade() -> None:
    op.drop_index("ix_baseline_calls_sha256", "baseline_calls")
    op.drop_table("baseline_calls")
