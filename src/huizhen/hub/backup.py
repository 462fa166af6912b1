"""A hub's backup: its keys, its papers, and its tables as one moment saw them, while it goes on serving."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from huizhen.adapters import archive, table_dump
from huizhen.adapters.archive import Part
from huizhen.adapters.database import migrate, open_engine, writing
from huizhen.hub.hub import Hub
from huizhen.kit.clock import stamp
from huizhen.kit.errors import Conflict, Tampered
from huizhen.kit.text import Text

KIND = "hub"
_DATABASE = {"hub.sqlite", "hub.sqlite-wal", "hub.sqlite-shm", "seal.json", "open.lock"}
"""What is not taken as a file: the tables go in as rows, and the seal is made anew."""
_FOLDERS = ("hub", "tls", "nats")


@dataclass(frozen=True)
class BackedUp:
    entries: int
    """In the ledger, at the moment of the backup."""
    size: int
    made_utc: str
    origin: str


def back_up(hub: Hub, out: Path) -> BackedUp:
    """Write the backup of a hub that may be serving meanwhile. Raises as `archive.write`."""
    region, made = hub.folder.parent, stamp(hub.clock())
    with hub.engine.connect() as connection:
        table_dump.snapshot(connection)
        entries = connection.exec_driver_sql("SELECT count(*) FROM entry").scalar_one()
        about = {
            "origin": hub.origin, "made_utc": made, "schema": table_dump.version(connection), "entries": int(entries),
        }  # fmt: skip
        parts = [*_files(region), *table_dump.dump(connection)]
        size = archive.write(out, KIND, about, parts, hub.key)
        connection.rollback()
    return BackedUp(int(entries), size, made, hub.origin)


def _files(region: Path) -> list[Part]:
    found = [f for name in _FOLDERS for f in sorted((region / name).rglob("*")) if f.is_file()]
    return [(f"files/{f.relative_to(region).as_posix()}", archive.of_file(f)) for f in found if f.name not in _DATABASE]


def restore(path: Path, region: Path, database: str | None = None) -> BackedUp:
    """Make the hub of a new region folder from a backup, on the embedded database or an empty PostgreSQL one.

    All or nothing: where it fails, nothing of it is left. Raises as `archive.open_archive`; Conflict where the folder
    has a hub, or the database a table.
    """
    found = archive.open_archive(path, KIND)
    if (region / "hub").exists():
        raise Conflict(
            "region-exists",
            Text(f"There is a region at {region} already.", f"{region} 处已有区域。"),
            Text(
                "Name a folder without one; what is there stays as it is.", "请指定没有区域的文件夹；现有内容不会改动。"
            ),
        )
    new = region.with_name(f".{region.name}.restoring")
    shutil.rmtree(new, ignore_errors=True)
    try:
        for name in found.names():
            if name.startswith("files/"):
                found.extract(name, new / name.removeprefix("files/"))
        _load(found, new, database)
        hub = Hub(new / "hub", database=database)
        hub.touch()
        hub.close()
        region.mkdir(parents=True, exist_ok=True)
        for folder in new.iterdir():
            folder.rename(region / folder.name)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    about = found.about
    return BackedUp(about["entries"], path.stat().st_size, about["made_utc"], about["origin"])


def _load(found: archive.Archive, new: Path, database: str | None) -> None:
    engine = open_engine(database or str(new / "hub" / "hub.sqlite"))
    try:
        if not table_dump.is_empty(engine):
            raise Conflict(
                "database-not-empty",
                Text("The database has tables already.", "数据库中已有表。"),
                Text("Name an empty database.", "请指定空数据库。"),
            )
        with writing(engine) as connection:
            migrate(connection, found.about["schema"])
            count = 0
            for name in found.names():
                if name.startswith("tables/"):
                    rows = table_dump.load(connection, name.removeprefix("tables/"), found.read(name))
                    count += rows if name == "tables/entry" else 0
            if count != found.about["entries"]:
                raise Tampered(
                    "backup-lacks-entries",
                    Text("The backup has not the entries that it speaks of.", "备份中的账本条目与其声明不符。"),
                    Text("Use an earlier backup.", "请使用更早的备份。"),
                )
            migrate(connection)
    finally:
        engine.dispose()
