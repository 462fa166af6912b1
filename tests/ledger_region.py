"""A sound ledger for attacks: a hub and three hospitals that do everything right, until a test makes them not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.kit.canonical import canonical, salted
from huizhen.kit.clock import stamp
from huizhen.ledger import checkpoint as cp
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.finding import Finding
from huizhen.ledger.merkle import Tree, leaf_hash
from huizhen.ledger.note import COSIGNATURE, ED25519, VerifierKey
from huizhen.ledger.story import StoredDocument, Story, WitnessCopy, verify_story
from huizhen.model.evidence import Evidence
from huizhen.model.settlement import Line, Settlement
from huizhen.model.study import Request, Study

ORIGIN = "hub.example/region"
HUB = Ed25519PrivateKey.from_private_bytes(b"h" * 32)
HUB_KEY = VerifierKey.of(ORIGIN, ED25519, HUB)
NODES = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)) for name in ("east", "north", "west")}
KEYS = {name: VerifierKey.of(name, COSIGNATURE, private) for name, private in NODES.items()}
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
PRICE = 120_000


@dataclass
class Region:
    """The files of the hub and of the hospitals."""

    leaves: list[bytes] = field(default_factory=list)
    documents: dict[str, StoredDocument] = field(default_factory=dict)
    checkpoints: list[bytes] = field(default_factory=list)
    copies: dict[str, bytes | None] = field(default_factory=lambda: dict.fromkeys(NODES))
    hashes: list[bytes] | None = field(default_factory=list)
    quorum: int = 3

    def record(self, kind: str, subject: str, documents: dict[str, bytes] | None = None, **facts: int | str) -> None:
        refs = {}
        for name, content in (documents or {}).items():
            salt = sha256(f"{len(self.leaves)} {name}".encode()).digest()[:16]
            refs[name] = salted(salt, content)
            self.documents[refs[name]] = StoredDocument(salt, content)
        at = stamp(START + timedelta(seconds=len(self.leaves)))
        entry = Evidence(at_utc=at, kind=kind, actor="hub", subject=subject, refs=refs, facts=facts)
        self.leaves.append(entry.canonical())
        if self.hashes is not None:
            self.hashes.append(leaf_hash(self.leaves[-1]))

    def tree(self) -> Tree:
        return Tree(leaf_hash(leaf) for leaf in self.leaves)

    def checkpoint(self, *witnesses: str) -> None:
        """The hub signs; each witness checks what it saw before, keeps the new one, and co-signs."""
        tree = self.tree()
        signed = cp.open_signed(cp.sign(Checkpoint(ORIGIN, len(tree), tree.root()), HUB), HUB_KEY)
        lines = []
        for name in witnesses:
            kept = self.copies[name]
            old = cp.open_signed(kept, HUB_KEY).checkpoint if kept else None
            cp.check_before_cosign(old, signed.checkpoint, tree.consistency_proof(old.size if old else 0))
            self.copies[name] = signed.note.serialise()
            lines.append(cp.cosign(signed, name, NODES[name], 1_772_000_000 + len(self.leaves)))
        self.checkpoints.append(cp.with_cosignatures(signed, lines, KEYS.values()))

    def edit(self, index: int, **change: object) -> None:
        self.leaves[index] = canonical({**json.loads(self.leaves[index]), **change})

    def findings(self) -> tuple[Finding, ...]:
        witnesses = [WitnessCopy(KEYS[name], kept) for name, kept in self.copies.items()]
        story = Story(self.leaves, self.documents, self.checkpoints, HUB_KEY, witnesses, self.quorum, self.hashes)
        return verify_story(story)


def study(title: str) -> Study:
    request = Request(
        title=title, asker="acme-pharma", purpose="HMB", dataset="lung", method="count", price_fen=PRICE
    )  # fmt: skip
    return Study(request=request, number=1, submitted_utc=stamp(START))


STUDY = study("Does sex change survival?")
OTHER = study("And age?")
SETTLEMENT = Settlement(
    study=STUDY.id,
    asker="acme-pharma",
    price_fen=PRICE,
    lines=(Line(party="operator", role="operator", fen=18_000), Line(party="east", role="hospital", fen=102_000)),
)


def region(settlement: bytes = SETTLEMENT.canonical(), leave_out: str = "", extra: str = "") -> Region:
    """A ledger of one released and one denied study, three checkpoints, all of them co-signed by all."""
    made, everyone = Region(), tuple(NODES)
    made.record("region-created", "region")
    for name in NODES:
        made.record("node-enrolled", name)
        made.record("dataset-registered", "lung", {"dataset": name.encode()}, node=name)
    made.checkpoint(*everyone)
    steps: list[tuple[str, dict[str, bytes], dict[str, int]]] = [
        ("study-proposed", {"study": STUDY.canonical()}, {}),
        ("study-authorised", {"study": STUDY.canonical(), "grant": b"grant"}, {}),
        ("study-opened", {}, {}),
        ("round-summed", {"sum": b"sum 0"}, {"round": 0}),
        ("round-summed", {"sum": b"sum 1"}, {"round": 1}),
        ("study-guarded", {"report": b"report"}, {}),
        ("study-released", {"release": b"release"}, {}),
        ("study-settled", {"settlement": settlement}, {}),
    ]
    for kind, documents, facts in steps:
        if kind != leave_out:
            made.record(kind, STUDY.id, documents, **facts)
        if kind == extra:
            made.record(kind, STUDY.id, documents, **facts)
        if kind == "study-opened":
            made.record("node-refused", STUDY.id)
            made.checkpoint(*everyone)
    made.record("consent-changed", "north", epoch=4)
    made.record("study-proposed", OTHER.id, {"study": OTHER.canonical()})
    made.record("study-denied", OTHER.id, {"grant": b"no"})
    made.checkpoint(*everyone)
    return made
