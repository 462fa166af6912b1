"""A node's backup: its keys, its book of people and consents, the rows it holds. It is as sensitive as the node itself.

The book, and the accounts of its pages, are read as of one moment, while the node may be running; the rows are copied
while nobody writes them, so a node that has them open has to be stopped for that.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from huizhen.adapters import archive
from huizhen.adapters.table_dump import OPENING
from huizhen.kit.clock import Clock, stamp, utc_now
from huizhen.kit.errors import Conflict, NotFound
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text

KIND = "node"
_BOOK, _ROWS, _KEY = "node.sqlite", "node.duckdb", "identity.key"
CONSOLE = "console.sqlite"
"""The accounts, passkeys and sessions of the node's own pages."""
_PASSING = ("-wal", "-shm", ".wal", ".lock", ".tmp")


@dataclass(frozen=True)
class BackedUp:
    node: str
    size: int
    made_utc: str


def back_up(folder: Path, out: Path, clock: Clock = utc_now) -> BackedUp:
    """Write the backup of the node in this folder. Raises as `archive.write`; NotFound without a node, Conflict where
    a running program has its rows open."""
    if not (folder / _KEY).is_file():
        raise NotFound(
            "no-node-here",
            Text(f"There is no node in {folder}.", f"{folder} 中没有节点。"),
            Text("Name the node, and its region (--region) or home folder (--home).",
                 "请给出节点名称及其区域（--region）或主文件夹（--home）。"),
        )  # fmt: skip
    made = stamp(clock())
    with ExitStack() as stack:
        _stand_still(folder / _ROWS, stack)
        aside = Path(stack.enter_context(TemporaryDirectory(dir=folder, prefix=".backup-")))
        copies = {name: _copied(folder / name, aside / name) for name in (_BOOK, CONSOLE) if (folder / name).is_file()}
        parts = [(f"files/{name}", archive.of_file(place)) for name, place in _files(folder, copies)]
        about = {"node": folder.name, "made_utc": made}
        size = archive.write(out, KIND, about, parts, SigningKey((folder / _KEY).read_bytes()))
    return BackedUp(folder.name, size, made)


def _copied(database: Path, copy: Path) -> Path:
    """A copy as of one moment, without what opens an account for a while."""
    with closing(sqlite3.connect(database)) as there, closing(sqlite3.connect(copy)) as made:
        there.backup(made)
        tables = {name for (name,) in made.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for name in tables.intersection(OPENING):
            made.execute(f'DELETE FROM "{name}"')
        made.commit()
        made.execute("VACUUM")
    return copy


def _stand_still(rows: Path, stack: ExitStack) -> None:
    """Nobody else can open the rows until the stack unwinds, and the file holds all of them."""
    if not rows.exists():
        return
    try:
        held = stack.enter_context(closing(duckdb.connect(rows)))
        held.execute("CHECKPOINT")
    except duckdb.IOException as problem:
        raise Conflict(
            "node-is-running",
            Text("A program has the node's rows open.", "有程序正在使用该节点的数据。"),
            Text("Stop the node for the time of the backup.", "请在备份期间停止该节点。"),
        ) from problem


def _files(folder: Path, copies: Mapping[str, Path]) -> list[tuple[str, Path]]:
    found = [
        f for f in sorted(folder.rglob("*"))
        if f.is_file() and not f.name.endswith(_PASSING) and f.name not in copies and ".backup-" not in str(f)
    ]  # fmt: skip
    return [*copies.items(), *((f.relative_to(folder).as_posix(), f) for f in found)]


def restore(path: Path, home: Path) -> BackedUp:
    """Make the node's folder, `home`/nodes/NAME, from a backup: all of it or nothing. Raises as `archive.open_archive`;
    Conflict where the folder is there already."""
    found = archive.open_archive(path, KIND)
    folder = home / "nodes" / str(found.about["node"])
    if folder.exists():
        raise Conflict(
            "node-here-already",
            Text(f"There is a node in {folder} already.", f"{folder} 中已有节点。"),
            Text("Name another folder; what is there stays as it is.", "请换一个文件夹；现有内容不会改动。"),
        )
    new = folder.with_name(f".{folder.name}.restoring")
    shutil.rmtree(new, ignore_errors=True)
    try:
        for name in found.names():
            found.extract(name, new / name.removeprefix("files/"))
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return BackedUp(folder.name, path.stat().st_size, found.about["made_utc"])
