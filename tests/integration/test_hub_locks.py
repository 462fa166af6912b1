"""Two commands on one region: neither takes the write-ahead log away from the other."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from huizhen.hub.hub import Hub
from huizhen.model.settings import RegionSettings

READ_AND_LEAVE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('select * from meta'); c.close()"


def test_taking_the_seal_off_keeps_the_locks_of_an_open_database(tmp_path: Path) -> None:
    """The seal reads the database's file, and whoever closes a file loses the locks that its process has on it: the
    next process to leave would then believe to be the last, and take the log away from under us."""
    Hub.create(tmp_path / "hub", RegionSettings()).close()
    hub = Hub(tmp_path / "hub")
    assert hub.origin
    hub.touch()
    assert hub.origin
    with hub.store.record() as record:
        record.put_meta("mark", "kept")
    subprocess.run([sys.executable, "-c", READ_AND_LEAVE, tmp_path / "hub" / "hub.sqlite"], check=True)
    assert (tmp_path / "hub" / "hub.sqlite-wal").exists()
    hub.close()
    aside = sqlite3.connect(tmp_path / "hub" / "hub.sqlite")
    assert aside.execute("select value from meta where key = 'mark'").fetchall() == [("kept",)]
    aside.close()
