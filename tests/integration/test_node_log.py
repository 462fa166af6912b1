"""The node's own log: what was asked, what was decided, what left; signed, chained, and held by the hub's ledger."""

from __future__ import annotations

import errno
import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huizhen.cli.region import Region
from huizhen.kit.errors import Tampered
from huizhen.model.partial import Partial
from huizhen.node.log import check_log
from regions import make_region, patients, run


@pytest.fixture
def region(tmp_path: Path) -> Region:
    return make_region(tmp_path / "r", patients(240, 4))


def test_every_message_and_every_partial_is_in_it(region: Region) -> None:
    found = run(region, method="glm", params={"formula": "time ~ age", "family": "gaussian"})
    agent = region.agent("h1")
    lines = [line for line, _ in agent.book.logged(found["study"])]
    region.close()
    kinds = [line.kind for line in lines]
    assert kinds[0] == "open" and kinds[-1] == "closed" and kinds.count("mask") == found["rounds"] + 1
    assert all(line.decision == "answered" for line in lines)
    left = [line.partial for line in lines if line.partial]
    assert len(left) == kinds.count("mask") and len(set(left)) == len(left)


def test_a_refusal_is_in_it_with_its_code(region: Region) -> None:
    (region.folder / "nodes" / "h2" / "policy.yaml").write_text("methods: [cox]\n")
    found = run(region)
    lines = [line for line, _ in region.agent("h2").book.logged(found["study"])]
    region.close()
    assert found["status"] == "denied"
    assert [(line.kind, line.decision, line.code) for line in lines if line.code] == [
        ("open", "refused", "method-refused")
    ]


def test_the_ledger_holds_the_head_of_each_log(region: Region) -> None:
    found = run(region)
    tallies = region.hub.store.journal(found["study"])["tallies"]
    assert len(tallies) == 4
    for tally in tallies:
        agent = region.agent(tally["node"])
        head = agent.log.write()
        heads = [line.digest() for line, _ in agent.book.logged()]
        assert tally["log"] in heads, "what the ledger cross-references is a line of the node's log"
        assert check_log(agent.book.logged(), agent.key.public) == head
    documents = [json.loads(d.content) for d in region.hub.store.documents().values()]
    region.close()
    assert tallies in documents


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log SET line = replace(line, 'answered', 'refused') WHERE number = 3",
        "DELETE FROM log WHERE number = 2",
        "DELETE FROM log WHERE number = 0",
        "UPDATE log SET signature = (SELECT signature FROM log WHERE number = 1) WHERE number = 2",
    ],
)
def test_a_line_changed_or_taken_out_is_found(region: Region, change: str) -> None:
    run(region)
    agent = region.agent("h0")
    agent.log.write()
    agent.book._db.execute(change)
    with pytest.raises(Tampered, match=r"Line [0-3] "):
        check_log(agent.book.logged(), agent.key.public)
    region.close()


@pytest.mark.parametrize("why", [errno.ENOSPC, errno.EDQUOT])
def test_figures_do_not_leave_a_node_that_cannot_write_its_log(
    region: Region, monkeypatch: pytest.MonkeyPatch, why: int
) -> None:
    def full(*_args: object) -> None:
        raise OSError(why, "No space left on device")

    write = region.agent("h3").log.write
    agent = region.agent("h3")
    mask = agent._handlers["mask"]

    def masked(body: dict[str, Any]) -> Any:
        monkeypatch.setattr(agent.log, "write", full)
        return mask(body)

    monkeypatch.setitem(agent._handlers, "mask", masked)
    found = run(region)
    monkeypatch.setattr(agent.log, "write", write)
    region.close()
    assert [(each["node"], each["code"]) for each in found["left_out"]] == [("h3", "disk-full")]
    assert found["status"] == "released" and found["result"]["n"] == 240 - len(patients(240, 4)["h3"])


def test_a_full_database_is_called_a_full_disk(region: Region) -> None:
    database = region.agent("h2").book._db
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        database.execute("CREATE TABLE filler AS SELECT randomblob(100000)")
    found = run(region, **{"title": "x" * 60000})
    region.close()
    assert found["status"] == "released"
    assert [(each["node"], each["code"]) for each in found["left_out"]] == [("h2", "disk-full")]


def test_counts_that_no_hospitals_can_have_end_the_study(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = region.agent("h1")
    honest = agent.runner.census

    def negative(body: dict[str, Any]) -> Partial:
        partial = honest(agent._sitting(body["study"]))
        return Partial({**partial.fields, "rows": np.array(-(10**6), dtype=np.int64)})

    monkeypatch.setattr(agent._rounds, "_partial", negative)
    found = run(region)
    region.close()
    assert found["status"] == "failed" and found["problem"]["code"] == "impossible-counts"
