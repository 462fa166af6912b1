"""Files of FHIR R4 into tables: nothing is lost or taken twice, and a study over a view equals the pooled one."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import stat
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import statsmodels.formula.api as smf

from commands import done, huizhen
from huizhen.adapters import fhir_intake, resource_store
from huizhen.adapters.fhir_intake import take_in
from huizhen.adapters.fhir_view import find_view, write_view
from huizhen.adapters.resource_store import opened
from huizhen.intake import fhir_split, views
from huizhen.kit.errors import BadInput, Conflict, Lost, NotFound
from made_fhir import bundle, lines, patient, pressure, pressures, taken
from regions import make_region, run

SYNTHEA = Path(__file__).parents[3] / ".." / "shared" / "data" / "fhir_r4_synthea" / "open_60_bundles.zip"


def resources(folder: Path, kind: str) -> list[dict[str, Any]]:
    found = sorted((folder / "resources" / kind).glob("*.parquet"))
    return [json.loads(x) for p in found for x in pyarrow.parquet.read_table(p)["resource"].to_pylist()]


def refused(folder: Path) -> list[tuple[int, bytes]]:
    with opened(folder) as store:
        return [(place, b"".join(pieces)) for _, place, _, pieces in store.refused()]


def test_lines_bundles_gzip_and_zip_are_the_same(tmp_path: Path) -> None:
    all_ = [patient("a", name=[{"text": "李娜"}]), pressure("a", 120, 80)]
    plain, whole = lines(tmp_path / "p.ndjson", all_), bundle(tmp_path / "b.json", all_)
    (tmp_path / "g.ndjson.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.write(whole, "in/b.json")
    (tmp_path / "one.json").write_text(json.dumps(all_[0]), encoding="utf-8")
    for i, name in enumerate(("p.ndjson", "b.json", "g.ndjson.gz", "z.zip")):
        told = taken(tmp_path / f"into{i}", tmp_path / name)
        assert (told["taken"], told["reasons"]) == (2, {}), name
        assert resources(tmp_path / f"into{i}", "Patient") == all_[:1]
    everything = taken(tmp_path / "into9", tmp_path / "p.ndjson", tmp_path / "one.json")
    assert (everything["taken"], everything["again"]) == (2, 1)


def test_every_record_is_taken_there_already_or_kept_with_a_reason(tmp_path: Path) -> None:
    good, odd = patient("a"), [b"{", b'{"resourceType":"Nonsense","id":"x"}', '{"id":"李"}'.encode("gb18030")]
    path = tmp_path / "p.ndjson"
    path.write_bytes(b"\n".join([json.dumps(good).encode(), *odd, json.dumps(good).encode(), b'{"resourceType":"Pa']))
    told = taken(tmp_path / "into", path)
    assert (told["taken"], told["again"]) == (1, 1)
    assert refused(tmp_path / "into") == [(2, odd[0]), (3, odd[1]), (4, odd[2]), (6, b'{"resourceType":"Pa')]
    assert told["reasons"]["the file ends within it"] == 1
    assert stat.S_IMODE((tmp_path / "into" / "intake.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "into").stat().st_mode) == 0o700


def test_a_newer_version_takes_the_place_of_an_older_one_and_two_of_the_same_age_do_not(tmp_path: Path) -> None:
    def of(day: int, sex: str) -> dict[str, Any]:
        return patient("a", gender=sex, meta={"lastUpdated": f"2024-01-0{day}T00:00:00Z"})

    told = taken(
        tmp_path / "into", lines(tmp_path / "p.ndjson", [of(2, "female"), of(3, "male"), of(1, "other"), patient("a")])
    )
    assert told["types"] == {"Patient": 1}
    assert sum(told["reasons"].values()) == 2
    with opened(tmp_path / "into") as store:
        write_view(store, find_view("patients"), tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv")["sex"].tolist() == ["male"]


def test_it_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed within a batch: what that batch wrote is deleted, and its records are read again, once."""
    monkeypatch.setattr(resource_store, "BATCH_ROWS", 10)
    path = lines(tmp_path / "p.ndjson", [*pressures(35, 1), {"resourceType": "Nonsense"}, *pressures(9, 2)])
    taking, count = fhir_intake._take, Counter[str]()

    def dying(*words: Any) -> None:
        count["read"] += 1
        if count["read"] == 38:
            raise SystemExit
        taking(*words)

    with monkeypatch.context() as patched, opened(tmp_path / "into", create=True) as store:
        patched.setattr(fhir_intake, "_take", dying)
        patched.setattr(resource_store.Store, "commit", _until(store, 3))
        with pytest.raises(SystemExit):
            take_in(store, [path])
    (tmp_path / "into" / "resources" / "Observation" / "000009.parquet").write_bytes(b"half")
    count.clear()
    with monkeypatch.context() as patched:
        patched.setattr(fhir_intake, "_take", lambda *words: (count.update(["read"]), taking(*words))[1])
        told = taken(tmp_path / "into", path)
    assert 15 <= count["read"] < 45
    assert (told["taken"], told["again"], told["types"]) == (44, 0, {"Observation": 44})
    assert len(refused(tmp_path / "into")) == 1
    assert len({r["id"] for r in resources(tmp_path / "into", "Observation")}) == 44
    assert taken(tmp_path / "into", path) == told


def _until(store: resource_store.Store, batches: int) -> Any:
    """Commits that many batches; then the process is as good as dead."""
    commit, left = store.commit, [batches]

    def committing(_: Any) -> None:
        if left[0]:
            left[0] -= 1
            commit()

    return committing


def test_a_file_that_grew_is_read_again_and_nothing_is_there_twice(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.ndjson", pressures(8, 1)[:5])
    path.write_bytes(path.read_bytes()[:-20])
    assert taken(tmp_path / "into", path)["reasons"] == {"the file ends within it": 1}
    lines(path, pressures(8, 1))
    told = taken(tmp_path / "into", path)
    assert told["types"] == {"Observation": 8}
    assert told["reasons"] == {}


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.ndjson", pressures(1000, 1))
    with opened(tmp_path / "into", create=True) as store, pytest.raises(Lost):
        take_in(store, [path], lambda *_: os.utime(path, (1, 1)))


def test_long_lines_are_kept_whole_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_split.lines, "__defaults__", (1 << 16,))
    long = json.dumps(patient("big", text="x" * (1 << 20))).encode()
    (tmp_path / "p.ndjson").write_bytes(long + b"\n" + json.dumps(patient("a")).encode() + b"\n")
    assert taken(tmp_path / "into", tmp_path / "p.ndjson")["types"] == {"Patient": 1}
    assert refused(tmp_path / "into") == [(1, long + b"\n")]
    with sqlite3.connect(tmp_path / "into" / "intake.db") as book:
        assert book.execute("SELECT max(length(bytes)) FROM piece").fetchone()[0] <= 1 << 16


def test_an_archive_that_expands_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_intake, "_ALWAYS_EXPANDED", 1 << 16)
    for name, data in (
        ("bomb.ndjson.gz", gzip.compress(b" " * (1 << 24))),
        ("cut.ndjson.gz", gzip.compress(os.urandom(9000))[:-99]),
    ):
        (tmp_path / name).write_bytes(data)
        with opened(tmp_path / "into", create=True) as store, pytest.raises(BadInput) as said:
            take_in(store, [tmp_path / name])
        assert said.value.code in ("expands-without-end", "broken-archive")


def test_a_cut_bundle_gives_what_is_whole(tmp_path: Path) -> None:
    path = bundle(tmp_path / "b.json", pressures(5, 1))
    path.write_bytes(path.read_bytes()[:-300])
    told = taken(tmp_path / "into", path)
    assert told["types"] == {"Observation": 4}
    assert told["reasons"] == {"the file ends within it": 2}


def test_one_process_at_a_time_writes_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "into", create=True), pytest.raises(Conflict), opened(tmp_path / "into", create=True):
        pass
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(BadInput), opened(tmp_path / "mine", create=True):
        pass
    with pytest.raises(NotFound), opened(tmp_path / "none"):
        pass


BY_PERSON: dict[str, Any] = {
    "resource": "Observation",
    "where": [{"path": "code.coding.where(code = '85354-9').exists()"}],
    "select": [{"column": [
        {"name": "patient", "path": "subject.getReferenceKey(Patient)", "type": "string"},
        {"name": "systolic", "type": "decimal",
         "path": "component.where(code.coding.where(code = '8480-6').exists()).value.ofType(Quantity).value"},
        {"name": "diastolic", "type": "decimal",
         "path": "component.where(code.coding.where(code = '8462-4').exists()).value.ofType(Quantity).value"},
    ]}],
}  # fmt: skip


def test_a_study_over_a_view_equals_the_pooled_answer(tmp_path: Path) -> None:
    """From FHIR by commands to a dataset of three hospitals; the other way by hand, to statsmodels."""
    (tmp_path / "view.json").write_text(json.dumps(BY_PERSON))
    frames, rows = {}, []
    for seed, node in enumerate(("north", "south", "east")):
        made = pressures(150, seed)
        lines(tmp_path / f"{node}.ndjson", made)
        done("intake", "fhir", tmp_path / f"{node}.ndjson", "--into", tmp_path / node)
        out = tmp_path / f"{node}.csv"
        done("intake", "table", tmp_path / node, "--view", tmp_path / "view.json", "--out", out)
        frames[node] = pd.read_csv(out)
        rows += [[part["valueQuantity"]["value"] for part in r["component"]] for r in made]
    params = {"formula": "systolic ~ diastolic", "family": "gaussian"}
    found = run(make_region(tmp_path / "region", frames), method="glm", params=params, dataset="d")
    fitted = smf.ols("systolic ~ diastolic", pd.DataFrame(rows, columns=["systolic", "diastolic"])).fit()
    got = {row["name"]: row["estimate"] for row in found["result"]["coefficients"]}
    assert np.allclose([got[k] for k in got], fitted.params.to_list(), rtol=1e-7)


def test_commands_tell_what_was_taken_refused_and_left_empty(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "p.ndjson", [patient("a", birthDate="1970"), patient("b"), {"resourceType": "Patinet", "id": "c"}]
    )
    told = done("intake", "fhir", path, "--into", tmp_path / "into", "--json").json()
    assert (told["taken"], told["refused"], told["types"]) == (2, 1, {"Patient": 2})
    assert done("intake", "show", tmp_path / "into", "--json").json() == told
    out = done("intake", "refused", tmp_path / "into", "--out", tmp_path / "r.ndjson")
    assert "1 refused" in out.out
    assert stat.S_IMODE((tmp_path / "r.ndjson").stat().st_mode) == 0o600
    assert json.loads((tmp_path / "r.ndjson").read_text())["place"] == 3
    assert huizhen("intake", "refused", tmp_path / "into", "--out", tmp_path / "r.ndjson").code == 4
    wrote = done(
        "intake", "table", tmp_path / "into", "--view", "patients", "--out", tmp_path / "t.parquet", "--json"
    ).json()
    assert wrote["unread"] == {"born": 1}
    assert huizhen("intake", "table", tmp_path / "into", "--view", "claims", "--out", tmp_path / "t.csv").code == 3
    assert "没有视图" in huizhen("--lang", "zh", "intake", "views", "claim").err
    for name in done("intake", "views", "--json").json():
        assert done("intake", "views", name["view"]).json() == views.definition(name["view"])


@pytest.mark.skipif(not SYNTHEA.exists(), reason="../shared/data is absent")
def test_the_patients_of_synthea_are_those_that_plain_python_finds(tmp_path: Path) -> None:
    taken(tmp_path / "into", SYNTHEA)
    with zipfile.ZipFile(SYNTHEA) as archive:
        entries = [e["resource"] for n in archive.namelist() for e in json.loads(archive.read(n))["entry"]]
    with opened(tmp_path / "into") as store:
        assert store.types() == dict(Counter(kind for kind, _ in {(r["resourceType"], r["id"]) for r in entries}))
        write_view(store, find_view("conditions"), tmp_path / "c.parquet")
    got = pd.read_parquet(tmp_path / "c.parquet")
    want = [
        (r["id"], r["subject"]["reference"].removeprefix("urn:uuid:"), r["code"]["coding"][0]["code"],
         r["onsetDateTime"][:10])
        for r in entries if r["resourceType"] == "Condition"
    ]  # fmt: skip
    assert sorted(zip(got["condition"], got["patient"], got["code"], got["onset"].astype(str), strict=True)) == sorted(
        want
    )
