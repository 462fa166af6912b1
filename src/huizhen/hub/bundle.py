"""The evidence of a breach: entries of the ledger with their proofs and documents, verified without any hub.

Each proof stands alone (C2SP tlog-proof, RFC 6962); each document is held to its entry by HMAC-SHA256 under the salt
beside it; each count is signed by its node. Nothing of it needs this program, or us.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from io import BytesIO
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from huizhen import rules
from huizhen.adapters.incidents import COUNTED, KIND
from huizhen.kit.canonical import salted
from huizhen.kit.errors import HuizhenError, Tampered
from huizhen.kit.text import Text
from huizhen.ledger import proof
from huizhen.ledger.note import VerifierKey
from huizhen.ledger.story import read_leaf
from huizhen.model.document import Document
from huizhen.model.evidence import Evidence
from huizhen.model.grant import verdict
from huizhen.model.incident import Event, Incident, facts_of, replay
from huizhen.model.statement import Statement

MOST_BYTES = 64 << 20
HOW = """\
How to check this bundle without the program that made it
=========================================================

proofs/N.tlog-proof   entry N of the ledger, as https://c2sp.org/tlog-proof: the line "extra" is the entry (base64 of
                      canonical JSON, RFC 8785), the lines after "index" its path in the Merkle tree (RFC 6962), and
                      below stands the signed checkpoint (https://c2sp.org/tlog-checkpoint).
documents/REF.json    a document that an entry names in "refs": HMAC-SHA256(salt, content) = REF, both given here.
notices/              drafts of the notices, where they were written along.

1. Bring the keys of the hub and of the hospitals yourself; none of them is in here.
2. Of each proof: SHA-256(0x00 || entry) and the path give the checkpoint's root; its signatures are those of the keys.
3. Of each entry: every ref has its document. The steps of the breach are the documents "event", in the order of the
   entries; each happened at the "at_utc" of its entry, since no document says when.
With the program: huizhen breach verify BUNDLE.zip --keys KEYS
"""


class Content(Document):
    salt: str
    content: str


class Bundle(Document):
    """What proves a breach. `region` is the ledger's name; nothing here is believed before it was verified."""

    region: str
    breach: str
    proofs: dict[str, str]
    """By number of the entry in digits: the proof that stands alone."""
    documents: dict[str, Content]
    """By salted hash."""

    def zipped(self, more: dict[str, bytes] | None = None) -> bytes:
        """As a file, the same bytes each time; `more` files are laid beside."""
        out = BytesIO()
        files = {"README.txt": HOW.encode(), "bundle.json": self._about()}
        files |= {f"proofs/{n}.tlog-proof": text.encode() for n, text in self.proofs.items()}
        files |= {f"documents/{ref}.json": _json(d.as_json()) for ref, d in self.documents.items()}
        with ZipFile(out, "w", ZIP_DEFLATED) as z:
            for name, data in {**files, **(more or {})}.items():
                z.writestr(ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
        return out.getvalue()

    def _about(self) -> bytes:
        return _json({"region": self.region, "breach": self.breach, "entries": sorted(map(int, self.proofs))})

    @classmethod
    def unzipped(cls, data: bytes) -> Bundle:
        """Raises Tampered for what is no such file."""
        try:
            with ZipFile(BytesIO(data)) as z:
                if sum(i.file_size for i in z.infolist()) > MOST_BYTES:
                    raise ValueError("too large")
                about = json.loads(z.read("bundle.json"))
                entries = about.pop("entries")
                proofs = {str(n): z.read(f"proofs/{n}.tlog-proof").decode() for n in entries}
                names = [n for n in z.namelist() if n.startswith("documents/")]
                documents = {n.split("/")[1].removesuffix(".json"): json.loads(z.read(n)) for n in names}
            return cls.read({**about, "proofs": proofs, "documents": documents})
        except (BadZipFile, zlib.error, ValueError, KeyError, TypeError, NotImplementedError, RuntimeError) as problem:
            raise _bad("it cannot be read", "无法读取") from problem


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def verify_bundle(bundle: Bundle, keys: Sequence[VerifierKey]) -> Incident:
    """The breach that these entries prove, under keys that the reader trusts: the hub's first, then the hospitals',
    which sign their counts with the same. Raises Tampered for whatever does not hold."""
    node_keys = {key.name: key.public for key in keys[1:]}
    events: list[tuple[str, Event]] = []
    people: dict[str, int] = {}
    for number in sorted(map(int, bundle.proofs)):
        proven = proof.verify(bundle.proofs[str(number)].encode(), keys[0], keys[1:], len(keys[1:]) // 2 + 1)
        entry = read_leaf(proven.leaf)
        if entry is None or proven.index != number or proven.signed.checkpoint.origin != bundle.region:
            raise _bad(f"entry {number} is another one", f"第 {number} 条并非所称条目")
        said = {name: _document(bundle, ref) for name, ref in entry.refs.items()}
        try:
            if entry.kind == KIND and entry.subject == bundle.breach:
                events.append((entry.at_utc, Event.model_validate_json(said["event"])))
            elif entry.kind == COUNTED and entry.facts["breach"] == bundle.breach:
                people[entry.actor] = _count(entry, Statement.model_validate_json(said["statement"]), node_keys)
        except (ValueError, KeyError) as problem:
            raise _bad(f"entry {number} does not say what it should", f"第 {number} 条内容不符") from problem
    found = checked(bundle.region, bundle.breach, events)
    return Incident(found.id, found.declaration, found.jurisdiction, found.critical, found.events, people)


def checked(region: str, breach: str, events: Sequence[tuple[str, Event]]) -> Incident:
    """The breach that these steps make. Raises Tampered where they cannot be: another name, a step that may not follow,
    closed before the rules were met."""
    try:
        found = replay(region, events)
        for i, (at_utc, event) in enumerate(events):
            if event.step == "closed":
                reasons = rules.ask("breach", facts_of(replay(region, events[:i]), at_utc))
                if verdict(reasons) != "allow":
                    raise ValueError("closed too early")
    except (HuizhenError, ValueError) as problem:
        raise _bad("its steps cannot be", "步骤不成立") from problem
    if found.id != breach:
        raise _bad("it is another breach", "并非该事件")
    return found


def _document(bundle: Bundle, ref: str) -> str:
    stored = bundle.documents.get(ref)
    if stored is None or salted(bytes.fromhex(stored.salt), stored.content.encode()) != ref:
        raise _bad("a document is missing or was changed", "文件缺失或被改动")
    return stored.content


def _count(entry: Evidence, said: Statement, node_keys: dict[str, bytes]) -> int:
    """Raises ValueError unless the node has signed it."""
    key = node_keys.get(entry.actor)
    if said.node != entry.actor or said.body != entry.facts or key is None or not said.holds(key):
        raise ValueError("a count that its node has not signed")
    return int(entry.facts["people"])


def _bad(en: str, zh: str) -> Tampered:
    return Tampered(
        "bad-bundle",
        Text(f"This is no sound bundle: {en}.", f"证据包不成立：{zh}。"),
        Text("Get it again with `huizhen breach bundle`; if it stays so, ask the trustee why.",
             "请用 `huizhen breach bundle` 重新获取；若仍如此，请询问受托方。"),
    )  # fmt: skip
