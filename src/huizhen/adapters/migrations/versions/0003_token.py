"""Tokens of those who ask the hub over the network."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "token",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("created_utc", sa.String, nullable=False),
        sa.Column("until_utc", sa.String, nullable=False),
        sa.Column("revoked_utc", sa.String),
    )


def downgrade() -> None:
    op.drop_table("token")
