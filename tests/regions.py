"""Small regions for tests: hospitals from frames, made by the product's own calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest

from huizhen.adapters.local import LocalFederation
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER
from huizhen.hub.hub import Hub
from huizhen.kit import wire
from huizhen.model.method import Method
from huizhen.model.settings import RegionSettings
from huizhen.model.study import Request, Study
from huizhen.node import consents, statements
from huizhen.node.enrol import create_node
from huizhen.node.hold import hold
from huizhen.path.company import Company
from huizhen.path.compute import Standing


def make_region(
    folder: Path,
    frames: Mapping[str, pd.DataFrame],
    subject: str = "patient",
    purpose: str | None = "HMB",
    dataset: str = "d",
    settings: RegionSettings | None = None,
    waived: Sequence[str] = (),
) -> Region:
    """A region with one node per frame; everyone consents to `purpose` (None: nobody to anything). `waived`: what is
    not reviewed here (`model.review.WAIVABLE`)."""
    Hub.create(folder / "hub", settings or RegionSettings()).close()
    region = Region(folder)
    for name in frames:
        region.hub.enrol(name, create_node(folder / "nodes" / name, region.hub.key.public, region.hub.vkey))
    for name, frame in frames.items():
        add(region, name, frame, subject, dataset)
        if purpose is not None:
            who = frame[subject].astype(str).unique()
            consents.record(region.agent(name), [(s, purpose, None, True, None, None) for s in who])
    for what in waived:
        region.desk.papers.say(OWNER, "review-waived", what, {"text": "Another test is about the review."})
    return region


def add(region: Region, node: str, frame: pd.DataFrame, subject: str = "patient", dataset: str = "d") -> None:
    path = region.folder / f"{node}.csv"
    frame.to_csv(path, index=False)
    held = hold(region.agent(node), dataset, path, subject, None)
    agent = region.agent(node)
    statements.publish(agent, held.card)
    statements.deliver(agent, region.announce)


def request(**changes: Any) -> Request:
    base = {"title": "a question", "asker": "acme", "purpose": "HMB", "dataset": "d", "method": "count"}
    return Request.read({**base, **changes})


def load(region: Region, study: str) -> dict[str, Any]:
    """Everything known of a study, as `study run --json` writes it."""
    return region.desk.outcome(OWNER, study)


def run(region: Region, **changes: Any) -> dict[str, Any]:
    """The whole road; the outcome as `study run --json` writes it."""
    road = region.road()
    study = road.run(request(**changes))
    road.delivered(study)
    return load(region, study)


class _Halted(BaseException):
    pass


def counted(region: Region, **changes: Any) -> tuple[Study, Method, Standing]:
    """A study whose census is taken and whose first round is about to be asked for, where the hub then stops."""
    road = region.road()
    study = road.begin(request(**changes))
    reached: list[tuple[Method, Standing]] = []

    def rounds(_company: Company, method: Method, standing: Standing) -> NoReturn:
        reached.append((method, standing))
        raise _Halted

    with pytest.MonkeyPatch.context() as patched, pytest.raises(_Halted):
        patched.setattr(Company, "rounds", rounds)
        road.drive(study)
    ((method, standing),) = reached
    return study, method, standing


def patients(rows: int, nodes: int, seed: int = 7) -> dict[str, pd.DataFrame]:
    """Made-up patients at hospitals h0, h1, ...: age, sex, a score with missing values, an outcome, a time."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "patient": [f"P{i}" for i in range(rows)],
            "age": random.integers(20, 90, rows),
            "sex": random.choice(["f", "m"], rows),
            "score": np.where(random.random(rows) < 0.05, np.nan, random.normal(10, 3, rows).round(3)),
            "ill": (random.random(rows) < 0.4).astype(int),
            "time": random.integers(1, 300, rows),
        }
    )
    place = random.integers(0, nodes, rows)
    return {f"h{k}": frame[place == k] for k in range(nodes)}


def silence(region: Region, monkeypatch: pytest.MonkeyPatch, lost: Callable[[str, str, dict[str, Any]], bool]) -> None:
    """Nodes for which `lost(node, kind, body)` holds do not answer that message."""
    exchange = LocalFederation.exchange

    def lossy(self: LocalFederation, messages: Mapping[str, bytes], seconds: float) -> Mapping[str, bytes]:
        said = {node: wire.decode(data[64:]) for node, data in messages.items()}
        heard = {n: d for n, d in messages.items() if not lost(n, said[n]["kind"], said[n]["body"])}
        return exchange(self, heard, seconds)

    monkeypatch.setattr(LocalFederation, "exchange", lossy)
