"""The register on a region: who is abroad is counted, and the study that crosses a threshold is the one stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from huizhen.adapters import database
from huizhen.adapters.register import put_act, put_party
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER
from huizhen.model.party import Act, Party
from huizhen.model.study import Request
from regions import make_region, patients, request, run

PEOPLE = 6_000
SCOPE = 15_000


def register(region: Region, name: str = "acme", **changes: Any) -> None:
    said = {"name": name, "kind": "academic", "jurisdiction": "SG", "foreign_controlled": True, "contact": "x@y"}
    with region.hub.store.record() as record:
        put_party(record, Party.read({**said, **changes}))


def file(region: Region, kind: str, **changes: Any) -> None:
    said = {"kind": kind, "party": "acme", "from_day": "2020-01-01", "until_day": "2999-12-31"}
    with region.hub.store.record() as record:
        put_act(record, Act.read({**said, **changes}))


def reasons(found: dict[str, Any]) -> dict[str, str]:
    return {r["rule"]: r["verdict"] for r in found["grant"]["reasons"]}


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Region:
    made = make_region(tmp_path_factory.mktemp("abroad") / "r", patients(PEOPLE, 3))
    made.hub.touch()
    register(made)
    return made


def test_exports_are_counted_and_the_study_that_crosses_the_threshold_is_stopped(abroad: Region) -> None:
    first = run(abroad)
    assert (first["status"], reasons(first)["CN15"]) == ("needs", "needs")
    for kind in ("standard-contract", "impact-assessment", "export-consent"):
        file(abroad, kind)
    released = run(abroad, title="within")
    assert released["status"] == "released" and released["result"]["n"] == PEOPLE
    assert abroad.desk.exported(OWNER) == [{"recipient": "acme", "people": PEOPLE}]
    crossing = run(abroad, title="crossing")
    assert crossing["status"] == "denied" and reasons(crossing)["CN15"] == "allow", "the gate let it in"
    assert "CN14" in crossing["problem"]["message"] and f"{2 * PEOPLE:,}" in crossing["problem"]["message"]
    assert crossing["result"] is None and crossing["settlement"] is None
    small = run(abroad, title="few people more", cohort="age < 30")
    assert small["status"] == "released", "what was stopped counts for nothing"
    file(abroad, "security-assessment", people=SCOPE, purposes=["HMB"])
    again = run(abroad, title="assessed")
    assert again["status"] == "released"
    beyond = run(abroad, title="beyond the scope of the assessment")
    assert beyond["status"] == "denied" and "CN19" in beyond["problem"]["message"]


def test_splitting_among_recipients_does_not_help(abroad: Region) -> None:
    register(abroad, "acme2")
    for kind in ("standard-contract", "impact-assessment", "export-consent"):
        file(abroad, kind, party="acme2")
    assert reasons(run(abroad, asker="acme2", title="through another"))["CN14"] == "needs"


def test_a_register_that_is_kept_is_complete(abroad: Region) -> None:
    assert reasons(run(abroad, asker="nobody-knows"))["HZ03"] == "needs"
    register(abroad, "home", jurisdiction="CN", foreign_controlled=False)
    found = run(abroad, asker="home")
    assert found["status"] == "released"
    assert set(reasons(found)) == {"CN01", "CN03", "HZ01", "HZ03"}


def test_every_change_of_the_register_is_on_the_ledger(abroad: Region) -> None:
    from huizhen.cli.place import verify_folder

    abroad.witness()
    assert verify_folder(abroad.folder)[1] == []
    parties = [e for e in abroad.hub.store.leaves() if b'"party-registered"' in e]
    assert len(parties) == len(abroad.hub.store.register.parties())


def test_a_region_from_before_the_register_reads_an_empty_one_and_goes_on(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(90, 3))
    region.hub.touch()
    with region.hub.engine.begin() as connection:
        database.metadata.drop_all(connection, tables=[database.party, database.act])
    assert not inspect(region.hub.engine).has_table("party")
    found = run(region)
    region.close()
    assert found["status"] == "released" and set(reasons(found)) == {"CN01", "CN03", "HZ01"}


def test_a_request_without_release_has_the_digest_it_had_before_there_was_one() -> None:
    plain = request()
    assert "release" not in plain.as_json() and Request.read(plain.as_json()) == plain
    public = request(release="public")
    assert public.as_json()["release"] == "public" and Request.read(public.as_json()) == public
    assert public.digest() != plain.digest()
    assert plain.digest() == "bbead8ea13ff4aae8b537e026c5b82ecfdc5956a296f3cc1df94528af0857703"
