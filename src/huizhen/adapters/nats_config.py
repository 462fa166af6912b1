"""The configuration of a region's NATS servers: who may connect, and the few subjects that each may use.

Identity is the node's TLS certificate of the region's own authority, the one with which it also meets the hub: the name
in it is the user (`verify_and_map`), and its key must be among those that the hub has on record (`pinned_certs`), so a
certificate that was replaced or revoked does not connect although its dates still hold. Keys derived from the nodes'
identity keys (NKeys) would be a second secret to hand over, and signing a server's nonce with the identity key itself
would let a server choose what that key signs.

Revocation is this file written anew and the server told to read it: it then closes what is no longer permitted. The
syntax is that of nats-server 2.9.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from huizhen.adapters import certificates
from huizhen.adapters import nats_subjects as subjects
from huizhen.adapters.certificates import CA_FILE, SERVER_FILE, SERVER_KEY, Authority, write_private
from huizhen.adapters.nats_subjects import Permissions

HUB, LEAF = ":hub", ":leaf"
"""Names in the certificates of the hub's processes and of the leaf server; a colon is in no node's name."""
ACCOUNT = "region"
SERVER_CONF, LEAF_CONF, PID_FILE = "nats.conf", "leaf.conf", "nats.pid"
LARGEST_PAYLOAD = 1 << 20
_PENDING = 128 << 20
"""Bytes that wait for one connection before the server takes it for dead."""
_HEAD = """\
# Written by `huizhen hub nats-config`; write it anew rather than changing it.
# Start in this folder: nats-server -c {conf}    After a change: nats-server --signal reload=$(cat nats.pid)
# 由 `huizhen hub nats-config` 生成；请重新生成，勿手工修改。请在本文件夹内启动。
"""


@dataclass(frozen=True)
class Limits:
    """What a server holds. `disk_bytes` is more than the two streams may have together."""

    disk_bytes: int = 12 << 30
    memory_bytes: int = 256 << 20
    connections: int = 4096


def server_conf(nodes: Mapping[str, str], hub: str, leaf: str | None, listen: str, leaf_listen: str,
                behind: Sequence[str], limits: Limits) -> str:  # fmt: skip
    """The hub's server. `nodes`: name -> digest of the TLS key (`certificates.key_digest`), of those that are admitted;
    `hub`, `leaf`: the same of the hub's and the leaf server's own; `behind`: nodes that the leaf server may speak for.
    """
    users = {HUB: subjects.of_hub(), **{n: subjects.of_node(n) for n in sorted(nodes)}}
    if leaf is not None:
        users[LEAF] = subjects.of_leaf(n for n in behind if n in nodes)
    store = f'jetstream {{ store_dir: "jetstream", max_mem: {limits.memory_bytes}, max_file: {limits.disk_bytes} }}\n'
    text = _HEAD.format(conf=SERVER_CONF) + _common("huizhen", listen, limits)
    text += _tls("tls", [hub, *nodes.values()]) + store + _account(users, jetstream=True)
    if leaf is not None:
        text += f"leafnodes {{\n  listen: {_q(leaf_listen)}\n  {_tls('tls', [leaf])}}}\n"
    return text


def leaf_conf(nodes: Mapping[str, str], listen: str, hub_url: str, limits: Limits) -> str:
    """A leaf server for these nodes: they dial it, and it dials the hub's server."""
    users = {n: subjects.of_node(n) for n in sorted(nodes)}
    remote = (
        f"leafnodes {{\n  remotes: [ {{ url: {_q(hub_url)}, account: {ACCOUNT}, "
        f'tls {{ cert_file: "leaf.pem", key_file: "leaf.key", ca_file: "{CA_FILE}", timeout: 5 }} }} ]\n}}\n'
    )
    text = _HEAD.format(conf=LEAF_CONF) + _common("huizhen-leaf", listen, limits)
    return text + _tls("tls", list(nodes.values())) + _account(users, jetstream=False) + remote


def _q(text: str) -> str:
    return json.dumps(text)


def _common(name: str, listen: str, limits: Limits) -> str:
    return (
        f"server_name: {_q(name)}\nlisten: {_q(listen)}\npid_file: {_q(PID_FILE)}\n"
        f"max_payload: {LARGEST_PAYLOAD}\nmax_pending: {_PENDING}\nmax_connections: {limits.connections}\n"
        'write_deadline: "10s"\nping_interval: "5s"\nping_max: 2\n'
    )


def _tls(block: str, keys: Sequence[str]) -> str:
    pinned = ", ".join(map(_q, sorted(keys)))
    return (
        f"{block} {{ cert_file: {_q(SERVER_FILE)}, key_file: {_q(SERVER_KEY)}, ca_file: {_q(CA_FILE)}, "
        f"verify_and_map: true, timeout: 5, pinned_certs: [{pinned}] }}\n"
    )


def _account(users: Mapping[str, Permissions], jetstream: bool) -> str:
    lines = "".join(f"    {_user(name, users[name])}\n" for name in users)
    mapped = ", ".join(f"{_q(name)}: {_q(to)}" for name, to in subjects.MAPPED.items())
    own = f"  jetstream: enabled\n  mappings: {{ {mapped} }}\n" if jetstream else ""
    return f"accounts {{ {ACCOUNT} {{\n{own}  users: [\n{lines}  ]\n}} }}\n"


def _user(name: str, allowed: Permissions) -> str:
    publish, subscribe = (", ".join(map(_q, each)) for each in (allowed.publish, allowed.subscribe))
    return (
        f"{{ user: {_q(f'CN={name}')}, permissions: "
        f"{{ publish: {{ allow: [{publish}] }}, subscribe: {{ allow: [{subscribe}] }} }} }}"
    )


def users(text: str) -> set[str]:
    """The nodes that a configuration admits."""
    return {found for found in re.findall(r'user: "CN=([^"]*)"', text) if not found.startswith(":")}


# -- on a folder


@dataclass(frozen=True)
class Plan:
    """Where the servers are: `names` are hosts or addresses that nodes dial."""

    names: Sequence[str]
    listen: str = "0.0.0.0:4222"
    leaf_names: Sequence[str] = ()
    """None: there is no leaf server."""
    leaf_listen: str = "0.0.0.0:4222"
    leaf_port: int = 7422
    """Where the hub's server expects the leaf server."""
    behind: Sequence[str] | None = None
    """Nodes behind the leaf server; None: any."""
    limits: Limits = Limits()

    def as_json(self) -> dict[str, object]:
        return {k: v for k, v in vars(self).items() if k != "limits"} | {"limits": vars(self.limits)}


def hub_identity(authority: Authority, now: datetime) -> tuple[Path, Path]:
    """Certificate and key with which the hub's processes connect, made where they are missing or end soon."""
    return _identity(authority, authority.folder, HUB, "nats-hub", now)


def _identity(authority: Authority, folder: Path, name: str, file: str, now: datetime) -> tuple[Path, Path]:
    path, key_path = folder / f"{file}.pem", folder / f"{file}.key"
    key = certificates.new_key(key_path)
    if not path.exists() or certificates.ends_soon(path.read_bytes(), now):
        write_private(path, authority.issue(name, certificates.request_certificate(name, key), now))
    return path, key_path


def _digest(certificate: Path) -> str:
    return certificates.key_digest(certificates.der(certificate.read_bytes()))


def write_config(folder: Path, authority: Authority, nodes: Mapping[str, str], plan: Plan, now: datetime) -> list[Path]:
    """Write everything a server needs into `folder`, and what the leaf server needs into `folder`/leaf. Keys and
    certificates that are there and last are kept. Answers the configuration files."""
    hub, _ = hub_identity(authority, now)
    _serving(folder, authority, plan.names, now)
    leaf = None
    behind = tuple(nodes if plan.behind is None else plan.behind)
    written = [folder / SERVER_CONF]
    if plan.leaf_names:
        beside = folder / "leaf"
        _serving(beside, authority, plan.leaf_names, now)
        leaf = _digest(_identity(authority, beside, LEAF, "leaf", now)[0])
        url = f"tls://{_bracketed(plan.names[0])}:{plan.leaf_port}"
        text = leaf_conf({n: k for n, k in nodes.items() if n in behind}, plan.leaf_listen, url, plan.limits)
        write_private(beside / LEAF_CONF, text.encode())
        written.append(beside / LEAF_CONF)
    host = plan.listen.rpartition(":")[0]
    text = server_conf(nodes, _digest(hub), leaf, plan.listen, f"{host}:{plan.leaf_port}", behind, plan.limits)
    write_private(folder / SERVER_CONF, text.encode())
    return written


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _serving(folder: Path, authority: Authority, names: Sequence[str], now: datetime) -> None:
    """A server's own certificate, and the authority's, in a folder that may be moved to its machine."""
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    replace(authority, folder=folder).serve(names, now)
    write_private(folder / CA_FILE, authority.pem)


def reload(folder: Path) -> bool:
    """Tell the server that was started in this folder to read its configuration anew: it closes the connections of
    those who are no longer in it. False where none runs here: the number that a killed server left may be another's by
    now, so the process must be one that works in this folder (Linux)."""
    with suppress(OSError, ValueError):
        process = int((folder / PID_FILE).read_text(encoding="ascii"))
        if Path(f"/proc/{process}/cwd").resolve() == folder.resolve():
            os.kill(process, signal.SIGHUP)
            return True
    return False
