"""Reads files of FHIR R4 into a store: NDJSON and JSON, plain, gzipped or in a zip; resumes where it was stopped."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from huizhen.adapters.resource_store import Store
from huizhen.intake import fhir_check, fhir_split
from huizhen.intake.fhir_check import Fault
from huizhen.intake.fhir_split import Record
from huizhen.kit.errors import BadInput, Lost, NotFound
from huizhen.kit.text import Text

Heard = Callable[[int, int], None]
"""Told the records read and the bytes, of this run."""
LINES, DOCUMENT = (".ndjson", ".jsonl"), (".json",)
_MOST_EXPANDED, _ALWAYS_EXPANDED = 200, 256 << 20
"""A compressed file may grow to that many times its size, or to so many bytes if that is more."""
_TOO_LONG = Text(f"longer than {fhir_split.LIMIT_BYTES >> 20} MiB", f"超过 {fhir_split.LIMIT_BYTES >> 20} MiB")
_CUT = Text("the file ends within it", "文件在此处中断")
_AROUND = Text("what stands around the entries is no complete Bundle", "条目之外的内容不是完整的 Bundle")


@dataclass(frozen=True)
class _File:
    """One stream of records. `size` is that of the file on the disk that it comes from."""

    name: str
    mark: str
    size: int
    packed: bool
    open: Callable[[], Any]


def take_in(store: Store, paths: Sequence[Path], heard: Heard = lambda _records, _bytes: None) -> None:
    """Take in files and folders, in the order given, then by name. What was read before is not read again.

    Raises NotFound for a path that is not there, BadInput for a file of another kind or a compressed one that expands
    without end, Lost where a file was changed while it was being read; what was taken before then is kept.
    """
    read = size = 0

    def tell(more: int) -> None:
        nonlocal read, size
        read, size = read + 1, size + more
        if read % 1000 == 0:
            heard(read, size)

    try:
        for path in _paths(paths):
            before = _stat(path)
            for file in _files(path):
                _take_file(store, file, tell)
            if _stat(path) != before:
                raise Lost(
                    "changed-while-read",
                    Text(f"'{path.name}' was changed while it was being read.", f"“{path.name}”在读取期间被修改。"),
                    Text("Wait until it is written, then run the command again.", "请等其写完后重新运行。"),
                )
    finally:
        store.commit()
    heard(read, size)


def _paths(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                p for p in path.rglob("*") if p.is_file() and _kind(p.name) and not p.name.startswith(".")
            )
        elif path.is_file():
            yield path
        else:
            raise NotFound(
                "no-intake-file",
                Text(f"There is no file or folder '{path}'.", f"找不到文件或文件夹“{path}”。"),
                Text("Check the path.", "请检查路径。"),
            )


def _kind(name: str) -> str:
    """How the name ends, without .gz; nothing for what is not read."""
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    return suffix if suffix in (*LINES, *DOCUMENT, ".zip") else ""


def _stat(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _files(path: Path) -> Iterator[_File]:
    kind, size = _kind(path.name), path.stat().st_size
    mark = f"{size}:{_digest(path)}"
    if not kind:
        raise BadInput(
            "not-fhir-files",
            Text(f"'{path.name}' is neither NDJSON nor JSON.", f"“{path.name}”既非 NDJSON 也非 JSON。"),
            Text("Files end in .ndjson, .jsonl or .json, with .gz after that, or are in a .zip.",
                 "文件应以 .ndjson、.jsonl、.json 结尾，其后可加 .gz，或放在 .zip 中。"),
        )  # fmt: skip
    name = str(path.resolve())
    if kind != ".zip":
        packed = path.name.lower().endswith(".gz")
        yield _File(name, mark, size, packed, lambda: _Unpacked(path.open("rb")) if packed else path.open("rb"))
        return
    with _readable(path.name), zipfile.ZipFile(path) as archive:
        for member in sorted(archive.namelist()):
            if _kind(member) in (*LINES, *DOCUMENT):
                yield _File(f"{name}!{member}", mark, size, True, lambda m=member: _member(archive, m))  # type: ignore[misc]


def _member(archive: zipfile.ZipFile, member: str) -> Any:
    inner = archive.open(member)
    return _Unpacked(inner) if member.lower().endswith(".gz") else inner


class _Unpacked(gzip.GzipFile):
    """Closes the file beneath it, too."""

    def __init__(self, inner: IO[bytes]) -> None:
        super().__init__(fileobj=inner)
        self._inner = inner

    def close(self) -> None:
        super().close()
        self._inner.close()


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise BadInput(
            "broken-archive",
            Text(f"'{name}' cannot be unpacked to its end.", f"“{name}”无法完整解压。"),
            Text("Copy or export it again; what was read before the damage is kept, and is not read twice.",
                 "请重新复制或导出；损坏处之前的内容已保存，不会重复收入。"),
        ) from None  # fmt: skip


def _take_file(store: Store, file: _File, tell: Callable[[int], None]) -> None:
    behind = store.begin(file.name, file.mark)
    if (found := store.position(file.name)) is not None and found.done:
        return
    lines = _kind(file.name.rpartition("!")[2]) in LINES
    place = whole = behind
    try:
        with _readable(Path(file.name).name), file.open() as opened:
            stream = io.BufferedReader(_Bounded(opened, file), 1 << 20) if file.packed else opened
            for record in fhir_split.lines(stream) if lines else fhir_split.document(stream):
                if record.place <= behind:
                    continue
                if record.place > place:
                    whole = place
                    _commit_if_full(store, file.name, whole)
                place = record.place
                if not lines and not record.entry:
                    _take_around(store, file.name, record)
                else:
                    _take(store, file.name, record)
                tell(len(record.raw))
    except BaseException:
        store.reached(file.name, whole, False)
        raise
    store.reached(file.name, place, True)
    if store.full():
        store.commit()


def _commit_if_full(store: Store, name: str, place: int) -> None:
    if store.full():
        store.reached(name, place, False)
        store.commit()


def _take(store: Store, name: str, record: Record) -> None:
    if record.piece:
        store.refuse(name, record.place, _TOO_LONG, record.raw)
        return
    try:
        check = fhir_check.check_entry if record.entry else fhir_check.check_resource
        why = store.take(check(record.raw))
    except Fault as fault:
        why = _CUT if record.cut else fault.said
    if why is not None:
        store.refuse(name, record.place, why, record.raw)


def _take_around(store: Store, name: str, record: Record) -> None:
    """The rest of a document: the frame of a Bundle, which says nothing, or a resource by itself."""
    try:
        kind = fhir_check.type_of(record.raw)
    except Fault:
        kind = ""
    if kind == "Bundle" and not record.cut and not record.piece:
        return
    if kind and kind != "Bundle":
        _take(store, name, record)
    elif record.raw or record.place == 1:
        why = _CUT if record.cut else _TOO_LONG if record.piece else _AROUND
        store.refuse(name, record.place, why, record.raw)


class _Bounded(io.RawIOBase):
    """What comes out of a compressed file, until it is more than any export would be."""

    def __init__(self, inner: IO[bytes], file: _File) -> None:
        self._inner, self._file, self._count = inner, file, 0
        self._most = max(file.size * _MOST_EXPANDED, _ALWAYS_EXPANDED)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer))
        self._count += len(data)
        if self._count > self._most:
            name = Path(self._file.name).name
            raise BadInput(
                "expands-without-end",
                Text(f"'{name}' expands to more than {_MOST_EXPANDED} times its size.",
                     f"“{name}”解压后超过其大小的 {_MOST_EXPANDED} 倍。"),
                Text("If it is what it should be, unpack it and give the folder.",
                     "如确属正常，请先解压再给出文件夹。"),
            )  # fmt: skip
        buffer[: len(data)] = data
        return len(data)


def _digest(path: Path) -> str:
    """Of the beginning and the end of a file: with its size, enough to tell that it is not what it was."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
        file.seek(max(0, path.stat().st_size - (1 << 16)), os.SEEK_SET)
        return blake2b(head + file.read(), digest_size=12).hexdigest()
