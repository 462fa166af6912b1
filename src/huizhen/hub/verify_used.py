"""What is on the ledger of uses in a hospital's name, held against what the hospital tallied and what was settled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from huizhen.kit.text import Text
from huizhen.ledger.my_data import ENDED
from huizhen.ledger.story import StoredDocument, read_leaf

Documents = Mapping[str, StoredDocument]


def check_used(leaves: Sequence[bytes], documents: Documents) -> Iterator[Text]:
    """What is wrong: an entry that says another commitment or another sum than tally and settlement do, and a hospital
    that was tallied in a study that has ended without an entry in its name. Documents that are not here are passed
    over; so are studies that ended before there were such entries."""
    tallies: dict[str, dict[str, str]] = {}
    shares: dict[str, dict[str, int]] = {}
    ended: set[str] = set()
    used: dict[str, set[str]] = {}
    for number, leaf in enumerate(leaves):
        entry = read_leaf(leaf)
        if entry is None:
            continue
        said, study = _of(documents, entry.refs), entry.subject
        if entry.kind == "study-guarded" and said.get("tallies"):
            tallies[study] = {t["node"]: t["inclusion"] for t in said["tallies"]}
        elif entry.kind in ENDED:
            if said.get("settlement"):
                shares[study] = {line["party"]: line["fen"] for line in said["settlement"]["lines"]}
            ended.add(study)
        elif entry.kind == "data-used":
            used.setdefault(study, set()).add(entry.actor)
            tallied, share = tallies.get(study), said.get("share")
            wrong = tallied is not None and tallied.get(entry.actor) != entry.facts.get("inclusion")
            owed = shares.get(study, {}).get(f"patients@{entry.actor}", 0)
            expected = {"study": study, "node": entry.actor, "fen": owed}
            if wrong or (share is not None and (tallied is not None or study in shares) and share != expected):
                yield Text(f"Entry {number} (data-used, {study}) is not what {entry.actor} tallied, or was owed.",
                           f"第 {number} 条（data-used，{study}）与 {entry.actor} 的统计或应得金额不符。")  # fmt: skip
    for study in sorted(ended & set(tallies)) if used else ():
        for node in sorted(set(tallies[study]) - used.get(study, set())):
            yield Text(f"Study {study} used data of {node}, and no entry says so in its name.",
                       f"研究 {study} 使用了 {node} 的数据，但账本没有相应条目。")  # fmt: skip


def _of(documents: Documents, refs: Mapping[str, str]) -> dict[str, Any]:
    found = {name: documents.get(ref) for name, ref in refs.items()}
    try:
        return {name: None if stored is None else json.loads(stored.content) for name, stored in found.items()}
    except ValueError:
        return {}
