"""Attacks on rows that are given out: by the asker, the hub, a reviewer, and whoever reads disks and logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from extracts import NODES, PARAMS, Here, asked, key_file, people, ready, run
from huizhen.adapters.watermarks import trace
from huizhen.cli.region import Region
from huizhen.client import rows
from huizhen.hub.caller import OWNER
from huizhen.kit.errors import HuizhenError, NotFound, Refused
from huizhen.model.grant import Grant
from huizhen.model.study import Request
from huizhen.node import consents
from huizhen.node.deletion import after_withdrawal
from huizhen.node.extracts import check_order, deliver
from huizhen.node.uses import uses
from huizhen.path.review import reviewed as told
from papers import reviewed, seal, set_policy
from regions import load, request


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = ready(tmp_path_factory.mktemp("r"), people())
    yield made
    made.close()


@pytest.fixture(scope="module")
def held(region: Region) -> str:
    """Of people under fifty: rows that wait for their reviewers."""
    found = run(region, asked(cohort="age < 50", title="young"))
    assert found["status"] == "awaiting", found["problem"]
    return str(found["study"])


@pytest.fixture(scope="module")
def given(region: Region, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, pd.DataFrame]:
    """Of people of sixty and more: rows that were given out."""
    found = run(region, asked(cohort="age >= 60", title="old"))
    assert found["status"] == "awaiting" and found["result"] is None, found["problem"]
    assert reviewed(region, found["study"], ann="approve", bob="approve") == "approved"
    found = load(region, found["study"])
    assert found["status"] == "released", found["problem"]
    folder = tmp_path_factory.mktemp("acme")
    rows.write(Here(region), found, key_file(folder), folder / "rows.csv")
    return found["study"], pd.read_csv(folder / "rows.csv", dtype=str)


def asking(region: Region, study: str) -> dict[str, Any]:
    """What a hub says when it fetches rows."""
    store = region.hub.store
    return {"study": study, "release": store.journal(study)["release"], "papers": [], **told(store, store.study(study))}


def test_the_rows_keep_their_promise_at_each_hospital_and_hold_no_identifier(
    given: tuple[str, pd.DataFrame], region: Region
) -> None:
    study, table = given
    assert list(table) == ["hospital", "age", "sex", "icd", "cost"]
    classes = table.groupby(["hospital", "age", "sex"])
    assert classes.size().min() >= 10 and classes["icd"].nunique().min() >= 2
    assert len(table) == load(region, study)["result"]["n"]
    assert set(table["hospital"]) == set(NODES)


def test_no_number_was_changed_by_more_than_the_tolerance_and_each_hospital_names_the_recipient(
    given: tuple[str, pd.DataFrame], region: Region, tmp_path: Path
) -> None:
    frame = people()
    before = sorted(frame.loc[frame["age"] >= 60, "cost"])
    after = sorted(given[1]["cost"].astype(float))
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 1.0 + 1e-9
    for node in NODES:
        leaked = tmp_path / f"{node}.csv"
        given[1][given[1]["hospital"] == node].sample(frac=0.7, random_state=2)[["cost"]].to_csv(leaked, index=False)
        found = trace(leaked, region.folder / "nodes" / node / "watermark", 1e-6)
        assert [n["recipient"] for n in found["named"]] == ["acme"]


def test_nobody_but_the_asker_reads_them(given: tuple[str, pd.DataFrame], region: Region, tmp_path: Path) -> None:
    found = load(region, given[0])
    with pytest.raises(Refused, match="sealed to another key"):
        rows.write(Here(region), found, key_file(tmp_path, "trust"), tmp_path / "rows.csv")
    assert not list(tmp_path.glob("*rows*"))
    sealed = region.desk.piece(OWNER, given[0], "h0", 0)
    assert b"PAR1" not in sealed and b"E11" not in sealed
    everything = b"".join(p.read_bytes() for p in (region.folder / "hub").rglob("*") if p.is_file())
    assert b"PAR1" not in everything and b"P0001" not in everything
    costs = [c.encode() for c in given[1]["cost"]]
    assert not any(cost in everything for cost in costs if len(cost) >= 7)
    assert not (region.folder / "nodes" / "h0" / "extracts" / given[0]).exists()


def test_a_piece_that_was_changed_or_swapped_is_no_rows(
    given: tuple[str, pd.DataFrame], region: Region, tmp_path: Path
) -> None:
    found, key = load(region, given[0]), key_file(tmp_path)

    class Hub(Here):
        def piece(self, study: str, node: str, number: int) -> bytes:
            return super().piece(study, "h1" if node == "h0" else node, number)

    with pytest.raises(Refused):
        rows.write(Hub(region), found, key, tmp_path / "rows.csv")


def test_held_rows_are_given_to_nobody_and_a_reviewer_alone_releases_nothing(held: str, region: Region) -> None:
    with pytest.raises(NotFound):
        region.desk.piece(OWNER, held, "h0", 0)
    agent = region.agent("h0")
    with pytest.raises(Refused, match="not been approved"):
        deliver(agent, {**asking(region, held), "number": 0})
    seal(region, held, "ann")
    region.road().go_on()
    assert load(region, held)["status"] == "awaiting"
    with pytest.raises(Refused, match="not been approved"):
        deliver(agent, {**asking(region, held), "number": 0})
    assert region.hub.store.pieces(held) == {}


def test_what_was_reviewed_for_one_study_opens_no_other(
    held: str, given: tuple[str, pd.DataFrame], region: Region
) -> None:
    agent, other = region.agent("h0"), asking(region, given[0])
    with pytest.raises(HuizhenError):
        deliver(agent, {**other, "study": held, "number": 0})
    with pytest.raises(HuizhenError):
        deliver(agent, {**asking(region, held), "papers": other["papers"], "number": 0})


@pytest.mark.parametrize(
    "change",
    [
        lambda r: {"params": {**r["params"], "k": 3}},
        lambda r: {"params": {**r["params"], "keep": ["cost", "icd"], "sensitive": {}}},
        lambda r: {"cohort": "age < 30"},
        lambda r: {"recipient": {**r["recipient"], "sealing": "42" * 32}},
    ],
    ids=["k", "columns", "cohort", "recipient"],
)
def test_a_hub_that_changes_the_question_is_refused_by_the_node(
    change: Callable[[dict[str, Any]], dict[str, Any]], held: str, region: Region
) -> None:
    study = region.hub.store.study(held)
    grant = Grant.read(region.hub.store.journal(held)["grant"])
    said = study.request.as_json()
    forged = study.model_copy(update={"request": Request.read({**said, **change(said)})})
    assert not forged.request.is_signed() and study.request.is_signed()
    body = {
        "study": forged.as_json(), "earlier": list(region.hub.store.earlier(forged)),
        "grant": grant.model_copy(update={"study": forged.digest()}).as_json(),
    }  # fmt: skip
    with pytest.raises(Refused):
        region.agent("h0")._open(body)
    from huizhen.methods.extract import Extract

    with pytest.raises(Refused, match="not what the asker signed"):
        check_order(forged, grant, Extract(Extract.read_params(PARAMS), grant.limits.dataset_schema))  # type: ignore[union-attr]


def test_a_question_signed_with_another_key_than_the_contract_is_refused(held: str, region: Region) -> None:
    found = run(region, asked(signer="trust", cohort="age < 40", title="forged by another"))
    assert found["status"] == "denied" and found["problem"]["code"] == "request-signed-by-another"
    assert region.hub.store.pieces(found["study"]) == {}


def test_two_extracts_that_differ_by_one_person_are_refused(given: tuple[str, pd.DataFrame], region: Region) -> None:
    for cohort in ("age >= 60", "age >= 61", "age >= 60 AND cost < 100000", "age >= 55"):
        found = run(region, asked(cohort=cohort, title="again " + cohort))
        assert found["status"] == "denied", cohort
        assert found["problem"]["code"] in {"rows-given-before", "guard-refused"}
        assert region.hub.store.pieces(found["study"]) == {}


def test_no_identifier_is_in_a_log_a_ledger_or_an_answer(given: tuple[str, pd.DataFrame], region: Region) -> None:
    people_of = {f"P{i:04d}" for i in range(600)}
    shown = json.dumps(load(region, given[0])) + "".join(map(bytes.decode, region.hub.store.leaves()))
    shown += json.dumps([d.content.decode() for d in region.hub.store.documents().values()])
    for node in NODES:
        shown += json.dumps([line.as_json() for line, _ in region.agent(node).book.logged()])
    assert not any(name in shown for name in people_of)


def test_without_a_contract_that_names_rows_or_without_a_signature_nothing_is_computed(tmp_path: Path) -> None:
    region = ready(tmp_path / "r", people(90), contract=False)
    found = run(region, asked())
    assert found["status"] == "needs" and "HZ07" in found["problem"]["message"]
    from deeds import CONTRACT, sign

    sign(region, "contract", CONTRACT, methods="all")
    found = run(region, asked(title="a contract for every method"))
    assert found["status"] == "denied" and "HZ07" in found["problem"]["message"]
    sign(region, "contract", CONTRACT, name="rows-c", methods=["extract"])
    found = run(region, request(method="extract", params=PARAMS))
    assert found["status"] == "needs" and "study sign" in found["problem"]["message"]
    assert not (region.folder / "nodes" / "h0" / "extracts").exists()
    region.close()


def test_who_did_not_consent_to_extracts_is_not_in_them_and_who_withdraws_meanwhile_stops_them(
    tmp_path: Path,
) -> None:
    region = ready(tmp_path / "r", people(240))
    agent = region.agent("h0")
    consents.record(agent, [(f"P{i:04d}", "HMB", None, False, None, None) for i in range(0, 30, 3)])
    found = run(region, asked())
    assert found["status"] == "awaiting", found["problem"]
    release = region.hub.store.journal(found["study"])["release"]
    assert {h["node"]: h["rows"] for h in release["result"]["hospitals"]} == {"h0": 70, "h1": 80, "h2": 80}
    consents.record(agent, [("P0033", "HMB", None, False, None, None)])
    reviewed(region, found["study"], ann="approve", bob="approve")
    found = load(region, found["study"])
    assert found["status"] == "denied" and found["problem"]["code"] == "withdrawn-before-release"
    assert region.hub.store.pieces(found["study"]) == {}
    again = run(region, asked(title="without them"))
    assert again["status"] == "awaiting", (again["problem"], again["left_out"])
    release = region.hub.store.journal(again["study"])["release"]
    assert release["result"]["n"] == 229
    region.close()


def test_a_hospital_that_cannot_reach_k_is_left_out_by_name_and_one_whose_rows_are_attacked_with_success_is_too(
    tmp_path: Path,
) -> None:
    frame = people(300)
    region = ready(tmp_path / "r", frame, nodes=("h0", "h1", "h2", "h3"))
    consents.record(region.agent("h3"), [(p, "HMB", None, False, None, None) for p in frame["patient"][3::4][6:]])
    found = run(region, asked(quorum=3))
    assert found["status"] == "awaiting", found["problem"]
    assert [(x["node"], x["code"]) for x in found["left_out"]] == [("h3", "too-few-for-k")]
    assert reviewed(region, found["study"], ann="reject", bob="reject") == "rejected"
    set_policy(region, "h2", unknown={})
    found = run(region, asked(title="costs are known", quorum=2))
    assert found["status"] == "failed" and found["problem"]["code"] in {"attack-succeeds", "too-few-for-k"}
    region.close()


def test_a_grant_without_review_is_refused(held: str, region: Region) -> None:
    study = region.hub.store.study(held)
    grant = Grant.read(region.hub.store.journal(held)["grant"])
    assert grant.limits is not None and grant.limits.reviews == ("extract",)
    bare = grant.model_copy(update={"limits": grant.limits.model_copy(update={"reviews": ()})})
    body = {"study": study.as_json(), "grant": bare.as_json(), "earlier": []}
    with pytest.raises(Refused, match="two-person review"):
        region.agent("h1")._open(body)


def test_who_withdraws_after_the_release_starts_a_recorded_duty_of_the_recipient_to_delete(
    given: tuple[str, pd.DataFrame], region: Region
) -> None:
    frame, agent = people(), region.agent("h0")
    (subject,) = frame.loc[frame["age"] >= 60, "patient"][lambda names: names.isin(frame["patient"][::3])][:1]
    assert (given[0], "extract", "released") in {(u["study"], u["method"], u["status"]) for u in uses(agent, subject)}
    consents.record(agent, [(subject, "HMB", None, False, None, None)])
    (case,), _ = after_withdrawal(agent, subject)
    assert case.record.given == (f"acme {given[0]}",) and case.record.holds(agent.key.public)
    (other,) = frame.loc[frame["age"].between(50, 59), "patient"][lambda names: names.isin(frame["patient"][::3])][:1]
    consents.record(agent, [(other, "HMB", None, False, None, None)])
    (case,), _ = after_withdrawal(agent, other)
    assert case.record.given == ()
