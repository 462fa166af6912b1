"""What `huizhen doctor` looks at where a region has NATS: its configuration, the server, TLS, JetStream, room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from huizhen.cli.checkup import Found
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.nats_config import Plan
    from huizhen.adapters.nats_probe import Probe
    from huizhen.hub.hub import Hub

_FULL = 0.8
_OLDEST = (2, 9)


def look(hub: Hub) -> Iterator[Found]:
    """Nothing for a region without NATS. Raises what the hub's files raise."""
    from huizhen.adapters.nats_probe import probe
    from huizhen.hub import nats
    from huizhen.hub.server import authority_of

    plan = nats.plan_of(hub)
    if plan is None:
        return
    yield _written(hub)
    host, port = plan.names[0], int(plan.listen.rpartition(":")[2])
    found = probe(host, port, nats.context_of(hub, authority_of(hub)))
    yield from _served(found, host, port, hub, plan)


def _written(hub: Hub) -> Found:
    """Whether the configuration names everyone who is admitted, with the present key, and nobody else."""
    from huizhen.adapters import nats_config
    from huizhen.hub import nats

    conf = nats.folder_of(hub) / nats_config.SERVER_CONF
    text = conf.read_text(encoding="utf-8") if conf.exists() else ""
    nodes = nats.admitted(hub)
    astray = sorted({n for n, key in nodes.items() if f'"CN={n}"' not in text or key not in text})
    astray += sorted(nats_config.users(text) - set(nodes))
    return Found(
        bool(text) and not astray,
        Text(f"NATS: {conf} names {len(nodes)} nodes, as admitted", f"NATS：{conf} 列有 {len(nodes)} 个获准节点")
        if text and not astray
        else Text(f"NATS: {conf} is not of the present region ({', '.join(astray[:5]) or 'missing'})",
                  f"NATS：{conf} 与当前区域不符（{'、'.join(astray[:5]) or '缺失'}）"),
        Text("Write it anew with `huizhen hub nats-config`, then reload the server.",
             "请用 `huizhen hub nats-config` 重新生成，并让服务器重新加载。"),
    )  # fmt: skip


def _served(found: Probe, host: str, port: int, hub: Hub, plan: Plan) -> Iterator[Found]:
    """What the server is found to be; what stops the search is the last of it."""
    from huizhen.adapters.nats_probe import fill
    from huizhen.hub import nats

    where, folder = f"{host}:{port}", nats.folder_of(hub)
    yield Found(
        found.answers,
        Text(f"NATS: a server answers at {where}", f"NATS：{where} 有服务器应答")
        if found.answers
        else Text(f"NATS: nothing answers at {where}", f"NATS：{where} 无应答"),
        Text(f"Start it: cd {folder} && nats-server -c nats.conf; else check the firewall between.",
             f"请启动：cd {folder} && nats-server -c nats.conf；否则请检查中间的防火墙。"),
    )  # fmt: skip
    if not found.answers:
        return
    ours = found.problem is None and bool(found.version)
    said = Text("no session came about", "未能建立会话") if found.problem is None else found.problem
    yield Found(
        ours,
        Text(f"NATS: TLS under the region's authority, and the hub is let in (server {found.version})",
             f"NATS：TLS 证书属于本区域，中心可接入（服务器 {found.version}）")
        if ours
        else Text(f"NATS server: {said.en}", f"NATS 服务器：{said.zh}"),
        Text(f"Start the server in {folder}, with the configuration and certificates there; reload it after a change.",
             f"请在 {folder} 内用其中的配置与证书启动服务器；更改后请重新加载。"),
    )  # fmt: skip
    if not ours:
        return
    old = tuple(int(x) for x in found.version.split(".")[:2] if x.isdecimal()) < _OLDEST
    yield Found(
        not old and found.forbidden is None,
        Text("NATS: the hub may say and hear what it has to", "NATS：中心的收发权限齐全")
        if not old and found.forbidden is None
        else Text(f"NATS: server {found.version} is older than 2.9", f"NATS：服务器 {found.version} 早于 2.9")
        if old
        else Text(f"NATS server: {found.forbidden.en if found.forbidden else ''}",
                  f"NATS 服务器：{found.forbidden.zh if found.forbidden else ''}"),
        Text("Use nats-server 2.9 or newer, with the configuration that `huizhen hub nats-config` writes.",
             "请使用 nats-server 2.9 或更新版本，并采用 `huizhen hub nats-config` 生成的配置。"),
    )  # fmt: skip
    yield Found(
        found.jetstream,
        Text("NATS: JetStream is on", "NATS：JetStream 已启用")
        if found.jetstream
        else Text("NATS: JetStream does not answer", "NATS：JetStream 无应答"),
        Text("It is off in that server, or its disk is full: use the nats.conf of the region, and make room.",
             "该服务器未启用 JetStream，或其磁盘已满：请使用本区域的 nats.conf，并清理磁盘。"),
    )  # fmt: skip
    if not found.jetstream:
        return
    full, some = fill(found.streams), bool(found.streams)
    room = plan.limits.disk_bytes >= sum(h.limit for h in found.streams.values())
    yield Found(
        full < _FULL and room,
        Text(f"NATS: its streams are {100 * full:.0f} % full" if some else "NATS: the hub will make its streams",
             f"NATS：数据流已用 {100 * full:.0f} %" if some else "NATS：数据流将由中心建立"),
        Text("Start the nodes whose mail lies there, or give the streams more: `huizhen hub nats-config` and disk.",
             "请启动信件积压的节点，或增大数据流上限：`huizhen hub nats-config` 及磁盘。"),
    )  # fmt: skip
