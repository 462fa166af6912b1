"""The hub's side: what it publishes and when, whose cosignatures it takes, and how it stands with its witnesses."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from huizhen.adapters import database as db
from huizhen.hub.hub import Hub
from huizhen.hub.log import Log
from huizhen.hub.verify import verify_hub
from huizhen.kit.errors import BadInput, Conflict, HuizhenError, NotFound, Tampered
from huizhen.ledger import checkpoint as cp
from huizhen.ledger import proof
from huizhen.ledger.audit import Trust, audit
from huizhen.ledger.note import COSIGNATURE, ED25519, VerifierKey
from huizhen.ledger.tiles import CHECKPOINT, PENDING, Tile
from huizhen.model.settings import RegionSettings
from huizhen.path.witness import hub_key
from reached import Reached
from witnessed import OUTSIDE, OUTSIDE_KEYS, Clock

AUDITOR, REGULATOR = OUTSIDE_KEYS["auditor"], OUTSIDE_KEYS["regulator"]


class Place:
    """A hub without nodes, whose ledger grows by what is recorded here."""

    def __init__(self, folder: Path, settings: RegionSettings) -> None:
        self.clock = Clock(datetime(2026, 5, 1, tzinfo=UTC))
        self.folder = folder
        Hub.create(folder / "hub", settings, self.clock).close()
        self.hub = Hub(folder / "hub", self.clock)
        self.log = Log(self.hub)
        self.key = hub_key(self.hub.origin, self.hub.key.public)

    def grow(self, count: int = 1) -> int:
        """Entries, a checkpoint over them, and its publication."""
        self.hub.touch()
        with self.hub.store.record() as r:
            for i in range(count):
                r.evidence("party-registered", "hub", f"p{i}", {})
        self.sign()
        return self.log.publish()

    def sign(self) -> None:
        tree = self.hub.store.tree()
        note = cp.sign(cp.Checkpoint(self.hub.origin, len(tree), tree.root()), self.hub.key.private)
        with self.hub.store.record() as r:
            r.put_checkpoint(len(tree), note.decode())

    def cosigned(self, *names: str, note: bytes = b"", seconds: float = 0) -> bytes:
        """What is pending, with the lines of these witnesses."""
        signed = cp.open_signed(note or self.log.read(PENDING), self.key)
        at = int(self.clock.now.timestamp() + seconds)
        lines = [cp.cosign(signed, name, OUTSIDE[name], at) for name in names]
        return cp.with_cosignatures(signed, lines, OUTSIDE_KEYS.values())

    def size(self, path: str) -> int:
        return cp.open_signed(self.log.read(path), self.key).checkpoint.size


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, RegionSettings())
    yield made
    made.hub.close()


def both(place: Place) -> None:
    place.log.enrol(AUDITOR.vkey)
    place.log.enrol(REGULATOR.vkey)


def test_nothing_beyond_what_is_published_can_be_had(place: Place) -> None:
    assert place.grow(3) == 4
    with place.hub.store.record() as r:
        r.evidence("party-registered", "hub", "late", {})
    place.sign()
    assert place.size(PENDING) == 4 and place.log.read(Tile(0, 0, 4).path)
    for path in (Tile(0, 0, 5).path, "tile/0/../hub.key", "hub.key", "", "tile/entries/000"):
        with pytest.raises(NotFound):
            place.log.read(path)
    assert place.log.publish() == 5 and place.log.read(Tile(0, 0, 5).path)
    found = audit(place.log, Trust(place.key, (), 0), place.clock.now.timestamp())
    assert found.findings == [] and found.entries == 5


def test_the_checkpoint_that_is_shown_is_one_that_enough_have_signed_and_never_a_shorter_one(place: Place) -> None:
    assert place.grow() == 2 and place.size(CHECKPOINT) == 2
    both(place)
    assert place.grow() == 5 and place.log.needed() == 2
    assert place.log.cosign(place.cosigned("auditor")).waiting == 5
    standing = place.log.cosign(place.cosigned("regulator"))
    assert (standing.witnessed, standing.waiting) == (5, 0) and place.size(CHECKPOINT) == 5
    first = place.log.read(PENDING)
    assert place.grow() == 6
    assert (place.size(PENDING), place.size(CHECKPOINT)) == (6, 5)
    place.log.cosign(place.cosigned("auditor"))
    assert place.size(CHECKPOINT) == 5
    place.log.remove("regulator")  # one is left, and one is enough
    assert place.log.needed() == 1 and place.size(CHECKPOINT) == 6
    place.log.enrol(VerifierKey("third", COSIGNATURE, bytes(range(32))).vkey)
    place.log.cosign(place.cosigned("auditor", note=first))
    assert place.log.needed() == 2 and place.size(CHECKPOINT) == 6, "it was shown, it stays"


def test_a_setting_says_how_many_it_takes(tmp_path: Path) -> None:
    place = Place(tmp_path, RegionSettings(witnesses_needed=2))
    place.grow()
    assert place.log.standing().waiting == 2, "none is enrolled: it waits, and is not witnessed by nobody"
    place.log.enrol(AUDITOR.vkey)
    place.grow()
    assert place.log.cosign(place.cosigned("auditor")).witnessed == 0
    place.hub.close()


def test_how_long_it_waits_is_told(place: Place) -> None:
    both(place)
    place.grow()
    assert place.log.standing().late_seconds == 0
    place.clock.now += timedelta(minutes=50)
    assert place.log.standing().late_seconds == 3000
    place.log.cosign(place.cosigned("auditor", "regulator"))
    assert place.log.standing().late_seconds == 0


def test_only_enrolled_witnesses_count_and_only_under_our_own_checkpoints(place: Place) -> None:
    place.log.enrol(AUDITOR.vkey)
    place.grow()
    whole = place.cosigned("auditor")

    def code(data: bytes) -> str:
        with pytest.raises(HuizhenError) as caught:
            place.log.cosign(data)
        return caught.value.code

    assert code(place.cosigned("regulator")) == "no-known-witness"
    assert code(place.log.read(PENDING)) == "no-known-witness"
    other = cp.sign(cp.Checkpoint(place.hub.origin, 3, bytes(32)), place.hub.key.private)
    assert code(place.cosigned("auditor", note=other)) == "not-our-checkpoint"
    assert code(place.cosigned("auditor", seconds=400)) == "witness-clock-apart"
    assert code(place.cosigned("auditor", seconds=-400)) == "witness-clock-apart"
    for changed in (whole[:-10] + b"A" + whole[-9:], whole[:-3] + b"\n", b"", whole.replace(b"auditor", b"auditoR")):
        assert code(changed) in {"bad-signature", "bad-note", "no-known-witness"}
    assert place.log.standing().witnessed == 0
    assert place.log.cosign(whole).witnessed == 3


def test_who_is_a_witness_is_on_the_ledger_and_nobody_is_one_twice(place: Place) -> None:
    place.log.enrol(AUDITOR.vkey)
    hub_as_witness = VerifierKey("hub", COSIGNATURE, place.hub.key.public)
    for key, error in (
        (AUDITOR, Conflict), (VerifierKey("auditor", COSIGNATURE, bytes(32)), Conflict),
        (VerifierKey("other", COSIGNATURE, AUDITOR.public), Conflict), (hub_as_witness, Conflict),
        (VerifierKey("x", ED25519, bytes(32)), BadInput), (VerifierKey("é", COSIGNATURE, bytes(32)), BadInput),
    ):  # fmt: skip
        with pytest.raises(error):
            place.log.enrol(key.vkey)
    with pytest.raises(NotFound, match="did you mean 'auditor'"):
        place.log.remove("auditer")
    place.log.remove("auditor")
    kinds = [json.loads(leaf) for leaf in place.hub.store.leaves()]
    assert [(k["kind"], k["subject"]) for k in kinds[1:]] == [
        ("witness-enrolled", "auditor"), ("witness-removed", "auditor")
    ]  # fmt: skip
    assert kinds[1]["facts"]["key"] == AUDITOR.public.hex()


def test_a_proof_bears_the_outside_cosignatures(place: Place) -> None:
    both(place)
    place.grow()
    place.log.cosign(place.cosigned("auditor", "regulator"))
    place.grow()
    leaf = place.hub.store.log.leaf(2)
    made = proof.make(place.hub.store.log.tree(), leaf, 2, place.log.proving(2))
    proven = proof.verify(made, place.key, [AUDITOR, REGULATOR], 2)
    assert proven.index == 2 and proven.signed.checkpoint.size == 4
    newest = proof.make(place.hub.store.log.tree(), place.hub.store.log.leaf(4), 4, place.log.proving(4))
    with pytest.raises(Tampered, match="0 witnesses"):
        proof.verify(newest, place.key, [AUDITOR, REGULATOR], 2)


def test_a_cosignature_that_the_hub_made_up_is_found(tmp_path: Path) -> None:
    place = Place(tmp_path, RegionSettings())
    place.log.enrol(AUDITOR.vkey)
    place.grow()
    place.log.cosign(place.cosigned("auditor"))
    line = cp.cosign(cp.open_signed(place.log.read(PENDING), place.key), "auditor", OUTSIDE["regulator"], 1)
    with place.hub.store.record() as r:
        r.connection.execute(update(db.cosignature).values(line=line))
    place.hub.close()
    said = [text.en for text in verify_hub(place.folder / "hub", place.key, [])[1]]
    assert any("auditor has not signed the checkpoint of 3 entries" in text for text in said)


# -- over HTTPS


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    made = Reached(tmp_path_factory.mktemp("log"))
    made.server.studies.desk.log.publish()
    yield made
    made.close()


@pytest.fixture
def anyone(hub: Reached) -> Iterator[httpx.Client]:
    """Somebody without token or certificate."""
    context = ssl.create_default_context(cadata=hub.authority)
    with httpx.Client(base_url=hub.url, verify=context) as client:
        yield client


def test_tiles_may_be_kept_for_good_and_checkpoints_may_not(hub: Reached, anyone: httpx.Client) -> None:
    note = anyone.get("/ledger/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8" and note.headers["cache-control"] == "no-cache"
    size = cp.Checkpoint.parse(note.text.partition("\n\n")[0] + "\n").size
    tile = anyone.get("/ledger/" + Tile(0, 0, size).path, headers={"Accept-Encoding": "identity"})
    assert tile.content == hub.hub.store.log.tile(Tile(0, 0, size)) and "immutable" in tile.headers["cache-control"]
    assert tile.headers["content-type"] == "application/octet-stream" and "content-encoding" not in tile.headers
    bundle = anyone.get("/ledger/" + Tile(-1, 0, size).path)
    assert bundle.headers["content-encoding"] == "gzip" and bundle.content == hub.hub.store.log.tile(Tile(-1, 0, size))
    assert anyone.head("/ledger/checkpoint").status_code == 200


def test_what_is_no_file_is_not_there_and_nothing_else_is_served(anyone: httpx.Client) -> None:
    for path in ("tile/0/000", "tile/0/999", "../v1/studies", "tile/0/000.p/999", "hub.key", "%2e%2e/hub.key"):
        assert anyone.get(f"/ledger/{path}").status_code in {403, 404}, path
    assert anyone.put("/ledger/checkpoint").status_code == 405


def test_a_cosignature_that_counts_for_nothing_is_refused(anyone: httpx.Client, hub: Reached) -> None:
    for body, code in (
        (b"x", "bad-note"), (bytes(70_000), "note-too-large"),
        (anyone.get("/ledger/pending").content, "no-known-witness"),
    ):  # fmt: skip
        heard = anyone.post("/ledger/cosignature", content=body)
        assert heard.json()["error"]["code"] == code
    assert hub.hub.store.log.cosignatures() == []


def test_a_study_says_whether_it_waits(hub: Reached) -> None:
    remote = hub.remote("acme", "asker")
    assert remote.outcome(hub.study)["evidence"]["witnesses"] == {"needed": 0, "waiting": 0}
    log = hub.server.studies.desk.log
    log.enrol(AUDITOR.vkey)
    waiting = remote.outcome(hub.study)["evidence"]["witnesses"]
    assert waiting["needed"] == 1 and waiting["waiting"] > 5
    key = hub_key(hub.hub.origin, hub.hub.key.public)
    signed = cp.open_signed(log.read(PENDING), key)
    line = cp.cosign(signed, "auditor", OUTSIDE["auditor"], int(hub.hub.clock().timestamp()))
    log.cosign(cp.with_cosignatures(cp.open_signed(signed.note.serialise(), key), [line], [AUDITOR, *_nodes(hub)]))
    assert remote.outcome(hub.study)["evidence"]["witnesses"]["waiting"] == 0
    assert "\n— auditor " in remote.outcome(hub.study)["evidence"]["checkpoint"]
    standing = remote.standing()
    assert standing["waiting"] == 1 and [w["name"] for w in standing["witnesses"]] == ["auditor"]


def _nodes(hub: Reached) -> list[VerifierKey]:
    return [VerifierKey(name, COSIGNATURE, key) for name, key in hub.hub.store.node_keys().items()]
