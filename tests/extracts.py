"""Studies that give out rows, in small regions: an asker with a contract that names them, its signature, reviewers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deeds import CONTRACT, register, sign
from huizhen.adapters.register import put_act
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER
from huizhen.model.casebook import key_of
from huizhen.model.party import Act
from huizhen.model.study import Request
from huizhen.secure.sealing import opener
from papers import enrol, set_policy
from regions import make_region, request

NODES = ("h0", "h1", "h2")
PARAMS: dict[str, Any] = {
    "quasi_identifiers": {"age": {"by": "interval", "widths": [5, 10, 20]}, "sex": {"by": "flat"}},
    "sensitive": {"icd": {"distinct": 2}},
    "keep": ["cost"],
    "k": 10,
    "watermark": {"cost": "1"},
}


def people(rows: int = 600, seed: int = 1) -> pd.DataFrame:
    """Made-up people with a name that must show nowhere."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "patient": [f"P{i:04d}" for i in range(rows)],
            "age": rng.integers(20, 90, rows),
            "sex": rng.choice(["f", "m"], rows),
            "icd": rng.choice(["E11", "I10", "J45"], rows),
            "cost": np.round(rng.lognormal(8, 1, rows), 2),
        }
    )


def ready(folder: Path, frame: pd.DataFrame, *, nodes: tuple[str, ...] = NODES, contract: bool = True) -> Region:
    """A region whose hospitals hold the frame, with an asker 'acme' and two reviewers."""
    frames = {name: frame[i :: len(nodes)] for i, name in enumerate(nodes)}
    made = make_region(folder, frames)
    register(made, "acme", "trust")
    if contract:
        sign(made, "contract", CONTRACT, methods=["extract", "count"], price_fen=0)
    enrol(made, ann="med", bob="board")
    with made.hub.store.record() as record:
        put_act(record, Act.read({"kind": "impact-assessment", "party": "acme", "from_day": "2020-01-01"}))
    for name in nodes:
        set_policy(made, name, unknown={"d": ["cost"]})
    return made


def key_file(folder: Path, party: str = "acme") -> Path:
    """The key of a party of the casebook, in a file."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from huizhen.client import party_key

    path = folder / f"{party}.pem"
    if not path.exists():
        party_key.write_new(path, Ed25519PrivateKey.from_private_bytes(key_of(party).private.private_bytes_raw()))
    return path


def asked(signer: str = "acme", **changes: Any) -> Request:
    """A question for rows, signed by its asker."""
    key = key_of(signer)
    sealing = opener(key.private.private_bytes_raw()).public_key().public_bytes_raw().hex()
    said = request(**{"method": "extract", "params": PARAMS, "title": "rows", **changes})
    return said.signed(key.public.hex(), sealing, key.sign)


class Here:
    """A hub to fetch rows from, in this process."""

    def __init__(self, region: Region) -> None:
        self.region = region

    def piece(self, study: str, node: str, number: int) -> bytes:
        return self.region.desk.piece(OWNER, study, node, number)


def run(region: Region, question: Request) -> dict[str, Any]:
    """As far as it goes by itself; the outcome."""
    return region.desk.outcome(OWNER, region.road().run(question))
