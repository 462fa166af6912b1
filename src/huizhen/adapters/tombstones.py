"""Marks of deleted data, in a file of their own beside the node's book: a book from a backup does not lift them.

A line is added and never changed; the last one of a mark counts. Marks that come from the ledger, by way of the hub,
have no pseudonym: the book is searched for theirs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from huizhen.model.deletion import tombstone

FILE = "tombstones.jsonl"
Pseudonyms = Callable[[], Iterable[tuple[int, bytes]]]
"""Every person of the book: index and pseudonym."""


class Tombstones:
    """Over the node's folder. `find` gives the indices of pseudonyms, -1 for those who are not in the book."""

    def __init__(self, folder: Path, find: Callable[[Sequence[bytes]], list[int]], everybody: Pseudonyms) -> None:
        self._path = folder / FILE
        self._find, self._everybody = find, everybody
        self._read: tuple[int, dict[str, dict[str, Any]]] = (-1, {})
        self._searched: dict[str, tuple[object, BitMap]] = {}

    def add(self, pseudonym: bytes, dataset: str, at_utc: str) -> None:
        """Mark a person's data in a dataset as gone, durably."""
        mark = {"mark": tombstone(pseudonym, dataset), "pseudonym": pseudonym.hex(), "dataset": dataset}
        self._write([{**mark, "at_utc": at_utc, "lifted": False}])

    def hear(self, marks: Iterable[str], at_utc: str) -> None:
        """Marks that are on the ledger: those that are not known here are taken up."""
        new = [m for m in dict.fromkeys(marks) if m not in self._all()]
        self._write([{"mark": m, "pseudonym": None, "dataset": None, "at_utc": at_utc, "lifted": False} for m in new])

    def lift(self, pseudonym: bytes, datasets: Iterable[str], at_utc: str) -> None:
        """The person said yes again: what is taken in from now on may be used."""
        standing = self._all()
        marks = [(tombstone(pseudonym, d), d) for d in datasets]
        found = [(m, d) for m, d in marks if m in standing and not standing[m]["lifted"]]
        mark = {"pseudonym": pseudonym.hex(), "at_utc": at_utc, "lifted": True}
        self._write([{"mark": m, "dataset": d, **mark} for m, d in found])

    def has(self, pseudonym: bytes, dataset: str) -> bool:
        found = self._all().get(tombstone(pseudonym, dataset))
        return found is not None and not found["lifted"]

    def lifted_utc(self, pseudonym: bytes, dataset: str) -> str | None:
        """When the person said yes again; None where they did not."""
        found = self._all().get(tombstone(pseudonym, dataset))
        return str(found["at_utc"]) if found is not None and found["lifted"] else None

    def people(self, dataset: str, ever: bool = False) -> BitMap:
        """Those whose data in the dataset are gone, by index; with `ever` also those who came back."""
        standing = [x for x in self._all().values() if ever or not x["lifted"]]
        known = [bytes.fromhex(x["pseudonym"]) for x in standing if x["dataset"] == dataset]
        found = BitMap(i for i in self._find(known) if i >= 0) if known else BitMap()
        unknown = frozenset(x["mark"] for x in standing if x["pseudonym"] is None)
        return found | self._search(dataset, unknown) if unknown else found

    def _search(self, dataset: str, marks: frozenset[str]) -> BitMap:
        """Everybody's mark is worked out, once for as long as marks and people stay the same."""
        state = (marks, sum(1 for _ in self._everybody()))
        if self._searched.get(dataset, (None,))[0] != state:
            found = BitMap(i for i, name in self._everybody() if tombstone(name, dataset) in marks)
            self._searched[dataset] = state, found
        return self._searched[dataset][1]

    def _all(self) -> dict[str, dict[str, Any]]:
        size = self._path.stat().st_size if self._path.exists() else 0
        if self._read[0] != size:
            self._read = size, {each["mark"]: each for each in self._lines()}
        return self._read[1]

    def _lines(self) -> Iterator[dict[str, Any]]:
        """Whole lines: one that a crash cut off says nothing."""
        if self._path.exists():
            for line in self._path.read_bytes().split(b"\n")[:-1]:
                yield json.loads(line)

    def _write(self, lines: Sequence[dict[str, Any]]) -> None:
        if not lines:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            whole = file.read()
            file.truncate(whole.rfind(b"\n") + 1)
            file.seek(0, os.SEEK_END)
            file.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        directory = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
