"""What a leaker does to a marked table before it turns up; and whom a trace may never name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from commands import done, huizhen, in_both
from huizhen.privacy.watermark import mark
from huizhen.privacy.watermark.mark import Scale

ROWS = 20_000
TOLERANCE = ["--tolerance", "cost=1", "--tolerance", "weight=0.2"]


def frame() -> pd.DataFrame:
    chance = np.random.default_rng(8)
    return pd.DataFrame(
        {
            "age": chance.choice(["20..29", "30..39", "*"], ROWS),
            "icd": chance.choice(["I10", "E11", "C50"], ROWS),
            "cost": [f"{x:.2f}" for x in np.where(chance.random(ROWS) < 0.1, 0, chance.lognormal(8, 1.2, ROWS))],
            "weight": [f"{x:.1f}" if x > 45 else "" for x in chance.normal(65, 12, ROWS)],
        }
    )


@pytest.fixture(scope="module")
def leaked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, pd.DataFrame]]:
    folder = tmp_path_factory.mktemp("marks")
    frame().to_csv(folder / "in.csv", index=False)
    copies = {}
    for name in ("acme", "beta", "gamma", "delta"):
        done("watermark", "embed", folder / "in.csv", "--out", folder / f"{name}.csv", "--recipient", name, *TOLERANCE,
             "--register", folder / "marks")  # fmt: skip
        copies[name] = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
    return folder, copies


def traced(leaked: Any, table: pd.DataFrame) -> dict[str, float]:
    folder = leaked[0]
    table.to_csv(folder / "found.csv", index=False)
    said = done("watermark", "trace", folder / "found.csv", "--register", folder / "marks", "--json").json()
    return {n["recipient"]: n["log10_chance"] for n in said["named"]}


def number(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce")


def test_no_number_changes_by_more_than_stated_and_nothing_else_changes(leaked: Any) -> None:
    before, after = frame(), leaked[1]["acme"]
    for name, most in (("cost", 1.0), ("weight", 0.2)):
        change = (number(after[name]) - number(before[name])).dropna().round(6)
        assert set(change) == {-most, 0.0, most} and 0.2 < (change != 0).mean() < 0.8
        assert abs(change.mean()) < most / 3
        assert (after[name].str.partition(".")[2].str.len() == before[name].str.partition(".")[2].str.len()).all()
    assert (after.drop(columns=["cost", "weight"]) == before.drop(columns=["cost", "weight"])).all().all()
    assert (after.cost[before.cost == "0.00"] == "0.00").all() and (after.weight[before.weight == ""] == "").all()
    assert (leaked[1]["beta"] != after).any().to_dict() == {"age": False, "icd": False, "cost": True, "weight": True}


def rows(share: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda t: t.sample(frac=share, random_state=3)


def changed(name: str, how: Callable[[pd.Series], pd.Series]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda t: t.assign(**{name: how(number(t[name]))}).drop(columns=["weight"])


NOISE = np.random.default_rng(4)
ATTACKS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "nothing": lambda t: t,
    "rows shuffled": rows(1),
    "one row in a hundred": rows(0.01),
    "all but one marked column gone": lambda t: t[["cost"]].sample(frac=0.05, random_state=1),
    "columns renamed and turned": lambda t: t.rename(columns={"cost": "x", "weight": "y"})[["y", "icd", "x"]],
    "rounded to the tolerance": changed("cost", lambda c: c.round()),
    "noise as large as the tolerance": changed("cost", lambda c: c + NOISE.uniform(-1, 1, len(c))),
    "cut to whole numbers": changed("cost", np.floor),
    "other rows mixed in": lambda t: pd.concat([t.sample(frac=0.2, random_state=1), frame().sample(frac=0.2)]),
    "sorted, doubled": lambda t: pd.concat([t, t]).sort_values("cost"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_recipient_is_named_and_nobody_else(leaked: Any, attack: str) -> None:
    said = traced(leaked, ATTACKS[attack](leaked[1]["acme"]))
    assert list(said) == ["acme"] and said["acme"] <= -6


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_two_who_mix_their_copies_are_named_and_nobody_else(leaked: Any, share: float) -> None:
    acme, beta = leaked[1]["acme"], leaked[1]["beta"]
    chosen = np.random.default_rng(5).random((ROWS, 1)) < share
    mixed = pd.DataFrame(np.where(chosen, acme, beta), columns=acme.columns).sample(frac=0.3, random_state=2)
    said = traced(leaked, mixed)
    assert "acme" in said and set(said) <= {"acme", "beta"}
    if share == 0.5:
        assert set(said) == {"acme", "beta"}


def test_nor_does_it_help_to_compare_copies_and_meet_in_the_middle_or_at_the_extremes(leaked: Any) -> None:
    acme, beta = leaked[1]["acme"], leaked[1]["beta"]
    a, b = number(acme.cost), number(beta.cost)
    for together in ((a + b) / 2, np.maximum(a, b), np.minimum(a, b)):
        said = traced(leaked, acme.assign(cost=together).drop(columns="weight").sample(frac=0.5, random_state=2))
        assert said and set(said) <= {"acme", "beta"}


def test_a_table_that_was_given_to_nobody_names_nobody(leaked: Any) -> None:
    assert traced(leaked, frame()) == {}
    other = frame().assign(cost=[f"{x:.2f}" for x in np.random.default_rng(77).lognormal(8, 1.2, ROWS)])
    assert traced(leaked, other) == {}
    en, zh = in_both("watermark", "trace", leaked[0] / "in.csv", "--register", leaked[0] / "marks")
    assert en.startswith("Nobody") and zh.startswith("无人")


def test_the_odds_of_being_wrong_are_what_they_are_said_to_be() -> None:
    """Of many innocent keys, as many agree as a fair coin has it: on the original, and on a guilty copy."""
    scale, numbers = Scale(2, 100), np.round(np.random.default_rng(3).lognormal(6, 1, 3000), 2)
    guilty = numbers + mark.moves(numbers, scale, b"g" * 16, 0)
    for table in (numbers, guilty):
        counted = mark.counted(table, scale)
        logs = [mark.log_chance(*mark.agreement(counted, i.to_bytes(16, "big"), 0)) for i in range(2000)]
        for level in (0.5, 0.1, 0.01):
            share = np.mean(np.array(logs) <= np.log10(level))
            assert share <= level + 4 * np.sqrt(level / 2000), level
    assert mark.log_chance(*mark.agreement(mark.counted(guilty, scale), b"g" * 16, 0)) < -50
    assert mark.log_chance(10, 10) == pytest.approx(10 * np.log10(0.5))
    assert mark.log_chance(60, 100) == pytest.approx(np.log10(0.02844397), abs=1e-6)


def test_without_the_key_it_cannot_be_told_whose_mark_it_is(leaked: Any) -> None:
    """Halves are picked as by a coin, and those of two recipients have nothing in common; no other key finds any."""
    scale = Scale(2, 100)
    halves = []
    for name in ("acme", "beta"):
        place, votes = mark.counted(number(leaked[1][name].cost).to_numpy(), scale)
        halves.append(pd.Series(votes > 0, index=place))
        assert abs((votes > 0).mean() - 0.5) < 0.05
    both = pd.concat(halves, axis=1, join="inner")
    assert len(both) > 3000 and abs((both[0] == both[1]).mean() - 0.5) < 0.06
    counted = mark.counted(number(leaked[1]["acme"].cost).to_numpy(), scale)
    assert all(mark.log_chance(*mark.agreement(counted, bytes([i]) * 16, 0)) > -9 for i in range(100))


@pytest.mark.parametrize(
    ("column", "values", "more", "code"),
    [
        ("dose_mg", None, [], "watermark-not-here"),
        ("每日剂量", None, [], "watermark-not-here"),
        ("insulinDose", None, [], "watermark-not-here"),
        ("phone", None, [], "watermark-not-here"),
        ("cost", [f"{i % 9}" for i in range(500)], [], "watermark-does-not-fit"),
        ("cost", ["a"] * 500, [], "bad-tolerance"),
        ("age", None, ["--config", "a.yaml"], "watermark-not-here"),
    ],
)
def test_where_a_mark_may_not_or_cannot_be(
    column: str, values: list[str] | None, more: list[str], code: str, tmp_path: Path
) -> None:
    pd.DataFrame({column: values or [f"{i}.5" for i in range(500)]}).to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "a.yaml").write_text("quasi_identifiers: {age: {by: flat}}\nkeep: [cost]\n", encoding="utf-8")
    more = [str(tmp_path / w) if w == "a.yaml" else w for w in more]
    ran = huizhen("watermark", "embed", tmp_path / "in.csv", "--out", tmp_path / "o.csv", "--recipient", "acme",
                  "--tolerance", f"{column}=1", "--register", tmp_path / "marks", *more, "--json")  # fmt: skip
    assert ran.json()["error"]["code"] == code
    assert not (tmp_path / "o.csv").exists() and not (tmp_path / "marks").exists()


def test_a_result_is_never_marked(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text(json.dumps({"release": {"epsilon": 1.0}}), encoding="utf-8")
    ran = huizhen("watermark", "embed", tmp_path / "out.csv", "--out", tmp_path / "o.csv", "--recipient", "acme",
                  "--tolerance", "n=1", "--register", tmp_path / "marks", "--json")  # fmt: skip
    assert ran.json()["error"]["code"] == "watermark-in-a-result"


def test_classes_of_an_anonymised_table_stay_as_they_are(leaked: Any, tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "in.csv", index=False)
    done("anonymize", tmp_path / "in.csv", "--out", tmp_path / "anon.csv", "--qi", "age", "--sensitive", "icd",
    "--l", "2",
         "--keep", "cost,weight", "--unknown", "cost,weight", "--k", "10")  # fmt: skip
    done("watermark", "embed", tmp_path / "anon.csv", "--out", tmp_path / "o.csv", "--recipient", "x", *TOLERANCE,
         "--register", tmp_path / "marks")  # fmt: skip
    before, after = (pd.read_csv(tmp_path / f, dtype=str) for f in ("anon.csv", "o.csv"))
    assert before[["age", "icd"]].equals(after[["age", "icd"]]) and not before.cost.equals(after.cost)


def test_parquet_keeps_its_types_and_the_register_its_secrets(leaked: Any, tmp_path: Path) -> None:
    table = pd.DataFrame({"stay": np.arange(1, 2001), "cost": np.linspace(1, 900, 2000)})
    table.to_parquet(tmp_path / "in.parquet", index=False)
    done("watermark", "embed", tmp_path / "in.parquet", "--out", tmp_path / "o.parquet", "--recipient", "acme",
         "--tolerance", "stay=2", "--tolerance", "cost=0.25", "--register", tmp_path / "marks")  # fmt: skip
    after = pd.read_parquet(tmp_path / "o.parquet")
    assert list(after.dtypes) == list(table.dtypes) and (after.stay - table.stay).abs().max() == 2
    assert (after.cost - table.cost).abs().max() <= 0.25 + 1e-9
    found = done("watermark", "trace", tmp_path / "o.parquet", "--register", tmp_path / "marks", "--json").json()
    assert [n["recipient"] for n in found["named"]] == ["acme"]
    marks = tmp_path / "marks"
    assert all(p.stat().st_mode & 0o077 == 0 for p in (marks, *marks.iterdir()))
    assert "acme" not in (tmp_path / "o.parquet").read_bytes().decode("latin-1")
