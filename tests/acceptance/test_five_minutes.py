"""The five-minute try: an unfamiliar CSV, split into four hospitals at random, answers as if it had stayed whole.

Every method, through the real commands, against statsmodels, lifelines, scikit-learn, scipy and pandas on all rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.datasets import load_gbsg2, load_kidney_transplant
from lifelines.statistics import multivariate_logrank_test
from scipy.stats import chi2_contingency
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import StandardScaler

from commands import NAMES, Region, done, huizhen, split

TOL = 1e-6
ADULT = Path(__file__).parents[3] / "shared" / "data" / "adult" / "adult.csv"


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """With a column that tells people apart, as any hospital's table has."""
    return frame.assign(person=[f"P{i:05d}" for i in range(len(frame))])


def region(folder: Path, frame: pd.DataFrame, small: tuple[int, ...] = (), **more: Any) -> Region:
    return Region(folder, dict(zip(NAMES, split(frame, small=small), strict=True)), "person", **more)


def check_coefficients(found: dict[str, Any], estimates: pd.Series, errors: pd.Series) -> None:
    """Estimates and standard errors in the order and under the names of the pooled model."""
    names = [c["name"] for c in found["coefficients"]]
    assert names == list(estimates.index)
    assert [c["estimate"] for c in found["coefficients"]] == pytest.approx(list(estimates), rel=TOL)
    assert [c["std_error"] for c in found["coefficients"]] == pytest.approx(list(errors), rel=TOL)


@pytest.fixture(scope="module")
def cancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Region, pd.DataFrame]]:
    """Column names with blanks, many of them."""
    frame = numbered(load_breast_cancer(as_frame=True).frame)
    yield region(tmp_path_factory.mktemp("cancer"), frame), frame


@pytest.fixture(scope="module")
def breast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Region, pd.DataFrame]]:
    """A trial at four hospitals, of which one has a single patient and one has nine."""
    frame = numbered(load_gbsg2())
    yield region(tmp_path_factory.mktemp("breast"), frame, small=(1, 9)), frame


def test_poisson_on_visits_to_the_doctor(tmp_path: Path):
    frame = numbered(sm.datasets.randhie.load_pandas().data).iloc[::10]
    formula = "mdvis ~ lncoins + idp + lpi + physlm * hlthp"
    found = region(tmp_path, frame).result(method="glm", params={"formula": formula, "family": "poisson"})
    fit = smf.glm(formula, frame, family=sm.families.Poisson()).fit(tol=1e-12)
    check_coefficients(found, fit.params, fit.bse)
    assert (found["n"], found["n_missing"]) == (len(frame), 0)
    assert found["loglik"] == pytest.approx(fit.llf, rel=TOL)
    assert found["deviance"] == pytest.approx(fit.deviance, rel=TOL)


def test_linear_regression_on_diabetes(tmp_path: Path):
    frame = numbered(load_diabetes(as_frame=True).frame)
    formula = "target ~ age + sex + bmi + bp + s1 + s5"
    found = region(tmp_path, frame).result(method="glm", params={"formula": formula, "family": "gaussian"})
    fit = smf.glm(formula, frame).fit()
    check_coefficients(found, fit.params, fit.bse)
    assert found["r_squared"] == pytest.approx(smf.ols(formula, frame).fit().rsquared, rel=TOL)
    assert found["loglik"] == pytest.approx(fit.llf, rel=TOL)


def test_logistic_regression_on_columns_with_blanks_in_their_names(cancer: tuple[Region, pd.DataFrame]):
    where, frame = cancer
    found = where.result(
        method="glm", params={"formula": "target ~ `mean radius` + `mean texture`", "family": "binomial"}
    )
    fit = smf.glm("target ~ Q('mean radius') + Q('mean texture')", frame, family=sm.families.Binomial()).fit(tol=1e-12)
    assert [c["name"] for c in found["coefficients"]] == ["Intercept", "mean radius", "mean texture"]
    assert [c["estimate"] for c in found["coefficients"]] == pytest.approx(list(fit.params), rel=TOL)
    assert [c["std_error"] for c in found["coefficients"]] == pytest.approx(list(fit.bse), rel=TOL)


def test_principal_components(cancer: tuple[Region, pd.DataFrame]):
    where, frame = cancer
    columns = ["mean radius", "mean texture", "mean smoothness"]
    found = where.result(method="pca", params={"columns": columns})
    variance = np.linalg.eigvalsh(np.corrcoef(frame[columns].T))[::-1]
    assert [c["variance"] for c in found["components"]] == pytest.approx(list(variance), rel=TOL)


def test_clusters(cancer: tuple[Region, pd.DataFrame]):
    where, frame = cancer
    columns = ["mean radius", "mean texture"]
    found = where.result(method="kmeans", params={"columns": columns, "k": 3})
    x = StandardScaler().fit_transform(frame[columns]) * np.sqrt((len(frame) - 1) / len(frame))
    ours = np.array([[(c[k] - frame[k].mean()) / frame[k].std() for k in columns] for c in found["centres"]])
    there = KMeans(3, init=ours, n_init=1, tol=1e-12).fit(x)
    assert there.cluster_centers_ == pytest.approx(ours, rel=TOL)  # an optimum of the pooled rows
    assert found["inertia"] == pytest.approx(there.inertia_, rel=TOL)
    assert found["sizes"] == list(np.bincount(there.labels_))
    elsewhere = KMeans(3, n_init=10, random_state=0, tol=1e-12).fit(x)
    assert found["inertia"] <= elsewhere.inertia_ * (1 + TOL)  # and no worse than the best of ten other starts


def test_description_and_histogram(cancer: tuple[Region, pd.DataFrame]):
    where, frame = cancer
    found = where.result(method="describe", params={"columns": ["mean area", "target"]})["columns"]
    area = frame["mean area"]
    assert found["mean area"]["mean"] == pytest.approx(area.mean(), rel=TOL)
    assert found["mean area"]["sd"] == pytest.approx(area.std(), rel=TOL)
    quantiles = [q["value"] for q in found["mean area"]["quantiles"]]
    assert quantiles == pytest.approx(list(area.quantile([0.25, 0.5, 0.75])), rel=TOL)
    counted = where.result(method="histogram", params={"column": "mean area", "edges": [0, 400, 600, 900, 3000]})
    assert counted["counts"][1:-1] == list(np.histogram(area, [0, 400, 600, 900, 3000])[0])


def test_a_cohort_over_quoted_names(cancer: tuple[Region, pd.DataFrame]):
    where, frame = cancer
    found = where.result(method="count", params={"by": "target"}, cohort='"mean radius" > 12 AND "mean area" < 900')
    kept = frame[(frame["mean radius"] > 12) & (frame["mean area"] < 900)]
    assert (found["n"], found["counts"]) == (len(kept), list(kept["target"].value_counts().sort_index()))


def test_cox_where_one_hospital_has_a_single_patient(breast: tuple[Region, pd.DataFrame]):
    where, frame = breast
    formula = "horTh + age + menostat + tgrade + pnodes"
    found = where.result(method="cox", params={"duration": "time", "event": "cens", "formula": formula})
    fit = CoxPHFitter().fit(frame, "time", "cens", formula=formula, fit_options={"precision": 1e-12})
    check_coefficients(found, fit.params_, fit.standard_errors_)
    assert found["loglik"] == pytest.approx(fit.log_likelihood_, rel=TOL)
    assert (found["n"], found["n_events"]) == (686, 299)


def test_survival_curves_and_log_rank(breast: tuple[Region, pd.DataFrame]):
    where, frame = breast
    found = where.result(method="kaplan_meier", params={"duration": "time", "event": "cens", "group": "horTh"})
    test = multivariate_logrank_test(frame["time"], frame["horTh"], frame["cens"])
    assert found["logrank"]["chi2"] == pytest.approx(test.test_statistic, rel=TOL)
    assert [g["group"] for g in found["groups"]] == ["no", "yes"]
    for group in found["groups"]:
        rows = frame[frame["horTh"] == group["group"]]
        pooled = KaplanMeierFitter().fit(rows["time"], rows["cens"])
        expected = pooled.survival_function_at_times([s["time"] for s in group["curve"]])
        assert [s["survival"] for s in group["curve"]] == pytest.approx(list(expected), rel=TOL)
        assert len(group["curve"]) > 5 and group["median"] == pooled.median_survival_time_


def test_a_table_of_two_columns(breast: tuple[Region, pd.DataFrame]):
    where, frame = breast
    found = where.result(method="crosstab", params={"row": "horTh", "col": "tgrade"})
    expected = pd.crosstab(frame["horTh"], frame["tgrade"])
    assert found["table"] == expected.to_numpy().tolist()
    assert found["chi2"] == pytest.approx(chi2_contingency(expected, correction=False).statistic, rel=TOL)


def test_small_hospitals_list_no_level_of_their_patients(breast: tuple[Region, pd.DataFrame]):
    where, _ = breast
    assert "too few rows to list its values" in where.said["north"]
    assert not any(level in where.said["north"] for level in ("Post", "Pre", "III"))


def test_cox_stratified_by_hospital(tmp_path: Path):
    parts = split(numbered(load_kidney_transplant()))
    found = Region(tmp_path, dict(zip(NAMES, parts, strict=True)), "person").result(
        method="cox",
        params={"duration": "time", "event": "death", "formula": "age + black_male", "strata": "node"},
    )
    pooled = pd.concat([part.assign(node=i) for i, part in enumerate(parts)])[
        ["time", "death", "age", "black_male", "node"]
    ]
    fit = CoxPHFitter().fit(pooled, "time", "death", strata="node", fit_options={"precision": 1e-12})
    check_coefficients(found, fit.params_, fit.standard_errors_)


def clinic(rows: int = 600) -> pd.DataFrame:
    """Chinese headers, numbers with decimals, values that are missing in four ways of writing."""
    dice = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "病案号": [f"BA{i:05d}" for i in range(rows)],
            "性别": dice.choice(["男", "女"], rows),
            "年龄": dice.integers(18, 90, rows),
            "糖化血红蛋白": dice.normal(7, 1.5, rows).round(2),
            "吸烟": dice.choice(["是", "否", "已戒"], rows, p=[0.3, 0.6, 0.1]),
            "并发症": dice.integers(0, 2, rows),
        }
    ).mask(lambda f: f.apply(lambda c: (c.name == "糖化血红蛋白") & (dice.random(rows) < 0.06)))


def test_every_hospital_writes_its_file_in_its_own_way(tmp_path: Path):
    """GB18030; semicolons and decimal commas; tabs in UTF-16; row numbers in front, columns the other way round."""
    frame = clinic()
    north, south, east, west = split(frame)
    writers = {
        "north": lambda f, p: f.to_csv(p, index=False, encoding="gb18030", na_rep="不详"),
        "south": lambda f, p: f.to_csv(p, index=False, sep=";", decimal=",", encoding="utf-8-sig"),
        "east": lambda f, p: f.to_csv(p, index=False, sep="\t", encoding="utf-16", na_rep="NA"),
        "west": lambda f, p: f[f.columns[::-1]].to_csv(p, quoting=2, na_rep="."),
    }
    rows = {"north": north, "south": south, "east": east, "west": west}
    where = Region(tmp_path, rows, "病案号", dataset="糖尿病", write=writers)
    assert "Encoding GB18030" in where.said["north"] and "decimal comma" in where.said["south"]
    assert "Left out for want of a name: column 1." in where.said["west"]
    found = where.result(
        method="glm", params={"formula": "并发症 ~ 年龄 + 糖化血红蛋白 + 性别 + 吸烟", "family": "binomial"}
    )
    plain = frame.set_axis(["id", "sex", "age", "hba1c", "smokes", "ill"], axis="columns")
    fit = smf.glm("ill ~ age + hba1c + sex + smokes", plain, family=sm.families.Binomial()).fit(tol=1e-12)
    assert found["n_missing"] == int(frame["糖化血红蛋白"].isna().sum()) > 10
    ours = {c["name"]: c["estimate"] for c in found["coefficients"]}
    assert ours["年龄"] == pytest.approx(fit.params["age"], rel=TOL)
    assert ours["性别[T.男]"] == pytest.approx(fit.params["sex[T.男]"], rel=TOL)
    assert ours["吸烟[T.是]"] == pytest.approx(fit.params["smokes[T.是]"], rel=TOL)
    assert where.result(method="count", cohort="性别 = '女' AND 吸烟 <> '否'")["n"] == int(
        ((frame["性别"] == "女") & (frame["吸烟"] != "否")).sum()
    )


@pytest.mark.skipif(not ADULT.exists(), reason="shared data are not here")
def test_a_census_separated_by_semicolons(tmp_path: Path):
    frame = numbered(pd.read_csv(ADULT, sep=";").iloc[::6])
    semicolons = dict.fromkeys(NAMES, lambda f, p: f.to_csv(p, index=False, sep=";"))
    where = region(tmp_path, frame, write=semicolons)
    found = where.result(method="glm", params={"formula": "`salary-class` ~ age + race", "family": "binomial"})
    plain = frame.assign(rich=(frame["salary-class"] == ">50K").astype(int))
    fit = smf.glm("rich ~ age + race", plain, family=sm.families.Binomial()).fit(tol=1e-12)
    estimates = {c["name"]: c["estimate"] for c in found["coefficients"]}
    assert estimates == pytest.approx(dict(fit.params), rel=TOL)
    counted = where.result(method="count", params={"by": "native-country"})
    assert sum(n or 0 for n in counted["counts"]) <= counted["n"] == len(frame)


def test_nobody_consented_until_the_file_is_imported(tmp_path: Path):
    rows = dict(zip(NAMES, split(clinic(200)), strict=True))
    where = Region(tmp_path, rows, "病案号", purpose=None)
    study = where.write_study(method="count")
    refused = huizhen("study", "run", study, "--region", where.path)
    assert refused.code == 5 and "o subject has consented" in refused.out and "huizhen consent import" in refused.out
    for name, frame in rows.items():
        file = tmp_path / f"{name}-consents.csv"
        pd.DataFrame({"subject": frame["病案号"], "purpose": "HMB"}).to_csv(file, index=False, encoding="gb18030")
        done("consent", "import", "--node", name, "--from", file, "--region", where.path)
    assert where.result(method="count")["n"] == 200


def test_consents_come_as_fhir_and_a_later_no_holds(tmp_path: Path):
    rows = dict(zip(NAMES, split(clinic(200)), strict=True))
    where = Region(tmp_path, rows, "病案号", purpose=None)

    def consent(subject: object, kind: str, day: str) -> str:
        provision = {"type": kind, "purpose": [{"system": "http://purl.obolibrary.org/obo", "code": "DUO_0000006"}]}
        patient = {"identifier": {"value": str(subject)}}
        found = {"status": "active", "scope": {}, "dateTime": day, "patient": patient, "provision": provision}
        return json.dumps({"resourceType": "Consent", **found}, ensure_ascii=False) + "\n"

    for name, frame in rows.items():
        file = tmp_path / f"{name}.ndjson"
        people = list(frame["病案号"])
        said = [consent(people[0], "deny", "2026-02-01"), *(consent(p, "permit", "2026-01-01") for p in people)]
        file.write_text("".join(said), encoding="utf-8")
        done("consent", "import", "--node", name, "--from", file, "--region", where.path)
    assert where.result(method="count")["n"] == 200 - len(rows)
