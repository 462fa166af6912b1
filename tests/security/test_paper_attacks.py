"""Attacks on papers: a hub that peeks, forges, forgets or lets go; a reviewer who copies; a listing made away with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from deeds import CONTRACT, register
from huizhen.adapters import database as db
from huizhen.adapters.papers import Papers
from huizhen.adapters.register import put_party
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER, Caller
from huizhen.kit.errors import HuizhenError, Refused
from huizhen.model.casebook import key_of
from huizhen.model.grant import Grant
from huizhen.model.paper import Paper
from huizhen.model.party import Party
from huizhen.model.rule import Facts
from huizhen.model.study import Study
from huizhen.path import keeping, legal
from huizhen.path.authorise import authorise
from huizhen.path.run import Road
from papers import enrol, file, paper, reviewed, seal, set_policy, unseal, verdict
from regions import load, make_region, patients, run

GLM: dict[str, Any] = {"method": "glm", "params": {"formula": "ill ~ age", "family": "binomial"}}
TREES: dict[str, Any] = {"method": "gbdt", "params": {"outcome": "ill", "columns": ["age"], "trees": 2, "depth": 1}}
TERM = {"ground": "Sold what it was given.", "from_day": "2020-01-01", "until_day": "2999-12-31"}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = make_region(tmp_path_factory.mktemp("r"), patients(240, 3))
    register(made, "acme", "shady", "other", "trust")
    with made.hub.store.record() as record:
        agency = {"name": "agency", "kind": "authority", "jurisdiction": "CN", "key": key_of("agency").public.hex()}
        put_party(record, Party.read(agency))
    enrol(made, ann="med", bob="board", cid="clinic")
    set_policy(made, "h1", review=["model"])
    file(made, "party-listed", "shady", "agency", TERM)
    yield made
    made.close()


@pytest.fixture(scope="module")
def waiting(region: Region) -> str:
    """A study whose model waits for review, as one hospital demands."""
    return str(run(region, title="waits", **GLM)["study"])


def broken(region: Region) -> str:
    region.witness()
    return " ".join(t.en for t in verify_folder(region.folder)[1])


def refused(found: dict[str, Any], code: str) -> bool:
    return found["status"] in {"denied", "failed"} and found["problem"]["code"] == code


# -- reviews


def test_what_is_sealed_says_nothing_of_the_verdict(region: Region, waiting: str) -> None:
    """The hub holds two commitments; neither verdict nor note is in what it has, and guessing needs the salt."""
    made = seal(region, waiting, "ann", "reject")
    assert "reject" not in made.model_dump_json() and "Looked" not in made.model_dump_json()
    guesses = [verdict(region, waiting, v).model_copy(update={"salt": "00" * 32}) for v in ("approve", "reject")]
    from huizhen.model.paper import sealed

    key = key_of("ann").public.hex()
    tried = {sealed(region.hub.origin, waiting, "ann", key, g) for g in guesses}
    assert made.body["commitment"] not in tried


def test_a_commitment_that_is_copied_cannot_be_opened(region: Region, waiting: str) -> None:
    seal(region, waiting, "ann", "reject")
    first = next(p for p in region.hub.store.papers.of("review-sealed") if p.subject == waiting)
    file(region, "review-sealed", waiting, "bob", first.body)
    with pytest.raises(Refused, match="not the verdict that was sealed"):
        unseal(region, waiting, "bob", "reject")


def test_a_verdict_cannot_be_changed_after_the_others_is_open(region: Region) -> None:
    study = str(run(region, title="change", **GLM)["study"])
    seal(region, study, "ann", "approve")
    seal(region, study, "bob", "reject")
    unseal(region, study, "ann", "approve")
    with pytest.raises(Refused, match="not the verdict that was sealed"):
        unseal(region, study, "bob", "approve")


def test_the_hub_cannot_seal_or_open_for_a_reviewer(region: Region) -> None:
    study = str(run(region, title="forge", **GLM)["study"])
    with pytest.raises(Refused, match="not signed with the key"):
        seal(region, study, "ann", signer="hub-made")
    changed = paper(region, "review-sealed", study, "ann", {"release": "0" * 64, "commitment": "0" * 64})
    with pytest.raises(Refused, match="something else"):
        region.desk.papers.file(OWNER, changed)
    forged = changed.model_copy(update={"body": {"release": "1" * 64, "commitment": "0" * 64}})
    with pytest.raises(Refused, match="not signed with the key"):
        region.desk.papers.file(OWNER, forged)


def test_a_reviewer_sees_the_result_and_an_asker_does_not(region: Region, waiting: str) -> None:
    assert region.desk.papers.review(Caller("ann", "reviewer"), waiting)["content"]["result"]
    with pytest.raises(HuizhenError, match="There is no study"):
        region.desk.papers.review(Caller("acme", "asker"), waiting)
    mine = region.desk.papers.reviews(Caller("acme", "asker"))
    assert waiting in {x["study"] for x in mine} and "content" not in mine[0]
    assert region.desk.papers.reviews(Caller("other", "asker")) == []


def test_a_hub_that_releases_without_the_review_is_found_by_nodes_and_by_the_ledger(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "waits", lambda _study, _grant: False)
        found = run(region, title="let go", **GLM)
    assert found["status"] == "released"
    lines = [line for line, _ in region.agent("h1").book.logged(found["study"])]
    assert lines[-1].kind == "closed" and lines[-1].code == "not-reviewed"
    assert "does not hold: not-reviewed" in broken(region)


def test_figures_of_one_hospital_are_shown_to_reviewers_alone_and_are_part_of_what_they_approve(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    for node in ("h0", "h1", "h2"):
        set_policy(region, node, own_figures=True, review=["own-figures"] if node == "h1" else [])
    model = str(run(region, title="a model", **GLM)["study"])
    asked = {"method": "evaluate", "params": {"model": model, "outcome": "ill"}, "protection": {"min_cell": 5}}
    rejected = str(run(region, title="own", **asked)["study"])
    assert len(region.desk.papers.review(Caller("ann", "reviewer"), rejected)["content"]["own"]) == 3
    assert not any(load(region, rejected)["own"].values()), "it waits"
    assert reviewed(region, rejected, ann="reject", bob="reject") == "rejected"
    assert not any(load(region, rejected)["own"].values()), "and was refused"
    assert "ValueError" not in broken(region)

    keep = Road._keep_release
    with monkeypatch.context() as patch:
        bare = lambda self, study, grant, release, *rest: keep(  # noqa: E731
            self, study, grant, release.model_copy(update={"own": None}), *rest
        )
        patch.setattr(Road, "_keep_release", bare)
        hidden = str(run(region, title="own, and not shown", cohort="age > 30", **asked)["study"])
    assert reviewed(region, hidden, ann="approve", bob="approve") == "approved"
    assert f"(study-guarded, {hidden}) does not hold: ValueError" in broken(region)
    for node in ("h0", "h1", "h2"):
        set_policy(region, node, own_figures=False, review=["model"] if node == "h1" else [])


def test_a_hub_that_leaves_the_review_out_of_the_grant_is_refused(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("huizhen.path.facts.to_review", lambda *_: ())
        assert refused(run(region, title="left out", **GLM), "review-left-out")
        set_policy(region, "h1", review=[])
        assert refused(run(region, title="that nobody asked for", **TREES), "review-left-out")
    set_policy(region, "h1", review=["model"])


def test_a_waiver_that_the_trustee_did_not_sign_is_none(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = paper(region, "review-waived", "memorising-model", "hub", {"text": "Trust me."}, signer="mallory")
    with pytest.raises(Refused, match="not signed with the key"):
        region.desk.papers.file(OWNER, forged)
    with monkeypatch.context() as patch:
        held = legal._papers
        patch.setattr(legal, "_papers", lambda store, names: (*held(store, names), forged))
        set_policy(region, "h1", review=[])
        assert refused(run(region, title="waved through", **TREES), "review-not-waived")
    set_policy(region, "h1", review=["model"])


def test_a_hospital_that_knows_its_reviewers_takes_no_others(region: Region) -> None:
    known = {name: key_of(name).public.hex() for name in ("ann", "bob")}
    set_policy(region, "h1", reviewers={**known, "bob": key_of("mallory").public.hex()})
    assert refused(run(region, title="strangers", **GLM), "reviewers-unknown")
    set_policy(region, "h1", reviewers=known)
    study = str(run(region, title="known", **GLM)["study"])
    assert reviewed(region, study, ann="approve", bob="approve") == "approved"
    assert load(region, study)["status"] == "released"
    set_policy(region, "h1", reviewers={})


# -- the blacklist


def test_only_an_authority_or_the_trustee_lists_and_only_its_key_lifts(region: Region) -> None:
    with pytest.raises(Refused, match="not signed with the key"):
        file(region, "party-listed", "shady", "other", TERM)
    listing = file(region, "party-listed", "shady", "agency", TERM).digest()
    said = {"listing": listing, "text": "We deleted it."}
    with pytest.raises(Refused, match="not signed with the key"):
        file(region, "listing-appealed", "shady", "other", said)
    file(region, "listing-appealed", "shady", "shady", said)
    lift = {**said, "outcome": "lifted"}
    with pytest.raises(Refused, match="Only who signed"):
        region.desk.papers.say(OWNER, "listing-decided", "shady", lift)
    with pytest.raises(Refused, match="not signed with the key"):
        file(region, "listing-decided", "shady", "shady", lift)
    found = run(region, title="listed", asker="shady")
    assert found["status"] == "denied" and "CN30" in found["problem"]["message"]
    assert "by agency" in found["problem"]["message"]
    told = region.desk.papers.blacklist("shady")[0]
    assert (told["state"], told["appeals"][0]["text"], told["decided"]) == ("standing", "We deleted it.", [])


def test_every_gate_refuses_who_is_listed(region: Region) -> None:
    with pytest.raises(Refused, match="on the blacklist"):
        region.desk.instruments.draft(OWNER, "contract", {**CONTRACT, "name": "shady-c", "asker": "shady"})
    assert run(region, title="again", asker="shady")["status"] == "denied"
    assert run(region, title="not listed", asker="other")["status"] == "released"


def test_a_hub_that_drops_a_listing_is_refused_by_the_nodes_that_hold_it(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    region.witness()
    honest = Papers.of

    def forgetful(self: Papers, *kinds: Any, subject: str | None = None) -> tuple[Paper, ...]:
        return tuple(p for p in honest(self, *kinds, subject=subject) if p.subject != "shady")

    with monkeypatch.context() as patch:
        patch.setattr(Papers, "of", forgetful)
        found = run(region, title="dropped", asker="shady")
    assert refused(found, "listing-left-out")


def test_a_lift_that_the_hub_makes_up_convinces_no_node(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = region.desk.papers.blacklist("shady")[0]["listing"]
    body = {"listing": listing, "text": "Fine now.", "outcome": "lifted"}
    by_hub = region.desk.papers.made("listing-decided", "shady", body)
    forged = paper(region, "listing-decided", "shady", "agency", body, signer="mallory")
    broken_ = paper(region, "listing-decided", "shady", "agency", body).model_copy(update={"signature": "0" * 128})
    honest = Papers.of

    def lenient(study: Study, facts: Facts, *args: Any) -> Grant:
        """The gate of a hub that looks away, and sends the papers all the same."""
        blind = replace(facts, legal=facts.legal.model_copy(update={"papers": ()}))
        return authorise(study, blind, *args).model_copy(update={"legal": facts.legal})

    for made in (by_hub, forged, broken_):

        def lying(self: Papers, *kinds: Any, subject: str | None = None, made: Paper = made) -> tuple[Paper, ...]:
            found = honest(self, *kinds, subject=subject)
            return (*found, made) if any(p.digest() == listing for p in found) else found

        with monkeypatch.context() as patch:
            patch.setattr(Papers, "of", lying)
            patch.setattr("huizhen.path.run.authorise", lenient)
            patch.setattr(keeping, "check_not_listed", lambda *_: None)
            found = run(region, title=f"made up {made.digest()[:8]}", asker="shady")
        assert refused(found, "law-not-met") and "CN30" in found["problem"]["message"], made


def test_a_listing_ends_by_itself_and_reaches_whoever_waits(region: Region) -> None:
    today = region.desk.papers.today()
    study = str(run(region, title="waits too", **GLM)["study"])
    file(region, "party-listed", "acme", "agency", {**TERM, "until_day": today})
    region.road().go_on()
    assert load(region, study)["problem"]["code"] == "listed-meanwhile"
    assert run(region, title="today")["status"] == "denied"
    clocks = [region.hub, *(region.agent(n) for n in ("h0", "h1", "h2"))]
    before = region.hub.clock
    for each in clocks:
        each.clock = lambda: before() + timedelta(days=1)
    assert run(region, title="tomorrow")["status"] == "released"
    assert region.desk.papers.blacklist("acme")[0]["state"] == "ended"
    for each in clocks:
        each.clock = before


def test_a_paper_taken_from_the_table_or_changed_there_is_found(region: Region) -> None:
    listing = region.desk.papers.blacklist("shady")[0]["listing"]
    table = db.paper
    with region.hub.engine.begin() as c:
        kept = c.execute(table.select().where(table.c.digest == listing)).one()
        c.execute(delete(table).where(table.c.digest == listing))
    assert "not those of the ledger" in broken(region)
    with region.hub.engine.begin() as c:
        c.execute(table.insert().values(**kept._mapping))
        body = json.loads(kept.body)
        body["body"]["until_day"] = "2020-01-02"
        c.execute(update(table).where(table.c.digest == listing).values(body=json.dumps(body)))
    assert "not those of the ledger" in broken(region)
    with region.hub.engine.begin() as c:
        c.execute(update(table).where(table.c.digest == listing).values(body=kept.body))


def test_a_paper_for_another_region_or_another_day_is_not_filed(region: Region) -> None:
    with pytest.raises(Refused, match="another region"):
        file(region, "party-listed", "other", "agency", TERM, origin="elsewhere")
    with pytest.raises(HuizhenError, match="not dated today"):
        file(region, "party-listed", "other", "agency", TERM, day="2020-01-01")


def test_a_node_takes_a_listing_without_the_hub(region: Region) -> None:
    made = paper(region, "party-listed", "other", "agency", TERM)
    assert region.agent("h2").keep_papers([made.as_json()]) == [made]
    assert region.agent("h2").keep_papers([made.as_json()]) == []
    assert refused(run(region, title="other listed", asker="other"), "listing-left-out")
