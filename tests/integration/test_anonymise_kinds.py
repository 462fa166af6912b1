"""Differential privacy, means, weights and --auto from the command to the file; a release that was tampered with is
found by the verifier, and bad input is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pypdf import PdfReader

from commands import done, in_both
from huizhen.adapters.anonymise_release import anonymised
from huizhen.adapters.anonymise_sampled import with_its_k
from huizhen.adapters.own_file import read_table, write_table
from huizhen.adapters.release_check import Table, check_release
from huizhen.adapters.release_check_kinds import Kinds
from huizhen.intake.document import read_yaml
from huizhen.kit.errors import Refused
from huizhen.model.anonymisation import Anonymisation

COLUMNS = {"age": {"by": "interval", "widths": [10, 20]}, "sex": {"by": "flat"}, "job": {"by": "flat"}}
PRIVATE = {"quasi_identifiers": COLUMNS, "drop": ["who", "cost", "icd"],
           "differential": {"epsilon": 2.0, "delta": 1e-4, "search": 0.5}, "attacks": {"run": False}}  # fmt: skip
MEANS = {"quasi_identifiers": {"sex": {"by": "flat"}, "cost": {"by": "microaggregate"}},
         "sensitive": {"icd": {"distinct": 2}}, "drop": ["who", "age", "job"], "k": 5}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place, chance = tmp_path_factory.mktemp("kinds"), np.random.default_rng(31)
    rows = 3000
    age = chance.integers(20, 80, rows)
    pd.DataFrame(
        {
            "who": [f"N{i}" for i in range(rows)],
            "age": age,
            "sex": chance.choice(["f", "m"], rows),
            "job": chance.choice(["nurse", "cook", "clerk"], rows),
            "cost": np.round(chance.gamma(4, 50, rows), 1),
            "icd": np.where(chance.random(rows) < age / 90, "I10", "J45"),
        }
    ).to_csv(place / "in.csv", index=False)
    for name, asked in (("private", PRIVATE), ("means", MEANS)):
        (place / f"{name}.yaml").write_text(yaml.safe_dump(asked), encoding="utf-8")
    pd.read_csv(place / "in.csv", dtype=str).to_parquet(place / "in.parquet")
    return place


def release(folder: Path, config: str, out: str = "out.csv", source: str = "in.csv", *more: str) -> Any:
    return done(
        "anonymize", folder / source, "--out", folder / out, "--config", folder / config, *more, "--json"
    ).json()


def test_a_private_release_says_so_in_answer_and_beside_the_file_and_is_never_marked(folder: Path):
    said = release(folder, "private.yaml", "private.csv")
    promise = said["differential"]
    assert promise["epsilon"] == pytest.approx(2.0) and promise["epsilon_search"] == pytest.approx(1.0)
    assert said["k"] == promise["k"] <= said["smallest_class"]
    rows = pd.read_csv(folder / "private.csv")
    assert rows.groupby(list(rows)).size().min() >= promise["k"] and len(rows) < 3000
    beside = json.loads((folder / "private.csv-metadata.json").read_text(encoding="utf-8"))
    assert beside["notes"][0]["huizhen.differential_privacy"]["delta"] == 1e-4
    (folder / "other-name.csv").write_bytes((folder / "private.csv").read_bytes())
    for name in ("private.csv", "other-name.csv"):
        en, zh = in_both("watermark", "embed", folder / name, "--out", folder / "m.csv", "--recipient", "a",
                         "--tolerance", "age=1", "--register", folder / "marks", code=5)  # fmt: skip
        assert "never marked" in en and "从不加水印" in zh
    release(folder, "private.yaml", "private.parquet", "in.parquet")
    in_both("watermark", "embed", folder / "private.parquet", "--out", folder / "m.parquet", "--recipient", "a",
            "--tolerance", "age=1", "--register", folder / "marks", code=5)  # fmt: skip
    assert not (folder / "m.csv").exists() and not (folder / "m.parquet").exists()


def test_a_later_release_of_another_kind_does_not_keep_the_statement(folder: Path):
    release(folder, "private.yaml", "again.csv")
    assert (folder / "again.csv-metadata.json").exists()
    release(folder, "means.yaml", "again.csv", "in.csv", "--no-measures")
    assert not (folder / "again.csv-metadata.json").exists()


def checked(folder: Path, config: str, change: Any = None, claim: Any = None) -> None:
    """The verifier on a release that `change` alters after it was made, and of which `claim` alters what is said."""
    asked = with_its_k(read_yaml(folder / config, Anonymisation), folder)
    table, delimiter = read_table(folder / "in.csv")
    released = anonymised(table, asked, folder, lambda *_: None)
    told = released.told(asked)
    part = folder / "checked.csv"
    write_table(released.table, part, delimiter)
    if change is not None:
        frame = pd.read_csv(part, dtype=str)
        change(frame)
        frame.to_csv(part, index=False)
    promise = told.get("differential")
    kinds = Kinds(promise if claim is None else promise | claim, released.coded.hierarchies)
    check_release(
        Table(part, ","), Table(folder / "in.csv", ","), asked, {}, len(released.found.row), None, kinds=kinds
    )


@pytest.mark.parametrize("config", ["private.yaml", "means.yaml"])
def test_the_verifier_passes_what_holds(folder: Path, config: str):
    checked(folder, config)


def one_class_from_nowhere(frame: pd.DataFrame) -> None:
    frame.loc[frame["sex"] == frame["sex"].iloc[0], "job"] = "pilot"


def more_than_there_were(frame: pd.DataFrame) -> None:
    for name in frame:
        frame[name] = frame[name].iloc[0]


def one_mean_moved(frame: pd.DataFrame) -> None:
    first = frame["cost"].iloc[0]
    frame.loc[frame["cost"] == first, "cost"] = f"{float(first) + 10:.3f}"


@pytest.mark.parametrize(
    ("config", "change", "claim"),
    [
        ("private.yaml", one_class_from_nowhere, None),
        ("private.yaml", more_than_there_were, None),
        ("private.yaml", None, {"sample": 0.7}),
        ("private.yaml", None, {"k": 30}),
        ("private.yaml", None, {"epsilon_search": 0.0}),
        ("private.yaml", None, {"epsilon_release": 2.0}),
        ("means.yaml", one_mean_moved, None),
    ],
)
def test_the_verifier_stops_what_does_not(folder: Path, config: str, change: Any, claim: Any):
    with pytest.raises(Refused, match="stopped"):
        checked(folder, config, change, claim)


def test_means_are_of_k_rows_and_the_column_keeps_its_total(folder: Path):
    said = release(folder, "means.yaml", "means.csv")
    rows, before = pd.read_csv(folder / "means.csv"), pd.read_csv(folder / "in.csv")
    assert rows.groupby(["sex", "cost"]).size().min() >= 5 and rows.groupby(["sex", "cost"])["icd"].nunique().min() >= 2
    assert rows["cost"].sum() == pytest.approx(before["cost"].sum(), abs=3000 * 0.01)
    assert said["microaggregation"]["cost"]["variance_kept"] > 0.8
    assert {a["attack"] for a in said["attacks"]} == {"linkage", "singling-out", "membership", "attribute"}


AUTO = ("--qi", "age,sex,job", "--sensitive", "icd", "--drop", "who,cost", "--auto", "--risk", "0.1", "--for", "icd")


def test_auto_settles_on_the_same_for_the_same_file_and_says_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huizhen.adapters.anonymise_auto.CURVE", (2, 200))
    monkeypatch.setattr("huizhen.adapters.anonymise_auto.SUPPRESS", (0.0, 0.05))
    words = ("anonymize", folder / "in.csv", "--out", folder / "auto.csv", *AUTO)
    first = done(*words, "--report", folder / "auto.pdf", "--json").json()
    second = done(*words, "--no-attacks", "--no-measures", "--json").json()
    assert first["auto"]["curve"] == second["auto"]["curve"] and first["config"]["k"] == second["config"]["k"] == 10
    assert first["risk"]["prosecutor"]["highest"] <= 0.1
    weights = first["auto"]["weights"]
    assert weights["age"] > 2 * weights["job"]
    again = done(*first["auto"]["command"].split()[1:], "--no-measures", "--json").json()
    assert again["config"] == first["config"]
    text = "".join(page.extract_text() for page in PdfReader(folder / "auto.pdf").pages)
    assert "How the setting was found" in text and "highest risk of one person" in text
    loss = {(x["k"], x["way"], x["suppress"]): x["loss"] for x in first["auto"]["curve"]}
    assert loss[2, "equal", 0.0] <= loss[10, "equal", 0.0] <= loss[200, "equal", 0.0]


def test_a_use_makes_the_columns_that_tell_it_finer(folder: Path):
    plain = [*AUTO[:6], "--k", "50", "--no-attacks", "--no-measures", "--json"]
    words = ("anonymize", folder / "in.csv", "--out", folder / "use.csv")
    equal = done(*words, *plain).json()["ncp_by_column"]["age"]
    assert done(*words, *plain, "--for", "icd").json()["ncp_by_column"]["age"] < equal
    assert done(*words, *plain, "--weight", "age=20").json()["ncp_by_column"]["age"] < equal


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--risk", "0.1"], 2, "--auto"),
        (["--auto", "--risk", "0.0001"], 6, "--risk 0.0004"),
        (["--for", "age"], 2, "no column under sensitive"),
        (["--weight", "icd=2"], 2, "no quasi-identifier"),
        (["--epsilon", "1"], 2, "go together"),
        (["--epsilon", "1", "--delta", "1e-6"], 2, "'icd'"),
        (["--l", "9"], 6, "distinct: 2"),
        (["--k", "4000"], 6, "k 3000"),
        (["--hierarchies", "circle"], 2, "in a circle"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(folder: Path, more: list[str], code: int, said: str):
    (folder / "circle").mkdir(exist_ok=True)
    (folder / "circle" / "sex.csv").write_text("f;m;f;*\nm;f;m;*\n", encoding="utf-8")
    more = [str(folder / x) if x == "circle" else x for x in more]
    (folder / "none.csv").unlink(missing_ok=True)
    en, _ = in_both("anonymize", folder / "in.csv", "--out", folder / "none.csv", *AUTO[:6], *more, code=code)
    assert said in en and not (folder / "none.csv").exists()


def test_names_of_the_standards_have_their_classes():
    from huizhen.privacy.anonymise.vocabulary import education, occupation

    words = [
        "党的机关、国家机关、群众团体和社会组织、企事业单位负责人", "专业技术人员", "办事人员和有关人员",
        "社会生产服务和生活服务人员", "农、林、牧、渔业生产及辅助人员", "生产制造及有关人员", "军人",
        "不便分类的其他从业人员",
    ]  # fmt: skip
    tree = occupation(words)
    assert [tree.label[tree.node[2, tree.code[i]]][0] for i in range(8)] == list("12345678")
    words = [
        "研究生教育",
        "大学本科教育",
        "大学专科教育",
        "中等职业教育",
        "普通高级中学教育",
        "初级中学教育",
        "小学教育",
        "其他",
    ]
    tree = education([*words, "10", "20", "30", "40", "60", "70", "80", "90"])
    label = [tree.label[tree.node[2, c]] for c in tree.code]
    assert label[:8] == label[8:] and len(set(label)) == 8
