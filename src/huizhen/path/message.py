"""What hub and node say to each other: an envelope, signed by its sender, bound to one receiver and one moment.

The transport below is dumb: whoever carries an envelope can neither read more than it already could nor change it. An
answer bears the id of its question, so none passes for the answer to another; a question that comes late or twice is
refused (`check_timely`; the node remembers ids for as long as they are timely).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from huizhen.kit import wire
from huizhen.kit.clock import parse
from huizhen.kit.errors import HuizhenError, Refused, from_wire, to_wire
from huizhen.kit.keys import Sign, check_signature
from huizhen.kit.text import Text

_DOMAIN = b"huizhen/envelope/v2\n"
TIMELY = timedelta(minutes=5)
"""How far the clocks of hub and node may be apart, the way included."""


def new_id() -> str:
    return os.urandom(12).hex()


@dataclass(frozen=True)
class Envelope:
    sender: str
    receiver: str
    kind: str
    body: Any
    at_utc: str
    id: str = field(default_factory=new_id)
    """An answer has that of its question; empty where the question could not be read."""


def seal(envelope: Envelope, sign: Sign) -> bytes:
    """The envelope as signed bytes."""
    e = envelope
    inner = wire.encode(
        {"from": e.sender, "to": e.receiver, "kind": e.kind, "id": e.id, "at": e.at_utc, "body": e.body}
    )
    return sign(_DOMAIN + inner) + inner


def unseal(data: bytes, receiver: str, sender: str, key: bytes) -> Envelope:
    """The envelope, once the signature of `sender` holds and it is meant for `receiver`; Refused otherwise."""
    signature, inner = data[:64], data[64:]
    if not check_signature(key, signature, _DOMAIN + inner):
        raise Refused(
            "bad-envelope",
            Text(
                f"A message that claims to be from {sender} is not signed by it.", f"声称来自 {sender} 的消息签名无效。"
            ),
            Text("Check that hub and node know each other's present key.", "请确认中心与节点持有对方当前的公钥。"),
        )
    value = wire.decode(inner)
    if value["from"] != sender or value["to"] != receiver:
        raise Refused(
            "misdirected",
            Text("A message is addressed to another party.", "消息的收件方不符。"),
            Text("Check the transport: it delivered to the wrong node.", "请检查传输通道：投递到了错误的节点。"),
        )
    return Envelope(value["from"], value["to"], value["kind"], value["body"], value["at"], value["id"])


def check_timely(envelope: Envelope, now: datetime) -> None:
    """Raises Refused 'clock-off' for an envelope that was sealed more than five minutes before or after `now`."""
    apart = parse(envelope.at_utc) - now
    if abs(apart) > TIMELY:
        minutes = round(abs(apart).total_seconds() / 60)
        late, early = ("behind", "ahead of") if apart < timedelta(0) else ("ahead of", "behind")
        slow, fast = ("慢", "快") if apart < timedelta(0) else ("快", "慢")
        raise Refused(
            "clock-off",
            Text(
                f"The clock of the {envelope.sender} is {minutes} minutes {late} that of {envelope.receiver}, or the "
                "message is an old one.",
                f"{envelope.sender} 的时钟比 {envelope.receiver} {slow} {minutes} 分钟，或者该消息是旧消息。",
            ),
            Text(
                f"Set both clocks by a time server (NTP); that of {envelope.receiver} may be {early} the true time.",
                f"请用时间服务器（NTP）校准双方时钟；{envelope.receiver} 的时钟可能偏{fast}。",
            ),
        )


def answer(body: Any) -> dict[str, Any]:
    return {"ok": body}


def error(problem: HuizhenError) -> dict[str, Any]:
    return {"error": to_wire(problem)}


def result(body: dict[str, Any]) -> Any:
    """What the other side answered; raises the error it answered with."""
    if "error" in body:
        raise from_wire(body["error"])
    return body["ok"]
