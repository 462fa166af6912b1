"""The parts of the check of a ledger's story: reading an entry, the order of steps, the words for what is found."""

from __future__ import annotations

import pytest

from huizhen.ledger.finding import codes, finding
from huizhen.ledger.order import STUDY_ORDER, Order
from huizhen.ledger.story import read_leaf
from huizhen.model.evidence import Evidence

ENTRY = Evidence(
    at_utc="2026-03-01T00:00:00.000000Z",
    kind="study-proposed",
    actor="acme-pharma",
    subject="st-0011223344556677",
    refs={"study": "ab" * 32},
    facts={"round": 1},
)
LEAF = ENTRY.canonical()


def test_an_entry_is_read_from_its_canonical_bytes() -> None:
    assert read_leaf(LEAF) == ENTRY


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        LEAF + b" ",
        b" " + LEAF,
        LEAF.replace(b'":"', b'": "', 1),
        LEAF.replace(b'"round":1', b'"round":1.0'),
        LEAF.replace(b'"round":1', b'"round":true'),
        LEAF.replace(b'"round":1', b'"round":NaN'),
        LEAF.replace(b'"round":1', b'"round":1e400'),
        LEAF.replace(b'"round":1', b'"round":9007199254740993'),
        LEAF.replace(b'"round":1', b'"round":1,"round":1'),
        LEAF.replace(b'"kind":', b'"kind":"other","kind":'),
        LEAF.replace(b'"actor"', b'"Actor"'),
        LEAF.replace(b"{", b'{"z":1,', 1),
        LEAF.replace(b'"facts":{"round":1},', b""),
        LEAF.replace(b"acme", b"\\u0061cme"),
        LEAF.replace(b"acme", b"\xff\xfe"),
        LEAF.replace(b"acme", b"\\ud800"),
        b'{"a":' * 5000,
        LEAF.decode().encode("utf-16"),
    ],
)
def test_any_other_form_of_an_entry_is_refused(leaf: bytes) -> None:
    assert leaf != LEAF
    assert read_leaf(leaf) is None


def test_every_step_of_a_study_can_be_reached_and_leads_to_its_end() -> None:
    reached, frontier = set(), [None]
    while frontier:
        step = frontier.pop()
        for following in STUDY_ORDER[step] - reached:
            reached.add(following)
            frontier.append(following)
    assert reached == {kind for kind in STUDY_ORDER if kind}
    assert [kind for kind, after in STUDY_ORDER.items() if not after] == ["study-settled"]


def test_nothing_is_released_unguarded_and_nothing_settled_twice() -> None:
    order = Order()
    before_release = {kind for kind in STUDY_ORDER if order.may_follow("study-released", kind)}
    assert before_release == {"study-guarded", "study-committed"}
    assert {kind for kind in STUDY_ORDER if order.may_follow("study-committed", kind)} == {"study-guarded"}
    assert not any(order.may_follow("study-settled", kind) for kind in (None, "study-guarded", "study-settled"))
    assert not order.may_follow("round-summed", "study-released")
    assert not order.may_follow("study-proposed", "study-settled")


FACTS = {
    "name": "north",
    "reason": "bad-note",
    "count": 7,
    "number": 3,
    "have": 5,
    "start": 2,
    "end": 6,
    "last": "x",
    "last_zh": "x",
    "needed": 2,
    "level": 0,
}


@pytest.mark.parametrize("code", codes())
def test_every_finding_speaks_both_languages_and_says_what_to_do(code: str) -> None:
    found = finding(code, 4, "study-released", "st-1", **FACTS)
    for text in (found.what, found.remedy):
        assert text.en.endswith(".")
        assert text.zh.endswith("。")
        assert text.en.isascii()
        assert "{" not in text.en + text.zh
        assert any("\u4e00" <= c <= "\u9fff" for c in text.zh)
    shown = found.as_json()
    assert (shown["entry"], shown["kind"], shown["subject"]) == (4, "study-released", "st-1")
    assert found.say("zh") == found.what.zh + " " + found.remedy.zh


def test_a_forged_name_cannot_play_tricks_on_the_screen() -> None:
    found = finding("wrong-order", 4, "study-released", "st\x1b[2J\n\u202eevil" + "x" * 500, last="a\rb", last_zh="无")
    assert found.subject is not None
    assert len(found.subject) <= 64
    assert found.what.en.isprintable()
    assert found.what.zh.isprintable()
