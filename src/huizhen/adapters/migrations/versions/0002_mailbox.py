"""Nodes on machines of their own: invitations, certificates, revocation, and the mailbox."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("node") as node:
        node.add_column(sa.Column("tls_key", sa.String))
        node.add_column(sa.Column("revoked_utc", sa.String))
        node.create_index("ix_node_tls_key", ["tls_key"])
    op.create_table(
        "invite",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("until_utc", sa.String, nullable=False),
        sa.Column("used_by", sa.String),
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("exchange", sa.String, nullable=False, index=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "reply",
        sa.Column("mail", sa.String, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("exchange", sa.String, nullable=False, index=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "presence",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    for name in ("presence", "reply", "mail", "invite"):
        op.drop_table(name)
    with op.batch_alter_table("node") as node:
        node.drop_index("ix_node_tls_key")
        node.drop_column("revoked_utc")
        node.drop_column("tls_key")
