"""A study that is stopped: by whom, to what end, and what a hub that goes on all the same comes up against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deeds import register
from huizhen.adapters.register import put_party
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER, Caller
from huizhen.kit.errors import HuizhenError
from huizhen.model.casebook import key_of
from huizhen.model.party import Party
from huizhen.node import papers as node_papers
from huizhen.path import keeping
from papers import enrol, file, paper, reviewed, set_policy
from regions import load, make_region, patients, request, run

GLM: dict[str, Any] = {"method": "glm", "params": {"formula": "ill ~ age", "family": "binomial"}}
WHY = {"text": "Outside of what was agreed."}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = make_region(tmp_path_factory.mktemp("r"), patients(240, 3))
    register(made, "acme", "other", "trust")
    with made.hub.store.record() as record:
        agency = {"name": "agency", "kind": "authority", "jurisdiction": "CN", "key": key_of("agency").public.hex()}
        put_party(record, Party.read(agency))
    enrol(made, ann="med", bob="board")
    set_policy(made, "h1", review=["model"])
    yield made
    made.close()


def waiting(region: Region, title: str) -> str:
    """A study whose result is kept back for its review."""
    found = run(region, title=title, **GLM)
    assert found["status"] == "awaiting"
    return str(found["study"])


def test_what_waits_is_not_released_any_more(region: Region) -> None:
    study = waiting(region, "stopped while it waits")
    file(region, "study-stopped", study, "agency", WHY)
    region.road().go_on()
    found = load(region, study)
    assert found["status"] == "denied" and found["problem"]["code"] == "study-stopped"
    assert WHY["text"] in found["problem"]["message"] and found["result"] is None
    with pytest.raises(HuizhenError, match="No result of this study waits"):
        reviewed(region, study, ann="approve", bob="approve")
    region.witness()
    assert verify_folder(region.folder)[1] == []


def test_what_is_computed_ends_before_its_next_round(region: Region) -> None:
    """Stopped by the trustee in the middle: no hospital is asked once more."""
    study = region.desk.begin(OWNER, request(title="stopped under way", **GLM))
    seen: list[str] = []

    def progress(_step: str, text: Any) -> None:
        seen.append(text.en)
        if "round 1" in text.en and not region.hub.store.papers.of("study-stopped", subject=study.id):
            region.desk.papers.say(OWNER, "study-stopped", study.id, WHY)

    region.desk.drive(study, progress)
    assert load(region, study.id)["problem"]["code"] == "study-stopped"
    assert not any("round 2" in line for line in seen)
    region.witness()
    assert verify_folder(region.folder)[1] == []


def test_only_trustee_and_authorities_stop_a_study_with_their_own_key(region: Region) -> None:
    study = waiting(region, "not by everyone")
    for by, signer in (("other", "other"), ("acme", "acme"), ("agency", "mallory"), ("h0", "h0")):
        with pytest.raises(HuizhenError, match="not signed with the key"):
            file(region, "study-stopped", study, by, WHY, signer=signer)
    with pytest.raises(HuizhenError, match="may not do what the trustee does"):
        region.desk.papers.say(Caller("acme", "asker"), "study-stopped", study, WHY)
    with pytest.raises(HuizhenError, match="another region"):
        file(region, "study-stopped", study, "agency", WHY, origin="elsewhere")
    assert reviewed(region, study, ann="approve", bob="approve") == "approved"
    assert load(region, study)["status"] == "released"
    with pytest.raises(HuizhenError, match="has ended"):
        file(region, "study-stopped", study, "agency", WHY)
    with pytest.raises(HuizhenError, match="There is no study"):
        file(region, "study-stopped", "st-" + "0" * 16, "agency", WHY)


def test_the_reason_is_shown_to_the_asker_and_to_nobody_else_who_asks(region: Region) -> None:
    study = waiting(region, "for whose eyes")
    made = file(region, "study-stopped", study, "agency", WHY)
    with pytest.raises(HuizhenError, match="was stopped before"):
        file(region, "study-stopped", study, "agency", {"text": "Once more."})
    region.road().go_on()
    shown = region.desk.papers.all
    assert made.as_json() in shown(Caller("acme", "asker"), ("study-stopped",))
    assert shown(Caller("other", "asker"), ("study-stopped",)) == []
    for who in (Caller("x", "regulator"), Caller("x", "auditor")):
        assert made.as_json() in shown(who, ("study-stopped",))


def test_a_hub_that_goes_on_all_the_same_is_refused_by_nodes_and_found_on_the_ledger(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = region.desk.begin(OWNER, request(title="went on", **GLM))
    region.desk.papers.say(OWNER, "study-stopped", study.id, WHY)
    monkeypatch.setattr(keeping, "check_not_stopped", lambda *_: None)
    region.desk.drive(study)
    found = load(region, study.id)
    assert found["status"] == "denied" and found["problem"]["code"] == "study-stopped", "the node checks last"
    again = waiting(region, "let go")
    file(region, "study-stopped", again, "agency", WHY)
    set_aside = {"check_closed": lambda *_: None, "check_not_stopped": lambda *_: None}
    for name, nothing in set_aside.items():
        monkeypatch.setattr(node_papers, name, nothing)
    monkeypatch.setattr("huizhen.path.review.waits_for", lambda *_: None)
    region.road().go_on()
    assert load(region, again)["status"] == "released"
    region.witness()
    assert "released-though-stopped" in " ".join(t.en for t in verify_folder(region.folder)[1])


def test_a_node_hears_of_it_without_the_hub(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    study = region.desk.begin(OWNER, request(title="by hand", **GLM))
    made = paper(region, "study-stopped", study.id, "agency", WHY)
    assert region.agent("h2").keep_papers([made.as_json()]) == [made]
    assert region.agent("h2").keep_papers([made.as_json()]) == []
    forged = made.model_copy(update={"subject": "st-" + "1" * 16})
    assert region.agent("h2").keep_papers([forged.as_json()]) == []
    region.desk.drive(study)
    assert load(region, study.id)["problem"]["code"] == "study-stopped"
