"""A backup file: a ZIP of parts and, last of all, a manifest with the SHA-256 of each, signed by who made it.

The signature shows damage, and that all parts are of one backup. It is made with a key that lies in the backup itself,
so it says nothing against somebody who holds the file and the key: keep backups as you keep the keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huizhen.kit.canonical import canonical
from huizhen.kit.errors import BadInput, Conflict, NotFound, Tampered
from huizhen.kit.keys import SigningKey, check_signature
from huizhen.kit.text import Text

_MANIFEST = "manifest.json"
_DOMAIN = b"huizhen/backup/v1\n"
_BLOCK = 1 << 20
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, KeyError, ValueError, TypeError, EOFError, OSError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
"""All that a changed byte makes of reading a ZIP."""

Part = tuple[str, Iterable[bytes]]
"""Its name in the archive, and its bytes piece by piece."""


def write(path: Path, kind: str, about: dict[str, Any], parts: Iterable[Part], key: SigningKey) -> int:
    """Write the backup; its size in bytes. It appears when it is whole, readable by its owner alone.

    Raises Conflict where the file is there already, BadInput where its folder is not.
    """
    if path.exists():
        raise Conflict(
            "backup-exists",
            Text(f"'{path}' is there already.", f"“{path}”已存在。"),
            Text("Name another file; a backup never replaces one.", "请换一个文件名；备份不会覆盖已有文件。"),
        )
    if not path.absolute().parent.is_dir():
        raise BadInput(
            "no-place-for-backup",
            Text(f"'{path}' cannot be written: there is no such folder.", f"无法写入“{path}”：没有该文件夹。"),
            Text("Name a file in a folder that exists.", "请指定已有文件夹中的文件。"),
        )
    new = path.with_name(path.name + ".part")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1) as archive:
                told = {name: _add(archive, name, pieces) for name, pieces in parts}
                body = {"kind": kind, "version": 1, **about, "parts": told, "key": key.public.hex()}
                signature = key.sign(_DOMAIN + canonical(body)).hex()
                archive.writestr(_MANIFEST, json.dumps({**body, "signature": signature}, indent=1))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return path.stat().st_size


def _add(archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as out:
        for piece in pieces:
            out.write(piece)
            digest.update(piece)
            size += len(piece)
    return {"sha256": digest.hexdigest(), "bytes": size}


def of_file(path: Path) -> Iterator[bytes]:
    """A file's bytes, a megabyte at a time."""
    with path.open("rb") as file:
        while piece := file.read(_BLOCK):
            yield piece


@dataclass(frozen=True)
class Archive:
    """A backup that was opened: manifest and parts hold, and it is of the kind that was asked for."""

    path: Path
    about: dict[str, Any]

    def names(self) -> list[str]:
        return sorted(self.about["parts"])

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes of a part. Raises Tampered at its end where they are not those that were written."""
        told, digest = self.about["parts"][name], hashlib.sha256()
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as part:
                while piece := part.read(_BLOCK):
                    digest.update(piece)
                    yield piece
        except _UNREADABLE as problem:
            raise _damaged(self.path) from problem
        if digest.hexdigest() != told["sha256"]:
            raise _damaged(self.path)

    def extract(self, name: str, place: Path) -> None:
        """Write a part to a new file that its owner alone can read."""
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for piece in self.read(name):
                file.write(piece)


def open_archive(path: Path, kind: str) -> Archive:
    """Raises NotFound without the file, Tampered where it is damaged, BadInput for a backup of something else. Every
    part is read to its end here, so that nothing of a damaged one is taken for what it says."""
    if not path.is_file():
        raise NotFound(
            "no-backup",
            Text(f"There is no file '{path}'.", f"找不到文件“{path}”。"),
            Text("Check the path.", "请检查路径。"),
        )
    try:
        with zipfile.ZipFile(path) as archive:
            said = json.loads(archive.read(_MANIFEST))
            signature = bytes.fromhex(said.pop("signature"))
            names = {n for n in archive.namelist() if n != _MANIFEST}
            holds = check_signature(bytes.fromhex(said["key"]), signature, _DOMAIN + canonical(said))
            whole = names == set(said["parts"]) and not any(n.startswith("/") or ".." in n.split("/") for n in names)
    except _UNREADABLE as problem:
        raise _damaged(path) from problem
    if not holds or not whole:
        raise _damaged(path)
    if said["kind"] != kind or said["version"] != 1:
        raise BadInput(
            "backup-of-another-kind",
            Text(f"'{path.name}' is a backup of another kind ({said['kind']}).",
                 f"“{path.name}”是另一种备份（{said['kind']}）。"),
            Text("A hub's is restored by `huizhen hub restore`, a node's by `huizhen node restore`.",
                 "中心的备份用 `huizhen hub restore` 恢复，节点的备份用 `huizhen node restore` 恢复。"),
        )  # fmt: skip
    found = Archive(path, said)
    for name in found.names():
        for _ in found.read(name):
            pass
    return found


def _damaged(path: Path) -> Tampered:
    return Tampered(
        "backup-damaged",
        Text(f"'{path.name}' is not a whole backup, or it was changed.", f"“{path.name}”不完整或已被改动。"),
        Text("Use another copy of it, or an earlier backup.", "请使用它的另一份副本，或更早的备份。"),
    )
