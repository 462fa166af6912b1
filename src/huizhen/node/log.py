"""The node's own log: every message of the hub, what was decided, and a digest of every Partial that left. Signed.

A node says the head of its log in its tally, which the hub's ledger keeps: so neither can the hub deny what it asked,
nor the hospital what it answered. `check_log` needs nothing but the node's public key.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from huizhen.adapters.node_book import NodeBook
from huizhen.kit.errors import HuizhenError, Tampered
from huizhen.kit.keys import Sign, check_signature
from huizhen.kit.text import Text
from huizhen.model.logged import Logged
from huizhen.model.study import Study
from huizhen.secure.ring import Words

_DOMAIN = b"huizhen/node-log/v1\n"
PASSING = {"hello", "advert", "shares", "confirm", "unmask", "papers", "cosign"}
"""Answers that nothing computed from rows goes out with: their lines are written together with the next that counts."""


def study_of(body: Mapping[str, Any]) -> str | None:
    """The study that a message is about, if it is about one."""
    said = body.get("study")
    with suppress(HuizhenError):
        return Study.read(said).id if isinstance(said, dict) else said
    return None


def signed_bytes(line: Logged) -> bytes:
    return _DOMAIN + bytes.fromhex(line.digest())


@dataclass
class NodeLog:
    """Lines are durable before the answer that they speak of leaves the node, but for those of `PASSING`."""

    book: NodeBook
    sign: Sign
    key: bytes
    """Keys the digests of Partials."""

    def __post_init__(self) -> None:
        self._waiting: list[dict[str, str | None]] = []

    def digest(self, words: Words) -> str:
        """Of figures before they are masked."""
        return hmac.digest(self.key, words.tobytes(), "sha256").hex()

    def note(self, at_utc: str, kind: str, study: str | None, question: str, code: str = "", partial: str = "") -> None:
        """One more line; `code` of the refusal, empty when the message was answered."""
        decision = "refused" if code else "answered"
        self._waiting.append(
            {
                "at_utc": at_utc,
                "kind": kind,
                "study": study,
                "decision": decision,
                "code": code,
                "question": question,
                "partial": partial,
            }
        )
        if code or kind not in PASSING:
            self.write()

    def write(self) -> str:
        """Make durable what waits; the head of the log."""
        head = self.book.log(self._continue)
        self._waiting = []
        return head

    def _continue(self, last: Logged | None) -> list[tuple[Logged, bytes]]:
        lines, number, head = [], 0 if last is None else last.number + 1, "" if last is None else last.digest()
        for said in self._waiting:
            line = Logged.read({**said, "number": number, "previous": head})
            lines.append((line, self.sign(signed_bytes(line))))
            number, head = number + 1, line.digest()
        return lines


def check_log(lines: Iterable[tuple[Logged, bytes]], public: bytes) -> str:
    """The head of the log, once every line follows from the one before and is signed. Raises Tampered, which says which
    line is not."""
    head, number = "", 0
    for line, signature in lines:
        if line.number != number or line.previous != head or not check_signature(public, signature, signed_bytes(line)):
            raise Tampered(
                "node-log-broken",
                Text(f"Line {number} of the node's log is not what was written.", f"节点日志第 {number} 行已被改动。"),
                Text(
                    "Restore node.sqlite from a backup, and find out who wrote to it.",
                    "请从备份恢复 node.sqlite，并查明原因。",
                ),
            )
        head, number = line.digest(), number + 1
    return head
