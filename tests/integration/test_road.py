"""The road from end to end, on hospitals that exist for the length of a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.settings import RegionSettings
from huizhen.node import consents, saying, uses
from huizhen.node.saying import Saying
from regions import add, load, make_region, patients, request, run


def test_a_model_over_four_hospitals_is_the_pooled_model(tmp_path: Path) -> None:
    frames = patients(400, 4)
    region = make_region(tmp_path / "r", frames)
    found = run(
        region, method="glm", params={"formula": "ill ~ age + sex + score", "family": "binomial"}, price_fen=100000
    )
    region.close()
    pooled = pd.concat(frames.values())
    fit = smf.glm("ill ~ age + sex + score", pooled, family=sm.families.Binomial()).fit(tol=1e-12)
    assert found["status"] == "released", found["problem"]
    result = found["result"]
    assert result["n"] == int(fit.nobs)
    assert result["n_missing"] == len(pooled) - int(fit.nobs)
    by_name = {c["name"]: c for c in result["coefficients"]}
    for ours, theirs in (("Intercept", "Intercept"), ("age", "age"), ("sex[T.m]", "sex[T.m]"), ("score", "score")):
        assert by_name[ours]["estimate"] == pytest.approx(fit.params[theirs], rel=1e-6)
        assert by_name[ours]["std_error"] == pytest.approx(fit.bse[theirs], rel=1e-6)
    assert result["loglik"] == pytest.approx(fit.llf, rel=1e-6)
    assert sum(line["fen"] for line in found["settlement"]["lines"]) == 100000
    assert found["bytes_up"] > 0 < found["bytes_down"]
    kinds = found["evidence"]
    assert len(kinds["entries"]) >= 6 and "— h3 " in kinds["checkpoint"]


def test_without_consents_the_answer_is_an_error_with_a_remedy_not_zero(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(90, 3), purpose=None)
    found = run(region)
    region.close()
    assert found["status"] == "denied"
    assert "no subject has consented" in found["problem"]["message"].lower()
    assert "huizhen consent" in found["problem"]["remedy"]
    assert found["result"] is None and found["settlement"] is None


def test_only_those_who_consent_are_counted_and_a_withdrawal_holds_for_the_next_run(tmp_path: Path) -> None:
    frames = patients(120, 3)
    region = make_region(tmp_path / "r", frames)
    first = run(region, price_fen=12000)
    who = str(frames["h1"]["patient"].iloc[0])
    saying.withdraw(region.agent("h1"), Saying(who, "HMB"))
    second = run(region, price_fen=12000)
    seen = uses.uses(region.agent("h1"), who)
    region.close()
    assert (first["result"]["n"], second["result"]["n"]) == (120, 119)
    assert [u["study"] for u in seen] == [first["study"]]
    assert seen[0]["fen"] in {51, 52}  # 60 % of 85 % of 120 yuan, among 120


def test_a_consent_for_a_narrower_purpose_does_not_permit_a_broader_one(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(90, 3), purpose="DS")
    found = run(region, purpose="HMB")
    region.close()
    assert found["status"] == "denied"


def test_rows_of_one_person_are_paid_once_and_counted_each(tmp_path: Path) -> None:
    frames = {k: pd.concat([v, v]) for k, v in patients(90, 3).items()}
    region = make_region(tmp_path / "r", frames)
    found = run(region, price_fen=1000)
    region.close()
    assert found["result"]["n"] == 180
    assert sum(line["fen"] for line in found["settlement"]["lines"] if line["role"] == "patients") == 510


def test_two_hospitals_are_refused_unless_all_allow_plain_sums(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(90, 2))
    refused = run(region)
    still = run(region, protection={"secure_sum": False})
    for name in region.names():
        (region.folder / "nodes" / name / "policy.yaml").write_text("allow_plain: true\n")
    allowed = run(region, protection={"secure_sum": False})
    region.close()
    assert refused["status"] == still["status"] == "denied"
    assert allowed["status"] == "released" and allowed["result"]["n"] == 90


def test_three_hospitals_of_which_two_contribute_are_refused(tmp_path: Path) -> None:
    frames = patients(90, 3)
    region = make_region(tmp_path / "r", frames, purpose=None)
    for name in ("h0", "h1"):
        words = [(str(s), "HMB", None, True, None, None) for s in frames[name]["patient"]]
        consents.record(region.agent(name), words)
    found = run(region)
    region.close()
    assert found["status"] == "denied" and found["result"] is None


def test_the_cohort_is_applied_at_the_node_and_null_is_not_true(tmp_path: Path) -> None:
    frames = patients(150, 3)
    region = make_region(tmp_path / "r", frames)
    found = run(region, cohort="score > 9 AND sex = 'f'")
    region.close()
    pooled = pd.concat(frames.values())
    assert found["result"]["n"] == int(((pooled.score > 9) & (pooled.sex == "f")).sum())


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "nothing"},
        {"method": "magic"},
        {"participants": ["h0", "h1", "mars"]},
        {"cohort": "patient = 'P1'"},
        {"cohort": "age >"},
        {"method": "glm", "params": {"formula": "ill ~ agee"}},
        {"method": "glm", "params": {"formulla": "ill ~ age"}},
        {"method": "describe", "params": {"columns": ["patient"]}},
    ],
)
def test_what_is_wrong_with_a_request_is_said_before_anything_is_recorded(tmp_path: Path, changes: dict) -> None:
    region = make_region(tmp_path / "r", patients(60, 3))
    before = region.hub.store.size()
    with pytest.raises(BadInput):
        region.road().run(request(**changes))
    assert region.hub.store.size() == before
    region.close()


def test_a_column_that_is_empty_at_one_hospital_and_a_level_seen_at_one_only(tmp_path: Path) -> None:
    frames = patients(200, 4)
    frames["h0"] = frames["h0"].assign(score=np.nan)
    frames["h1"] = frames["h1"].assign(sex="x")
    region = make_region(tmp_path / "r", frames)
    params = {"formula": "ill ~ sex + score", "family": "binomial"}
    found = run(region, method="glm", params=params, protection={"min_cell": 5})
    region.close()
    pooled = pd.concat(frames.values())
    fit = smf.glm("ill ~ sex + score", pooled, family=sm.families.Binomial()).fit(tol=1e-12)
    assert found["status"] == "released", found["problem"]
    got = {c["name"]: c["estimate"] for c in found["result"]["coefficients"]}
    assert got == pytest.approx(dict(fit.params), rel=1e-6)


def test_the_deed_decides_the_shares(tmp_path: Path) -> None:
    settings = RegionSettings.read({"deed": {"operator_percent": 10, "hospital_parts": 1, "patient_parts": 1}})
    region = make_region(tmp_path / "r", patients(90, 3), settings=settings)
    found = run(region, price_fen=1000)
    region.close()
    by_role: dict[str, int] = {}
    for line in found["settlement"]["lines"]:
        by_role[line["role"]] = by_role.get(line["role"], 0) + line["fen"]
    assert by_role == {"operator": 100, "hospital": 450, "patients": 450}


def test_a_purpose_without_profit_settles_at_cost(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(90, 3), purpose="HGR")
    found = run(region, purpose="HGR", price_fen=100000)
    region.close()
    roles = {line["role"]: line["fen"] for line in found["settlement"]["lines"]}
    assert "patients" not in roles and roles["refund"] > 90000
    assert sum(line["fen"] for line in found["settlement"]["lines"]) == 100000


def test_a_listed_asker_is_refused(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(90, 3), settings=RegionSettings(blacklist=("shady",)))
    found = run(region, asker="shady")
    region.close()
    assert found["status"] == "denied" and "CN30" in found["problem"]["message"]


def test_data_replaced_at_a_hospital_are_what_the_next_study_reads(tmp_path: Path) -> None:
    frames = patients(120, 3)
    region = make_region(tmp_path / "r", frames)
    more = pd.concat([frames["h2"], frames["h2"].assign(patient=lambda d: "N" + d["patient"])])
    add(region, "h2", more)
    words = [(str(s), "HMB", None, True, None, None) for s in more["patient"].unique()]
    consents.record(region.agent("h2"), words)
    found = run(region)
    region.close()
    assert found["result"]["n"] == 120 + len(frames["h2"])


def test_a_cohort_over_a_column_that_is_empty_at_one_hospital(tmp_path: Path) -> None:
    frames = patients(200, 4)
    frames["h0"] = frames["h0"].assign(score=np.nan)
    region = make_region(tmp_path / "r", frames)
    found = run(region, cohort="score > 9 OR age >= 80")
    region.close()
    pooled = pd.concat(frames.values())
    assert found["result"]["n"] == int(((pooled.score > 9) | (pooled.age >= 80)).sum())


def test_two_studies_at_once_cannot_both_be_released_when_their_difference_is_a_few_people(tmp_path: Path) -> None:
    """The second takes its census before the first is released, so only the last check can see the first."""
    frames = patients(240, 4)
    region = make_region(tmp_path / "r", frames)
    oldest = int(max(f["age"].max() for f in frames.values()))
    inner: list[dict] = []

    def meanwhile(step: str, text: Text) -> None:
        if step == "compute" and text.en != "census" and not inner:
            inner.append({})
            inner[0] = run(region, title="the inner", cohort=f"age >= 20 AND NOT (age = {oldest})")

    asked = request(
        title="the outer", cohort="age >= 20", method="glm", params={"formula": "time ~ age", "family": "gaussian"}
    )
    found = load(region, region.road(meanwhile).run(asked))
    region.close()
    assert inner[0]["status"] == "released"
    assert found["status"] == "failed" and found["problem"]["code"] == "overtaken"
    assert found["result"] is None and found["settlement"] is None


def test_two_studies_at_once_cannot_overspend_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    region = make_region(tmp_path / "r", patients(120, 3), settings=RegionSettings(epsilon_cap=1.0))
    from huizhen.path import run as road

    honest, inner = road.authorise, []

    def meanwhile(*args: Any) -> Any:
        if not inner:
            inner.append(None)
            inner[0] = run(region, title="the inner", protection={"epsilon": 0.7})
        return honest(*args)

    monkeypatch.setattr(road, "authorise", meanwhile)
    found = run(region, title="the outer", protection={"epsilon": 0.7})
    spent = region.hub.store.budget_history("acme", "d")
    region.close()
    assert inner[0]["status"] == "released" and inner[0]["epsilon_spent"] == 0.7
    assert found["status"] == "denied" and found["problem"]["code"] == "budget-taken"
    assert spent == (0.7,)


def test_noise_is_paid_for_from_a_budget_that_ends(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(120, 3), settings=RegionSettings(epsilon_cap=1.0))
    statuses = [run(region, title=f"q{i}", protection={"epsilon": 0.4})["status"] for i in range(4)]
    other = run(region, asker="another", protection={"epsilon": 0.4})["status"]
    region.close()
    assert statuses == ["released", "released", "denied", "denied"]
    assert other == "released"
