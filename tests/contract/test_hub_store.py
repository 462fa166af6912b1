"""One contract for the hub's memory on SQLite and on PostgreSQL: the same road, the same ledger, the same money."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from huizhen.adapters import incidents
from huizhen.adapters.database import migrate, open_engine
from huizhen.adapters.hub_store import SqlStore
from huizhen.adapters.local import LocalFederation
from huizhen.adapters.register import put_act, put_party
from huizhen.kit.clock import utc_now
from huizhen.kit.errors import Conflict, NotFound, Tampered
from huizhen.ledger.story import read_leaf
from huizhen.model.incident import Declaration, Event, declared
from huizhen.model.party import Act, Party
from huizhen.model.study import Study
from regions import patients, request

BOTH = {"en": "x", "zh": "某"}


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    url = str(tmp_path / "hub.sqlite") if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    engine = open_engine(url)
    migrate(engine)
    made = SqlStore(engine, utc_now)
    yield made
    made.close()


def study(number: int = 1, epsilon: float | None = None) -> Study:
    return Study(request=request(protection={"epsilon": epsilon}), number=number, submitted_utc=f"2026-01-0{number}")


def test_a_transaction_that_fails_leaves_nothing(store: SqlStore) -> None:
    with pytest.raises(RuntimeError), store.record() as r:
        r.add_study(study())
        r.evidence("study-proposed", "acme", study().id, {"study": study().as_json()})
        raise RuntimeError("cut off")
    assert store.size() == 0 and store.studies() == [] and store.documents() == {}


def test_what_was_journalled_comes_back_and_can_be_forgotten(store: SqlStore) -> None:
    with store.record() as r:
        r.add_study(study())
        r.journal(study().id, "standing", {"number": 3, "state": {"x": [1.5, None]}})
        r.journal(study().id, "standing", {"number": 4})
        r.journal(study().id, "grant", {})
    assert store.journal(study().id) == {"standing": {"number": 4}, "grant": {}}
    with store.record() as r:
        r.forget(study().id, ["standing"])
    assert set(store.journal(study().id)) == {"grant"}


def test_entries_are_numbered_without_gaps_by_writers_at_the_same_time(store: SqlStore) -> None:
    def write(name: str) -> None:
        for _ in range(25):
            with store.record() as r:
                r.evidence("consent-changed", name, name, {}, epoch=1)

    writers = [threading.Thread(target=write, args=(f"n{i}",)) for i in range(4)]
    for w in writers:
        w.start()
    for w in writers:
        w.join()
    entries = [read_leaf(leaf) for leaf in store.leaves()]
    assert len(entries) == 100 and all(entries)
    times = [e.at_utc for e in entries if e]
    assert times == sorted(times)
    assert len(store.tree()) == 100


def test_the_budget_is_reserved_committed_and_never_given_back(store: SqlStore) -> None:
    for number in (1, 2):
        with store.record() as r:
            r.add_study(study(number, 0.5))
            r.reserve(study(number, 0.5), 0.5)
    assert store.budget_history("acme", "d") == (0.5, 0.5)
    with store.record() as r:
        r.commit_budget(study(1, 0.5).id)
        r.release_budget(study(1, 0.5).id)
        r.release_budget(study(2, 0.5).id)
    assert store.budget_history("acme", "d") == (0.5,)


def test_unknown_and_doubled_things_are_named(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        store.study("st-nothing")
    with store.record() as r:
        r.add_node("north", "00" * 32)
    with pytest.raises(Conflict), store.record() as r:
        r.add_node("north", "11" * 32)


def test_the_whole_road_runs_on_it(store: SqlStore, tmp_path: Path) -> None:
    from huizhen.path.run import Road
    from huizhen.privacy.noise import OpenDpNoise
    from regions import make_region

    region = make_region(tmp_path / "r", patients(90, 3))
    with store.record() as r:
        for name, key in region.hub.store.node_keys().items():
            r.add_node(name, key.hex())
        for card in region.hub.store.cards():
            r.put_card(card)
    federation = LocalFederation({n: region.agent(n).handle for n in region.names()})
    for name in region.names():
        region.agent(name).book.put("hub_vkey", region.hub.vkey)
    road = Road(store, federation, region.hub.key, region.hub.origin, utc_now, OpenDpNoise())
    found = road.run(request(price_fen=777))
    assert store.status(found) == "released"
    assert sum(p.credit_fen for p, _ in store.postings(found)) == 777
    assert "— h1 " in store.checkpoints()[-1]
    region.close()


def test_parties_and_acts_come_back_as_they_were_filed(store: SqlStore) -> None:
    party = Party(name="acme", kind="academic")
    acts = [Act(kind="ethics-review", party="acme", dataset=d, from_day="2026-01-01") for d in ("lung", "heart", None)]
    with store.record() as record:
        put_party(record, party)
        put_party(record, party.model_copy(update={"jurisdiction": "CN"}))
        for act in acts:
            put_act(record, act)
    assert [p.jurisdiction for p in store.register.parties()] == ["CN"]
    assert store.register.acts("acme", "lung") == (acts[0], acts[2])
    assert store.register.acts("other", "lung") == () and store.register.acts() == tuple(acts)
    kinds = [json.loads(leaf)["kind"] for leaf in store.leaves()]
    assert kinds == ["party-registered"] * 2 + ["act-filed"] * 3


def test_a_breach_comes_back_from_the_ledger_with_what_nodes_counted_since(store: SqlStore) -> None:
    said = Declaration.read({
        "holder": "hub", "known_utc": "2026-01-01T00:00:00.000000Z", "kinds": ["lost"], "datasets": ["d"],
        "what": BOTH, "harm": BOTH, "remedy": BOTH, "advice": BOTH, "contact": "x",
    })  # fmt: skip
    event = Event(step="declared", by="hub", declaration=said, jurisdiction="CN", critical=False)
    assert store.incidents.all("r") == ()
    with store.record() as record:
        record.add_node("h0", "ab" * 32)
        made = declared("r", record.at_utc, event)
        incidents.put(record, made.id, event)
    with store.record() as record:
        record.evidence("breach-counted", "h0", "h0", {}, breach=made.id, people=7, commitment="")
        record.evidence("breach-counted", "nobody", "nobody", {}, breach=made.id, people=9, commitment="")
        incidents.put(record, made.id, Event(step="contained", by="hub", note="n"))
    (found,) = store.incidents.all("r")
    assert [e.step for _, e in found.events] == ["declared", "contained"] and found.people == {"h0": 7}
    with store.record() as record:
        incidents.put(record, made.id, Event(step="reopened", by="hub", note="what is open"))
    with pytest.raises(Tampered):
        store.incidents.all("r")
