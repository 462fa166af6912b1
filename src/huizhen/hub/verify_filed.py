"""Deeds, contracts and commitments on a ledger, replayed from its documents alone: every step by the table, every
signature over the very bytes and with the key that the register had at that moment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text
from huizhen.ledger.story import StoredDocument, read_leaf
from huizhen.model.deed import Commitment, Instrument
from huizhen.model.evidence import Evidence
from huizhen.model.lifecycle import Event, Filed

_KINDS = ("deed-changed", "contract-changed")
Documents = Mapping[str, StoredDocument]


def check_filed(leaves: Sequence[bytes], documents: Documents, on_file: Sequence[Filed] | None = None) -> list[Text]:
    """What is wrong. `on_file`: what the hub's table says, which must be what the ledger says. Entries whose documents
    are not here are passed over."""
    wrong: list[Text] = []
    keys: dict[str, str | None] = {}
    found: dict[str, Filed] = {}
    for number, leaf in enumerate(leaves):
        entry = read_leaf(leaf)
        if entry is None:
            continue
        said = {name: _document(documents, ref) for name, ref in entry.refs.items()}
        if entry.kind == "party-registered" and said.get("party"):
            keys[entry.subject] = said["party"].get("key")
        try:
            if entry.kind in _KINDS and said.get("instrument"):
                filing = _step(entry, said, found, keys)
                found[filing.instrument.digest()] = filing
            elif entry.kind == "study-committed" and said.get("commitment"):
                _check_commitment(entry, Commitment.read(said["commitment"]), keys)
        except (HuizhenError, ValueError, KeyError) as problem:
            code = problem.code if isinstance(problem, HuizhenError) else type(problem).__name__
            wrong.append(Text(f"Entry {number} ({entry.kind}, {entry.subject}) does not hold: {code}.",
                              f"第 {number} 条（{entry.kind}，{entry.subject}）不成立：{code}。"))  # fmt: skip
    if on_file is not None and {f.instrument.digest(): f for f in on_file} != found:
        wrong.append(Text("The deeds and contracts on file are not those of the ledger.",
                          "所备信托契约与合同与账本记录不一致。"))  # fmt: skip
    return wrong


def _document(documents: Documents, ref: str) -> Any:
    stored = documents.get(ref)
    try:
        return None if stored is None else json.loads(stored.content)
    except ValueError:
        return None


def _step(entry: Evidence, said: dict[str, Any], found: dict[str, Filed], keys: dict[str, str | None]) -> Filed:
    """The instrument after one entry. Raises HuizhenError, ValueError or KeyError where the entry cannot be."""
    instrument = Instrument.read(said["instrument"])
    before = found.get(instrument.digest())
    if entry.facts["step"] == "draft":
        same_name = [f.instrument for f in found.values() if _named(f.instrument) == _named(instrument)]
        last = max(same_name, key=lambda i: i.version, default=None)
        if before is not None or instrument.previous != (last and last.digest()):
            raise ValueError("a version that does not follow the last")
        filing = Filed(instrument=instrument)
    else:
        if before is None:
            raise ValueError("a step of what was never drafted")
        event = Event.read(said["event"])
        if event.key and keys.get(event.by) != event.key:
            raise ValueError("a key that is not the party's")
        filing = before.after(event)
    told = (entry.facts["version"], entry.facts["state"], entry.subject)
    if told != (instrument.version, filing.state, instrument.name):
        raise ValueError("the entry says otherwise")
    return filing


def _named(instrument: Instrument) -> tuple[str, str]:
    return instrument.kind, instrument.name


def _check_commitment(entry: Evidence, made: Commitment, keys: dict[str, str | None]) -> None:
    if not made.holds() or keys.get(entry.actor) != made.key or entry.subject != f"st-{made.study[:16]}":
        raise ValueError("a commitment that its asker has not signed")
