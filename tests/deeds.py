"""Deeds and contracts in small regions: parties with keys, instruments drafted, offered and signed by real calls."""

from __future__ import annotations

from typing import Any

from huizhen.adapters.register import put_party
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER
from huizhen.model.casebook import key_of
from huizhen.model.deed import Commitment, Instrument, Kind
from huizhen.model.party import Party
from huizhen.model.settlement import Payment

TERM = {"from_day": "2020-01-01", "until_day": "2999-12-31"}
DEED: dict[str, Any] = {
    "name": "trust-d",
    "title": "Trust",
    "settlors": ["h0", "h1", "h2"],
    "trustee": "trust",
    "beneficiaries": ["patients"],
    "datasets": ["d"],
    "purposes": ["HMB"],
    **TERM,
}
CONTRACT: dict[str, Any] = {
    "name": "acme-c",
    "title": "Contract",
    "asker": "acme",
    "trustee": "trust",
    "datasets": ["d"],
    "purposes": ["HMB"],
    "prepaid": False,
    **TERM,
}
NO_NOTICE = {"exit": {"notice_days": 0}}


def register(region: Region, *names: str) -> None:
    """Domestic parties with the keys of the casebook."""
    region.hub.touch()
    home = {"kind": "academic", "jurisdiction": "CN", "foreign_controlled": False, "contact": "x@y"}
    with region.hub.store.record() as record:
        for name in names:
            put_party(record, Party.read({**home, "name": name, "key": key_of(name).public.hex()}))


def move(region: Region, kind: Kind, name: str, step: str, by: str | None = None, **more: Any) -> dict[str, Any]:
    """One step of the last version: by the trustee, or signed by a party."""
    desk = region.desk.instruments
    said: dict[str, Any] = {"step": step}
    if by is not None:
        found = desk.find(OWNER, kind, name)
        act = "notice" if step == "end" and found["state"] in {"active", "suspended"} else step
        instrument = Instrument.read(found["instrument"])
        if act == "notice" and not instrument.terms.exit.notice_days:
            act = "end"
        said |= {"by": by, "signature": key_of(by).sign(instrument.signed_bytes(act)).hex()}  # type: ignore[arg-type]
    return desk.move(OWNER, kind, name, said | more)


def sign(region: Region, kind: Kind, terms: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An instrument that all parties have signed, as the hub shows it."""
    desk, name = region.desk.instruments, {**terms, **changes}["name"]
    made = desk.draft(OWNER, kind, {**terms, **changes})
    move(region, kind, name, "offer")
    for party in Instrument.read(made["instrument"]).terms.parties:
        move(region, kind, name, "sign", party)
    return desk.find(OWNER, kind, name)


def pay(region: Region, fen: int, reference: str = "B-1", party: str = "acme") -> None:
    region.desk.instruments.receive(OWNER, Payment(party=party, fen=fen, reference=reference))
    region.road().go_on()


def commit(region: Region, study: str, party: str = "acme") -> None:
    key = key_of(party)
    made = Commitment.read({**region.desk.to_commit(OWNER, study), "key": key.public.hex()}).signed(key.sign)
    region.desk.commit(OWNER, study, made.signature)
    region.road().go_on()
