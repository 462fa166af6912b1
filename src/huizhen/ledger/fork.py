"""Evidence of a fork: two checkpoints that the hub signed and that no one ledger can both have, for anyone to check.

The two notes say enough where they are of the same size. Else the file also holds the subtrees that make up the longer
tree (the path of RFC 9162, 2.1.4, in full): by hashing they give the root that the hub signed for it, so they are its
own, and the root that its first entries have is another than the one that the hub signed for them before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huizhen.kit.errors import Tampered
from huizhen.kit.text import Text
from huizhen.ledger import note
from huizhen.ledger.checkpoint import SignedCheckpoint, open_signed
from huizhen.ledger.merkle import HASH_BYTES, MerkleTree, consistency_roots, consistency_steps
from huizhen.ledger.note import VerifierKey

HEADER = "huizhen/fork@v1"
MOST_STEPS = 65
_MAX_BYTES = 3 << 20


@dataclass(frozen=True)
class Fork:
    """Two checkpoints of one hub that contradict each other, `shorter` of at most as many entries as `longer`."""

    shorter: SignedCheckpoint
    longer: SignedCheckpoint
    steps: tuple[bytes, ...]

    def serialise(self) -> bytes:
        """As a file: header, subtrees in base64, a blank line, the two notes after each other."""
        lines = [HEADER, *(note.encode_base64(each) for each in self.steps)]
        notes = self.shorter.note.serialise() + b"\n" + self.longer.note.serialise()
        return ("\n".join(lines) + "\n\n").encode() + notes


def find(one: SignedCheckpoint, other: SignedCheckpoint, longer: MerkleTree | None) -> Fork | None:
    """The fork that these two prove, or None where they agree. `longer` gives the tree of the longer of the two; with
    None only checkpoints of one size are compared.

    Raises Tampered where that tree is not the one that was signed.
    """
    shorter, other = sorted((one, other), key=lambda s: s.checkpoint.size)
    old, new = shorter.checkpoint, other.checkpoint
    if old.size == new.size:
        return Fork(shorter, other, ()) if old.root != new.root else None
    if old.size == 0 or longer is None:
        return None
    steps = consistency_steps(longer, old.size, new.size)
    roots = consistency_roots(old.size, new.size, steps)
    if roots is None or roots[1] != new.root:
        raise Tampered(
            "tiles-not-of-checkpoint",
            Text(
                f"The hub's files do not give the root that it signed for {new.size} entries.",
                f"中心的文件得不出其为 {new.size} 条签署的根哈希。",
            ),
            Text("Get them again; if it stays so, ask the hub's operator in writing, and co-sign nothing until then.",
                 "请重新获取；若仍如此，请书面询问中心运营方，此前不要联署。"),
        )  # fmt: skip
    return Fork(shorter, other, steps) if roots[0] != old.root else None


def read(data: bytes, hub: VerifierKey, witnesses: Sequence[VerifierKey] = ()) -> Fork:
    """The fork that a file proves to whoever knows the hub's key. Raises Tampered("no-fork") where it proves none."""
    try:
        if len(data) > _MAX_BYTES:
            raise ValueError("too long")
        head, *blocks = data.split(b"\n\n")
        header, *lines = head.decode("ascii").split("\n")
        steps = tuple(note.decode_base64(line) for line in lines)
        if header != HEADER or len(blocks) != 4 or len(steps) > MOST_STEPS:
            raise ValueError("not a fork")
        if any(len(step) != HASH_BYTES for step in steps):
            raise ValueError("not a hash")
    except ValueError as error:
        raise Tampered(
            "bad-evidence",
            Text("This is not evidence of a fork, or not any more.", "这不是一份完好的分叉证据。"),
            Text("Get it again from the witness that keeps it.", "请向保存它的见证方重新获取。"),
        ) from error
    text, signatures, *rest = blocks
    shorter = open_signed(text + b"\n\n" + signatures + b"\n", hub, witnesses)
    longer = open_signed(b"\n\n".join(rest), hub, witnesses)
    fork = Fork(shorter, longer, steps)
    if not _contradict(fork):
        raise Tampered(
            "no-fork",
            Text("These two checkpoints do not contradict each other.", "这两个检查点并不矛盾。"),
            Text("They prove nothing against the hub.", "它们不能证明中心有任何不当。"),
        )
    return fork


def _contradict(fork: Fork) -> bool:
    old, new = fork.shorter.checkpoint, fork.longer.checkpoint
    if old.size == new.size:
        return not fork.steps and old.root != new.root
    if not 0 < old.size < new.size:
        return False
    roots = consistency_roots(old.size, new.size, fork.steps)
    return roots is not None and roots[1] == new.root and roots[0] != old.root
