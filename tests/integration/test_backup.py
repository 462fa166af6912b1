"""A region that was lost comes back from its backups, on either database; what is damaged leaves nothing behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from commands import COX, NAMES, Region, done, huizhen
from huizhen.adapters import archive, table_dump
from huizhen.adapters.database import migrate, open_engine
from huizhen.adapters.passkeys import Passkeys, Site
from huizhen.adapters.sessions import Sessions
from huizhen.console.at_node.app import Rooms
from huizhen.hub.hub import Hub
from huizhen.kit.errors import Tampered
from huizhen.node.backup import CONSOLE, KIND


@pytest.fixture(scope="module")
def backups(asked: tuple[Region, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Backups of a region's hub and of its four nodes."""
    folder = tmp_path_factory.mktemp("backups")
    done("hub", "backup", "--region", asked[0].path, "--out", folder / "hub.backup")
    for name in NAMES:
        done("node", "backup", name, "--region", asked[0].path, "--out", folder / f"{name}.backup")
    return folder


def test_no_session_and_no_link_comes_back(copied: Path, tmp_path: Path) -> None:
    region, back = copied, tmp_path / "back"
    done("hub", "account", "add", "li", "--role", "asker", "--region", region)
    hub = Hub(region / "hub")
    hub.touch()
    Sessions(hub.engine, hub.clock).open("li", "link")
    Passkeys(hub.engine, hub.clock).options_to_sign_in(Site("localhost", "https://localhost"))
    hub.close()
    done("hub", "backup", "--region", region, "--out", tmp_path / "hub.backup")
    done("hub", "restore", tmp_path / "hub.backup", "--region", back)
    engine = open_engine(str(back / "hub" / "hub.sqlite"))
    with engine.connect() as c:
        rows = {name: c.execute(text(f"SELECT count(*) FROM {name}")).scalar()
                for name in ("account", "session", "sign_in_link", "challenge")}  # fmt: skip
    engine.dispose()
    assert rows == {"account": 1, "session": 0, "sign_in_link": 0, "challenge": 0}


def test_no_session_of_a_nodes_own_pages_comes_back(copied: Path, tmp_path: Path) -> None:
    node = copied / "nodes" / NAMES[0]
    rooms = Rooms(node)
    rooms.accounts.add("chen", NAMES[0], "operator")
    rooms.accounts.link("chen", hours=1)
    rooms.sessions.open("chen", "link")
    rooms.close()
    out = tmp_path / "node.backup"
    done("node", "backup", NAMES[0], "--region", copied, "--out", out)
    done("node", "restore", out, "--region", tmp_path / "back")
    engine = open_engine(str(tmp_path / "back" / "nodes" / NAMES[0] / CONSOLE))
    with engine.connect() as c:
        rows = {name: c.execute(text(f"SELECT count(*) FROM {name}")).scalar()
                for name in ("account", "session", "sign_in_link")}  # fmt: skip
    engine.dispose()
    assert rows == {"account": 1, "session": 0, "sign_in_link": 0}


def restored(backups: Path, region: Path, *more: str) -> Region:
    done("hub", "restore", backups / "hub.backup", "--region", region, *more)
    for name in NAMES:
        done("node", "restore", backups / f"{name}.backup", "--region", region)
    where = Region.__new__(Region)
    where.folder, where.path, where.dataset, where.said = region.parent, region, "lung", {}
    return where


def test_a_region_that_was_lost_comes_back_whole(
    backups: Path, asked: tuple[Region, dict[str, Any]], tmp_path: Path
) -> None:
    where = restored(backups, tmp_path / "again")
    held = huizhen("ledger", "verify", "--region", where.path)
    assert held.code == 0 and "4 hospitals" in held.out
    before, now = (done("study", "list", "--region", path, "--json").json() for path in (asked[0].path, where.path))
    assert now == before
    again = where.outcome(**{**COX, "title": "After the fire"})
    assert [c["estimate"] for c in again["result"]["coefficients"]] == pytest.approx(
        [c["estimate"] for c in asked[1]["result"]["coefficients"]], rel=1e-12
    )
    keys = [where.path / "hub" / "hub.key", where.path / "nodes" / "north" / "pseudonym.key"]
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys)
    assert all((backups / f"{n}.backup").stat().st_mode & 0o077 == 0 for n in ("hub", *NAMES))


def test_a_hub_moves_to_postgresql_and_back(backups: Path, postgresql_url: str, tmp_path: Path) -> None:
    url = postgresql_url.replace("+psycopg", "")
    done("hub", "restore", backups / "hub.backup", "--region", tmp_path / "there", "--database", url)
    moved = done(
        "hub", "backup", "--region", tmp_path / "there", "--database", url, "--out", tmp_path / "moved.backup", "--json"
    ).json()
    assert moved["entries"] > 10
    parts = [_tables(path) for path in (backups / "hub.backup", tmp_path / "moved.backup")]
    assert parts[0] == parts[1]
    done("hub", "restore", tmp_path / "moved.backup", "--region", tmp_path / "back")
    engine = open_engine(postgresql_url)
    with engine.begin() as connection:  # the next number is free
        connection.execute(text("INSERT INTO posting (study, account, debit_fen, credit_fen, memo, at_utc) "
                                "VALUES ('st', 'a', 1, 0, 'm', '2026')"))  # fmt: skip
    engine.dispose()
    refused = huizhen("hub", "restore", backups / "hub.backup", "--region", tmp_path / "fourth", "--database", url)
    assert refused.code == 4 and "tables already" in refused.err and not (tmp_path / "fourth").exists()


def _tables(path: Path) -> dict[str, list[Any]]:
    """Every table of a backup: its columns and its rows."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("tables/"):
                frames = table_dump._frames([archive.read(name)])
                found[name] = [msgspec.msgpack.decode(frame) for frame in frames]
    return found


@pytest.mark.parametrize("how", ["cut", "flipped", "part left out", "other keys", "not a backup", "of a node"])
def test_what_is_damaged_is_refused_and_leaves_nothing(backups: Path, tmp_path: Path, how: str) -> None:
    whole, bad = (backups / "hub.backup").read_bytes(), tmp_path / "bad.backup"
    bad.write_bytes(whole)
    if how == "cut":
        bad.write_bytes(whole[: len(whole) // 2])
    elif how == "flipped":
        middle = len(whole) // 2
        bad.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    elif how == "not a backup":
        bad.write_text("nothing of the kind")
    elif how == "of a node":
        shutil.copy(backups / "north.backup", bad)
    else:
        with zipfile.ZipFile(backups / "hub.backup") as old, zipfile.ZipFile(bad, "w") as new:
            for name in old.namelist():
                if how == "part left out" and name == "tables/document":
                    continue
                data = old.read(name)
                new.writestr(name, bytes(32) if how == "other keys" and name.endswith("hub.key") else data)
    ran = huizhen("hub", "restore", bad, "--region", tmp_path / "again")
    assert ran.code == (2 if how == "of a node" else 8), ran.err
    assert [p.name for p in tmp_path.iterdir()] == ["bad.backup"]


def test_a_changed_byte_anywhere_is_told_as_damage(backups: Path, tmp_path: Path) -> None:
    """In a part, in its header, in the list of parts: whatever reading then comes upon, it is no defect of ours."""
    whole, told = (backups / "north.backup").read_bytes(), 0
    bad = tmp_path / "bad.backup"
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            archive.open_archive(bad, KIND)  # a byte that nothing rests on, such as a date
        except Tampered:
            told += 1
    assert told > 100


def test_nothing_is_replaced(backups: Path, asked: tuple[Region, dict[str, Any]], tmp_path: Path) -> None:
    before = (backups / "hub.backup").read_bytes()
    words = [
        ("hub", "backup", "--region", asked[0].path, "--out", backups / "hub.backup"),
        ("hub", "restore", backups / "hub.backup", "--region", asked[0].path),
        ("node", "restore", backups / "north.backup", "--region", asked[0].path),
    ]
    assert [huizhen(*w).code for w in words] == [4, 4, 4]
    assert (backups / "hub.backup").read_bytes() == before
    assert huizhen("hub", "restore", tmp_path / "none", "--region", tmp_path / "x").code == 3
    assert huizhen("node", "backup", "nrth", "--region", asked[0].path, "--out", tmp_path / "n").code == 3


def test_a_node_whose_rows_are_open_has_to_be_stopped(copied: Path, tmp_path: Path) -> None:
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, copied / "nodes" / "north" / "node.duckdb"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        ran = huizhen("node", "backup", "north", "--region", copied, "--out", tmp_path / "n.backup")
        assert ran.code == 4 and "Stop the node" in ran.err
        other.communicate()
    assert not list(tmp_path.glob("n.backup*"))


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """As a backup of an earlier version: its tables are made as they were, filled, and then migrated."""
    engine = open_engine(str(tmp_path / "old.sqlite"))
    migrate(engine, "0003")
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO token VALUES ('h', 'acme', 'asker', 'c', 'u', NULL)"))
        connection.commit()
        assert table_dump.version(connection) == "0003"
        parts = {name: b"".join(pieces) for name, pieces in table_dump.dump(connection)}
    engine.dispose()
    new = open_engine(str(tmp_path / "new.sqlite"))
    migrate(new, "0003")
    with new.connect() as connection:
        for name, data in parts.items():
            table_dump.load(connection, name.removeprefix("tables/"), [data[i : i + 7] for i in range(0, len(data), 7)])
        connection.commit()
    migrate(new)
    with new.connect() as connection:
        assert connection.execute(text("SELECT name, role FROM token")).all() == [("acme", "asker")]
        assert table_dump.version(connection) > "0003"
    new.dispose()
