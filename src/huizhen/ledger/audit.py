"""A ledger checked from its files alone (C2SP tlog-tiles), in memory that does not grow with it, by whoever has keys.

Every entry is hashed again, and the tree built from these hashes only; what the tiles say serves to name the first
entry at which the story breaks. Nothing that the files hold is believed: the roots must be those under signatures of
keys that the reader brought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from huizhen.kit.errors import HuizhenError, NotFound
from huizhen.ledger.anchor import Anchor
from huizhen.ledger.checkpoint import Checkpoint, SignedCheckpoint, open_signed
from huizhen.ledger.finding import Finding, finding
from huizhen.ledger.merkle import HASH_BYTES
from huizhen.ledger.note import VerifierKey
from huizhen.ledger.story import Course, scan_leaf
from huizhen.ledger.tiles import (
    CHECKPOINT,
    ENTRIES,
    HEIGHT,
    PENDING,
    WIDTH,
    Files,
    Frontier,
    Tile,
    check_tile,
    decode_bundle,
    fold,
    tile_of,
)

AHEAD_SECONDS = 300
"""A cosignature from further ahead than this says nothing."""
MOST_FINDINGS = 100
_AT_ONCE = 16
"""Files of entries between two words on how it goes."""

Say = Callable[[int, int], None]
"""Entries done, entries in all."""


@dataclass(frozen=True)
class Trust:
    """Keys that the reader brought, `quorum` of the witnesses' being enough; checkpoints seen elsewhere and anchors on
    a chain, each of which this ledger has to contain."""

    hub: VerifierKey
    witnesses: tuple[VerifierKey, ...]
    quorum: int
    seen: tuple[bytes, ...] = ()
    anchors: tuple[Anchor, ...] = ()


@dataclass
class Audit:
    """What was found. `witnessed` entries are under a checkpoint that enough witnesses co-signed, at these times."""

    entries: int = 0
    witnessed: int = 0
    cosigned: dict[str, int] = field(default_factory=dict)
    anchored: int = 0
    """Entries under the last anchor that these entries give."""
    enrolled: dict[str, str] = field(default_factory=dict)
    """Outside witnesses that the ledger itself names, with their public keys in hexadecimal."""
    findings: list[Finding] = field(default_factory=list)
    more: int = 0
    """Findings beyond those that are kept."""

    def add(self, found: Iterable[Finding]) -> None:
        for each in found:
            if len(self.findings) < MOST_FINDINGS:
                self.findings.append(each)
            else:
                self.more += 1


def audit(files: Files, trust: Trust, now_unix_s: float, say: Say = lambda _done, _all: None) -> Audit:
    """Check everything. Raises NotFound or Lost where there is no ledger, Tampered where its checkpoint is none of the
    hub's."""
    found = Audit()
    shown = [open_signed(data, trust.hub, trust.witnesses) for data in _shown(files)]
    newest = max(shown, key=lambda signed: signed.checkpoint.size)
    elsewhere = [open_signed(data, trust.hub, trust.witnesses) for data in trust.seen]
    size = found.entries = newest.checkpoint.size
    asked = {*(s.checkpoint.size for s in (*shown, *elsewhere)), *(a.size for a in trust.anchors)}
    roots = _Roots({each for each in asked if each <= size})
    reader = _Reader(files, size, found, roots)
    reader.run(say)
    sound = 0
    for signed in sorted(shown, key=lambda s: s.checkpoint.size):
        point = signed.checkpoint
        if reader.stopped is None and roots.at.get(point.size) == point.root:
            sound = point.size
    found.add(reader.conclude(newest.checkpoint, sound))
    for signed in (*shown, *elsewhere):
        _witnesses(signed, trust, roots, now_unix_s, found)
    found.add(_elsewhere(elsewhere, roots, size))
    found.add(_anchored(trust.anchors, roots, found))
    found.add(_waiting(found, trust))
    found.findings.sort(key=lambda f: (f.severity != "broken", f.index is None, f.index or 0))
    return found


def _shown(files: Files) -> Iterator[bytes]:
    """The two checkpoints of a log, or the one of a log that is not ours. Raises NotFound where there is none."""
    lacking: NotFound | None = None
    for path in (PENDING, CHECKPOINT):
        try:
            yield files.read(path)
        except NotFound as error:
            if lacking is not None:
                raise
            lacking = error


class _Roots:
    """The root of the first so many entries, for the sizes that some checkpoint has."""

    def __init__(self, sizes: set[int]) -> None:
        self._sizes = sorted(sizes - {0})
        self.at: dict[int, bytes] = {}
        self.frontier = Frontier()
        if 0 in sizes:
            self.at[0] = self.frontier.root()

    def add(self, hashes: bytes) -> list[bytes]:
        """As `Frontier.add`, with a stop at each size that is asked for."""
        full = []
        while self._sizes and len(self.frontier) + len(hashes) // HASH_BYTES >= self._sizes[0]:
            size = self._sizes.pop(0)
            part = (size - len(self.frontier)) * HASH_BYTES
            full += self.frontier.add(hashes[:part])
            hashes = hashes[part:]
            self.at[size] = self.frontier.root()
        return full + self.frontier.add(hashes)


class _Reader:
    """Reads entries and tiles side by side, from left to right; what does not fit is noted with the entry it is at."""

    def __init__(self, files: Files, size: int, found: Audit, roots: _Roots) -> None:
        self._files, self._size, self._found, self._roots = files, size, found, roots
        self._course = Course()
        self._above: dict[int, bytearray] = {}
        self._counts: dict[int, int] = {}
        self._suspects: list[tuple[int, int, str]] = []
        """(level, first entry, file): a hash in a tile that the entries do not give."""
        self.stopped: int | None = None
        """The entry from which on nothing could be read."""

    def run(self, say: Say) -> None:
        count = -(-self._size // WIDTH)
        pairs = [ENTRIES, 0]
        paths = (tile_of(level, index, self._size).path for index in range(count) for level in pairs)
        stream = self._files.read_all(paths)
        for index, (entries, hashes) in enumerate(zip(stream, stream, strict=True)):
            if not self._bundle(index, entries, hashes):
                self.stopped = index * WIDTH
                return
            if index % _AT_ONCE == 0 or index == count - 1:
                say(min(self._size, (index + 1) * WIDTH), self._size)
        for level in sorted(self._above):
            self._compare(level, partial=True)

    def _bundle(self, index: int, entries: bytes | HuizhenError, hashes: bytes | HuizhenError) -> bool:
        """Take in 256 entries, by the hashes in their tile where they cannot be read; False where there is neither."""
        bundle, tile = tile_of(ENTRIES, index, self._size), tile_of(0, index, self._size)
        first, name = tile.start, {"name": bundle.path}
        said: bytes | None = None
        try:
            said = check_tile(tile, _had(hashes))
        except HuizhenError as error:
            self._found.add([finding("file-lacking", first, None, None, name=tile.path, reason=error.code)])
        try:
            leaves = decode_bundle(_had(entries), bundle.width)
        except HuizhenError as error:
            self._found.add([finding("file-lacking", first, None, None, reason=error.code, **name)])
            if said is None:
                return False
            own = said
        else:
            own = b"".join([sha256(b"\x00" + leaf).digest() for leaf in leaves])
            self._entries(first, leaves)
            if said is not None and own != said:
                at = next(i for i in range(tile.width) if own[32 * i : 32 * i + 32] != said[32 * i : 32 * i + 32])
                self._suspects.append((0, first + at, tile.path))
        for root in self._roots.add(own):
            self._raise(1, root)
        return True

    def _entries(self, first: int, leaves: Sequence[bytes]) -> None:
        for i, leaf in enumerate(leaves, first):
            entry = scan_leaf(leaf)
            if entry is None:
                self._found.add([finding("bad-entry", i, None, None)])
                continue
            wrong = self._course.step(i, entry)
            if wrong:
                self._found.add(wrong)
            if entry.kind == "witness-enrolled":
                self._found.enrolled[entry.subject] = str(entry.facts.get("key", ""))

    def _raise(self, level: int, root: bytes) -> None:
        """A tile below is full: its root belongs into the tile above."""
        self._above.setdefault(level, bytearray()).extend(root)
        if len(self._above[level]) == WIDTH * HASH_BYTES:
            self._compare(level)
            whole = bytes(self._above[level])
            self._above[level].clear()
            self._raise(level + 1, fold(whole))

    def _compare(self, level: int, partial: bool = False) -> None:
        """Own hashes against those in the tile that is served."""
        own = bytes(self._above[level])
        if not own:
            return
        index = self._counts.get(level, 0)
        self._counts[level] = index + (not partial)
        tile = Tile(level, index, len(own) // HASH_BYTES)
        try:
            said = check_tile(tile, self._files.read(tile.path))
        except HuizhenError as error:
            self._found.add([finding("file-lacking", tile.start, None, None, name=tile.path, reason=error.code)])
            return
        if said != own:
            at = next(i for i in range(tile.width) if own[32 * i : 32 * i + 32] != said[32 * i : 32 * i + 32])
            self._suspects.append((level, tile.start + (at << (HEIGHT * level)), tile.path))

    def conclude(self, newest: Checkpoint, sound: int) -> Iterator[Finding]:
        """Where the entries give the signed root, a tile that says otherwise is damaged; else the entries are, from the
        first one on that such a tile points to, as far as the sizes that are sound leave room."""
        if self.stopped is not None:
            yield finding("entries-withheld", self.stopped, None, None, count=self._size)
            return
        if self._roots.at.get(newest.size) == newest.root:
            for level, start, path in self._suspects:
                yield finding("bad-tile", start, None, None, name=path, level=level)
            return
        suspects = sorted((start, level) for level, start, _ in self._suspects if start >= sound)
        exact = [start for start, level in suspects if level == 0]
        for start in exact[:MOST_FINDINGS]:
            yield finding("changed-entry", start, None, None)
        start, end = sound, newest.size
        if exact:
            start, end = exact[0], exact[0] + 1
        elif suspects:
            start, level = suspects[0]
            end = min(newest.size, start + (1 << (HEIGHT * level)))
        yield finding("root-differs", start, None, None, count=newest.size, start=start, end=end - 1)


def _had(data: bytes | HuizhenError) -> bytes:
    if isinstance(data, HuizhenError):
        raise data
    return data


def _witnesses(signed: SignedCheckpoint, trust: Trust, roots: _Roots, now_unix_s: float, found: Audit) -> None:
    """Count the cosignatures of known witnesses under a checkpoint whose root the entries give."""
    point, have = signed.checkpoint, 0
    for name, at_unix_s in sorted(signed.witnessed.items()):
        if at_unix_s > now_unix_s + AHEAD_SECONDS:
            found.add([finding("cosigned-ahead", None, None, None, name=name, count=int(at_unix_s - now_unix_s))])
            continue
        have += 1
        found.cosigned[name] = max(at_unix_s, found.cosigned.get(name, 0))
    if have >= trust.quorum >= 1 and roots.at.get(point.size) == point.root:
        found.witnessed = max(found.witnessed, point.size)


def _elsewhere(seen: Sequence[SignedCheckpoint], roots: _Roots, size: int) -> Iterator[Finding]:
    for signed in seen:
        point = signed.checkpoint
        if point.size > size:
            yield finding("seen-more", size, None, None, count=point.size, have=size)
        elif roots.at.get(point.size) != point.root:
            yield finding("seen-differs", None, None, None, count=point.size)


def _anchored(anchors: Sequence[Anchor], roots: _Roots, found: Audit) -> Iterator[Finding]:
    for number, anchor in enumerate(anchors):
        if anchor.size > found.entries:
            yield finding("anchored-more", found.entries, None, None, count=anchor.size, have=found.entries)
        elif roots.at.get(anchor.size) != anchor.root:
            yield finding("anchored-differs", None, None, None, count=anchor.size, number=number)
        else:
            found.anchored = anchor.size


def _waiting(found: Audit, trust: Trust) -> Iterator[Finding]:
    if trust.witnesses and found.witnessed < found.entries:
        facts = {"count": found.entries - found.witnessed, "needed": max(1, trust.quorum)}
        yield finding("waiting-for-witnesses", found.witnessed, None, None, **facts)
