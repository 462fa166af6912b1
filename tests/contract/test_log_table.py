"""One contract for the ledger's tables on SQLite and on PostgreSQL: tiles of the very tree, however filled."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from huizhen.adapters import database as db
from huizhen.adapters.database import migrate, open_engine
from huizhen.adapters.hub_store import SqlStore
from huizhen.adapters.log_table import Cosignature, append, put_cosignature, raise_tiles
from huizhen.kit.clock import utc_now
from huizhen.kit.errors import BadInput, NotFound
from huizhen.ledger.merkle import Tree, leaf_hash
from huizhen.ledger.tiles import ENTRIES, Tile, decode_bundle, tile_of

LEAVES = [f'{{"n":{i}}}'.encode() for i in range(5000)]
TREE = Tree(leaf_hash(leaf) for leaf in LEAVES)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    url = str(tmp_path / "hub.sqlite") if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    engine = open_engine(url)
    migrate(engine)
    made = SqlStore(engine, utc_now)
    yield made
    made.close()


def fill(store: SqlStore, steps: list[int]) -> None:
    at = 0
    for step in steps:
        with store.record() as r:
            assert append(r.connection, [("s", leaf) for leaf in LEAVES[at : at + step]]) == at
        at += step


def no_writing_before(store: SqlStore) -> None:
    """The time of a new entry comes after the last one's, which has to be an entry: these are not."""
    store._next_moment = lambda _c: "2026-01-01T00:00:00.000000Z"  # type: ignore[method-assign]


def test_tiles_and_proofs_are_those_of_the_tree(store: SqlStore) -> None:
    no_writing_before(store)
    fill(store, [1, 254, 1, 1, 600, 0, 3143, 1000])
    log, draw = store.log, random.Random(3)
    assert log.size() == 5000 and log.leaf(4999) == LEAVES[4999]
    for size in (0, 1, 256, 4096, 4097, 5000):
        tree = log.tree(size)
        assert tree.root() == TREE.root(size)
        for _ in range(10 if size else 0):
            index, old = draw.randrange(size), draw.randrange(size + 1)
            assert tree.inclusion_proof(index) == TREE.inclusion_proof(index, size)
            assert tree.consistency_proof(old) == TREE.consistency_proof(old, size)
    assert decode_bundle(log.tile(Tile(ENTRIES, 19, 136)), 136) == LEAVES[4864:]
    assert log.tile(tile_of(1, 0, 5000)) == b"".join(TREE._subtree(8, i) for i in range(19))
    for tile in (Tile(0, 19, 137), Tile(1, 0, 20), Tile(2, 0, 1), Tile(ENTRIES, 20, 1)):
        with pytest.raises(NotFound):
            log.tile(tile)
    with pytest.raises(NotFound):
        log.leaf(5000)


def test_roots_of_tiles_can_be_made_from_what_is_there(store: SqlStore) -> None:
    no_writing_before(store)
    fill(store, [1000])
    with store.record() as r:
        kept = r.connection.execute(select(db.subtree)).all()
        r.connection.execute(delete(db.subtree))
        raise_tiles(r.connection, 0, 1000)
        assert r.connection.execute(select(db.subtree)).all() == kept


def test_an_entry_that_goes_into_no_bundle_is_refused_and_leaves_nothing(store: SqlStore) -> None:
    with pytest.raises(BadInput, match="65536"), store.record() as r:
        append(r.connection, [("s", b"x"), ("s", bytes(1 << 16))])
    assert store.size() == 0


def test_a_newer_cosignature_takes_the_place_of_the_older(store: SqlStore) -> None:
    with store.record() as r:
        for each in (Cosignature(5, "w", "one", 1), Cosignature(5, "w", "two", 2), Cosignature(4, "w", "old", 9),
                     Cosignature(5, "v", "other", 3)):  # fmt: skip
            put_cosignature(r.connection, each)
    assert [c.line for c in store.log.cosignatures(5, 5)] == ["other", "two"]
    assert {name: c.line for name, c in store.log.last_cosignatures().items()} == {"v": "other", "w": "two"}


def test_a_ledger_from_before_gets_its_tiles_by_migration(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    engine = open_engine(str(tmp_path / "old.sqlite"))
    config = Config()
    config.set_main_option("script_location", str(Path(db.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        rows = [
            {"number": i, "subject": "s", "leaf": x, "hash": leaf_hash(x)} for i, x in enumerate(LEAVES)
        ]  # fmt: skip
        connection.execute(insert(db.entry), rows)
    migrate(engine)
    store = SqlStore(engine, utc_now)
    assert store.tree().root() == TREE.root()
    store.close()
