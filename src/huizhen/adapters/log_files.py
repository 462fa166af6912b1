"""The files of a log (C2SP tlog-tiles) in a folder or at a URL, and writing them to a folder."""

from __future__ import annotations

import os
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import httpx

from huizhen.adapters.log_table import no_such_file
from huizhen.kit.errors import BadInput, HuizhenError, Lost, NotFound, Refused, Tampered, from_wire
from huizhen.kit.text import Text
from huizhen.ledger import note
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.note import VerifierKey
from huizhen.ledger.tiles import CHECKPOINT, ENTRIES, LARGEST_FILE, PENDING, WIDTH, Files, files_tree, tiles_between

COSIGNED = "cosignature"
"""Where witnesses leave what they signed: a folder in a folder, a POST at a URL."""
_AT_ONCE = 8
_SECONDS = 30.0
_MAX_NOTE = 1 << 20


class Log(Files, Protocol):
    """Files that a witness can give its cosignature back to."""

    where: str

    def give(self, key: VerifierKey, cosigned: bytes) -> None:
        """Hand in a checkpoint with the witness's cosignature. Raises Lost, or what the hub answers."""
        ...

    def close(self) -> None: ...


def at(where: str, authority: str | None = None) -> Log:
    """The log at a URL or in a folder. `authority`: PEM of the one that the server's certificate must come from, else
    any that this machine believes. Raises BadInput, NotFound."""
    if where.startswith(("https://", "http://")):
        return Url(where, authority)
    folder = Path(where)
    if not (folder / PENDING).is_file() and not (folder / CHECKPOINT).is_file():
        raise NotFound(
            "no-log-there",
            Text(f"There is no log at {where}.", f"{where} 处没有日志。"),
            Text("Give a folder that `huizhen ledger export` wrote, or the hub's https://HOST:PORT.",
                 "请给出 `huizhen ledger export` 写出的文件夹，或中心地址 https://主机:端口。"),
        )  # fmt: skip
    return Folder(folder)


class Folder:
    """A log in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.where = str(folder)

    def read(self, path: str) -> bytes:
        try:
            with (self._folder / path).open("rb") as file:
                return file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise no_such_file(path) from error

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | HuizhenError]:
        for path in paths:
            try:
                yield self.read(path)
            except NotFound as error:
                yield error

    def give(self, key: VerifierKey, cosigned: bytes) -> None:
        try:
            _write(self._folder / COSIGNED / key.key_id.hex(), cosigned)
        except OSError as error:
            raise Lost(
                "cosignature-not-left",
                Text(f"Nothing can be written to {self._folder / COSIGNED}.", f"无法写入 {self._folder / COSIGNED}。"),
                Text("Let this witness write there, or send the trustee what `huizhen witness show --out FILE` writes.",
                     "请允许该见证方写入，或将 `huizhen witness show --out 文件` 的输出交给受托方。"),
            ) from error  # fmt: skip

    def close(self) -> None:
        """Nothing is held open."""


class Url:
    """A log at a URL. What comes is bounded, and trusted as little as a file."""

    def __init__(self, url: str, authority: str | None) -> None:
        context = ssl.create_default_context()
        try:
            if authority is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_verify_locations(cadata=authority)
            parsed = httpx.URL(url)
            base = url.rstrip("/") + ("" if parsed.path.strip("/") else "/ledger")
            self._client = httpx.Client(base_url=base, verify=context, timeout=httpx.Timeout(_SECONDS, connect=10.0))
        except (ssl.SSLError, httpx.InvalidURL, ValueError) as error:
            raise BadInput(
                "bad-log-address",
                Text("This is not the address of a log.", "日志地址无效。"),
                Text("Write https://HOST:PORT, or https://HOST/PATH of a copy.",
                     "请写成 https://主机:端口，或副本的 https://主机/路径。"),
            ) from error  # fmt: skip
        self.where = base

    def read(self, path: str) -> bytes:
        most, data = LARGEST_FILE if path.startswith("tile/") else _MAX_NOTE, bytearray()
        try:
            with self._client.stream("GET", f"/{path}", headers={"Accept-Encoding": "gzip, identity"}) as heard:
                if heard.status_code == httpx.codes.NOT_FOUND:
                    raise no_such_file(path)
                if heard.status_code != httpx.codes.OK:
                    raise self._lost(f"status {heard.status_code}")
                for part in heard.iter_bytes():
                    data += part
                    if len(data) > most:
                        raise self._lost("too much")
        except httpx.HTTPError as error:
            raise self._lost(type(error).__name__) from error
        return bytes(data)

    def _lost(self, why: str) -> Lost:
        return Lost(
            "log-not-reached",
            Text(f"{self.where} does not answer as a log does ({why}).", f"{self.where} 未按日志应答（{why}）。"),
            Text("Check the address, the network, the proxy (HTTPS_PROXY), the certificate, and that the hub is up.",
                 "请检查地址、网络、代理（HTTPS_PROXY）、证书以及中心是否在运行。"),
        )  # fmt: skip

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | HuizhenError]:
        """Some are under way at once. Raises Lost."""
        waiting: deque[Future[bytes]] = deque()
        asked = iter(paths)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="huizhen-log") as pool:
            try:
                while True:
                    while len(waiting) < 2 * _AT_ONCE and (path := next(asked, None)) is not None:
                        waiting.append(pool.submit(self.read, path))
                    if not waiting:
                        return
                    try:
                        yield waiting.popleft().result()
                    except NotFound as error:
                        yield error
            finally:
                for each in waiting:
                    each.cancel()

    def give(self, key: VerifierKey, cosigned: bytes) -> None:  # noqa: ARG002
        try:
            heard = self._client.post(f"/{COSIGNED}", content=cosigned)
        except httpx.HTTPError as error:
            raise self._lost(type(error).__name__) from error
        if heard.is_success:
            return
        try:
            said = from_wire(heard.json()["error"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._lost(f"status {heard.status_code}") from error
        raise said

    def close(self) -> None:
        self._client.close()


def left(folder: Path) -> Iterator[bytes]:
    """What witnesses have left in a folder."""
    for path in sorted((folder / COSIGNED).glob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path.read_bytes()[:_MAX_NOTE]


def export(files: Files, folder: Path, say: Callable[[int, int], None]) -> Checkpoint:
    """Write the files of a log to a folder; what is there already stays. Each file appears whole, and the checkpoints
    last, so that a reader at any moment finds a log. Raises Refused where the folder holds another or a longer one.
    """
    shown = files.read(PENDING)
    new = _point(shown)
    old, after = _there(folder), None
    if old is not None:
        _check_goes_on(files, old, new)
    tiles = list(tiles_between(0 if old is None else old.size, new.size))
    for done, (tile, data) in enumerate(zip(tiles, files.read_all(t.path for t in tiles), strict=True), 1):
        if isinstance(data, HuizhenError):
            raise data
        _write(folder / tile.path, data, durable=False)
        if done % WIDTH == 0 or done == len(tiles):
            say(done, len(tiles))
    if files_tree(Folder(folder), new.size).root() != new.root:
        raise Tampered(
            "export-not-signed",
            Text("What was written does not give the root that the hub signed.", "写出的内容得不出中心签署的根哈希。"),
            Text("Run `huizhen ledger verify`; export to an empty folder if it holds.",
                 "请运行 `huizhen ledger verify`；若账本完好，请导出到空文件夹。"),
        )  # fmt: skip
    os.sync()
    _write(folder / PENDING, shown)
    try:
        after = files.read(CHECKPOINT)
    except NotFound:
        return new
    _write(folder / CHECKPOINT, after)
    for tile in tiles:
        if tile.width == WIDTH and tile.level >= ENTRIES:
            _remove_partial(folder / f"{tile.path}.p")
    return new


def _there(folder: Path) -> Checkpoint | None:
    path = folder / PENDING
    return _point(path.read_bytes()) if path.is_file() else None


def _check_goes_on(files: Files, old: Checkpoint, new: Checkpoint) -> None:
    same = old.origin == new.origin and old.size <= new.size
    if not same or (old.size and files_tree(files, new.size).root(old.size) != old.root):
        raise Refused(
            "export-elsewhere",
            Text("The folder holds another ledger, or one that this one does not go on from.",
                 "该文件夹中是另一个账本，或此账本并非其延续。"),
            Text("Export to an empty folder; keep the old one: it may be evidence.",
                 "请导出到空文件夹；并保留旧文件夹，它可能是证据。"),
        )  # fmt: skip


def _point(data: bytes) -> Checkpoint:
    return Checkpoint.parse(note.parse_note(data).text)


def _write(path: Path, data: bytes, durable: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    with new.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    new.replace(path)


def _remove_partial(folder: Path) -> None:
    """Partial tiles whose full one is there."""
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
