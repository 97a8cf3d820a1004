"""What the coaching of each call was about."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("baseline_calls", sa.Column("coached", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("baseline_calls", "coached")
