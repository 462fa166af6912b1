"""Roots of full tiles, outside witnesses, cosignatures."""

import sqlalchemy as sa
from alembic import op

from huizhen.adapters.log_table import raise_tiles

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subtree",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "witness",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("vkey", sa.String, nullable=False),
        sa.Column("enrolled_utc", sa.String, nullable=False),
        sa.Column("removed_utc", sa.String),
    )
    op.create_table(
        "cosignature",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("witness", sa.String, primary_key=True),
        sa.Column("line", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":  # where INTEGER, and only it, makes the number the row's own key
        with op.batch_alter_table("entry", recreate="always") as entry:
            entry.alter_column("number", existing_type=sa.BigInteger, type_=sa.Integer, autoincrement=False)
    (size,) = connection.execute(sa.text("SELECT COUNT(*) FROM entry")).one()
    raise_tiles(connection, 0, size)


def downgrade() -> None:
    op.drop_table("cosignature")
    op.drop_table("witness")
    op.drop_table("subtree")
