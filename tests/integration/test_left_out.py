"""Hospitals whose figures cannot be added, by mishap or by malice: named and left out by rule, or the study ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from huizhen.adapters.rows import Rows
from huizhen.cli.region import Region
from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.partial import Partial
from huizhen.node.runner import Runner, Sitting
from regions import add, make_region, patients, run, silence

MODEL: dict[str, Any] = {"method": "glm", "params": {"formula": "time ~ age + sex", "family": "gaussian"}}
NAMES = ["h0", "h1", "h2", "h3"]
Change = Callable[[Partial], Partial]


@pytest.fixture
def region(tmp_path: Path) -> Region:
    return make_region(tmp_path / "r", patients(300, 4))


@pytest.fixture
def open_region(region: Region) -> Region:
    """All hospitals allow figures that lie open."""
    for name in NAMES:
        (region.folder / "nodes" / name / "policy.yaml").write_text("allow_plain: true\n")
    return region


PLAIN: dict[str, Any] = {**MODEL, "protection": {"secure_sum": False}, "quorum": 2}


def spoil(region: Region, node: str, value: float) -> None:
    """The hospital takes in its rows anew, with a value that cannot be."""
    frame = patients(300, 4)[node].copy()
    frame["age"] = frame["age"].astype(float)
    frame.loc[frame.index[3], "age"] = value
    add(region, node, frame)


def tamper(region: Region, monkeypatch: pytest.MonkeyPatch, node: str, change: Change, least_round: int) -> None:
    """The node's program sends other figures than it computes, from that round on."""
    rounds = region.agent(node)._rounds
    honest = rounds._partial

    def told(body: dict[str, Any]) -> Partial:
        partial = honest(body)
        return change(partial) if body["round"] >= least_round else partial

    monkeypatch.setattr(rounds, "_partial", told)


def doubles(value: float) -> Change:
    """Every double is that value."""

    def change(partial: Partial) -> Partial:
        own = {n: np.full_like(v, value) for n, v in partial.fields.items() if v.dtype == np.float64}
        return Partial({**partial.fields, **own})

    return change


def is_pooled_without(found: Mapping[str, Any], *gone: str) -> None:
    everyone = pd.concat([f for n, f in patients(300, 4).items() if n not in gone])
    fit = smf.ols("time ~ age + sex", everyone).fit()
    assert found["status"] == "released", found["problem"]
    assert found["result"]["n"] == len(everyone)
    got = {c["name"]: c["estimate"] for c in found["result"]["coefficients"]}
    assert got == pytest.approx(dict(fit.params), rel=1e-9)
    assert found["hospitals"] == [n for n in NAMES if n not in gone]


def kinds(region: Region) -> list[tuple[str, Any]]:
    entries = [json.loads(leaf) for leaf in region.hub.store.leaves()]
    return [(e["kind"], e["facts"].get("node")) for e in entries]


# -- before any sum is opened


@pytest.mark.parametrize("value", [1e308, -1e31, 3e30])
def test_a_hospital_with_a_value_that_cannot_be_is_left_out_by_name(region: Region, value: float) -> None:
    spoil(region, "h1", value)
    found = run(region, price_fen=3000, **MODEL)
    is_pooled_without(found, "h1")
    (gone,) = found["left_out"]
    assert (gone["node"], gone["code"]) == ("h1", "value-too-large")
    assert "age" in gone["en"] and "age" in gone["zh"] and str(value) not in gone["en"]
    assert "h1" not in {line["party"] for line in found["settlement"]["lines"] if line["role"] == "hospital"}
    assert ("node-left-out", "h1") in kinds(region)
    companies = {region.agent(n).book.company(found["study"]) for n in NAMES}
    region.close()
    assert companies == {None, "h0\nh2\nh3"}, "no sum was ever opened with it"


def test_a_method_that_only_counts_leaves_nobody_out_for_a_value(region: Region) -> None:
    spoil(region, "h1", 1e308)
    found = run(region, method="histogram", params={"column": "age", "range": [0, 100], "bins": 4})
    region.close()
    assert found["status"] == "released" and found["left_out"] == [] and found["hospitals"] == NAMES


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_a_node_whose_program_gives_figures_that_cannot_be_leaves_itself_out(
    region: Region, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    runner = region.agent("h1").runner
    first = Runner.first

    def told(self: Runner, sitting: Sitting) -> Partial:
        return doubles(value)(first(self, sitting)) if self is runner else first(self, sitting)

    monkeypatch.setattr(Runner, "first", told)
    found = run(region, **MODEL)
    region.close()
    is_pooled_without(found, "h1")
    assert found["left_out"][0]["code"] in {"not-finite", "overflow"}


def test_the_first_round_is_not_computed_twice(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    passes, total = [], Rows.total

    def counting(self: Rows, *args: Any) -> Any:
        passes.append(1)
        return total(self, *args)

    monkeypatch.setattr(Rows, "total", counting)
    found = run(region, **MODEL)
    region.close()
    assert len(passes) == 4 * found["rounds"]


def test_two_hospitals_are_too_many_to_be_left_out_of_four(region: Region) -> None:
    for node in ("h1", "h3"):
        spoil(region, node, 1e308)
    found = run(region, **MODEL)
    region.close()
    assert found["status"] == "failed" and found["result"] is None and found["settlement"] is None
    assert found["problem"]["message"].startswith("h3: ")
    assert "2 hospitals are left, and the study needs 3" in found["problem"]["message"]
    assert [each["node"] for each in found["left_out"]] == ["h1"]


def test_with_a_quorum_of_all_nobody_is_left_out(region: Region) -> None:
    spoil(region, "h1", 1e308)
    found = run(region, quorum=4, **MODEL)
    region.close()
    assert found["status"] == "failed" and found["problem"]["message"].startswith("h1: ")
    assert found["left_out"] == []


def test_what_an_askers_formula_makes_of_values_does_not_tell_at_which_hospital_they_are(region: Region) -> None:
    """Else log(1 - I(age == 97)) would ask each hospital whether it has somebody of 97."""
    eldest = {n: int(f["age"].max()) for n, f in patients(300, 4).items()}
    top = max(eldest.values())
    assert sum(age == top for age in eldest.values()) < 4
    found = run(region, method="glm", params={"formula": f"time ~ log({top} - age)", "family": "gaussian"})
    region.close()
    assert found["status"] == "failed" and found["problem"]["code"] == "not-finite"
    assert found["left_out"] == [] and not any(n in found["problem"]["message"] for n in NAMES)


def test_who_is_silent_in_the_census_or_not_there_at_all_is_told_too(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        silence(region, patch, lambda node, kind, _body: node == "h2" and kind == "mask")
        lost = run(region, **MODEL)
    silence(region, monkeypatch, lambda node, _kind, _body: node == "h0")
    absent = run(region, title="again", quorum=3, **MODEL)
    told = kinds(region)
    region.close()
    is_pooled_without(lost, "h2")
    assert [(each["node"], each["code"]) for each in lost["left_out"]] == [("h2", "node-lost")]
    is_pooled_without(absent, "h0")
    assert [(each["node"], each["code"]) for each in absent["left_out"]] == [("h0", "node-absent")]
    assert ("node-left-out", "h2") in told and ("node-left-out", "h0") in told


# -- afterwards


def test_once_a_sum_was_opened_with_it_a_hospital_cannot_be_left_out(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper(region, monkeypatch, "h1", doubles(float("nan")), 2)
    found = run(region, **MODEL)
    region.close()
    assert found["status"] == "failed" and found["problem"]["code"] == "not-finite" and found["left_out"] == []
    assert found["problem"]["message"].startswith("h1: ") and "opened already" in found["problem"]["message"]


def test_where_several_cannot_go_on_none_of_them_is_blamed(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they compute from is a sum: the false figures in it may be the fourth's."""
    for node in ("h1", "h2", "h3"):
        tamper(region, monkeypatch, node, doubles(float("inf")), 2)
    found = run(region, **MODEL)
    region.close()
    assert found["status"] == "failed" and found["problem"]["message"].startswith("h1, h2, h3: ")


@pytest.mark.parametrize("least_round", [0, 1, 2])
@pytest.mark.parametrize("words", ["all-ones", "random", "absurd"])
def test_masked_garbage_ends_the_study_with_a_reason_and_names_nobody(
    region: Region, monkeypatch: pytest.MonkeyPatch, words: str, least_round: int
) -> None:
    """The node sends words that `encode` would never give; they are uniform under its masks like any other."""
    rounds, dice = region.agent("h1")._rounds, np.random.default_rng(5)
    honest = rounds._words

    def told(body: dict[str, Any]) -> Any:
        right, wide = honest(body)
        if body["round"] < least_round:
            return right, wide
        wrong = right.copy()
        if words == "absurd":
            wrong[2 * wide : 3 * wide] += np.uint64(1 << 62)
            wrong[3 * wide :] += np.uint64(0 if wide else 1 << 62)
        else:
            wrong[:] = (
                dice.integers(0, 2**64, len(right), dtype=np.uint64) if words == "random" else np.uint64(2**64 - 1)
            )
        return wrong, wide

    monkeypatch.setattr(rounds, "_words", told)
    found = run(region, **MODEL)
    region.close()
    assert found["status"] == "failed" and found["result"] is None and found["left_out"] == []
    assert found["problem"]["code"] in {"impossible-counts", "absurd-sum"}
    assert not any(n in found["problem"]["message"] for n in NAMES) and found["problem"]["remedy"]


def test_what_no_method_can_make_sense_of_ends_the_study_in_words(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any) -> Any:
        raise np.linalg.LinAlgError("a value: 4711")

    monkeypatch.setattr("huizhen.methods.glm.Glm.combine", broken)
    found = run(region, **MODEL)
    region.close()
    assert found["status"] == "failed" and found["problem"]["code"] == "sum-without-sense"
    assert "LinAlgError" in found["problem"]["message"] and "4711" not in str(found)


# -- figures that lie open


@pytest.mark.parametrize("least_round", [1, 2])
def test_of_open_figures_the_hub_finds_whose_are_false_and_begins_again_without(
    open_region: Region, monkeypatch: pytest.MonkeyPatch, least_round: int
) -> None:
    rounds = open_region.agent("h1")._rounds
    honest = rounds._words

    def told(body: dict[str, Any]) -> Any:
        right, wide = honest(body)
        if body["round"] >= least_round:
            right[2 * wide : 3 * wide] += np.uint64(1 << 61)
        return right, wide

    monkeypatch.setattr(rounds, "_words", told)
    found = run(open_region, price_fen=3000, **PLAIN)
    is_pooled_without(found, "h1")
    assert [(each["node"], each["code"]) for each in found["left_out"]] == [("h1", "overflow")]
    assert "h1" not in {line["party"] for line in found["settlement"]["lines"] if line["role"] == "hospital"}
    again = run(open_region, title="again", participants=["h0", "h2", "h3"], **PLAIN)
    open_region.close()
    assert again["result"] == found["result"]


def counts(name: str, value: int) -> Change:
    return lambda partial: Partial(
        {n: np.array(value, dtype=np.int64) if n.strip("_") == name else v for n, v in partial.fields.items()}
    )


@pytest.mark.parametrize("least_round", [0, 1])
@pytest.mark.parametrize(
    "change", [counts("rows", -5), counts("people_squared", 1), counts("contributors", 2), counts("people", 2**60)]
)
def test_of_open_counts_too(
    open_region: Region, monkeypatch: pytest.MonkeyPatch, change: Change, least_round: int
) -> None:
    tamper(open_region, monkeypatch, "h3", change, least_round)
    found = run(open_region, **PLAIN)
    open_region.close()
    is_pooled_without(found, "h3")
    assert [(each["node"], each["code"]) for each in found["left_out"]] == [("h3", "impossible-counts")]


def test_figures_of_another_form_are_named_under_masks_as_well(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = region.agent("h2")._handlers["mask"]
    monkeypatch.setitem(region.agent("h2")._handlers, "mask", lambda body: mask(body)[:-1])
    found = run(region, **MODEL)
    region.close()
    is_pooled_without(found, "h2")
    assert [(each["node"], each["code"]) for each in found["left_out"]] == [("h2", "bad-figures")]


def test_without_a_quorum_open_figures_that_cannot_be_end_the_study_by_name(
    open_region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper(open_region, monkeypatch, "h1", counts("rows", -5), 1)
    found = run(open_region, **{**PLAIN, "quorum": None})
    open_region.close()
    assert found["status"] == "failed" and found["problem"]["message"].startswith("h1: ")


def test_a_node_that_cannot_look_at_its_rows_is_left_out(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any) -> Any:
        raise Unable("warehouse-gone", Text("The warehouse is gone.", "数据仓库不可用。"), Text("Wait.", "请稍候。"))

    monkeypatch.setattr(region.agent("h0").runner.tables, "of", broken)
    found = run(region, **MODEL)
    region.close()
    is_pooled_without(found, "h0")
    assert found["left_out"][0]["code"] == "warehouse-gone"
