"""Who was in a fit that holds nothing out: each row's loss beside its loss had the model been fitted without it.

The one step is compared with really leaving every row out, by statsmodels, lifelines, scikit-learn and numpy.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from lifelines import CoxPHFitter
from lifelines.datasets import load_gbsg2, load_lung
from scipy.stats import norm
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from drive import Trace, hospitals, schema_of, trace
from guarding import census, limits
from huizhen.model.result import Membership, Model
from huizhen.privacy.draft import Draft
from huizhen.privacy.membership import check_membership
from huizhen.privacy.noise import OpenDpNoise
from huizhen.statistics import family, leave_one_out
from huizhen.statistics.leave_one_out import Losses
from huizhen.statistics.membership import attack_left_out

Floats = np.ndarray[Any, Any]
SUGAR = load_diabetes(as_frame=True, scaled=False).frame.iloc[:60]
BREAST = load_gbsg2()[["age", "tsize", "pnodes", "cens"]].iloc[::9].reset_index(drop=True)
LUNG = load_lung()[["time", "status", "age", "sex", "wt.loss"]].dropna().iloc[::2].reset_index(drop=True)
LUNG = LUNG.rename(columns={"wt.loss": "loss"})


def fitted(method: str, frame: pd.DataFrame, **params: Any) -> Trace:
    return trace(method, params, schema_of(frame), hospitals(frame))


def attacked(seen: Trace) -> Membership:
    found = next(e.membership for e in seen.result.exposures if isinstance(e, Model))
    assert found is not None and found.against == "leave-one-out"
    return found


def gain(own: Floats, without: Floats, usual: float) -> float:
    """The best of all thresholds, over the losses themselves, none set more finely than a usual loss / sqrt(rows)."""
    width = usual / np.sqrt(len(own))
    marks = np.linspace(0, np.concatenate([own, without[np.isfinite(without)]]).max() + 3 * width, 4000)[:, None]
    return float(
        (norm.cdf((marks - own) / width).mean(axis=1) - norm.cdf((marks - without) / width).mean(axis=1)).max()
    )


def check_gain(seen: Trace, own: Floats, without: Floats, usual: float | None = None, within: float = 0.004) -> None:
    told = attacked(seen)
    assert (told.members, told.others) == (len(own), len(own))
    usual = float(np.sqrt((own**2).mean())) if usual is None else usual
    assert told.advantage == pytest.approx(gain(own, without, 1.1377 * usual), abs=within)
    assert told.advantage > 0.01 and told.auc > 0.5
    assert seen.result.values["membership"] == {"advantage": told.advantage, "auc": told.auc}


def without_each(frame: pd.DataFrame) -> list[pd.DataFrame]:
    return [frame.drop(index=i) for i in frame.index]


# -- regression


def glm_losses(kind: family.Family, x: Floats, y: Floats) -> tuple[Floats, Floats, Losses]:
    """Root deviances with the row and really without it, and by one step."""
    of = {"gaussian": sm.families.Gaussian(), "binomial": sm.families.Binomial(), "poisson": sm.families.Poisson()}[
        kind
    ]
    whole = sm.GLM(y, x, family=of).fit(tol=1e-13)
    each = [sm.GLM(np.delete(y, i), np.delete(x, i, axis=0), family=of).fit(tol=1e-13) for i in range(len(y))]
    eta = np.array([x[i] @ fit.params for i, fit in enumerate(each)])
    own, without = (np.sqrt(family.unit(kind, y, at).deviance) for at in (x @ whole.params, eta))
    weight = family.unit(kind, y, x @ whole.params).weight
    inverse = np.linalg.inv((x * weight[:, None]).T @ x)
    return own, without, leave_one_out.of_glm(kind, x.T, y, x @ whole.params, inverse)


def test_of_least_squares_it_is_exact() -> None:
    x, y = sm.add_constant(SUGAR[["age", "bmi", "bp", "s5"]]).to_numpy(float), SUGAR.target.to_numpy(float)
    own, without, found = glm_losses("gaussian", x, y)
    assert np.allclose(found.own, own, rtol=1e-9) and np.allclose(found.without, without, rtol=1e-9)
    seen = fitted("glm", SUGAR, formula="target ~ age + bmi + bp + s5", family="gaussian")
    check_gain(seen, own, without)


def test_of_ridge_too() -> None:
    x, y = SUGAR[["age", "bmi", "bp"]].to_numpy(float), SUGAR.target.to_numpy(float)
    every = np.arange(len(y))
    own = np.abs(y - Ridge(50.0).fit(x, y).predict(x))
    without = np.array([
        abs(y[i] - Ridge(50.0).fit(x[every != i], y[every != i]).predict(x[[i]])[0]) for i in every
    ])  # fmt: skip
    check_gain(fitted("glm", SUGAR, formula="target ~ age + bmi + bp", family="gaussian", ridge=50.0), own, without)


@pytest.mark.parametrize(("kind", "outcome"), [("binomial", "cens"), ("poisson", "pnodes")])
def test_of_other_families_it_is_one_step_and_near(kind: family.Family, outcome: str) -> None:
    names = [n for n in BREAST.columns if n not in (outcome, "cens" if outcome == "pnodes" else "")]
    x, y = sm.add_constant(BREAST[names]).to_numpy(float), BREAST[outcome].to_numpy(float)
    own, without, found = glm_losses(kind, x, y)
    assert np.allclose(found.own, own, rtol=1e-7)
    moved = np.abs(without - own)
    assert np.abs(found.without - without).max() < 0.2 * moved.max()
    assert np.median(np.abs(found.without - without)) < 0.05 * np.median(moved)
    seen = fitted("glm", BREAST, formula=f"{outcome} ~ {' + '.join(names)}", family=kind)
    check_gain(seen, own, without, within=0.02)


def test_a_row_that_alone_holds_up_a_parameter_is_lost_without_it() -> None:
    x = np.vstack([np.ones(6), [0, 0, 0, 0, 0, 1.0]])
    y = np.array([1.0, 2, 3, 4, 5, 9])
    beta = np.linalg.lstsq(x.T, y, rcond=None)[0]
    found = leave_one_out.of_glm("gaussian", x, y, beta @ x, np.linalg.inv(x @ x.T))
    assert found.own[5] == pytest.approx(0, abs=1e-9) and np.isinf(found.without[5])
    assert found.counts(1.0)[1, -1] == 1 and np.isfinite(found.without[:5]).all()


# -- survival


def test_of_cox_the_linear_predictor_without_a_row_is_near_lifelines_without_it() -> None:
    names = ["age", "sex", "loss"]
    frame = LUNG.assign(died=LUNG.status).drop(columns="status")
    seen = fitted("cox", frame, duration="time", event="died", formula="age + sex + loss")
    state = seen.states[-1]
    x = (frame[names].to_numpy(float).T - state["scale"]["centre"][:, None]) / state["scale"]["size"][:, None]
    eta = state["newton"]["beta"] @ x
    told = leave_one_out.Baseline(**state["baseline"])

    rows = (x, eta, frame.time.to_numpy(float), frame.died.to_numpy() == 1, np.zeros(len(frame), dtype=np.int64))
    found = leave_one_out.of_cox(rows, told, state["inverse"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        each = [
            CoxPHFitter().fit(part, "time", "died", fit_options={"precision": 1e-9}).params_[names].to_numpy()
            for part in without_each(frame)
        ]
    back = np.array(each) * state["scale"]["size"]
    really = np.einsum("ij,ji->i", back, x)
    hazard = np.interp(rows[2], np.append(0, told.time), np.append(0, told.hazard))
    loss = [
        np.sqrt(family.unit("poisson", rows[3].astype(float), np.log(np.maximum(hazard, 1e-12)) + at).deviance)
        for at in (eta, really)
    ]
    assert np.allclose(found.own, loss[0], rtol=1e-9)
    moved = np.abs(really - eta)
    step = -leave_one_out.cox_step(rows, told, state["inverse"])[1]
    assert np.corrcoef(step, really - eta)[0, 1] > 0.99
    assert np.abs(step - (really - eta)).max() < 0.25 * moved.max()
    check_gain(seen, found.own, loss[1], 1.0, within=0.02)


def test_hospitals_with_baselines_of_their_own_are_attacked_like_strata() -> None:
    frame = LUNG.assign(died=LUNG.status, house=np.arange(len(LUNG)) % 3).drop(columns="status")
    asked = {"duration": "time", "event": "died", "formula": "age + sex"}
    schema = schema_of(frame, categories=["house"])
    own = trace("cox", {**asked, "strata": "node"}, schema, [frame[frame.house == i] for i in range(3)])
    pooled = trace("cox", {**asked, "strata": "house"}, schema, [frame])
    assert attacked(own).advantage == pytest.approx(attacked(pooled).advantage, abs=1e-9)


# -- clusters and components


def test_of_clusters_a_row_moves_its_own_centre() -> None:
    points = SUGAR[["bmi", "bp"]].to_numpy(float) / SUGAR[["bmi", "bp"]].std().to_numpy()
    seen = fitted("kmeans", SUGAR, columns=["bmi", "bp"], k=2, seed=1)
    centres = np.array([[c["bmi"], c["bp"]] for c in seen.result.values["centres"]]) / SUGAR[["bmi", "bp"]].std().values
    label = KMeans(2, init=centres, n_init=1, max_iter=1).fit(points).predict(points)
    own = np.linalg.norm(points - centres[label], axis=1)
    without = own.copy()
    for i in range(len(points)):
        rest = [points[(label == k) & (np.arange(len(points)) != i)].mean(axis=0) for k in range(2)]
        without[i] = min(np.linalg.norm(points[i] - centre) for centre in rest)
    check_gain(seen, own, without)


@pytest.mark.parametrize("standardize", [True, False])
def test_of_components_mean_and_covariance_are_those_without_the_row(standardize: bool) -> None:
    values = SUGAR[["age", "bmi", "bp"]].to_numpy(float)
    seen = fitted("pca", SUGAR, columns=["age", "bmi", "bp"], standardize=standardize)

    def away(row: Floats, rows: Floats) -> float:
        off = row - rows.mean(axis=0)
        return float(np.sqrt(off @ np.linalg.solve(np.cov(rows.T), off)))

    own = np.array([away(row, values) for row in values])
    without = np.array([away(row, np.delete(values, i, axis=0)) for i, row in enumerate(values)])
    check_gain(seen, own, without, np.sqrt(3))


# -- what the guard makes of it


def outcome_of(seen: Trace) -> str:
    draft = Draft(seen.result.values, seen.result.exposures, census(), limits(), OpenDpNoise())
    return check_membership(draft)[1].outcome


def test_a_regression_that_has_learnt_its_rows_by_heart_is_refused_and_usual_ones_are_not() -> None:
    """Thirty rows, twenty columns of noise: the rows are nearly all that the coefficients tell of."""
    lot = np.random.default_rng(3)
    noise = pd.DataFrame({f"x{i}": lot.normal(size=30) for i in range(20)} | {"y": lot.normal(size=30)})
    gross = fitted("glm", noise, formula="y ~ " + " + ".join(f"x{i}" for i in range(20)), family="gaussian")
    assert attacked(gross).advantage > 0.4 and outcome_of(gross) == "refused"
    whole = load_diabetes(as_frame=True, scaled=False).frame
    usual = fitted("glm", whole, formula="target ~ age + bmi + bp + s5", family="gaussian")
    assert attacked(usual).advantage < 0.05 and outcome_of(usual) == "passed"


def test_a_model_that_says_the_same_of_everyone_gives_nobody_away() -> None:
    """Of a mean every row's loss is the same, and a hair larger without the row: no attacker can use that hair."""
    y = np.tile([0.0, 1.0], 50)
    found = leave_one_out.of_glm("binomial", np.ones((1, 100)), y, np.zeros(100), np.array([[4 / 100]]))
    assert (found.without > found.own).all() and np.ptp(found.own) < 1e-12
    told = attack_left_out(found.counts(float(found.own[0])))
    assert told is not None and told.advantage < 0.05


def test_a_logistic_regression_and_a_cox_model_with_a_parameter_for_every_other_row_are_refused() -> None:
    lot = np.random.default_rng(8)
    names = [f"x{i}" for i in range(16)]
    frame = pd.DataFrame({n: lot.normal(size=90) for n in names} | {"y": lot.integers(0, 2, 90)})
    frame = frame.assign(time=lot.exponential(size=90).round(2) + 0.01)
    few = frame.iloc[:34]
    survived = fitted("cox", few.assign(died=1), duration="time", event="died", formula=" + ".join(names))
    assert outcome_of(survived) == "refused"
    assert outcome_of(fitted("glm", frame, formula="y ~ x0 + x1 + x2", family="binomial")) == "passed"
    assert (
        outcome_of(fitted("glm", frame.iloc[:60], formula="y ~ " + " + ".join(names), family="binomial")) == "refused"
    )
