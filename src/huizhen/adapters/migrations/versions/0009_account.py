"""People who sign in at the console: accounts, one-time links, passkeys, sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("login", sa.String, primary_key=True),
        sa.Column("party", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("created_utc", sa.String, nullable=False),
        sa.Column("closed_utc", sa.String),
        sa.Column("password", sa.String),
        sa.Column("totp", sa.LargeBinary),
        sa.Column("totp_step", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until_utc", sa.String),
    )
    op.create_table(
        "sign_in_link",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("login", sa.String, nullable=False, index=True),
        sa.Column("until_utc", sa.String, nullable=False),
    )
    op.create_table(
        "passkey",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("login", sa.String, nullable=False, index=True),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("created_utc", sa.String, nullable=False),
        sa.Column("used_utc", sa.String),
    )
    op.create_table(
        "challenge",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("login", sa.String),
        sa.Column("until_utc", sa.String, nullable=False),
    )
    op.create_table(
        "session",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("login", sa.String, nullable=False, index=True),
        sa.Column("way", sa.String, nullable=False),
        sa.Column("created_utc", sa.String, nullable=False),
        sa.Column("seen_utc", sa.String, nullable=False),
        sa.Column("until_utc", sa.String, nullable=False),
    )


def downgrade() -> None:
    for name in ("session", "challenge", "passkey", "sign_in_link", "account"):
        op.drop_table(name)
