"""What the curious and the dishonest could try with a rule that hospitals agree on, and what is not defended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agreed_rules import agreed, released
from drive import schema_of
from huizhen.adapters.anonymise_by_rule import read_rule
from huizhen.adapters.local import LocalFederation
from huizhen.cli.anonymize_by_rule import by_rule
from huizhen.kit import wire
from huizhen.kit.errors import BadInput, Refused
from huizhen.model.agreed_rule import AgreedRule
from regions import make_region, patients, run

QUASI: dict[str, Any] = {
    "age": {"by": "interval", "widths": [5, 10, 20], "range": [0, 99]},
    "sex": {"by": "flat"},
    "time": {"by": "quantile", "parts": [2, 4, 8]},
}
ASKED: dict[str, Any] = {"quasi_identifiers": QUASI, "k": 10}


def test_on_the_road_the_hub_sees_masks_nodes_are_told_no_count_and_one_person_cannot_be_differenced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = patients(500, 4)
    frames["h2"].iloc[3, frames["h2"].columns.get_loc("age")] = 95
    region = make_region(tmp_path / "r", frames)
    said: list[tuple[str, dict[str, Any]]] = []
    exchange = LocalFederation.exchange

    def listening(self: LocalFederation, messages: Mapping[str, bytes], seconds: float) -> Mapping[str, bytes]:
        replies = exchange(self, messages, seconds)
        said.extend(("to", wire.decode(data[64:])) for data in messages.values())
        said.extend(("from", wire.decode(data[64:])) for data in replies.values())
        return replies

    monkeypatch.setattr(LocalFederation, "exchange", listening)
    found = run(region, method="generalise", params=ASKED)
    second = run(region, method="generalise", params=ASKED, cohort="age < 90")
    region.close()

    assert found["status"] == "released"
    words = [
        np.array(each["body"]["ok"]["words"] if isinstance(each["body"]["ok"], dict) else each["body"]["ok"])
        for way, each in said
        if way == "from" and each["kind"] == "mask"
    ]
    assert np.concatenate(words).min() > 1 << 32, "a small number among 64-bit masks would be a leak (chance 2**-26)"
    told = [each["body"]["state"] for way, each in said if way == "to" and each["body"].get("state")]
    cuts = [state for state in told if state.get("phase") == "cut"]
    assert cuts
    assert {key for state in cuts for key in state} == {"phase", "edges", "tree", "look"}
    assert {key for state in cuts for key in state["look"]} == {"group", "at", "column"}

    assert second["status"] == "denied", "the two rules together would show where one person is"
    assert [c["check"] for c in second["guard"] if c["outcome"] == "refused"] == ["differencing"]
    assert second["result"] is None

    rule = AgreedRule.read(found["result"]["rule"])
    assert min(found["result"]["sizes"][:-1]) >= 10
    assert len(found["result"]["sizes"]) == len(rule.classes) + 1


def test_who_lies_can_make_classes_too_small_but_not_a_hospitals_own_share_of_them(tmp_path: Path) -> None:
    """Not defended: under masks nobody sees that a hospital counts rows it does not have. Defended: per_hospital_min is
    held by each hospital on its own rows, whatever the others say."""
    frames = [f.drop(columns=["patient", "score"]) for f in patients(600, 4).values()]
    schema = schema_of(frames[0])
    invented = [pd.concat([frames[0]] * 12), *frames[1:]]
    drop = ["ill"]
    _, lied = agreed(ASKED, schema, invented)
    _, tables = released(lied, frames, tmp_path, drop=drop)
    assert pd.concat(tables).groupby(list(QUASI)).size().min() < 10, "the promise over the union is broken"

    _, held = agreed({**ASKED, "per_hospital_min": 5}, schema, invented)
    _, tables = released(held, frames, tmp_path, drop=drop)
    assert all(table.groupby(list(QUASI)).size().min() >= 5 for table in tables)

    taken = [pd.concat([frames[0]] * 2).iloc[: len(frames[0]) // 4], *frames[1:]]
    _, less = agreed(ASKED, schema, taken)
    try:
        _, tables = released(less, frames, tmp_path, drop=drop)
    except Refused as noticed:
        assert noticed.code == "share-above-union"
    else:
        whole = pd.concat(tables).groupby(list(QUASI)).size()
        assert whole.min() >= 10, "who counts too little costs use, and nobody's privacy"


def test_a_changed_rule_is_refused_and_so_is_what_the_rule_does_not_decide(tmp_path: Path) -> None:
    frames = [f.drop(columns=["score"]) for f in patients(300, 3).values()]
    seen, rule = agreed(ASKED, schema_of(frames[0].drop(columns="patient")), frames)
    outcome = {
        "study": "st-0", "hospitals": ["a", "b", "c"], "result": seen.result.values,
        "grant": {"limits": {"round_to": None}},
    }  # fmt: skip
    good, bad, source = tmp_path / "rule.json", tmp_path / "bad.json", tmp_path / "a.csv"
    frames[0].to_csv(source, index=False)
    good.write_text(json.dumps(outcome), encoding="utf-8")
    assert read_rule(good) == rule
    outcome["result"]["rule"]["cuts"][0]["to"][0] = -1
    bad.write_text(json.dumps(outcome), encoding="utf-8")
    for file, code, said in (
        (bad, "bad-rule-file", {"drop": "patient,ill"}),
        (source, "bad-rule-file", {"drop": "patient,ill"}),
        (good, "decided-by-rule", {"drop": "patient,ill", "k": 2}),
        (good, "kept-may-be-known", {"keep": "patient,ill"}),
        (good, "columns-beside-rule", {"drop": "patient"}),
    ):
        with pytest.raises(BadInput) as error:
            by_rule(source, tmp_path / "out.csv", file, {"keep": None, "drop": None, "unknown": None, **said}, False)
        assert error.value.code == code
        assert not (tmp_path / "out.csv").exists()
    by_rule(source, tmp_path / "out.csv", good, {"keep": "ill", "unknown": "ill", "drop": "patient"}, False)
    assert len(pd.read_csv(tmp_path / "out.csv")) == len(frames[0])
