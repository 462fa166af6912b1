"""The trustee's program on its folder: hub.sqlite, hub.key, seal.json. It knows studies and money, and no person."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from huizhen.adapters import seal
from huizhen.adapters.database import migrate, open_engine
from huizhen.adapters.hub_store import SqlStore
from huizhen.kit.clock import Clock, utc_now
from huizhen.kit.errors import Conflict, NotFound, Refused, Tampered
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text
from huizhen.model.dataset import Dataset
from huizhen.model.settings import RegionSettings
from huizhen.model.statement import Statement
from huizhen.path.ports import Federation
from huizhen.path.witness import hub_key

if TYPE_CHECKING:
    from huizhen.path.run import Progress, Road


class Hub:
    """An open hub. `database` is a PostgreSQL URL where the embedded file is not enough."""

    def __init__(self, folder: Path, clock: Clock = utc_now, database: str | None = None) -> None:
        if not (folder / "hub.key").exists():
            raise NotFound(
                "no-region",
                Text(f"There is no region at {folder.parent}.", f"{folder.parent} 处没有区域。"),
                Text("Make one with `huizhen init --region DIR`.", "请先运行 `huizhen init --region DIR`。"),
            )
        self.folder = folder
        self.clock = clock
        self.key = SigningKey((folder / "hub.key").read_bytes())
        self._presence = seal.Presence(folder)
        self.engine = open_engine(database or str(folder / "hub.sqlite"))
        self.store = SqlStore(self.engine, clock)
        self._touched = False
        self._witnessing = Lock()

    @classmethod
    def create(cls, folder: Path, settings: RegionSettings, clock: Clock = utc_now, database: str | None = None) -> Hub:
        """A new hub: its key, its tables, entry 0 of its ledger."""
        if folder.exists():
            raise Conflict(
                "region-exists",
                Text(f"There is a region at {folder.parent} already.", f"{folder.parent} 处已有区域。"),
                Text("Choose another folder, or go on with this one.", "请换一个文件夹，或继续使用该区域。"),
            )
        folder.mkdir(parents=True, mode=0o700)
        seed = os.urandom(32)
        (folder / "hub.key").touch(mode=0o600)
        (folder / "hub.key").write_bytes(seed)
        engine = open_engine(database or str(folder / "hub.sqlite"))
        migrate(engine)
        engine.dispose()
        hub = cls(folder, clock, database)
        hub.touch()
        origin = f"huizhen-region-{SigningKey(seed).public.hex()[:16]}"
        with hub.store.record() as record:
            record.put_meta("origin", origin)
            record.put_meta("settings", json.dumps(settings.as_json()))
            record.evidence("region-created", "hub", origin, {"settings": settings.as_json()}, key=hub.key.public.hex())
        return hub

    @property
    def origin(self) -> str:
        return self.store.meta("origin") or ""

    @property
    def vkey(self) -> str:
        return hub_key(self.origin, self.key.public).vkey

    def touch(self) -> None:
        """Call before the first write: takes the seal off until `close`. Raises Tampered where it is broken."""
        if self._touched:
            return
        self.store.close()  # a file that is read aside loses the locks that SQLite has on it in this process
        broken = seal.broken(self.folder, self.key.public)
        if broken:
            raise Tampered(
                "seal-broken",
                Text(" ".join(t.en for t in broken), "".join(t.zh for t in broken)),
                Text(
                    "Run `huizhen ledger verify`; write nothing more until it is clear what happened.",
                    "请运行 `huizhen ledger verify`；查明原因之前不要再写入。",
                ),
            )
        seal.unseal(self.folder)
        self._touched = True

    def close(self) -> None:
        """Close the database; seal what was written, unless another command still has the hub open and will. Closed
        twice is closed."""
        self.store.close()
        if self._touched and self._presence.alone():
            seal.seal(self.folder, self.key)
        self._touched = False
        self._presence.leave()

    def road(self, federation: Federation, progress: Progress) -> Road:
        """The main road. What it needs is imported here: whoever only reads the hub starts at once."""
        from huizhen.path.run import Road
        from huizhen.privacy.noise import OpenDpNoise

        self.touch()
        return Road(
            self.store, federation, self.key, self.origin, self.clock, OpenDpNoise(), progress, self._witnessing
        )

    # -- what becomes known of nodes

    def enrol(self, name: str, key: bytes) -> None:
        self.touch()
        with self.store.record() as record:
            record.add_node(name, key.hex())
            record.evidence("node-enrolled", "hub", name, {}, key=key.hex())

    def announce(self, said: Statement) -> None:
        """Record what a node says of itself, with its signature; a statement that is there already is left as it is.

        Raises Refused for one that is older than the last.
        """
        self.touch()
        with self.store.record() as record:
            last, digest = record.last_said(said.node)
            if (said.number, said.digest()) == (last, digest):
                return
            if said.number <= last:
                raise Refused(
                    "statement-old",
                    Text(f"Node {said.node} has said something newer since.", f"节点 {said.node} 此后已有更新的声明。"),
                    Text("Restore the node's own book, or set its clock right.", "请恢复该节点的账簿，或校准其时钟。"),
                )
            record.put_said(said)
            documents: dict[str, Any] = {"statement": said.as_json()}
            if said.kind == "dataset-registered":
                card = Dataset.read(said.body["card"])
                record.put_card(card)
                documents["card"] = card.as_json()
                record.evidence(said.kind, said.node, card.name, documents, rows=card.rows)
            else:
                record.evidence(said.kind, said.node, said.node, documents, **said.body)
            if said.kind == "data-deleted":
                marks = [*self.store.deleted(said.node), said.body["tombstone"]]
                record.put_meta(f"deleted:{said.node}", json.dumps(list(dict.fromkeys(marks))))
