"""The audit trail of anonymised files: a file of lines, each step of each run, chained and signed by the holder's
key."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from huizhen.kit.clock import Clock, stamp, utc_now
from huizhen.kit.errors import Tampered
from huizhen.kit.keys import SigningKey, check_signature
from huizhen.kit.text import Text
from huizhen.model.document import Document

_DOMAIN = b"huizhen/anonymise-trail/v1\n"


class Step(Document):
    """One step. It names columns, counts and hashes; no value of a row."""

    number: int
    at_utc: str
    step: str
    """read, partition, check, measure, attack, release; stopped, with the code of the error."""
    said: str
    """What is to be known of it, as canonical JSON."""
    previous: str
    """Digest of the step before; empty for the first of the file."""


class Trail:
    """Steps of one run, kept in memory until `write` appends them to a file."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._steps: list[tuple[str, str, str]] = []

    def add(self, step: str, **said: Any) -> None:
        self._steps.append((stamp(self._clock()), step, json.dumps(said, sort_keys=True, ensure_ascii=False)))

    @property
    def said(self) -> list[tuple[str, str]]:
        """(step, what is to be known of it as canonical JSON) so far, in order."""
        return [(step, said) for _, step, said in self._steps]

    def write(self, path: Path, key: SigningKey) -> None:
        """Append the steps, signed, once what is there is found as this key left it. Raises Tampered."""
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        head, number = check_trail(text.splitlines(), key.public)
        lines = []
        for at_utc, step, said in self._steps:
            one = Step(number=number, at_utc=at_utc, step=step, said=said, previous=head)
            lines.append(json.dumps({**one.as_json(), "signature": key.sign(_signed(one)).hex()}, ensure_ascii=False))
            number, head = number + 1, one.digest()
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())


def check_trail(lines: Iterable[str], public: bytes) -> tuple[str, int]:
    """The digest of the last step and how many there are, once every line follows from the one before and is signed by
    this key. Raises Tampered, which says which line is not. Lines cut off at the end are not seen by this: keep the
    head, or a copy, elsewhere."""
    head, number = "", 0
    for line in lines:
        try:
            read = json.loads(line)
            signature = bytes.fromhex(read.pop("signature"))
            one = Step.read(read)
            good = one.number == number and one.previous == head and check_signature(public, signature, _signed(one))
        except (ValueError, KeyError, TypeError, AttributeError):
            good = False
        if not good:
            raise Tampered(
                "trail-broken",
                Text(f"Line {number + 1} of the trail is not what this key signed.",
                     f"审计轨迹第 {number + 1} 行与该密钥所签不符。"),
                Text("Start another file, or give the key that signed this one; and find out who wrote to it.",
                     "请另起一个文件，或给出签署它的密钥，并查明何人改动。"),
            )  # fmt: skip
        head, number = one.digest(), number + 1
    return head, number


def _signed(step: Step) -> bytes:
    return _DOMAIN + bytes.fromhex(step.digest())
