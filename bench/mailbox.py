"""Seconds per exchange of the mailbox: every node is sent a message and answers it; 1,000 floats each way.

`python bench/mailbox.py [--large | --tiny] [--postgresql URL]`. The hub runs in this process, all nodes in one other,
each on a TLS connection of its own with its own certificate. The baseline, in the same run, is the same web server, TLS
and request without a database, a check or a part: what durability, revocation and resumption cost is the rest.
"""

from __future__ import annotations

import argparse

from made.floor import FLOATS, measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="3, 100 and 600 nodes instead of 3 and 30")
    parser.add_argument("--tiny", action="store_true", help="3 nodes, a few times, to see that it runs")
    parser.add_argument("--postgresql", metavar="URL", help="an empty database; else SQLite")
    chosen = parser.parse_args()
    print(f"{FLOATS} floats each way, seconds per exchange, {'PostgreSQL' if chosen.postgresql else 'SQLite'}")
    print(f"{'nodes':>6}  {'bare p50':>9} {'p99':>8}  {'mailbox p50':>11} {'p99':>8}  {'ratio':>5}")
    for count in (3,) if chosen.tiny else (3, 100, 600) if chosen.large else (3, 30):
        found = measure(count, 5 if chosen.tiny else 60 if count < 300 else 30, chosen.postgresql)
        bare, durable = found["bare"], found["durable"]
        p50 = [x[len(x) // 2] for x in (bare, durable)]
        p99 = [x[int(len(x) * 0.99)] for x in (bare, durable)]
        ratio = p50[1] / p50[0]
        print(f"{count:>6}  {p50[0]:>9.4f} {p99[0]:>8.4f}  {p50[1]:>11.4f} {p99[1]:>8.4f}  {ratio:>5.1f}")


if __name__ == "__main__":
    main()
