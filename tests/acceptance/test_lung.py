"""The NCCTG lung trial at its 18 real institutions, down the whole road, against what R answers on the pooled table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lifelines.datasets import load_lung

from huizhen.cli.region import Region
from regions import make_region, run

PARAMS = {"duration": "time", "event": "died", "formula": "age + sex + ph_ecog"}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    table = load_lung().rename(columns={"ph.ecog": "ph_ecog", "status": "died"})
    table = table[["inst", "time", "died", "age", "sex", "ph_ecog"]]
    table["patient"] = [f"N{i:04d}" for i in range(len(table))]
    frames = {f"inst{int(k):02d}": g.drop(columns="inst") for k, g in table.dropna(subset="inst").groupby("inst")}
    assert len(frames) == 18
    made = make_region(tmp_path_factory.mktemp("lung") / "r", frames)
    yield made
    made.close()


def estimates(found: dict) -> dict[str, float]:
    return {c["name"]: c["estimate"] for c in found["result"]["coefficients"]}


def test_cox_stratified_by_institution_is_what_r_says(region: Region) -> None:
    found = run(region, method="cox", params={**PARAMS, "strata": "node"}, price_fen=120000)
    assert found["status"] == "released", found["problem"]
    result = found["result"]
    assert (result["n"], result["n_missing"]) == (226, 1)
    assert estimates(found) == pytest.approx({"age": 0.0095613, "sex": -0.5473567, "ph_ecog": 0.5972532}, abs=5e-8)
    assert result["loglik"] == pytest.approx(-311.249569, abs=5e-7)
    assert sum(line["fen"] for line in found["settlement"]["lines"]) == 120000


def test_cox_without_strata_is_what_lifelines_says(region: Region) -> None:
    from lifelines import CoxPHFitter

    found = run(region, method="cox", params=PARAMS)
    table = load_lung().rename(columns={"ph.ecog": "ph_ecog"}).dropna(subset=["inst", "ph_ecog"])
    fit = CoxPHFitter().fit(
        table[["time", "status", "age", "sex", "ph_ecog"]], "time", "status", fit_options={"precision": 1e-12}
    )
    assert found["status"] == "released", found["problem"]
    assert estimates(found) == pytest.approx(dict(fit.params_), rel=1e-6)
    errors = {c["name"]: c["std_error"] for c in found["result"]["coefficients"]}
    assert errors == pytest.approx(dict(fit.standard_errors_), rel=1e-6)
    assert found["result"]["loglik"] == pytest.approx(fit.log_likelihood_, rel=1e-6)
    assert found["result"]["concordance"] == pytest.approx(fit.concordance_index_, abs=1e-6)


def test_breslow_is_what_statsmodels_says(region: Region) -> None:
    import statsmodels.duration.api as sm

    found = run(region, method="cox", params={**PARAMS, "ties": "breslow"})
    table = load_lung().rename(columns={"ph.ecog": "ph_ecog"}).dropna(subset=["inst", "ph_ecog"])
    fit = sm.PHReg(table["time"], table[["age", "sex", "ph_ecog"]], table["status"], ties="breslow").fit()
    assert list(estimates(found).values()) == pytest.approx(list(fit.params), rel=1e-6)
