"""The ledger's tables: entries, the roots of full tiles above them, checkpoints, witnesses and their cosignatures.

Appending costs one row, and one more for each 256 entries: the root of the tile that became full. So a root or a proof
at any size reads a few tiles, however long the ledger is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update

from huizhen.adapters import database as db
from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text
from huizhen.ledger.merkle import Tree, leaf_hash
from huizhen.ledger.note import VerifierKey
from huizhen.ledger.story import scan_leaf
from huizhen.ledger.tiles import ENTRIES, WIDTH, Tile, TileTree, check_entry, encode_bundle, fold

_SIZE = "SELECT COALESCE(MAX(number), -1) + 1 FROM entry"
_LAST = "SELECT leaf FROM entry ORDER BY number DESC LIMIT 1"
_STATEMENTS: dict[tuple[str, str], tuple[str, bool]] = {}
_KEPT = 1024
_FEW = 4096
"""A tree of at most so many entries is read at once."""


class Cosignature(NamedTuple):
    """A witness's line under the checkpoint of `size` entries, and its time in POSIX seconds."""

    size: int
    witness: str
    line: str
    at_unix_s: int


class Witness(NamedTuple):
    """An outside witness that the trustee enrolled; `removed_utc` where it no longer counts."""

    key: VerifierKey
    enrolled_utc: str
    removed_utc: str | None


def append(connection: Connection, entries: Sequence[tuple[str, bytes]]) -> int:
    """Append (subject, leaf) in one transaction of the caller's; the number of the first. Raises BadInput for a leaf
    that is too large."""
    (size,) = connection.exec_driver_sql(_SIZE).one()
    for _, leaf in entries:
        check_entry(leaf)
    hashes = [leaf_hash(leaf) for _, leaf in entries]
    if hashes:
        numbered = zip(count(int(size)), entries, hashes, strict=False)
        _insert(connection, db.entry, [(n, subject, leaf, hashed) for n, (subject, leaf), hashed in numbered])
        raise_tiles(connection, int(size), int(size) + len(hashes), hashes)
    return int(size)


def _insert(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Rows in the order of the table's columns, past all that an insert of few would not miss."""
    names = [column.name for column in table.columns]
    known = (connection.dialect.name, table.name)
    if known not in _STATEMENTS:
        compiled = insert(table).compile(dialect=connection.dialect, column_keys=names)
        _STATEMENTS[known] = str(compiled), compiled.positional
    statement, positional = _STATEMENTS[known]
    given = rows if positional else [dict(zip(names, row, strict=True)) for row in rows]
    connection.exec_driver_sql(statement, list(given))


def last_moment(connection: Connection) -> str:
    """The time of the last entry; '' where there is none. Raises ValueError where it is no entry."""
    row = connection.exec_driver_sql(_LAST).first()
    if row is None:
        return ""
    last = scan_leaf(bytes(row[0]))
    if last is None:
        raise ValueError("the last entry cannot be read")
    return last.at_utc


def raise_tiles(connection: Connection, old: int, new: int, hashes: Sequence[bytes] = ()) -> None:
    """Keep the roots of the tiles that became full between two sizes. `hashes`: the leaf hashes of these entries,
    where they are at hand."""
    level, at_hand = 0, dict(enumerate(hashes, old))
    while new // WIDTH > old // WIDTH:
        rows: list[tuple[int, int, bytes]] = []
        for index in range(old // WIDTH, new // WIDTH):
            places = range(index * WIDTH, (index + 1) * WIDTH)
            if all(place in at_hand for place in (places[0], places[-1])):
                whole = b"".join([at_hand[place] for place in places])
            else:
                whole = hashes_of(connection, Tile(level, index))
            rows.append((level + 1, index, fold(whole)))
        _insert(connection, db.subtree, rows)
        level, old, new = level + 1, old // WIDTH, new // WIDTH
        at_hand = {number: root for _, number, root in rows}


def hashes_of(connection: Connection, tile: Tile) -> bytes:
    """The hashes of a tile, as many as there are up to its width."""
    first, end = tile.number * WIDTH, tile.number * WIDTH + tile.width
    table = db.entry if tile.level == 0 else db.subtree
    query = select(table.c.hash).where(table.c.number >= first, table.c.number < end).order_by(table.c.number)
    if tile.level:
        query = query.where(table.c.level == tile.level)
    return b"".join([bytes(row[0]) for row in connection.execute(query)])


class LogTable:
    """What is read of the ledger."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._full: dict[Tile, bytes] = {}
        """Full tiles that were read: they never change."""

    def _all(self, query: Any) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def size(self) -> int:
        return int(self._all(select(func.coalesce(func.max(db.entry.c.number), -1) + 1))[0][0])

    def leaf(self, number: int) -> bytes:
        """Raises NotFound."""
        rows = self._all(select(db.entry.c.leaf).where(db.entry.c.number == number))
        if not rows:
            Tree().leaf(number)
        return bytes(rows[0][0])

    def tree(self, size: int | None = None) -> TileTree:
        """The tree as it stands, or stood at a size; of a small one all hashes are read at once."""
        size = self.size() if size is None else size
        if size > _FEW:
            return TileTree(self.tile, size)
        with self._engine.connect() as connection:
            query = select(db.entry.c.hash).where(db.entry.c.number < size).order_by(db.entry.c.number)
            low = b"".join([bytes(row[0]) for row in connection.execute(query)])
        high = b"".join([fold(low[i : i + 32 * WIDTH]) for i in range(0, size // WIDTH * 32 * WIDTH, 32 * WIDTH)])
        levels = [low, high]
        return TileTree(lambda t: levels[t.level][t.number * 32 * WIDTH : (t.number * WIDTH + t.width) * 32], size)

    def tile(self, tile: Tile) -> bytes:
        """The hashes of a tile, or the bundle of entries. Raises NotFound where there are not so many."""
        first, end = tile.number * WIDTH, tile.number * WIDTH + tile.width
        if tile.level == ENTRIES:
            query = select(db.entry.c.leaf).where(db.entry.c.number >= first, db.entry.c.number < end)
            leaves = [bytes(row[0]) for row in self._all(query.order_by(db.entry.c.number))]
            if len(leaves) == tile.width:
                return encode_bundle(leaves)
        else:
            kept = self._full.get(tile)
            if kept is not None:
                return kept
            with self._engine.connect() as connection:
                hashes = hashes_of(connection, tile)
            if len(hashes) == tile.width * 32:
                if tile.width == WIDTH:
                    self._keep(tile, hashes)
                return hashes
        raise no_such_file(tile.path)

    def _keep(self, tile: Tile, hashes: bytes) -> None:
        if len(self._full) >= _KEPT:
            self._full.clear()
        self._full[tile] = hashes

    # -- checkpoints

    def checkpoint(self, size: int | None = None) -> str | None:
        """The note of the checkpoint of that size, or the newest, without cosignatures of outside witnesses."""
        query = select(db.checkpoint.c.note).order_by(db.checkpoint.c.size.desc()).limit(1)
        rows = self._all(query if size is None else query.where(db.checkpoint.c.size == size))
        return str(rows[0][0]) if rows else None

    # -- witnesses

    def witnesses(self) -> list[Witness]:
        """All that were ever enrolled, in order of name."""
        rows = self._all(select(db.witness).order_by(db.witness.c.name))
        return [Witness(VerifierKey.parse(r.vkey), str(r.enrolled_utc), r.removed_utc) for r in rows]

    def cosignatures(self, least: int = 0, most: int | None = None) -> list[Cosignature]:
        """Those under checkpoints of at least and at most so many entries."""
        c = db.cosignature.c
        query = select(db.cosignature).where(c.size >= least).order_by(c.size, c.witness)
        rows = self._all(query if most is None else query.where(c.size <= most))
        return [Cosignature(int(r.size), str(r.witness), str(r.line), int(r.at)) for r in rows]

    def last_cosignatures(self) -> dict[str, Cosignature]:
        """By witness, the one under the longest ledger."""
        c = db.cosignature.c
        longest = select(c.witness, func.max(c.size).label("size")).group_by(c.witness).subquery()
        query = select(db.cosignature).join(longest, (c.witness == longest.c.witness) & (c.size == longest.c.size))
        return {
            str(r.witness): Cosignature(int(r.size), str(r.witness), str(r.line), int(r.at)) for r in self._all(query)
        }


def put_witness(connection: Connection, key: VerifierKey, at_utc: str) -> None:
    connection.execute(insert(db.witness).values(name=key.name, vkey=key.vkey, enrolled_utc=at_utc))


def remove_witness(connection: Connection, name: str, at_utc: str) -> None:
    connection.execute(update(db.witness).where(db.witness.c.name == name).values(removed_utc=at_utc))


def put_cosignature(connection: Connection, given: Cosignature) -> None:
    """A newer one under the same checkpoint takes the place of the older."""
    c = db.cosignature.c
    connection.execute(delete(db.cosignature).where(c.size == given.size, c.witness == given.witness))
    connection.execute(
        insert(db.cosignature).values(size=given.size, witness=given.witness, line=given.line, at=given.at_unix_s)
    )


def no_such_file(path: str) -> NotFound:
    return NotFound(
        "no-such-tile",
        Text(f"The log has no file {path[:80]}.", f"日志中没有文件 {path[:80]}。"),
        Text("Ask for tiles of a size that a checkpoint has.", "请只请求某个检查点条数之内的分片。"),
    )
