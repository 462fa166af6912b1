"""A model is released, and evaluated down the same road: by its id, by its asker, with figures of single hospitals only
where these give them away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss

from huizhen.cli.region import Region
from huizhen.kit.errors import BadInput, NotFound
from regions import make_region, patients, request, run

NODES = ("h0", "h1", "h2", "h3", "h4")
FIT = {"method": "glm", "params": {"formula": "ill ~ age + sex", "family": "binomial"}}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = make_region(tmp_path_factory.mktemp("evaluate") / "r", patients(900, 5), waived=["own-figures"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def model(region: Region) -> dict[str, Any]:
    return run(region, **FIT)


def give(region: Region, *names: str) -> None:
    for name in NODES:
        text = "own_figures: true\n" if name in names else ""
        (region.folder / "nodes" / name / "policy.yaml").write_text(text)


def evaluate(region: Region, model: dict[str, Any], **params: Any) -> dict[str, Any]:
    return run(region, method="evaluate", params={"model": model["study"], "outcome": "ill", **params})


def risks(model: dict[str, Any], frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    b = {c["name"]: c["estimate"] for c in model["result"]["coefficients"]}
    eta = b["Intercept"] + b["age"] * frame.age + b["sex[T.m]"] * (frame.sex == "m")
    return (1 / (1 + np.exp(-eta))).to_numpy()


def test_a_model_is_evaluated_by_its_id_and_the_study_carries_the_model(region: Region, model: dict[str, Any]) -> None:
    give(region)
    found = evaluate(region, model)
    assert found["status"] == "released", found["problem"]
    whole = pd.concat(patients(900, 5).values())
    assert found["result"]["n"] == 900 and found["result"]["model"] == model["study"]
    assert found["result"]["brier"] == pytest.approx(brier_score_loss(whole.ill, risks(model, whole)), rel=1e-9)
    carried = found["request"]["params"]["model"]
    assert carried["study"] == model["study"] and carried["values"]["coefficients"] == model["result"]["coefficients"]
    again = evaluate(region, model, reference=found["study"])
    assert again["result"]["drift"]["score"] == {**again["result"]["drift"]["score"], "psi": 0.0, "ks": 0.0}
    assert set(found["own"].values()) == {None}


def test_another_askers_model_is_none_and_a_model_of_ones_own_making_is_refused(
    region: Region, model: dict[str, Any]
) -> None:
    named = {"method": "evaluate", "params": {"model": model["study"], "outcome": "ill"}}
    with pytest.raises(NotFound) as stranger:
        run(region, **named, asker="somebody-else")
    assert stranger.value.code == "no-model"
    made_up = {**model, "study": "st-0000000000000000"}
    with pytest.raises(NotFound):
        evaluate(region, made_up)
    carried = {"study": model["study"], "method": "glm", "version": "1", "params": {}, "table": {}, "values": {}}
    with pytest.raises(BadInput) as forged:
        region.road().begin(request(method="evaluate", params={"model": carried, "outcome": "ill"}))
    assert forged.value.code == "model-by-id"
    count = run(region)
    with pytest.raises(BadInput) as no_model:
        evaluate(region, count)
    assert no_model.value.code == "not-an-evaluable-model"


@pytest.mark.parametrize(("giving", "told"), [(NODES, NODES), (NODES[:4], ()), (NODES[:3], ()), (NODES[:2], NODES[:2])])
def test_a_hospitals_own_figures_are_there_only_where_none_or_three_withhold_theirs(
    region: Region, model: dict[str, Any], giving: tuple[str, ...], told: tuple[str, ...]
) -> None:
    give(region, *giving)
    own = evaluate(region, model)["own"]
    assert sorted(name for name, figures in own.items() if figures is not None) == sorted(told)
    for name in told:
        rows = patients(900, 5)[name]
        assert own[name]["rows"] == round(len(rows), -1)
        expected = float(f"{brier_score_loss(rows.ill, risks(model, rows)):.2g}")
        assert own[name]["brier"] == expected and own[name]["auc"] == pytest.approx(own[name]["auc"], abs=0.005)


def test_below_ten_cells_of_rows_nothing_of_one_hospital_is_shown(region: Region, model: dict[str, Any]) -> None:
    give(region, *NODES)
    own = run(region, method="evaluate", params={"model": model["study"], "outcome": "ill"},
              protection={"min_cell": 18}, title="smaller")["own"]  # fmt: skip
    sizes = {name: len(frame) for name, frame in patients(900, 5).items()}
    assert {name for name, figures in own.items() if figures is not None} == {n for n in sizes if sizes[n] >= 180}
    assert 0 < sum(size >= 180 for size in sizes.values()) < 5
