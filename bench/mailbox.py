"""Seconds per exchange of the mailbox and of NATS: every node is sent a message and answers it; 1,000 floats each way.

`python bench/mailbox.py [--large | --tiny] [--postgresql URL]`. The hub runs in this process, all nodes in one other,
each on a TLS connection of its own with its own certificate. The baseline of the mailbox, in the same run, is the same
web server, TLS and request without a database, a check or a part. That of NATS is a bare server with TLS, one message
and its echo (NATS core), and "through streams" the same through two JetStream streams, with every message on the disk
and acknowledged, and nothing of ours. What permissions, revocation, resumption and throwing away cost is the rest;
processor seconds tell it apart from what else the machine does. NATS is left out where there is no nats-server.

600 nodes over NATS on 2 cores that others kept busy (load 5), one run, median seconds of an exchange and processor
seconds of hub, all nodes and server: NATS core .12 (.03, .06, .05), through streams .46 (.04, .13, .27), ours .80 (.09,
.31, .47), which is 1.75 times the streams in time and 2.0 times in processor seconds. A tenth of the server's are for
throwing replies away, one by one (decision 0025).
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
            spent: dict[str, list[float]] = {}
            found = floor_nats.measure(count, times, spent=spent)
            line(count, "NATS", found)
            line(count, "streams", {"bare": found["plain"], "durable": found["durable"]})
            for kind, each in spent.items():
                hub, nodes, server = each
                print(f"{'':>6} processor seconds, {kind}: hub {hub:.3f}, nodes {nodes:.3f}, NATS server {server:.3f}")
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
