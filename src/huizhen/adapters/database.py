"""Tables of the hub and how to open them: SQLite (WAL) embedded, PostgreSQL by URL; one schema for both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    text,
)

metadata = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))
node = Table(
    "node",
    metadata,
    Column("name", String, primary_key=True),
    Column("key", String, nullable=False),
    Column("enrolled_utc", String, nullable=False),
    Column("witnessed", BigInteger, nullable=False),
    Column("tls_key", String, index=True),
    Column("revoked_utc", String),
)
invite = Table(
    "invite",
    metadata,
    Column("hash", String, primary_key=True),
    Column("node", String, nullable=False),
    Column("until_utc", String, nullable=False),
    Column("used_by", String),
)
mail = Table(
    "mail",
    metadata,
    Column("id", String, primary_key=True),
    Column("exchange", String, nullable=False, index=True),
    Column("node", String, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
reply = Table(
    "reply",
    metadata,
    Column("mail", String, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("exchange", String, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
presence = Table(
    "presence",
    metadata,
    Column("name", String, primary_key=True),
    Column("beat", BigInteger, nullable=False),
)
card = Table(
    "card",
    metadata,
    Column("dataset", String, primary_key=True),
    Column("holder", String, primary_key=True),
    Column("body", Text, nullable=False),
)
study = Table(
    "study",
    metadata,
    Column("id", String, primary_key=True),
    Column("request", String, nullable=False, index=True),
    Column("asker", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("status", String, nullable=False),
    Column("body", Text, nullable=False),
)
journal = Table(
    "journal",
    metadata,
    Column("study", String, primary_key=True),
    Column("step", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
document = Table(
    "document",
    metadata,
    Column("ref", String, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
entry = Table(
    "entry",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String, nullable=False, index=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
subtree = Table(
    "subtree",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)
witness = Table(
    "witness",
    metadata,
    Column("name", String, primary_key=True),
    Column("vkey", String, nullable=False),
    Column("enrolled_utc", String, nullable=False),
    Column("removed_utc", String),
)
cosignature = Table(
    "cosignature",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("witness", String, primary_key=True),
    Column("line", String, nullable=False),
    Column("at", BigInteger, nullable=False),
)
budget = Table(
    "budget",
    metadata,
    Column("study", String, primary_key=True),
    Column("asker", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("epsilon", Float, nullable=False),
    Column("state", String, nullable=False),
)
posting = Table(
    "posting",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", String, nullable=False, index=True),
    Column("account", String, nullable=False, index=True),
    Column("debit_fen", BigInteger, nullable=False),
    Column("credit_fen", BigInteger, nullable=False),
    Column("memo", String, nullable=False),
    Column("at_utc", String, nullable=False),
)
token = Table(
    "token",
    metadata,
    Column("hash", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("created_utc", String, nullable=False),
    Column("until_utc", String, nullable=False),
    Column("revoked_utc", String),
    Column("scope", String),
)
party = Table(
    "party",
    metadata,
    Column("name", String, primary_key=True),
    Column("body", Text, nullable=False),
)
act = Table(
    "act",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("party", String, index=True),
    Column("dataset", String, index=True),
    Column("body", Text, nullable=False),
)
instrument = Table(
    "instrument",
    metadata,
    Column("digest", String, primary_key=True),
    Column("kind", String, nullable=False, index=True),
    Column("name", String, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
)
paper = Table(
    "paper",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String, nullable=False, unique=True),
    Column("kind", String, nullable=False, index=True),
    Column("subject", String, nullable=False, index=True),
    Column("body", Text, nullable=False),
)
piece = Table(
    "piece",
    metadata,
    Column("study", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)
account = Table(
    "account",
    metadata,
    Column("login", String, primary_key=True),
    Column("party", String, nullable=False),
    Column("role", String, nullable=False),
    Column("created_utc", String, nullable=False),
    Column("closed_utc", String),
    Column("password", String),
    Column("totp", LargeBinary),
    Column("totp_step", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until_utc", String),
)
sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("hash", String, primary_key=True),
    Column("login", String, nullable=False, index=True),
    Column("until_utc", String, nullable=False),
)
passkey = Table(
    "passkey",
    metadata,
    Column("id", String, primary_key=True),
    Column("login", String, nullable=False, index=True),
    Column("label", String, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("created_utc", String, nullable=False),
    Column("used_utc", String),
)
challenge = Table(
    "challenge",
    metadata,
    Column("hash", String, primary_key=True),
    Column("login", String),
    Column("until_utc", String, nullable=False),
)
session = Table(
    "session",
    metadata,
    Column("hash", String, primary_key=True),
    Column("login", String, nullable=False, index=True),
    Column("way", String, nullable=False),
    Column("created_utc", String, nullable=False),
    Column("seen_utc", String, nullable=False),
    Column("until_utc", String, nullable=False),
)

_LOCK = 0x4875697A


def open_unchanged(path: Path) -> Engine:
    """An engine that reads an SQLite file at rest and writes nothing beside it, not even what a crash left to mend."""
    return create_engine(f"sqlite:///file:{path.absolute()}?immutable=1&mode=ro&uri=true")


def open_engine(url: str) -> Engine:
    """An engine on a URL or a path of an SQLite file."""
    engine = create_engine(url if "://" in url else f"sqlite:///{Path(url).absolute()}")
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _settings(connection, _record) -> None:  # type: ignore[no-untyped-def]
            connection.isolation_level = None
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("PRAGMA foreign_keys=ON")

    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other writer can interleave: BEGIN IMMEDIATE, or an advisory lock on PostgreSQL."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def migrate(where: Engine | Connection, version: str = "head") -> None:
    """Bring the tables to the newest version, or to one; on a connection within its transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with where.begin() if isinstance(where, Engine) else nullcontext(where) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
