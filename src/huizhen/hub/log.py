"""The ledger as outsiders have it: static files (C2SP tlog-tiles), and the cosignatures of their witnesses.

Whatever is published is published at a fixed cadence, so that all witnesses are asked about the same checkpoint: it is
at `pending` from one publication to the next. At `checkpoint` stands the last one that enough of them have co-signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from huizhen.adapters.log_table import Cosignature, Witness, no_such_file, put_cosignature, put_witness, remove_witness
from huizhen.hub.hub import Hub
from huizhen.kit.clock import parse
from huizhen.kit.errors import BadInput, Conflict, HuizhenError, NotFound, Refused
from huizhen.kit.text import Text, did_you_mean
from huizhen.ledger import note
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.note import COSIGNATURE, VerifierKey
from huizhen.ledger.story import read_leaf
from huizhen.ledger.tiles import CHECKPOINT, PENDING, Tile

CADENCE_SECONDS = 10.0
PREFIX = "/ledger"
"""Where the hub serves it."""
APART_SECONDS = 300
"""By so much the clocks of hub and witness may differ."""
MAX_COSIGNED = 64 << 10
_PUBLISHED, _WITNESSED = "published", "witnessed"
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Standing:
    """How far the ledger is witnessed: `size` entries, the first `published` of them shown to the witnesses, the first
    `witnessed` under a checkpoint that at least `needed` of them co-signed. Without outside witnesses `needed` is 0."""

    size: int
    published: int
    witnessed: int
    needed: int
    witnesses: tuple[tuple[str, int, int | None], ...]
    """Name, entries that it has co-signed, and when it last did, in POSIX seconds."""
    late_seconds: float
    """How long the first entry that waits for witnesses has waited; 0 where none does."""

    @property
    def waiting(self) -> int:
        """Entries that still wait for witnesses."""
        return self.size - self.witnessed if self.needed else 0

    def as_json(self) -> dict[str, Any]:
        names = ("name", "entries", "at_unix_s")
        return {
            "entries": self.size,
            "published": self.published,
            "witnessed": self.witnessed,
            "waiting": self.waiting,
            "needed": self.needed,
            "late_seconds": self.late_seconds,
            "witnesses": [dict(zip(names, each, strict=True)) for each in self.witnesses],
        }


class Log:
    """What is read may be read at any time; what writes has taken the hub's seal off."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._store = hub.store
        self._table = hub.store.log

    # -- what is published

    def publish(self) -> int:
        """Show the witnesses how the ledger stands now; how many entries that are."""
        newest = self._table.checkpoint()
        if newest is None:
            return 0
        size = _checkpoint(newest).size
        if size > self._number(_PUBLISHED):
            self._hub.touch()
            with self._store.record() as record:
                record.put_meta(_PUBLISHED, str(size))
        return size

    def read(self, path: str) -> bytes:
        """The file at this path. Raises NotFound("no-such-tile")."""
        published = self._number(_PUBLISHED)
        if path in (CHECKPOINT, PENDING):
            shown = self._number(_WITNESSED) if path == CHECKPOINT and self.needed() else 0
            return self.signed(shown or published)
        tile = Tile.parse(path)
        if tile is None or not tile.exists(published):
            raise no_such_file(path)
        return self._table.tile(tile)

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | HuizhenError]:
        for path in paths:
            try:
                yield self.read(path)
            except NotFound as error:
                yield error

    def signed(self, size: int) -> bytes:
        """The checkpoint of that size with all cosignatures. Raises NotFound."""
        kept = self._table.checkpoint(size)
        if kept is None:
            raise no_such_file(CHECKPOINT)
        opened = note.parse_note(kept.encode())
        more = [note.parse_signature(c.line) for c in self._table.cosignatures(size, size)]
        return note.make_note(opened.text, [*opened.signatures, *more]).serialise()

    def proving(self, entry: int) -> bytes:
        """The checkpoint to prove an entry by: the witnessed one if it covers the entry, else the newest."""
        witnessed = self._number(_WITNESSED)
        newest = self._table.checkpoint()
        if newest is None:
            raise Conflict(
                "no-checkpoint",
                Text("The ledger has not been co-signed yet.", "账本尚未联署。"),
                Text("Add a node with `huizhen node add`.", "请用 `huizhen node add` 添加节点。"),
            )
        return self.signed(witnessed if entry < witnessed else _checkpoint(newest).size)

    # -- witnesses

    def enrol(self, vkey: str) -> VerifierKey:
        """Take in an outside witness by its key. Raises BadInput for another key, Conflict for one that is there."""
        key = VerifierKey.parse(vkey)
        if key.algorithm != COSIGNATURE or len(key.name) > _LONGEST_NAME or not key.name.isascii():
            raise BadInput(
                "no-witness-key",
                Text("This is not the key of a witness.", "这不是见证方的公钥。"),
                Text(
                    "`huizhen witness show` at the witness prints it.", "请在见证方运行 `huizhen witness show` 查看。"
                ),
            )
        there, nodes = self._table.witnesses(), self._store.node_keys()
        taken = {w.key.name for w in there} | set(self._store.all_nodes()) | {self._hub.origin}
        if key.name in taken or key.public in {*(w.key.public for w in there), *nodes.values(), self._hub.key.public}:
            raise Conflict(
                "witness-exists",
                Text("There is a witness or a node of this name or key already.", "已有同名或同钥的见证方或节点。"),
                Text("A witness has a name and a key of its own; see `huizhen witness list`.",
                     "见证方须有自己的名称和密钥；见 `huizhen witness list`。"),
            )  # fmt: skip
        self._hub.touch()
        with self._store.record() as record:
            put_witness(record.connection, key, record.at_utc)
            record.evidence("witness-enrolled", "hub", key.name, {}, key=key.public.hex())
        return key

    def remove(self, name: str) -> None:
        """From now on this witness does not count, and none is taken for it. Raises NotFound."""
        active = [w.key.name for w in self._active()]
        if name not in active:
            hint = did_you_mean(name, active)
            raise NotFound(
                "unknown-witness",
                Text(f"There is no witness '{name}'{hint.en}.", f"没有见证方“{name}”{hint.zh}。"),
                Text("`huizhen witness list` shows them.", "可用 `huizhen witness list` 查看。"),
            )
        self._hub.touch()
        with self._store.record() as record:
            remove_witness(record.connection, name, record.at_utc)
            record.evidence("witness-removed", "hub", name, {})
        self._count()

    def _active(self) -> list[Witness]:
        return [w for w in self._table.witnesses() if w.removed_utc is None]

    def needed(self) -> int:
        """How many outside witnesses have to co-sign: as the settings say, else more than half of those enrolled."""
        enrolled, said = len(self._active()), self._store.settings().witnesses_needed
        if said is not None:
            return said
        return enrolled // 2 + 1 if enrolled else 0

    def cosign(self, data: bytes) -> Standing:
        """Take in what witnesses signed under one of our checkpoints. Raises Refused where nothing of it counts."""
        given = note.parse_note(data)
        kept = self._table.checkpoint(Checkpoint.parse(given.text).size)
        if kept is None or note.parse_note(kept.encode()).text != given.text:
            raise Refused(
                "not-our-checkpoint",
                Text("This hub has not signed this checkpoint.", "本中心没有签署过这个检查点。"),
                Text("Keep it: a checkpoint under the hub's key that the hub does not know is evidence.",
                     "请保留：若其带有中心签名而中心不认识，即为证据。"),
            )  # fmt: skip
        taken = [found for w in self._active() if (found := self._read(given, w.key)) is not None]
        if not taken:
            raise Refused(
                "no-known-witness",
                Text("No witness that is enrolled here has signed this.", "没有在此登记的见证方签署过它。"),
                Text("The trustee enrols one with `huizhen witness add`.", "受托方可用 `huizhen witness add` 登记。"),
            )
        self._hub.touch()
        with self._store.record() as record:
            for each in taken:
                put_cosignature(record.connection, each)
        self._count()
        return self.standing()

    def _read(self, given: note.Note, key: VerifierKey) -> Cosignature | None:
        """What this witness has signed here, and when. Raises Tampered for a wrong signature, Refused for a clock that
        is not right."""
        lines = [s for s in given.signatures if (s.name, s.key_id) == (key.name, key.key_id)]
        if not lines:
            return None
        (verified,) = note.verify_signatures(note.Note(given.text, tuple(lines)), [key])
        at_unix_s = verified.at_unix_s or 0
        apart = at_unix_s - self._hub.clock().timestamp()
        if abs(apart) > APART_SECONDS:
            raise Refused(
                "witness-clock-apart",
                Text(
                    f"The clocks of witness {key.name} and of the hub differ by {abs(apart):.0f} s.",
                    f"见证方 {key.name} 与中心的时钟相差 {abs(apart):.0f} 秒。",
                ),
                Text("Set both by a time server (NTP).", "请用时间服务器（NTP）校准双方时钟。"),
            )
        return Cosignature(Checkpoint.parse(given.text).size, key.name, lines[0].line, at_unix_s)

    def _count(self) -> None:
        """Whether more is witnessed now. What once counted as witnessed stays so, whoever comes or goes."""
        active, needed, by_size = {w.key.name for w in self._active()}, self.needed(), dict[int, int]()
        for each in self._table.cosignatures(self._number(_WITNESSED) + 1, None):
            by_size[each.size] = by_size.get(each.size, 0) + (each.witness in active)
        enough = max((size for size, have in by_size.items() if 0 < needed <= have), default=0)
        if enough > self._number(_WITNESSED):
            with self._store.record() as record:
                record.put_meta(_WITNESSED, str(enough))

    def _number(self, key: str) -> int:
        return int(self._store.meta(key) or 0)

    # -- how it stands

    def standing(self) -> Standing:
        last = self._table.last_cosignatures()
        seen = [(w.key.name, last.get(w.key.name)) for w in self._active()]
        size, witnessed, needed = self._store.size(), self._number(_WITNESSED), self.needed()
        return Standing(
            size,
            self._number(_PUBLISHED),
            witnessed,
            needed,
            tuple((name, c.size if c else 0, c.at_unix_s if c else None) for name, c in seen),
            self._late(witnessed) if needed and witnessed < size else 0.0,
        )

    def _late(self, first: int) -> float:
        """Seconds since an entry was made."""
        entry = read_leaf(self._table.leaf(first))
        return 0.0 if entry is None else max(0.0, (self._hub.clock() - parse(entry.at_utc)).total_seconds())


def _checkpoint(kept: str) -> Checkpoint:
    return Checkpoint.parse(note.parse_note(kept.encode()).text)
