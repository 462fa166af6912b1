"""A hub that forks, rolls back, withholds or shows each witness something else; and a witness that is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from huizhen.adapters.log_files import Folder, at, export
from huizhen.kit.errors import HuizhenError, Refused, Tampered
from huizhen.ledger import checkpoint as cp
from huizhen.ledger import fork
from huizhen.ledger.audit import Trust, audit
from huizhen.ledger.tiles import CHECKPOINT, PENDING, files_tree
from huizhen.witness.witness import Witness
from programs import Program
from witnessed import AT, HUB_KEY, Clock, Published, Web, make_witness


@pytest.fixture
def witnesses(tmp_path: Path) -> Iterator[tuple[Witness, Witness]]:
    made = tuple(make_witness(tmp_path / name, Clock(), name) for name in ("auditor", "regulator"))
    yield made  # type: ignore[misc]
    for each in made:
        each.close()


def refused(witness: Witness, log: Published) -> str:
    before, handed = witness.store.last(), len(log.handed)
    with pytest.raises(HuizhenError) as caught:
        witness.follow(log)
    assert witness.store.last() == before and len(log.handed) == handed, "it signed all the same"
    return caught.value.code


def test_a_hub_that_forks_gets_no_cosignature_and_the_proof_convinces_others(
    witnesses: tuple[Witness, Witness],
) -> None:
    witness, _ = witnesses
    log = Published().grow(300)
    witness.follow(log)
    other = log.branch(280).grow(90, branch="!")
    assert refused(witness, other) == "hub-forked"
    (path,) = witness.evidence()
    found = fork.read(path.read_bytes(), HUB_KEY)
    assert (found.shorter.checkpoint.size, found.longer.checkpoint.size) == (300, 370)
    assert refused(witness, log.grow(5)) == "hub-forked", "the honest branch is signed on as if nothing had been"


@pytest.mark.parametrize("size", [1, 2, 7, 8, 255, 256, 300])
def test_a_fork_is_proven_wherever_it_parts(witnesses: tuple[Witness, Witness], size: int) -> None:
    log = Published().grow(size)
    witnesses[0].follow(log)
    assert refused(witnesses[0], log.branch(size - 1).grow(20, branch="!")) == "hub-forked"
    fork.read(witnesses[0].evidence()[0].read_bytes(), HUB_KEY)


def test_a_hub_that_rolls_back_gets_no_cosignature_and_is_caught_when_it_goes_on(
    witnesses: tuple[Witness, Witness],
) -> None:
    witness, _ = witnesses
    log = Published().grow(10)
    witness.follow(log)
    back = log.branch(6).publish()
    assert refused(witness, back) == "ledger-rolled-back"
    assert [p.name for p in witness.evidence()] == ["rolled-back-6.note"]
    cp.open_signed(witness.evidence()[0].read_bytes(), HUB_KEY)
    assert refused(witness, back.grow(2, branch="!")) == "hub-forked", "still shorter, and another history already"
    fork.read(witness.evidence()[-1].read_bytes(), HUB_KEY)


def test_a_hub_that_shows_each_witness_something_else_is_never_witnessed_by_two(
    witnesses: tuple[Witness, Witness],
) -> None:
    """Neither of the two can know. A reader who wants both cosignatures gets no such checkpoint, on either side; and
    when the two compare, there is the proof."""
    one, other = witnesses
    left = Published().grow(20)
    right = left.branch(15).grow(8, branch="!")
    one.follow(left)
    other.follow(right)
    keys = (one.key, other.key)
    for log in (left, right):
        log.files[PENDING] = log.files[CHECKPOINT] = log.handed[-1]
        found = audit(log, Trust(HUB_KEY, keys, 2), AT.timestamp())
        assert [f.code for f in found.findings] == ["waiting-for-witnesses"] and found.witnessed == 0
        assert audit(log, Trust(HUB_KEY, keys, 1), AT.timestamp()).witnessed == len(log.leaves)
    shown = other.store.last()
    assert shown is not None
    found = audit(left, Trust(HUB_KEY, keys, 1, (shown.whole,)), AT.timestamp())
    assert "seen-more" in {f.code for f in found.findings}
    kept = one.store.last()
    assert kept is not None
    assert other.compare(kept.whole, None) is not None, "the one with the longer ledger can tell alone"
    assert one.compare(shown.whole, files_tree(right, 23)) is not None
    for each in witnesses:
        fork.read(each.evidence()[0].read_bytes(), HUB_KEY, keys)
    with pytest.raises(Tampered, match="two histories"):
        one.follow(left.grow(1))


def test_honest_witnesses_who_compare_find_nothing(witnesses: tuple[Witness, Witness]) -> None:
    one, other = witnesses
    log = Published().grow(20)
    one.follow(log)
    shown = log.branch(14).publish()
    other.follow(shown)
    for witness, note, tree in ((one, shown.handed[0], None), (other, log.handed[0], log.tree())):
        assert witness.compare(note, tree) is None and witness.evidence() == []


def test_a_hub_that_withholds_entries_or_tiles_gets_no_cosignature(witnesses: tuple[Witness, Witness]) -> None:
    witness, _ = witnesses
    log = Published().grow(20)
    witness.follow(log)
    other = log.branch(15).grow(9, branch="!")
    whole = dict(other.files)
    del other.files["tile/entries/000.p/24"]
    assert refused(witness, other) == "no-such-tile"
    other.files = {p: d for p, d in whole.items() if not p.startswith("tile/0/")}
    assert refused(witness, other) == "entries-not-signed"
    assert witness.evidence() == [], "without the tiles nothing is proven"
    other.files = whole
    assert refused(witness, other) == "hub-forked"


def test_a_checkpoint_that_somebody_else_signed_moves_no_witness(witnesses: tuple[Witness, Witness]) -> None:
    witness, _ = witnesses
    log = Published().grow(5)
    log.files[PENDING] = log.files[PENDING].replace(b"\n5\n", b"\n4\n")
    assert refused(witness, log) == "bad-signature"
    assert witness.store.last() is None


def test_a_folder_that_holds_another_history_is_not_written_over(tmp_path: Path) -> None:
    log = Published().grow(300).publish("auditor")
    assert export(log, tmp_path / "out", lambda _d, _a: None).size == 300
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    for other in (log.branch(299).publish(), log.branch(290).grow(40, branch="!")):
        with pytest.raises(Refused, match="another ledger"):
            export(other, tmp_path / "out", lambda _d, _a: None)
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before
    export(log.grow(300), tmp_path / "out", lambda _d, _a: None)
    found = audit(Folder(tmp_path / "out"), Trust(HUB_KEY, (), 0), AT.timestamp())
    assert found.findings == [] and found.entries == 600
    assert not (tmp_path / "out" / "tile/entries/001.p").exists(), "what a full tile replaces is taken away"


def test_files_that_are_not_those_of_the_checkpoint_are_not_exported(tmp_path: Path) -> None:
    log = Published().grow(20)
    log.files["tile/0/000.p/20"] = bytes(640)
    with pytest.raises(Tampered, match="does not give the root"):
        export(log, tmp_path / "out", lambda _d, _a: None)
    assert not (tmp_path / "out" / PENDING).exists()


# -- real programs


def test_killed_between_keeping_and_answering_it_signs_no_second_history(tmp_path: Path) -> None:
    """SIGKILL when the cosignature is on its way and before it is answered: what was signed is on the disk; it is
    handed in again, the very same, and another history of that size is refused."""
    running: list[Program] = []
    killed: list[bytes] = []

    def taken(body: bytes) -> None:
        if not killed:
            killed.append(body)
            os.kill(running[0].process.pid, signal.SIGKILL)

    log = Published().grow(30)
    web = Web(log, taken)
    home = tmp_path / "w"
    make_witness(home, Clock(), log=web.url).close()
    running.append(Program(tmp_path / "log", "witness", "run", "--home", home))
    assert running[0].process.wait(30) == -signal.SIGKILL
    with sqlite3.connect(home / "witness.sqlite") as kept:
        size, line, told = kept.execute("SELECT size, line, told FROM cosigned").fetchone()
    assert size == 30 and not told and killed[0].endswith(line.encode())
    log.handed.clear()
    again = Program(tmp_path / "log2", "witness", "run", "--home", home, "--once")
    assert again.process.wait(30) == 0 and log.handed == killed
    web.published = log.branch(29).grow(1, branch="!")
    forked = Program(tmp_path / "log3", "witness", "run", "--home", home, "--once")
    assert forked.process.wait(30) == 8 and "two histories" in forked.printed()
    assert web.published.handed == []
    web.close()


def test_a_server_that_sends_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huizhen.adapters.log_files._MAX_NOTE", 1000)
    log = Published().grow(3)
    log.files[PENDING] = bytes(2000)
    web = Web(log)
    files = at(web.url)
    with pytest.raises(HuizhenError, match="too much"):
        files.read(PENDING)
    files.close()
    web.close()
