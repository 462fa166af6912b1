"""A deed that pays by effect, down the whole road: what is told, what is paid, what is said of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from huizhen.cli.region import Region
from huizhen.client.report import render
from huizhen.market.settle import Contribution, settle
from huizhen.model.settings import RegionSettings
from huizhen.model.settlement import Settlement, Shares
from regions import make_region, run

GLM = {"method": "glm", "params": {"formula": "y ~ a + b + c", "family": "gaussian"}, "price_fen": 100_000}
COX = {"method": "cox", "params": {"duration": "time", "event": "died", "formula": "a + b + c"}, "price_fen": 100_000}
HELD: dict[str, Any] = {"columns": ["a", "b", "c"], "holdout": 0.4}
TREES = {"method": "gbdt", "price_fen": 100_000, "params": {
    **HELD, "outcome": "y", "objective": "squared_error", "trees": 20, "depth": 2, "learning_rate": 0.3}}  # fmt: skip
NET = {"method": "nn", "price_fen": 100_000, "params": {
    **HELD, "outcome": "ill", "hidden": [], "rounds": 8, "learning_rate": 0.5}}  # fmt: skip

ROWS = 60
HONEST = ("h0", "h1", "h3", "h4", "h5", "h6")


def frames() -> dict[str, pd.DataFrame]:
    """Seven hospitals of one kind, but for h2, where the outcomes were given to other patients than theirs."""
    dice = np.random.default_rng(3)
    made = {}
    for k in range(7):
        x = dice.normal(size=(ROWS, 3)).round(4)
        risk = x @ [0.6, -0.6, 0.5]
        y, time = (risk + dice.normal(size=ROWS)).round(4), np.ceil(100 * np.exp(-risk) * dice.exponential(size=ROWS))
        frame = pd.DataFrame(dict(zip("abc", x.T, strict=True)))
        frame = frame.assign(
            patient=[f"P{k}-{i}" for i in range(ROWS)], y=y, time=time, died=dice.integers(0, 4, ROWS) > 0
        )
        if k == 2:
            frame[["a", "b", "c"]] = -frame[["a", "b", "c"]]
        made[f"h{k}"] = frame.assign(ill=(frame.y > 0).astype(int)).astype({"died": int})
    return made


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for rule in ("none", "leave-one-out", "shapley"):
        made[rule] = tmp_path_factory.mktemp(rule) / "r"
        make_region(
            made[rule], frames(), settings=RegionSettings(deed=Shares(effect=rule)), waived=["memorising-model"]
        ).close()
    return made


@pytest.fixture
def of(bases: dict[str, Path], tmp_path: Path) -> Callable[[str], Region]:
    """A region of its own, whose deed pays by this rule."""

    def copied(rule: str) -> Region:
        shutil.copytree(bases[rule], tmp_path / "r")
        return Region(tmp_path / "r")

    return copied


def paid(found: dict[str, Any]) -> dict[str, int]:
    return {x["party"]: x["fen"] for x in found["settlement"]["lines"] if x["role"] == "hospital"}


@pytest.mark.parametrize("asked", [GLM, COX, {**COX, "params": {**COX["params"], "strata": "node"}}, TREES, NET])
def test_a_hospital_whose_rows_stray_is_paid_less(of: Callable[[str], Region], asked: dict[str, Any]) -> None:
    made = of("shapley")
    found = run(made, **asked)
    made.close()
    assert found["status"] == "released", found["problem"]
    told = {h["node"]: h for h in found["settlement"]["effects"]["hospitals"]}
    assert found["settlement"]["effects"]["outcome"] == "measured"
    others = max(told[n]["misfit"] for n in HONEST)
    assert told["h2"]["misfit"] >= 2 * others, "the joint model is drawn towards h2, so that the others stray a little"
    fen = paid(found)
    assert fen["h2"] < 0.8 * np.median([fen[n] for n in HONEST])
    assert sum(x["fen"] for x in found["settlement"]["lines"]) == 100_000
    # anybody who has the tallies works the lines out again
    parts = {n: Contribution(ROWS, "1.000000", ROWS, told[n]["effect"]) for n in told}
    again = settle(found["study"], "acme", 100_000, Shares(), parts, for_profit=True)
    assert {x.party: x.fen for x in again.lines if x.role == "hospital"} == fen


def test_without_it_a_settlement_is_what_it_was(of: Callable[[str], Region]) -> None:
    made = of("none")
    found = run(made, **GLM)
    made.close()
    assert max(paid(found).values()) - min(paid(found).values()) <= 1 and "effects" not in found["settlement"]
    assert "effect" not in found["grant"]["limits"], "grants without it keep the digest they had"
    assert set(Settlement.read(found["settlement"]).as_json()) == {"study", "asker", "price_fen", "lines"}
    check = next(c for c in found["guard"] if c["check"] == "single-hospitals")
    assert check["outcome"] == "off"


def test_where_rows_are_the_effect_it_is_one_and_says_so(of: Callable[[str], Region]) -> None:
    made = of("leave-one-out")
    counted = run(made, price_fen=100_000)
    short = run(made, method="glm", params={"formula": "y ~ a", "family": "gaussian"}, price_fen=100_000)
    made.close()
    for found, why in ((counted, "rows"), (short, "few-parameters")):
        told = found["settlement"]["effects"]
        assert told["outcome"] == why and {h["effect"] for h in told["hospitals"]} == {"1.00"}
        assert max(paid(found).values()) - min(paid(found).values()) <= 1
    assert {h["misfit"] for h in counted["settlement"]["effects"]["hospitals"]} == {None}
    assert {h["misfit"] for h in short["settlement"]["effects"]["hospitals"]} == {1}, "two coefficients tell nothing"


def test_a_hospital_may_keep_it_to_itself_and_is_paid_as_the_least(of: Callable[[str], Region]) -> None:
    made = of("shapley")
    (made.folder / "nodes" / "h0" / "policy.yaml").write_text("tell_misfit: false\n")
    found = run(made, **GLM)
    made.close()
    told = {h["node"]: h for h in found["settlement"]["effects"]["hospitals"]}
    assert told["h0"]["misfit"] is None
    assert told["h0"]["effect"] == told["h2"]["effect"] == min(h["effect"] for h in told.values())


def test_the_report_shows_it_in_both_languages(of: Callable[[str], Region]) -> None:
    made = of("shapley")
    found = run(made, **GLM)
    made.close()
    english, chinese = render(found, "en"), render(found, "zh")
    assert "The deed pays by rows x quality x effect" in english and "Effect of each hospital" in english
    assert "within chance" in english and "or more" in english
    assert "贡献系数" in chinese and "在随机范围内" in chinese
