"""generalise: the classes that the pooled rows would be given, cut from sums, for hospitals to release rows by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from drive import batch_of, build, hospitals, run, schema_of, trace
from guarding import census, limits
from huizhen.kit.errors import BadInput, Unable
from huizhen.model.agreed_rule import AgreedRule
from huizhen.path.guard import guard_result
from huizhen.privacy.anonymise.agreed import apply
from huizhen.privacy.anonymise.cost import measure
from huizhen.privacy.anonymise.partition import partition
from huizhen.privacy.anonymise.promise import Diversity, Sensitive
from huizhen.privacy.noise import OpenDpNoise

AGE = {"by": "interval", "widths": [5, 10, 20], "range": [0, 99]}
QUASI: dict[str, Any] = {
    "age": AGE,
    "region": {"by": "prefix", "lengths": [2, 4]},
    "married": {"by": "flat"},
    "job": {"by": "file", "rows": [[f"j{i}", f"sector {i // 4}", "*"] for i in range(12)]},
}
REGIONS = [f"{p}{c:02}{a:02}" for p in (11, 31, 44) for c in range(1, 4) for a in range(1, 5)]


def people(rows: int = 4000, seed: int = 3) -> pd.DataFrame:
    """Unequal as in life: most live in a few regions and have a few jobs; illness follows age."""
    chance = np.random.default_rng(seed)
    age = chance.binomial(99, chance.beta(2.2, 2.6, rows))
    return pd.DataFrame(
        {
            "age": age,
            "region": [REGIONS[int(len(REGIONS) * u**1.7)] for u in chance.random(rows)],
            "married": chance.random(rows) < 0.6,
            "job": [f"j{int(12 * u**1.5)}" for u in chance.random(rows)],
            "weight": np.round(chance.normal(60 + age / 10, 11, rows), 1),
            "illness": [
                f"{'ABCDE'[int(min(4, 5 * u * (0.5 + a / 99)))]}" for u, a in zip(chance.random(rows), age, strict=True)
            ],
        }
    )


SCHEMA = schema_of(people(), {"region": REGIONS, "job": [f"j{i}" for i in range(12)], "illness": list("ABCDE")})


def params(**more: Any) -> dict[str, Any]:
    return {"quasi_identifiers": QUASI, "k": 10, **more}


@pytest.mark.parametrize("asked", [{}, {"distinct": 3, "t": 0.3}])
def test_the_classes_are_those_that_the_pooled_engine_finds(asked: dict[str, Any]) -> None:
    frame = people()
    found = run("generalise", params(sensitive={"illness": asked}), SCHEMA, hospitals(frame, 6)).values
    method = build("generalise", params(), SCHEMA)
    rows = batch_of(frame, method)
    domains = method.fixed  # type: ignore[attr-defined]
    codes = [d.codes(rows[name]) for d, name in zip(domains, QUASI, strict=True)]
    secret = Sensitive(pd.Categorical(frame.illness).codes.astype(np.int32), 5, Diversity(**asked))
    trees = [d.hierarchy for d in domains]
    pooled = measure(partition(codes, trees, 10, [secret]), trees, list(QUASI))
    assert found["classes"] == pytest.approx(pooled["classes"], rel=0.02), "they differ by ties alone"
    assert found["ncp"] == pytest.approx(pooled["ncp"], rel=0.01)
    assert found["smallest_class"] >= 10
    assert sum(found["sizes"]) == found["n"] == len(frame)


def test_a_round_takes_a_level_and_asks_for_no_more_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = people()
    seen = trace("generalise", params(), SCHEMA, [frame])
    assert seen.rounds <= 20
    from huizhen.methods import generalise

    monkeypatch.setattr(generalise, "MOST", 300)
    narrow = trace("generalise", params(), SCHEMA, [frame])
    assert max(sum(a.size for a in total.fields.values()) for total in narrow.totals) <= 300
    assert narrow.rounds > seen.rounds
    sizes = [sorted(each.result.values["sizes"]) for each in (seen, narrow)]
    assert sizes[0] == sizes[1]
    assert narrow.result.values["ncp"] == pytest.approx(seen.result.values["ncp"], rel=1e-12)


def test_numbers_are_cut_by_quantile_and_missing_or_strange_values_are_values_of_their_own() -> None:
    frame = people(1000)
    frame.loc[:40, "weight"] = np.nan
    frame.loc[30:60, "age"] = 120
    frame["region"] = frame.region.where(frame.index % 50 > 0)
    asked = {**QUASI, "weight": {"by": "quantile", "parts": [4, 16]}}
    asked.pop("job")
    rule = AgreedRule.read(run("generalise", {"quasi_identifiers": asked, "k": 10}, SCHEMA, [frame]).values["rule"])
    edges = rule.columns[-1].edges
    assert 8 <= len(edges) <= 15
    rows = batch_of(frame, build("generalise", {"quasi_identifiers": asked, "k": 10}, SCHEMA))
    found = apply(rule, rows.columns)
    assert found.gone == (0, 0), "every row that was counted is covered"
    place, label = found.labels("age")
    assert {label[p] for p in place[30:61]} <= {"(other)", "*"}
    place, label = found.labels("weight")
    assert {label[p] for p in place[:41]} <= {"", "*"}
    for i in (100, 500, 900):
        text = label[place[i]]
        low, _, high = text.partition("..<")
        assert text[0] in "<>*" or float(low) <= frame.weight[i] < float(high)


def test_a_row_that_nobody_was_like_is_in_no_class() -> None:
    frame = people()
    frame = frame[(frame.region != REGIONS[5]) & (frame.job != "j7")]
    rule = AgreedRule.read(run("generalise", params(), SCHEMA, [frame]).values["rule"])
    method = build("generalise", params(), SCHEMA)
    drifted = people(3000, seed=9)
    found = apply(rule, batch_of(drifted, method).columns)
    assert 0 < found.gone[0] < 600
    for name in QUASI:
        place, label = found.labels(name)
        values = drifted[name].astype(str).str.lower()[found.of >= 0]
        shown = [label[p] for p in place]
        leaf = [s for s, v in zip(shown, values, strict=True) if s not in ("*", v)]
        assert not [s for s in leaf if s in ("(other)", "")]


def test_with_per_hospital_min_only_classes_are_left_that_hold_without_small_shares() -> None:
    frames = hospitals(people(), 6)
    alone = run("generalise", params(), SCHEMA, frames).values
    found = run("generalise", params(per_hospital_min=4, sensitive={"illness": {"distinct": 2}}), SCHEMA, frames).values
    assert found["ncp"] > alone["ncp"]
    assert found["sizes"][-1] > 0 == alone["sizes"][-1]
    rule = AgreedRule.read(found["rule"])
    method = build("generalise", params(), SCHEMA)
    shares = np.array([apply(rule, batch_of(f, method).columns).share for f in frames])
    assert not ((shares > 0) & (shares < 4)).any()
    assert shares.sum(axis=0).tolist() == found["sizes"][:-1]
    assert shares.sum(axis=0).min() >= 10


def test_the_guard_hides_a_rule_of_smaller_classes_than_the_smallest_cell() -> None:
    frame = people(500)
    result = run("generalise", params(k=5), SCHEMA, [frame])
    guarded = guard_result(result, census(people=500), limits(min_cell=10), OpenDpNoise())
    assert guarded.values is not None
    assert guarded.values["rule"] is None
    fine = run("generalise", params(k=10), SCHEMA, [frame])
    guarded = guard_result(fine, census(people=500), limits(min_cell=10), OpenDpNoise())
    assert guarded.values == fine.values


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("unknown-column", {"quasi_identifiers": {"agee": AGE}}),
        ("repeated-column", {"sensitive": {"age": {"distinct": 2}}}),
        ("generalisation-unfit", {"quasi_identifiers": {"age": {"by": "interval", "widths": [5]}}}),
        ("generalisation-unfit", {"quasi_identifiers": {"job": {"by": "file", "file": "job.csv"}}}),
        ("generalisation-unfit", {"quasi_identifiers": {"region": {"by": "quantile", "parts": [4]}}}),
        ("range-upside-down", {"quasi_identifiers": {"age": {**AGE, "range": [9, 0]}}}),
        ("domain-too-large", {"quasi_identifiers": {"age": {**AGE, "range": [0, 10**7]}}}),
        ("widths-do-not-nest", {"quasi_identifiers": {"age": {**AGE, "widths": [4, 6]}}}),
        ("promise-incomplete", {"sensitive": {"illness": {"c": 2.0}}}),
        ("promise-incomplete", {"sensitive": {"illness": {"t": 0.2, "distance": "hierarchical"}}}),
        ("no-levels", {"sensitive": {"weight": {"distinct": 2}}}),
        ("bad-params", {"k": 2}),
    ],
)
def test_what_cannot_be_meant_is_refused_before_a_row_is_read(code: str, more: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as error:
        build("generalise", params(**more), SCHEMA)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("union-not-held", {"k": 200}),
        ("union-not-held", {"sensitive": {"illness": {"distinct": 6}}}),
        ("nothing-left", {"per_hospital_min": 80}),
    ],
)
def test_what_all_rows_together_do_not_hold_is_said(code: str, more: dict[str, Any]) -> None:
    with pytest.raises(Unable) as error:
        run("generalise", params(**more), SCHEMA, hospitals(people(150), 4))
    assert error.value.code == code
