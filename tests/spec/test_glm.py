"""glm: linear, logistic and Poisson regression, as statsmodels fits them to all rows in one place."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import formulaic
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.metrics import roc_auc_score

from drive import batch_of, build, hospitals, plain_sum, run, schema_of, trace
from huizhen.kit import wire
from huizhen.kit.errors import BadInput, Unable
from huizhen.methods import glm
from huizhen.model.method import Done
from huizhen.model.result import Model, Statistic

FAMILIES = {"gaussian": sm.families.Gaussian(), "binomial": sm.families.Binomial(), "poisson": sm.families.Poisson()}
RANDHIE = sm.datasets.randhie.load_pandas().data
DIABETES = load_diabetes(as_frame=True).frame
BREAST = load_breast_cancer(as_frame=True).frame.rename(columns=lambda c: c.replace(" ", "_"))
ALL_OF_RANDHIE = "mdvis ~ " + " + ".join(c for c in RANDHIE if c != "mdvis")


def patients(rows: int = 400, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(20, 90, rows),
            "dose": rng.lognormal(size=rows),
            "stage": pd.Categorical(rng.choice(list("abc"), rows), categories=list("abc")),
            "arm": rng.integers(1, 4, rows),
            "years": rng.uniform(0.5, 4, rows),
        }
    )
    risk = (frame.age - 55) / 25 + 0.5 * (frame.stage == "b") - 0.3 * (frame.arm == 2) + 0.2 * np.log(frame.dose)
    frame["cost"] = 100 + 20 * risk + rng.normal(size=rows) * 15
    frame["relapse"] = (rng.random(rows) < 1 / (1 + np.exp(-risk))).astype(int)
    frame["visits"] = rng.poisson(frame.years * np.exp(0.4 * risk))
    return frame


PATIENTS = patients()


def fit(frame: pd.DataFrame, batches: int = 2, **params: Any) -> dict[str, Any]:
    return run("glm", params, schema_of(frame), hospitals(frame), batches=batches).values


def field(values: dict[str, Any], name: str) -> list[float]:
    return [c[name] for c in values["coefficients"]]


def pooled_fit(formula: str, family: str, frame: pd.DataFrame, offset: Any = None) -> Any:
    """statsmodels on the columns that formulaic makes."""
    y, x = (pd.DataFrame(m) for m in formulaic.model_matrix(formula, frame))
    return sm.GLM(y, x, family=FAMILIES[family], offset=offset).fit(tol=1e-14)


def check_as_statsmodels(values: dict[str, Any], frame: pd.DataFrame, offset: Any = None) -> None:
    pooled = pooled_fit(values["formula"], values["family"], frame, offset)
    assert [c["name"] for c in values["coefficients"]] == list(pooled.params.index)
    limits = pooled.conf_int(1 - values["confidence"])
    for ours, theirs in (
        (field(values, "estimate"), pooled.params),
        (field(values, "std_error"), pooled.bse),
        (field(values, "z"), pooled.tvalues),
        (field(values, "ci_low"), limits[0]),
        (field(values, "ci_high"), limits[1]),
        (values["loglik"], pooled.llf),
        (values["deviance"], pooled.deviance),
        (values["null_deviance"], pooled.null_deviance),
        (values["aic"], pooled.aic),
        (values["bic"], pooled.bic_llf),
        (values["dispersion"], pooled.scale),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(field(values, "p"), pooled.pvalues, rtol=1e-6, atol=1e-300)
    assert values["n"] == int(pooled.nobs) and values["df_resid"] == int(pooled.df_resid)


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("cost ~ age + stage", "gaussian"),
        ("cost ~ 0 + stage + age", "gaussian"),
        ("log(cost) ~ log(dose) * stage", "gaussian"),
        ("relapse ~ age * C(arm) + scale(log(dose))", "binomial"),
        ("relapse ~ age - 1", "binomial"),
        ("visits ~ stage:C(arm) + age + I(age**2)", "poisson"),
        ("visits ~ 1", "poisson"),
        ("relapse ~ standardize(age):stage + center(dose)", "binomial"),
    ],
)
def test_every_figure_is_that_of_statsmodels(formula: str, family: str) -> None:
    check_as_statsmodels(fit(PATIENTS, formula=formula, family=family), PATIENTS)


def test_randhie_poisson() -> None:
    """20,190 rows; reference figures from R."""
    values = fit(RANDHIE, formula=ALL_OF_RANDHIE, family="poisson", confidence=0.9)
    check_as_statsmodels(values, RANDHIE)
    by_name = {c["name"]: c["estimate"] for c in values["coefficients"]}
    assert values["deviance"] == pytest.approx(83934.23786, abs=1e-5)
    assert by_name["lncoins"] == pytest.approx(-0.052535, abs=1e-6)
    assert by_name["physlm"] == pytest.approx(0.271714, abs=1e-6)


def test_diabetes_linear() -> None:
    values = fit(DIABETES, formula="target ~ age+sex+bmi+bp+s1+s2+s3+s4+s5+s6", family="gaussian")
    check_as_statsmodels(values, DIABETES)
    assert values["r_squared"] == pytest.approx(0.51774842, abs=1e-8)
    assert field(values, "estimate")[3] == pytest.approx(519.8459, abs=1e-4)
    assert values["iterations"] == 1


def test_breast_cancer_logistic_with_auc_and_accuracy() -> None:
    values = fit(BREAST, formula="target ~ mean_radius + mean_texture + mean_smoothness", family="binomial")
    check_as_statsmodels(values, BREAST)
    pooled = pooled_fit(values["formula"], "binomial", BREAST)
    assert values["auc"] == pytest.approx(roc_auc_score(BREAST.target, pooled.predict()), abs=1e-12)
    assert values["auc_tolerance"] == 0
    assert values["accuracy"] == ((pooled.predict() > 0.5) == BREAST.target).mean()


def test_auc_counts_tied_risks_half() -> None:
    values = fit(PATIENTS, formula="relapse ~ stage * C(arm)", family="binomial")
    pooled = pooled_fit(values["formula"], "binomial", PATIENTS)
    assert values["auc"] == pytest.approx(roc_auc_score(PATIENTS.relapse, pooled.predict().round(10)), abs=1e-12)


def test_auc_of_more_risks_than_bins_comes_with_the_most_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glm, "BINS", 64)
    values = fit(PATIENTS, formula="relapse ~ age + log(dose)", family="binomial")
    pooled = pooled_fit(values["formula"], "binomial", PATIENTS)
    off = abs(values["auc"] - roc_auc_score(PATIENTS.relapse, pooled.predict()))
    assert 0 < off <= values["auc_tolerance"] < 0.02


@pytest.mark.parametrize("family", FAMILIES)
def test_offset(family: str) -> None:
    outcome = {"gaussian": "cost", "binomial": "relapse", "poisson": "visits"}[family]
    values = fit(PATIENTS, formula=f"{outcome} ~ age + stage", family=family, offset="log(years)")
    check_as_statsmodels(values, PATIENTS, offset=np.log(PATIENTS.years))


def test_an_outcome_far_from_zero_without_an_intercept() -> None:
    far = PATIENTS.assign(cost=PATIENTS.cost + 1e4)
    values = fit(far, formula="cost ~ 0 + stage + dose", family="gaussian")
    check_as_statsmodels(values, far)
    assert values["r_squared"] == pytest.approx(1 - values["deviance"] / ((far.cost - far.cost.mean()) ** 2).sum())


def test_ridge_is_that_of_sklearn() -> None:
    x = PATIENTS[["age", "dose"]]
    linear = Ridge(alpha=30.0, tol=1e-12).fit(x, PATIENTS.cost)
    values = fit(PATIENTS, formula="cost ~ age + dose", family="gaussian", ridge=30.0)
    np.testing.assert_allclose(field(values, "estimate"), [linear.intercept_, *linear.coef_], rtol=1e-9)
    logistic = LogisticRegression(C=1 / 30.0, tol=1e-12, solver="newton-cholesky").fit(x, PATIENTS.relapse)
    values = fit(PATIENTS, formula="relapse ~ age + dose", family="binomial", ridge=30.0)
    np.testing.assert_allclose(field(values, "estimate"), [*logistic.intercept_, *logistic.coef_[0]], rtol=1e-6)
    counts = PoissonRegressor(alpha=30.0 / len(x), tol=1e-12, solver="newton-cholesky").fit(x, PATIENTS.visits)
    values = fit(PATIENTS, formula="visits ~ age + dose", family="poisson", ridge=30.0)
    np.testing.assert_allclose(field(values, "estimate"), [counts.intercept_, *counts.coef_], rtol=1e-6)


def test_ridge_makes_collinear_and_separated_data_fit() -> None:
    double = PATIENTS.assign(double=2 * PATIENTS.age)
    values = fit(double, formula="cost ~ age + double", family="gaussian", ridge=1.0)
    one, two = field(values, "estimate")[1:]
    assert two == pytest.approx(2 * one)
    clear = pd.DataFrame({"x": np.arange(40.0), "ill": np.arange(40) >= 20})
    assert field(fit(clear, formula="ill ~ x", family="binomial", ridge=0.1), "estimate")[1] > 0


def test_a_category_with_two_levels_is_an_outcome() -> None:
    frame = PATIENTS.assign(
        end=pd.Categorical(np.where(PATIENTS.relapse == 1, "relapsed", "well"), ["well", "relapsed"])
    )
    schema = schema_of(frame, {"end": ["well", "relapsed"]})
    values = run("glm", {"formula": "end ~ age", "family": "binomial"}, schema, hospitals(frame)).values
    assert values["outcome"] == "end[relapsed]"
    numbers = fit(PATIENTS, formula="relapse ~ age", family="binomial")
    np.testing.assert_allclose(field(values, "estimate"), field(numbers, "estimate"), rtol=1e-12)


def test_any_split_and_any_batches_give_the_same_digits() -> None:
    params = {"formula": "relapse ~ scale(age) * stage + log(dose)", "family": "binomial"}
    schema = schema_of(PATIENTS)
    whole = run("glm", params, schema, [PATIENTS]).values
    for frames, batches in ((hospitals(PATIENTS, 9), 4), ([PATIENTS.iloc[::-1]], 7), (hospitals(PATIENTS, 3), 1)):
        values = run("glm", params, schema, frames, batches).values
        for name in ("estimate", "std_error"):
            np.testing.assert_allclose(field(values, name), field(whole, name), rtol=1e-9)
        assert values["auc"] == whole["auc"] and values["loglik"] == pytest.approx(whole["loglik"], rel=1e-12)


def test_blocks_are_a_matter_of_speed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit(PATIENTS, formula="visits ~ age + stage", family="poisson")
    monkeypatch.setattr(glm, "BLOCK", 7)
    values = fit(PATIENTS, formula="visits ~ age + stage", family="poisson")
    np.testing.assert_allclose(field(values, "std_error"), field(whole, "std_error"), rtol=1e-11)


def test_digits_survive_columns_far_from_zero_and_in_tiny_units() -> None:
    """Least squares in exact fractions is the judge."""
    rng = np.random.default_rng(0)
    year = rng.integers(2000, 2010, 200)
    y = 3.0 * year + rng.normal(size=200)
    for x in (year.astype(float), year * 86400e3 + 1e12, (year - 2004.5) * 2.0**-60):
        values = fit(pd.DataFrame({"x": x, "y": y}), formula="y ~ x", family="gaussian")
        xs, ys = [Fraction(v) for v in x], [Fraction(v) for v in y]
        mean_x, mean_y = sum(xs) / 200, sum(ys) / 200
        slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(xs, ys, strict=True)) / sum(
            (a - mean_x) ** 2 for a in xs
        )
        np.testing.assert_allclose(field(values, "estimate"), [float(mean_y - slope * mean_x), float(slope)], rtol=1e-8)


def test_rows_with_a_missing_value_are_left_out() -> None:
    holes = PATIENTS.assign(age=PATIENTS.age.where(PATIENTS.index % 5 > 0))
    values = fit(holes, formula="cost ~ age", family="gaussian")
    check_as_statsmodels(values, holes.dropna())
    assert values["n"] == 320


def test_rows_that_leave_between_two_rounds_are_out_of_the_answer() -> None:
    params = {"formula": "visits ~ age + stage", "family": "poisson", "offset": "log(years)"}
    for leave_after in range(1, 6):
        method, rounds = build("glm", params, schema_of(PATIENTS)), 0
        state: Any = method.start()
        while True:
            there = PATIENTS if rounds < leave_after else PATIENTS.iloc[50:]
            total = plain_sum([method.partial(batch_of(f, method), state) for f in hospitals(there)])
            rounds += 1
            step = method.combine(total, state)
            if isinstance(step, Done):
                break
            state = wire.decode(wire.encode(step.state))
        check_as_statsmodels(step.result.values, PATIENTS.iloc[50:], offset=np.log(PATIENTS.years.iloc[50:]))


def test_the_guard_is_told_how_many_people_a_model_rests_on() -> None:
    schema = schema_of(PATIENTS)
    for formula, family, people in (
        ("cost ~ age", "gaussian", 400),
        ("relapse ~ age", "binomial", min(PATIENTS.relapse.sum(), 400 - PATIENTS.relapse.sum())),
        ("visits ~ age", "poisson", 400),
    ):
        result = run("glm", {"formula": formula, "family": family}, schema, [PATIENTS])
        attacked = next(e.membership for e in result.exposures if isinstance(e, Model))
        gained = Statistic((("membership", "advantage"), ("membership", "auc")), people)
        assert result.exposures == (Model(people=people, parameters=2, membership=attacked), gained)
        assert attacked is not None and attacked.members == 400


def test_rounds() -> None:
    assert trace("glm", {"formula": "cost ~ age", "family": "gaussian"}, schema_of(PATIENTS), [PATIENTS]).rounds == 4
    assert trace("glm", {"formula": "visits ~ age", "family": "poisson"}, schema_of(PATIENTS), [PATIENTS]).rounds <= 8


def unable(frame: pd.DataFrame, **params: Any) -> Unable:
    with pytest.raises(Unable) as error:
        fit(frame, **params)
    assert error.value.what.zh and error.value.remedy.zh
    return error.value


def test_collinear_columns_are_named() -> None:
    frame = PATIENTS.assign(months=12 * PATIENTS.years + 3, total=PATIENTS.age + PATIENTS.dose)
    error = unable(frame, formula="cost ~ age + years + stage + months", family="gaussian")
    assert error.code == "collinear-columns" and "'months' follows from years" in str(error)
    error = unable(frame, formula="relapse ~ age + dose + years + total", family="binomial")
    assert error.code == "collinear-columns" and "'total' follows from age, dose" in str(error)
    year = pd.DataFrame({"year": 2000.0 + np.arange(100) % 10, "y": np.random.default_rng(0).normal(size=100)})
    error = unable(year, formula="y ~ year + I(year**2) + I(year**3) + I(year**4)", family="gaussian")
    assert error.code == "collinear-columns" and "center" in error.say()
    powers = "center(year) + I(center(year)**2) + I(center(year)**3) + I(center(year)**4)"
    check_as_statsmodels(fit(year, formula=f"y ~ {powers}", family="gaussian"), year)


@pytest.mark.parametrize("rows", [10, 3000])
def test_separation_is_named_whether_complete_or_of_one_level(rows: int) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=rows)
    complete = pd.DataFrame({"x": x, "z": rng.normal(size=rows), "ill": x > 0})
    error = unable(complete, formula="ill ~ x + z", family="binomial")
    assert error.code == "separation" and " x " in str(error)


def test_a_level_in_which_all_are_alike_is_separation() -> None:
    for family, outcome in (("binomial", "relapse"), ("poisson", "visits")):
        frame = PATIENTS.assign(**{outcome: PATIENTS[outcome].where(PATIENTS.stage != "c", 0)})
        error = unable(frame, formula=f"{outcome} ~ age + stage", family=family)
        assert error.code == "separation" and "stage[T.c]" in str(error)


def test_a_level_without_rows_is_named() -> None:
    params, frame = {"formula": "cost ~ age + stage", "family": "gaussian"}, PATIENTS[PATIENTS.stage != "b"]
    with pytest.raises(Unable, match=r"stage\[T.b\]") as error:
        run("glm", params, schema_of(PATIENTS), hospitals(frame))
    assert error.value.code == "empty-level"


@pytest.mark.parametrize(
    ("code", "frame", "formula", "family"),
    [
        ("no-rows", PATIENTS.iloc[:0], "cost ~ age", "gaussian"),
        ("no-rows", PATIENTS.iloc[:0], "cost ~ scale(age)", "gaussian"),
        ("too-few-rows", PATIENTS.iloc[:2], "cost ~ age", "gaussian"),
        ("constant-column", PATIENTS.assign(age=50.0), "cost ~ dose + age", "gaussian"),
        ("constant-column", PATIENTS.assign(age=50.0), "cost ~ scale(age)", "gaussian"),
        ("constant-outcome", PATIENTS.assign(cost=1.5), "cost ~ age", "gaussian"),
        ("constant-outcome", PATIENTS.assign(relapse=1), "relapse ~ age", "binomial"),
        ("constant-outcome", PATIENTS.assign(visits=0), "visits ~ age", "poisson"),
        ("perfect-fit", PATIENTS.assign(cost=3 * PATIENTS.age - 2), "cost ~ age + dose", "gaussian"),
        ("outcome-out-of-range", PATIENTS, "cost ~ age", "binomial"),
        ("outcome-out-of-range", PATIENTS, "cost ~ age", "poisson"),
        ("outcome-out-of-range", PATIENTS.assign(visits=PATIENTS.visits - 1), "visits ~ age", "poisson"),
        ("not-finite", PATIENTS.assign(dose=PATIENTS.dose - 1), "cost ~ log(dose)", "gaussian"),
        ("not-finite", PATIENTS.assign(dose=PATIENTS.dose - 1), "cost ~ scale(log(dose))", "gaussian"),
        ("not-finite", PATIENTS.assign(cost=PATIENTS.cost - 100), "log(cost) ~ age", "gaussian"),
        ("no-convergence", PATIENTS, "visits ~ age", "slow"),
    ],
)
def test_what_has_no_answer_is_named(code: str, frame: pd.DataFrame, formula: str, family: str) -> None:
    more = {"family": "poisson", "max_iter": 1} if family == "slow" else {"family": family}
    assert unable(frame, formula=formula, **more).code == code


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("no-outcome", {"formula": "age + stage", "family": "gaussian"}),
        ("outcome-not-binary", {"formula": "arm ~ age", "family": "binomial"}),
        ("outcome-not-binary", {"formula": "stage ~ age", "family": "binomial"}),
        ("category-in-arithmetic", {"formula": "stage ~ age", "family": "gaussian"}),
        ("unknown-column", {"formula": "cost ~ weight", "family": "gaussian"}),
        ("unknown-column", {"formula": "cost ~ age", "family": "gaussian", "offset": "log(weight)"}),
        ("not-in-a-formula", {"formula": "cost ~ age", "family": "gaussian", "offset": "poly(age, 2)"}),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(code: str, params: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as error:
        build("glm", params, schema_of(PATIENTS))
    assert error.value.code == code
