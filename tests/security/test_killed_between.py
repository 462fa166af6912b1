"""A run that is killed leaves rows beside the file to be written only until the next run, and one that is told to end
leaves none."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from commands import huizhen
from huizhen.adapters import anonymise_large
from huizhen.adapters.own_folder import own_folder, swept
from own_files import people

KILLED = """
import os, signal, sys
from pathlib import Path
from huizhen.adapters.own_folder import own_folder
with own_folder(Path(sys.argv[1])) as folder:
    (folder / "codes").mkdir()
    (folder / "codes" / "aside").write_text("rows as they are")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def words(folder: Path) -> list[str]:
    people(1000, 3).to_csv(folder / "in.csv", index=False)
    return ["anonymize", str(folder / "in.csv"), "--out", str(folder / "out.csv"), "--qi", "age,region,job",
            "--sensitive", "icd", "--keep", "note", "--drop", "name", "--k", "5", "--memory", "1GB", "--no-measures",
            "--no-attacks"]  # fmt: skip


def test_what_a_killed_run_left_is_deleted_by_the_next(tmp_path: Path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.glob(".huizhen-*")
    assert stat.S_IMODE(left.stat().st_mode) == 0o700 and (left / "codes" / "aside").exists()
    assert huizhen(*words(tmp_path)).code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_neither_a_living_run_s_folder_nor_anything_else_is_deleted(tmp_path: Path):
    """One in use, one without a lock, a file, and a name that leads to a folder elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".lock").touch()
    with own_folder(tmp_path) as living:
        (tmp_path / ".huizhen-notes").mkdir()
        (tmp_path / ".huizhen-file").touch()
        (tmp_path / ".huizhen-link").symlink_to(elsewhere)
        assert swept(tmp_path) == 0
        assert living.is_dir()
    assert not living.exists() and (elsewhere / ".lock").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".huizhen-file", ".huizhen-link", ".huizhen-notes", "elsewhere",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_end_leaves_nothing(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """While rows lie between."""
    seen = []

    def struck(*_: object, **__: object) -> None:
        seen.extend(tmp_path.glob(".huizhen-*/.huizhen-*/aside"))
        os.kill(os.getpid(), number)

    monkeypatch.setattr(anonymise_large, "_laid", struck)
    found = huizhen(*words(tmp_path))
    assert len(seen) == 1
    assert found.code == 130 and "Nothing was written" in found.err
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]
