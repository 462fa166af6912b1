"""A witness: co-signs what only grows, keeps before it answers, and says what stands in its way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from huizhen.kit.errors import BadInput, Conflict, HuizhenError, Lost, NotFound, Refused, Tampered
from huizhen.kit.text import Text
from huizhen.ledger import checkpoint as cp
from huizhen.ledger.note import COSIGNATURE, VerifierKey
from huizhen.ledger.submission import Submission
from huizhen.ledger.tiles import CHECKPOINT, ENTRIES, PENDING
from huizhen.model.following import Following
from huizhen.witness.server import Port
from huizhen.witness.service import Service, trouble
from huizhen.witness.witness import REFRESH_SECONDS, Witness
from witnessed import AT, HUB_KEY, Clock, Published, make_witness


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def witness(tmp_path: Path, clock: Clock) -> Iterator[Witness]:
    made = make_witness(tmp_path / "w", clock)
    yield made
    made.close()


# -- following


def test_it_follows_and_cosigns_what_grows(witness: Witness) -> None:
    log = Published()
    for size in (1, 2, 255, 256, 257, 700):
        log.grow(size - len(log.leaves))
        assert witness.follow(log) is True
        assert witness.follow(log) is False
        signed = cp.open_signed(log.handed[-1], HUB_KEY, [witness.key])
        assert signed.checkpoint.size == size and signed.witnessed == {"auditor": int(AT.timestamp())}
        assert witness.store.tree().root() == log.tree().root() and witness.store.tree_size() == size
    assert len(log.handed) == 6 and witness.store.count() == 6
    kept = witness.store.last()
    assert kept is not None and kept.told and kept.whole == log.handed[-1]


def test_what_it_kept_and_could_not_hand_in_is_handed_in_later(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Published().grow(4)

    def away(_key: VerifierKey, _note: bytes) -> None:
        raise Lost("log-not-reached", Text("away", "离线"), Text("wait", "等待"))

    with monkeypatch.context() as patch:
        patch.setattr(log, "give", away)
        with pytest.raises(Lost):
            witness.follow(log)
    kept = witness.store.last()
    assert kept is not None and kept.size == 4 and not kept.told
    assert witness.follow(log) is False and log.handed == [kept.whole]


def test_a_ledger_that_rests_is_cosigned_anew_after_a_while(witness: Witness, clock: Clock) -> None:
    log = Published().grow(3)
    witness.follow(log)
    clock.now += timedelta(seconds=REFRESH_SECONDS - 1)
    assert witness.follow(log) is False
    clock.now += timedelta(seconds=1)
    assert witness.follow(log) is True
    assert cp.open_signed(log.handed[-1], HUB_KEY, [witness.key]).witnessed["auditor"] == int(clock.now.timestamp())


def test_a_log_that_has_only_the_standard_checkpoint_is_followed(witness: Witness) -> None:
    log = Published().grow(3)
    del log.files[PENDING]
    assert witness.follow(log)
    del log.files[CHECKPOINT]
    with pytest.raises(NotFound):
        witness.follow(log)


def test_it_is_taken_up_where_it_stopped(witness: Witness, clock: Clock) -> None:
    log = Published().grow(300)
    witness.follow(log)
    witness.close()
    again = Witness(witness.folder, clock)
    assert again.key == witness.key
    log.grow(300)
    for path in [p for p in log.files if p.startswith("tile/entries/000")]:
        del log.files[path]  # what it has read it does not read again
    assert again.follow(log)
    again.close()


def test_there_is_one_witness_in_a_folder(witness: Witness) -> None:
    with pytest.raises(Conflict):
        make_witness(witness.folder, witness.clock)
    assert (witness.folder / "witness.key").stat().st_mode & 0o077 == 0


# -- what stands in its way


def refused(witness: Witness, log: Published) -> str:
    before, handed = witness.store.last(), len(log.handed)
    with pytest.raises(HuizhenError) as caught:
        witness.follow(log)
    assert witness.store.last() == before and len(log.handed) == handed, "it signed all the same"
    return caught.value.code


def test_a_clock_that_went_back_signs_nothing(witness: Witness, clock: Clock) -> None:
    log = Published().grow(3)
    witness.follow(log)
    log.grow(1)
    clock.now -= timedelta(hours=1)
    assert refused(witness, log) == "witness-clock-back"
    clock.now = AT - timedelta(seconds=20)
    assert witness.follow(log)
    assert cp.open_signed(log.handed[-1], HUB_KEY, [witness.key]).witnessed["auditor"] == int(AT.timestamp())


def test_entries_of_a_time_to_come_are_not_cosigned(witness: Witness, clock: Clock) -> None:
    clock.now = AT - timedelta(days=2)
    assert refused(witness, Published().grow(3)) == "entries-ahead-of-clock"


def test_entries_that_are_withheld_or_changed_are_not_cosigned(witness: Witness) -> None:
    log = Published().grow(300)
    witness.follow(log)
    log.grow(300)
    path = log.path_of(ENTRIES, 1)
    whole = log.files.pop(path)
    assert refused(witness, log) == "no-such-tile"
    log.files[path] = whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:]
    assert refused(witness, log) == "entries-not-signed"
    assert witness.evidence() == [], "a damaged file is no fork"
    log.files[path] = whole
    assert witness.follow(log)


def test_a_service_tells_a_trouble_once_and_forgets_it_when_it_is_over(witness: Witness) -> None:
    log, said = Published().grow(3), list[str]()
    service = Service(witness, log, lambda text: said.append(text.en))
    pending = log.files.pop(PENDING)
    checkpoint = log.files.pop(CHECKPOINT)
    for _ in range(3):
        assert service.look() is not None
    found = trouble(witness)
    assert len(said) == 1 and found is not None and found["code"] == "no-such-tile"
    log.files |= {PENDING: pending, CHECKPOINT: checkpoint}
    assert service.look() is None and trouble(witness) is None and said[-1] == "co-signed 3 entries"


# -- being asked: the statuses of C2SP tlog-witness


@pytest.fixture
def port(witness: Witness) -> Iterator[httpx.Client]:
    port = Port(witness, "127.0.0.1", 0)
    port.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{port.port}", trust_env=False) as client:
        yield client
    port.stop()


def ask(log: Published, old: int, size: int | None = None) -> bytes:
    size = len(log.leaves) if size is None else size
    proof = log.tree().consistency_proof(old, size) if 0 < old < size else ()
    return Submission(old, tuple(proof), log.signed(size).note.serialise()).serialise()


def test_it_cosigns_what_is_brought_with_its_proof(witness: Witness, port: httpx.Client) -> None:
    log = Published().grow(9)
    assert port.get("/checkpoint").status_code == 404
    for old, size in ((0, 4), (4, 4), (4, 9)):
        heard = port.post("/add-checkpoint", content=ask(log, old, size))
        assert heard.status_code == 200, heard.text
        whole = log.signed(size).note.serialise() + heard.content
        assert set(cp.open_signed(whole, HUB_KEY, [witness.key]).witnessed) == {"auditor"}
        assert port.get("/checkpoint").content == whole


def test_what_it_answers_to_everything_else(witness: Witness, port: httpx.Client) -> None:
    log = Published().grow(9)
    port.post("/add-checkpoint", content=ask(log, 0, 5))

    def status(body: bytes) -> tuple[int, str, str]:
        heard = port.post("/add-checkpoint", content=body)
        return heard.status_code, heard.text, heard.headers["content-type"]

    for old in (0, 3, 6):
        assert status(ask(log, old, 9)) == (409, "5\n", "text/x.tlog.size")
    assert status(ask(log, 9, 5))[0] == 400
    assert status(b"old 5\n")[0] == 400 and status(bytes(1 << 17))[0] == 400
    assert status(ask(log, 5).replace(b"hub.example/region", b"hub.example/another"))[0] == 404
    assert status(ask(log, 5)[:-8] + b"AAAAAA==\n")[0] in {400, 403}
    forged = Submission.parse(ask(log, 5))
    assert status(Submission(5, forged.proof, forged.note.replace(b"\n9\n", b"\n8\n")).serialise())[0] == 403
    assert status(Submission(5, forged.proof[:-1], forged.note).serialise())[0] == 422
    assert witness.evidence() == []
    assert status(ask(log, 5))[0] == 200


def test_another_root_of_the_same_size_is_a_conflict_and_evidence(witness: Witness, port: httpx.Client) -> None:
    log = Published().grow(5)
    port.post("/add-checkpoint", content=ask(log, 0))
    heard = port.post("/add-checkpoint", content=ask(log.branch(4).grow(1, branch="!"), 5))
    assert (heard.status_code, heard.text) == (409, "5\n")
    assert [p.name for p in witness.evidence()] == ["fork-5-5.txt"]


def test_a_proof_of_another_history_is_kept_as_evidence(witness: Witness, port: httpx.Client) -> None:
    log = Published().grow(5)
    port.post("/add-checkpoint", content=ask(log, 0))
    assert port.post("/add-checkpoint", content=ask(log.branch(3).grow(8, branch="!"), 5)).status_code == 422
    assert [p.name for p in witness.evidence()] == ["fork-5-11.txt"]
    assert port.post("/add-checkpoint", content=ask(log.grow(1), 5)).status_code == 422, "it signs on after a fork"


def test_a_checkpoint_that_was_brought_is_held_against_the_files_later(witness: Witness) -> None:
    log = Published().grow(5)
    other = log.branch(4).grow(3, branch="!")
    witness.consider(Submission.parse(ask(log, 0)))
    assert witness.store.tree_size() == 0
    with pytest.raises(Tampered, match="two histories"):
        witness.follow(other)
    assert [p.name for p in witness.evidence()] == ["fork-5-7.txt"]


def test_a_key_of_the_wrong_kind_makes_no_witness(tmp_path: Path) -> None:
    wrong = VerifierKey(HUB_KEY.name, COSIGNATURE, HUB_KEY.public)
    for following in (Following(name="a", hub=wrong.vkey), Following(name="a b", hub=HUB_KEY.vkey)):
        with pytest.raises(BadInput):
            Witness.create(tmp_path / "no", following)


def test_refusals_have_their_place(witness: Witness) -> None:
    log = Published().grow(8)
    witness.follow(log)
    with pytest.raises(Refused, match="8 were seen before"):
        witness.follow(log.branch(6).publish())
