"""What could be tried where hospitals are paid by effect: by the hub, by an asker, and by a hospital."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curious import CuriousHub
from huizhen.cli.region import Region
from huizhen.kit import wire
from huizhen.kit.errors import HuizhenError
from huizhen.model.settings import RegionSettings
from huizhen.model.settlement import Shares
from huizhen.node import effect
from huizhen.path import secure_round
from huizhen.statistics import misfit
from regions import make_region, patients, request, run

ASKED = {"method": "glm", "params": {"formula": "time ~ age + score + ill", "family": "gaussian"}}
EVERYONE = ("h0", "h1", "h2", "h3")


@pytest.fixture
def region(tmp_path: Path) -> Region:
    return make_region(tmp_path / "r", patients(240, 4), settings=RegionSettings(deed=Shares(effect="shapley")))


def isolated(opened: list[tuple[str, ...]]) -> int:
    """The fewest hospitals that any combination of sums over these companies comes down to."""
    matrix = np.array([[float(n in company) for n in EVERYONE] for company in opened])
    rank = np.linalg.matrix_rank(matrix)
    for k in range(1, len(EVERYONE) + 1):
        for left in itertools.combinations(range(len(EVERYONE)), k):
            if np.linalg.matrix_rank(np.delete(matrix, left, axis=1)) < rank:
                return k
    raise AssertionError("no sum was opened")


def test_every_sum_of_a_study_is_over_all_hospitals_so_no_combination_isolates_fewer(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, masked = [], secure_round.Round.masked

    def noted(self: secure_round.Round, link: Any) -> secure_round.Summed:
        summed = masked(self, link)
        opened.append(summed.company)
        return summed

    monkeypatch.setattr(secure_round.Round, "masked", noted)
    found = run(region, **ASKED)
    region.close()
    assert found["settlement"]["effects"]["outcome"] == "measured" and len(opened) > 3
    assert isolated(opened) == 4
    # the control: one sum more, without h3, would be enough to see it alone
    assert isolated([*opened, EVERYONE[:3]]) == 1


class AskingHub:
    """Runs a study by its rounds, and keeps what it may ask again."""

    def __init__(self, region: Region) -> None:
        self.hub = CuriousHub(region, request(**ASKED))
        self.hub.ask(EVERYONE, None, 0)

    def fit(self) -> dict[str, Any]:
        """All rounds; the state of the last."""
        state = self.hub.method.start()
        for number in range(1, 100):
            total = self.hub.ask(EVERYONE, state, number)
            step = self.hub.method.combine(total, state)
            if not hasattr(step, "state"):
                return state
            state = step.state
        raise AssertionError("no end")

    def tell(self, node: str, state: Any) -> int | None:
        heard = self.hub.link.ask("tally", {node: {"study": self.hub.study.id, "state": state}})
        for problem in heard.refusals.values():
            raise problem
        told: int | None = heard.answers[node].get("misfit")
        return told


def elsewhere(state: dict[str, Any], beta: float) -> dict[str, Any]:
    """The state with coefficients of the hub's own choice."""
    return {**state, "newton": {**state["newton"], "beta": np.full_like(state["newton"]["beta"], beta)}}


def test_the_hub_cannot_ask_how_a_model_of_its_own_suits_one_hospital(region: Region) -> None:
    hub = AskingHub(region)
    last = hub.fit()
    for beta in (-1.0, 0.5, 2.0):
        with pytest.raises(HuizhenError, match="another model") as refused:
            hub.tell("h1", elsewhere(last, beta))
        assert refused.value.code == "another-model"
    with pytest.raises(HuizhenError, match="another model"):
        hub.tell("h1", None)
    assert hub.tell("h1", last) == 1
    region.close()


def test_it_is_told_once_whatever_round_is_made_up_afterwards(region: Region) -> None:
    hub = AskingHub(region)
    last = hub.fit()
    first = hub.tell("h1", last)
    for number, beta in enumerate((-2.0, 1.0, 4.0)):
        hub.hub.ask(EVERYONE, elsewhere(last, beta), 101 + number)
        assert hub.tell("h1", elsewhere(last, beta)) == first
    region.close()


def test_the_attack_works_where_the_node_answers_whatever_it_is_asked(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with models of its own the hub finds how far off a hospital's own fit is, in any direction."""
    hub = AskingHub(region)
    last, book = hub.fit(), region.agent("h1").book
    get, told = book.get, []
    monkeypatch.setattr(book, "get", lambda key: None if key.startswith("misfit:") else get(key))
    for beta in (0.0, 0.5, 1.0, 2.0):
        asked = wire.decode(wire.encode(elsewhere(last, beta)))
        book.put(f"asked:{hub.hub.study.id}", effect.question_of(asked).hex())
        told.append(hub.tell("h1", asked))
    region.close()
    assert told == sorted(told) and len(set(told)) >= 3, told


def test_the_misfit_of_a_mean_would_be_the_hospitals_own_mean_and_is_not_told() -> None:
    """With one coefficient, rows and an exact misfit give the distance of a hospital's mean from the joint one."""
    dice = np.random.default_rng(5)
    own, joint = dice.normal(0.8, 1, 200), 0.0
    score, information = np.array([(own - joint).sum()]), np.array([[200.0]])
    chi2, _ = misfit.statistic(score, information)
    assert np.sqrt(chi2 / 200) == pytest.approx(own.mean()), "the attack on what is not told"
    assert misfit.level(score, information) == 1, "what is told"


def test_hospitals_whose_rows_differ_within_chance_cannot_be_told_apart() -> None:
    dice, told = np.random.default_rng(6), set()
    for _ in range(200):
        x = np.column_stack([np.ones(50), dice.normal(size=(50, 3))])
        score = x.T @ dice.normal(size=50)
        if misfit.statistic(score, x.T @ x)[0] < 13:
            told.add(misfit.level(score, x.T @ x))
    assert told == {1}
