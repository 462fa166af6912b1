"""Writes refused records to a file that only its owner can read."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from huizhen.adapters.resource_store import Store
from huizhen.kit.errors import Conflict
from huizhen.kit.text import Text

_PIECE_BYTES = 3 << 20
"""A longer record becomes several lines, each with its number. Divisible by three, as base64 is."""


def write_refused(store: Store, out: Path) -> int:
    """One line of JSON per record: source, place, reason, and `record` as text, or `base64` where it is not UTF-8.
    Returns how many records. Raises Conflict where the file is there already."""
    try:
        file = os.fdopen(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        raise Conflict(
            "refused-file-exists",
            Text(f"'{out}' is there already.", f"“{out}”已存在。"),
            Text("Name a new file.", "请指定新文件。"),
        ) from None
    count = 0
    with file:
        for source, place, why, pieces in store.refused():
            count += 1
            head = {"source": source, "place": place, "reason": why.en, "reason_zh": why.zh}
            parts = (raw[at : at + _PIECE_BYTES] for raw in pieces for at in range(0, max(len(raw), 1), _PIECE_BYTES))
            for number, part in enumerate(parts):
                file.write(json.dumps(head | {"piece": number} | _record(part), ensure_ascii=False) + "\n")
    return count


def _record(raw: bytes) -> dict[str, str]:
    try:
        return {"record": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode("ascii")}
