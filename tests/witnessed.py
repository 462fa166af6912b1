"""A hub's published ledger in memory, honest or not, for witnesses and for whoever verifies from files alone."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.adapters.log_table import no_such_file
from huizhen.kit.clock import stamp
from huizhen.kit.errors import HuizhenError, NotFound
from huizhen.ledger import checkpoint as cp
from huizhen.ledger.checkpoint import Checkpoint, SignedCheckpoint
from huizhen.ledger.merkle import Tree, leaf_hash
from huizhen.ledger.note import COSIGNATURE, ED25519, VerifierKey
from huizhen.ledger.tiles import CHECKPOINT, ENTRIES, PENDING, WIDTH, encode_bundle, fold, tile_of, tiles_between
from huizhen.model.evidence import Evidence
from huizhen.model.following import Following
from huizhen.witness.witness import Witness

ORIGIN = "hub.example/region"
HUB = Ed25519PrivateKey.from_private_bytes(b"h" * 32)
HUB_KEY = VerifierKey.of(ORIGIN, ED25519, HUB)
OUTSIDE = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)) for name in ("auditor", "regulator")}
OUTSIDE_KEYS = {name: VerifierKey.of(name, COSIGNATURE, private) for name, private in OUTSIDE.items()}
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
AT = START + timedelta(days=1)
"""When witnesses look."""


def entry(number: int, kind: str = "node-refused", branch: str = "") -> bytes:
    """A leaf; `branch` tells one history from another."""
    kind = "region-created" if number == 0 else kind
    at = stamp(START + timedelta(seconds=number))
    return Evidence(at_utc=at, kind=kind, actor="hub", subject=f"about{branch}", facts={"round": number}).canonical()


@dataclass
class Published:
    """Files by path. `handed` is what witnesses gave back."""

    leaves: list[bytes] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    handed: list[bytes] = field(default_factory=list)
    where: str = "memory"

    def grow(self, count: int, branch: str = "") -> Published:
        self.leaves += [entry(i, branch=branch) for i in range(len(self.leaves), len(self.leaves) + count)]
        return self.publish()

    def branch(self, size: int) -> Published:
        """The same ledger as far as `size`, to go on otherwise."""
        return Published(self.leaves[:size])

    def tree(self) -> Tree:
        return Tree(leaf_hash(leaf) for leaf in self.leaves)

    def signed(self, size: int | None = None) -> SignedCheckpoint:
        tree, size = self.tree(), len(self.leaves) if size is None else size
        return cp.open_signed(cp.sign(Checkpoint(ORIGIN, size, tree.root(size)), HUB), HUB_KEY)

    def publish(self, *witnesses: str, at_unix_s: int = int(AT.timestamp())) -> Published:
        """All files anew, the checkpoint with the cosignatures of these."""
        levels = [b"".join(leaf_hash(leaf) for leaf in self.leaves)]
        while len(levels[-1]) >= 32 * WIDTH:
            below = levels[-1]
            levels.append(b"".join(fold(below[i : i + 8192]) for i in range(0, len(below) // 8192 * 8192, 8192)))
        for tile in tiles_between(0, len(self.leaves)):
            first, end = tile.number * WIDTH, tile.number * WIDTH + tile.width
            if tile.level == ENTRIES:
                self.files[tile.path] = encode_bundle(self.leaves[first:end])
            else:
                self.files[tile.path] = levels[tile.level][32 * first : 32 * end]
        signed = self.signed()
        lines = [cp.cosign(signed, name, OUTSIDE[name], at_unix_s) for name in witnesses]
        note = cp.with_cosignatures(signed, lines, OUTSIDE_KEYS.values())
        self.files[PENDING] = self.files[CHECKPOINT] = note
        return self

    def path_of(self, level: int, index: int = 0) -> str:
        return tile_of(level, index, len(self.leaves)).path

    # -- as a log

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise no_such_file(path)
        return self.files[path]

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | HuizhenError]:
        for path in paths:
            try:
                yield self.read(path)
            except NotFound as error:
                yield error

    def give(self, key: VerifierKey, cosigned: bytes) -> None:
        cp.open_signed(cosigned, HUB_KEY, [key])
        self.handed.append(cosigned)

    def close(self) -> None:
        """Nothing is open."""


class Clock:
    def __init__(self, now: datetime = AT) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def make_witness(folder: Path, clock: Callable[[], datetime], name: str = "auditor", log: str | None = None) -> Witness:
    return Witness.create(folder, Following(name=name, hub=HUB_KEY.vkey, log=log, every_seconds=0.1), clock)


class Web:
    """Serves files over HTTP and takes cosignatures. `taken` is called with each before it is answered."""

    def __init__(self, published: Published, taken: Callable[[bytes], None] = lambda _body: None) -> None:
        outer = self
        self.published = published

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                data = outer.published.files.get(self.path.removeprefix("/ledger/"))
                self._answer(404 if data is None else 200, data or b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken(body)
                outer.published.handed.append(body)
                self._answer(200, b"{}")

            def _answer(self, status: int, data: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
