"""What was deleted stays deleted: no study counts it, no byte of it is left in the node's stores, and neither a backup,
nor a new export, nor a hub that is not asked brings it back."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from huizhen.adapters.tombstones import FILE
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region, trusted
from huizhen.client import my_data, my_page
from huizhen.hub.verify import quorum
from huizhen.kit.canonical import salted
from huizhen.kit.errors import Refused
from huizhen.model.consent import Word
from huizhen.model.deletion import KEPT, Deletion
from huizhen.node import consents, delegates, deletion, saying, uses
from huizhen.node.hold import hold
from huizhen.node.my_data import gather
from huizhen.node.point import point
from huizhen.node.saying import Saying
from huizhen.node.statements import deliver, publish
from regions import make_region, patients, run

PEOPLE = 90
HERS = 0.1234567890123e-300
"""A number that nobody else has, as its eight bytes."""


def frames() -> dict[str, pd.DataFrame]:
    found = patients(PEOPLE, 3)
    found["h0"] = found["h0"].reset_index(drop=True)
    found["h0"].loc[0, "score"] = HERS
    return found


FRAMES = frames()
SHE = str(FRAMES["h0"]["patient"].iloc[0])
HE = str(FRAMES["h0"]["patient"].iloc[1])


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = make_region(tmp_path / "r", FRAMES)
    for node in FRAMES:
        (made.folder / "nodes" / node / "policy.yaml").write_text("jurisdiction: CN\n")
    yield made
    made.close()


def n(region: Region, title: str = "how many") -> int:
    found = run(region, title=title)
    assert found["status"] == "released", found["problem"]
    return int(found["result"]["n"])


def withdraw(region: Region, subject: str = SHE) -> list[Deletion]:
    agent = region.agent("h0")
    saying.withdraw(agent, Saying(subject, "HMB"))
    cases, unclear = deletion.after_withdrawal(agent, subject)
    deliver(agent, region.announce)
    assert not unclear
    return [case.record for case in cases]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_no_byte_of_a_row_is_left_in_the_nodes_stores(region: Region) -> None:
    folder, needle = region.folder / "nodes" / "h0", struct.pack("<d", HERS)
    n(region)
    agent = region.agent("h0")
    delegates.add(agent, SHE, HE, "spouse of a kind nobody else names", ("DS",), "2099-12-31")
    agent.runner.tables.own.close()
    before = bytes_of(folder)
    assert needle in before["node.duckdb"]
    assert any(b"nobody else names" in data for data in before.values())
    (record,) = withdraw(region)
    assert (record.state, record.rows) == ("deleted", 1)
    agent.runner.tables.own.close()
    after = bytes_of(folder)
    assert not [name for name, data in after.items() if needle in data or b"nobody else names" in data]
    assert not list(folder.glob("*.purged*"))
    assert n(region, "again") == PEOPLE - 1


def test_what_is_kept_is_what_the_record_says(region: Region) -> None:
    n(region)
    agent = region.agent("h0")
    (record,) = withdraw(region)
    assert set(record.kept) == set(KEPT) and record.reasons[0].rule == "CN06D"
    assert [w["permit"] for w in uses.words(agent, SHE)] == [True, False]
    assert [u["title"] for u in uses.uses(agent, SHE)] == ["how many"]
    for table in ("life", "delegation", "asked"):
        assert agent.book._db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_the_record_is_signed_and_its_hash_is_on_the_ledger(region: Region) -> None:
    n(region)
    (record,) = withdraw(region)
    (case,) = region.agent("h0").book.deletions.cases()
    assert record.holds(region.agent("h0").key.public)
    assert not record.model_copy(update={"rows": 7}).holds(region.agent("h0").key.public)
    (entry,) = [json.loads(leaf) for leaf in region.hub.store.leaves() if b"data-deleted" in leaf]
    assert entry["facts"]["commitment"] == salted(case.salt, record.canonical()) == case.commitment
    assert entry["facts"]["tombstone"] == record.tombstone
    assert SHE not in json.dumps(entry) and record.pseudonym not in json.dumps(entry)
    region.witness()
    region.close()
    assert verify_folder(region.folder)[1] == []


def test_the_person_checks_it_without_the_hospital(region: Region) -> None:
    """An altered record, one that is not on the ledger, one of somebody else, and a use after it, are found."""
    n(region)
    withdraw(region)
    n(region, "after")
    agent = region.agent("h0")
    mine, others = gather(agent, SHE, region.desk.prove), gather(agent, HE, region.desk.prove)
    hub, witnesses = trusted(region.folder)
    keys = [hub, *(w.key for w in witnesses)]

    def found(**changes: object) -> set[str]:
        data = mine.model_copy(update=changes).signed(agent.key.sign)
        done = my_data.check(data, keys, quorum(3))
        leaves, root = region.hub.store.leaves(), region.hub.store.tree().root()
        return {each.code for each in (*done.found, *my_data.compare(data, done, leaves, root))}

    assert [use.part for use in mine.uses] == ["used", "not-covered"] and found() == set()
    (each,) = mine.deleted
    content = each.record.content.replace('"rows":1', '"rows":2')
    forged = each.model_copy(update={"record": each.record.model_copy(update={"content": content})})
    assert found(deleted=(forged,)) == {"altered-deletion", "deletion-unrecorded"}
    salt = each.model_copy(update={"record": each.record.model_copy(update={"salt": "00" * 16})})
    assert found(deleted=(salt,)) == {"deletion-unrecorded"}
    assert "altered-deletion" in found(pseudonym=others.pseudonym)
    early = each.said()
    assert early is not None
    early = early.model_copy(update={"at_utc": "2020-01-01T00:00:00.000000Z"}).signed(agent.key.sign)
    record = each.record.model_copy(update={"content": early.canonical().decode()})
    assert "used-after-deletion" in found(deleted=(each.model_copy(update={"record": record}),))
    for language in ("en", "zh"):
        assert str(KEPT["earnings"].what.say(language)) in my_page.render(mine, language)  # type: ignore[arg-type]


def test_a_backup_does_not_bring_it_back(region: Region, tmp_path: Path) -> None:
    """Neither the book and the rows of before, nor the whole folder of before, marks and all: then the ledger knows."""
    folder = region.folder / "nodes" / "h0"
    assert n(region) == PEOPLE
    region.close()
    shutil.copytree(folder, tmp_path / "backup")
    region.__init__(region.folder)  # type: ignore[misc]
    withdraw(region)
    assert n(region, "after") == PEOPLE - 1
    region.close()
    for name in ("node.sqlite", "node.duckdb"):
        shutil.copy(tmp_path / "backup" / name, folder / name)
    region.__init__(region.folder)  # type: ignore[misc]
    assert region.agent("h0").runner.rows_of(region.agent("h0").book.card("d"), region.agent("h0").book.find(SHE)) == 1
    assert n(region, "book and rows restored") == PEOPLE - 1
    region.close()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    assert not (folder / FILE).exists()
    region.__init__(region.folder)  # type: ignore[misc]
    assert n(region, "all restored") == PEOPLE - 1
    (again,) = deletion.after_withdrawal(region.agent("h0"), SHE)[0] or deletion.on_request(
        region.agent("h0"), Saying(SHE, "GRU")
    )
    assert (again.record.state, again.record.rows) == ("deleted", 1), "and it can be deleted there, too"


def test_a_new_export_does_not_bring_it_back_and_her_own_yes_does(region: Region) -> None:
    agent = region.agent("h0")
    withdraw(region)
    path = region.folder / "again.csv"
    FRAMES["h0"].to_csv(path, index=False)
    held = hold(agent, "d", path, "patient", None)
    assert held.card.rows == len(FRAMES["h0"]) - 1 and any("not taken in" in note.en for note in held.notes)
    publish(agent, held.card)
    deliver(agent, region.announce)
    consents.record(agent, [Word(SHE, "HMB", None, True)])
    assert n(region) == PEOPLE - 1, "a file of consents is not her own word"
    saying.grant(agent, Saying(SHE, "HMB", unasked=True))
    held = hold(agent, "d", path, "patient", None)
    publish(agent, held.card)
    deliver(agent, region.announce)
    assert n(region, "she is back") == PEOPLE
    told = gather(agent, SHE, region.desk.prove)
    hub, witnesses = trusted(region.folder)
    assert told.uses[-1].part == "used" and told.deleted[0].lifted_utc is not None
    assert my_data.check(told, [hub, *(w.key for w in witnesses)], quorum(3)).found == []


def test_nothing_is_deleted_that_another_consent_or_a_law_keeps(region: Region) -> None:
    agent = region.agent("h0")
    saying.grant(agent, Saying(HE, "PUBHLTH"))
    assert withdraw(region, HE) == []
    assert agent.runner.rows_of(agent.book.card("d"), agent.book.find(HE)) == 1
    (agent.folder / "policy.yaml").write_text("jurisdiction: CN\nretained: {d: 'medical record, 30 years'}\n")
    (record,) = withdraw(region)
    assert (record.state, record.duty) == ("stored", "medical record, 30 years")
    assert agent.runner.rows_of(agent.book.card("d"), agent.book.find(SHE)) == 1
    consents.record(agent, [Word(SHE, "HMB", None, True)])
    assert n(region) == PEOPLE - 2, "what is only stored is not used, whatever a file of consents says"
    (agent.folder / "policy.yaml").write_text("jurisdiction: CN\n")
    (case,) = deletion.on_request(agent, Saying(SHE, "GRU"))
    assert case.record.state == "deleted", "the duty is over"


def test_where_the_law_is_not_known_nothing_is_done_and_it_is_said(region: Region) -> None:
    agent = region.agent("h0")
    (agent.folder / "policy.yaml").write_text("")
    saying.withdraw(agent, Saying(SHE, "HMB"))
    cases, (unclear,) = deletion.after_withdrawal(agent, SHE)
    assert not cases and unclear.reasons[0].verdict == "needs"
    with pytest.raises(Refused, match="whose law"):
        deletion.on_request(agent, Saying(SHE, "GRU"))
    (agent.folder / "policy.yaml").write_text("jurisdiction: US\n")
    with pytest.raises(Refused, match="No rule"):
        deletion.on_request(agent, Saying(SHE, "GRU"))
    (agent.folder / "policy.yaml").write_text("jurisdiction: DE\nerasure_impairs_research: note of 3 May\n")
    (case,) = deletion.on_request(agent, Saying(SHE, "GRU"))
    assert (case.record.state, case.record.duty) == ("stored", "note of 3 May")


def test_who_may_not_speak_for_her_cannot_have_her_data_deleted(region: Region) -> None:
    agent = region.agent("h0")
    for by, more in (("family", {}), ("kin", {}), ("kin", {"ground": "son"}), ("guardian", {"ground": "custody"})):
        with pytest.raises(Refused):
            deletion.on_request(agent, Saying(SHE, "GRU", by=by, speaker=HE, **more))  # type: ignore[arg-type]
    assert agent.runner.rows_of(agent.book.card("d"), agent.book.find(SHE)) == 1  # type: ignore[arg-type]
    assert n(region) == PEOPLE, "nor did her consent end"
    kin = Saying(SHE, "GRU", by="kin", speaker=HE, ground="son", died="2026-01-01")
    assert [c.record.by for c in deletion.on_request(agent, kin)] == ["kin"]


def test_a_hub_that_makes_up_marks_shuts_nobody_out(region: Region) -> None:
    agent = region.agent("h0")
    agent.book.tombstones.hear(["00" * 16, "ff" * 16], "2026-01-01T00:00:00.000000Z")
    assert not agent.book.tombstones.people("d")
    assert n(region) == PEOPLE


def test_an_order_in_a_warehouse_is_confirmed_when_no_row_is_left(region: Region, warehouse: str) -> None:
    agent, name = region.agent("h0"), "t_deletion"
    with psycopg.connect(warehouse, autocommit=True) as server:
        server.execute(f"DROP TABLE IF EXISTS {name}")
        server.execute(f"CREATE TABLE {name} (who text, x float8)")
        server.execute(f"INSERT INTO {name} SELECT %s || i, i FROM generate_series(1, 40) i", ("W",))
        held = point(agent, "w", warehouse, f"public.{name}", "who", None)
        publish(agent, held.card)
        saying.grant(agent, Saying("W7", "HMB"))
        (case,) = [c for c in deletion.on_request(agent, Saying("W7", "GRU")) if c.record.dataset == "w"]
        assert (case.record.state, case.record.rows) == ("ordered", 1)
        with pytest.raises(Refused, match="still has 1"):
            deletion.confirm(agent, case.record.number)
        server.execute(f"DELETE FROM {name} WHERE who = 'W7'")
        assert deletion.confirm(agent, case.record.number).confirmed_utc is not None
        server.execute(f"DROP TABLE {name}")
    deliver(agent, region.announce)
    assert any(b"deletion-confirmed" in leaf for leaf in region.hub.store.leaves())
