"""Which columns a method may be given, and what is said of those that will not do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from huizhen.kit.errors import BadInput
from huizhen.model.dataset import Column, Schema
from huizhen.statistics import columns

SCHEMA = Schema(
    columns=(
        Column(name="age", type="integer"),
        Column(name="bmi", type="number"),
        Column(name="stage", type="integer", levels=(4, 1, 2)),
        Column(name="dead", type="integer", levels=(0, 1)),
        Column(name="smoker", type="boolean"),
        Column(name="arm", type="category", levels=("b", "a")),
        Column(name="born", type="date"),
        Column(name="note", type="text"),
        Column(name="mrn", type="integer", identifier=True),
    )
)
FITS: dict[str, set[str]] = {
    "numeric": {"age", "bmi", "stage", "dead", "smoker", "born"},
    "levelled": {"stage", "dead", "smoker", "arm"},
    "duration": {"age", "bmi", "stage", "dead"},
    "event": {"dead", "smoker"},
}


@pytest.mark.parametrize("name", SCHEMA.names())
@pytest.mark.parametrize("kind", FITS)
def test_a_column_fits_or_is_refused_by_name_with_those_that_would_do(kind: str, name: str) -> None:
    check: Callable[[Schema, str], Column] = getattr(columns, kind)
    if name in FITS[kind]:
        assert check(SCHEMA, name) == SCHEMA.column(name)
        return
    with pytest.raises(BadInput) as refused:
        check(SCHEMA, name)
    assert f"'{name}'" in refused.value.what.en
    if name not in ("note", "mrn"):
        offered = refused.value.remedy.en.split(": ")[1].rstrip(".").split(", ")
        assert set(offered) == FITS[kind]


def test_a_misspelt_column_is_met_with_the_nearest() -> None:
    with pytest.raises(BadInput) as refused:
        columns.usable(SCHEMA, "smokr")
    assert "'smoker'" in refused.value.remedy.en
    assert "“smoker”" in refused.value.remedy.zh


@pytest.mark.parametrize(
    ("name", "values", "places"),
    [
        ("stage", [1.0, 2.0, 4.0, 3.0, 9.0, np.nan], [1, 2, 0, 3, 3, 3]),
        ("smoker", [0.0, 1.0, np.nan, 0.5], [0, 1, 2, 2]),
        ("arm", np.array([1, 0, -1, 7], dtype=np.int32), [1, 0, 2, 2]),
    ],
)
def test_values_have_the_position_of_their_level_and_others_the_position_after_the_last(
    name: str, values: Any, places: list[int]
) -> None:
    assert columns.positions(SCHEMA.column(name), np.asarray(values)).tolist() == places


def test_more_levels_than_anyone_reads_are_refused() -> None:
    wide = Schema(columns=(Column(name="code", type="category", levels=tuple(range(columns.MAX_LEVELS + 1))),))
    with pytest.raises(BadInput) as refused:
        columns.levelled(wide, "code")
    assert refused.value.code == "too-many-levels"
