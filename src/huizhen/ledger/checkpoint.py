"""Checkpoints (C2SP tlog-checkpoint): the hub signs how long the ledger is and its root; every node co-signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.kit.errors import BadInput, Refused, Tampered
from huizhen.kit.text import Text
from huizhen.ledger import note
from huizhen.ledger.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from huizhen.ledger.note import COSIGNATURE, ED25519, Note, Signature, VerifierKey


@dataclass(frozen=True)
class Checkpoint:
    """The ledger `origin` held `size` entries with this root. Extension lines are neither written nor accepted."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines of C2SP tlog-checkpoint."""
        return f"{self.origin}\n{self.size}\n{note.encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """From exactly these three lines; `parse(text).text == text`. Raises Tampered("bad-checkpoint")."""
        try:
            origin, size, root, end = text.split("\n")
            checkpoint = cls(origin, int(size), note.decode_base64(root))
            if end or not origin or checkpoint.size < 0 or len(checkpoint.root) != HASH_BYTES:
                raise ValueError("not a checkpoint")
            if checkpoint.text != text or (checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT):
                raise ValueError("not canonical")
        except ValueError as error:
            raise Tampered(
                "bad-checkpoint",
                Text("This is not a checkpoint, or not any more.", "这不是一份完好的检查点。"),
                Text("Get it again from the hub or from a hospital.", "请从中心或任一医院重新获取。"),
            ) from error
        return checkpoint


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint with the note it was read from; `open_signed` and `verify` make it, after the hub's signature."""

    checkpoint: Checkpoint
    hub: VerifierKey
    note: Note
    witnessed: Mapping[str, int]
    """Witnesses whose cosignature was verified, with its time in POSIX seconds."""


def sign(checkpoint: Checkpoint, private: Ed25519PrivateKey) -> bytes:
    """The checkpoint as a note signed by the hub, under the origin as key name."""
    signature = note.sign(checkpoint.text, checkpoint.origin, private)
    return note.make_note(checkpoint.text, [signature]).serialise()


def open_signed(data: bytes, hub: VerifierKey, witnesses: Iterable[VerifierKey] = ()) -> SignedCheckpoint:
    """Read a note that the hub has signed, and verify every cosignature by a known witness, however few there are.

    This is what a witness does before it co-signs. Whoever relies on the ledger uses `verify`. Raises Tampered, or
    BadInput for keys that cannot be used so.
    """
    witnesses = tuple(witnesses)
    if hub.algorithm != ED25519 or any(w.algorithm != COSIGNATURE for w in witnesses):
        raise BadInput(
            "wrong-key-kind",
            Text("A hub signs with kind 1, a witness with kind 4.", "中心使用类型 1 的密钥，见证方使用类型 4 的密钥。"),
            Text("Exchange the keys.", "请更换相应的密钥。"),
        )
    opened = note.parse_note(data)
    verified = note.verify_signatures(opened, (hub, *witnesses))
    if hub not in {v.key for v in verified}:
        raise Tampered(
            "hub-did-not-sign",
            Text("The hub has not signed this checkpoint.", "中心没有签署此检查点。"),
            Text("Do not rely on it.", "请勿采信。"),
        )
    checkpoint = Checkpoint.parse(opened.text)
    if checkpoint.origin != hub.name:
        raise _another_ledger()
    witnessed = {v.key.name: v.at_unix_s for v in verified if v.at_unix_s is not None}
    return SignedCheckpoint(checkpoint, hub, opened, witnessed)


def verify(data: bytes, hub: VerifierKey, witnesses: Iterable[VerifierKey], quorum: int) -> SignedCheckpoint:
    """A checkpoint that the hub signed and at least `quorum` of the witnesses co-signed.

    Fails closed: a quorum below one or above the number of witnesses is BadInput, never a yes. Raises Tampered when
    the signatures do not suffice.
    """
    witnesses = tuple(witnesses)
    if not 1 <= quorum <= len(witnesses):
        raise BadInput(
            "bad-quorum",
            Text(
                f"A quorum of {quorum} among {len(witnesses)} witnesses proves nothing.",
                f"在 {len(witnesses)} 个见证方中要求 {quorum} 个联署，不能证明任何事。",
            ),
            Text("Ask for at least one witness, at most all.", "请至少要求一个见证方，至多为全部见证方。"),
        )
    signed = open_signed(data, hub, witnesses)
    if len(signed.witnessed) < quorum:
        raise Tampered(
            "too-few-witnesses",
            Text(
                f"{len(signed.witnessed)} witnesses have co-signed this checkpoint; {quorum} are required.",
                f"此检查点有 {len(signed.witnessed)} 个见证方联署；要求 {quorum} 个。",
            ),
            Text(
                "Ask the hub for a checkpoint with more cosignatures, or ask the hospitals what they have seen.",
                "请向中心索取有更多联署的检查点，或向各医院核实其所见。",
            ),
        )
    return signed


def check_before_cosign(old: Checkpoint | None, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Whether a witness that last co-signed `old` (None: never) may co-sign `new`: the rule of C2SP tlog-witness.

    The caller stores `new` durably, in the same transaction that read `old`, before the cosignature leaves.
    Raises Refused("ledger-rolled-back") for a shorter ledger, Tampered for another origin or another history.
    """
    if old is None:
        old = Checkpoint(new.origin, 0, EMPTY_ROOT)
    if new.origin != old.origin:
        raise _another_ledger()
    if new.size < old.size:
        raise Refused(
            "ledger-rolled-back",
            Text(
                f"The hub shows a ledger of {new.size} entries; {old.size} were seen before.",
                f"中心出示的账本有 {new.size} 条；此前见过 {old.size} 条。",
            ),
            Text(
                "Do not co-sign. The hub must show at least what it showed before; if it lost data, restore them.",
                "请勿联署。中心须至少出示此前的全部条目；若丢失数据，应先恢复。",
            ),
        )
    verify_consistency(old.size, new.size, proof, old.root, new.root)


def cosign(signed: SignedCheckpoint, name: str, private: Ed25519PrivateKey, at_unix_s: int) -> str:
    """The cosignature line of a witness, newline included. Call `check_before_cosign`, and store, first."""
    return note.cosign(signed.checkpoint.text, name, private, at_unix_s).line


def with_cosignatures(signed: SignedCheckpoint, lines: Sequence[str], witnesses: Iterable[VerifierKey]) -> bytes:
    """The note with these cosignature lines added, each verified; witnesses in order of name after the hub.

    A newer line replaces the earlier one of the same witness. Raises Tampered for a line that is malformed, wrong, or
    by nobody among `witnesses`.
    """
    known = note.check_distinct(witnesses)
    kept = {(s.name, s.key_id): s for s in signed.note.signatures}
    hub = kept.pop((signed.hub.name, signed.hub.key_id))
    for line in lines:
        try:
            signature = note.parse_signature(line)
        except ValueError as error:
            raise _bad_cosignature() from error
        key = known.get((signature.name, signature.key_id))
        if key is None or key.algorithm != COSIGNATURE:
            raise _bad_cosignature()
        note.verify_signatures(Note(signed.checkpoint.text, (signature,)), [key])
        kept[signature.name, signature.key_id] = signature
    ordered: list[Signature] = [hub, *(kept[k] for k in sorted(kept))]
    return note.make_note(signed.checkpoint.text, ordered).serialise()


def _another_ledger() -> Tampered:
    return Tampered(
        "another-ledger",
        Text("This checkpoint speaks of another ledger.", "此检查点属于另一个账本。"),
        Text("Use the key and the checkpoints of one and the same hub.", "请使用同一中心的密钥与检查点。"),
    )


def _bad_cosignature() -> Tampered:
    return Tampered(
        "bad-cosignature",
        Text("A cosignature is malformed or by an unknown witness.", "联署格式有误，或来自未知的见证方。"),
        Text("Ask the hospital to co-sign again.", "请该医院重新联署。"),
    )
