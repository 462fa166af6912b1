"""The hub's end of the conversation: seals what it says, unseals what it hears, counts the bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from huizhen.kit.clock import Clock, stamp, utc_now
from huizhen.kit.errors import HuizhenError, Lost, Unable
from huizhen.kit.keys import Sign
from huizhen.kit.text import Text
from huizhen.path import message
from huizhen.path.ports import Federation

HUB = "hub"
LEAST_SECONDS = 30.0
"""What is not part of a study that runs gets so long."""


class Silent(Lost):
    """Nodes did not answer, or have forgotten what the question rests on; `nodes` are their names."""

    def __init__(self, code: str, nodes: Sequence[str], remedy: Text) -> None:
        super().__init__(code, Text(f"No answer from {', '.join(nodes)}.", f"{'、'.join(nodes)} 没有应答。"), remedy)
        self.nodes = tuple(nodes)


class Unfit(Unable):
    """A node has no figures that can be added: it says so itself, or what it sent cannot be. `node` is its name, and
    `problem` what is wrong there."""

    def __init__(self, node: str, problem: HuizhenError) -> None:
        told = problem.at(node)
        super().__init__(told.code, told.what, told.remedy)
        self.node, self.problem = node, problem


@dataclass(frozen=True)
class Heard:
    """Answers and refusals by node; a node in neither did not answer."""

    answers: dict[str, Any]
    refusals: dict[str, HuizhenError]


@dataclass(frozen=True)
class Ahead:
    """Keys that nodes made with their last answer: the next attempt at a sum of theirs needs no exchange for them."""

    study: str
    grant: str
    members: tuple[str, ...]
    attempt: str
    adverts: Mapping[str, Any]


@dataclass
class Link:
    """`keys`: the identity key (Ed25519, 32 bytes) of every node that may be spoken to."""

    federation: Federation
    sign: Sign
    keys: Mapping[str, bytes]
    clock: Clock = utc_now
    until: datetime | None = None
    """The deadline of the study that is spoken of. Whoever has not answered by then is absent."""
    ahead: Ahead | None = None
    """Used once, or not at all: whoever was started anew meanwhile has forgotten its part of it."""
    bytes_down: int = field(default=0)
    """Hub to nodes."""
    bytes_up: int = field(default=0)
    """Nodes to hub."""

    def ask(self, kind: str, bodies: Mapping[str, Any]) -> Heard:
        """Say `kind` with its body to each node at once; gather what they say. An answer to another question, kept
        and sent again by whoever carries it, counts as none."""
        asked = {n: message.Envelope(HUB, n, kind, body, stamp(self.clock())) for n, body in bodies.items()}
        sealed = {node: message.seal(envelope, self.sign) for node, envelope in asked.items()}
        self.bytes_down += sum(map(len, sealed.values()))
        heard = Heard({}, {})
        for node, data in self.federation.exchange(sealed, self._seconds()).items():
            self.bytes_up += len(data)
            try:
                said = message.unseal(data, HUB, node, self.keys[node])
                if said.id == asked[node].id:
                    heard.answers[node] = message.result(said.body)
                elif not said.id:
                    message.result({"error": said.body["error"]})
            except HuizhenError as problem:
                if problem.code != "replayed":  # its first answer was lost on the way: it can be asked anew
                    heard.refusals[node] = problem
        return heard

    def _seconds(self) -> float:
        """How long an answer may take: to the deadline, and long enough to hear of an end that came with it."""
        left = 0.0 if self.until is None else (self.until - self.clock()).total_seconds()
        return max(left, LEAST_SECONDS)
