"""A region: a hub and its nodes in one folder, put together in one process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from huizhen.adapters.held import is_held
from huizhen.adapters.local import Handler, LocalFederation
from huizhen.hub.caller import OWNER
from huizhen.hub.desk import Desk
from huizhen.hub.hub import Hub
from huizhen.kit.clock import Clock, utc_now
from huizhen.kit.errors import Conflict, NotFound, Tampered
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text, did_you_mean

if TYPE_CHECKING:
    from huizhen.adapters.engine import Engine
    from huizhen.ledger.note import VerifierKey
    from huizhen.ledger.story import WitnessCopy
    from huizhen.model.statement import Statement
    from huizhen.node.agent import Agent
    from huizhen.path.run import Progress, Road


def node_names(region: Path) -> list[str]:
    """The nodes of a region by their folders, in order of name; what is still being made has a dot before its name."""
    nodes = region / "nodes"
    if not nodes.exists():
        return []
    return sorted(entry.name for entry in os.scandir(nodes) if entry.is_dir() and not entry.name.startswith("."))


class Region:
    """Opened on its folder: `hub/` and `nodes/NAME/`. Agents are opened when they are first spoken to."""

    def __init__(self, folder: Path, clock: Clock = utc_now) -> None:
        self.folder = folder
        self.clock = clock
        self.hub = Hub(folder / "hub", clock)
        self._agents: dict[str, Agent] = {}
        self._federation: LocalFederation | None = None

    def names(self) -> list[str]:
        return node_names(self.folder)

    def agent(self, name: str) -> Agent:
        """The node's agent, opened at the first call. Raises NotFound."""
        if name not in self._agents:
            self._agents[name] = self._open(name)
        return self._agents[name]

    def _open(self, name: str) -> Agent:
        from huizhen.node.agent import Agent

        if name not in self.names():
            hint = did_you_mean(name, self.names())
            raise NotFound(
                "unknown-node",
                Text(f"There is no node '{name}'{hint.en}.", f"没有节点“{name}”{hint.zh}。"),
                Text(
                    f"The nodes are: {', '.join(self.names()) or 'none yet; add one with `huizhen node add`'}.",
                    f"现有节点：{'、'.join(self.names()) or '暂无，请用 `huizhen node add` 添加'}。",
                ),
            )
        return Agent(self.folder / "nodes" / name, self.clock, self._engine)

    @cached_property
    def _engine(self) -> Engine:
        """One DuckDB for the nodes there are now; one that is added later has its own."""
        from huizhen.adapters.engine import Engine

        return Engine([self.folder / "nodes" / name / "node.duckdb" for name in self.names()])

    def _handler(self, name: str) -> Handler:
        return lambda data: self.agent(name).handle(data)

    def road(self, progress: Progress = lambda _step, _text: None) -> Road:
        if self.is_served():
            raise Conflict(
                "region-is-served",
                Text(f"A hub that runs serves {self.folder}.", f"运行中的中心正在为 {self.folder} 提供服务。"),
                Text("Ask that hub: --hub URL --token FILE. Or stop it first.",
                     "请向该中心提问：--hub URL --token 文件；或先停止它。"),
            )  # fmt: skip
        if self._federation is None:
            self._federation = LocalFederation({name: self._handler(name) for name in self.names()})
        return self.hub.road(self._federation, progress)

    @cached_property
    def desk(self) -> Desk:
        return Desk(self.hub, self.road)

    def is_served(self) -> bool:
        """Whether a program serves this region from its folder: then its nodes are programs, too."""
        return is_held(self.folder / "tls" / "serve.lock")

    def announce(self, said: Statement) -> None:
        """What a node of this region has to say to its hub."""
        self.desk.announce(OWNER, said)

    def witness(self) -> None:
        """After a change outside a study: sign the ledger and have every node co-sign it. Where a hub runs, it will."""
        if self.names() and not self.is_served():
            self.road().witness()

    def close(self) -> None:
        if self._federation is not None:
            self._federation.close()
        for agent in self._agents.values():
            agent.close()
        self.hub.close()


KEY_BYTES = 32


@contextmanager
def opened(folder: Path) -> Iterator[Region]:
    """Raises NotFound where there is no region, Tampered where a file of the hub's is gone or no longer what it was."""
    key, database = folder / "hub" / "hub.key", folder / "hub" / "hub.sqlite"
    for path, other in ((key, database), (database, key)):
        if other.exists() and not path.exists():
            raise Tampered(
                "file-missing",
                Text(f"{path} is missing.", f"缺少 {path}。"),
                Text("Restore it from a backup.", "请从备份恢复。"),
            )
    if key.exists() and key.stat().st_size != KEY_BYTES:
        raise Tampered(
            "key-damaged",
            Text(f"{key} is not a key any more.", f"{key} 已不是有效密钥。"),
            Text("Restore it from a backup.", "请从备份恢复。"),
        )
    region = Region(folder)
    try:
        yield region
    finally:
        region.close()


def check_there(folder: Path) -> None:
    """Raises NotFound where there is no region."""
    if not (folder / "hub").is_dir():
        raise NotFound(
            "no-region",
            Text(f"There is no region at {folder}.", f"{folder} 处没有区域。"),
            Text("Make one with `huizhen init --region DIR`.", "请先运行 `huizhen init --region DIR`。"),
        )


def trusted(folder: Path) -> tuple[VerifierKey, list[WitnessCopy]]:
    """What the hospitals themselves keep: the hub's key as each pinned it, their own keys and last checkpoints."""
    from huizhen.adapters.node_book import NodeBook
    from huizhen.ledger.note import COSIGNATURE, VerifierKey
    from huizhen.ledger.story import WitnessCopy

    pinned, copies = set(), []
    for node in (folder / "nodes" / name for name in node_names(folder)):
        key = SigningKey((node / "identity.key").read_bytes())
        book = NodeBook(node / "node.sqlite", b"\0" * 32)
        pinned.add(book.get("hub_vkey") or "")
        seen = book.get("checkpoint")
        book.close()
        copies.append(
            WitnessCopy(VerifierKey(node.name, COSIGNATURE, key.public), None if seen is None else seen.encode())
        )
    if not copies:
        raise NotFound(
            "no-witness",
            Text("There is no hospital yet whose copy could vouch for the ledger.", "尚无医院可为账本作证。"),
            Text("Add nodes with `huizhen node add`.", "请用 `huizhen node add` 添加节点。"),
        )
    if len(pinned) > 1:
        raise Tampered(
            "hub-key-disputed",
            Text("The hospitals do not hold the same key of the hub.", "各医院保存的中心公钥不一致。"),
            Text("Compare hub_vkey in each node.sqlite; trust none until they agree.",
                 "请核对各 node.sqlite 中的 hub_vkey；一致之前均不可信。"),
        )  # fmt: skip
    return VerifierKey.parse(pinned.pop()), copies
