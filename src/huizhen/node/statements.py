"""What a node tells the hub outside studies: kept until it is told, signed by the node, told in order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

from huizhen.adapters.outbox import Outbox
from huizhen.kit.errors import Refused
from huizhen.model.dataset import Dataset
from huizhen.model.statement import Kind, Statement
from huizhen.node.agent import Agent


def _outbox(agent: Agent) -> Outbox:
    return Outbox(agent.folder / "node.sqlite")


def state(agent: Agent, kind: Kind, body: dict[str, Any]) -> None:
    """Sign a statement and keep it until it is told."""

    def make(number: int) -> str:
        said = Statement(node=agent.name, number=number, kind=kind, body=body)
        return said.signed(agent.key.sign).model_dump_json()

    with closing(_outbox(agent)) as outbox:
        outbox.add(int(agent.clock().timestamp() * 1_000_000), make)


def publish(agent: Agent, card: Dataset) -> None:
    """The node holds this dataset from now on, and will say so."""
    agent.book.put_card(card)
    state(agent, "dataset-registered", {"card": card.as_json()})


def deliver(agent: Agent, announce: Callable[[Statement], None]) -> int:
    """Tell whatever has not been told; answers how much that was. What `announce` raises leaves the rest for later.

    Two programs of a node may do it at once: what the other one has told meanwhile is no error.
    """
    with closing(_outbox(agent)) as outbox:
        unsaid = outbox.unsaid()
        for number, text in unsaid:
            try:
                announce(Statement.model_validate_json(text))
            except Refused:
                if any(number == n for n, _ in outbox.unsaid()):
                    raise
            outbox.said(number)
    return len(unsaid)
