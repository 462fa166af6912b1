"""Two-person review and the other papers as people type them: on a folder, and to a hub over TLS with a token each."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from commands import Ran, Region, chinese, done, huizhen, in_both, patients, split
from federations import free_port
from huizhen.path.outcome import UNFINISHED
from programs import Program

ORGANISATIONS = {"ann": "med-school", "bob": "ethics-board", "cid": "patients-union", "eve": "acme"}
ROLES = {
    **dict.fromkeys(ORGANISATIONS, "reviewer"), "acme": "asker", "rival": "asker", "zhang": "trustee",
    "agency": "regulator", "kpi": "auditor",
}  # fmt: skip
HOME = ["--jurisdiction", "CN", "--not-foreign-controlled", "--contact", "x"]
PRICE = 90_000
MODEL = {"method": "glm", "params": {"formula": "died ~ age", "family": "binomial"}, "price_fen": PRICE}


@dataclass(frozen=True)
class Place:
    """Where commands act, and as whom: `at("ann")` are the words that say so."""

    asked: Region
    keys: Path
    at: Callable[[str], list[str]]

    def run(self, **request: Any) -> dict[str, Any]:
        out = self.keys / "out.json"
        study = self.asked.write_study(**request)
        ran = huizhen("study", "run", study, "--json", out, *self.at("acme"))
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        assert ran.code == {"released": 0, "awaiting": 4, "denied": 5}[found["status"]], ran
        return found

    def ended(self, study: str) -> dict[str, Any]:
        """As its asker sees it, once it waits no more: a hub drives a study on by itself."""
        end = time.monotonic() + 120
        while (found := done("study", "show", study, "--json", *self.at("acme")).json())["status"] in UNFINISHED:
            assert time.monotonic() < end, found["problem"]
            time.sleep(0.05)
        return dict(found)

    def key(self, who: str) -> str:
        return (self.keys / f"{who}.key").read_text(encoding="utf-8").strip()

    def signed(self, who: str) -> list[str | Path]:
        return ["--as", who, "--key", self.keys / f"{who}.pem", *self.at(who)]

    def seal(self, study: str, who: str, verdict: str) -> Ran:
        words = ["review", "seal", study, "--verdict", verdict, "--note", f"{who} looked"]
        return huizhen(*words, *self.signed(who))

    def open(self, study: str, who: str) -> Ran:
        return huizhen("review", "open", study, *self.signed(who))

    def review(self, study: str, who: str) -> dict[str, Any]:
        return dict(done("review", "show", study, "--json", *self.at(who)).json())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Region:
    """Three hospitals that give their own figures; one wants people to look at them, and at models."""
    folder = tmp_path_factory.mktemp("review")
    rows = dict(zip(("north", "south", "east"), split(patients(), 3), strict=True))
    where = Region(folder, rows, "patient")
    for name in rows:
        policy = "own_figures: true\n" + ("review: [model, own-figures]\n" if name == "south" else "")
        (where.path / "nodes" / name / "policy.yaml").write_text(policy, encoding="utf-8")
    for who in ROLES:
        (folder / f"{who}.key").write_text(done("party", "key", "--out", folder / f"{who}.pem").out, encoding="utf-8")
    kinds = {"acme": "academic", "rival": "academic", "agency": "authority", "kpi": "auditor"}
    for party, kind in kinds.items():
        key = (folder / f"{party}.key").read_text(encoding="utf-8").strip()
        done("party", "add", party, "--kind", kind, *HOME, "--key", key, "--region", where.path)
    return where


def copied(made: Region, folder: Path) -> Region:
    where = Region.__new__(Region)
    where.folder, where.path, where.dataset, where.said = folder, folder / "region", made.dataset, {}
    shutil.copytree(made.path, where.path)
    return where


@pytest.fixture(scope="module", params=["region", "hub"])
def place(request: pytest.FixtureRequest, made: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    tmp_path = tmp_path_factory.mktemp(request.param)
    where = copied(made, tmp_path)
    if request.param == "region":
        yield Place(where, made.folder, lambda _: ["--region", str(where.path)])
        return
    access = {who: tmp_path / f"{who}.access" for who in ROLES}
    for who, role in ROLES.items():
        done("hub", "token", "add", who, "--role", role, "--out", access[who], "--region", where.path)
    port = free_port()
    program = Program(tmp_path / "up.log", "up", "--region", where.path, "--port", str(port))
    try:
        program.until("All 3 nodes are connected", seconds=120)
        url = f"https://localhost:{port}"
        yield Place(where, made.folder, lambda who: ["--hub", url, "--token", str(access[who])])
    finally:
        if program.process.poll() is None:
            program.end(signal.SIGINT)


def enrolled(place: Place) -> None:
    for who, organisation in ORGANISATIONS.items():
        words = ["review", "enrol", who, "--organisation", organisation, "--key", place.key(who)]
        done(*words, *place.at("zhang"))


def verdicts(place: Place, study: str, **said: str) -> None:
    """Each seals, and only then does each open; until then none of them is shown a word of the others."""
    for who, verdict in said.items():
        assert place.seal(study, who, verdict).code == 0
        assert not [p for p in place.review(study, who)["papers"] if p["kind"] == "review-opened"]
    for who in said:
        assert place.open(study, who).code == 0


def test_models_and_own_figures_go_out_when_two_have_approved_them(place: Place) -> None:
    assert place.run(method="count", title="a sum")["status"] == "released", "a sum waits for nobody"
    nobody = huizhen("study", "check", place.asked.write_study(**MODEL), *place.at("acme"))
    assert nobody.code == 5 and "HZ06" in nobody.out, "nobody is enrolled yet"
    enrolled(place)
    listed = done("review", "reviewers", "--json", *place.at("ann")).json()
    assert {r["name"]: r["organisation"] for r in listed} == ORGANISATIONS

    found = place.run(title="a model", **MODEL)
    model = found["study"]
    assert found["status"] == "awaiting" and found["result"] is None and found["settlement"] is None
    assert "two reviewers" in found["problem"]["message"]
    (line,) = [r for r in done("review", "list", "--json", *place.at("bob")).json() if r["study"] == model]
    assert (line["state"], line["what"], line["asker"]) == ("waiting", ["model"], "acme")
    assert place.review(model, "ann")["content"]["result"]["coefficients"]
    assert place.seal(model, "eve", "approve").code == 5, "of the asker's own organisation"
    assert place.seal(model, "ann", "approve").code == 0
    assert place.open(model, "ann").code == 5, "before the other has sealed"
    verdicts(place, model, bob="approve")
    assert place.review(model, "cid")["state"] == "half-open"
    assert place.open(model, "ann").code == 0
    released = place.ended(model)
    assert released["status"] == "released" and released["result"]["coefficients"]
    assert sum(line["fen"] for line in released["settlement"]["lines"]) == PRICE
    assert {p["body"]["note"] for p in place.review(model, "cid")["papers"] if p["kind"] == "review-opened"} == {
        "ann looked", "bob looked"
    }  # fmt: skip

    asked = {"method": "evaluate", "params": {"model": model, "outcome": "died"}, "price_fen": PRICE,
             "protection": {"min_cell": 5}}  # fmt: skip
    own = place.run(title="each hospital", **asked)
    assert own["status"] == "awaiting" and own["grant"]["limits"]["reviews"] == ["own-figures", "model"]
    assert not any(own["own"].values()), "nothing of one hospital before it is approved"
    seen = place.review(own["study"], "ann")["content"]["own"]
    verdicts(place, own["study"], ann="reject", bob="approve")
    assert place.review(own["study"], "cid")["state"] == "split"
    assert done("study", "show", own["study"], "--json", *place.at("acme")).json()["result"] is None
    verdicts(place, own["study"], cid="approve")
    released = place.ended(own["study"])
    assert released["status"] == "released" and released["own"] == seen and len(seen) == 3
    assert sum(line["fen"] for line in released["settlement"]["lines"]) == PRICE

    refused = place.run(title="each hospital, once more", cohort="age > 40", **asked)
    verdicts(place, refused["study"], bob="reject", cid="reject")
    denied = place.ended(refused["study"])
    assert (denied["status"], denied["problem"]["code"]) == ("denied", "review-rejected")
    assert denied["result"] is None and denied["settlement"] is None and not any(denied["own"].values())
    booked = done("money", "postings", "--study", refused["study"], "--json", *place.at("acme")).json()
    assert sum(p["fen"] for p in booked if p["account"].startswith("acme")) == 0
    en, zh = in_both("review", "list", *place.at("zhang"))
    assert "rejected" in en and "否决" in zh
    assert huizhen("ledger", "verify", *place.at("zhang")).code == 0


def test_the_blacklist_appeals_alarms_and_reports_are_kept_from_where_one_is(place: Place) -> None:
    add = ["blacklist", "add", "rival", "--ground", "Sold what it got.", "--until", "2999-12-31"]
    assert huizhen(*add, *place.signed("kpi")).code == 5, "an auditor is no authority"
    done(*add, *place.signed("agency"))
    study = place.asked.write_study(method="count", title="listed", asker="rival")
    ran = huizhen("study", "run", study, *place.at("rival"))
    assert ran.code == 5 and "Sold what it got." in ran.out
    done("blacklist", "appeal", "rival", "--text", "It was another.", *place.signed("rival"))
    assert huizhen("study", "run", study, *place.at("rival")).code == 5, "an appeal lifts nothing"
    (listing,) = done("blacklist", "list", "--json", *place.at("acme")).json()
    assert (listing["state"], listing["appeals"][0]["by"]) == ("standing", "rival")
    done("blacklist", "decide", "rival", "--outcome", "lifted", "--text", "So it was.", *place.signed("agency"))
    assert huizhen("study", "run", study, *place.at("rival")).code == 0
    en, zh = in_both("blacklist", "show", "rival", *place.at("acme"))
    assert "It was another." in en and chinese(zh)

    terms = {
        "name": "rival-2026", "title": "Contract", "asker": "rival", "trustee": "kpi", "datasets": ["d"],
        "purposes": ["HMB"], "from_day": "2020-01-01", "until_day": "2999-12-31", "price_fen": 1,
    }  # fmt: skip
    contract = place.asked.folder / "contract.yaml"
    contract.write_text(json.dumps(terms), encoding="utf-8")
    done("contract", "draft", contract, *place.at("zhang"))
    report = ["watch", "report", "rival", "--contract", "rival-2026", "--text", "sold on"]
    done(*report, *place.signed("acme"))
    assert done("watch", "scan", "--days", "3", "--json", *place.at("agency")).json() == []
    (alarm,) = [a for a in done("watch", "list", "--json", *place.at("agency")).json() if a["about"] == "rival"]
    assert "sold on" in in_both("watch", "show", alarm["alarm"], *place.at("zhang"))[0]
    words = ["watch", "acknowledge", alarm["alarm"], "--outcome", "confirmed", "--text", "seen"]
    done(*words, *place.signed("agency"))
    assert huizhen(*words, *place.at("zhang")).code in (4, 5), "it is acknowledged once"
    assert "rival" not in {a["about"] for a in done("watch", "list", "--json", *place.at("agency")).json()}
    paper = place.asked.folder / "report.txt"
    paper.write_text("in full", encoding="utf-8")
    audit = ["audit", "file", "rival", "--opinion", "adverse", "--from", "2026-01-01", "--until", "2026-06-30"]
    done(*audit, "--text", "Copies.", "--report", paper, *place.signed("kpi"))
    assert len(done("audit", "list", "rival", "--report", paper, "--json", *place.at("agency")).json()) == 1
    (told,) = done("watch", "credibility", "rival", "--json", *place.at("agency")).json()
    assert {"alarm-confirmed", "audit-adverse"} <= {a["fact"] for a in told["addends"]}
    if place.at("acme") != place.at("rival"):
        for words in (["watch", "list"], ["watch", "scan"], ["watch", "credibility", "rival"]):
            assert huizhen(*words, *place.at("acme")).code in (3, 5), "not an asker's business"
        assert (
            huizhen("review", "enrol", "x", "--organisation", "y", "--key", place.key("ann"), *place.at("acme")).code
            == 5
        )
