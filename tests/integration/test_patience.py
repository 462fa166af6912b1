"""Nodes that fall silent and come back: the study waits for them, up to its one deadline, and its answer is exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd
import pytest
import statsmodels.formula.api as smf

from huizhen.adapters.local import LocalFederation
from huizhen.cli.region import Region
from huizhen.kit import wire
from huizhen.kit.errors import Refused
from huizhen.node import consents, saying
from huizhen.node.saying import Saying
from huizhen.path import message
from huizhen.path.link import HUB
from regions import load, make_region, patients, request, run, silence

MODEL: dict[str, Any] = {"method": "glm", "params": {"formula": "time ~ age + sex", "family": "gaussian"}}
KINDS = ["hello", "open", "advert", "mask", "tally"]
"""What is said to a node outside the census. Losses within that one: `test_loss.py`."""


@pytest.fixture
def region(tmp_path: Path) -> Region:
    return make_region(tmp_path / "r", patients(300, 4))


def trouble(monkeypatch: pytest.MonkeyPatch, strike: Callable[[str, str, dict[str, Any]], bool]) -> list[str]:
    """The message for which `strike(node, kind, body)` first holds is lost; its node comes back when waited for."""
    struck: list[str] = []
    exchange = LocalFederation.exchange

    def lossy(self: LocalFederation, messages: Mapping[str, bytes], seconds: float) -> Mapping[str, bytes]:
        said = {node: wire.decode(data[64:]) for node, data in messages.items()}
        hit = [n for n in messages if not struck and strike(n, said[n]["kind"], said[n]["body"])]
        struck.extend(hit)
        return exchange(self, {n: d for n, d in messages.items() if n not in hit}, seconds)

    def back(_self: LocalFederation, _nodes: Sequence[str], _seconds: float) -> bool:
        return True

    monkeypatch.setattr(LocalFederation, "exchange", lossy)
    monkeypatch.setattr(LocalFederation, "wait", back)
    return struck


def restart(region: Region, node: str) -> None:
    region._agents.pop(node).close()


def is_pooled(found: dict[str, Any], frames: Mapping[str, pd.DataFrame]) -> None:
    everyone = pd.concat(frames.values())
    fit = smf.ols("time ~ age + sex", everyone).fit()
    assert found["status"] == "released", found["problem"]
    assert found["result"]["n"] == len(everyone)
    assert {c["name"]: c["estimate"] for c in found["result"]["coefficients"]} == pytest.approx(
        dict(fit.params), rel=1e-9
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_whose_message_is_lost_in_a_round_is_asked_anew(
    region: Region, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    struck = trouble(monkeypatch, lambda n, k, body: n == "h2" and k == kind and body.get("round", 1) == 1)
    found = run(region, price_fen=1000, **MODEL)
    region.close()
    assert struck == ["h2"]
    is_pooled(found, patients(300, 4))
    assert sum(line["fen"] for line in found["settlement"]["lines"]) == 1000


@pytest.mark.parametrize(("kind", "number"), [("advert", 1), ("mask", 1), ("mask", 2), ("tally", None)])
def test_a_node_that_is_started_anew_within_a_round_goes_on(
    region: Region, monkeypatch: pytest.MonkeyPatch, kind: str, number: int | None
) -> None:
    """From the second round on, the keys came with the answer before: who is started anew has forgotten them."""

    def strike(node: str, said: str, body: dict[str, Any]) -> bool:
        hit = node == "h1" and said == kind and body.get("round") == number
        if hit:
            restart(region, "h1")
        return hit

    trouble(monkeypatch, strike)
    found = run(region, **MODEL)
    region.close()
    is_pooled(found, patients(300, 4))


def test_a_node_that_is_gone_for_good_ends_the_study_at_its_deadline(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [datetime.now(UTC)]
    region.hub.clock = region.clock = lambda: now[0]

    def wait(_self: LocalFederation, _nodes: Sequence[str], seconds: float) -> bool:
        now[0] += timedelta(seconds=seconds)
        return False

    silence(region, monkeypatch, lambda node, kind, body: node == "h3" and kind == "mask" and body["round"] == 1)
    monkeypatch.setattr(LocalFederation, "wait", wait)
    found = run(region, deadline_minutes=3, **MODEL)
    region.close()
    assert found["status"] == "failed" and found["problem"]["code"] == "deadline"
    assert "h3" in found["problem"]["message"] and found["result"] is None and found["settlement"] is None


def test_a_node_that_hangs_is_given_up_at_the_deadline(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = Event()
    monkeypatch.setattr("huizhen.path.link.LEAST_SECONDS", 0.5)
    monkeypatch.setitem(region.agent("h3")._handlers, "mask", lambda _body: let_go.wait(60))
    found = run(region, deadline_minutes=0.03)
    let_go.set()
    region.close()
    assert found["status"] == "failed" and found["problem"]["code"] == "deadline" and found["result"] is None


def test_with_a_quorum_a_study_begins_without_those_who_are_not_there(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence(region, monkeypatch, lambda node, _kind, _body: node == "h0")
    found = run(region, quorum=3, **MODEL)
    short = run(region, quorum=4, title="more")
    region.close()
    is_pooled(found, {n: f for n, f in patients(300, 4).items() if n != "h0"})
    assert short["status"] == "failed" and "h0" in short["problem"]["message"]


def test_a_quorum_that_the_census_does_not_reach_is_not_made_up_for(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence(region, monkeypatch, lambda node, kind, _body: node == "h0" and kind == "mask")
    found = run(region, quorum=4)
    region.close()
    assert found["status"] == "failed" and "h0" in found["problem"]["message"]


def test_a_node_that_was_away_at_the_end_hears_of_it_later_and_pays_its_patients_once(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        silence(region, patch, lambda node, kind, _body: node == "h2" and kind == "closed")
        found = run(region, price_fen=10000)
    book = region.agent("h2").book
    person = book.find(str(patients(300, 4)["h2"]["patient"].iloc[0]))
    assert found["status"] == "released" and not book.earnings(person)
    assert list(region.hub.store.untold()) == [found["study"]]
    region.road().catch_up()
    paid = book.earnings(person)
    region.road().catch_up()
    assert paid[found["study"]] > 0 and book.earnings(person) == paid and not region.hub.store.untold()
    region.close()


def test_who_withdraws_and_consents_again_between_two_rounds_stays_out(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One leaves for good and another comes back, so the number of people stays the same from round to round."""
    frames = patients(300, 4)
    one, other = (str(s) for s in frames["h3"]["patient"].iloc[[4, 5]])
    agent, done = region.agent("h3"), []

    def progress(_step: str, text: Any) -> None:
        if text.en.startswith("round 1:") and not done:
            done.append(1)
            saying.withdraw(agent, Saying(one, "HMB"))
        elif text.en.startswith("round 2:") and len(done) == 1:
            done.append(2)
            consents.record(agent, [(one, "HMB", None, True, None, None)])
            saying.withdraw(agent, Saying(other, "HMB"))

    found = load(region, region.road(progress).run(request(**MODEL)))
    region.close()
    assert done == [1, 2]
    is_pooled(found, {n: f[~f.patient.isin([one, other])] for n, f in frames.items()})


def test_a_message_is_answered_once_and_soon(region: Region) -> None:
    agent, key = region.agent("h0"), region.hub.key

    def ask(sealed: bytes) -> Any:
        return message.result(message.unseal(agent.handle(sealed), HUB, "h0", agent.key.public).body)

    def hello(at: datetime) -> bytes:
        return message.seal(message.Envelope(HUB, "h0", "hello", {}, at.isoformat()), key.sign)

    now = datetime.now(UTC)
    once = hello(now)
    assert ask(once)["epoch"] == agent.book.consents.epoch
    with pytest.raises(Refused, match="answered before"):
        ask(once)
    for apart in (timedelta(hours=1), timedelta(hours=-1)):
        with pytest.raises(Refused, match="60 minutes") as off:
            ask(hello(now + apart))
        assert off.value.code == "clock-off" and "NTP" in off.value.remedy.en
    region.close()


def test_an_old_answer_does_not_pass_for_a_new_one(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever carries the messages keeps a hospital's answers to one study and plays them back in the next."""
    exchange, kept = LocalFederation.exchange, dict[tuple[str, str], bytes]()

    def replaying(self: LocalFederation, messages: Mapping[str, bytes], seconds: float) -> Mapping[str, bytes]:
        replies = dict(exchange(self, messages, seconds))
        for node, data in messages.items():
            kind = wire.decode(data[64:])["kind"]
            kept.setdefault((node, kind), replies[node])
            if node == "h1" and kind == "tally":
                replies[node] = kept[node, kind]
        return replies

    monkeypatch.setattr(LocalFederation, "exchange", replaying)
    assert run(region)["status"] == "released"
    found = run(region)
    region.close()
    assert found["status"] == "failed" and "h1" in found["problem"]["message"]
