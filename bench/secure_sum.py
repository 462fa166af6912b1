"""What secure sums cost beside plain ones, and how near the masks are to the speed of AES itself.

`python bench/secure_sum.py [--large]`. All nodes run one after the other on this one machine; in a federation each
works on its own, so what one node waits for is the column "one node". The baselines are measured in the same run:
adding the vectors as they are, putting them on the wire and back, and the raw AES-256-CTR stream.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.kit import wire
from huizhen.model.partial import Partial
from huizhen.secure import advert, fixed, graph
from huizhen.secure.mask import add_masks, keystream
from huizhen.secure.opening import acquaint, open_sum, route
from huizhen.secure.ring import BLOCK
from huizhen.secure.session import Member

CONTEXT = b"benchmark"


class Watch:
    """Adds up seconds under headings."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, heading: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        value = work()
        self.seconds[heading] = self.seconds.get(heading, 0.0) + time.perf_counter() - start
        return value


def federation(n: int) -> dict[str, Member]:
    names = [f"node-{i:03d}" for i in range(n)]
    identities = {x: Ed25519PrivateKey.from_private_bytes(hashlib.sha256(x.encode()).digest()) for x in names}
    keys = {x: key.public_key().public_bytes_raw() for x, key in identities.items()}
    return {x: Member(CONTEXT, x, identities[x].sign, keys) for x in names}


def secure_round(parts: dict[str, Partial]) -> tuple[Partial, dict[str, float]]:
    """One whole secure sum, its seconds by step over all nodes."""
    advert._is_signed.cache_clear()
    watch, nodes = Watch(), federation(len(parts))
    layout = next(iter(parts.values())).layout()
    wide = fixed.wide(layout)
    adverts = watch("keys", lambda: {x: m.advert() for x, m in nodes.items()})
    everyone, needed = watch("keys", lambda: acquaint(CONTEXT, adverts))
    shown = {x: {y: adverts[y] for y in needed[x]} for x in nodes}
    sealed = watch("keys", lambda: {x: m.shares(shown[x], everyone) for x, m in nodes.items()})
    incoming = route(sealed)
    masked = {}
    for x, member in nodes.items():
        words = watch("encode", lambda x=x: fixed.encode(parts[x], len(parts)))
        masked[x] = watch("mask", lambda x=x, m=member, w=words: m.mask(w, incoming[x], wide))
    left = sorted(masked)
    tags = watch("keys", lambda: route({x: m.confirm(left) for x, m in nodes.items()}))
    replies = watch("keys", lambda: {x: m.unmask(left, tags[x]) for x, m in nodes.items()})
    total = watch("unmask", lambda: open_sum(CONTEXT, adverts, sealed, masked, replies, wide=wide))
    return watch("decode", lambda: fixed.decode(total, layout)), watch.seconds


def plain_sum(parts: dict[str, Partial]) -> np.ndarray:
    vectors = [part["x"] for part in parts.values()]
    total = vectors[0].copy()
    for vector in vectors[1:]:
        np.add(total, vector, out=total)
    return total


def over_the_wire(parts: dict[str, Partial]) -> None:
    for part in parts.values():
        wire.decode(wire.encode({"x": part["x"]}))


def best(work: Callable[[], Any], times: int) -> float:
    """The best of a few runs: the least disturbed by whoever else uses the machine."""
    watch = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        watch.append(time.perf_counter() - start)
    return min(watch)


def measure_sum(n: int, values: int, times: int) -> None:
    random = np.random.default_rng(1)
    parts = {f"node-{i:03d}": Partial({"x": random.normal(size=values) * 1e3}) for i in range(n)}
    plain, carried = best(lambda: plain_sum(parts), 5), best(lambda: over_the_wire(parts), 5)
    runs = [secure_round(parts) for _ in range(times)]
    total, steps = min(runs, key=lambda run: sum(run[1].values()))
    if not np.allclose(total["x"], plain_sum(parts), rtol=1e-12, atol=1e-9):
        raise SystemExit("the secure sum is not the plain sum")
    whole = sum(steps.values())
    node = sum(steps[step] for step in ("keys", "encode", "mask")) / n
    print(
        f"{n:5d} {values:10,d} {plain * 1e3:10.3f} {carried * 1e3:10.3f} {whole * 1e3:10.1f} "
        f"{whole / plain:11,.0f} {whole / carried:11,.1f} {node * 1e3:10.2f}   "
        + "  ".join(f"{step} {spent / whole:.0%}" for step, spent in steps.items())
    )


def measure_masks(values: int, masks: int, threads: int) -> None:
    """Bytes of mask made and added in a second, beside the bare key stream over the same cache-sized buffer."""
    keys = [os.urandom(32) for _ in range(masks)]
    zeros, out = bytes(24 * BLOCK), bytearray(24 * BLOCK)
    rounds = -(-values // BLOCK) * masks

    def bare() -> None:
        stream = keystream(keys[0], 0)
        for _ in range(rounds):
            stream.update_into(zeros, out)

    raw = rounds * len(zeros) / best(bare, 5)
    print(f"raw AES-256-CTR, one thread: {raw / 1e9:.2f} GB/s")
    for kind, wide in (("float64, 192 bits with carries", values), ("int64, one word", 0)):
        words = np.zeros(3 * values, dtype=np.uint64)
        for used in (1, threads):
            spent = best(lambda w=words, n=wide, t=used: add_masks(w, n, keys[::2], keys[1::2], t), 5)
            made = masks * words.nbytes / spent
            print(
                f"masks for {kind}, {used} thread(s): {made / 1e9:.2f} GB/s, {made / raw / used:.0%} of raw per thread"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="also 50 nodes x 1 M values (2 GB, a minute)")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    print(f"{'nodes':>5} {'values':>10} {'plain ms':>10} {'wire ms':>10} {'secure ms':>10} {'sec/plain':>11} "
          f"{'sec/wire':>11} {'one node':>10}   share of the time")  # fmt: skip
    if asked.tiny:
        measure_sum(3, 10, 1)
        measure_masks(1_000, 3, 2)
        return
    for n in (3, 10, 50):
        measure_sum(n, 1_000, 3)
    for n in (3, 10, *((50,) if asked.large else ())):
        measure_sum(n, 1_000_000, 1 if n == 50 else 2)
    if not asked.large:
        print("   50  1,000,000   left out: needs 2 GB and a minute, see --large")
    degrees = {n: graph.degree_and_threshold(n) for n in (10, 50, 200, 620)}
    print(
        "neighbours and threshold by number of nodes: " + ", ".join(f"{n}: {k}, {t}" for n, (k, t) in degrees.items())
    )
    measure_masks(1_000_000, 9, min(4, os.cpu_count() or 1))


if __name__ == "__main__":
    main()
