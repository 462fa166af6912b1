"""Breaches: the clock cannot be moved, none is withdrawn in silence, and the evidence stands without us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import delete, update

from huizhen.adapters import database as db
from huizhen.adapters import incidents as table
from huizhen.adapters.register import put_party
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region, trusted
from huizhen.client.notices import drafts
from huizhen.hub.bundle import Bundle, verify_bundle
from huizhen.hub.caller import OWNER, Caller
from huizhen.hub.verify_breaches import check_breaches
from huizhen.kit.canonical import canonical
from huizhen.kit.clock import parse, stamp, utc_now
from huizhen.kit.errors import BadInput, NotFound, Refused, Tampered
from huizhen.kit.keys import SigningKey
from huizhen.ledger.story import StoredDocument
from huizhen.model.incident import Declaration, Event, Noted
from huizhen.model.party import Party
from huizhen.node import incidents, statements
from regions import make_region, patients, run

SAID = {"en": "A disk was lost.", "zh": "一块硬盘丢失。"}


class Time:
    """A clock that the tests set."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> Any:
        self.now += timedelta(microseconds=1)
        return self.now


TIME = Time()


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = make_region(tmp_path_factory.mktemp("breach") / "r", patients(120, 3))
    assert run(made, title="younger", cohort="age < 50")["status"] == "released"
    made.clock = made.hub.clock = made.hub.store._clock = TIME
    for name in made.names():
        made.agent(name).clock = TIME
        statements.deliver(made.agent(name), made.announce)
    yield made
    made.close()


def declaration(**changes: Any) -> Declaration:
    said = {"holder": "h0", "known_utc": stamp(TIME.now), "kinds": ["lost"], "datasets": ["d"], "contact": "dpo@h0"}
    return Declaration.read({**said, "what": SAID, "harm": SAID, "remedy": SAID, "advice": SAID, **changes})


def declare(region: Region, **changes: Any) -> str:
    return str(region.desk.incidents.declare(OWNER, declaration(**changes))["breach"])


def step(region: Region, breach: str, name: str, **more: Any) -> dict[str, Any]:
    more = more or {"note": "file 1"}
    return region.desk.incidents.step(OWNER, breach, Noted.read({"step": name, **more}))


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {r["rule"]: r["verdict"] for r in found["reasons"]}


def told(region: Region, breach: str) -> dict[str, Any]:
    return region.desk.incidents.breach(OWNER, breach)


def wrong(region: Region) -> list[str]:
    region.witness()
    return [t.en for t in verify_folder(region.folder)[1]]


def count(region: Region, breach: str, *nodes: str) -> None:
    for node in nodes:
        agent = region.agent(node)
        found = incidents.affected(agent, Declaration.read(told(region, breach)["declaration"]))
        incidents.count(agent, breach, found)
        statements.deliver(agent, region.announce)


def finish(region: Region, breach: str) -> None:
    for name in ("contained", "authority-told", "persons-told", "reported"):
        step(region, breach, name)


# -- the course of one breach


def test_the_clocks_run_from_when_it_became_known_and_stop_with_the_entry(region: Region) -> None:
    breach = declare(region, known_utc=stamp(TIME.now - timedelta(hours=3)))
    assert verdicts(told(region, breach)) == {"CN12": "needs", "CN13": "needs", "CN13F": "needs"}
    TIME.now += timedelta(hours=2)
    assert verdicts(told(region, breach))["CN13"] == "deny", "five hours"
    with pytest.raises(Refused, match="CN13"):
        step(region, breach, "closed")
    step(region, breach, "authority-told")
    (clock,) = told(region, breach)["clocks"]
    assert clock["late"] and clock["done_utc"] < stamp(TIME.now) and verdicts(told(region, breach))["CN13"] == "allow"
    with pytest.raises(Refused, match="after containment"):
        step(region, breach, "reported")
    step(region, breach, "contained")
    step(region, breach, "persons-told")
    TIME.now += timedelta(days=31)
    assert verdicts(told(region, breach)) == {"CN12": "allow", "CN13": "allow", "CN13F": "deny"}
    step(region, breach, "reported")
    assert step(region, breach, "closed")["state"] == "closed"
    assert wrong(region) == []


def test_a_critical_operator_has_an_hour(region: Region) -> None:
    with region.hub.store.record() as record:
        put_party(record, Party(name="h1", kind="hospital", jurisdiction="CN", critical_operator=True))
        put_party(record, Party(name="acme", kind="academic", jurisdiction="CN", foreign_controlled=False))
    breach = declare(region, holder="h1")
    (clock,) = told(region, breach)["clocks"]
    assert round((parse(clock["due_utc"]) - TIME.now) / timedelta(hours=1), 3) == 1


def test_persons_are_spared_until_the_authority_orders_otherwise(region: Region) -> None:
    breach = declare(region)
    for name in ("contained", "authority-told", "persons-spared"):
        step(region, breach, name)
    assert verdicts(told(region, breach))["CN12"] == "allow"
    step(region, breach, "persons-ordered")
    assert verdicts(told(region, breach))["CN12"] == "deny"
    step(region, breach, "persons-told")
    assert verdicts(told(region, breach))["CN12"] == "allow"


# -- who is affected


def test_hospitals_find_who_is_affected_and_the_hub_learns_the_number(region: Region) -> None:
    study = region.desk.studies(OWNER)[0]["study"]
    breach = declare(region, holder="hub", datasets=[], studies=[study])
    included = {n: len(region.agent(n).book.inclusion(study)[1]) for n in ("h0", "h1", "h2")}  # type: ignore[index]
    size = region.hub.store.size()
    count(region, breach, "h0", "h1")
    assert told(region, breach)["people"] == {n: included[n] for n in ("h0", "h1")}
    entries = [json.loads(leaf) for leaf in region.hub.store.leaves()[size:]]
    assert {tuple(e["facts"]) for e in entries} == {("breach", "commitment", "people")}
    agent = region.agent("h0")
    found = incidents.affected(agent, Declaration.read(told(region, breach)["declaration"]))
    everyone = [f"P{i}" for i in range(120)]
    ages = patients(120, 3)["h0"]
    young = set(ages[ages.age < 50].patient)
    assert set(incidents.among(agent, found, everyone)) == young and young, "who they are is known at the hospital"
    on_ledger = json.dumps([bytes(d.content).decode() for d in region.hub.store.documents().values()])
    assert not any(p in on_ledger for p in found.pseudonyms)


def test_of_a_hospitals_own_systems_everybody_with_a_row_is_affected_and_nobody_elsewhere(region: Region) -> None:
    breach = declare(region)
    count(region, breach, "h0", "h1")
    frames = patients(120, 3)
    assert told(region, breach)["people"] == {"h0": frames["h0"].patient.nunique(), "h1": 0}


def test_the_notices_say_what_the_law_asks_in_both_languages(region: Region) -> None:
    breach = declare(region)
    count(region, breach, "h0")
    made = drafts(told(region, breach), ".md")
    assert set(made) == {f"{w}.{x}.md" for w in ("authority", "persons") for x in ("en", "zh")}
    english, chinese = made["authority.en.md"].decode(), made["persons.zh.md"].decode()
    for word in ("A disk was lost", "PIPL 57", "dpo@h0", "persons affected", "What happened when", "draft"):
        assert word in english, word
    for word in ("硬盘丢失", "补救措施", "减轻危害", "dpo@h0", "草稿"):
        assert word in chinese, word
    assert "人数" not in chinese, "how many others are affected is not for the persons' notice"


# -- attacks: the clock


def test_the_clock_cannot_be_moved(region: Region) -> None:
    with pytest.raises(Refused, match="nobody knows"):
        declare(region, known_utc=stamp(TIME.now + timedelta(hours=1)))
    breach = declare(region)
    TIME.now += timedelta(hours=5)
    with pytest.raises(Refused, match="earlier moment only"):
        step(region, breach, "revised", declaration=declaration().as_json())
    earlier = declaration(known_utc=stamp(TIME.now - timedelta(days=1)))
    due = told(region, breach)["clocks"][0]["due_utc"]
    assert step(region, breach, "revised", declaration=earlier.as_json())["clocks"][0]["due_utc"] < due
    with pytest.raises(ValueError, match="at_utc"):
        Noted.read({"step": "authority-told", "note": "yesterday", "at_utc": stamp(TIME.now - timedelta(days=1))})
    step(region, breach, "contained")
    with pytest.raises(Refused, match="once"):
        step(region, breach, "contained")


def test_a_clock_of_the_machine_that_goes_back_moves_no_entry(region: Region) -> None:
    breach = declare(region)
    now, TIME.now = TIME.now, TIME.now - timedelta(days=3)
    step(region, breach, "authority-told")
    TIME.now = now
    (clock,) = told(region, breach)["clocks"]
    assert clock["done_utc"] >= told(region, breach)["declared_utc"]


# -- attacks: in silence


def test_a_breach_is_not_withdrawn_in_silence(region: Region) -> None:
    breach = declare(region)
    same = {"known_utc": told(region, breach)["declaration"]["known_utc"]}
    with pytest.raises(Refused, match="not taken away"):
        less = declaration(datasets=[], studies=[_study(region)], **same)
        step(region, breach, "revised", declaration=less.as_json())
    with pytest.raises(Refused, match="holder"):
        step(region, breach, "revised", declaration=declaration(holder="h2", **same).as_json())
    step(region, breach, "unfounded", note="the disk was found")
    assert told(region, breach)["state"] == "unfounded"
    assert breach in {b["breach"] for b in region.desk.incidents.breaches(Caller("r", "regulator"))}
    with pytest.raises(Refused, match="reopened first"):
        step(region, breach, "contained")
    assert step(region, breach, "reopened")["state"] == "open"


def _study(region: Region) -> str:
    return str(region.desk.studies(OWNER)[0]["study"])


def test_a_hand_in_the_database_that_takes_a_breach_away_is_found(region: Region) -> None:
    breach = declare(region)
    assert wrong(region) == []
    with region.hub.engine.begin() as c:
        rows = [dict(r._mapping) for r in c.execute(db.entry.select().where(db.entry.c.subject == breach))]
        c.execute(delete(db.entry).where(db.entry.c.subject == breach))
    found = [t.en for t in verify_folder(region.folder)[1]]
    with region.hub.engine.begin() as c:
        c.execute(db.entry.insert(), rows)
    assert found, "what the hospitals co-signed is not there any more"
    assert wrong(region) == []
    ref = json.loads(rows[0]["leaf"])["refs"]["event"]
    with region.hub.engine.begin() as c:
        kept = c.execute(db.document.select().where(db.document.c.ref == ref)).one()
        later = json.loads(kept.body)
        later["declaration"]["known_utc"] = stamp(TIME.now + timedelta(days=1))
        c.execute(update(db.document).where(db.document.c.ref == ref).values(body=canonical(later)))
    try:
        assert [t.en for t in verify_folder(region.folder)[1]]
        with pytest.raises(Tampered):
            region.desk.incidents.breaches(OWNER)
    finally:
        with region.hub.engine.begin() as c:
            c.execute(update(db.document).where(db.document.c.ref == ref).values(body=kept.body))
    assert wrong(region) == []


@pytest.mark.parametrize(
    "event",
    [
        {"step": "closed", "note": "never mind"},
        {"step": "revised", "declaration": {"known_utc": "2999-01-01T00:00:00.000000Z"}},
        {"step": "reported", "note": "before it was contained"},
        {"step": "reopened", "note": "what is open"},
    ],
    ids=lambda e: str(e["step"]),
)
def test_a_hub_that_writes_a_step_that_cannot_be_is_found_by_who_verifies(region: Region, event: Any) -> None:
    """With its own key, past its own desk."""
    breach = declare(region)
    said = {"by": "hub", **event}
    if "declaration" in said:
        said["declaration"] = {**declaration().as_json(), **said["declaration"]}
    with pytest.raises(KeyboardInterrupt), region.hub.store.record() as record:
        table.put(record, breach, Event.read(said))
        leaves = [bytes(r.leaf) for r in record.connection.execute(db.entry.select().order_by(db.entry.c.number))]
        found = record.connection.execute(db.document.select())
        documents = {r.ref: StoredDocument(bytes(r.salt), bytes(r.body)) for r in found}
        assert check_breaches(leaves[:-1], documents) == []
        assert [breach in t.en for t in check_breaches(leaves, documents)] == [True]
        raise KeyboardInterrupt


# -- attacks: by those whom it does not concern


def test_only_the_trustee_declares_and_only_whom_it_concerns_reads(region: Region) -> None:
    breach = declare(region)
    for role in ("asker", "auditor", "regulator", "node"):
        with pytest.raises(Refused):
            region.desk.incidents.declare(Caller("h0", role), declaration())  # type: ignore[arg-type]
        with pytest.raises(Refused):
            region.desk.incidents.step(Caller("h0", role), breach, Noted(step="unfounded", note="x"))  # type: ignore[arg-type]
    acme = Caller("acme", "asker")
    assert region.desk.incidents.breaches(acme) == []
    with pytest.raises(NotFound):
        region.desk.incidents.bundle(acme, breach)
    assert "A disk was lost" not in json.dumps(region.desk.entries(acme, limit=10_000))
    assert region.desk.incidents.breach(Caller("h0", "node"), breach)["breach"] == breach
    with pytest.raises(BadInput, match="no dataset x"):
        declare(region, datasets=["x"])


# -- the evidence


@pytest.fixture(scope="module")
def evidence(region: Region) -> tuple[bytes, list[Any]]:
    breach = declare(region)
    count(region, breach, "h0", "h1", "h2")
    finish(region, breach)
    step(region, breach, "closed")
    region.witness()
    hub, witnesses = trusted(region.folder)
    made = Bundle.read(region.desk.incidents.bundle(OWNER, breach))
    return made.zipped({"notices/a.md": b"x"}), [hub, *(w.key for w in witnesses)]


def test_the_evidence_is_verified_with_keys_alone(evidence: tuple[bytes, list[Any]]) -> None:
    data, keys = evidence
    found = verify_bundle(Bundle.unzipped(data), keys)
    assert found.state == "closed" and set(found.people) == {"h0", "h1", "h2"}


def test_the_evidence_stands_without_this_program(evidence: tuple[bytes, list[Any]], tmp_path: Path) -> None:
    """As README.txt in the bundle says, with nothing but hashes and Ed25519."""
    data, keys = evidence
    hub = Ed25519PublicKey.from_public_bytes(keys[0].public)
    with ZipFile(BytesIO(data)) as z:
        assert "RFC 6962" in z.read("README.txt").decode()
        names = [n for n in z.namelist() if n.startswith("proofs/")]
        steps = []
        for name in sorted(names, key=lambda n: int(n.split("/")[1].split(".")[0])):
            head, _, note = z.read(name).decode().partition("\n\n")
            _, extra, index, *path = head.split("\n")
            leaf = base64.b64decode(extra.removeprefix("extra "))
            text, _, signatures = note.partition("\n\n")
            _, size, root = text.split("\n")[:3]
            assert _root(leaf, int(index.split()[1]), int(size), [base64.b64decode(p) for p in path]) == root
            signature = base64.b64decode(signatures.split("\n")[0].split(" ")[2])[4:]
            hub.verify(signature, (text + "\n").encode())
            with pytest.raises(InvalidSignature):
                hub.verify(signature, (text + "x\n").encode())
            entry = json.loads(leaf)
            for ref in entry["refs"].values():
                kept = json.loads(z.read(f"documents/{ref}.json"))
                made = hmac.digest(bytes.fromhex(kept["salt"]), kept["content"].encode(), "sha256").hex()
                assert made == ref
            steps.append(entry["facts"].get("step", "counted"))
    assert steps[0] == "declared" and steps[-1] == "closed" and steps.count("counted") == 3


def _root(leaf: bytes, index: int, size: int, path: list[bytes]) -> str:
    """RFC 9162, 2.1.3.2."""
    fn, sn, r = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    for p in path:
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\1" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\1" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return base64.b64encode(r).decode()


def _swapped(b: dict[str, Any]) -> None:
    one, two = sorted(b["proofs"], key=int)[:2]
    b["proofs"][one], b["proofs"][two] = b["proofs"][two], b["proofs"][one]


def _changed(b: dict[str, Any]) -> None:
    ref = next(iter(b["documents"]))
    b["documents"][ref]["content"] += " "


@pytest.mark.parametrize(
    "change",
    [
        _swapped,
        _changed,
        lambda b: b["documents"].clear(),
        lambda b: b.update(breach="br-" + "0" * 16),
        lambda b: b["proofs"].pop(min(b["proofs"], key=int)),
        lambda b: b.update(region="another"),
    ],
    ids=["swapped", "changed", "no documents", "another name", "no declaration", "another region"],
)
def test_evidence_that_was_bent_does_not_hold(evidence: tuple[bytes, list[Any]], change: Any) -> None:
    data, keys = evidence
    bent = Bundle.unzipped(data).as_json()
    change(bent)
    with pytest.raises(Tampered):
        verify_bundle(Bundle.read(bent), keys)
    with pytest.raises(Tampered):
        Bundle.unzipped(data[: len(data) // 2])


def test_evidence_under_keys_of_nobody_known_does_not_hold(evidence: tuple[bytes, list[Any]]) -> None:
    data, keys = evidence
    with pytest.raises(Tampered):
        verify_bundle(Bundle.unzipped(data), [replace(keys[0], public=SigningKey(b"1" * 32).public), *keys[1:]])
