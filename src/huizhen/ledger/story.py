"""The whole story of a ledger, checked offline from its files alone: does every entry still say what it said?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

import msgspec

from huizhen.kit import clock
from huizhen.kit.canonical import salted
from huizhen.kit.errors import Tampered
from huizhen.kit.text import Text
from huizhen.ledger import checkpoint as checkpoints
from huizhen.ledger import note
from huizhen.ledger.checkpoint import Checkpoint, SignedCheckpoint
from huizhen.ledger.finding import Finding, finding
from huizhen.ledger.merkle import Tree, leaf_hash
from huizhen.ledger.note import VerifierKey
from huizhen.ledger.order import Order
from huizhen.model.evidence import Evidence
from huizhen.model.settlement import Settlement
from huizhen.model.study import Study


class StoredDocument(NamedTuple):
    """What a reference resolves to: `salted(salt, content)` is the hash that the entry holds."""

    salt: bytes
    content: bytes


class WitnessCopy(NamedTuple):
    """A hospital's cosigning key and the last checkpoint note it co-signed, from its own disk; None: none yet.

    Hospitals that have left stay in the list with what they kept: their old cosignatures still count.
    """

    key: VerifierKey
    checkpoint: bytes | None


@dataclass(frozen=True)
class Story:
    """Everything that the check needs, as bytes from the files of the hub and of the hospitals."""

    leaves: Sequence[bytes]
    documents: Mapping[str, StoredDocument]
    """By salted hash."""
    checkpoints: Sequence[bytes]
    """Every checkpoint note that the hub keeps, oldest first."""
    hub: VerifierKey
    witnesses: Sequence[WitnessCopy]
    quorum: int
    """How many of the witnesses must have co-signed. Below one nothing passes as witnessed."""
    leaf_hashes: Sequence[bytes] | None = None
    """The leaf hashes that the hub keeps beside the entries: with them the changed entry is named exactly."""


class _Vouched(NamedTuple):
    """How many entries the hub's checkpoints vouch for."""

    sound: int
    """Under a checkpoint whose root the entries give."""
    cosigned: int
    """Under a checkpoint with a quorum of cosignatures, whatever its root."""
    agreed: Mapping[str, int]
    """By witness: under a checkpoint that it co-signed and whose root the entries give."""
    signed: frozenset[Checkpoint]
    """All that the hub signed and still keeps, whatever the entries give."""


class _Range(NamedTuple):
    """A finding whose entry lies somewhere in [start, end)."""

    code: str
    start: int
    end: int
    facts: Mapping[str, str | int]


def verify_story(story: Story, order: Order | None = None) -> tuple[Finding, ...]:
    """All findings, the first entry at which the story breaks first; empty when it holds throughout.

    Raises BadInput only when the trusted keys themselves cannot be used.
    """
    note.check_distinct([story.hub, *(w.key for w in story.witnesses)])
    tree = Tree(leaf_hash(leaf) for leaf in story.leaves)
    entries = [read_leaf(leaf) for leaf in story.leaves]
    exact: list[Finding] = [_at(entries, "bad-entry", i) for i, entry in enumerate(entries) if entry is None]
    course = Course(order)
    exact += [found for i, entry in _readable(entries) for found in course.step(i, entry)]
    exact += _references(entries, story.documents)
    exact += _settlements(entries, story.documents)
    vouched, found, ranges = _checkpoints(story, tree, entries)
    exact += found
    exact += _kept_hashes(story, entries, vouched.sound)
    found, more = _witnesses(story, tree, vouched)
    exact += found
    exact += [_in_range(entries, exact, each) for each in (*ranges, *more)]
    exact += _coverage(story, entries, vouched.cosigned)
    return tuple(sorted(exact, key=_place))


class Leaf(msgspec.Struct, forbid_unknown_fields=True):
    """Evidence, for the decoder that is fast."""

    at_utc: str
    kind: str
    actor: str
    subject: str
    refs: dict[str, str]
    facts: dict[str, str | int]


_decode = msgspec.json.Decoder(Leaf).decode
_encode = msgspec.json.Encoder(order="sorted").encode
_EXACT = 1 << 53
"""Whole numbers below are written alike by everybody."""


def read_leaf(leaf: bytes) -> Evidence | None:
    """The evidence in a leaf, or None unless the leaf is exactly its canonical bytes (RFC 8785).

    Where there is nothing but ASCII, nothing escaped and no long number, sorted keys without spaces are that form;
    whatever else there is goes the long way.
    """
    read = scan_leaf(leaf)
    return Evidence.model_construct(**msgspec.structs.asdict(read)) if isinstance(read, Leaf) else read


def scan_leaf(leaf: bytes) -> Leaf | Evidence | None:
    """As `read_leaf`, in whichever of the two forms costs less."""
    try:
        if leaf.isascii() and b"\\" not in leaf:
            read = _decode(leaf)
            short = all(type(x) is str or abs(x) < _EXACT for x in read.facts.values())  # type: ignore[arg-type]
            if short and _encode(read) == leaf:
                return read
        entry = Evidence.model_validate_json(leaf)
        return entry if entry.canonical() == leaf else None
    except ValueError:
        return None


_Entries = Sequence[Evidence | None]


def _at(entries: _Entries, code: str, index: int | None, **facts: str | int) -> Finding:
    entry = entries[index] if index is not None and index < len(entries) else None
    kind, subject = (entry.kind, entry.subject) if entry else (None, None)
    return finding(code, index, kind, subject, **facts)


_BYTES_CHANGED = ("bad-entry", "changed-entry", "changed-hash")


def _place(each: Finding) -> tuple[bool, bool, int, bool]:
    """Broken before open, then by entry; at one entry the changed bytes before what follows from them."""
    return each.severity != "broken", each.index is None, each.index or 0, each.code not in _BYTES_CHANGED


def _readable(entries: _Entries) -> Iterator[tuple[int, Evidence]]:
    return ((i, entry) for i, entry in enumerate(entries) if entry is not None)


class Course:
    """The entries one after the other: that time does not go back, and each study's steps against the table, taking up
    again from the step that broke it. What it keeps grows with the studies only: 64 bytes of each that is settled."""

    def __init__(self, order: Order | None = None) -> None:
        self._order = order or Order()
        self._time = ""
        self._last: dict[str, str] = {}
        self._rounds: dict[str, int] = {}
        self._settled: set[int] = set()

    def step(self, i: int, entry: Evidence | Leaf) -> list[Finding]:
        """What is wrong with entry `i`, given all before it."""
        found = []
        readable = clock.is_stamp(entry.at_utc)
        if not readable or entry.at_utc < self._time:
            found.append(finding("time-backwards", i, entry.kind, entry.subject))
        self._time = entry.at_utc if readable else self._time
        order, kind = self._order, entry.kind
        if not order.known(kind):
            found.append(finding("unknown-kind", i, kind, entry.subject))
        elif (kind == order.first) != (i == 0):
            found.append(finding("wrong-beginning", i, kind, entry.subject))
        if order.of_study(kind):
            found += self._study_step(i, entry)
        return found

    def _study_step(self, i: int, entry: Evidence | Leaf) -> Iterator[Finding]:
        study, kind = entry.subject, entry.kind
        before = "study-settled" if hash(study) in self._settled else self._last.get(study)
        if not self._order.may_follow(kind, before):
            facts = {"last": before or "nothing", "last_zh": before or "无"}
            yield finding("wrong-order", i, kind, study, **facts)
        number = entry.facts.get("round")
        if isinstance(number, int) and kind == "round-summed":
            if number <= self._rounds.get(study, number - 1):
                yield finding("round-order", i, kind, study)
            self._rounds[study] = number
        if kind == "study-settled":
            self._settled.add(hash(study))
            self._last.pop(study, None)
            self._rounds.pop(study, None)
        else:
            self._settled.discard(hash(study))
            self._last[study] = kind


def _references(entries: _Entries, documents: Mapping[str, StoredDocument]) -> Iterator[Finding]:
    known = set()
    for i, entry in _readable(entries):
        for name, hashed in entry.refs.items():
            known.add(hashed)
            stored = documents.get(hashed)
            if stored is None:
                yield _at(entries, "missing-document", i, name=name)
            elif salted(stored.salt, stored.content) != hashed:
                yield _at(entries, "changed-document", i, name=name)
    stray = len(documents.keys() - known)
    if stray:
        yield finding("stray-document", None, None, None, count=stray)


def _settlements(entries: _Entries, documents: Mapping[str, StoredDocument]) -> Iterator[Finding]:
    """The study that each entry refers to is its subject; a settlement is of that study, and within its price."""
    studies: dict[str, Study] = {}
    for i, entry in _readable(entries):
        stored = documents.get(entry.refs.get("study", ""))
        study = _read_study(stored)
        if study and study.id != entry.subject and entry.kind.startswith("study-"):
            yield _at(entries, "wrong-study", i)
        elif study:
            studies[study.id] = study
        if entry.kind == "study-settled":
            stored = documents.get(entry.refs.get("settlement", ""))
            if stored is None or not _settles(stored.content, entry.subject, studies.get(entry.subject)):
                yield _at(entries, "bad-settlement", i)


def _read_study(stored: StoredDocument | None) -> Study | None:
    try:
        return Study.model_validate_json(stored.content) if stored else None
    except ValueError:
        return None


def _settles(content: bytes, subject: str, study: Study | None) -> bool:
    try:
        settlement = Settlement.model_validate_json(content)
    except ValueError:
        return False
    if settlement.study != subject or any(line.fen < 0 for line in settlement.lines):
        return False
    return study is None or (
        settlement.asker == study.request.asker and settlement.price_fen <= study.request.price_fen
    )


def _checkpoints(story: Story, tree: Tree, entries: _Entries) -> tuple[_Vouched, list[Finding], list[_Range]]:
    sound = cosigned = longest = 0
    agreed: dict[str, int] = {}
    kept: set[Checkpoint] = set()
    found: list[Finding] = []
    ranges: list[_Range] = []
    bad: dict[str, list[tuple[int, int | None]]] = {}
    for number, data in enumerate(story.checkpoints):
        try:
            signed = _open(data, story)
        except Tampered as error:
            reason = ": ".join(t for t in (error.code, _unknown(data, story)) if t)
            bad.setdefault(reason, []).append((number, min(sound, len(tree) - 1) if len(tree) else None))
            continue
        kept.add(signed.checkpoint)
        size = signed.checkpoint.size
        if size < longest:
            found.append(_at(entries, "checkpoint-order", None, name=str(number)))
        longest = max(longest, size)
        if len(signed.witnessed) >= max(1, story.quorum):
            cosigned = max(cosigned, size)
        if size > len(tree):
            ranges.append(_Range("entries-missing", sound, size, {"count": size, "have": len(tree), "start": sound}))
        elif signed.checkpoint.root != tree.root(size):
            ranges.append(_Range("root-differs", min(sound, size), size, {"count": size}))
        else:
            sound = max(sound, size)
            agreed |= {name: max(size, agreed.get(name, 0)) for name in signed.witnessed}
    for reason, each in bad.items():
        number, covers = each[0]
        found.append(_at(entries, "bad-checkpoint", covers, name=str(number), reason=reason, count=len(each)))
    return _Vouched(sound, cosigned, agreed, frozenset(kept)), found, _first_of_each(ranges)


def _unknown(data: bytes, story: Story) -> str:
    """Names under a checkpoint whose keys are not known here, e.g. of hospitals whose folders are somewhere else."""
    try:
        signed = note.parse_note(data).signatures
    except Tampered:
        return ""
    known = {(k.name, k.key_id) for k in (story.hub, *(w.key for w in story.witnesses))}
    return ", ".join(sorted(s.name for s in signed if (s.name, s.key_id) not in known))


def _open(data: bytes, story: Story) -> SignedCheckpoint:
    """A kept checkpoint, every line of it signed by the hub or a known witness; else raises Tampered."""
    signed = checkpoints.open_signed(data, story.hub, [w.key for w in story.witnesses])
    if len(signed.note.signatures) != 1 + len(signed.witnessed):
        raise Tampered(
            "unknown-signer",
            Text("A checkpoint bears a signature by nobody known.", "检查点上有来源不明的签名。"),
            Text("Name the keys of all hospitals that ever co-signed.", "请提供所有曾联署医院的密钥。"),
        )
    return signed


def _first_of_each(ranges: Sequence[_Range]) -> list[_Range]:
    """Once a root differs, all later ones do; only the first says anything."""
    return list({each.code: each for each in reversed(ranges)}.values())


def _kept_hashes(story: Story, entries: _Entries, sound: int) -> Iterator[Finding]:
    if story.leaf_hashes is None:
        return
    for i, (leaf, kept) in enumerate(zip_longest(story.leaves, story.leaf_hashes)):
        if leaf is None or kept is None or leaf_hash(leaf) != kept:
            yield _at(entries, "changed-hash" if i < sound else "changed-entry", i)


def _witnesses(story: Story, tree: Tree, vouched: _Vouched) -> tuple[list[Finding], list[_Range]]:
    """Each hospital's own copy against the entries: what a hub with its own key cannot rewrite.

    A copy that the hub keeps just so, over entries that no longer give its root, is a damaged hub, told already, and
    not a hub that shows two histories.
    """
    found: list[Finding] = []
    ranges: list[_Range] = []
    for key, data in story.witnesses:
        if data is None:
            found.append(finding("witness-silent", None, None, None, name=key.name))
            continue
        try:
            seen = _open(data, story).checkpoint
        except Tampered as error:
            found.append(finding("witness-copy-bad", None, None, None, name=key.name, reason=error.code))
            continue
        if seen.size > len(tree):
            sizes = {"count": seen.size, "have": len(tree)}
            found.append(finding("witness-saw-more", len(tree), None, None, name=key.name, **sizes))
        elif seen.root != tree.root(seen.size) and seen not in vouched.signed:
            start = min(vouched.agreed.get(key.name, 0), seen.size - 1)
            ranges.append(_Range("witness-differs", start, seen.size, {"name": key.name, "count": seen.size}))
    return found, ranges


def _in_range(entries: _Entries, exact: Sequence[Finding], each: _Range) -> Finding:
    """Place a finding at the changed entry where that is known, else at the first entry it may be."""
    changed = [
        f.index
        for f in exact
        if f.code in ("bad-entry", "changed-entry") and f.index is not None and each.start <= f.index < each.end
    ]
    index = min(changed, default=each.start)
    facts = {"start": index if changed else each.start, "end": each.end - 1, **each.facts}
    return _at(entries, each.code, index, **facts)


def _coverage(story: Story, entries: _Entries, cosigned: int) -> Iterator[Finding]:
    if not story.checkpoints:
        yield finding("no-checkpoint", None, None, None)
    elif cosigned == 0:
        yield finding("unwitnessed", None, None, None, count=max(1, story.quorum))
    elif cosigned < len(entries):
        yield _at(entries, "not-yet-witnessed", cosigned, count=len(entries) - cosigned)
