"""A net with noise in every sum, on the road: what it costs, what a hub that lies gets, who withdraws on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from huizhen.adapters.local import LocalFederation
from huizhen.adapters.table import Work
from huizhen.cli.region import Region
from huizhen.kit.errors import Refused
from huizhen.model.partial import Partial
from huizhen.model.settings import RegionSettings
from huizhen.node import consents
from huizhen.node.runner import Runner
from huizhen.path.compute import count_field
from huizhen.statistics.noisy_net import UNIT
from regions import counted, load, make_region, run, silence

PARAMS = {
    "outcome": "ill", "columns": ["age", "score"], "hidden": [2], "rounds": 4,
    "ranges": {"age": [20, 90], "score": [0, 20]},
}  # fmt: skip
ASKED: dict[str, Any] = {"method": "nn", "params": PARAMS, "protection": {"epsilon": 2.0}}


def visits(people: int = 300, nodes: int = 3) -> dict[str, pd.DataFrame]:
    """Patients with one to four visits each; who is old falls ill."""
    dice = np.random.default_rng(3)
    who = np.repeat(np.arange(people), dice.integers(1, 5, people))
    age = dice.integers(20, 90, people)[who]
    ill = (dice.random(people) < 1 / (1 + np.exp(-(age[np.searchsorted(who, np.arange(people))] - 55) / 8)))[who]
    frame = pd.DataFrame(
        {"patient": [f"P{i}" for i in who], "age": age, "score": dice.normal(10, 3, len(who)).round(2), "ill": ill * 1}
    )
    return {f"h{k}": frame[who % nodes == k] for k in range(nodes)}


@pytest.fixture
def region(tmp_path: Path) -> Any:
    made = make_region(tmp_path / "r", visits(), waived=["memorising-model"])
    yield made
    made.close()


def test_people_with_several_rows_are_protected_and_the_budget_is_spent(region: Region) -> None:
    found = run(region, **ASKED)
    assert found["status"] == "released", found["problem"]
    assert found["epsilon_spent"] == 2.0 and region.hub.store.budget_history("acme", "d") == (2.0,)
    assert found["rounds"] == PARAMS["rounds"] + 2
    checks = {c["check"]: c for c in found["guard"]}
    assert checks["noise"]["outcome"] == "changed" and "2" in checks["noise"]["en"]
    assert "0.762" in checks["membership"]["en"]  # (e^2 - 1) / (e^2 + 1)
    assert "n_missing" not in found["result"]
    assert abs(found["result"]["n"] - 300) < 120
    assert found["result"]["privacy"] == {
        "epsilon": 2.0, "delta": 1e-7, "rounds": 4,
        "noise_multiplier": pytest.approx(found["result"]["privacy"]["noise_multiplier"]),
    }  # fmt: skip
    assert run(region, **{**ASKED, "title": "again"})["status"] == "denied"


def opened(region: Region) -> tuple[Runner, Any, Any, dict[str, Any]]:
    """A node with the study open and the census taken, and the state of the first round."""
    study, method, standing = counted(region, **ASKED)
    assert standing.number == 0
    agent = region.agent("h0")
    return agent.runner, agent._sittings[study.id], method, standing.state


def test_a_hub_that_lies_about_the_round_gets_no_sum_without_noise(region: Region) -> None:
    runner, sitting, method, _ = opened(region)
    weights = {"weights": np.zeros(method.weights), "n": np.array([200, 50])}
    exact = [
        {**weights, "phase": "train", "round": 0, "step": None, "centre": np.zeros(2), "size": np.ones(2)},
        {**weights, "phase": "rank", "centre": np.zeros(2), "size": np.ones(2)},
        {**weights, "phase": "descend", "round": PARAMS["rounds"]},
        {**weights, "phase": "descend", "round": -1},
        {**weights, "phase": "descend", "round": 0.5},
    ]
    for state in exact:
        with pytest.raises(Refused) as refused:
            runner.partial(sitting, state)
        assert refused.value.code == "no-noise"
    assert runner.book.noised(sitting.study.id) is None


def test_each_step_is_answered_once_and_asked_again_alike(region: Region) -> None:
    runner, sitting, method, first = opened(region)
    said = runner.partial(sitting, first)
    again = runner.partial(sitting, first)
    assert (said["persons"] == again["persons"]).all()
    state = {"phase": "descend", "round": 0, "weights": np.zeros(method.weights), "n": np.array([200.0, 50.0])}
    one = runner.partial(sitting, state)
    fresh = Runner(runner.book, runner.tables, runner.clock)  # as after a restart: the book remembers
    assert (fresh.partial(sitting, state)["slope"] == one["slope"]).all()
    for other in (first, {**state, "weights": np.ones(method.weights)}):
        with pytest.raises(Refused) as refused:
            fresh.partial(sitting, other)
        assert refused.value.code == "noise-drawn"


def test_who_withdraws_is_in_no_later_sum_and_the_step_is_not_drawn_anew(region: Region) -> None:
    runner, sitting, method, first = opened(region)
    before = int(runner.partial(sitting, first)[count_field("people")])
    consents.record(region.agent("h0"), [("P0", "HMB", None, False, None, None)])
    with pytest.raises(Refused) as refused:
        runner.partial(sitting, first)
    assert refused.value.code == "noise-drawn"
    state = {"phase": "descend", "round": 0, "weights": np.zeros(method.weights), "n": np.array([200.0, 50.0])}
    assert int(runner.partial(sitting, state)[count_field("people")]) == before - 1


def test_a_withdrawal_on_the_way_costs_no_further_sum(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    sums: list[int] = []
    partial = Runner.partial

    def watched(self: Runner, sitting: Any, state: dict[str, Any]) -> Partial:
        said = partial(self, sitting, state)
        if self.book is region.agent("h0").book:
            sums.append(int(said[count_field("people")]))
            if len(sums) == 3:
                consents.record(region.agent("h0"), [("P0", "HMB", None, False, None, None)])
        return said

    monkeypatch.setattr(Runner, "partial", watched)
    found = run(region, **ASKED)
    assert found["status"] == "released", found["problem"]
    assert len(sums) == PARAMS["rounds"] + 2 == found["rounds"]
    assert sums[2] == sums[0] and sums[3:] == [sums[0] - 1] * 3


def test_a_round_whose_answer_got_lost_is_asked_again_and_draws_nothing_anew(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Masked sums of one node are lost on their way, once in every round."""
    sent: dict[int, list[bytes]] = {}
    partial = Runner.partial

    def watched(self: Runner, sitting: Any, state: dict[str, Any]) -> Partial:
        said = partial(self, sitting, state)
        if self.book is region.agent("h1").book:
            step = sitting.method.blur(state).step
            sent.setdefault(step, []).append(b"".join(v.tobytes() for v in said.fields.values()))
        return said

    lost: set[int] = set()

    def loses(node: str, kind: str, body: dict[str, Any]) -> bool:
        if node != "h2" or kind != "mask" or body["round"] in lost or body["round"] == 0:
            return False
        lost.add(body["round"])
        return True

    monkeypatch.setattr(Runner, "partial", watched)
    monkeypatch.setattr(LocalFederation, "wait", lambda *_: True)
    silence(region, monkeypatch, loses)
    found = run(region, **ASKED)
    assert found["status"] == "released", found["problem"]
    assert [len(answers) for answers in sent.values()] == [2] * (PARAMS["rounds"] + 2)
    assert all(one == other for one, other in sent.values())


def test_the_noise_of_the_nodes_adds_up_to_what_was_accounted_for(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of three hospitals must be honest, so the sum has 1.5 times the variance: taken from the difference between
    what leaves the nodes and what their rows make."""
    _, sitting, method, first = opened(region)
    noise = method.blur({**first, "phase": "grade"})
    state = {"phase": "grade", "weights": method.net.initial(0), "n": np.array([200.0, 50.0])}
    parts = []
    for name in ("h0", "h1", "h2"):
        agent = region.agent(name)
        own = agent._sittings[sitting.study.id]
        people = agent.book.inclusion(sitting.study.id)[1]
        exact, _ = agent.runner.tables.of("d").total(own.selection, people, Work(own.method, state))
        parts.append(agent.runner.partial(own, state)["ranks"] - own.method.finish(exact, state, {})[0]["ranks"])
    share = noise.sd["ranks"] / np.sqrt(2)
    for part in parts:
        assert part.std() == pytest.approx(share, rel=0.7)
    assert np.sum(parts, axis=0).std() == pytest.approx(share * np.sqrt(3), rel=0.6)
    assert share > 64 and noise.sd["ranks"] / UNIT > 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"protection": {"epsilon": 0.001}}, "epsilon-out-of-range"),
        ({"protection": {"epsilon": 0.02}}, "noise-drowns"),
        ({"protection": {"epsilon": 2.0, "delta": 1e-5}}, "not-authorised"),
        ({"protection": {"epsilon": 2.0, "secure_sum": False}}, "noise-needs-masks"),
        ({"params": {**PARAMS, "ranges": {"age": [20, 90]}}}, "ranges-missing"),
        ({"params": {**PARAMS, "personal": "head"}}, "not-with-noise"),
        ({"params": {**PARAMS, "keep": 0.5}}, "not-with-noise"),
    ],
)
def test_what_cannot_be_had_with_noise_is_refused_and_costs_nothing(
    region: Region, changes: dict[str, Any], code: str
) -> None:
    try:
        found = run(region, **{**ASKED, **changes})
        assert found["status"] in {"denied", "failed"} and found["problem"]["code"] == code
    except Exception as problem:
        assert getattr(problem, "code", None) == code
    assert region.hub.store.budget_history("acme", "d") == ()


def test_deltas_add_up_to_what_the_region_allows(tmp_path: Path) -> None:
    region = make_region(
        tmp_path / "r", visits(), settings=RegionSettings(epsilon_cap=10.0, delta=1.5e-7), waived=["memorising-model"]
    )
    first, second = (run(region, **{**ASKED, "title": title}) for title in ("one", "two"))
    grant = load(region, second["study"])["grant"]
    counted = run(region, title="three", protection={"epsilon": 0.5})
    region.close()
    assert first["status"] == "released" and second["status"] == "denied"
    assert "2e-07" in next(r["en"] for r in grant["reasons"] if r["rule"] == "HZ02")
    assert counted["status"] == "denied" and "more than one row" in str(counted["problem"])
