"""Attacks on a synthetic table of many hospitals: by a hub that lies about a round or asks for it twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive import build, node_finish
from huizhen.cli.region import Region
from huizhen.kit.errors import Refused
from huizhen.methods.synthesize import Synthesize
from huizhen.model.batch import PERSON, Batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.method import Privacy
from huizhen.node.runner import Runner
from huizhen.statistics.noisy_net import UNIT
from regions import counted, make_region, patients, run

SCHEMA = Schema(
    columns=(
        Column(name="age", type="integer"),
        Column(name="sex", type="category", levels=("f", "m")),
        Column(name="ill", type="boolean"),
        Column(name="ward", type="category", levels=("a", "b", "c", "d")),
    )
)
PARAMS: dict[str, Any] = {"columns": {"age": {"range": [20, 90], "bins": 7}, "sex": {}, "ill": {}, "ward": {}}}
JUDGED = {**PARAMS, "judge": ["ill", "sex"], "holdout": 0.5}
EPSILON = Privacy(1.0, 1e-6)


def rows(people: list[int], seed: int) -> Batch:
    dice = np.random.default_rng(seed)
    many = len(people)
    columns: dict[str, Any] = {
        "age": dice.integers(0, 120, many).astype(float), "sex": dice.integers(-1, 3, many).astype(np.int32),
        "ill": dice.integers(0, 2, many).astype(float), "ward": dice.integers(-1, 5, many).astype(np.int32),
        PERSON: np.array(people, dtype=np.int64),
    }  # fmt: skip
    columns["age"][dice.random(many) < 0.2] = np.nan
    return Batch(many, columns)


def without(batch: Batch, person: int) -> Batch:
    kept = batch.person != person
    return Batch(int(kept.sum()), {name: values[kept] for name, values in batch.columns.items()})


def lies(dice: np.random.Generator, sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    """States of every round, as a hub may make them up: groups of its own, a pair many times over."""
    groups = [dice.integers(0, n, n) for n in sizes]
    pairs = [sorted(dice.choice(len(sizes), 2, replace=False).tolist()) for _ in range(int(dice.integers(1, 5)))]
    odds = [[dice.normal(0, 3, n) for n in sizes] for _ in range(2)]
    return [
        {"phase": "single"},
        {"phase": "choice", "groups": groups},
        {"phase": "pairs", "pairs": pairs, "grouped": [[groups[a], groups[b]] for a, b in pairs]},
        {"phase": "judge", "common": [0, 1], "odds": odds},
    ]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10**6), owned=st.lists(st.integers(0, 6), min_size=3, max_size=20))
def test_whatever_the_hub_says_one_person_moves_sums_by_no_more_than_is_paid_for(seed: int, owned: list[int]) -> None:
    """With Gaussian noise of sd, moving a sum by d costs d^2 / (2 sd^2): over all rounds no more than the whole."""
    method = build("synthesize", JUDGED, SCHEMA, EPSILON)
    assert isinstance(method, Synthesize)
    batch, fewer = rows(owned, seed), without(rows(owned, seed), owned[0])
    spent = 0.0
    for state in lies(np.random.default_rng(seed), method.plan.sizes):
        noise = method.blur(state)
        assert noise is not None
        with_, but = (node_finish(method, [b], state, {})[0]["counts"] for b in (batch, fewer))
        spent += float(((with_ - but) ** 2).sum()) / (2 * noise.sd["counts"] ** 2)
    assert 0 < spent <= method.cost * (1 + 1e-9)


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = make_region(tmp_path / "r", patients(300, 3))
    yield made
    made.close()


ASKED: dict[str, Any] = {
    "method": "synthesize", "protection": {"epsilon": 2.0},
    "params": {"columns": {"age": {"range": [20, 90], "bins": 7}, "sex": {}, "ill": {}}},
}  # fmt: skip


def test_the_budget_is_spent_and_no_sum_is_ever_without_noise(region: Region) -> None:
    study, _, _ = counted(region, **ASKED)
    agent = region.agent("h0")
    runner, sitting = agent.runner, agent._sittings[study.id]
    for phase in ("end", "exact", "judge?"):
        with pytest.raises(Refused) as refused:
            runner.partial(sitting, {"phase": phase})
        assert refused.value.code == "no-noise"
    said = runner.partial(sitting, {"phase": "single"})["counts"]
    fresh = Runner(runner.book, runner.tables, runner.clock)
    assert (fresh.partial(sitting, {"phase": "single"})["counts"] == said).all(), "asked again it is the same noise"
    assert (said % UNIT != 0).mean() > 0.9
    groups = [np.zeros(n, np.int64) for n in sitting.method.plan.sizes]  # type: ignore[attr-defined]
    runner.partial(sitting, {"phase": "choice", "groups": groups})
    for again in ({"phase": "single"}, {"phase": "choice", "groups": [g + (np.arange(len(g)) > 0) for g in groups]}):
        with pytest.raises(Refused) as refused:
            runner.partial(sitting, again)
        assert refused.value.code == "noise-drawn"
    found = run(region, **{**ASKED, "title": "another"})
    assert found["status"] == "denied" and "HZ02" in found["problem"]["message"], "two times two is more than three"


def test_groups_that_do_not_fit_are_refused_before_memory_is_taken_for_them(region: Region) -> None:
    method = build("synthesize", PARAMS, SCHEMA, EPSILON)
    batch = rows([1, 2, 3], 0)
    good = [np.zeros(n, np.int64) for n in method.plan.sizes]  # type: ignore[attr-defined]
    for wrong in ([*good[:3], good[3] + 2**40], [*good[:3], good[3] - 1], good[:3], [*good[:3], good[3][:2]]):
        with pytest.raises(Refused) as refused:
            node_finish(method, [batch], {"phase": "choice", "groups": wrong}, {})
        assert refused.value.code == "synthesis-round"
