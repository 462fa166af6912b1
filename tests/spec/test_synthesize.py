"""A synthetic table of many hospitals: from sums with noise alone, as if all rows were in one place."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drive import build, hospitals, schema_of, trace
from huizhen.client.synthetic_rows import draw
from huizhen.kit.errors import BadInput, Unable
from huizhen.model.dataset import Schema
from huizhen.model.method import Privacy
from huizhen.statistics.noisy_net import UNIT

PARAMS: dict[str, Any] = {
    "columns": {
        "age": {"range": [20, 89], "bins": 14}, "ill": {}, "dose": {"edges": [0, 1, 2, 4, 8], "decimals": 2},
        "ward": {}, "seen": {"range": [2019, 2022], "bins": 4},
    },
}  # fmt: skip


def patients(rows: int = 4000) -> tuple[pd.DataFrame, Schema]:
    """Who is old is ill, who is ill has a larger dose; wards are anybody's. One value in fifty is missing."""
    dice = np.random.default_rng(5)
    age = dice.integers(20, 90, rows)
    ill = (dice.random(rows) < 1 / (1 + np.exp(-(age - 55) / 6))).astype(float)
    dose = np.minimum(dice.exponential(1 + 2 * ill), 7.9).round(2)
    frame = pd.DataFrame({"age": age, "ill": ill, "dose": dose, "ward": dice.choice(list("abc"), rows)})
    frame["seen"] = 17_900 + dice.integers(0, 1400, rows)
    frame.loc[dice.random(rows) < 0.02, "dose"] = np.nan
    schema = schema_of(frame, types={"age": "integer", "ill": "boolean", "dose": "number", "seen": "date"})
    return frame, schema


def test_without_noise_hospitals_together_learn_what_one_place_would() -> None:
    frame, schema = patients()
    asked = {**PARAMS, "judge": ["ill"]}
    apart = trace("synthesize", asked, schema, hospitals(frame), batches=3)
    whole = trace("synthesize", asked, schema, [frame])
    assert apart.result.values == whole.result.values
    assert apart.rounds == 4
    by_name = {c["name"]: c for c in whole.result.values["columns"]}
    held_out = sum(whole.result.values["use"][0]["outcomes"])
    assert sum(by_name["ward"]["counts"]) == len(frame) - held_out
    pairs = {frozenset((p["parent"], p["child"])) for p in whole.result.values["pairs"]}
    assert {frozenset(("age", "ill")), frozenset(("ill", "dose"))} <= pairs


def test_with_the_same_noise_it_is_the_same_wherever_the_rows_are() -> None:
    """The total is all that counts: one noise, put on the sums of many and on the sums of one, gives one table."""
    frame, schema = patients()
    found = []
    for frames in (hospitals(frame), [frame]):
        dice = np.random.default_rng(3)

        def total(partials: list[Any], dice: np.random.Generator = dice) -> Any:
            from drive import plain_sum
            from huizhen.model.partial import Partial

            exact = plain_sum(partials)["counts"]
            return Partial({"counts": exact + np.rint(dice.normal(0, 20 * UNIT, exact.shape)).astype(np.int64)})

        found.append(trace("synthesize", PARAMS, schema, frames, total=total).result.values)
    assert found[0] == found[1]


def test_noise_of_the_size_that_epsilon_takes_is_in_every_sum() -> None:
    """Each column is a count that one person moves by 1; the quarter of the cost that single columns have is shared."""
    frame, schema = patients()
    method = build("synthesize", PARAMS, schema, Privacy(1.0, 1e-6))
    blur = method.blur({"phase": "single"})
    assert blur is not None and blur.step == 0
    sd = blur.sd["counts"] / UNIT
    assert sd == pytest.approx(np.sqrt(5 / (2 * 0.25 * method.cost)))  # type: ignore[attr-defined]
    noise = []
    for _ in range(3):
        seen = trace("synthesize", PARAMS, schema, [frame] * 3, privacy=Privacy(1.0, 1e-6)).totals[0]["counts"]
        exact = trace("synthesize", PARAMS, schema, [frame] * 3).totals[0]["counts"]
        noise += ((seen - exact) / UNIT).tolist()
    spread = float(np.std(noise)) / (sd * np.sqrt(3 / 2))  # two thirds of the hospitals' noise is the whole
    assert 0.7 < spread < 1.3


def test_drawn_rows_are_like_the_rows_as_far_as_columns_and_measured_pairs_go() -> None:
    frame, schema = patients(20_000)
    values = trace("synthesize", PARAMS, schema, hospitals(frame), privacy=Privacy(2.0, 1e-7)).result.values
    made = draw(values, seed=1).to_pandas()
    assert abs(len(made) - len(frame)) < 200
    assert made["age"].between(20, 89).all() and made["dose"].dropna().between(0, 8).all()
    assert made["dose"].isna().mean() == pytest.approx(frame["dose"].isna().mean(), abs=0.01)
    assert made["seen"].dropna().map(lambda d: d.year).between(2019, 2022).all()
    for sick in (0, 1):
        mine, theirs = made[made["ill"] == sick], frame[frame["ill"] == sick]
        assert mine["age"].mean() == pytest.approx(theirs["age"].mean(), abs=1.5)
        assert mine["dose"].mean() == pytest.approx(theirs["dose"].mean(), rel=0.2)
    assert draw(values, seed=1).equals(draw(values, seed=1)) and draw(values, rows=7).num_rows == 7


def test_it_says_how_near_it_is_without_looking_at_rows_again() -> None:
    frame, schema = patients(20_000)
    values = trace("synthesize", PARAMS, schema, hospitals(frame), privacy=Privacy(2.0, 1e-7)).result.values
    pairs = {p["pair"]: p for p in values["fidelity"]["pairs"]}
    names = list(PARAMS["columns"])
    assert list(pairs) == [f"{a} x {b}" for a, b in combinations(names, 2)]
    near, noise = pairs["age x ill"]["distance"], pairs["age x ill"]["noise"]
    assert near < 3 * noise + 0.02
    none = {**values, "pairs": []}
    apart = draw(none, seed=1).to_pandas()
    assert abs(apart.loc[apart["ill"] == 1, "age"].mean() - apart["age"].mean()) < 1, "it is the pairs that tell"


def test_what_it_is_good_for_is_told_of_people_who_were_kept_out() -> None:
    frame, schema = patients(20_000)
    asked = {**PARAMS, "judge": ["ill", "ward"], "holdout": 0.2}
    ill, ward = trace("synthesize", asked, schema, hospitals(frame), privacy=Privacy(2.0, 1e-7)).result.values["use"]
    assert 0.85 < ill["auc"] < 1 and ward["auc"] == pytest.approx(0.5, abs=0.1)
    assert abs(ill["n"] - 4000) < 400 and 0 < ill["auc_noise"] < 0.05


def test_of_a_person_with_many_rows_one_is_counted_and_it_is_the_same_one_each_time() -> None:
    frame, schema = patients(600)
    frame["__person"] = np.arange(len(frame)) // 3
    seen = trace("synthesize", PARAMS, schema, [frame[:300], frame[300:]])
    first = seen.totals[0]["counts"] / UNIT
    assert first.sum() == 5 * 200
    shuffled = frame.sample(frac=1, random_state=2)
    again = trace(
        "synthesize", PARAMS, schema, [shuffled[shuffled["__person"] < 100], shuffled[shuffled["__person"] >= 100]]
    )
    assert again.result.values == seen.result.values


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"age": {}}, "'age' is not known"),
        ({"age": {"range": [90, 20]}}, "do not ascend"),
        ({"age": {"range": [20, 90], "edges": [1, 2]}}, "'age' is not known"),
        ({"ward": {"range": [0, 1]}}, "'ward' is not known"),
        ({"seen": {"range": [20, 90]}}, "is a date"),
        ({"nobody": {}}, "There is no column 'nobody'"),
    ],
)
def test_what_cannot_be_known_beforehand_is_said_by_name(columns: dict[str, Any], said: str) -> None:
    schema = patients(50)[1]
    with pytest.raises(BadInput, match=said):
        build("synthesize", {"columns": columns}, schema)


def test_judging_takes_a_column_with_levels() -> None:
    with pytest.raises(BadInput, match="'age' cannot be judged"):
        build("synthesize", {**PARAMS, "judge": ["age"]}, patients(50)[1])


def test_exact_counts_are_never_asked_for_and_noise_that_drowns_everything_is_not_paid_for() -> None:
    schema = patients(50)[1]
    with pytest.raises(BadInput, match="exact counts"):
        build("synthesize", PARAMS, schema).check_releasable()
    with pytest.raises(Unable) as drowned:
        build("synthesize", PARAMS, schema, Privacy(0.1, 1e-7)).check_people(100)
    assert drowned.value.code == "noise-drowns-table"
    build("synthesize", PARAMS, schema, Privacy(1.0, 1e-7)).check_people(10_000)
