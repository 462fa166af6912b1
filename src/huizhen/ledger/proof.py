"""A proof that stands alone (C2SP tlog-proof): one text file holds an entry, its path, and the witnessed checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from huizhen.kit.errors import Tampered
from huizhen.kit.text import Text
from huizhen.ledger import checkpoint as checkpoints
from huizhen.ledger import note
from huizhen.ledger.checkpoint import Checkpoint, SignedCheckpoint
from huizhen.ledger.merkle import HASH_BYTES, MerkleTree, leaf_hash, verify_inclusion
from huizhen.ledger.note import VerifierKey

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES = 4 << 20


@dataclass(frozen=True)
class LedgerProof:
    """As written, nothing verified. `leaf` travels as the format's extra data; the path vouches for it."""

    leaf: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def serialise(self) -> bytes:
        lines = [HEADER, f"extra {note.encode_base64(self.leaf)}", f"index {self.index}"]
        lines += [note.encode_base64(each) for each in self.path]
        return ("\n".join(lines) + "\n\n").encode() + self.checkpoint


@dataclass(frozen=True)
class ProvenEntry:
    """An entry of the ledger, and who vouches for it."""

    leaf: bytes
    index: int
    signed: SignedCheckpoint


def make(tree: MerkleTree, leaf: bytes, index: int, signed_checkpoint: bytes) -> bytes:
    """The proof file for the entry at `index` under a checkpoint note. Raises NotFound, Tampered("bad-proof")."""
    size = Checkpoint.parse(note.parse_note(signed_checkpoint).text).size
    made = LedgerProof(leaf, index, tree.inclusion_proof(index, size), signed_checkpoint).serialise()
    parse(made)
    return made


def parse(data: bytes) -> LedgerProof:
    """A proof from its bytes; `parse(data).serialise() == data`. Raises Tampered("bad-proof")."""
    try:
        if len(data) > MAX_PROOF_BYTES:
            raise ValueError("too long")
        head, blank, signed = data.partition(b"\n\n")
        header, extra, index, *path = head.decode("ascii").split("\n")
        if not blank or header != HEADER or not extra.startswith("extra ") or not index.startswith("index "):
            raise ValueError("not a proof")
        proof = LedgerProof(
            note.decode_base64(extra.removeprefix("extra ")),
            int(index.removeprefix("index ")),
            tuple(note.decode_base64(line) for line in path),
            signed,
        )
        if proof.index < 0 or any(len(each) != HASH_BYTES for each in proof.path) or proof.serialise() != data:
            raise ValueError("not canonical")
    except ValueError as error:
        raise Tampered(
            "bad-proof",
            Text("This is not a ledger proof, or not any more.", "这不是一份完好的账本证明。"),
            Text("Get it again with `huizhen ledger prove`.", "请用 `huizhen ledger prove` 重新获取。"),
        ) from error
    return proof


def verify(data: bytes, hub: VerifierKey, witnesses: Iterable[VerifierKey], quorum: int) -> ProvenEntry:
    """The entry that this file proves to stand in the ledger, given only keys that the reader trusts.

    Needs no network and no hub. Raises Tampered, or BadInput for a quorum that proves nothing.
    """
    proof = parse(data)
    signed = checkpoints.verify(proof.checkpoint, hub, witnesses, quorum)
    seen = signed.checkpoint
    verify_inclusion(leaf_hash(proof.leaf), proof.index, seen.size, proof.path, seen.root)
    return ProvenEntry(proof.leaf, proof.index, signed)
