"""Killed with SIGKILL before, inside or after any transaction or exchange, a study finishes as if nothing had been."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from crash import run_until
from huizhen.cli.region import Region, trusted
from huizhen.hub.verify import verify_hub
from huizhen.model.study import Request
from regions import load, make_region, patients, request

PARTS = 4
STUDIES = {
    "noisy": request(method="count", protection={"epsilon": 0.5}, price_fen=9999),
    "model": request(method="glm", params={"formula": "time ~ age", "family": "gaussian"}, price_fen=70001),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crash") / "region"
    make_region(folder, patients(120, 3)).close()
    return folder


def finish(folder: Path, asked: Request) -> dict[str, Any]:
    """Run the study again in this process, and look at everything that must have happened just once."""
    region = Region(folder)
    found = load(region, region.road().run(asked))
    store = region.hub.store
    assert [status for _, status in store.studies()] == ["released"], found["problem"]
    assert sum(p.debit_fen for p, _ in store.postings()) == asked.price_fen
    assert sum(p.credit_fen for p, _ in store.postings()) == asked.price_fen
    epsilon = asked.protection.epsilon
    assert store.budget_history("acme", "d") == (() if epsilon is None else (epsilon,))
    paid = [region.agent(n).book.study(found["study"])["status"] for n in region.names()]
    assert paid == ["released"] * 3
    region.close()
    hub, witnesses = trusted(folder)
    assert verify_hub(folder / "hub", hub, witnesses)[1] == []
    return found


def roles(found: dict[str, Any]) -> dict[str, int]:
    """Fen by role. Which hospital gets an odd fen depends on the study's id, hence on when it was submitted."""
    totals: dict[str, int] = {}
    for line in found["settlement"]["lines"]:
        totals[line["role"]] = totals.get(line["role"], 0) + line["fen"]
    return totals


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", STUDIES)
def test_killed_at_any_moment_it_finishes_the_same_and_settles_once(
    base: Path, tmp_path: Path, name: str, part: int
) -> None:
    asked = STUDIES[name]
    whole = tmp_path / "whole"
    shutil.copytree(base, whole)
    killed, moments = run_until(whole, asked, 0)
    expected = uninterrupted(whole, asked)
    assert not killed and moments > 20
    for moment in range(1 + part, moments + 1, PARTS):
        folder = tmp_path / str(moment)
        shutil.copytree(base, folder)
        killed, _ = run_until(folder, asked, moment)
        assert killed, moment
        found = finish(folder, asked)
        if asked.protection.epsilon is None:
            assert found["result"] == expected["result"], moment
        assert roles(found) == roles(expected), moment
        shutil.rmtree(folder)


def uninterrupted(folder: Path, asked: Request) -> dict[str, Any]:
    region = Region(folder)
    ((study, status),) = region.hub.store.of_request(asked)
    found = load(region, study.id)
    region.close()
    assert status == "released"
    return found
