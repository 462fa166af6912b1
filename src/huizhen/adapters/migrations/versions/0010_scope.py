"""What a token opens beyond its role: words apart by spaces; nothing, as before, for all that the role has."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("token", sa.Column("scope", sa.String))


def downgrade() -> None:
    op.drop_column("token", "scope")
