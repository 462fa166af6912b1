"""What the ledger costs: appends that are on the disk, proofs, verification from files, at up to ten million entries.

`python bench/ledger.py [--large | --entries N]`. Beside it in the same run: bare SHA-256 over the same bytes, and a
plain SQLite table with the same columns, index and durability, without hashes and tree; appends of the two take turns.
pymerkle is timed beside them where it can be imported: it is no dependency of ours, and must not become one (GPL).
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.adapters.database import migrate, open_engine
from huizhen.adapters.hub_store import SqlStore
from huizhen.adapters.log_files import Folder, export
from huizhen.adapters.log_table import append
from huizhen.kit.canonical import canonical
from huizhen.kit.clock import utc_now
from huizhen.kit.errors import HuizhenError, NotFound
from huizhen.ledger import checkpoint, note, proof
from huizhen.ledger.audit import Trust, audit
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import Tree, leaf_hash, verify_consistency, verify_inclusion
from huizhen.ledger.note import COSIGNATURE, ED25519, VerifierKey
from huizhen.ledger.tiles import CHECKPOINT, PENDING, Tile

BATCHES = (1, 16, 64, 200)
AT_ONCE = 20_000
HUB = Ed25519PrivateKey.generate()
HUB_KEY = VerifierKey.of("bench.example/log", ED25519, HUB)


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """The best of a few runs: the least disturbed by whoever else uses the machine."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# The tree in memory.


def bare_hashes(entries: list[bytes]) -> None:
    pair = bytes(65)
    for entry in entries:
        sha256(b"\x00" + entry).digest()
        sha256(pair).digest()


def appended(entries: list[bytes]) -> Tree:
    tree = Tree()
    for entry in entries:
        tree.append(entry)
    return tree


def measure_tree(count: int, entry_bytes: int) -> None:
    rng = random.Random(1)
    entries = [rng.randbytes(entry_bytes) for _ in range(count)]
    bare = seconds(lambda: bare_hashes(entries))
    took = seconds(lambda: appended(entries))
    tree = appended(entries)
    root, sample = tree.root(), rng.sample(range(count), min(count, 2_000))
    paths = [tree.inclusion_proof(i) for i in sample]
    check = seconds(
        lambda: [verify_inclusion(leaf_hash(entries[i]), i, count, p, root) for i, p in zip(sample, paths, strict=True)]
    )
    path_hashes = (1 + len(paths[0])) * bare / (2 * count)
    checked = check / len(sample)
    print(f"in memory, {count:,} entries of {entry_bytes} bytes")
    print(f"  append          {count / took:12,.0f}/s   {took / bare:5.2f} x the time of its two hashes alone")
    print(f"  verify proof    {1 / checked:12,.0f}/s   {checked / path_hashes:5.2f} x the hashes of the path alone")
    if importlib.util.find_spec("pymerkle") is not None:
        from pymerkle import InmemoryTree

        theirs = InmemoryTree(algorithm="sha256")
        few = entries[:20_000]
        took = seconds(lambda: [theirs.append_entry(e) for e in few], 1)
        print(f"  pymerkle        {len(few) / took:12,.0f}/s   appended in memory, {len(few):,} entries")


def measure_file(witnesses: int) -> None:
    nodes = [Ed25519PrivateKey.generate() for _ in range(witnesses)]
    tree = appended([b"entry"] * 1000)
    keys = [VerifierKey.of(f"node-{i}", COSIGNATURE, each) for i, each in enumerate(nodes)]
    signed = checkpoint.open_signed(checkpoint.sign(Checkpoint(HUB_KEY.name, 1000, tree.root()), HUB), HUB_KEY)
    lines = [checkpoint.cosign(signed, k.name, each, 1) for k, each in zip(keys, nodes, strict=True)]
    file = proof.make(tree, b"entry", 500, checkpoint.with_cosignatures(signed, lines, keys))
    whole = seconds(lambda: proof.verify(file, HUB_KEY, keys, witnesses))
    opened = note.parse_note(file.partition(b"\n\n")[2])
    bare = seconds(lambda: note.verify_signatures(opened, [HUB_KEY, *keys]))
    print(f"a proof file with {witnesses} witnesses, {len(file):,} bytes")
    print(f"  verify          {1 / whole:12,.0f}/s   {whole / bare:5.2f} x its {witnesses + 1} signatures alone")


# The ledger on disk.


def entries(count: int, start: int = 0) -> Iterator[tuple[str, bytes]]:
    """Entries as studies make them, seven to a study, in canonical form."""
    steps = ("proposed", "authorised", "opened", "", "guarded", "released", "settled")
    kinds = [f"study-{step}" if step else "round-summed" for step in steps]
    for i in range(start, start + count):
        study, kind = f"st-{(i - 1) // 7:016x}", kinds[(i - 1) % 7] if i else "region-created"
        seconds_, micro = divmod(i, 1_000_000)
        at = f"2026-01-01T{seconds_ // 3600:02}:{seconds_ // 60 % 60:02}:{seconds_ % 60:02}.{micro:06}Z"
        ref = sha256(i.to_bytes(8, "big")).hexdigest()
        facts = {"round": 0, "nodes": 4} if kind == "round-summed" else {}
        value = {"actor": "hub", "at_utc": at, "facts": facts, "kind": kind, "refs": {"study": ref}, "subject": study}
        yield study, canonical(value)


class Plain:
    """A table with the columns and the index of the ledger's entries, as durable as ours."""

    def __init__(self, path: Path) -> None:
        self._db, self._size = sqlite3.connect(path, isolation_level=None), 0
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, subject TEXT NOT NULL, leaf BLOB NOT NULL)")
        self._db.execute("CREATE INDEX by_subject ON entry (subject)")

    def append(self, batch: list[tuple[str, bytes]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        rows = [(n, subject, leaf) for n, (subject, leaf) in enumerate(batch, self._size)]
        self._db.executemany("INSERT INTO entry VALUES (?, ?, ?)", rows)
        self._db.execute("COMMIT")
        self._size += len(batch)


class Ours:
    """The hub's store; and its ledger as files, under a checkpoint of now."""

    def __init__(self, path: Path) -> None:
        engine = open_engine(str(path))
        migrate(engine)
        self.store = SqlStore(engine, utc_now)
        self.signed = b""

    def append(self, batch: list[tuple[str, bytes]]) -> None:
        with self.store.record() as record:
            append(record.connection, batch)

    def sign(self) -> None:
        tree = self.store.tree()
        self.signed = checkpoint.sign(Checkpoint(HUB_KEY.name, len(tree), tree.root()), HUB)

    def read(self, path: str) -> bytes:
        if path in (PENDING, CHECKPOINT):
            return self.signed
        tile = Tile.parse(path)
        assert tile is not None
        return self.store.log.tile(tile)

    def read_all(self, paths: Any) -> Iterator[bytes | HuizhenError]:
        for path in paths:
            try:
                yield self.read(path)
            except NotFound as error:
                yield error


def told(name: str, batch: int, times: list[float]) -> float:
    """One line; entries a second."""
    ordered = sorted(times)
    rate = batch * len(times) / sum(times)
    p50, p99 = statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    print(f"  {batch:4} at once  {name:6} {rate:10,.0f}/s   p50 {1000 * p50:7.2f} ms   p99 {1000 * p99:7.2f} ms")
    return rate


def measure_appends(ours: Ours, plain: Plain, rounds: int, start: int) -> None:
    """Durable appends; the two take turns, so that whatever else the machine does hits both."""
    made = entries(sum(batch * max(3, rounds // batch) for batch in BATCHES), start)
    for batch in BATCHES:
        times: dict[str, list[float]] = {"ours": [], "plain": []}
        for _ in range(max(3, rounds // batch)):
            given = [next(made) for _ in range(batch)]
            for name, place in (("ours", ours), ("plain", plain)):
                began = time.perf_counter()
                place.append(given)
                times[name].append(time.perf_counter() - began)
        rate, bare = told("ours", batch, times["ours"]), told("plain", batch, times["plain"])
        print(f"              {bare / rate:10.2f} x the time of the plain table")


def fill(ours: Ours, plain: Plain, start: int, count: int) -> None:
    took = {"ours": 0.0, "plain": 0.0}
    made = entries(count, start)
    for at in range(0, count, AT_ONCE):
        given = [next(made) for _ in range(min(AT_ONCE, count - at))]
        for name, place in (("ours", ours), ("plain", plain)):
            began = time.perf_counter()
            place.append(given)
            took[name] += time.perf_counter() - began
    rates = {name: count / s for name, s in took.items()}
    print(f"filled by {count:,}, {AT_ONCE:,} at once: ours {rates['ours']:,.0f}/s, plain {rates['plain']:,.0f}/s, "
          f"{took['ours'] / took['plain']:.2f} x its time")  # fmt: skip


def measure_reading(ours: Ours, folder: Path) -> None:
    size, rng = ours.store.size(), random.Random(2)
    signing = seconds(ours.sign)
    tree = ours.store.tree()
    sample = [rng.randrange(size) for _ in range(min(size, 500))]
    paths = [tree.inclusion_proof(i) for i in sample]
    prove = seconds(lambda: [ours.store.tree().inclusion_proof(i) for i in sample[:100]]) / min(100, len(sample))
    for i, path in zip(sample, paths, strict=True):
        verify_inclusion(leaf_hash(ours.store.log.leaf(i)), i, size, path, tree.root())
    old = size // 3
    grown = seconds(lambda: ours.store.tree().consistency_proof(old))
    verify_consistency(old, size, tree.consistency_proof(old), tree.root(old), tree.root())
    began = time.perf_counter()
    export(ours, folder, lambda _d, _a: None)
    exported = time.perf_counter() - began
    before, began = peak_mb(), time.perf_counter()
    found = audit(Folder(folder), Trust(HUB_KEY, (), 0), time.time())
    took = time.perf_counter() - began
    assert found.findings == [] and found.entries == size, found.findings[:3]
    leaves = [leaf for _, leaf in entries(min(size, 100_000))]
    bare = seconds(lambda: bare_hashes(leaves)) / len(leaves) * size
    print(f"at {size:,} entries")
    print(f"  checkpoint      {1000 * signing:12.1f} ms   root of the ledger as it stands, signed")
    print(f"  proof           {1 / prove:12,.0f}/s    each from the database anew")
    print(f"  consistency     {1 / grown:12,.0f}/s    from a third of the ledger to all of it")
    print(f"  written         {size / exported:12,.0f}/s    as files, {_bytes(folder) / size:.0f} bytes an entry")
    print(f"  verified        {size / took:12,.0f}/s    from the files alone; {took / bare:.1f} x its hashes alone; "
          f"{peak_mb() - before:.0f} MB more memory at the peak")  # fmt: skip


def _bytes(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def measure_pymerkle(folder: Path, rounds: int) -> None:
    if importlib.util.find_spec("pymerkle") is None:
        print("pymerkle is not importable here: not measured")
        return
    from pymerkle import SqliteTree

    theirs, times = SqliteTree(str(folder / "theirs.db"), algorithm="sha256"), []
    for _, leaf in entries(rounds):
        began = time.perf_counter()
        theirs.append_entry(leaf)
        times.append(time.perf_counter() - began)
    told("pymerkle, stored", 1, times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="one million entries, then ten")
    size.add_argument("--entries", type=int, metavar="N", help="so many entries instead of a hundred thousand")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    steps = [1_000_000, 10_000_000] if asked.large else [asked.entries or (1_500 if asked.tiny else 100_000)]
    measure_tree(1_000 if asked.tiny else 100_000, 300)
    for witnesses in (3,) if asked.tiny else (3, 50):
        measure_file(witnesses)
    rounds = 40 if asked.tiny else 4_000
    with tempfile.TemporaryDirectory() as name:
        folder, filled = Path(name), 0
        ours, plain = Ours(folder / "ours.sqlite"), Plain(folder / "plain.sqlite")
        for count in steps:
            fill(ours, plain, filled, count - filled)
            measure_reading(ours, folder / "files")
            print(f"appends that are on the disk, to {ours.store.size():,} entries")
            measure_appends(ours, plain, rounds, ours.store.size())
            filled = ours.store.size()
            sys.stdout.flush()
        measure_pymerkle(folder, min(rounds, 300))


if __name__ == "__main__":
    main()
