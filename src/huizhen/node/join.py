"""A node joins a hub on another machine: its keys are made here and never leave; what it is told is kept and pinned.

A crash at any point is taken up by running it again with the same code: the keys made are used, the hub answers the
same node the same, and the folder gets its name last of all.
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from huizhen.adapters import certificates, enrolment
from huizhen.adapters.enrolment import Application, Code
from huizhen.kit.errors import BadInput, Conflict, Tampered
from huizhen.kit.text import Text
from huizhen.model.connection import Connection
from huizhen.node.enrol import believe, check_name, furnish

CA, CERTIFICATE, TLS_KEY, CONNECTION = "ca.pem", "tls.pem", "tls.key", "hub.yaml"


def join(home: Path, hub: str, code: str, proxy: str | None = None, nats: str | None = None) -> Path:
    """Enrol with a one-time code; answers the new node's folder, `home`/nodes/NAME.

    Raises BadInput for what is no code or no address, Conflict where the node is there already, Refused where the hub
    is not the one that the code names or does not take the code, Lost where it cannot be reached.
    """
    invited = Code.read(code)
    check_name(invited.node)
    connection = _connection(hub, proxy, nats)
    folder = home / "nodes" / invited.node
    if folder.exists():
        raise Conflict(
            "node-here-already",
            Text(f"There is a node in {folder} already.", f"{folder} 中已有节点。"),
            Text(
                f"Run it with `huizhen node run {invited.node}`, or enrol another in another folder (--home).",
                f"请用 `huizhen node run {invited.node}` 运行，或换一个文件夹登记（--home）。",
            ),
        )
    new = folder.with_name(f".{invited.node}.joining")
    identity = furnish(new)
    pem = enrolment.fetch_authority(connection.hub, invited, proxy)
    certificates.write_private(new / CA, pem)
    key = certificates.new_key(new / TLS_KEY)
    request = certificates.request_certificate(invited.node, key)
    asked = Application(invited.secret, identity.public, request, b"\0" * 64)
    signed = Application(invited.secret, identity.public, request, identity.sign(asked.signed_bytes()))
    welcome = enrolment.apply(connection.hub, new / CA, signed, proxy)
    if welcome.node != invited.node:
        raise Tampered(
            "code-of-another",
            Text(
                f"The code is for a node '{welcome.node}', not '{invited.node}'.",
                f"该邀请码属于节点“{welcome.node}”，而不是“{invited.node}”。",
            ),
            Text("Copy the code as it was printed.", "请原样复制邀请码。"),
        )
    certificates.write_private(new / CERTIFICATE, welcome.certificate.encode())
    believe(new, bytes.fromhex(welcome.hub_key), welcome.hub_vkey)
    (new / CONNECTION).write_text(yaml.safe_dump(connection.as_json(), sort_keys=False), encoding="utf-8")
    new.rename(folder)
    _keep(folder.parent)
    return folder


def _connection(hub: str, proxy: str | None, nats: str | None) -> Connection:
    try:
        return Connection(hub=hub.rstrip("/"), proxy=proxy, nats=nats)
    except ValueError as error:
        raise BadInput(
            "bad-address",
            Text("An address of the hub, the proxy or NATS is not one.", "中心、代理或 NATS 的地址无效。"),
            Text("Write --hub https://HOST:PORT, --proxy http://HOST:PORT, --nats tls://HOST:PORT.",
                 "请写成 --hub https://主机:端口、--proxy http://主机:端口、--nats tls://主机:端口。"),
        ) from error  # fmt: skip


def _keep(folder: Path) -> None:
    """What was renamed stays renamed after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
