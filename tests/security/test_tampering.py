"""One byte changed anywhere in the hub's files is found; a story rewritten with the hub's own key is found, too."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from huizhen.adapters import seal
from huizhen.cli.region import trusted
from huizhen.hub.verify import verify_hub
from huizhen.kit.canonical import canonical
from huizhen.kit.keys import SigningKey
from huizhen.ledger import checkpoint as checkpoints
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import Tree, leaf_hash
from huizhen.ledger.story import read_leaf
from regions import make_region, patients, run


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tamper") / "region"
    region = make_region(folder, patients(60, 3))
    assert run(region, price_fen=1000)["status"] == "released"
    region.close()
    return folder


@pytest.fixture
def copy(base: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "copy"
    shutil.copytree(base, folder)
    yield folder


def wrong(folder: Path) -> list[str]:
    hub, witnesses = trusted(folder)
    return [text.en for text in verify_hub(folder / "hub", hub, witnesses)[1]]


def test_the_untouched_ledger_holds(copy: Path) -> None:
    assert wrong(copy) == []


def test_one_byte_anywhere_is_found(copy: Path) -> None:
    draw = random.Random(20261122)
    files = [p for p in sorted((copy / "hub").iterdir()) if p.stat().st_size]
    assert {p.name for p in files} >= {"hub.sqlite", "hub.key", "seal.json"}
    for path in files:
        whole = path.read_bytes()
        places = range(len(whole)) if len(whole) < 700 else [draw.randrange(len(whole)) for _ in range(60)]
        for place in places:
            changed = bytearray(whole)
            changed[place] ^= 1 << draw.randrange(8)
            path.write_bytes(changed)
            assert wrong(copy), f"{path.name} byte {place}"
        path.write_bytes(whole)


def test_a_file_taken_away_or_added_is_found(copy: Path) -> None:
    (copy / "hub" / "hub.sqlite-wal").write_bytes(b"a write-ahead log that was not there")
    assert wrong(copy)
    (copy / "hub" / "hub.sqlite-wal").unlink()
    (copy / "hub" / "hub.key").unlink()
    assert wrong(copy)


def rewrite(folder: Path, resign: bool) -> int:
    """An insider with the hub's key changes a verdict, mends every hash, signs the ledger and the seal anew."""
    key = SigningKey((folder / "hub" / "hub.key").read_bytes())
    db = sqlite3.connect(folder / "hub" / "hub.sqlite")
    leaves = [bytes(r[0]) for r in db.execute("SELECT leaf FROM entry ORDER BY number")]
    at, entry = next((i, e) for i, leaf in enumerate(leaves) if (e := read_leaf(leaf)) and e.kind == "study-authorised")
    leaves[at] = canonical({**entry.as_json(), "facts": {"verdict": "deny"}})
    db.execute("UPDATE entry SET leaf = ?, hash = ? WHERE number = ?", (leaves[at], leaf_hash(leaves[at]), at))
    if resign:
        (origin,) = db.execute("SELECT value FROM meta WHERE key = 'origin'").fetchone()
        tree = Tree(leaf_hash(leaf) for leaf in leaves)
        for (size,) in db.execute("SELECT size FROM checkpoint").fetchall():
            note = checkpoints.sign(Checkpoint(origin, size, tree.root(size)), key.private).decode()
            db.execute("UPDATE checkpoint SET note = ? WHERE size = ?", (note, size))
    db.commit()
    db.close()
    seal.seal(folder / "hub", key)
    return at


@pytest.mark.parametrize("resign", [False, True], ids=["hashes mended", "and every checkpoint signed again"])
def test_a_story_rewritten_by_the_hub_itself_is_found_by_what_the_hospitals_keep(copy: Path, resign: bool) -> None:
    rewrite(copy, resign)
    found = wrong(copy)
    assert found
    assert not any("sealed" in text for text in found), (
        "the insider's seal is good; the hospitals' copies are what tells"
    )


def test_a_shorter_ledger_is_found(copy: Path) -> None:
    db = sqlite3.connect(copy / "hub" / "hub.sqlite")
    db.execute("DELETE FROM entry WHERE number = (SELECT max(number) FROM entry)")
    db.execute("DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)")
    db.commit()
    db.close()
    seal.seal(copy / "hub", SigningKey((copy / "hub" / "hub.key").read_bytes()))
    assert wrong(copy)


def test_a_posting_changed_by_the_hub_itself_is_found(copy: Path) -> None:
    db = sqlite3.connect(copy / "hub" / "hub.sqlite")
    db.execute("UPDATE posting SET credit_fen = credit_fen + 1 WHERE account = 'operator'")
    db.commit()
    db.close()
    seal.seal(copy / "hub", SigningKey((copy / "hub" / "hub.key").read_bytes()))
    assert any("postings" in text or "balance" in text for text in wrong(copy))
