"""What is asked of a witness (C2SP tlog-witness, add-checkpoint): a checkpoint, and the proof that it only goes on."""

from __future__ import annotations

from dataclasses import dataclass

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.ledger import note
from huizhen.ledger.merkle import HASH_BYTES

MOST_STEPS = 63
MAX_BYTES = 64 << 10


@dataclass(frozen=True)
class Submission:
    """`old`: entries of the checkpoint that the witness co-signed last; `proof` leads from it to the one in `note`."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def serialise(self) -> bytes:
        lines = [f"old {self.old}", *(note.encode_base64(each) for each in self.proof)]
        return ("\n".join(lines) + "\n\n").encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> Submission:
        """`parse(data).serialise() == data`; the note itself is not read. Raises BadInput("bad-submission")."""
        try:
            head, blank, signed = data.partition(b"\n\n")
            first, *lines = head.decode("ascii").split("\n")
            found = cls(int(first.removeprefix("old ")), tuple(note.decode_base64(x) for x in lines), signed)
            if len(data) > MAX_BYTES or not blank or found.old < 0 or len(lines) > MOST_STEPS:
                raise ValueError("out of bounds")
            if found.serialise() != data or any(len(each) != HASH_BYTES for each in found.proof):
                raise ValueError("not canonical")
        except ValueError as error:
            raise BadInput(
                "bad-submission",
                Text("This is no request to a witness.", "这不是发给见证方的请求。"),
                Text("Write it as C2SP tlog-witness says: old size, proof, blank line, checkpoint.",
                     "请按 C2SP tlog-witness 书写：原条数、证明、空行、检查点。"),
            ) from error  # fmt: skip
        return found
