"""Witness: the hub signs how the ledger stands, and every node co-signs once it has seen that nothing was rewritten."""

from __future__ import annotations

from collections.abc import Mapping

from huizhen.kit.keys import SigningKey
from huizhen.ledger import checkpoint as checkpoints
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import MerkleTree
from huizhen.ledger.note import COSIGNATURE, ED25519, VerifierKey
from huizhen.path.link import Link


def hub_key(origin: str, public: bytes) -> VerifierKey:
    return VerifierKey(origin, ED25519, public)


def witness_keys(nodes: Mapping[str, bytes]) -> tuple[VerifierKey, ...]:
    """The cosigning keys of the nodes: their identity keys, under the cosignature's own algorithm byte."""
    return tuple(VerifierKey(name, COSIGNATURE, key) for name, key in sorted(nodes.items()))


def witness(
    origin: str, tree: MerkleTree, seen: Mapping[str, int], key: SigningKey, link: Link
) -> tuple[str, list[str]]:
    """The newest checkpoint with the cosignatures of all nodes that gave one, and the names of these nodes.

    `seen`: the size that each node last co-signed.
    """
    size = len(tree)
    signed = checkpoints.sign(Checkpoint(origin, size, tree.root()), key.private)
    heard = link.ask(
        "cosign",
        {
            node: {"note": signed.decode(), "proof": list(tree.consistency_proof(seen.get(node, 0), size))}
            for node in link.keys
        },
    )
    opened = checkpoints.open_signed(signed, hub_key(origin, key.public))
    lines = [heard.answers[node] for node in sorted(heard.answers)]
    note = checkpoints.with_cosignatures(opened, lines, witness_keys(link.keys)) if lines else signed
    return note.decode(), sorted(heard.answers)
