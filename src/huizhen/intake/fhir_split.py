"""Takes a stream of FHIR JSON apart into its resources, in memory bounded by one of them, whatever the file's size.

Lines of NDJSON are lines. Of a Bundle the entries are found by where quotes and braces stand, before anything is
parsed, so that a bundle of gigabytes never has to be in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np

LIMIT_BYTES = 16 << 20
"""A record of more is not taken in; it is handed on in pieces."""
_CHUNK_BYTES = 4 << 20


class Record(NamedTuple):
    """A record by its place, counted from one. `piece`: only a part of one that is too long; more with the same place
    may follow. `cut`: the file ends within it. `entry`: it is an entry of a bundle, or else a resource itself."""

    place: int
    raw: bytes
    piece: bool = False
    cut: bool = False
    entry: bool = False


def lines(stream: IO[bytes], limit: int = LIMIT_BYTES) -> Iterator[Record]:
    """The lines of NDJSON that are not blank; places are those of all lines."""
    place = 0
    while line := stream.readline(limit):
        place += 1
        if line.endswith(b"\n") or len(line) < limit:
            if line.strip():
                yield Record(place, line.strip(), cut=not line.endswith(b"\n"))
            continue
        yield Record(place, line, piece=True)
        while line := stream.readline(limit):
            yield Record(place, line, piece=True)
            if line.endswith(b"\n"):
                break


def document(stream: IO[bytes], limit: int = LIMIT_BYTES) -> Iterator[Record]:
    """The entries of a Bundle, and at the end, with the place after theirs, all that stands around them; for a single
    resource that is the whole of it."""
    return _Document(stream, limit).records()


class _Document:
    """Depth 1 is inside the outer object, 2 in an array of it, 3 in an object of that array."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream, self._limit = stream, limit
        self._depth = 0
        self._in_string = self._escape = False
        self._around = bytearray()
        self._entry: bytearray | None = None
        self._long = False
        self._in_entries = False
        self._place = 0

    def records(self) -> Iterator[Record]:
        while chunk := self._stream.read(_CHUNK_BYTES):
            yield from self._chunk(chunk)
        if self._entry is not None:
            self._place += 1
            yield Record(self._place, bytes(self._entry), piece=self._long, cut=True, entry=True)
        cut = self._depth != 0 or self._in_string
        yield Record(self._place + 1, bytes(self._around).strip(), cut=cut, piece=len(self._around) > self._limit)

    def _chunk(self, chunk: bytes) -> Iterator[Record]:
        at, depths, signs = self._events(chunk)
        start = 0
        for position, depth, sign in zip(at.tolist(), depths.tolist(), signs.tolist(), strict=True):
            if sign == ord("{") and depth == 3 and self._in_entries and self._entry is None:
                self._keep(chunk[start:position])
                self._entry, self._long, start = bytearray(), False, position
            elif sign == ord("}") and depth == 2 and self._entry is not None:
                yield from self._grow(chunk[start : position + 1])
                yield self._ended()
                start = position + 1
            elif sign == ord("[") and depth == 2:
                self._keep(chunk[start : position + 1])
                start = position + 1
                before = bytes(self._around[-64:-1]).rstrip()
                self._in_entries = before.endswith(b":") and before[:-1].rstrip().endswith(b'"entry"')
            elif sign == ord("]") and depth == 1:
                self._keep(chunk[start:position])
                self._in_entries, start = False, position
        if self._entry is not None:
            yield from self._grow(chunk[start:])
        else:
            self._keep(chunk[start:])

    def _keep(self, part: bytes) -> None:
        """What stands around entries; of what stands between them, commas and blanks, nothing."""
        if self._in_entries:
            part = part.replace(b",", b"").strip()
        if len(self._around) <= self._limit:
            self._around += part

    def _grow(self, part: bytes) -> Iterator[Record]:
        assert self._entry is not None
        self._entry += part
        if len(self._entry) > self._limit:
            self._long = True
            yield Record(self._place + 1, bytes(self._entry), piece=True, entry=True)
            self._entry = bytearray()

    def _ended(self) -> Record:
        self._place += 1
        assert self._entry is not None
        raw, self._entry = bytes(self._entry), None
        return Record(self._place, raw, piece=self._long, entry=True)

    def _events(self, chunk: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where brackets stand, outside of strings, that lead to a depth of three or less: (place, depth, sign)."""
        data = np.frombuffer(chunk, np.uint8)
        quotes = data == ord('"')
        self._unescape(chunk, quotes)
        inside = (np.cumsum(quotes) + self._in_string) & 1 == 1
        self._in_string = bool(inside[-1])
        opening = ((data == ord("{")) | (data == ord("["))) & ~inside
        closing = ((data == ord("}")) | (data == ord("]"))) & ~inside
        places = np.flatnonzero(opening | closing)
        steps = np.where(opening[places], 1, -1)
        depths = self._depth + np.cumsum(steps)
        if len(depths):
            self._depth = int(depths[-1])
        near = depths <= 3
        return places[near], depths[near], data[places[near]]

    def _unescape(self, chunk: bytes, quotes: np.ndarray) -> None:
        """Takes quotes away that a backslash stands before."""
        at = -1 if not self._escape else 0
        if self._escape:
            quotes[0] = False
        self._escape = False
        found = chunk.find(b"\\", at + 1)
        while found >= 0:
            if found + 1 == len(chunk):
                self._escape = True
                return
            quotes[found + 1] = False
            found = chunk.find(b"\\", found + 2)
