"""Two-person review on the road: what waits for it, who may, what nobody sees first, and what the ledger says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER, Caller
from huizhen.kit.errors import Conflict, Refused
from papers import enrol, reviewed, seal, set_policy, unseal
from regions import load, make_region, patients, run

GLM: dict[str, Any] = {"method": "glm", "params": {"formula": "ill ~ age", "family": "binomial"}}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = make_region(tmp_path_factory.mktemp("r"), patients(240, 3))
    made.hub.touch()
    set_policy(made, "h1", review=["model"])
    yield made
    made.close()


@pytest.fixture
def staffed(region: Region) -> Region:
    """The same with reviewers; who is enrolled twice is enrolled."""
    enrol(region, ann="med", bob="board", cid="clinic", dee="med", eve="acme")
    return region


def verified(region: Region) -> bool:
    region.witness()
    return verify_folder(region.folder)[1] == []


def test_without_reviewers_it_is_needs_and_a_sum_needs_none(region: Region) -> None:
    found = run(region, title="nobody", **GLM)
    assert found["status"] == "needs" and "HZ06" in found["problem"]["message"]
    found = run(region, title="sum")
    assert found["status"] == "released"
    assert "HZ06" not in {r["rule"] for r in found["grant"]["reasons"]}


def test_a_model_that_one_hospital_wants_reviewed_waits_for_two_and_then_goes_by_itself(staffed: Region) -> None:
    region = staffed
    found = run(region, title="waits", **GLM)
    study = found["study"]
    assert found["status"] == "awaiting" and found["result"] is None
    assert "two reviewers have to seal" in found["problem"]["message"]
    assert found["grant"]["limits"]["reviews"] == ["model"]
    shown = region.desk.papers.review(OWNER, study)
    assert shown["content"]["result"] is not None and shown["what"] == ["model"]
    assert reviewed(region, study, ann="approve", bob="approve") == "approved"
    assert load(region, study)["status"] == "released"
    assert verified(region)


def test_one_reviewer_is_not_enough_nor_two_of_one_organisation_nor_the_askers_own(staffed: Region) -> None:
    region = staffed
    study = run(region, title="one", **GLM)["study"]
    seal(region, study, "ann")
    with pytest.raises(Refused, match="organisation"):
        seal(region, study, "dee")
    with pytest.raises(Refused, match="their own organisation"):
        seal(region, study, "eve")
    with pytest.raises(Refused, match="organisation has sealed"):
        seal(region, study, "ann", "reject")
    with pytest.raises(Refused, match="cannot be done now"):
        unseal(region, study, "ann")
    region.road().go_on()
    assert load(region, study)["status"] == "awaiting"


def test_a_disagreement_goes_to_a_third_who_sees_neither_verdict(staffed: Region) -> None:
    region = staffed
    study = run(region, title="split", **GLM)["study"]
    reviewer = Caller("cid", "reviewer")
    assert reviewed(region, study, ann="approve", bob="reject") == "split"
    assert load(region, study)["status"] == "awaiting"
    kinds = [p["kind"] for p in region.desk.papers.review(reviewer, study)["papers"]]
    assert kinds == ["review-sealed", "review-sealed"]
    entries = [
        e for e in region.desk.entries(reviewer, 0, 500) if '"review-opened"' in e["leaf"] and study in e["leaf"]
    ]
    assert len(entries) == 2 and not any(e["documents"] for e in entries)
    assert reviewed(region, study, cid="reject") == "rejected"
    found = load(region, study)
    assert found["status"] == "denied" and found["problem"]["code"] == "review-rejected" and found["result"] is None
    assert len(region.desk.papers.review(reviewer, study)["papers"]) == 6
    assert verified(region)


def test_the_third_decides_and_nothing_more_may_be_said(staffed: Region) -> None:
    region = staffed
    study = run(region, title="third", **GLM)["study"]
    reviewed(region, study, ann="reject", bob="approve")
    assert reviewed(region, study, cid="approve") == "approved"
    assert load(region, study)["status"] == "released"
    with pytest.raises(Conflict, match="waits for reviewers"):
        seal(region, study, "cid", "reject")


def test_a_result_that_nobody_approves_in_time_is_not_released(staffed: Region) -> None:
    region = staffed
    from datetime import timedelta

    study = run(region, title="late", **GLM)["study"]
    road = region.road()
    clock = road.clock
    road.clock = lambda: clock() + timedelta(days=15)
    for node in ("h0", "h1", "h2"):
        region.agent(node).clock = road.clock
    road.go_on()
    for node in ("h0", "h1", "h2"):
        region.agent(node).clock = clock
    assert load(region, study)["problem"]["code"] == "review-late"


def test_what_is_not_a_sum_waits_for_two_unless_the_ledger_says_otherwise(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(400, 3))
    region.hub.touch()
    trees = {"outcome": "ill", "columns": ["age", "score"], "trees": 2, "depth": 1}
    gbdt: dict[str, Any] = {"method": "gbdt", "params": trees, "protection": {"min_cell": 5}}

    def say(kind: Any, what: str) -> None:
        region.desk.papers.say(OWNER, kind, what, {"text": "Because."})

    model = run(region, title="coefficients", **GLM)
    assert model["status"] == "released", "coefficients are a sum"
    found = run(region, title="trees", **gbdt)
    assert found["status"] == "needs" and "able to keep rows" not in str(found["result"])
    for node in ("h0", "h1", "h2"):
        set_policy(region, node, own_figures=True)
    own: dict[str, Any] = {"method": "evaluate", "params": {"model": model["study"], "outcome": "ill"}}
    assert run(region, title="own", **own)["status"] == "needs"
    with pytest.raises(Refused, match="cannot be waived"):
        say("review-waived", "extract")
    with pytest.raises(Refused, match="as you ask for already"):
        say("review-restored", "memorising-model")
    say("review-waived", "memorising-model")
    found = run(region, title="waived", **gbdt)
    assert found["status"] == "released", found["problem"]
    (reason,) = [r for r in found["grant"]["reasons"] if r["rule"] == "HZ06"]
    assert reason["verdict"] == "allow" and "waived" in reason["en"]
    assert run(region, title="own again", **own)["status"] == "needs", "that was not waived"
    set_policy(region, "h1", review=["memorising-model"])
    assert run(region, title="a hospital asks", **gbdt)["status"] == "needs"
    set_policy(region, "h1", review=[])
    say("review-restored", "memorising-model")
    enrol(region, ann="med", bob="board")
    study = run(region, title="restored", **gbdt)["study"]
    assert reviewed(region, study, ann="approve", bob="approve") == "approved"
    assert load(region, study)["status"] == "released"
    assert verified(region)
    region.close()


def test_a_room_with_records_is_always_reviewed(tmp_path: Path) -> None:
    from deeds import register
    from huizhen.adapters.register import put_act
    from huizhen.model.party import Act

    made = make_region(tmp_path / "r", patients(120, 3))
    register(made, "acme")
    with made.hub.store.record() as r:
        for kind in ("recipient-notice", "use-agreement"):
            put_act(r, Act.read({"kind": kind, "party": "acme", "from_day": "2020-01-01"}))
    found = run(made, release="enclave")
    assert "HZ06" in found["problem"]["message"]
    enrol(made, ann="med", bob="board")
    found = run(made, release="enclave", title="again")
    assert found["grant"]["limits"] is None or found["grant"]["limits"]["reviews"] == ["extract"]
    made.close()
