"""What the curious could try on the road itself: the hub, the asker, and whoever gets hold of the files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curious import CuriousHub
from huizhen.adapters.local import LocalFederation
from huizhen.cli.region import Region
from huizhen.kit import wire
from huizhen.kit.errors import HuizhenError
from regions import add, make_region, patients, run, silence


@pytest.fixture
def region(tmp_path: Path) -> Region:
    return make_region(tmp_path / "r", patients(240, 4))


def listen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Everything that nodes send, as the hub gets it."""
    heard: list[tuple[str, dict[str, Any]]] = []
    exchange = LocalFederation.exchange

    def listening(self: LocalFederation, messages: Mapping[str, bytes], seconds: float) -> Mapping[str, bytes]:
        replies = exchange(self, messages, seconds)
        heard.extend((node, wire.decode(data[64:])) for node, data in replies.items())
        return replies

    monkeypatch.setattr(LocalFederation, "exchange", listening)
    return heard


def vectors(heard: list[tuple[str, dict[str, Any]]], kind: str) -> list[np.ndarray]:
    said = [each["body"]["ok"] for _, each in heard if each["kind"] == kind]
    return [np.array(each["words"] if isinstance(each, dict) else each) for each in said]


def test_the_hub_sees_masked_vectors_where_it_would_see_counts_without_masks(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in region.names():
        (region.folder / "nodes" / name / "policy.yaml").write_text("allow_plain: true\n")
    heard = listen(monkeypatch)
    run(region, title="in the clear", protection={"secure_sum": False})
    plain = vectors(heard, "plain")
    heard.clear()
    run(region, title="masked")
    masked = vectors(heard, "mask")
    region.close()
    assert not vectors(heard, "plain") and len(masked) == len(plain) == 8
    assert all(v.max() < 10_000 for v in plain[:4]), "without masks each hospital's counts lie open"
    words = np.concatenate(masked)
    assert words.min() > 1 << 32, "a small number among 64-bit masks would be a leak (chance 2**-26)"
    assert not set(np.concatenate(plain)[np.concatenate(plain) > 5]) & set(words)


def test_the_same_question_asked_twice_gives_unrelated_messages(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = listen(monkeypatch)
    run(region, title="x")
    first = np.concatenate(vectors(heard, "mask"))
    heard.clear()
    run(region, title="x")
    second = np.concatenate(vectors(heard, "mask"))
    region.close()
    assert not set(first) & set(second)


def test_no_identifier_and_no_row_is_in_any_file_of_the_hub_nor_identifiers_in_the_nodes(region: Region) -> None:
    frames = patients(240, 4)
    run(region, price_fen=100)
    run(region, method="glm", params={"formula": "time ~ score", "family": "gaussian"})
    region.close()
    subjects = [str(s).encode() for f in frames.values() for s in f["patient"] if len(str(s)) > 3]
    scores = [repr(float(s)).encode() for f in frames.values() for s in f["score"].dropna()]
    for path in (region.folder / "hub").iterdir():
        data = path.read_bytes()
        assert not any(b'"' + s + b'"' in data for s in subjects), path.name
        assert sum(s in data for s in scores if len(s) >= 6) == 0, path.name
    for path in (region.folder / "nodes").rglob("*"):
        if path.is_file() and path.suffix in {".sqlite", ".duckdb", ".log"}:
            data = path.read_bytes()
            assert not any(s in data for s in subjects if len(s) == 4), path.name


@pytest.mark.parametrize("whole", [False, True])
def test_a_hub_cannot_open_sums_of_one_study_with_and_without_one_hospital(region: Region, whole: bool) -> None:
    hub = CuriousHub(region)
    everyone = ("h0", "h1", "h2", "h3")
    hub.ask(everyone, None, 0)
    state = hub.method.start()
    with pytest.raises(HuizhenError, match="other nodes in them"):
        hub.ask(("h0", "h1", "h2"), state, whole=whole)
    first = hub.ask(everyone, state, whole=whole)
    with pytest.raises(HuizhenError, match="other nodes in them"):
        hub.ask(("h0", "h1", "h2"), {**state, "slightly": "another question"}, whole=whole)
    repeated = hub.ask(everyone, state, whole=whole)
    region.close()
    assert int(first["_rows"]) == int(repeated["_rows"]), "the same sum again, after a crash, is fine"


def test_what_a_node_masked_for_all_is_kept_before_it_leaves(region: Region) -> None:
    """Without a census: the first sum that holds everybody settles the company, and the node keeps it by itself."""
    hub = CuriousHub(region)
    with pytest.raises(HuizhenError, match="census"):
        hub.ask(("h0", "h1", "h2"), hub.method.start(), whole=True)
    kept = region.agent("h0").book.company(hub.study.id)
    with pytest.raises(HuizhenError, match="other nodes in them"):
        hub.ask(("h0", "h1", "h2", "h3"), None, 0)
    region.close()
    assert kept == "h0\nh1\nh2"


@pytest.mark.parametrize("whole", [False, True])
def test_the_attack_works_where_the_node_does_not_remember(
    region: Region, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """The control: without the node's memory the difference is exactly what one hospital sent."""
    for name in region.names():
        monkeypatch.setattr(region.agent(name).book, "company", lambda *_: None)
    hub = CuriousHub(region)
    everyone = ("h0", "h1", "h2", "h3")
    hub.ask(everyone, None, 0)
    state = hub.method.start()
    three = hub.ask(("h0", "h1", "h2"), state, whole=whole)
    difference = int(hub.ask(everyone, state, whole=whole)["_rows"]) - int(three["_rows"])
    region.close()
    assert difference == len(patients(240, 4)["h3"])


def test_a_hub_cannot_make_two_nodes_a_round_or_invent_one(region: Region) -> None:
    hub = CuriousHub(region)
    with pytest.raises(HuizhenError):
        hub.ask(("h0", "h1"), None, 0)
    with pytest.raises(HuizhenError):
        hub.ask(("h0", "h1", "h2", "ghost"), None, 0)
    region.close()


def test_an_asker_cannot_single_out_a_person_by_two_cohorts(region: Region) -> None:
    frames = patients(240, 4)
    oldest = int(max(f["age"].max() for f in frames.values()))
    first = run(region, cohort="age >= 20")
    second = run(region, cohort=f"age >= 20 AND NOT (age = {oldest})")
    other = run(region, asker="somebody-else", cohort=f"age >= 20 AND NOT (age = {oldest})")
    same = run(region, cohort="age >= 20")
    region.close()
    assert first["status"] == same["status"] == other["status"] == "released"
    few = sum(int((f["age"] == oldest).sum()) for f in frames.values())
    assert 0 < few < 10
    assert second["status"] == "denied" and first["study"] in second["problem"]["message"]


def test_an_asker_cannot_single_out_a_small_hospital_by_leaving_it_out(region: Region) -> None:
    frames = patients(240, 4)
    tiny = frames["h3"].head(5)
    add(region, "h3", tiny)
    first = run(region)
    second = run(region, participants=["h0", "h1", "h2"])
    region.close()
    assert first["status"] == "released" and second["status"] == "denied"
    assert first["study"] in second["problem"]["message"] and second["result"] is None


def test_an_asker_cannot_single_out_a_small_hospital_by_adding_it(region: Region) -> None:
    add(region, "h3", patients(240, 4)["h3"].head(5))
    first = run(region, participants=["h0", "h1", "h2"])
    second = run(region)
    region.close()
    assert first["status"] == "released" and second["status"] == "denied"


def test_a_hospital_that_fell_silent_in_the_census_is_not_singled_out_by_asking_again(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(region, "h3", patients(240, 4)["h3"].head(5))
    with monkeypatch.context() as patch:
        silent = {"mask", "tally", "closed"}
        silence(region, patch, lambda node, kind, body: node == "h3" and (kind in silent or body.get("round", 0) > 0))
        first = run(region)
    second = run(region)
    region.close()
    assert first["status"] == "released"
    assert second["status"] == "denied"


def test_rounds_beyond_the_grant_are_not_answered(region: Region) -> None:
    hub = CuriousHub(region)
    everyone = ("h0", "h1", "h2", "h3")
    hub.ask(everyone, None, 0)
    with pytest.raises(HuizhenError):
        hub.ask(everyone, hub.method.start(), 10_000)
    region.close()
