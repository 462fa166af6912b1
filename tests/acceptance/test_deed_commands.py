"""deed and contract as people type them, from the key to the released result, in both languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import Region, done, huizhen, in_both, patients, split
from huizhen.market.odrl import from_odrl

TERM = {"from_day": "2020-01-01", "until_day": "2999-12-31"}
DEED = {
    "name": "d-trust", "title": "Trust for d", "settlors": ["north", "south", "east"], "trustee": "trust",
    "beneficiaries": ["patients"], "datasets": ["d"], "purposes": ["HMB"], **TERM, "contract_required": True,
}  # fmt: skip
CONTRACT = {
    "name": "acme-2026", "title": "Contract", "asker": "acme", "trustee": "trust", "datasets": ["d"],
    "purposes": ["HMB"], "price_fen": 500, "commitment": "I single nobody out.", **TERM,
}  # fmt: skip
PRICE = 90_000


class Place:
    """A region of three hospitals, and the key file of each party."""

    def __init__(self, folder: Path) -> None:
        rows = dict(zip(("north", "south", "east"), split(patients(), 3), strict=True))
        self.asked = Region(folder, rows, "patient")
        self.folder, self.at = folder, ("--region", self.asked.path)
        for party in ("acme", "trust", "north", "south", "east"):
            key = done("party", "key", "--out", self.key(party)).out.strip()
            home = ["--kind", "academic", "--jurisdiction", "CN", "--not-foreign-controlled", "--contact", "x"]
            done("party", "add", party, *home, "--key", key, *self.at)

    def key(self, party: str) -> Path:
        return self.folder / f"{party}.pem"

    def file(self, terms: dict[str, Any]) -> Path:
        path = self.folder / f"{terms['name']}.yaml"
        path.write_text(yaml.safe_dump(terms, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return path

    def sign(self, kind: str, file: Path, party: str) -> str:
        return done(kind, "sign", file, "--as", party, "--key", self.key(party), *self.at).out


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("deeds"))


def test_a_key_file_is_its_owners_alone_and_is_not_written_over(place: Place) -> None:
    assert place.key("acme").stat().st_mode & 0o077 == 0
    en, _ = in_both("party", "key", "--out", place.key("acme"), code=4)
    assert "never written over" in en
    not_a_key = place.folder / "not.pem"
    not_a_key.write_text("hello", encoding="utf-8")
    file = place.file(DEED)
    en, _ = in_both("deed", "sign", file, "--as", "north", "--key", not_a_key, *place.at, code=3)
    assert "unknown-instrument" in en, "before anything is read of the key"


def test_from_the_draft_to_the_released_result(place: Place) -> None:
    deed, contract = place.file(DEED), place.file(CONTRACT)
    assert "drafted" in done("deed", "draft", deed, *place.at).out
    assert "Still to sign: north, south, east, trust." in done("deed", "offer", "d-trust", *place.at).out
    for party in ("north", "south", "east"):
        assert "signed by some" in place.sign("deed", deed, party)
    assert "active" in place.sign("deed", deed, "trust")
    found = place.asked.outcome(method="count", price_fen=PRICE)
    assert found["status"] == "needs" and "contract_required" in found["problem"]["message"]
    done("contract", "draft", contract, *place.at)
    done("contract", "offer", "acme-2026", *place.at)
    place.sign("contract", contract, "acme")
    assert done("contract", "show", "acme-2026", "--json", *place.at).json()["state"] == "signed"
    place.sign("contract", contract, "trust")
    study = place.asked.write_study(method="count", price_fen=PRICE)
    ran = huizhen("study", "run", study, *place.at)
    assert ran.code == 4 and "kept back" in ran.out and "900.00" in ran.out
    shown = done("study", "list", "--json", *place.at).json()[-1]
    assert shown["status"] == "awaiting"
    pay = ["money", "receive", "--from", "acme", "--fen", str(PRICE), "--reference", "B-1", *place.at]
    assert "900.00" in done(*pay).out
    assert huizhen(*pay).code == 4
    wrong = huizhen("contract", "commit", shown["study"], "--key", place.key("north"), *place.at)
    assert wrong.code == 5 and "commitment-not-signed" in wrong.err
    assert (
        "I single nobody out." in done("contract", "commit", shown["study"], "--key", place.key("acme"), *place.at).out
    )
    assert done("study", "show", shown["study"], "--json", *place.at).json()["status"] == "released"
    assert done("study", "run", study, "--json", "-", *place.at).json()["study"] == shown["study"]
    assert "hold" in done("ledger", "verify", *place.at).out
    statement = in_both("money", "statement", "--party", "acme", *place.at)
    assert "held in escrow" in statement[0] and "托管退回" in statement[1]


def test_what_is_on_file_is_shown_in_both_languages_and_to_machines(place: Place) -> None:
    en, zh = in_both("deed", "show", "d-trust", *place.at)
    assert "Deed d-trust v1: active" in en and "信托契约 d-trust v1：生效" in zh
    assert "beneficiaries" in en and "一方签署" in zh
    terms = place.folder / "again.yaml"
    agreement = place.folder / "deed.jsonld"
    found = done("deed", "show", "d-trust", "--terms", terms, "--odrl", agreement, "--json", *place.at).json()
    assert yaml.safe_load(terms.read_text(encoding="utf-8"))["name"] == "d-trust"
    assert from_odrl(json.loads(agreement.read_text(encoding="utf-8"))).digest() == found["digest"]
    en, zh = in_both("contract", "list", *place.at)
    assert "acme-2026" in en and "生效" in zh


def test_a_signer_signs_its_own_file_and_not_what_the_hub_shows(place: Place) -> None:
    later = {**CONTRACT, "price_fen": 1}
    done("contract", "draft", place.file(later), *place.at)
    done("contract", "offer", "acme-2026", *place.at)
    words = ["contract", "sign", place.file(CONTRACT), "--as", "acme", "--key", place.key("acme"), *place.at]
    en, _ = in_both(*words, code=5)
    assert "[terms-differ]" in en
    assert done("contract", "show", "acme-2026", "--json", *place.at).json()["signed_by"] == []
    assert "ended" in done("contract", "end", "acme-2026", *place.at).out


def test_a_party_gives_notice_with_its_key(place: Place) -> None:
    en, _ = in_both("deed", "end", "d-trust", "--as", "north", *place.at, code=2)
    assert "[as-without-key]" in en
    said = done("deed", "end", "d-trust", "--as", "north", "--key", place.key("north"), *place.at).out
    assert "active" in said and "2999" not in said
    assert ": suspended." in done("deed", "suspend", "d-trust", *place.at).out
    assert ": active." in done("deed", "resume", "d-trust", *place.at).out


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({**DEED, "purpose": "HMB"}, "unknown key 'purpose' (did you mean 'purposes'?)"),
        ({**DEED, "until_day": "31.12.2030"}, "a date such as 2026-11-28"),
        ({k: v for k, v in DEED.items() if k != "trustee"}, "key 'trustee' is missing"),
        ({**DEED, "settlors": []}, "not empty"),
    ],
)
def test_terms_that_cannot_be_are_refused_with_their_line(place: Place, terms: dict[str, Any], said: str) -> None:
    en, _ = in_both("deed", "draft", place.file({**terms, "name": "other"}), *place.at, code=2)
    assert " line " in en and said in en
