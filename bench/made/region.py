"""A region whose hospitals hold made-up patients, put together by the product's own calls."""

from __future__ import annotations

from pathlib import Path

import duckdb

from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER
from huizhen.hub.hub import Hub
from huizhen.model.settings import RegionSettings
from huizhen.node import consents, statements
from huizhen.node.enrol import create_node
from huizhen.node.hold import hold
from made.patients import DATASET, PURPOSE, write_file


def write_region(folder: Path, nodes: int, rows_each: int) -> None:
    """`nodes` hospitals with so many patients each, all of whom consent; each allows sums without masks."""
    Hub.create(folder / "hub", RegionSettings()).close()
    region = Region(folder)
    names = [f"h{i:03d}" for i in range(nodes)]
    for name in names:
        node = folder / "nodes" / name
        region.hub.enrol(name, create_node(node, region.hub.key.public, region.hub.vkey))
        (node / "policy.yaml").write_text("allow_plain: true\n", encoding="utf-8")
    with duckdb.connect() as maker:
        for i, name in enumerate(names):
            path = folder / f"{name}.parquet"
            write_file(maker, i * rows_each, rows_each, path)
            agent = region.agent(name)
            held = hold(agent, DATASET, path, "patient", None)
            statements.publish(agent, held.card)
            statements.deliver(agent, region.announce)
            subjects = (f"P{p}" for p in range(i * rows_each, (i + 1) * rows_each))
            consents.record(agent, [(s, PURPOSE, None, True, None, None) for s in subjects])
    region.desk.papers.say(OWNER, "review-waived", "memorising-model", {"text": "A bench has no reviewers."})
    region.close()
