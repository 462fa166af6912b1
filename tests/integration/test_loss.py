"""Nodes that fall silent, and people who withdraw while a study runs: the answer is exact, or there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import statsmodels.formula.api as smf

from huizhen.cli.region import Region
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.node import saying
from huizhen.node.saying import Saying
from regions import load, make_region, patients, request, run, silence

MODEL: dict[str, Any] = {"method": "glm", "params": {"formula": "time ~ age + sex", "family": "gaussian"}}


@pytest.fixture
def region(tmp_path: Path) -> Region:
    return make_region(tmp_path / "r", patients(300, 6))


@pytest.mark.parametrize("kind", ["advert", "shares", "mask", "confirm", "unmask"])
def test_a_node_lost_within_the_census_leaves_an_exact_answer_of_the_rest(
    region: Region, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    frames = patients(300, 6)
    order = ["advert", "shares", "mask", "confirm", "unmask"]

    def lost(node: str, said: str, body: dict[str, Any]) -> bool:
        if said in order and body["round"] == 0:
            return node == "h2" and order.index(said) >= order.index(kind)
        return node == "h2" and said in order and kind in {"advert", "shares", "mask"}

    silence(region, monkeypatch, lost)
    found = run(region, price_fen=6000, **MODEL)
    region.close()
    without = {"advert", "shares", "mask"}
    left = pd.concat([f for n, f in frames.items() if n != "h2" or kind not in without])
    fit = smf.ols("time ~ age + sex", left).fit()
    assert found["status"] == "released", found["problem"]
    got = {c["name"]: c["estimate"] for c in found["result"]["coefficients"]}
    assert got == pytest.approx(dict(fit.params), rel=1e-9)
    assert found["result"]["n"] == len(left)
    paid = {line["party"] for line in found["settlement"]["lines"] if line["role"] == "hospital"}
    assert ("h2" in paid) == (kind not in without)


def test_a_third_of_the_nodes_may_be_lost_within_a_sum_and_no_more(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"h0", "h1"}
    silence(region, monkeypatch, lambda node, kind, _: node in gone and kind in {"mask", "confirm", "unmask", "advert"})
    assert run(region)["status"] == "released"
    gone.add("h2")
    found = run(region, title="again")
    region.close()
    assert found["status"] in {"failed", "denied"} and found["problem"]["remedy"]
    assert found["result"] is None and found["settlement"] is None


def test_a_node_lost_in_a_later_round_ends_the_study_clearly_and_it_can_be_asked_again(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        silence(region, patch, lambda node, kind, body: node == "h4" and kind == "mask" and body["round"] == 2)
        lost = run(region, **MODEL)
    again = run(region, **MODEL)
    region.close()
    assert lost["status"] == "failed" and "h4" in lost["problem"]["message"]
    assert again["status"] == "released" and again["study"] != lost["study"]


def test_a_node_that_is_not_there_at_all_is_named(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    silence(region, monkeypatch, lambda node, _kind, _body: node == "h5")
    found = run(region)
    region.close()
    assert found["status"] == "failed" and "h5" in found["problem"]["message"]


@pytest.mark.parametrize("at", [1, 2])
def test_who_withdraws_between_two_rounds_is_not_in_the_answer(region: Region, at: int) -> None:
    frames = patients(300, 6)
    who = str(frames["h3"]["patient"].iloc[5])
    seen: list[str] = []

    def progress(_step: str, text: Text) -> None:
        seen.append(text.en)
        if text.en.startswith(f"round {at}:") and len(consented) == 0:
            consented.append(saying.withdraw(region.agent("h3"), Saying(who, "HMB")).epoch)

    consented: list[int] = []
    asked = request(**MODEL)
    road = region.road(progress)
    found = load(region, road.run(asked))
    region.close()
    everyone = pd.concat(frames.values())
    fit = smf.ols("time ~ age + sex", everyone[everyone.patient != who]).fit()
    assert consented and found["status"] == "released"
    assert found["result"]["n"] == len(everyone) - 1
    got = {c["name"]: c["estimate"] for c in found["result"]["coefficients"]}
    assert got == pytest.approx(dict(fit.params), rel=1e-9)
    assert any("beginning again" in text for text in seen)


def test_a_look_up_of_consents_that_fails_is_a_no(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    book = region.agent("h1").book

    def broken(*_args: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(book.consents, "people", broken)
    found = run(region)
    region.close()
    assert found["status"] == "denied" and found["problem"]["code"] == "consent-unavailable"
    assert found["result"] is None and "disk" not in str(found["problem"])


def test_where_a_node_has_too_few_holders_left_the_census_is_begun_anew_at_once(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among many each node has a few holders only, and a third of all may be most of them (`secure.graph`)."""
    asked: list[str] = []
    confirm = region.agent("h1")._handlers["confirm"]

    def few(body: dict[str, Any]) -> Any:
        asked.append(body["attempt"])
        if len(asked) == 1:
            raise Refused("too-few-left", Text("Too few.", "过少。"), Text("Again.", "重试。"))
        return confirm(body)

    monkeypatch.setitem(region.agent("h1")._handlers, "confirm", few)
    found = run(region)
    region.close()
    assert found["status"] == "released" and len(set(asked)) == len(asked) == 2
