"""Seconds per exchange of the mailbox and of NATS: every node is sent a message and answers it; 1,000 floats each way.

`python bench/mailbox.py [--large | --tiny] [--postgresql URL]`. The hub runs in this process, all nodes in one other,
each on a TLS connection of its own with its own certificate. The baseline of the mailbox, in the same run, is the same
web server, TLS and request without a database, a check or a part; that of NATS JetStream a bare server with TLS, one
message and its echo (NATS core). What durability, revocation and resumption cost is the rest. NATS is left out where
there is no nats-server.
"""

from __future__ import annotations

import argparse

from made import floor, floor_nats
from made.broker import binary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="3, 100 and 600 nodes instead of 3 and 30")
    size.add_argument("--tiny", action="store_true", help="3 nodes, a few times, to see that it runs")
    parser.add_argument("--postgresql", metavar="URL", help="an empty database; else SQLite")
    chosen = parser.parse_args()
    print(f"{floor.FLOATS} floats each way, seconds per exchange, {'PostgreSQL' if chosen.postgresql else 'SQLite'}")
    print(f"{'nodes':>6} {'':10} {'bare p50':>9} {'p99':>8}  {'durable p50':>11} {'p99':>8}  {'ratio':>5}")
    for count in (3,) if chosen.tiny else (3, 100, 600) if chosen.large else (3, 30):
        times = 5 if chosen.tiny else 60 if count < 300 else 30
        line(count, "mailbox", floor.measure(count, times, chosen.postgresql))
        if binary() is not None:
            line(count, "NATS", floor_nats.measure(count, times))
    if binary() is None:
        print("NATS left out: no nats-server here")


def line(count: int, what: str, found: dict[str, list[float]]) -> None:
    bare, durable = found["bare"], found["durable"]
    p50 = [x[len(x) // 2] for x in (bare, durable)]
    p99 = [x[int(len(x) * 0.99)] for x in (bare, durable)]
    print(
        f"{count:>6} {what:10} {p50[0]:>9.4f} {p99[0]:>8.4f}  {p50[1]:>11.4f} {p99[1]:>8.4f}  {p50[1] / p50[0]:>5.1f}"
    )


if __name__ == "__main__":
    main()
