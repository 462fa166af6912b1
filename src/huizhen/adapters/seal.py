"""The seal of the embedded hub: SHA-256 of every file it keeps, signed when a command ends.

The ledger proves its own content to anyone. The seal is for the rest: a byte changed anywhere in the hub's files by
someone without the hub's key, be it in an index, a setting or a page that nothing refers to, breaks it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

from huizhen.kit.canonical import canonical
from huizhen.kit.keys import SigningKey, check_signature
from huizhen.kit.text import Text

_DOMAIN = b"huizhen/seal/v1\n"
_NAME = "seal.json"
_LOCK = "open.lock"


def _counts(path: Path) -> bool:
    """Whether a file is part of what is sealed; what SQLite keeps beside a database that is only being read is not."""
    passing = path.name.endswith("-shm") or (path.name.endswith("-wal") and path.stat().st_size == 0)
    return path.is_file() and path.name not in {_NAME, _LOCK} and not passing


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.iterdir() if _counts(p))
    found = {}
    for path in files:
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _bytes(folder: Path, key: SigningKey) -> bytes:
    inner = canonical(_digests(folder))
    return canonical({"files": inner.decode(), "key": key.public.hex(), "signature": key.sign(_DOMAIN + inner).hex()})


def seal(folder: Path, key: SigningKey) -> None:
    """Write the seal; call when nothing in the folder is open any more."""
    path = folder / (_NAME + ".new")
    data = _bytes(folder, key)
    path.write_bytes(data)
    path.replace(folder / _NAME)


def unseal(folder: Path) -> None:
    """Take the seal off while a command writes. What a crash leaves behind is then unsealed, not falsely sealed."""
    (folder / _NAME).unlink(missing_ok=True)


def broken(folder: Path, public: bytes) -> list[Text]:
    """What is wrong with the sealed files; empty when they are as they were sealed, or are not sealed at all."""
    path = folder / _NAME
    if not path.exists():
        return []
    digests = _digests(folder)
    inner = canonical(digests)
    data = path.read_bytes()
    try:
        signature = bytes.fromhex(data[-130:-2].decode())
        holds = check_signature(public, signature, _DOMAIN + inner)
        expected = canonical({"files": inner.decode(), "key": public.hex(), "signature": signature.hex()})
    except ValueError:
        holds, expected = False, b""
    if holds and expected == data:
        return []
    names = ", ".join(_changed(data, digests)) or _NAME
    return [
        Text(
            f"The hub's files are not as the hub sealed them: {names}.",
            f"中心的文件与封存时不一致：{names}。",
        )
    ]


def _changed(data: bytes, digests: dict[str, str]) -> list[str]:
    """Files whose digest the seal does not hold; a hint for people, the signature is what decides."""
    text = data.decode("utf-8", errors="replace")
    return [name for name, digest in digests.items() if digest not in text]


def is_sealed(folder: Path) -> bool:
    return (folder / _NAME).exists()


class Presence:
    """Who has the hub open. Several commands may; the last to leave seals."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def alone(self) -> bool:
        """Whether nobody else has it open; nobody else can open it then until `leave`."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def leave(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
