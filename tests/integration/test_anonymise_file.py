"""A file in, a file out: what is promised holds in the file itself, and what does not hold is never written."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import done, in_both
from huizhen.adapters.anonymise_columns import in_order
from huizhen.adapters.anonymise_release import Released
from huizhen.adapters.release_check import Table, check_release
from huizhen.adapters.release_population import Witness
from huizhen.kit.errors import Refused
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.hierarchy import build
from huizhen.privacy.anonymise.partition import partition
from huizhen.privacy.anonymise.promise import Presence
from own_files import people

ADULT = Path(__file__).resolve().parents[3] / "shared" / "data" / "adult"
CONFIG = """\
quasi_identifiers:
  age: {by: interval, widths: [5, 10, 20]}
  region: {by: prefix, lengths: [2, 4]}
  job: {by: file, file: job.csv}
sensitive:
  icd: {distinct: 2, t: 0.5}
keep: [note]
drop: [name]
k: 5
attacks: {unknown: [note], targets: 100}
"""


def frame(rows: int = 600) -> pd.DataFrame:
    return people(rows, 7)


def laid(folder: Path, config: str = CONFIG) -> list[str | Path]:
    frame().to_csv(folder / "in.csv", index=False)
    (folder / "job.csv").write_text("nurse;health;*\ndoctor;health;*\ncook;other;*\n", encoding="utf-8")
    (folder / "a.yaml").write_text(config, encoding="utf-8")
    return ["anonymize", folder / "in.csv", "--out", folder / "out.csv", "--config", folder / "a.yaml"]


def test_a_csv_holds_what_is_promised_and_says_what_it_cost(tmp_path: Path):
    said = done(*laid(tmp_path), "--json").json()
    before, after = frame(), pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert list(after) == ["age", "region", "job", "icd", "note"]
    sizes = after.groupby(["age", "region", "job"]).size()
    assert sizes.min() >= 5 and len(sizes) == said["classes"] > 10 and 0 < said["ncp"] < 1
    assert after.groupby(["age", "region", "job"]).icd.nunique().min() >= 2
    both = after.merge(before, on="note", suffixes=("", "_was"))
    assert len(both) == 600 and (both.icd == both.icd_was).all()
    assert all(a in {"*", b, b[:2] + "****", b[:4] + "**"} for a, b in zip(both.region, both.region_was, strict=True))
    assert list(tmp_path.glob(".*")) == []
    en, zh = in_both(*laid(tmp_path))
    assert "Loss (NCP)" in en and "信息损失" in zh


def test_parquet_too(tmp_path: Path):
    words = laid(tmp_path)
    frame().astype({"note": str}).assign(age=[*range(599), None]).to_parquet(tmp_path / "in.parquet")
    words[1], words[3] = tmp_path / "in.parquet", tmp_path / "out.parquet"
    (tmp_path / "a.yaml").write_text(CONFIG.replace("age: {by: interval, widths: [5, 10, 20]}", "age: {by: flat}"))
    assert done(*words, "--json").json()["rows"] == 600
    assert pd.read_parquet(tmp_path / "out.parquet").groupby(["age", "region", "job"]).size().min() >= 5


@pytest.mark.parametrize(
    ("was", "becomes", "code", "said"),
    [
        ("keep: [note]\n", "", 2, "'note' is not named"),
        ("drop: [name]", "drop: [name, age]", 2, "'age' is named twice"),
        ("drop: [name]", "drop: [name, agee]", 2, "'agee' is not in the file"),
        ("k: 5", "k: 601", 6, "fewer than 601 rows"),
        ("distinct: 2", "distinct: 5", 6, "not so varied even in the whole file"),
        ("distinct: 2", "c: 2.0", 2, "needs both c and l"),
        ("[5, 10, 20]", "[5, 12]", 2, "do not nest"),
        ("{by: prefix, lengths: [2, 4]}", "{by: prefix}", 2, "'prefix' needs 'lengths'"),
        ("{by: prefix, lengths: [2, 4]}", "{by: file, file: job.csv}", 2, "4 different values of the column are not"),
        ("job: {by: file, file: job.csv}", "job: {by: interval, widths: [5]}", 2, "not whole numbers"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_written(was: str, becomes: str, code: int, said: str, tmp_path: Path):
    words = laid(tmp_path, CONFIG.replace(was, becomes))
    en, _ = in_both(*words, code=code)
    assert said in en
    assert not (tmp_path / "out.csv").exists() and list(tmp_path.glob(".*")) == []


ROWS = [("a", "1")] * 3 + [("a", "2")] * 3 + [("b", "1")] * 5 + [("b", "10")] * 1
TREE = build([("low", "1"), ("low", "2"), ("high", "10")])


@pytest.mark.parametrize(
    ("k", "asked", "stands"),
    [
        (6, {}, True),
        (7, {}, False),
        (2, {"distinct": 2}, True),
        (2, {"distinct": 3}, False),
        (2, {"entropy": 1.56}, True),
        (2, {"entropy": 1.58}, False),
        (2, {"c": 5.5, "l": 2}, True),
        (2, {"c": 5.0, "l": 2}, False),
        (2, {"t": 0.25}, True),
        (2, {"t": 0.2499}, False),
        (2, {"t": 0.125, "distance": "ordered"}, True),
        (2, {"t": 0.1249, "distance": "ordered"}, False),
        (2, {"t": 0.1667, "distance": "hierarchical"}, True),
        (2, {"t": 0.1666, "distance": "hierarchical"}, False),
        (2, {"beta": 1.0}, True),
        (2, {"beta": 0.99}, False),
    ],
)
def test_the_check_reads_the_file_alone(k: int, asked: dict[str, float], stands: bool, tmp_path: Path):
    """By hand: of 1, 2, 10 the whole has 8/12, 3/12, 1/12, class a 1/2, 1/2, 0, and class b 5/6, 0, 1/6.

    Both classes are 1/4 apart; in order (1/6 + 1/12) / 2; by the tree 1/6 x 1/2 within `low` and 1/12 above it. The
    largest gain is that of 10 in b, and of 2 in a: twice its share.
    """
    with (tmp_path / "r.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("q", "s"), *ROWS])
    config = Anonymisation.read({"quasi_identifiers": {"q": {"by": "flat"}}, "sensitive": {"s": asked}, "k": k})
    table = Table(tmp_path / "r.csv", ",")
    trees = {"s": TREE if asked.get("distance") == "hierarchical" else in_order(["10", "1", "2"])}
    if stands:
        check_release(table, table, config, trees, 12)
        with pytest.raises(Refused, match="lost or gained"):
            check_release(table, table, config, trees, 13)
    else:
        with pytest.raises(Refused):
            check_release(table, table, config, trees, 12)


def test_a_release_that_breaks_its_promise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    words = laid(tmp_path)
    monkeypatch.setattr("huizhen.adapters.anonymise_release._released", lambda rows, *_: rows.drop_columns(["name"]))
    en, _ = in_both(*words, code=5)
    assert "a class has fewer than 5 rows" in en
    assert not (tmp_path / "out.csv").exists() and list(tmp_path.glob(".*")) == []


@pytest.mark.skipif(not ADULT.exists(), reason="the Adult data is not here")
def test_adult_with_the_hierarchies_of_arx(tmp_path: Path):
    columns = ["sex", "age", "race", "marital-status", "education", "native-country", "workclass"]
    lines = [f"  {c}: {{by: file, file: {ADULT}/adult_hierarchy_{c}.csv}}" for c in columns]
    text = "\n".join(["quasi_identifiers:", *lines, "sensitive: {occupation: {distinct: 3}}", "keep: [salary-class]"])
    (tmp_path / "a.yaml").write_text(text)
    words = ["anonymize", ADULT / "adult.csv", "--out", tmp_path / "o.csv", "--config", tmp_path / "a.yaml", "--json"]
    assert done(*words).json()["rows"] == 30_162
    with (tmp_path / "o.csv").open(newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))[1:]
    sizes = Counter(tuple(row[:7]) for row in rows)
    assert min(sizes.values()) >= 10
    occupations = {(tuple(row[:7]), row[7]) for row in rows}
    assert min(Counter(combination for combination, _ in occupations).values()) >= 3


def test_options_instead_of_a_configuration_and_what_follows_is_said(tmp_path: Path):
    frame(3000).assign(seen=[f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(3000)], cost=range(3000)).to_csv(
        tmp_path / "in.csv", index=False
    )
    (tmp_path / "x_hierarchy_job.csv").write_text("nurse;health;*\ndoctor;health;*\ncook;other;*\n", encoding="utf-8")
    words = [
        "anonymize", tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--qi", "age,job,seen,cost",
        "--sensitive", "icd", "--keep", "region",
        "--drop", "name,note", "--k", "5", "--l", "2", "--t", "0.5", "--hierarchies", tmp_path, "--unknown", "region",
    ]  # fmt: skip
    said = done(*words, "--json").json()
    how = {name: {k: v for k, v in one.items() if v} for name, one in said["config"]["quasi_identifiers"].items()}
    assert how == {
        "age": {"by": "quantile", "parts": [4, 16, 64], "weight": 1.0},
        "job": {"by": "file", "file": "x_hierarchy_job.csv", "weight": 1.0},
        "seen": {"by": "date", "weight": 1.0},
        "cost": {"by": "quantile", "parts": [4, 16, 64], "weight": 1.0},
    }
    after = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert after.groupby(["age", "job", "seen", "cost"], dropna=False).size().min() >= 5
    en, zh = in_both(*words)
    assert "quantile [4, 16, 64]" in en and "概括方式" in zh


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ([], 2, "Nothing is said about the columns"),
        (["--qi", "age,job", "--sensitive", "icd"], 2, "'name' is not named"),
        (["--qi", "age,jop", "--keep", "name,region,icd,note,job"], 2, "'jop' is not in the file"),
        (["--qi", "age", "--algorithm", "best"], 2, "topdown or lattice"),
        (["--config", "a.yaml", "--k", "5"], 2, "--k cannot be given with --config"),
        (
            ["--qi", "region", "--drop", "name,age,icd,note,job", "--algorithm", "lattice", "--k", "9000"],
            6,
            "fewer than",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(more: list[str], code: int, said: str, tmp_path: Path):
    laid(tmp_path)
    more = [str(tmp_path / w) if w == "a.yaml" else w for w in more]
    en, _ = in_both("anonymize", tmp_path / "in.csv", "--out", tmp_path / "out.csv", *more, code=code)
    assert said in en
    assert not (tmp_path / "out.csv").exists()


def test_rows_may_be_left_out_within_the_budget(tmp_path: Path):
    lone = pd.DataFrame({"q": ["a"] * 50 + ["b"] * 50 + ["c"], "s": ["x", "y"] * 50 + ["x"]})
    lone.to_csv(tmp_path / "in.csv", index=False)
    for algorithm in ("topdown", "lattice"):
        words = ["anonymize", tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--qi", "q", "--sensitive", "s",
                 "--l", "2", "--k", "5", "--algorithm", algorithm, "--json"]  # fmt: skip
        assert done(*words).json()["suppressed"] == 0
        assert done(*words, "--suppress", "0.01").json()["suppressed"] == 1
        after = pd.read_csv(tmp_path / "out.csv")
        assert after.q.tolist().count("a") == 50 and len(after) == 100


def within(label: str, value: str) -> bool:
    low, high = label.split("..")
    return int(low) <= int(value) <= int(high)


def test_a_population_is_counted_and_has_to_hold_everyone(tmp_path: Path):
    everyone = frame(2000)
    everyone.to_csv(tmp_path / "all.csv", index=False)
    everyone[:300].to_csv(tmp_path / "in.csv", index=False)
    config = CONFIG + "population: {file: all.csv, k_map: 20, present_most: 0.5}\n"
    laid_words = laid(tmp_path, config)
    everyone[:300].to_csv(tmp_path / "in.csv", index=False)
    said = done(*laid_words, "--json").json()
    after = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    sizes = after.groupby(["age", "region", "job"]).size()
    assert len(after) == 300 and sizes.min() >= 5 and said["classes"] == len(sizes) > 3
    for (age, region, job), there in sizes.items():
        covers = [
            everyone.age.map(lambda v, a=age: a in {"*", v} or (".." in a and v != "" and within(a, v))),
            everyone.region.map(lambda v, r=region: v.startswith(r.rstrip("*"))),
            everyone.job.map(lambda v, j=job: j in {"*", v, "health" if v != "cook" else "other"}),
        ]  # fmt: skip
        people = np.logical_and.reduce([c.astype(bool) for c in covers]).sum()
        assert people >= 20 and there <= people
    (tmp_path / "all.csv").write_text("\n".join((tmp_path / "all.csv").read_text().splitlines()[:1]) + "\n")
    en, _ = in_both(*laid_words, code=2)
    assert "300 people of the file are not in it" in en


ENGINE = "huizhen.adapters.anonymise_release"


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ("presence", "too large a share of a class is in the file"),
        ("k_map", "fewer than 40 people share a combination"),
        ("label", "a label of column 'region' does not cover a person"),
        ("people", "it was not counted among the population given"),
        ("rows", "the rows of a class are not those of the file"),
    ],
)
def test_an_engine_that_breaks_what_it_promised_among_a_population_is_found_out(
    lie: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The verifier reads the release and the population, and believes the engine nothing that it can count itself."""
    words = laid(tmp_path, CONFIG + "population: {file: all.csv, k_map: 40, present_most: 0.2}\n")
    everyone = frame(2000)
    everyone.to_csv(tmp_path / "all.csv", index=False)
    everyone[:300].to_csv(tmp_path / "in.csv", index=False)
    if lie == "presence":
        monkeypatch.setattr(f"{ENGINE}.Presence", lambda k, _least, _most: Presence(k, 0.0, 1.0))
    elif lie == "k_map":
        monkeypatch.setattr(f"{ENGINE}.partition", lambda c, h, _k, *a, **more: partition(c, h, 5, *a, **more))
    else:
        monkeypatch.setattr(f"{ENGINE}.Released.witness", lied(lie))
    en, _ = in_both(*words, code=5)
    assert said in en and not (tmp_path / "out.csv").exists()


def lied(lie: str):
    honest = Released.witness

    def witness(self: Released, people: object) -> Witness:
        told = honest(self, people)
        if lie == "label":
            told.label["region"][np.flatnonzero(told.placed)[0]] = "99****"
        elif lie == "people":
            told.value["region"][0] = "110102" if told.value["region"][0] == "110101" else "110101"
        else:
            told.inside[np.flatnonzero(told.placed & ~told.inside)[0]] = True
        return told

    return witness


@pytest.mark.parametrize("algorithm", ["topdown", "lattice"])
def test_among_a_population_rows_may_be_left_out_with_either_algorithm(algorithm: str, tmp_path: Path):
    """Three people of the file are of a kind of which the population has few."""
    everyone = pd.DataFrame({"q": ["a"] * 400 + ["b"] * 300 + ["c"] * 6, "s": ["x", "y"] * 353})
    everyone.to_csv(tmp_path / "all.csv", index=False)
    pd.concat([everyone[:100], everyone[400:480], everyone[700:703]]).to_csv(tmp_path / "in.csv", index=False)
    text = "quasi_identifiers: {q: {by: flat}}\nsensitive: {s: {distinct: 2}}\nk: 5\nsuppress: %s\n"
    text += f"algorithm: {algorithm}\npopulation: {{file: all.csv, k_map: 50, present_most: 0.5}}\n"
    run = ["anonymize", tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--config", tmp_path / "a.yaml", "--json"]
    (tmp_path / "a.yaml").write_text(text % 0)
    assert done(*run).json()["suppressed"] == 0
    (tmp_path / "a.yaml").write_text(text % 0.02)
    said = done(*run).json()
    assert said["suppressed"] == 3 and said["ncp_by_column"]["q"] == pytest.approx(3 / 183)
    assert said["risk"]["journalist"]["highest"] == 1 / 300 and not said["risk"]["bounded"]
    assert Counter(pd.read_csv(tmp_path / "out.csv").q) == {"a": 100, "b": 80}
    (tmp_path / "a.yaml").write_text((text % 0.02).replace("present_most", "present_least"))
    en, _ = in_both(*run[:-1], code=2)
    assert "does not go with suppress" in en
