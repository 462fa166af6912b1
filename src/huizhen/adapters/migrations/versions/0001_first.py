"""The first tables of a hub."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("meta", sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.Text, nullable=False))
    op.create_table(
        "node",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("enrolled_utc", sa.String, nullable=False),
        sa.Column("witnessed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "card",
        sa.Column("dataset", sa.String, primary_key=True),
        sa.Column("holder", sa.String, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "study",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("request", sa.String, nullable=False, index=True),
        sa.Column("asker", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column("study", sa.String, primary_key=True),
        sa.Column("step", sa.String, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "document",
        sa.Column("ref", sa.String, primary_key=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "entry",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.String, nullable=False, index=True),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "budget",
        sa.Column("study", sa.String, primary_key=True),
        sa.Column("asker", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("epsilon", sa.Float, nullable=False),
        sa.Column("state", sa.String, nullable=False),
    )
    op.create_table(
        "posting",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study", sa.String, nullable=False, index=True),
        sa.Column("account", sa.String, nullable=False, index=True),
        sa.Column("debit_fen", sa.BigInteger, nullable=False),
        sa.Column("credit_fen", sa.BigInteger, nullable=False),
        sa.Column("memo", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )


def downgrade() -> None:
    for name in ("posting", "budget", "checkpoint", "entry", "document", "journal", "study", "card", "node", "meta"):
        op.drop_table(name)
