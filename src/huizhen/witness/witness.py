"""A witness on its folder: witness.key, witness.yaml, witness.sqlite, evidence/.

It co-signs a checkpoint when the ledger that it co-signed before is the beginning of the new one, and keeps it first.
It reads every entry itself where it follows the log's files; where a checkpoint is brought to it, a proof is enough
(C2SP tlog-witness). Of a hub that contradicts itself it keeps the proof, and signs nothing more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import yaml

from huizhen.adapters.log_files import Log
from huizhen.adapters.witness_store import Cosigned, WitnessStore
from huizhen.intake.document import read_yaml
from huizhen.kit.clock import Clock, parse, utc_now
from huizhen.kit.errors import BadInput, Conflict, HuizhenError, NotFound, Refused, Tampered
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text
from huizhen.ledger import checkpoint as checkpoints
from huizhen.ledger import fork as forks
from huizhen.ledger import note
from huizhen.ledger.audit import AHEAD_SECONDS
from huizhen.ledger.checkpoint import SignedCheckpoint, check_before_cosign, open_signed
from huizhen.ledger.fork import Fork
from huizhen.ledger.merkle import HASH_BYTES, MerkleTree, consistency_roots
from huizhen.ledger.note import COSIGNATURE, VerifierKey
from huizhen.ledger.story import read_leaf
from huizhen.ledger.submission import Submission
from huizhen.ledger.tiles import CHECKPOINT, ENTRIES, PENDING, WIDTH, decode_bundle, files_tree, tile_of
from huizhen.model.following import Following

KEY, SETTINGS, MEMORY, EVIDENCE = "witness.key", "witness.yaml", "witness.sqlite", "evidence"
REFRESH_SECONDS = 600
"""A ledger that did not grow is co-signed anew after so long: who reads can tell that it is not kept from us."""
_PARTS = 64
"""Bundles whose hashes are written at once."""

Say = Callable[[int, int], None]


class Witness:
    """An opened witness. Its methods may be called by one thread at a time; several processes may have it open."""

    def __init__(self, folder: Path, clock: Clock = utc_now) -> None:
        if not (folder / KEY).is_file():
            raise NotFound(
                "no-witness-there",
                Text(f"There is no witness in {folder}.", f"{folder} 中没有见证方。"),
                Text("Make one with `huizhen witness init`.", "请先运行 `huizhen witness init`。"),
            )
        self.folder = folder
        self.clock = clock
        self.following = read_yaml(folder / SETTINGS, Following)
        self.hub = VerifierKey.parse(self.following.hub)
        self._key = SigningKey((folder / KEY).read_bytes())
        self.store = WitnessStore(folder / MEMORY)

    @classmethod
    def create(cls, folder: Path, following: Following, clock: Clock = utc_now) -> Witness:
        """A new witness with a key of its own. Raises Conflict where there is one, BadInput for a name or a hub's key
        that is none."""
        if (folder / KEY).exists():
            raise Conflict(
                "witness-there",
                Text(f"There is a witness in {folder} already.", f"{folder} 中已有见证方。"),
                Text("Choose another folder, or go on with this one.", "请换一个文件夹，或继续使用它。"),
            )
        seed = os.urandom(32)
        VerifierKey(following.name, COSIGNATURE, SigningKey(seed).public)
        if VerifierKey.parse(following.hub).algorithm != note.ED25519:
            raise BadInput(
                "no-hub-key",
                Text("This is not the key of a hub.", "这不是中心的公钥。"),
                Text("It is the first line that `huizhen ledger prove --keys FILE` writes.",
                     "它是 `huizhen ledger prove --keys 文件` 写出的第一行。"),
            )  # fmt: skip
        (folder / EVIDENCE).mkdir(parents=True, exist_ok=True)
        write_settings(folder, following)
        descriptor = os.open(folder / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(seed)
        return cls(folder, clock)

    def close(self) -> None:
        self.store.close()

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self.following.name, COSIGNATURE, self._key.public)

    def _open(self, data: bytes) -> SignedCheckpoint:
        return open_signed(data, self.hub)

    def last(self) -> SignedCheckpoint | None:
        """The longest that it has co-signed."""
        kept = self.store.last()
        return None if kept is None else self._open(kept.note)

    # -- following the files of a log

    def follow(self, log: Log, say: Say = lambda _done, _all: None) -> bool:
        """Look once how the ledger stands; whether something was co-signed. Persists first, then hands it in.

        Raises Lost or NotFound where nothing can be read, Refused or Tampered where it must not co-sign: the reason is
        kept with its evidence.
        """
        self._check_clean()
        try:
            shown = log.read(PENDING)
        except NotFound:
            shown = log.read(CHECKPOINT)
        signed = self._open(shown)
        cosigned = self._take_up(signed, log, say)
        self._hand_in(log)
        return cosigned

    def _take_up(self, signed: SignedCheckpoint, log: Log, say: Say) -> bool:
        new = signed.checkpoint
        with self.store.writing():
            kept, last = self.store.last(), self.last()
            if last is not None and new == last.checkpoint:
                assert kept is not None
                if self._now(kept) < kept.at_unix_s + REFRESH_SECONDS:
                    return False
            elif last is not None and new.size <= last.checkpoint.size:
                self._refuse_shorter(last, signed)
            else:
                self._read_on(signed, last, log, say)
            self._keep(signed, kept)
        return True

    def _refuse_shorter(self, last: SignedCheckpoint, signed: SignedCheckpoint) -> None:
        """A ledger no longer than the last, and not the same. Raises."""
        own = self.store.tree() if self.store.tree_size() >= last.checkpoint.size else None
        self._accuse(forks.find(last, signed, own))
        self._save(f"rolled-back-{signed.checkpoint.size}.note", signed.note.serialise())
        check_before_cosign(last.checkpoint, signed.checkpoint, ())

    def _read_on(self, signed: SignedCheckpoint, last: SignedCheckpoint | None, log: Log, say: Say) -> None:
        """Take in the new entries, and see that the tree is the one that was signed. Raises where it is not."""
        new = signed.checkpoint
        newest = self._entries(log, new.size, say)
        tree = self.store.tree()
        if tree.root(new.size) != new.root:
            if last is not None:
                self._accuse(self._in_tiles(last, signed, log))
            raise Tampered(
                "entries-not-signed",
                Text(
                    f"The entries that the hub shows do not give the root that it signed for {new.size}.",
                    f"中心出示的条目得不出其为 {new.size} 条签署的根哈希。",
                ),
                Text("Nothing is co-signed. It is tried again; if it stays so, ask the hub's operator in writing.",
                     "未作联署，稍后重试；若仍如此，请书面询问中心运营方。"),
            )  # fmt: skip
        if last is not None and last.checkpoint.size and tree.root(last.checkpoint.size) != last.checkpoint.root:
            self._accuse(forks.find(last, signed, tree))
        self._check_times(newest)

    def _in_tiles(self, last: SignedCheckpoint, signed: SignedCheckpoint, log: Log) -> Fork | None:
        """The fork that the hub's own tiles prove, if they do."""
        try:
            return forks.find(last, signed, files_tree(log, signed.checkpoint.size))
        except (Tampered, NotFound):
            return None

    def _entries(self, log: Log, size: int, say: Say) -> bytes:
        """Add the hashes of all entries up to a size; the last entry. Within a transaction."""
        start, last, parts = self.store.tree_size(), b"", list[bytes]()
        indices = range(start // WIDTH, -(-size // WIDTH))
        stream = log.read_all(tile_of(ENTRIES, index, size).path for index in indices)
        for index, data in zip(indices, stream, strict=True):
            if isinstance(data, HuizhenError):
                raise data
            leaves = decode_bundle(data, tile_of(ENTRIES, index, size).width)
            last = leaves[-1]
            parts += [sha256(b"\x00" + leaf).digest() for leaf in leaves[max(0, start - index * WIDTH) :]]
            if len(parts) >= _PARTS * WIDTH:
                self.store.extend(b"".join(parts))
                parts.clear()
                say(self.store.tree_size(), size)
        self.store.extend(b"".join(parts))
        return last

    def _check_times(self, newest: bytes) -> None:
        """Raises Refused where an entry is of a time to come: one of the two clocks is wrong."""
        entry = read_leaf(newest)
        try:
            ahead = 0.0 if entry is None else (parse(entry.at_utc) - self.clock()).total_seconds()
        except ValueError:
            return
        if ahead > AHEAD_SECONDS:
            raise Refused(
                "entries-ahead-of-clock",
                Text(
                    f"The newest entry is {ahead:.0f} s ahead of this machine's clock.",
                    f"最新条目的时间比本机时钟超前 {ahead:.0f} 秒。",
                ),
                Text("Set both clocks by a time server (NTP). Nothing is co-signed until they agree.",
                     "请用时间服务器（NTP）校准双方时钟；一致之前不作联署。"),
            )  # fmt: skip

    # -- being asked (C2SP tlog-witness)

    def consider(self, asked: Submission) -> str:
        """The cosignature line for a checkpoint that was brought with its proof. Raises Conflict where the old size is
        another than the last (`last` says which), Tampered or Refused where it must not co-sign."""
        self._check_clean()
        signed = self._open(asked.note)
        new = signed.checkpoint
        if asked.old > new.size:
            raise BadInput(
                "old-size-larger",
                Text("The old size is larger than the checkpoint's.", "原条数大于检查点的条数。"),
                Text("Send the size that was co-signed last.", "请发送上次联署的条数。"),
            )
        with self.store.writing():
            kept, last = self.store.last(), self.last()
            if asked.old != (0 if last is None else last.checkpoint.size):
                raise Conflict(
                    "other-size",
                    Text("This witness has last co-signed another size.", "该见证方上次联署的是其他条数。"),
                    Text("Send the proof from that size.", "请发送自该条数起的证明。"),
                )
            if last is not None:
                self._accuse(_in_proof(last, signed, asked.proof))
            check_before_cosign(None if last is None else last.checkpoint, new, asked.proof)
            return self._keep(signed, kept).line

    # -- signing

    def _keep(self, signed: SignedCheckpoint, kept: Cosigned | None) -> Cosigned:
        """Sign, and write down what was signed, before anybody sees it. Within a transaction."""
        at_unix_s = self._now(kept)
        line = checkpoints.cosign(signed, self.key.name, self._key.private, at_unix_s)
        bare = note.make_note(signed.note.text, [s for s in signed.note.signatures if s.name == self.hub.name])
        cosigned = Cosigned(signed.checkpoint.size, bare.serialise(), line, at_unix_s, False)
        self.store.put_cosigned(cosigned)
        return cosigned

    def _now(self, kept: Cosigned | None) -> int:
        """POSIX seconds, never before the last cosignature. Raises Refused for a clock that went back by more than
        clocks do."""
        now, last = int(self.clock().timestamp()), 0 if kept is None else kept.at_unix_s
        if now < last - AHEAD_SECONDS:
            raise Refused(
                "witness-clock-back",
                Text(
                    f"This machine's clock is {last - now} s behind this witness's last cosignature.",
                    f"本机时钟比该见证方上次联署的时间慢 {last - now} 秒。",
                ),
                Text("Set it by a time server (NTP). Nothing is co-signed until then.",
                     "请用时间服务器（NTP）校准；此前不作联署。"),
            )  # fmt: skip
        return max(now, last)

    def _hand_in(self, log: Log) -> None:
        """Give the log what it has not confirmed yet; also what was kept just before this program was killed."""
        kept = self.store.last()
        if kept is None or kept.told:
            return
        log.give(self.key, kept.whole)
        with self.store.writing():
            now = self.store.last()
            if now is not None and now[:4] == kept[:4]:
                self.store.put_cosigned(kept._replace(told=True))

    # -- evidence

    def evidence(self) -> list[Path]:
        """What is kept against the hub, oldest first."""
        kept = (p for p in (self.folder / EVIDENCE).glob("*") if not p.name.startswith("."))
        return sorted(kept, key=lambda p: (p.stat().st_mtime, p.name))

    def compare(self, data: bytes, longer: MerkleTree | None) -> Fork | None:
        """The fork between what this witness co-signed last and a checkpoint from elsewhere, if there is one. `longer`
        gives the tree of the other where that is the longer. Raises NotFound where nothing was co-signed yet."""
        last, other = self.last(), self._open(data)
        if last is None:
            raise NotFound(
                "nothing-cosigned",
                Text("This witness has not co-signed anything yet.", "该见证方尚未联署任何检查点。"),
                Text("Run `huizhen witness run --once` first.", "请先运行 `huizhen witness run --once`。"),
            )
        if other.checkpoint.size <= last.checkpoint.size <= self.store.tree_size():
            longer = self.store.tree()
        fork = forks.find(last, other, longer)
        if fork is not None:
            self.save_fork(fork)
        return fork

    def save_fork(self, fork: Fork) -> Path:
        """Keep the proof of a fork; from then on nothing more is co-signed."""
        return self._save(f"fork-{fork.shorter.checkpoint.size}-{fork.longer.checkpoint.size}.txt", fork.serialise())

    def _save(self, name: str, data: bytes) -> Path:
        path = self.folder / EVIDENCE / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            new = path.with_name(f".{name}.new")
            with new.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        return path

    def _accuse(self, fork: Fork | None) -> None:
        """Keep the proof of a fork, and raise Tampered."""
        if fork is not None:
            raise _forked(self.save_fork(fork))

    def _check_clean(self) -> None:
        """Raises Tampered while the proof of a fork lies here."""
        for path in self.evidence():
            if path.name.startswith("fork-"):
                raise _forked(path)


def write_settings(folder: Path, following: Following) -> None:
    """What a witness follows from its next start on."""
    chosen = yaml.safe_dump(following.as_json(), sort_keys=False, allow_unicode=True)
    (folder / SETTINGS).write_text(chosen, encoding="utf-8")


def _in_proof(last: SignedCheckpoint, signed: SignedCheckpoint, proof: tuple[bytes, ...]) -> Fork | None:
    """The fork that a proof shows which leads to the new root from another old one than was co-signed."""
    old, new = last.checkpoint, signed.checkpoint
    if old.size == new.size:
        return forks.find(last, signed, None)
    if not 0 < old.size < new.size or any(len(each) != HASH_BYTES for each in proof):
        return None
    roots = consistency_roots(old.size, new.size, proof)
    return Fork(last, signed, proof) if roots and roots[1] == new.root and roots[0] != old.root else None


def _forked(path: Path) -> Tampered:
    return Tampered(
        "hub-forked",
        Text(f"The hub has signed two histories. The proof: {path}", f"中心签署了两段不同的历史。证明：{path}"),
        Text(
            "Nothing more is co-signed while it lies there. Tell every hospital; anyone can check it with "
            "`huizhen ledger verify --evidence FILE --keys FILE`.",
            "该文件存在期间不再联署。请通知每家医院；任何人都可用 "
            "`huizhen ledger verify --evidence 文件 --keys 文件` 核验。",
        ),
    )
