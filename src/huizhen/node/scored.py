"""A line in the node's own log for each file that is scored with a model that lies at the node.

The log holds a commitment to the lineage that lies beside the scores, salted there: whoever has that file can show that
it is the one, and nobody else learns what was scored.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from huizhen.kit.canonical import canonical, salted
from huizhen.kit.clock import stamp
from huizhen.node.agent import Agent

KIND = "scored"


def commitment(lineage: Mapping[str, Any]) -> str:
    """What the log says of a lineage with its `salt`, hexadecimal, among the notes."""
    return salted(bytes.fromhex(lineage["notes"][0]["salt"]), canonical(lineage))


def record(agent: Agent, study: str, lineage: dict[str, Any]) -> None:
    """Salt the lineage, and write the line; durable before the scores appear."""
    lineage["notes"][0]["salt"] = secrets.token_hex(32)
    agent.log.note(stamp(agent.clock()), KIND, study, commitment(lineage))
