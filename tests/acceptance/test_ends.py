"""What is broken is found and said: by doctor before, by every command when it happens; no traceback reaches anyone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import Region, done, huizhen, in_both
from federations import until
from huizhen.cli import checkup, faults


def bad(region: Path) -> str:
    en, zh = in_both("doctor", "--region", region, code=1)
    assert "异常" in zh
    return en


def test_doctor_finds_nothing_where_nothing_is_wrong(asked: tuple[Region, dict[str, Any]]):
    en, zh = in_both("doctor", "--region", asked[0].path)
    assert "BAD" not in en and "the ledger holds" in en and "dataset lung: 4 holders" in en and "正常" in zh
    assert all(f["ok"] for f in done("doctor", "--region", asked[0].path, "--json").json())
    assert done("doctor").code == 0
    assert "There is no region" in bad(Path("nowhere"))


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("nodes/north/policy.yaml", b"min_cell: 2\nfoo: 1\n", "policy.yaml line 1: 'min_cell' must be"),
        ("nodes/north/policy.yaml", b"min_cell: [2\n", "policy.yaml line"),
        ("nodes/north/identity.key", None, "identity.key is missing"),
        ("nodes/north/identity.key", b"short", "is not a key any more"),
        ("nodes/north/node.sqlite", b"\x01" * 9000, "A database of the region is damaged"),
        ("nodes/north/node.duckdb", None, "the rows of lung are gone"),
        ("hub/hub.key", None, "hub.key is missing"),
        ("hub/hub.sqlite", None, "hub.sqlite is missing"),
        ("hub/hub.sqlite", b"\x01" * 9000, "A database of the region is damaged"),
    ],
)
def test_doctor_names_the_broken_file(file: str, content: bytes | None, said: str, copied: Path):
    (copied / file).unlink()
    if content is not None:
        (copied / file).write_bytes(content)
        (copied / file).chmod(0o600)
    assert said in bad(copied)
    for words in (["study", "list"], ["money", "statement", "--party", "operator"]):
        ended = huizhen(*words, "--region", copied)
        assert ended.code in {0, 8} and "Traceback" not in ended.err


def test_doctor_looks_at_permissions_disk_and_what_was_cut_off(copied: Path, monkeypatch: pytest.MonkeyPatch):
    (copied / "nodes" / "east" / "pseudonym.key").chmod(0o644)
    assert "Run: chmod 600" in bad(copied)
    (copied / "nodes" / "east" / "pseudonym.key").chmod(0o600)
    shutil.move(copied / "nodes" / "west", copied / "west")
    assert "node west is enrolled, but its folder is gone" in bad(copied)
    shutil.move(copied / "west", copied / "nodes" / "west")
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 1 << 20))  # type: ignore[attr-defined]
    assert "0.0 GB of disk free" in bad(copied)
    monkeypatch.undo()
    real = os.access
    monkeypatch.setattr(checkup.os, "access", lambda path, mode: Path(path).name != "north" and real(path, mode))
    assert "Run: chmod u+rw" in bad(copied)


# -- how the program ends when something fails


def test_a_defect_ends_with_a_short_message_and_a_log_without_values(copied: Path, monkeypatch: pytest.MonkeyPatch):
    secret = "P042 has a secret"

    def broken(*_: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr("huizhen.adapters.hub_store.SqlStore.studies", broken)
    ended = huizhen("study", "list", "--region", copied)
    assert ended.code == 1 and "[unexpected]" in ended.err and "huizhen.log" in ended.err
    log = (copied / faults.LOG).read_text(encoding="utf-8")
    assert "RuntimeError" in log and "study list" in log and "hub_store" not in ended.err
    assert secret not in log + ended.err + ended.out and "Traceback" not in ended.err
    assert huizhen("study", "list", "--json", "--region", copied).json()["error"]["code"] == "unexpected"


def test_files_that_cannot_be_written_are_named(asked: tuple[Region, dict[str, Any]], monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    words = ["ledger", "prove", "0", "--out", "x.proof", "--region", asked[0].path]
    assert "The disk is full" in in_both(*words, code=7)[0]

    def shut(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_bytes", shut)
    assert "'x.proof' may not be read or written" in in_both(*words, code=2)[0]


def started(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "huizhen.cli", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "HUIZHEN_LANG": "en"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip


def test_a_study_that_was_interrupted_is_taken_up(copied: Path, tmp_path: Path):
    """Ctrl-C while the rounds go on; the same file, run again, ends the same study. Its rounds are so many that it
    cannot have ended by itself before the signal reaches it."""
    study = tmp_path / "trees.yaml"
    study.write_text(
        "title: t\nasker: acme\npurpose: HMB\ndataset: lung\nmethod: gbdt\n"
        "params: {outcome: died, columns: [age, time], trees: 60, depth: 2, early_stopping_rounds: null}\n"
    )

    def rounds() -> int:
        entries = done("ledger", "list", "--json", "--region", copied).json()
        return sum(e["kind"] == "round-summed" for e in entries)

    done("review", "waive", "memorising-model", "--reason", "nobody reviews here", "--region", copied)
    before = rounds()
    running = started("study", "run", study, "--region", copied)
    until(lambda: rounds() > before + 3 or running.poll() is not None, 120)
    assert running.poll() is None, running.communicate()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130 and "it goes on where it stopped" in err.replace("the study", "it")
    listed = done("study", "list", "--json", "--region", copied).json()
    assert listed[-1]["status"] == "running"
    assert "was cut off" in bad(copied)
    assert done("ledger", "verify", "--region", copied).code == 0
    found = done("study", "run", study, "--region", copied, "--json", "-").json()
    assert found["study"] == listed[-1]["study"]
    assert len(done("study", "list", "--json", "--region", copied).json()) == len(listed)


LOADING = """
import os, signal, sys
def strike(*_):
    os.kill(os.getpid(), signal.SIGINT)
class Struck:
    def find_spec(self, name, path=None, target=None):
        if name == "rich":
            strike()
"""
WHILE_IT_LOADS = """
sys.meta_path.insert(0, Struck())
from huizhen.cli import main
main()
"""
WHILE_IT_IS_BUILT = """
from huizhen.cli import main
import typer.main
typer.main.get_command = strike
main()
"""


@pytest.mark.parametrize("when", [WHILE_IT_LOADS, WHILE_IT_IS_BUILT])
def test_ctrl_c_while_the_program_still_loads_shows_no_traceback(when: str):
    ended = subprocess.run(
        [sys.executable, "-c", LOADING + when], capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


def test_ctrl_c_outside_what_a_command_does_ends_with_a_word(copied: Path, monkeypatch: pytest.MonkeyPatch):
    def struck(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("huizhen.cli.money.place", struck)
    ended = huizhen("money", "statement", "--party", "operator", "--region", copied)
    assert ended.code == 130 and ended.err.startswith("Interrupted.")


def test_without_a_terminal_there_is_no_colour_and_a_closed_pipe_is_no_error(asked: tuple[Region, dict[str, Any]]):
    with started("ledger", "list", "--region", asked[0].path) as listing:
        out, err = listing.communicate(timeout=60)
    assert "\x1b" not in out + err and listing.returncode == 0
    listing = started("ledger", "list", "--region", asked[0].path)
    assert listing.stdout is not None
    listing.stdout.close()
    _, err = listing.communicate(timeout=60)
    assert (listing.returncode, err) == (0, "")
