"""Hub and hospitals as programs of their own: enrolled by code, run as processes, stopped, killed, revoked."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import statsmodels.api as sm

from commands import COX, NAMES, done, patients, split
from federations import until
from hospitals import Asking, Hospitals
from programs import Program

FRAMES = dict(zip(NAMES, split(patients()), strict=True))


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospitals]:
    made = Hospitals(tmp_path_factory.mktemp("hospitals"), FRAMES)
    try:
        made.begin()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def asking(hospitals: Hospitals) -> Iterator[Asking]:
    made = Asking(hospitals.region)
    until(lambda: sorted(made.cards()) == sorted(FRAMES))
    yield made
    made.close()


def pooled() -> list[float]:
    """The same model on all rows together, by statsmodels."""
    everyone = pd.concat(FRAMES.values())
    design = pd.DataFrame({"age": everyone.age, "sex": (everyone.sex == "m").astype(float)})
    return list(sm.PHReg(everyone.time, design, status=everyone.died, ties="efron").fit().params)


def everyone() -> int:
    return sum(len(frame) for frame in FRAMES.values())


def test_a_count_and_a_cox_model_equal_the_pooled_ones(asking: Asking) -> None:
    count = asking.run()
    assert count["status"] == "released", count["problem"]
    assert count["result"]["n"] == everyone()
    cox = asking.run(**COX)
    assert cox["status"] == "released", cox["problem"]
    assert [c["estimate"] for c in cox["result"]["coefficients"]] == pytest.approx(pooled(), rel=1e-6)
    assert all(f"— {name} " in cox["evidence"]["checkpoint"] for name in NAMES)


def _is_counted(asking: Asking) -> bool:
    """Whether a study is under way whose census is taken: from then on everybody is in every sum."""
    return any(
        "census" in asking.hub.store.journal(s.id) for s, status in asking.hub.store.studies() if status == "running"
    )


def test_a_node_killed_within_a_study_is_waited_for_and_the_answer_is_exact(
    hospitals: Hospitals, asking: Asking
) -> None:
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(lambda: asking.run(**{**COX, "title": "a node is killed"}))
        until(lambda: found.done() or _is_counted(asking))  # before that, it might be left out
        hospitals.nodes["north"].kill()
        hospitals.start("north")
        cox = found.result(60)
    assert cox["status"] == "released", cox["problem"]
    assert [c["estimate"] for c in cox["result"]["coefficients"]] == pytest.approx(pooled(), rel=1e-6)


def test_a_hub_killed_and_started_again_finds_its_nodes_there(hospitals: Hospitals, asking: Asking) -> None:
    hospitals.hub.kill()
    for node in hospitals.nodes.values():
        node.until("lost connection")
    hospitals.hub = hospitals.serve_hub()
    count = asking.run(title="after the hub was killed")
    assert count["status"] == "released", count["problem"]
    assert count["result"]["n"] == everyone()


def test_a_node_does_not_run_twice_and_ends_well_when_it_is_asked_to(hospitals: Hospitals) -> None:
    twice = Program(hospitals.folder / "twice.log", "node", "run", "south", "--home", hospitals.home("south"))
    assert twice.process.wait(30) == 4
    assert "[node-runs-already]" in twice.printed()
    for how in (signal.SIGTERM, signal.SIGINT):
        assert hospitals.nodes["south"].end(how) == 0
        assert "Node south has stopped." in hospitals.nodes["south"].printed()
        hospitals.start("south")


def test_a_revoked_node_is_shut_out_at_once_and_the_others_go_on(hospitals: Hospitals, asking: Asking) -> None:
    done("node", "revoke", "east", "--region", hospitals.region)
    hospitals.nodes["east"].until("does not know this node's certificate")
    count = asking.run(title="without the one that was revoked")
    assert count["status"] == "released", count["problem"]
    assert count["result"]["n"] == everyone() - len(FRAMES["east"])
    kinds = done("ledger", "list", "--region", hospitals.region, "--json").json()
    assert [e["subject"] for e in kinds if e["kind"] == "node-revoked"] == ["east"]


def test_a_hub_that_is_asked_to_end_ends_well(hospitals: Hospitals) -> None:
    assert hospitals.hub.end() == 0
    assert "stopped" in hospitals.hub.printed()
    assert "defect" not in hospitals.hub.printed()
