"""Every method, those to come included: federated equals pooled, secure sums equal plain sums, every figure guarded.

A method that has no case here fails the first test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from drive import run
from huizhen import methods
from huizhen.kit.errors import HuizhenError
from huizhen.model.dataset import Column, Schema
from huizhen.model.partial import Partial
from huizhen.model.result import Curve, Model, Noised, Result, Statistic, Table
from huizhen.secure import fixed, ring
from huizhen.secure.opening import open_sum, route
from huizhen.secure.session import Member

SCHEMA = Schema(
    columns=(
        Column(name="x", type="number"),
        Column(name="y", type="number"),
        Column(name="visits", type="integer", levels=tuple(range(5))),
        Column(name="arm", type="category", levels=("a", "b", "c")),
        Column(name="smoker", type="boolean"),
        Column(name="days", type="integer"),
        Column(name="years", type="number"),
        Column(name="died", type="boolean"),
        Column(name="hospital", type="category", levels=("h0", "h1", "h2", "h3", "h4", "h5")),
    )
)


@st.composite
def cohorts(draw: st.DrawFn) -> pd.DataFrame:
    """People with any values, many of them tied, some of them missing; sometimes hardly anyone."""
    person = st.tuples(
        st.floats(-1e6, 1e6, width=32),
        st.sampled_from([-2.5, 0.0, 0.1, 7.0, 1e9]),
        st.integers(0, 4),
        st.sampled_from("abc"),
        st.booleans(),
        st.integers(0, 12),
        st.floats(0, 100),
        st.booleans(),
    )
    least = draw(st.sampled_from([0, 10, 20]))
    frame = _frame(draw(st.lists(person, min_size=least, max_size=least + 20)))
    share = draw(st.sampled_from([0, 0.05, 0.4]))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return frame.mask(rng.random(frame.shape) < share)


@st.composite
def trials(draw: st.DrawFn, least: int = 60, most: int = 120) -> pd.DataFrame:
    """People as a study would find them: outcomes that depend on x and arm, and on chance."""
    size = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    x, arm = rng.normal(50, 9, size), rng.integers(0, 3, size)
    risk = (x - 50) / 20 + 0.4 * arm
    visits = np.minimum(rng.poisson(np.exp(0.3 * risk)), 4)
    years = rng.exponential(np.exp(-risk))
    columns = (
        x, 2 * risk + rng.normal(size=size), visits, np.array(list("abc"))[arm], rng.random(size) < 0.5,
        np.ceil(years * 5), years, rng.random(size) < 0.7,
    )  # fmt: skip
    return _frame(list(zip(*columns, strict=True)))


def _frame(people: list[tuple[Any, ...]]) -> pd.DataFrame:
    names = SCHEMA.names()[:-1]
    frame = pd.DataFrame(people, columns=list(names), dtype=object)
    for name in names:
        if SCHEMA.column(name).type != "category":
            frame[name] = pd.to_numeric(frame[name].astype(float))
    return frame


@dataclass(frozen=True)
class Case:
    """`params`: of the method. `pooled`: those that ask the same of all rows in one place, where they are others.
    `seen`: what of the values is compared, where not all of them are determined."""

    params: Mapping[str, Any]
    people: st.SearchStrategy[pd.DataFrame]
    pooled: Mapping[str, Any] | None = None
    seen: Callable[[dict[str, Any]], Any] = dict


def _without(*names: str) -> Callable[[dict[str, Any]], Any]:
    return lambda values: {k: v for k, v in values.items() if k not in names}


def _span(values: dict[str, Any]) -> Any:
    """Components of equal variance are determined only together: what they span is the covariance."""
    loadings = np.array([list(c["loadings"].values()) for c in values["components"]])
    variances = np.array([c["variance"] for c in values["components"]])
    rest = {k: v for k, v in values.items() if k != "components"}
    return {**rest, "variances": variances.tolist(), "spanned": (loadings.T @ np.diag(variances) @ loadings).tolist()}


GROWN = {"min_child_rows": 3, "holdout": 0.3, "l2": 0.1, "learning_rate": 0.5}
"""Small trees that learn fast from few rows."""
SQUARED = {"objective": "squared_error", "trees": 4, "early_stopping_rounds": 1}
ALL = {"early_stopping_rounds": None}

SYNTHETIC = {"x": {"range": [0, 100], "bins": 8, "decimals": 1}, "arm": {}, "died": {}, "days": {"range": [0, 12]}}

STEPS = {"rounds": 3, "batch_rows": None, "holdout": 0.3}
"""One step on all rows of a hospital in a round: what adds up to a step on all rows in one place."""

FITTED = {
    "study": "st-0",
    "method": "glm",
    "version": "1",
    "params": {"formula": "died ~ x + C(arm)", "offset": None},
    "table": SCHEMA.as_json(),
    "values": {
        "family": "binomial",
        "coefficients": [
            {"name": name, "estimate": estimate}
            for name, estimate in (("Intercept", -2.0), ("x", 0.05), ("C(arm)[T.b]", 0.3), ("C(arm)[T.c]", 0.6))
        ],
    },
}
"""A model that a study carries with it."""
LINEAR = {
    **FITTED,
    "params": {"formula": "y ~ x + visits", "offset": None},
    "values": {
        "family": "gaussian",
        "coefficients": [
            {"name": name, "estimate": estimate}
            for name, estimate in (("Intercept", -3.0), ("x", 0.1), ("visits", 0.2))
        ],
    },
}
LIVES = {
    **FITTED,
    "method": "cox",
    "params": {"duration": "days", "event": "died", "formula": "x", "strata": None, "ties": "efron"},
    "values": {
        "coefficients": [{"name": "x", "estimate": 0.05}],
        "mean_linear_predictor": 2.5,
        "baseline_cumulative_hazard": [{"stratum": None, "steps": [{"time": 20.0, "hazard": 0.3}]}],
    },
}
OWN_BASELINES = {**LIVES, "params": {**LIVES["params"], "strata": "node"}}
BY_HOSPITAL = {**LIVES, "params": {**LIVES["params"], "strata": "hospital"}}
CENTRES = {
    **FITTED,
    "method": "kmeans",
    "params": {"columns": ["x", "y"]},
    "values": {"sizes": [5, 6], "centres": [{"x": 45.0, "y": 1.0}, {"x": 55.0, "y": 2.0}], "sd": {"x": 9.0, "y": 2.0}},
}
PARTS = {
    **FITTED,
    "method": "pca",
    "params": {"columns": ["x", "y"], "standardize": True},
    "values": {
        "mean": {"x": 50.0, "y": 1.0},
        "sd": {"x": 9.0, "y": 2.0},
        "components": [{"name": "PC1", "loadings": {"x": 0.6, "y": 0.8}}],
    },
}
THEN = {
    "study": "st-1",
    "model": "st-0",
    "score": {"counts": [40, 60], "edges": [0.5]},
    "inputs": {
        "x": {"counts": [30, 30, 40], "edges": [45.5, 52.5]},
        "arm": {"counts": [70, 30], "levels": [["a", "c"], ["b"]]},
    },
}

RECODED = {
    "arm": {"by": "file", "rows": [["a", "ab", "*"], ["b", "ab", "*"], ["c", "c", "*"], ["it's \\", "c", "*"]]},
    "visits": {"by": "interval", "widths": [2, 4]},
    "x": {"by": "quantile", "parts": [2, 4]},
    "smoker": {"by": "flat"},
}
DAYS = {"by": "interval", "widths": [2, 6], "range": [0, 9]}
SICK = {"visits": {"c": 3.0, "l": 2, "t": 0.3, "distance": "ordered"}}

CASES: dict[str, tuple[Case, ...]] = {
    "count": (Case({}, cohorts()), Case({"by": "arm"}, cohorts())),
    "cox": (
        Case({"duration": "days", "event": "died", "formula": "x + C(arm)"}, trials()),
        Case({"duration": "years", "event": "died", "formula": "x", "ties": "breslow", "strata": "arm"}, trials()),
        Case({"duration": "days", "event": "died", "formula": "x + y"}, cohorts()),
        Case(
            {"duration": "days", "event": "died", "formula": "x", "strata": "node"},
            trials(),
            pooled={"duration": "days", "event": "died", "formula": "x", "strata": "hospital"},
            seen=_without("strata", "baseline_cumulative_hazard"),
        ),
    ),
    "extract": (
        Case({"quasi_identifiers": {"visits": {"by": "flat"}}, "sensitive": {"arm": {}}, "keep": ["x"]}, cohorts()),
    ),
    "crosstab": (Case({"row": "arm", "col": "visits"}, cohorts()), Case({"row": "smoker", "col": "died"}, cohorts())),
    "describe": (
        Case({"columns": ["x", "y", "visits", "arm", "smoker"]}, cohorts()),
        Case({"columns": ["years"], "quantiles": [0.001, 0.3, 0.99]}, cohorts()),
    ),
    "evaluate": (
        Case({"model": FITTED, "outcome": "died"}, trials()),
        Case({"model": FITTED, "outcome": "smoker", "reference": THEN}, trials()),
        Case({"model": LINEAR, "outcome": "y"}, trials()),
        Case({"model": FITTED, "outcome": "smoker"}, cohorts()),
        Case({"model": LIVES}, trials()),
        Case(
            {"model": OWN_BASELINES},
            trials(),
            pooled={"model": BY_HOSPITAL},
            seen=_without("concordance", "concordance_tolerance"),
        ),
        Case({"model": CENTRES}, cohorts()),
        Case({"model": PARTS}, cohorts()),
    ),
    "gbdt": (
        Case({"outcome": "died", "columns": ["x", "arm", "visits"], "trees": 4, "depth": 2, **GROWN}, trials()),
        Case({"outcome": "smoker", "columns": ["x", "y", "arm"], "trees": 2, "depth": 3, **GROWN, **ALL}, cohorts()),
        Case(
            {"outcome": "years", **SQUARED, "columns": ["x", "y", "arm", "days"], "depth": 2, **GROWN, **ALL}, cohorts()
        ),
        Case({"outcome": "y", **SQUARED, "columns": ["x", "arm", "smoker"], "depth": 1, "bins": 4, **GROWN}, trials()),
        Case({"outcome": "died", "columns": ["years", "arm"], "trees": 3, **GROWN, "holdout": 0}, cohorts()),
    ),
    "generalise": (
        Case({"quasi_identifiers": RECODED, "k": 3, "sensitive": {"died": {}}}, cohorts()),
        Case({"quasi_identifiers": RECODED, "k": 3, "sensitive": {"died": {"distinct": 2, "t": 0.4}}}, trials()),
        Case({"quasi_identifiers": {"days": DAYS, "arm": {"by": "flat"}}, "k": 3, "sensitive": SICK}, trials()),
    ),
    "glm": (
        Case({"formula": "y ~ x + C(arm)", "family": "gaussian"}, trials()),
        Case({"formula": "died ~ x + C(arm)", "family": "binomial"}, trials()),
        Case({"formula": "visits ~ x * smoker", "family": "poisson", "offset": "log(days)"}, trials()),
        Case({"formula": "y ~ x + C(arm)", "family": "gaussian", "ridge": 2.0}, cohorts()),
    ),
    "histogram": (
        Case({"column": "y", "edges": [-2.5, 0.1, 7]}, cohorts()),
        Case({"column": "x", "range": [-1000, 1000], "bins": 7}, cohorts()),
        Case({"column": "arm"}, cohorts()),
    ),
    "kaplan_meier": (
        Case({"duration": "days", "event": "died", "group": "arm"}, cohorts()),
        Case({"duration": "years", "event": "died"}, cohorts()),
    ),
    "kmeans": (
        Case({"columns": ["x", "years"], "k": 3, "starts": 3}, trials()),
        Case({"columns": ["x", "y"], "k": 2, "starts": 2, "standardize": False}, trials(least=0)),
    ),
    "nn": (
        Case({"outcome": "died", "columns": ["x", "arm", "visits"], "hidden": [3], **STEPS}, trials()),
        Case(
            {"outcome": "smoker", "columns": ["x", "years"], "hidden": [], **STEPS, "algorithm": "fedadam"}, cohorts()
        ),
        Case({"outcome": "died", "columns": ["days", "x", "years"], "module": "cnn1d", **STEPS}, trials()),
    ),
    "pca": (
        Case({"columns": ["x", "y", "visits"]}, cohorts(), seen=_span),
        Case({"columns": ["x", "years"], "standardize": False}, trials(), seen=_span),
    ),
    "synthesize": (
        Case({"columns": SYNTHETIC, "judge": ["died"], "holdout": 0.3}, trials()),
        Case({"columns": {**SYNTHETIC, "smoker": {}, "visits": {}}}, cohorts()),
        Case({"columns": {"y": {"edges": [-2.5, 0.1, 7], "decimals": 1}}}, cohorts()),
    ),
}


@st.composite
def splits(draw: st.DrawFn, case: Case) -> tuple[pd.DataFrame, list[pd.DataFrame], int]:
    """All rows with the hospital they went to; the rows of each of six hospitals or fewer; batches to read them in."""
    people = draw(case.people)
    count = draw(st.integers(1, 6))
    kind = draw(st.sampled_from(["any", "one empty", "one of one row", "both"])) if count > 2 else "any"
    low = {"any": 0, "one empty": 1, "one of one row": 1, "both": 2}[kind]
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    place = rng.integers(low, count, len(people))
    if kind in ("one of one row", "both") and len(people):
        place[rng.integers(len(people))] = 0
    people = people.assign(hospital=[f"h{i}" for i in place])
    return people, [people[place == i] for i in range(count)], draw(st.integers(1, 4))


def answer(name: str, params: Mapping[str, Any], frames: list[pd.DataFrame], **how: Any) -> Result | str:
    """The result, or the code of the error that stands in its place."""
    try:
        return run(name, params, SCHEMA, frames, **how)
    except HuizhenError as error:
        return error.code


def check_same(one: Result | str, other: Result | str, case: Case) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    differences = list(_differences(case.seen(one.values), case.seen(other.values)))
    assert not differences
    mine, theirs = (
        [(type(e).__name__, vars(e)) for e in result.exposures if case.pooled is None or isinstance(e, Model)]
        for result in (one, other)
    )
    assert not list(_differences(mine, theirs))


def _differences(a: Any, b: Any, path: str = "") -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict) and list(a) == list(b):
        for key in a:
            yield from _differences(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _differences(x, y, f"{path}.{i}")
    elif isinstance(a, float) and isinstance(b, float):
        if a != pytest.approx(b, rel=1e-7, abs=1e-9):
            yield f"{path}: {a} is not {b}"
    elif type(a) is not type(b) or a != b:
        yield f"{path}: {a!r} is not {b!r}"


thorough = settings(max_examples=25, derandomize=True, deadline=None)
quick = settings(max_examples=10, derandomize=True, deadline=None)
every_method = pytest.mark.parametrize("name", methods.names())


def test_every_method_has_a_case_and_every_case_a_method() -> None:
    assert set(CASES) == set(methods.names())


@every_method
@thorough
@given(data=st.data())
def test_federated_equals_pooled_for_any_split_into_hospitals_and_batches(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES[name]))
    people, frames, batches = data.draw(splits(case))
    federated = answer(name, case.params, frames, batches=batches)
    check_same(federated, answer(name, case.pooled or case.params, [people]), case)


@every_method
@quick
@given(data=st.data())
def test_sums_in_fixed_point_give_the_same_answer(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES[name]))
    _, frames, _ = data.draw(splits(case))
    check_same(answer(name, case.params, frames, total=fixed_point_sum), answer(name, case.params, frames), case)


@every_method
@settings(max_examples=3, derandomize=True, deadline=None)
@given(data=st.data())
def test_secure_sums_give_the_same_answer_and_each_node_shows_the_hub_noise(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES[name]))
    _, frames, _ = data.draw(splits(case))
    frames += [frames[0].iloc[:0]] * (3 - len(frames))
    check_same(answer(name, case.params, frames, total=secure_sum), answer(name, case.params, frames), case)


@every_method
@quick
@given(data=st.data())
def test_every_figure_in_a_result_is_exposed_to_the_guard(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES[name]))
    result = answer(name, case.params, [data.draw(case.people).assign(hospital="h0")])
    if isinstance(result, str):
        return
    shown = {path for exposure in result.exposures for path in _paths(exposure)}
    for path in shown:
        _at(result.values, path)
    whole = name in WHOLE_MODELS and any(isinstance(e, Model) for e in result.exposures)
    all_noised = name == "synthesize" and result.exposures == (Noised(),)
    for path in _figures(result.values):
        covered = (whole and "steps" not in path) or all_noised
        assert covered or any(path[: len(p)] == p for p in shown) or _is_public(path), path


WHOLE_MODELS = {"glm", "cox", "gbdt", "nn"}
"""Results that are one fitted model, refused or released as a whole, but for the steps of a baseline hazard."""
PUBLIC = {"levels", "row_levels", "col_levels", "edges", "p", "group", "confidence"}
"""Keys whose numbers come from the schema or from the study."""


def _paths(exposure: Table | Statistic | Curve | Model) -> Iterator[tuple[str | int, ...]]:
    if isinstance(exposure, Table):
        yield exposure.path
        yield from (path for path, _ in exposure.margins)
        yield from exposure.derived
    elif isinstance(exposure, Statistic):
        yield from exposure.paths
    elif isinstance(exposure, Curve):
        yield exposure.path


def _at(values: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        values = values[step]
    return values


def _figures(values: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _figures(value, (*path, key))
    elif isinstance(values, list):
        for i, value in enumerate(values):
            yield from _figures(value, (*path, i))
    elif isinstance(values, int | float):
        yield path


def _is_public(path: tuple[str | int, ...]) -> bool:
    names = [step for step in path if isinstance(step, str)]
    return names[-1] in PUBLIC and "logrank" not in names and names != ["p"]


def fixed_point_sum(partials: list[Partial]) -> Partial:
    layout = partials[0].layout()
    words = [fixed.encode(p, len(partials)) for p in partials]
    return fixed.decode(ring.total(words, fixed.wide(layout)), layout)


def secure_sum(partials: list[Partial]) -> Partial:
    """One round of the protocol, every node and the hub in this process."""
    context, layout = os.urandom(16), partials[0].layout()
    wide = fixed.wide(layout)
    names = [f"node-{i}" for i in range(len(partials))]
    secrets = {name: Ed25519PrivateKey.generate() for name in names}
    keys = {name: secret.public_key().public_bytes_raw() for name, secret in secrets.items()}
    nodes = {name: Member(context, name, secrets[name].sign, keys) for name in names}
    adverts = {name: node.advert() for name, node in nodes.items()}
    shares = route({name: node.shares(adverts) for name, node in nodes.items()})
    plain = {name: fixed.encode(p, len(names)) for name, p in zip(names, partials, strict=True)}
    masked = {name: node.mask(plain[name], shares[name], wide) for name, node in nodes.items()}
    assert all((masked[name] != plain[name]).all() for name in names)
    confirmed = route({name: node.confirm(names) for name, node in nodes.items()})
    replies = {name: node.unmask(names, confirmed[name]) for name, node in nodes.items()}
    return fixed.decode(open_sum(context, adverts, masked, masked, replies, wide=wide), layout)
