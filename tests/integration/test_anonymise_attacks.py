"""The attacks are made on the file that would be released; one that succeeds beyond the promise stops it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import done, in_both
from huizhen.adapters.anonymise_attacks import attacked
from huizhen.adapters.anonymise_release import anonymised
from huizhen.adapters.own_file import read_table
from huizhen.model.anonymisation import Anonymisation, Attacks, Generalisation, Variety

ROWS = 2000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("attacks")
    chance = np.random.default_rng(11)
    people(chance, ROWS).to_csv(place / "in.csv", index=False)
    people(chance, 200).to_csv(place / "strangers.csv", index=False)
    return place


def people(chance: np.random.Generator, rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": [f"N{i}" for i in range(rows)],
            "age": chance.integers(0, 99, rows),
            "region": chance.choice(["110101", "110102", "310101", "310203", "440103", "440104"], rows),
            "job": chance.choice(["nurse", "doctor", "cook", "clerk"], rows),
            "icd": chance.choice(["I10", "E11", "C50", "B20", "J45", "K29"], rows),
        }
    )


def words(folder: Path, *more: str | Path) -> list[str | Path]:
    return ["anonymize", folder / "in.csv", "--out", folder / "out.csv", "--sensitive", "icd", *more]


GOOD = ("--qi", "age,region,job", "--drop", "name")
BARE = ("--qi", "job", "--keep", "age,region", "--drop", "name")
"""Names are gone, and one column is a quasi-identifier: what people call anonymous, and is pseudonymised."""


def test_a_good_release_holds_and_says_what_was_tried(folder: Path):
    said = done(*words(folder, *GOOD, "--seed", "3"), "--json").json()
    attacks = {(a["attack"], a["column"]): a for a in said["attacks"]}
    assert set(attacks) == {("linkage", ""), ("singling-out", ""), ("membership", ""), ("attribute", "icd")}
    assert all(a["held"] for a in said["attacks"]) and said["seed"] == 3
    linkage = attacks["linkage", ""]
    assert 0 < linkage["success"]["share"] <= 0.1 and linkage["success"]["low"] < linkage["success"]["share"]
    assert attacks["membership", ""]["controls"] == 400 and attacks["singling-out", ""]["success"]["share"] == 0
    assert said["risk"]["verdict"] == {"public": False, "controlled": True, "enclave": True}


def test_the_same_seed_attacks_the_same_people(folder: Path):
    table, _ = read_table(folder / "in.csv")
    flat = Generalisation(by="flat")
    asked = Anonymisation(
        quasi_identifiers={"region": flat, "job": flat}, sensitive={"icd": Variety()}, drop=("name", "age"),
        attacks=Attacks(targets=50),
    )  # fmt: skip
    released = anonymised(table, asked, folder, lambda *_: None)

    def results(seed: int) -> list[object]:
        made = attacked(table, released.table, released, asked, folder, lambda *_: None, seed)
        return [a.success for a in made]

    assert results(5) == results(5) != results(6)


def test_a_file_that_is_only_pseudonymised_is_stopped_and_what_would_hold_is_named(folder: Path):
    (folder / "out.csv").unlink(missing_ok=True)
    en, zh = in_both(*words(folder, *BARE), code=5)
    assert "a person's own row is found" in en and "drop age" in en and "找到本人所在行" in zh
    assert not (folder / "out.csv").exists() and list(folder.glob(".*")) == []
    held = done(*words(folder, "--qi", "job", "--keep", "region", "--drop", "name,age"), "--json").json()
    assert all(a["held"] for a in held["attacks"])
    vouched = done(*words(folder, *BARE, "--unknown", "age,region"), "--json").json()
    assert all(a["held"] for a in vouched["attacks"])
    assert "attacks" not in done(*words(folder, *BARE, "--no-attacks"), "--json").json()


def test_an_outside_file_decides_what_is_known(folder: Path):
    """Holders vouch for a column; an outside file that has it shows that they were wrong."""
    table = pd.read_csv(folder / "in.csv", dtype=str)
    table[["name", "age", "region", "job"]][:300].to_csv(folder / "voters.csv", index=False)
    bare = [*BARE, "--unknown", "age,region"]
    en, _ = in_both(*words(folder, *bare, "--outside", folder / "voters.csv"), code=5)
    assert "a person's own row is found" in en
    said = done(*words(folder, *GOOD, "--outside", folder / "voters.csv"), "--json").json()
    assert next(a for a in said["attacks"] if a["attack"] == "linkage")["targets"] == 300
    (folder / "other.csv").write_text("who\n1\n", encoding="utf-8")
    en, _ = in_both(*words(folder, *GOOD, "--outside", folder / "other.csv"), code=2)
    assert "no column of the release" in en


def test_a_row_known_by_a_kept_column_tells_who_is_in_the_file(folder: Path):
    """With linkage allowed, membership and singling out stop the same file."""
    lines = ["quasi_identifiers: {job: {by: flat}}", "sensitive: {icd: {}}", "keep: [age, region]", "drop: [name]",
             "attacks: {linkage: 1.0, attribute: 1.0, membership: %s}"]  # fmt: skip
    chance = np.random.default_rng(12)
    people(chance, 600).assign(region=[f"{i:06}" for i in range(600)]).to_csv(folder / "few.csv", index=False)
    (folder / "a.yaml").write_text("\n".join(lines) % "0.2")
    run = ["anonymize", folder / "few.csv", "--out", folder / "out.csv", "--config", folder / "a.yaml"]
    en, _ = in_both(*run, code=5)
    assert "it is told who is in the file" in en
    (folder / "a.yaml").write_text("\n".join(lines) % "1.0")
    assert done(*run, "--json").json()["attacks"][2]["success"]["share"] == 1.0


def test_a_mode_of_release_asks_for_its_k(folder: Path):
    en, zh = in_both(*words(folder, *GOOD, "--mode", "public"), code=5)
    assert "1/20" in en and "k 20" in en and "公开" not in en and "1/20" in zh
    said = done(*words(folder, *GOOD, "--mode", "public", "--k", "20"), "--json").json()
    assert said["risk"]["verdict"]["public"] and said["risk"]["prosecutor"]["highest"] <= 1 / 20
    sized = done(*words(folder, *GOOD, "--population-size", "50000", "--no-attacks"), "--json").json()["uniqueness"]
    assert 0 < sized["before"]["share"] < 0.2 and sized["after"]["share"] < 0.001
    en, _ = in_both(*words(folder, *GOOD, "--population-size", "50"), code=2)
    assert "less than the rows" in en
    en, _ = in_both(*words(folder, *GOOD, "--mode", "secret"), code=2)
    assert "public, controlled or enclave" in en


def test_a_model_grown_on_the_release_is_put_beside_one_grown_on_the_original(tmp_path: Path):
    """Age says much about the diagnosis; so does the age of the release, a little less."""
    chance = np.random.default_rng(13)
    table = people(chance, 4000)
    ill = chance.random(4000) < 1 / (1 + np.exp(-(table.age - 50) / 8))
    table.assign(icd=np.where(ill, "I10", "J45")).to_csv(tmp_path / "in.csv", index=False)
    said = done(*words(tmp_path, *GOOD, "--no-attacks"), "--json").json()["utility"]
    (model,) = said["models"]
    assert model["column"] == "icd" and model["rows"] == 2000
    assert 0.8 < model["released"]["auc"] <= model["original"]["auc"] + 0.02 < 1
    coarse = done(*words(tmp_path, *GOOD, "--no-attacks", "--k", "1500"), "--json").json()["utility"]
    assert coarse["models"][0]["released"]["auc"] < model["released"]["auc"] - 0.02
    assert coarse["non_uniform_entropy"]["age"] > said["non_uniform_entropy"]["age"]
    assert coarse["pair_distance"]["age x icd"] > said["pair_distance"]["age x icd"]
    assert coarse["arx_loss"] > said["arx_loss"]
