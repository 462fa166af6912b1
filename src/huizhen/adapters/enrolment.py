"""Enrolment: what a node and the hub say to each other once, and the one-time code that makes it safe.

A code is NAME.SECRET, the secret being 16 random bytes and the SHA-256 of the region's CA certificate: with the first
the node is let in, by the second it knows whom it speaks to before it says anything.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
from msgspec import structs

from huizhen.adapters import certificates
from huizhen.adapters.dial import said_no
from huizhen.kit import wire
from huizhen.kit.errors import BadInput, HuizhenError, Lost, Refused
from huizhen.kit.text import Text

AUTHORITY, ENROL, RENEW = "/v1/node/authority", "/v1/node/enrol", "/v1/node/certificate"
_SECRET = 16
_DOMAIN = b"huizhen/enrol/v1\n"
_SECONDS = 30.0
Short = Annotated[str, msgspec.Meta(max_length=256)]


@dataclass(frozen=True)
class Code:
    """A one-time code: for which node, what lets it in, and the fingerprint (32 bytes) of the CA's certificate."""

    node: str
    secret: bytes
    authority: bytes

    @classmethod
    def new(cls, node: str, authority: bytes) -> Code:
        return cls(node, os.urandom(_SECRET), authority)

    @classmethod
    def read(cls, text: str) -> Code:
        """Raises BadInput for what is not a code."""
        node, _, rest = text.strip().rpartition(".")
        try:
            data = base64.b64decode(rest + "=" * (-len(rest) % 4), altchars=b"-_", validate=True)
        except ValueError:
            data = b""
        if not node or len(data) != _SECRET + 32:
            raise BadInput(
                "bad-code",
                Text("This is not an invitation code.", "这不是邀请码。"),
                Text("Copy it whole, as `huizhen hub invite` printed it.", "请完整复制 `huizhen hub invite` 的输出。"),
            )
        return cls(node, data[:_SECRET], data[_SECRET:])

    def __str__(self) -> str:
        return f"{self.node}.{base64.urlsafe_b64encode(self.secret + self.authority).decode()}"

    @property
    def hash(self) -> str:
        """What the hub keeps of it."""
        return hashlib.sha256(b"huizhen/invite/v1\n" + self.secret).hexdigest()


class Application(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a node asks to be enrolled with; `signature` (Ed25519) shows that it holds the identity key."""

    secret: Annotated[bytes, msgspec.Meta(min_length=_SECRET, max_length=_SECRET)]
    identity: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    request: Annotated[bytes, msgspec.Meta(max_length=4096)]
    """A certificate request (PKCS #10, DER), signed with the node's TLS key."""
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]

    def signed_bytes(self) -> bytes:
        return _DOMAIN + hashlib.sha256(self.secret).digest() + self.identity + self.request


class Welcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an enrolled node is told: its name and certificate, and the keys of the hub that it will believe."""

    node: Short
    certificate: Annotated[str, msgspec.Meta(max_length=16384)]
    hub_key: Short
    hub_vkey: Short


class Renewal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    request: Annotated[bytes, msgspec.Meta(max_length=4096)]


def read(kind: type[Any], data: bytes) -> Any:
    """What `wire.encode` wrote of one of these. Raises BadInput."""
    try:
        return msgspec.convert(wire.decode(data), kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadInput(
            "bad-enrolment",
            Text("A message of the enrolment is not of the right form.", "登记消息格式不正确。"),
            Text("Use the same version of Huizhen at hub and node.", "请在中心和节点使用同一版本。"),
        ) from error


# -- the node's side


def fetch_authority(hub: str, code: Code, proxy: str | None) -> bytes:
    """The CA's certificate (PEM) of the hub at this URL. Raises Refused unless it is the one that the code names."""
    with httpx.Client(base_url=hub, verify=certificates.unverified_context(), proxy=proxy, timeout=_SECONDS) as client:
        heard = _call(client, "GET", AUTHORITY, b"")
    pem = heard.content
    if certificates.fingerprint(certificates.der(pem)) != code.authority:
        raise Refused(
            "wrong-authority",
            Text(
                "The server at this address is not the hub that the code is for.",
                "该地址的服务器不是此邀请码对应的中心。",
            ),
            Text(
                "Check the address with the trustee; somebody may stand between you and the hub.",
                "请与受托方核对地址；中间可能有人截取连接。",
            ),
        )
    return pem


def apply(hub: str, ca: Path, application: Application, proxy: str | None) -> Welcome:
    """Ask the hub to enrol this node. Raises what it says against it."""
    with httpx.Client(base_url=hub, verify=certificates.client_context(ca), proxy=proxy, timeout=_SECONDS) as client:
        found: Welcome = read(Welcome, _call(client, "POST", ENROL, _bytes(application)).content)
    return found


def renew(client: httpx.Client, request: bytes) -> bytes:
    """A new certificate (PEM) for the key of the present one."""
    return _call(client, "POST", RENEW, _bytes(Renewal(request))).content


def _bytes(value: msgspec.Struct) -> bytes:
    return wire.encode(structs.asdict(value))


def _call(client: httpx.Client, method: str, path: str, body: bytes) -> httpx.Response:
    try:
        heard = client.request(method, path, content=body)
    except httpx.TransportError as problem:
        raise unreachable(problem) from problem
    if heard.status_code != httpx.codes.OK:
        raise said_no(heard)
    return heard


def unreachable(problem: httpx.TransportError) -> HuizhenError:
    """In words: what stands between this machine and the hub."""
    if "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return Refused(
            "hub-not-proven",
            Text(
                "The hub's certificate does not hold for this address at this time.",
                "中心的证书对该地址或当前时间无效。",
            ),
            Text(
                "Use the host name that the trustee gave, and check this machine's clock.",
                "请使用受托方给出的主机名，并检查本机时钟。",
            ),
        )
    return Lost(
        "hub-not-reached",
        Text(f"The hub cannot be reached ({type(problem).__name__}).", f"无法连接中心（{type(problem).__name__}）。"),
        Text(
            "Check address and port, the firewall for outgoing connections, and the proxy (HTTPS_PROXY or --proxy).",
            "请检查地址与端口、出站防火墙以及代理（HTTPS_PROXY 或 --proxy）。",
        ),
    )
