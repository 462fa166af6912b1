"""How fast the ledger's tree takes entries and gives proofs, beside SHA-256 alone over the same bytes.

`python bench/ledger.py [--large]`. Appending an entry takes one hash of it and, on average, one of 65 bytes: the same
calls without a tree are the limit of what any such tree can do here.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.ledger import checkpoint, note, proof
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import Tree, leaf_hash, verify_inclusion
from huizhen.ledger.note import COSIGNATURE, ED25519, VerifierKey


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """The best of a few runs: the least disturbed by whoever else uses the machine."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


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
    whole = b"".join(entries)
    stream = seconds(lambda: sha256(whole).digest())
    bare = seconds(lambda: bare_hashes(entries))
    append = seconds(lambda: appended(entries))
    tree = appended(entries)
    root, sample = tree.root(), rng.sample(range(count), min(count, 5_000))
    prove = seconds(lambda: [tree.inclusion_proof(i) for i in sample]) / len(sample)
    consistent = seconds(lambda: [tree.consistency_proof(i) for i in sample]) / len(sample)
    paths = [tree.inclusion_proof(i) for i in sample]
    check = seconds(
        lambda: [verify_inclusion(leaf_hash(entries[i]), i, count, p, root) for i, p in zip(sample, paths, strict=True)]
    )
    path_hashes = (1 + len(paths[0])) * bare / (2 * count)
    print(f"{count:,} entries of {entry_bytes} bytes")
    print(f"  append          {count / append:12,.0f}/s   {append / bare:5.2f} x the time of its two hashes alone")
    print(f"  bare hashes     {count / bare:12,.0f}/s   {bare / stream:5.2f} x one SHA-256 over all bytes at once")
    print(
        f"  inclusion proof {1 / prove:12,.0f}/s   {prove / path_hashes:5.2f} x hashing a path (it only reads hashes)"
    )
    print(f"  consistency     {1 / consistent:12,.0f}/s")
    checked = check / len(sample)
    print(f"  verify proof    {1 / checked:12,.0f}/s   {checked / path_hashes:5.2f} x the hashes of the path alone")


def measure_file(witnesses: int) -> None:
    hub, nodes = Ed25519PrivateKey.generate(), [Ed25519PrivateKey.generate() for _ in range(witnesses)]
    tree = appended([b"entry"] * 1000)
    hub_key = VerifierKey.of("bench.example/log", ED25519, hub)
    keys = [VerifierKey.of(f"node-{i}", COSIGNATURE, each) for i, each in enumerate(nodes)]
    signed = checkpoint.open_signed(checkpoint.sign(Checkpoint(hub_key.name, 1000, tree.root()), hub), hub_key)
    lines = [checkpoint.cosign(signed, k.name, each, 1) for k, each in zip(keys, nodes, strict=True)]
    file = proof.make(tree, b"entry", 500, checkpoint.with_cosignatures(signed, lines, keys))
    whole = seconds(lambda: proof.verify(file, hub_key, keys, witnesses))
    opened = note.parse_note(file.partition(b"\n\n")[2])
    bare = seconds(lambda: note.verify_signatures(opened, [hub_key, *keys]))
    print(f"a proof file with {witnesses} witnesses, {len(file):,} bytes")
    print(f"  verify          {1 / whole:12,.0f}/s   {whole / bare:5.2f} x its {witnesses + 1} signatures alone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="ten million entries instead of a hundred thousand")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    large = asked.large
    measure_tree(10_000_000 if large else 1_000 if asked.tiny else 100_000, 300)
    measure_file(3)
    if not asked.tiny:
        measure_file(620 if large else 50)


if __name__ == "__main__":
    main()
