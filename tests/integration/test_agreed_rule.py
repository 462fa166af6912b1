"""What all hospitals release by one rule, put together, holds what the rule promises: by the check of a release, which
shares nothing with what made the rule."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agreed_rules import agreed, released
from drive import batch_of, build, schema_of
from huizhen.adapters.anonymise_by_rule import Agreed
from huizhen.adapters.anonymise_columns import in_order
from huizhen.adapters.release_check import Table, check_release
from huizhen.kit.errors import BadInput, Refused
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.cost import measure
from huizhen.privacy.anonymise.hierarchy import icd10
from huizhen.privacy.anonymise.partition import partition

ADULT = Path(__file__).resolve().parents[3] / "shared" / "data" / "adult"
ADULTS = ("sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation")
CODES = ["A01", "A15", "C34", "C50", "E11", "I10", "I21", "J18", "J45"]
QUASI: dict[str, Any] = {
    "age": {"by": "interval", "widths": [5, 10, 20], "range": [0, 99]},
    "region": {"by": "division"},
    "sex": {"by": "flat"},
    "stay": {"by": "quantile", "parts": [2, 4, 8]},
}
REGIONS = [f"{p}{c:02}{a:02}" for p in (11, 31) for c in (1, 2) for a in (1, 2, 3)]


def patients(rows: int = 3000, seed: int = 11) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    age = chance.integers(0, 100, rows)
    return pd.DataFrame(
        {
            "id": [f"P{i}" for i in range(rows)],
            "age": age,
            "region": [REGIONS[int(12 * u**1.5)] for u in chance.random(rows)],
            "sex": np.where(chance.random(rows) < 0.5, "f", "m"),
            "stay": np.round(chance.exponential(6, rows), 1),
            "icd10": [
                CODES[int(9 * min(0.999, u * (0.6 + a / 250)))] for u, a in zip(chance.random(rows), age, strict=True)
            ],
            "score": chance.integers(0, 5, rows),
        }
    )


SCHEMA = schema_of(patients().drop(columns="id"), {"region": REGIONS, "icd10": CODES, "sex": ["f", "m"]})


def dealt(frame: pd.DataFrame, hospitals: int, seed: int = 4) -> list[pd.DataFrame]:
    """Large and small ones, with people of their own kind: sorted by a column, with much chance."""
    chance = np.random.default_rng(seed)
    mixed = frame.iloc[np.argsort(frame.age + chance.normal(0, 40, len(frame)), kind="stable")]
    ends = np.cumsum(chance.dirichlet(np.full(hospitals, 2.0)))[:-1]
    return [mixed.iloc[part] for part in np.split(np.arange(len(frame)), (ends * len(frame)).astype(int))]


def check_union(
    folder: Path, whole: pd.DataFrame, union: pd.DataFrame, quasi: Sequence[str], k: int, sensitive: dict[str, Any]
) -> None:
    """Raises where the rows that were released, of all hospitals together, do not hold what is promised."""
    whole[[*quasi, *sensitive]].to_csv(folder / "whole.csv", index=False)
    union.to_csv(folder / "union.csv", index=False)
    asked = Anonymisation.read(
        {"quasi_identifiers": {n: {"by": "flat"} for n in quasi}, "sensitive": sensitive, "k": k, "suppress": 0.5}
    )
    trees = {}
    for name, variety in sensitive.items():
        values = list(dict.fromkeys(whole[name].astype(str)))
        trees[name] = icd10(values) if variety.get("distance") == "hierarchical" else in_order(values)
    files = Table(folder / "union.csv", ","), Table(folder / "whole.csv", ",")
    check_release(*files, asked, trees, len(union))


PROMISES: tuple[dict[str, Any], ...] = (
    {},
    {"icd10": {"distinct": 3, "t": 0.3}},
    {"icd10": {"t": 0.25, "distance": "hierarchical", "hierarchy": {"by": "icd10"}}, "score": {"entropy": 2.5}},
    {"score": {"t": 0.15, "distance": "ordered"}, "icd10": {"c": 2.0, "l": 3, "beta": 4.0}},
)


@pytest.mark.parametrize("least", [1, 4])
@pytest.mark.parametrize("sensitive", PROMISES)
def test_the_union_holds_what_was_promised(tmp_path: Path, sensitive: dict[str, Any], least: int) -> None:
    frame = patients()
    frames = dealt(frame, 5)
    asked = {"quasi_identifiers": QUASI, "k": 8, "sensitive": sensitive, "per_hospital_min": least}
    seen, rule = agreed(asked, SCHEMA, frames)
    beside = [n for n in ("id", "icd10", "score") if n not in sensitive]
    told, tables = released(rule, frames, tmp_path, drop=beside)
    union = pd.concat(tables)
    check_union(tmp_path, frame, union, list(QUASI), 8, sensitive)
    assert len(union) == sum(seen.result.values["sizes"][:-1])
    for table, figures in zip(tables, told, strict=True):
        share = table.groupby(list(QUASI)).size()
        assert share.min() == figures["smallest_share"] >= least
    if least == 1:
        assert len(union) == len(frame)
        with pytest.raises(Refused):
            check_union(tmp_path, frame, union, list(QUASI), seen.result.values["smallest_class"] + 1, sensitive)
        assert min(t["smallest_share"] for t in told) < 8, "one hospital's share alone is less than k"


@pytest.mark.skipif(not ADULT.exists(), reason="the Adult data is not here")
@pytest.mark.parametrize("count", [4, 18])
def test_on_the_adult_data_each_hospital_loses_hardly_more_than_if_all_rows_lay_in_one_place(
    tmp_path: Path, count: int
) -> None:
    frame = pd.read_csv(ADULT / "adult.csv", sep=";")
    schema = schema_of(frame)
    quasi: dict[str, Any] = {"age": {"by": "interval", "widths": [5, 10, 20], "range": [0, 99]}}
    for name in ADULTS:
        if name != "age":
            with (ADULT / f"adult_hierarchy_{name}.csv").open(newline="", encoding="utf-8") as file:
                quasi[name] = {"by": "file", "rows": [row for row in csv.reader(file, delimiter=";") if row]}
    frames = dealt(frame, count)
    asked = {"quasi_identifiers": quasi, "k": 10}
    seen, rule = agreed(asked, schema, frames)
    method = build("generalise", asked, schema)
    domains = [d.hierarchy for d in method.fixed]  # type: ignore[attr-defined]

    def own(rows: pd.DataFrame) -> float:
        read = batch_of(rows, method)
        codes = [d.codes(read[n]) for d, n in zip(method.fixed, quasi, strict=True)]  # type: ignore[attr-defined]
        return float(measure(partition(codes, domains, 10), domains, list(quasi))["ncp"])

    together = seen.result.values["ncp"]
    alone = [own(rows) for rows in frames]
    assert together == pytest.approx(own(frame), rel=0.005)
    assert together < 0.7 * np.average(alone, weights=list(map(len, frames)))
    told, tables = released(rule, frames, tmp_path, drop=["salary-class"])
    check_union(tmp_path, frame, pd.concat(tables), list(quasi), 10, {})
    assert all(t["ncp"] < a for t, a in zip(told, alone, strict=True)), "no hospital is worse off than alone"


def test_a_file_that_is_not_the_one_counted_is_noticed_where_it_can_be(tmp_path: Path) -> None:
    frame = patients(600)
    frames = dealt(frame, 3)
    _, rule = agreed({"quasi_identifiers": QUASI, "k": 10}, SCHEMA, frames)
    drop = ["id", "icd10", "score"]
    with pytest.raises(Refused) as grown:
        released(rule, [pd.concat([frames[0]] * 40)], tmp_path, drop=drop)
    assert grown.value.code == "share-above-union"
    assert not (tmp_path / "h0-out.csv").exists()
    with pytest.raises(BadInput) as unnamed:
        released(rule, frames[:1], tmp_path, drop=["id", "icd10"])
    assert unnamed.value.code == "columns-beside-rule"
    less = Agreed(rule.rule.model_copy(update={"per_hospital_min": 5}), "st-0", 3, rule.sizes)
    told, tables = released(less, [patients(60, seed=5)], tmp_path, drop=drop)
    assert told[0]["suppressed"]["few_here"] > 0
    assert tables[0].groupby(list(QUASI)).size().min() >= 5
