"""Verify everything the hub holds, offline, with keys that are not the hub's word: first the files, then the story."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from huizhen.adapters import seal
from huizhen.adapters.database import open_engine, open_unchanged
from huizhen.adapters.hub_store import SqlStore
from huizhen.hub.hub import Hub
from huizhen.hub.verify_assessed import check_assessed
from huizhen.hub.verify_breaches import check_breaches
from huizhen.hub.verify_filed import check_filed
from huizhen.hub.verify_papers import check_papers
from huizhen.hub.verify_used import check_used
from huizhen.kit.clock import utc_now
from huizhen.kit.errors import HuizhenError, Tampered
from huizhen.kit.text import Text
from huizhen.ledger import note, proof
from huizhen.ledger.finding import Finding
from huizhen.ledger.note import VerifierKey
from huizhen.ledger.story import StoredDocument, Story, WitnessCopy, read_leaf, verify_story
from huizhen.market.postings import Posting, check_balanced, hold_postings, payment_postings, postings
from huizhen.model.evidence import Evidence
from huizhen.model.settlement import Hold, Payment, Settlement
from huizhen.model.statement import BODIES, Statement
from huizhen.path.witness import witness_keys

_SAID = ("dataset-registered", *BODIES)
"""Entries that nodes make, and nobody in their place."""


def quorum(witnesses: int) -> int:
    """How many of the witnesses must have co-signed: more than half."""
    return witnesses // 2 + 1


def verify_hub(folder: Path, hub: VerifierKey, witnesses: Sequence[WitnessCopy]) -> tuple[int, list[Text]]:
    """(entries, what is wrong). `hub` and the witnesses' keys and checkpoints come from the hospitals, not the hub."""
    wrong = list(seal.broken(folder, hub.public))
    path = folder / "hub.sqlite"
    at_rest = seal.is_sealed(folder)
    try:
        store = SqlStore(open_unchanged(path) if at_rest else open_engine(str(path)), utc_now)
    except SQLAlchemyError as error:
        return 0, [*wrong, _unreadable(type(error).__name__)]
    with closing(store):
        entries, found = verify_store(store, hub, witnesses)
    return entries, found + wrong


def verify_store(
    store: SqlStore, hub: VerifierKey, witnesses: Sequence[WitnessCopy], leave: frozenset[str] = frozenset()
) -> tuple[int, list[Text]]:
    """The same of an open store; findings of these codes are left aside."""
    wrong: list[Text] = []
    entries = 0
    try:
        story = Story(
            leaves=store.leaves(),
            documents=store.documents(),
            checkpoints=[n.encode() for n in store.checkpoints()],
            hub=hub,
            witnesses=witnesses,
            quorum=quorum(len(witnesses)),
            leaf_hashes=store.leaf_hashes(),
        )
        entries = len(story.leaves)
        wrong += [_said(f) for f in verify_story(story) if f.code not in leave]
        wrong += _statements(story.leaves, story.documents)
        wrong += _money(story.documents, [p for p, _ in store.postings()])
        wrong += _cosigned(store, story.leaves)
        wrong += check_filed(story.leaves, story.documents, store.instruments.all())
        wrong += check_used(story.leaves, story.documents)
        wrong += check_papers(story.leaves, story.documents, store.papers.of())
        wrong += check_assessed(story.leaves, story.documents, store.register.acts())
        wrong += check_breaches(story.leaves, story.documents)
    except (SQLAlchemyError, ValueError, KeyError, HuizhenError) as error:
        wrong.append(_unreadable(error.code if isinstance(error, HuizhenError) else type(error).__name__))
    return entries, wrong


def verify_restored(hub: Hub) -> list[Text]:
    """What is wrong with a hub as it stands, under the keys that it holds itself: enough to see damage, not a lie."""
    witnesses = [WitnessCopy(key, None) for key in witness_keys(hub.store.node_keys())]
    return verify_store(hub.store, VerifierKey.parse(hub.vkey), witnesses, frozenset({"witness-silent"}))[1]


def _unreadable(code: str) -> Text:
    return Text(f"The hub's database cannot be read to the end ({code}).", f"中心数据库无法完整读取（{code}）。")


def _cosigned(store: SqlStore, leaves: Sequence[bytes]) -> Iterator[Text]:
    """What outside witnesses are said to have signed must bear their signatures, by the keys that are on the ledger."""
    entries = [entry for leaf in leaves if (entry := read_leaf(leaf)) and entry.kind == "witness-enrolled"]
    publics = {e.subject: bytes.fromhex(str(e.facts.get("key"))) for e in entries}
    keys = {name: VerifierKey(name, note.COSIGNATURE, public) for name, public in publics.items()}
    for each in store.log.cosignatures():
        key, kept = keys.get(each.witness), store.log.checkpoint(each.size)
        try:
            if key is None or kept is None:
                raise ValueError("of nobody known, or under nothing")
            line = note.parse_signature(each.line)
            note.verify_signatures(note.Note(note.parse_note(kept.encode()).text, (line,)), [key])
        except (ValueError, Tampered):
            yield Text(
                f"Witness {each.witness} has not signed the checkpoint of {each.size} entries as the hub says.",
                f"见证方 {each.witness} 并未如中心所称签署 {each.size} 条的检查点。",
            )


def _said(found: Finding) -> Text:
    return Text(found.say("en"), found.say("zh"))


@dataclass(frozen=True)
class Copy:
    """A ledger as it was fetched from a hub by somebody who may not see every document."""

    leaves: Sequence[bytes]
    """As many as the checkpoint covers."""
    documents: Mapping[str, StoredDocument]
    checkpoint: bytes
    hidden: frozenset[int]
    """Entries whose documents are somebody else's: they are held to their hashes and their order, and not opened."""


def verify_copy(copy: Copy, keys: Sequence[VerifierKey]) -> tuple[int, list[Text]]:
    """(entries, what is wrong) under the trusted keys: the hub's first, then those of the witnesses.

    A cosignature by anybody else counts for nothing. Raises BadInput for keys that cannot be used so.
    """
    witnesses = [WitnessCopy(key, None) for key in keys[1:]]
    try:
        known = _known_signers(copy.checkpoint, keys)
    except Tampered as error:
        return len(copy.leaves), [error.what]
    story = Story(copy.leaves, copy.documents, [known], keys[0], witnesses, quorum(len(witnesses)))
    opened = {"missing-document", "bad-settlement"}
    findings = [
        f
        for f in verify_story(story)
        if f.code != "witness-silent" and not (f.code in opened and f.index in copy.hidden)
    ]
    wrong = [_said(f) for f in findings]
    wrong += list(_statements(copy.leaves, copy.documents))
    wrong += check_filed(copy.leaves, copy.documents)
    wrong += check_assessed(copy.leaves, copy.documents) + check_breaches(copy.leaves, copy.documents)
    wrong += check_papers(copy.leaves, copy.documents)
    return len(copy.leaves), wrong + list(check_used(copy.leaves, copy.documents))


def _known_signers(checkpoint: bytes, keys: Sequence[VerifierKey]) -> bytes:
    """The note without the signatures of those who are not trusted anyway. Raises Tampered."""
    opened = note.parse_note(checkpoint)
    names = {(k.name, k.key_id) for k in keys}
    return note.make_note(opened.text, [s for s in opened.signatures if (s.name, s.key_id) in names]).serialise()


def _statements(leaves: Sequence[bytes], documents: Mapping[str, StoredDocument]) -> Iterator[Text]:
    """What nodes are said to have said must bear their signatures, and each must be newer than the one before."""
    keys: dict[str, bytes] = {}
    last: dict[str, int] = {}
    for i, leaf in enumerate(leaves):
        entry = read_leaf(leaf)
        if entry is None:
            continue
        if entry.kind == "node-enrolled":
            keys[entry.subject] = bytes.fromhex(str(entry.facts.get("key", "")))
        if entry.kind in _SAID:
            said = _statement(entry, documents)
            key = keys.get(entry.actor)
            if said is None or key is None or not said.holds(key) or said.number <= last.get(entry.actor, -1):
                yield Text(
                    f"Entry {i} ({entry.kind}): {entry.actor} has not signed this.",
                    f"第 {i} 条（{entry.kind}）：没有 {entry.actor} 的有效签名。",
                )
            else:
                last[entry.actor] = said.number


def _statement(entry: Evidence, documents: Mapping[str, StoredDocument]) -> Statement | None:
    """The statement that an entry rests on, if it says what the entry says."""
    stored = documents.get(entry.refs.get("statement", ""))
    try:
        said = None if stored is None else Statement.model_validate_json(stored.content)
    except ValueError:
        return None
    if said is None or (said.node, said.kind) != (entry.actor, entry.kind):
        return None
    if said.kind in BODIES:
        return said if said.body == entry.facts else None
    card = said.body["card"]
    return said if (card["name"], card["rows"]) == (entry.subject, entry.facts.get("rows")) else None


def _money(documents: Mapping[str, StoredDocument], booked: Sequence[Posting]) -> list[Text]:
    """The postings must be those that the recorded settlements give, and balance."""
    expected = []
    for stored in documents.values():
        expected += [p.canonical() for p in _booked(json.loads(stored.content))]
    wrong = []
    if sorted(p.canonical() for p in booked) != sorted(expected):
        wrong.append(Text("The postings are not those of the recorded settlements.", "记账分录与已记录的结算不一致。"))
    try:
        check_balanced(booked)
    except Tampered as error:
        wrong.append(error.what)
    return wrong


def _booked(value: Any) -> tuple[Posting, ...]:
    """The postings that a recorded document gives: a settlement, a payment, money into escrow or out of it."""
    fields = set(value) if isinstance(value, dict) else set()
    if fields | Settlement.LATER == set(Settlement.model_fields):
        return postings(Settlement.read(value))
    if fields == set(Hold.model_fields):
        return hold_postings(Hold.read(value))
    return payment_postings(Payment.read(value)) if fields == set(Payment.model_fields) else ()


def verify_proof(data: bytes, keys: Sequence[VerifierKey]) -> proof.ProvenEntry:
    """A stand-alone proof under the trusted keys: the hub's first, then the witnesses'."""
    return proof.verify(data, keys[0], keys[1:], quorum(len(keys) - 1))
