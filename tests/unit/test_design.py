"""Formulas: the same columns and names as formulaic, from our own evaluator, and nothing that is not on its list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import formulaic
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive import array_of
from huizhen.kit.errors import BadInput
from huizhen.model.dataset import Column, Schema
from huizhen.statistics import design, expression, moments, standard
from huizhen.statistics.expression import Spread
from huizhen.statistics.moments import Moments

SCHEMA = Schema(
    columns=(
        Column(name="y", type="number"),
        Column(name="age", type="number"),
        Column(name="bmi", type="number"),
        Column(name="ph.ecog", type="integer"),
        Column(name="年龄", type="number"),
        Column(name="white cells", type="number"),
        Column(name="visits", type="integer", levels=(0, 1, 2)),
        Column(name="sex", type="category", levels=("m", "f")),
        Column(name="stage", type="category", levels=("IV", "I", "II")),
        Column(name="smoker", type="boolean"),
        Column(name="seen", type="date"),
        Column(name="same", type="category", levels=("x",)),
        Column(name="note", type="text"),
        Column(name="subject", type="integer", identifier=True),
    )
)
NEW_TO_FORMULAIC = {"sqrt": np.sqrt, "log1p": np.log1p}

FORMULAS = [
    "age",
    "age + sex",
    "0 + sex",
    "sex - 1",
    "stage + 0 + age",
    "1",
    "age + bmi - bmi",
    "sex * stage",
    "sex:stage",
    "stage + sex:stage",
    "sex:age",
    "age + sex:age",
    "age / sex",
    "age %in% sex",
    "(age + sex + stage)**2",
    "(age + bmi)^2",
    "C(visits)",
    "C(visits):sex",
    "C(visits, Treatment(2))",
    "C(visits, Treatment(reference=1)) * age",
    "C(stage, Treatment('II'))",
    "0 + C(stage, contr.treatment('I'))",
    "C(smoker) + smoker:age",
    "C(sex) + sex",
    "smoker",
    "seen",
    "log(age) + log10(bmi) + log2(bmi) + log1p(age) + exp(bmi / 10) + sqrt(age) + abs(bmi - 20)",
    "np.log(age) + np.exp(-bmi)",
    "I(age**2) + I(age * bmi) + I(-age / 2 + 3)",
    "I(age > 50) + I(age <= bmi) + I(visits == 2) + I(visits != 1)",
    "{age + 1}:sex",
    "ph.ecog + `ph.ecog`:age",
    "log(`ph.ecog` + 1) + `white cells`",
    "年龄 * sex",
    "scale(age) + standardize(bmi) + center(`white cells`)",
    "scale(log(age)) + I(scale(bmi)**2) + sex:center(age)",
    "~ age",
]


def people(rows: int = 60, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "y": rng.normal(size=rows),
            "age": rng.uniform(20, 90, rows),
            "bmi": rng.uniform(15, 40, rows),
            "ph.ecog": rng.integers(0, 4, rows),
            "年龄": rng.uniform(20, 90, rows),
            "white cells": rng.uniform(1e3, 1e4, rows),
            "visits": np.r_[0, 1, 2, rng.integers(0, 3, rows - 3)],
            "sex": pd.Categorical(rng.choice(["m", "f"], rows), categories=["m", "f"]),
            "stage": pd.Categorical(rng.choice(["IV", "I", "II"], rows), categories=["IV", "I", "II"]),
            "smoker": rng.random(rows) < 0.4,
            "seen": rng.integers(0, 20000, rows),
        }
    )


def ours(formula: str, frame: pd.DataFrame) -> pd.DataFrame:
    _, plan = design.read(formula, SCHEMA)
    rows = {name: array_of(frame[name], SCHEMA.column(name)) for name in plan.columns}
    inner = design.inner(*plan.expressions)
    state: Any = moments.start(len(inner))
    while not isinstance(state, Moments):
        state = moments.refine(moments.partial(standard.stack(inner, rows, len(frame)), state), state)
    known = {
        text: Spread(state.rows, mean, sd)
        for text, mean, sd in zip(inner, state.mean.tolist(), state.sd().tolist(), strict=True)
    }
    return pd.DataFrame(plan.matrix(rows, len(frame), known).T, columns=list(plan.names))


def theirs(formula: str, frame: pd.DataFrame) -> pd.DataFrame:
    matrix = formulaic.model_matrix(formula, frame, context=NEW_TO_FORMULAIC)
    return pd.DataFrame(matrix).astype(float).reset_index(drop=True)


@pytest.mark.parametrize("formula", FORMULAS)
def test_columns_and_names_are_formulaics(formula: str) -> None:
    frame = people()
    pd.testing.assert_frame_equal(ours(formula, frame), theirs(formula, frame), rtol=1e-12, atol=1e-12)


FACTORS = ["age", "bmi", "sex", "stage", "C(visits)", "smoker", "log(age)", "I(bmi**2)", "C(stage, Treatment('I'))"]


@st.composite
def formulas(draw: st.DrawFn) -> str:
    terms = draw(st.lists(st.lists(st.sampled_from(FACTORS), min_size=1, max_size=3), min_size=1, max_size=4))
    joined = [draw(st.sampled_from([":", "*"])).join(t) for t in terms]
    return draw(st.sampled_from(["", "0 + ", "1 + "])) + " + ".join(joined)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(formula=formulas())
def test_columns_and_names_are_formulaics_for_any_terms(formula: str) -> None:
    frame = people()
    pd.testing.assert_frame_equal(ours(formula, frame), theirs(formula, frame), rtol=1e-12, atol=1e-12)


def test_a_level_that_no_row_of_a_batch_has_keeps_its_column() -> None:
    frame = people()
    part = frame[frame.stage == "I"].reset_index(drop=True)
    assert list(ours("sex * stage", part)) == list(ours("sex * stage", frame))


def test_both_sides_and_the_columns_used() -> None:
    left, plan = design.read("y ~ log(age) * sex + C(visits)", SCHEMA)
    assert left == "`y`"
    assert plan.columns == ("age", "sex", "visits")
    assert plan.intercept == 0
    assert plan.indicators == (False, False, True, True, True, True)
    assert design.read("age", SCHEMA)[0] is None
    assert design.read("I(y > 0) ~ age", SCHEMA)[0] == "I(y > 0)"


def test_a_hazard_has_no_intercept_but_codes_as_if_it_had() -> None:
    for formula in ("age + sex", "~ age + sex", "age + sex - 1", "0 + age + sex"):
        assert design.read_hazard(formula, SCHEMA).names == ("age", "sex[T.f]")
    for formula in ("1", "y ~ age"):
        with pytest.raises(BadInput) as error:
            design.read_hazard(formula, SCHEMA)
        assert error.value.code == "bad-formula"


REFUSED = {
    "not-in-a-formula": [
        "poly(age, 2)",
        "bs(age)",
        "Q('age')",
        "log(age, 2)",
        "log(age, base=2)",
        "I('text')",
        "{'text'}",
        "I(age.mean)",
        "np.load(age)",
        "I(age.__class__)",
        "I([age for age in y])",
        "I((lambda: age)())",
        "I(age if y else bmi)",
        "I(age % 2)",
        "I(age and bmi)",
        "I(1 < age < 3)",
        "I(True * age)",
        "I(3)",
        "scale(scale(age))",
        "scale(3)",
        "scale(age, center=False)",
        "C(sex, Sum)",
        "C(log(age))",
        "C(sex, Treatment('m', 'f'))",
        "C(sex, levels=['m'])",
        "2:age",
        f"I(1{'0' * 400} * age)",
    ],
    "bad-formula": [
        "age +",
        "y ~ age ~ bmi",
        "y + bmi ~ age",
        "y ~ 0",
        "age | sex",
        "[age ~ sex]",
        ".",
        "age > 3",
        "'a'",
    ],
    "unknown-column": ["weight", "log(weight)", "C(weight)", "age.__class__", "`a; DROP TABLE`"],
    "identifier-column": ["subject", "log(subject)", "C(subject)"],
    "text-column": ["note", "C(note)", "abs(note)"],
    "category-in-arithmetic": ["log(sex)", "I(stage + 1)", "I(sex == 1)"],
    "no-levels": ["C(age)", "C(`ph.ecog`)"],
    "unknown-level": ["C(sex, Treatment('x'))", "C(visits, Treatment(-1))"],
    "one-level": ["age + same"],
    "formula-too-large": [
        "(age + bmi + sex + stage + visits)**30",
        "(age + bmi + sex + stage + smoker)**(20 + 0)",
        "*".join(f"I(age + {i})" for i in range(12)),
        " + ".join(["age"] * 1000),
    ],
}


@pytest.mark.parametrize(("code", "formula"), [(code, f) for code, group in REFUSED.items() for f in group])
def test_what_a_formula_cannot_hold(code: str, formula: str) -> None:
    with pytest.raises(BadInput) as error:
        design.read(formula, SCHEMA)
    assert error.value.code == code
    assert error.value.say("zh") != error.value.say("en")


def test_a_refusal_names_the_column_and_what_is_allowed() -> None:
    with pytest.raises(BadInput, match="'subject' identifies"):
        design.read("y ~ age + subject", SCHEMA)
    with pytest.raises(BadInput) as error:
        design.read("y ~ bs(age)", SCHEMA)
    assert "bs" in error.value.say() and "log1p" in error.value.say() and "scale" in error.value.say("zh")


@pytest.mark.parametrize(
    "wrap", ["{}", "I({})", "log({})", "{{{}}}", "C(sex, {})", "scale({})", "y ~ age + I(age + {})"]
)
def test_python_in_a_formula_never_runs(wrap: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    attacks = [
        f"__import__('pathlib').Path({str(mark)!r}).touch()",
        f"open({str(mark)!r}, 'w')",
        f"eval(\"open({str(mark)!r}, 'w')\")",
        f"[c for c in ().__class__.__base__.__subclasses__()][0].__init__.__globals__['open']({str(mark)!r}, 'w')",
        f"np.savetxt({str(mark)!r}, [1])",
        f"age.tofile({str(mark)!r})",
    ]
    for attack in attacks:
        with pytest.raises(BadInput):
            design.read(wrap.format(attack), SCHEMA)
    assert not mark.exists()


def test_values_outside_the_declared_levels_are_counted_and_named() -> None:
    _, plan = design.read("age + C(visits) + sex", SCHEMA)
    rows = {"age": np.zeros(4), "visits": np.array([0.0, 1.0, 7.0, 1.5]), "sex": np.array([0, 1, 0, 1], dtype=np.int32)}
    counted = plan.outside(rows)
    assert counted.tolist() == [0, 2, 0]
    with pytest.raises(BadInput, match="visits"):
        plan.check_inside(counted)
    plan.check_inside(np.zeros(3, dtype=np.int64))


def test_what_has_no_value_is_not_finite_rather_than_a_warning() -> None:
    read = expression.read("log(age) / bmi", SCHEMA)
    values = read({"age": np.array([0.0, -1.0, 1.0]), "bmi": np.array([1.0, 1.0, 0.0])}, {})
    assert not np.isfinite(values).any()
