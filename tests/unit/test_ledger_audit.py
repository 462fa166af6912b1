"""A ledger verified from its files alone: what is whole holds, and what is not is named with its first entry."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from huizhen.adapters.log_files import Folder
from huizhen.kit.canonical import canonical
from huizhen.kit.errors import HuizhenError, NotFound, Tampered
from huizhen.ledger.anchor import NOTHING, Anchor, check_linked, link
from huizhen.ledger.audit import AHEAD_SECONDS, Audit, Trust, audit
from huizhen.ledger.note import VerifierKey
from huizhen.ledger.tiles import CHECKPOINT, ENTRIES, PENDING
from witnessed import AT, HUB_KEY, OUTSIDE_KEYS, Published, entry

NOW = AT.timestamp()
KEYS = tuple(OUTSIDE_KEYS.values())


@pytest.fixture(scope="module")
def whole() -> Published:
    """600 entries, co-signed by both witnesses."""
    return Published().grow(600).publish("auditor", "regulator")


@pytest.fixture
def log(whole: Published) -> Published:
    return Published(list(whole.leaves), dict(whole.files))


def check(log: Published, keys: tuple[VerifierKey, ...] = KEYS, quorum: int = 2, seen: tuple[bytes, ...] = ()) -> Audit:
    return audit(log, Trust(HUB_KEY, keys, quorum, seen), NOW)


def codes(found: Audit) -> list[tuple[str, int | None]]:
    return [(f.code, f.index) for f in found.findings]


def test_what_is_whole_holds(log: Published) -> None:
    found = check(log)
    assert codes(found) == [] and (found.entries, found.witnessed) == (600, 600)
    assert found.cosigned == {"auditor": int(NOW), "regulator": int(NOW)}


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512])
def test_it_holds_at_every_size(size: int) -> None:
    log = Published().grow(size).publish("auditor", "regulator")
    assert codes(check(log)) == [] and check(log).witnessed == size


def test_a_changed_byte_in_any_file_is_found_and_the_entry_named(log: Published) -> None:
    draw = random.Random(4)
    for path, data in sorted(log.files.items()):
        for _ in range(6):
            place = draw.randrange(len(data))
            changed = bytearray(data)
            changed[place] ^= 1 << draw.randrange(8)
            log.files[path] = bytes(changed)
            if path in (PENDING, CHECKPOINT):
                try:
                    found = check(log)
                except HuizhenError as error:
                    assert error.code in {"bad-note", "bad-signature", "hub-did-not-sign", "bad-checkpoint", "unsigned"}
                    continue
                assert found.entries == 600 and set(found.cosigned) == set(OUTSIDE_KEYS), path  # the other one's
                continue
            found = check(log)
            assert found.findings, (path, place)
            first = found.findings[0]
            if path.startswith("tile/entries/"):
                at = _entry_at(data, place) + 256 * int(path.split("/")[2][:3])
                damaged = (first.code, first.index) == ("file-lacking", at // 256 * 256)
                assert damaged or first.index == at, (path, place, codes(found))
            elif path.startswith("tile/0/"):
                assert (first.code, first.index) == ("bad-tile", 256 * int(path.split("/")[2][:3]) + place // 32)
            else:
                assert (first.code, first.index) == ("bad-tile", 256 * (place // 32))
        log.files[path] = data


def _entry_at(bundle: bytes, place: int) -> int:
    """Which entry of a bundle a byte belongs to."""
    number, at = 0, 0
    while True:
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
        if place < at:
            return number
        number += 1


def test_an_entry_changed_with_all_its_hashes_is_narrowed_down_to_its_tile(log: Published) -> None:
    forged = Published(list(log.leaves))
    forged.leaves[300] = entry(300, branch="forged")
    forged.publish()
    forged.files[PENDING] = forged.files[CHECKPOINT] = log.files[PENDING]
    log.files[log.path_of(ENTRIES, 1)] = forged.files[forged.path_of(ENTRIES, 1)]
    log.files[log.path_of(0, 1)] = forged.files[forged.path_of(0, 1)]
    (first, *_rest) = check(log).findings
    assert (first.code, first.index) == ("root-differs", 256) and "256 to 511" in first.what.en
    assert codes(check(forged))[0] == ("root-differs", 0)


def test_a_file_that_is_withheld_is_named(log: Published) -> None:
    kept = log.files.pop(log.path_of(ENTRIES, 1))
    assert codes(check(log)) == [("file-lacking", 256)]
    del log.files[log.path_of(0, 1)]
    assert ("entries-withheld", 256) in codes(check(log))
    log.files[log.path_of(ENTRIES, 1)] = kept
    assert codes(check(log)) == [("file-lacking", 256)]


def test_without_enough_cosignatures_it_waits(whole: Published) -> None:
    log = Published(list(whole.leaves), dict(whole.files)).publish("auditor")
    assert codes(check(log)) == [("waiting-for-witnesses", 0)]
    assert codes(check(log, quorum=1)) == []
    assert codes(check(log, keys=(), quorum=0)) == []
    log.files[CHECKPOINT] = whole.branch(590).publish("auditor", "regulator").files[CHECKPOINT]
    found = check(log)
    assert codes(found) == [("waiting-for-witnesses", 590)] and found.witnessed == 590


def test_a_witness_whose_clock_is_ahead_does_not_count(log: Published) -> None:
    log.publish("auditor", at_unix_s=int(NOW) + AHEAD_SECONDS + 5)
    found = check(log, quorum=1)
    assert ("cosigned-ahead", None) in codes(found) and found.witnessed == 0
    log.publish("auditor", at_unix_s=int(NOW) + AHEAD_SECONDS - 5)
    assert check(log, quorum=1).witnessed == 600


def test_a_checkpoint_seen_elsewhere_has_to_be_in_it(log: Published) -> None:
    honest, other = log.branch(300).publish(), log.branch(299).grow(1, branch="!")
    assert codes(check(log, seen=(honest.files[PENDING],))) == []
    assert ("seen-differs", None) in codes(check(log, seen=(honest.files[PENDING], other.files[PENDING])))
    longer = Published(list(log.leaves)).grow(10)
    assert ("seen-more", 600) in codes(check(log, seen=(longer.files[PENDING],)))


def test_the_story_is_read_too(log: Published) -> None:
    def told(change: dict[int, bytes]) -> list[tuple[str, int | None]]:
        told = Published([change.get(i, leaf) for i, leaf in enumerate(log.leaves)])
        return codes(check(told.publish("auditor", "regulator")))

    assert told({7: b"{}"}) == [("bad-entry", 7)]
    assert told({7: log.leaves[7].replace(b'"facts"', b' "facts"')}) == [("bad-entry", 7)]
    assert told({7: log.leaves[3]}) == [("time-backwards", 7)]
    assert told({7: entry(7, "study-settled")}) == [("wrong-order", 7)]
    assert told({7: entry(7, "made-up")}) == [("unknown-kind", 7)]


def test_a_study_that_was_settled_cannot_begin_again(log: Published) -> None:
    steps = ["study-proposed", "study-denied", "study-settled", "study-proposed"]
    leaves = [entry(0), *(entry(i, kind) for i, kind in enumerate(steps, 1))]
    assert codes(check(Published(leaves).publish("auditor", "regulator"))) == [("wrong-order", 4)]


def test_findings_are_bounded(log: Published) -> None:
    leaves = [entry(0), *(canonical({"x": i}) for i in range(400))]
    found = check(Published(leaves).publish("auditor", "regulator"))
    assert len(found.findings) <= 101 and found.more >= 299


def test_where_there_is_no_log_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        audit(Folder(tmp_path), Trust(HUB_KEY, (), 0), NOW)


def test_another_hubs_ledger_is_refused(log: Published) -> None:
    with pytest.raises(Tampered):
        audit(log, Trust(VerifierKey(HUB_KEY.name, HUB_KEY.algorithm, bytes(32)), KEYS, 1), NOW)


def anchors_of(*logs: Published) -> tuple[Anchor, ...]:
    return tuple(Anchor(len(log.leaves), log.tree().root(), bytes(32), 0) for log in logs)


def test_an_anchor_on_a_chain_has_to_be_in_it(log: Published) -> None:
    honest, other, longer = log.branch(256), log.branch(255).grow(1, "b"), log.branch(600).grow(1)

    def found(*logs: Published) -> Audit:
        return audit(log, Trust(HUB_KEY, KEYS, 2, (), anchors_of(*logs)), NOW)

    assert (codes(found(honest, log)), found(honest, log).anchored) == ([], 600)
    assert codes(found(honest, other)) == [("anchored-differs", None)] and found(honest, other).anchored == 256
    assert codes(found(longer)) == [("anchored-more", 600)]


def test_anchors_that_do_not_follow_from_each_other_are_not_believed(log: Published) -> None:
    first = Anchor(3, log.tree().root(3), b"", 10)
    first = first._replace(link=link(NOTHING, "origin", *first[:2], 10))
    second = Anchor(5, log.tree().root(5), link(first.link, "origin", 5, log.tree().root(5), 12), 12)
    check_linked("origin", [first, second])
    for wrong in ([second], [first, first], [first, second._replace(size=6)], [first, second._replace(root=first.root)],
                  [first, second._replace(at_unix_s=13)], [first._replace(at_unix_s=11), second]):  # fmt: skip
        with pytest.raises(Tampered) as caught:
            check_linked("origin", wrong)
        assert caught.value.code == "anchors-broken"
    with pytest.raises(Tampered):
        check_linked("another", [first, second])
