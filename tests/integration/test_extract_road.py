"""Rows on the road when something is cut off: the same rows, one settlement, and nothing half given."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest

import huizhen
from commands import done
from crash import finished
from extracts import PARAMS, Here, asked, key_file, people, ready, run
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.client import rows
from huizhen.kit.clock import parse
from huizhen.kit.errors import Conflict, NotFound, Refused
from huizhen.model.study import Request
from huizhen.node import statements
from huizhen.node.point import Origin, take_in
from papers import reviewed
from regions import load, silence


def hashes(region: Region, study: str) -> dict[str, str]:
    told = region.hub.store.journal(study)["release"]["result"]["hospitals"]
    return {each["node"]: each["sha256"] for each in told}


def test_cut_off_before_the_release_it_goes_on_with_the_same_rows_and_settles_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    region = ready(tmp_path / "r", people(300))
    with monkeypatch.context() as patch:
        patch.setattr("huizhen.path.compute.tally", _stops)
        with pytest.raises(Stopped):
            region.road().run(asked(price_fen=30_000))
    made = {n: _made(region, n) for n in ("h0", "h1", "h2")}
    for node in made:  # what was made is lost with its disk
        folder = region.folder / "nodes" / node / "extracts"
        for file in folder.rglob("*.*"):
            if file.is_file():
                file.unlink()
    found = run(region, asked(price_fen=30_000))
    study = found["study"]
    assert found["status"] == "awaiting" and len(region.hub.store.studies()) == 1
    assert hashes(region, study) == made
    with monkeypatch.context() as patch:
        silence(region, patch, lambda node, kind, body: (node, kind) == ("h1", "deliver") and "number" in body)
        reviewed(region, study, ann="approve", bob="approve")
        found = load(region, study)
        assert found["status"] == "awaiting" and "h1" in found["problem"]["message"] and found["settlement"] is None
        assert set(region.hub.store.pieces(study)) == {"h0", "h2"}
    with monkeypatch.context() as patch:
        patch.setattr("huizhen.path.run.settle_study", _stops)
        with pytest.raises(Stopped):
            region.road().go_on()
    assert load(region, study)["status"] == "running" and load(region, study)["result"] is not None
    found = run(region, asked(price_fen=30_000))
    assert (found["study"], found["status"]) == (study, "released")
    assert sum(line["fen"] for line in found["settlement"]["lines"]) == 30_000
    assert len([1 for leaf in region.hub.store.leaves() if json.loads(leaf)["kind"] == "study-settled"]) == 1
    region.witness()
    assert verify_folder(region.folder)[1] == []
    _by_commands(region, study, tmp_path)
    region.close()


class Stopped(BaseException):
    """The process ends here."""


def _stops(*_: Any, **__: Any) -> None:
    raise Stopped


def _made(region: Region, node: str) -> str:
    (told,) = (region.folder / "nodes" / node / "extracts").glob("*/told.json")
    return str(json.loads(told.read_text())["extract"]["sha256"])


def _by_commands(region: Region, study: str, folder: Path) -> None:
    key = key_file(folder)
    region.close()
    said = done("study", "result", study, "--out", folder / "rows.parquet", "--key", key, "--region", region.folder)
    assert "300 rows of 3 hospitals" in said.out
    table = pd.read_parquet(folder / "rows.parquet")
    assert table.groupby(["hospital", "age", "sex"]).size().min() >= 10
    done("study", "result", study, "--html", folder / "report.html", "--region", region.folder)
    assert "smallest class" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_study_is_signed_in_its_file_and_signed_again_after_a_change(tmp_path: Path) -> None:
    from huizhen.client.rows import sign
    from huizhen.intake.document import read_yaml

    study, key = tmp_path / "rows.yaml", key_file(tmp_path)
    study.write_text("title: 'rows: all'\nasker: acme\npurpose: HMB\ndataset: d\nmethod: extract\n"
                     "params:\n  quasi_identifiers:\n    age: {by: interval, widths: [5]}\n")  # fmt: skip
    done("study", "sign", study, "--key", key)
    first = read_yaml(study, Request)
    assert first.is_signed() and "# " not in study.read_text()
    study.write_text(study.read_text().replace("[5]", "[10]"))
    assert not read_yaml(study, Request).is_signed()
    sign(study, key)
    again = read_yaml(study, Request)
    assert again.is_signed() and study.read_text().count("recipient:") == 1
    assert again.recipient is not None and first.recipient is not None
    assert again.recipient.sealing == first.recipient.sealing


def test_sealed_rows_are_deleted_at_the_hub_after_their_time_and_the_ledger_says_so(tmp_path: Path) -> None:
    region = ready(tmp_path / "r", people(120))
    study = finished(region, asked(params={**PARAMS, "watermark": {}, "k": 5}))
    store, key = region.hub.store, key_file(tmp_path)
    assert set(store.pieces(study)) == {"h0", "h1", "h2"}
    road = region.road()
    released, days = parse(store.journal(study)["released_utc"]), store.settings().rows_kept_days
    for later, there in ((days - 1, True), (days + 1, False), (days + 2, False)):
        road.clock = lambda at=released + timedelta(days=later): at  # type: ignore[misc]
        road.catch_up()
        assert bool(store.pieces(study)) == there
    with pytest.raises(NotFound, match="no such rows") as caught:
        rows.fetch(Here(region), load(region, study), key)
    assert f"{days} days" in caught.value.remedy.en
    dropped = [json.loads(leaf) for leaf in store.leaves() if json.loads(leaf)["kind"] == "rows-dropped"]
    assert [(e["subject"], e["facts"]) for e in dropped] == [(study, {"pieces": 3})]
    region.witness()
    assert verify_folder(region.folder)[1] == []
    region.close()


def test_from_python_a_question_is_signed_and_its_rows_are_a_frame(tmp_path: Path) -> None:
    region = ready(tmp_path / "r", people(120))
    key, params = key_file(tmp_path), {**PARAMS, "watermark": {}, "k": 5}
    hub = huizhen.connect(region.folder, asker="acme")
    question = hub.study("d", purpose="HMB").signed(key)
    region.close()
    with pytest.raises(Conflict) as waits:
        question.extract(**params)
    region = Region(region.folder)
    ((study, status),) = region.hub.store.studies()
    assert status == "awaiting" and study.id in waits.value.what.en
    reviewed(region, study.id, ann="approve", bob="approve")
    region.close()
    found = hub.rows(study.id, key=key)
    assert list(found.columns) == ["hospital", "age", "sex", "icd", "cost"]
    assert found.groupby(["hospital", "age", "sex"]).size().min() >= 5
    assert len(found) == sum(h["rows"] for h in hub.answer(study.id)["hospitals"])
    with pytest.raises(Refused):
        hub.rows(study.id, key=key_file(tmp_path, "trust"))


def test_rows_that_stay_in_a_warehouse_are_given_out_from_there(tmp_path: Path, warehouse: str) -> None:
    frame, params = people(240), {**PARAMS, "watermark": {}, "k": 5}
    region = ready(tmp_path / "r", frame)
    here = frame[0::3]
    with psycopg.connect(warehouse, autocommit=True) as server:
        server.execute("CREATE TABLE visits (patient text, age int, sex text, icd text, cost float8)")
        with server.cursor().copy("COPY visits FROM STDIN") as copy:
            for line in here.itertuples(index=False):
                copy.write_row(line)
    agent = region.agent("h0")
    held = take_in(agent, "d", Origin(warehouse, "visits", "patient"), None, region.hub.store.cards("d"))
    statements.publish(agent, held.card)
    statements.deliver(agent, region.announce)
    assert agent.runner.is_elsewhere("d")
    found = load(region, finished(region, asked(params=params)))
    assert found["status"] == "released", found["problem"]
    table = rows.fetch(Here(region), found, key_file(tmp_path)).to_pandas()
    told = {h["node"]: h["rows"] for h in found["result"]["hospitals"]}
    assert table["hospital"].value_counts().to_dict() == told and told["h0"] == len(here)
    own = table[table["hospital"] == "h0"]
    assert own.groupby(["age", "sex"]).size().min() >= 5
    assert sorted(own["cost"].round(2)) == sorted(here["cost"])
    region.close()
