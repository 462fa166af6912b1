"""The books: what is given is received, and everyone can read their own account."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from huizhen.kit.errors import Tampered
from huizhen.market.postings import (
    MEMOS,
    Posting,
    check_balanced,
    hold_postings,
    patient_postings,
    payment_postings,
    postings,
    statement,
)
from huizhen.model.settlement import Hold, Line, Payment, Settlement

SETTLEMENT = Settlement(
    study="st-1",
    asker="acme-pharma",
    price_fen=1000,
    lines=(
        Line(party="operator", role="operator", fen=150),
        Line(party="east", role="hospital", fen=300),
        Line(party="patients@east", role="patients", fen=500),
        Line(party="acme-pharma", role="refund", fen=50),
    ),
)
BOOKED = postings(SETTLEMENT)


def test_a_settlement_is_booked_on_both_sides() -> None:
    assert [(p.account, p.debit_fen, p.credit_fen, p.memo) for p in BOOKED] == [
        ("asker:acme-pharma", 1000, 0, "price"),
        ("operator", 0, 150, "operator"),
        ("hospital:east", 0, 300, "hospital"),
        ("patients@east", 0, 500, "patients"),
        ("asker:acme-pharma", 0, 50, "refund"),
    ]
    assert {p.study for p in BOOKED} == {"st-1"}
    check_balanced(BOOKED)


def test_a_price_of_nothing_is_not_booked() -> None:
    assert postings(Settlement(study="st-1", asker="a", price_fen=0, lines=())) == ()


def test_the_node_passes_its_patients_share_on() -> None:
    at_node = patient_postings("st-1", "east", {"p2": 250, "p1": 250, "p3": 0})
    assert [(p.account, p.debit_fen, p.credit_fen) for p in at_node] == [
        ("patients@east", 500, 0),
        ("person:p1", 0, 250),
        ("person:p2", 0, 250),
    ]
    check_balanced(at_node)
    assert statement("patients@east", [*BOOKED, *at_node])[-1].balance_fen == 0
    assert patient_postings("st-1", "east", {"p1": 0}) == ()


def test_a_statement_runs_a_balance() -> None:
    second = postings(SETTLEMENT.model_copy(update={"study": "st-2"}))
    lines = statement("acme-pharma", [*BOOKED, *second])
    assert [line.balance_fen for line in lines] == [-1000, -950, -1950, -1900]
    assert [line.posting.study for line in lines] == ["st-1", "st-1", "st-2", "st-2"]
    assert statement("hospital:east", BOOKED) == statement("east", BOOKED)
    assert [line.balance_fen for line in statement("operator", BOOKED)] == [150]
    assert statement("nobody", BOOKED) == ()


def test_names_do_not_open_other_peoples_accounts() -> None:
    """A hospital that calls itself operator, or a patients' account, still has an account of its own."""
    lines = (Line(party="operator", role="hospital", fen=600), Line(party="patients@east", role="hospital", fen=400))
    booked = postings(Settlement(study="st-1", asker="operator", price_fen=1000, lines=lines))
    assert statement("operator", booked) == ()
    assert statement("patients@east", booked) == ()
    assert [line.balance_fen for line in statement("hospital:operator", booked)] == [600]


def test_books_that_do_not_balance_are_noticed() -> None:
    for wrong in (
        BOOKED[:-1],
        (*BOOKED, BOOKED[1]),
        (BOOKED[0].model_copy(update={"debit_fen": 999}), *BOOKED[1:]),
        (BOOKED[0].model_copy(update={"study": "st-2"}), *BOOKED[1:]),
        (*BOOKED, Posting(account="operator", debit_fen=0, credit_fen=0, study="st-1", memo="operator")),
        (*BOOKED, Posting(account="operator", debit_fen=5, credit_fen=5, study="st-1", memo="operator")),
    ):
        with pytest.raises(Tampered) as caught:
            check_balanced(wrong)
        assert caught.value.code == "books-do-not-balance"


def test_a_posting_is_never_negative() -> None:
    with pytest.raises(ValidationError):
        Posting(account="operator", debit_fen=-1, credit_fen=0, study="st-1", memo="operator")


def test_every_memo_has_words() -> None:
    held = [hold_postings(Hold(study="s", asker="a", price_fen=1, step=step)) for step in ("held", "returned")]
    paid = payment_postings(Payment(party="a", fen=1, reference="B-1"))
    booked = [*BOOKED, *patient_postings("s", "n", {"p": 1}), *held[0], *held[1], *paid]
    assert {p.memo for p in booked} == set(MEMOS)
    check_balanced(booked)
    assert all(text.en and text.zh for text in MEMOS.values())
