"""What anchoring and splitting cost on a real node: gas, and seconds from the command to the block.

`python bench/chain.py [--large]`. Needs the extra `chain` and anvil (see tests/anvil.py). Beside it: the least that a
transaction costs, 21,000 gas, and the same consistency proof verified in Python.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from anvil import anvil, binary
from huizhen.adapters.chain import Chain
from huizhen.adapters.chain_contracts import Anchors, Splitter, account_of
from huizhen.ledger.merkle import Tree, verify_consistency, verify_inclusion
from huizhen.market.settle import Contribution, settle
from huizhen.model.settlement import Shares

LEAST = 21_000


def gas_of(chain: Chain, private: bytes, address: str, name: str, function: str, *args: object) -> tuple[int, float]:
    began = time.perf_counter()
    receipt = chain.send(private, address, name, function, *args)
    return int(receipt["gasUsed"]), time.perf_counter() - began


def measure_anchors(chain: Chain, private: bytes, sizes: list[int]) -> None:
    rng = random.Random(1)
    tree = Tree(rng.randbytes(32) for _ in range(sizes[-1]))
    anchors, link, old = Anchors.deploy(chain, private, "bench"), bytes(32), 0
    print("anchoring, by entries of the ledger")
    for size in sizes:
        proof = tree.consistency_proof(old, size)
        args = (size, tree.root(size), link, list(proof))
        gas, took = gas_of(chain, private, anchors.address, "anchors", "anchor", *args)
        line = (
            f"  {size:11,}  proof of {len(proof):2} hashes  {gas:9,} gas, {gas / LEAST:4.1f} x the least  {took:.3f} s"
        )
        if old:
            began = time.perf_counter()
            verify_consistency(old, size, proof, tree.root(old), tree.root(size))
            line += f"  (in Python {1000 * (time.perf_counter() - began):.2f} ms)"
        print(line)
        link, old = anchors.all()[-1].link, size
    index = rng.randrange(old)
    path = tree.inclusion_proof(index)
    began = time.perf_counter()
    assert anchors.holds(len(sizes) - 1, tree.leaf(index), index, path)
    asked = time.perf_counter() - began
    began = time.perf_counter()
    verify_inclusion(tree.leaf(index), index, old, path, tree.root())
    print(f"  an entry by the contract {asked:.3f} s, in Python {1000 * (time.perf_counter() - began):.2f} ms")


def measure_splits(chain: Chain, private: bytes, hospitals: list[int]) -> None:
    splitter = Splitter.deploy(chain, private)
    splitter.receive(private, "acme", 10**9, "B-1")
    print("splitting, by hospitals; the first time of each, then with its accounts there")
    for count in hospitals:
        given = {f"h{i}": Contribution(100 + i, "0.9", 50) for i in range(count)}
        for turn in ("first", "again"):
            made = settle(f"{count}-{turn}", "acme", 1_200_001, Shares(), given, for_profit=True)
            accounts, fen = [account_of(x.party) for x in made.lines], [x.fen for x in made.lines]
            args = (account_of(made.study), account_of("acme"), made.price_fen, bytes.fromhex(made.digest()))
            gas, took = gas_of(chain, private, splitter.address, "splitter", "split", *args, accounts, fen)
            print(
                f"  {count:4}  {turn}  {len(fen):5} lines  {gas:11,} gas, {gas / len(fen):7,.0f} a line  {took:6.3f} s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="a ledger of a million entries, six hundred hospitals")
    parser.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    if binary() is None or importlib.util.find_spec("web3") is None:
        print("anchoring: not measured\nsplitting: not measured")
        print("no anvil or no web3 here; see docs/how-to/anchor-on-a-chain.md")
        return
    with anvil("--gas-price", "0", "--base-fee", "0", "--gas-limit", "1000000000") as url:
        chain, private = Chain.at(url), os.urandom(32)
        sizes = [1_000, 1_001, 10_000] + ([100_001, 1_000_003] if asked.large else [])
        measure_anchors(chain, private, sizes[:2] if asked.tiny else sizes)
        measure_splits(chain, private, [4, 100, 600] if asked.large else [4] if asked.tiny else [4, 18])


if __name__ == "__main__":
    main()
