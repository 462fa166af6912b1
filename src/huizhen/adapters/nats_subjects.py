"""Subjects, streams and permissions of the federation over NATS: who may say and hear what, in one place.

Down, hub to node: a *letter* goes into the work-queue stream MAIL, from which the server pushes it to the one subject
that its node may hear; what is too large for a letter lies in parts in the stream BODY, where the node fetches it.
Up, node to hub: the parts of a reply go into BODY, under a subject that begins with the node's own name, which no
other node may use, and goes on with the hub process and the exchange that wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAIL, BODY = "HUIZHEN_MAIL", "HUIZHEN_BODY"
_GET = f"$JS.API.DIRECT.GET.{BODY}"
"""The call that answers a stored message, the latest of a subject (ADR-31 of NATS; server 2.9)."""
MAPPED = {"hz.get.*.*.*": f"{_GET}.hz.part.$1.$2.$3"}
"""The same under a name that passes a leaf server, which lets no call of JetStream's own through."""
HELLO = "hz.hello"
"""The hub's processes say here that they listen, and how often nodes are to be heard of."""
ALL_MAIL, ALL_PARTS, ALL_UP, ALL_BEATS = "hz.mail.>", "hz.part.>", "hz.up.>", "hz.beat.*"
HUB_BOX = "hz.box.:hub"
"""Where the server answers the hub's processes; a colon is in no node's name."""


def token(name: str) -> str:
    """A node's name as one token of a subject, and the name of its consumer: names may have dots, tokens may not, and
    the tilde is in no name."""
    return name.replace(".", "~")


def name(token_: str) -> str:
    return token_.replace("~", ".")


def deliver(node: str) -> str:
    return f"hz.in.{token(node)}"


def mail(node: str, number: str) -> str:
    return f"hz.mail.{token(node)}.{number}"


def part(node: str, number: str, at: int | str) -> str:
    return f"hz.part.{token(node)}.{number}.{at}"


def fetch(node: str, number: str, at: int) -> str:
    """Ask here for a part that is stored."""
    return f"hz.get.{token(node)}.{number}.{at}"


def up(node: str, process: str, exchange: str, number: str, at: int | str) -> str:
    who = node if node == "*" else token(node)
    return f"hz.up.{who}.{process}.{exchange}.{number}.{at}"


def beat(node: str) -> str:
    return f"hz.beat.{token(node)}"


def box(node: str) -> str:
    """Where the server answers a node."""
    return f"hz.box.{token(node)}"


@dataclass(frozen=True)
class Permissions:
    """Subjects that a user may publish to and subscribe to; everything else is refused by the server."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def of_node(node: str) -> Permissions:
    """A node hears its own mail and what the server answers it; it speaks under its own name only."""
    own = token(node)
    return Permissions(
        publish=(
            f"hz.up.{own}.>",
            beat(node),
            f"$JS.ACK.{MAIL}.{own}.>",
            f"hz.get.{own}.>",
            f"{_GET}.hz.part.{own}.>",  # the server looks at what the subject is mapped to
        ),
        subscribe=(deliver(node), HELLO, f"{box(node)}.>"),
    )


def of_hub() -> Permissions:
    return Permissions(
        publish=("hz.mail.>", "hz.part.>", HELLO, "$JS.API.>", "$JS.FC.>"),
        subscribe=("hz.up.>", "hz.beat.*", f"{HUB_BOX}.>"),
    )


def of_leaf(nodes: Iterable[str]) -> Permissions:
    """What passes between a leaf server and the hub's: what its nodes may say and hear, and nothing more."""
    each = [of_node(node) for node in sorted(nodes)]
    return Permissions(
        publish=tuple(dict.fromkeys(s for p in each for s in p.publish)),
        subscribe=tuple(dict.fromkeys(s for p in each for s in p.subscribe)),
    )
