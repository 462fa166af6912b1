"""up: hub and nodes of a region as processes of their own on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from huizhen.cli import nursery
from huizhen.cli.common import RegionOption
from huizhen.cli.network import PORT
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import Conflict, HuizhenError, Lost, NotFound
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.hub.hub import Hub

_TICK = 0.1
_PATIENCE = 60.0
"""Seconds in which the hub has to listen."""
_GRACE = 30.0
_CONNECTED = ("connected; waiting for mail", ": co-signed ")
_KEPT = 20
"""Last lines of a process that are kept to say why it ended."""


@dataclass
class Child:
    """A process of the region. `connected` once a node has said so."""

    name: str
    process: subprocess.Popen[str] | nursery.Forked
    lines: list[str] = field(default_factory=list)
    connected: bool = False
    told: bool = False

    def listen(self, out: IO[str]) -> None:
        """Take in what it prints, until it ends."""
        for line in out:
            self.lines.append(line.rstrip())
            del self.lines[:-_KEPT]
            self.connected = self.connected or any(word in line for word in _CONNECTED)


def _words(words: Sequence[str | Path]) -> list[str]:
    return ["--lang", "en", *map(str, words)]


def _start(name: str, *words: str | Path) -> Child:
    """Run a command of ours in a session of its own, so that Ctrl-C reaches it through us only."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "huizhen.cli", *_words(words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    assert process.stdout is not None
    return _listening(Child(name, process), process.stdout)


def _fork(name: str, *words: str | Path) -> Child:
    """The same as a fork of what has loaded already."""
    process = nursery.Forked(*_words(words))
    return _listening(Child(name, process), process.out)


def _listening(child: Child, out: IO[str]) -> Child:
    threading.Thread(target=child.listen, args=(out,), name=f"huizhen-up-{child.name}", daemon=True).start()
    return child


def equip(hub: Hub, region: Path, names: Sequence[str], url: str, nats: str | None = None) -> None:
    """Give every node of the region what an enrolled one has: a TLS key, a certificate, the hub's address, and that of
    NATS if messages go by it."""
    import yaml
    from sqlalchemy import update

    from huizhen.adapters import certificates
    from huizhen.adapters import database as db
    from huizhen.hub.server import authority_of
    from huizhen.model.connection import Connection
    from huizhen.node.join import CA, CERTIFICATE, CONNECTION, TLS_KEY

    authority, now = authority_of(hub), hub.clock()
    hub.touch()
    for name in names:
        folder = region / "nodes" / name
        key = certificates.new_key(folder / TLS_KEY)
        pem = authority.issue(name, certificates.request_certificate(name, key), now)
        certificates.write_private(folder / CA, authority.pem)
        certificates.write_private(folder / CERTIFICATE, pem)
        chosen = yaml.safe_dump(Connection(hub=url, nats=nats).as_json(), sort_keys=False)
        (folder / CONNECTION).write_text(chosen, encoding="utf-8")
        digest = certificates.key_digest(certificates.der(pem))
        with hub.store.record() as record:
            record.connection.execute(update(db.node).where(db.node.c.name == name).values(tls_key=digest))


WITNESS = "witness"
"""Folder of the region's own witness; it is beside the hub, so it shows how one is run and vouches for little."""


def equip_witness(hub: Hub, region: Path, url: str) -> Path:
    """A witness of the region, made and enrolled the first time."""
    from huizhen.hub.log import Log
    from huizhen.hub.server import authority_of
    from huizhen.model.following import Following
    from huizhen.witness.witness import Witness, write_settings

    home, authority = region / WITNESS, authority_of(hub).pem.decode()
    chosen = Following(name=f"witness-{hub.origin[-8:]}", hub=hub.vkey, log=url, authority=authority)
    if home.exists():
        write_settings(home, chosen)
    else:
        made = Witness.create(home, chosen)
        Log(hub).enrol(made.key.vkey)
        made.close()
    return home


def up(
    region: RegionOption,
    port: Annotated[int, typer.Option("--port", metavar="N", min=1, max=65535, help="Port of the hub.")] = PORT,
) -> None:
    """Run a region as real processes on this machine: one for the hub, one for each node, and a witness, until Ctrl-C.
    They speak over TLS as they would between machines. Afterwards the region is a folder again.

    Example: `huizhen up --region demo`
    """
    from huizhen.cli.network import opened_hub
    from huizhen.cli.region import check_there, node_names

    check_there(region)
    url = f"https://localhost:{port}"
    with opened_hub(region, None) as hub:
        enrolled = set(hub.store.node_keys())
        names = [name for name in node_names(region) if name in enrolled]
        if not names:
            raise NotFound(
                "no-nodes",
                Text(f"The region {region} has no node.", f"区域 {region} 中没有节点。"),
                Text("Add some with `huizhen node add`.", "请用 `huizhen node add` 添加。"),
            )
        equip(hub, region, names, url)
        home = equip_witness(hub, region, url)
    stop = threading.Event()
    before = {s: signal.signal(s, lambda *_: stop.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    children: list[Child] = []
    try:
        nursery.begin()
        children.append(_start("hub", "hub", "serve", "--region", region, "--listen", f"127.0.0.1:{port}"))
        _wait_for_hub(children[0], port, stop)
        VOICE.say(f"hub: process {children[0].process.pid} at {url}", f"中心：进程 {children[0].process.pid}，{url}")
        for name in names:
            if not stop.is_set():
                children.append(_fork(name, "node", "run", name, "--home", region))
        if not stop.is_set():
            children.append(_fork(WITNESS, "witness", "run", "--home", home))
        _watch(children, url, region, stop)
    finally:
        _end(children)
        for number, handler in before.items():
            signal.signal(number, handler)
    VOICE.say("All have stopped; the region is a folder again.", "全部已停止；区域恢复为文件夹。")


def _wait_for_hub(hub: Child, port: int, stop: threading.Event) -> None:
    """Until it listens. Raises Lost with its last words where it ends before."""
    import socket

    until = time.monotonic() + _PATIENCE
    while not stop.wait(_TICK):
        if hub.process.poll() is not None or time.monotonic() > until:
            raise _ended(hub)
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            continue
        if any("Serving" in line for line in hub.lines):
            return


def _watch(children: Sequence[Child], url: str, region: Path, stop: threading.Event) -> None:
    """Tell who is connected, and who has ended, until it is time to stop. Raises Lost when the hub has ended."""
    nodes, announced = [c for c in children[1:] if c.name != WITNESS], False
    while not stop.wait(_TICK):
        if children[0].process.poll() is not None:
            raise _ended(children[0])
        for child in children[1:]:
            _tell(child)
        there = sum(c.connected for c in nodes)
        if not announced and nodes and there == len(nodes):
            announced = True
            VOICE.say(f"All {there} nodes are connected. Ctrl-C stops everything.",
                      f"{there} 个节点均已连接。按 Ctrl-C 停止全部。")  # fmt: skip
            VOICE.aside(
                f"To ask: huizhen hub token add NAME --role asker --out FILE --region {region}; then "
                f"huizhen study run STUDY.yaml --hub {url} --token FILE",
                f"提问：huizhen hub token add 名称 --role asker --out 文件 --region {region}，然后 "
                f"huizhen study run STUDY.yaml --hub {url} --token 文件",
            )


def _tell(child: Child) -> None:
    """One line when a node is connected or the witness has co-signed, and one when it has ended."""
    if child.connected and not child.told:
        child.told = True
        does = Text("co-signs", "已联署") if child.name == WITNESS else Text("connected", "已连接")
        VOICE.say(f"{child.name}: process {child.process.pid}, {does.en}",
                  f"{child.name}：进程 {child.process.pid}，{does.zh}")  # fmt: skip
    code = child.process.poll()
    if code is not None and child.name:
        last = child.lines[-1] if child.lines else ""
        VOICE.say(f"{child.name} has ended ({code}). {last}", f"{child.name} 已退出（{code}）。{last}", "red")
        child.name = ""


def _ended(hub: Child) -> HuizhenError:
    said = " ".join(hub.lines[-2:])
    if "port-not-free" in said or "hub-runs-already" in said:
        return Conflict("hub-not-started", Text(said, f"中心未能启动：{said}"), Text("See above.", "见上文。"))
    return Lost(
        "hub-ended",
        Text(f"The hub has ended. {said}", f"中心已退出。{said}"),
        Text("Run `huizhen doctor --region DIR`, then try again.", "请运行 `huizhen doctor --region 文件夹` 后重试。"),
    )


def _end(children: Sequence[Child]) -> None:
    """Stop nodes first, then the hub, which seals its files; kill what does not end."""
    for group in (children[1:], children[:1]):
        for child in group:
            if child.process.poll() is None:
                child.process.terminate()
        until = time.monotonic() + _GRACE
        for child in group:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.1, until - time.monotonic()))
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()
