"""Double-entry books: every fen that one account gives, another receives; each study's postings sum to zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from huizhen.kit.errors import Tampered
from huizhen.kit.text import Text
from huizhen.model.document import Document
from huizhen.model.settlement import Hold, Line, Payment, Role, Settlement

Memo = Literal["price", "operator", "hospital", "patients", "refund", "person", "held", "returned", "payment"]

MEMOS: Mapping[Memo, Text] = {
    "price": Text("price of the study", "研究价款"),
    "operator": Text("operator's share", "运营方分成"),
    "hospital": Text("hospital's share", "医院分成"),
    "patients": Text("share of the patients included", "入组患者分成"),
    "refund": Text("returned to the asker", "退还申请方"),
    "person": Text("a patient's share", "患者个人分成"),
    "held": Text("held in escrow", "托管"),
    "returned": Text("returned from escrow", "托管退回"),
    "payment": Text("payment received", "收到付款"),
}


class Posting(Document):
    """One side of a booking. Exactly one of debit and credit is above zero.

    Accounts: `asker:NAME`, `operator`, `hospital:NODE`, `patients@NODE`, `escrow`, `bank` (whence money came in); at
    the node itself also `person:PSEUDONYM`, which never leaves it. A credit is earned, a debit is owed or passed on.
    """

    account: str
    debit_fen: int = Field(ge=0)
    credit_fen: int = Field(ge=0)
    study: str
    memo: Memo


class StatementLine(NamedTuple):
    """A posting and the account's balance after it: credits less debits, in fen."""

    posting: Posting
    balance_fen: int


def postings(settlement: Settlement) -> tuple[Posting, ...]:
    """The bookings of a settlement: the asker gives the price, each line receives its fen. None for a price of zero."""
    if settlement.price_fen == 0:
        return ()
    price = _debit(f"asker:{settlement.asker}", settlement.price_fen, settlement.study, "price")
    lines = (_credit(account_of(line), line.fen, settlement.study, line.role) for line in settlement.lines if line.fen)
    return (price, *lines)


def hold_postings(hold: Hold) -> tuple[Posting, ...]:
    """A price put into escrow, or taken out of it again; the two together leave every account as it was."""
    asker, fen = f"asker:{hold.asker}", hold.price_fen
    if hold.step == "held":
        return (_debit(asker, fen, hold.study, "held"), _credit("escrow", fen, hold.study, "held"))
    return (_debit("escrow", fen, hold.study, "returned"), _credit(asker, fen, hold.study, "returned"))


def payment_postings(payment: Payment) -> tuple[Posting, ...]:
    """Money that came in, credited to who paid it; `study` is the payment's own id."""
    return (
        _debit("bank", payment.fen, payment.id, "payment"),
        _credit(f"asker:{payment.party}", payment.fen, payment.id, "payment"),
    )


def owed(asker: str, study: str, booked: Iterable[Posting]) -> int:
    """Fen that this asker has yet to pay: what was settled, and what is held up to and including this study, less what
    it paid; zero where that covers it.

    `booked` are all postings, oldest first; what is held for studies after this one does not count against it.
    """
    account = f"asker:{asker}"
    mine = [p for p in booked if p.account == account]
    order = [p.study for p in mine if p.memo == "held"]
    later = set(order[order.index(study) + 1 :]) if study in order else set()
    aside = {"held", "returned"}
    return max(0, sum(p.debit_fen - p.credit_fen for p in mine if p.memo not in aside or p.study not in later))


def patient_postings(study: str, node: str, shares: Mapping[str, int]) -> tuple[Posting, ...]:
    """The node's own bookings: its patients' share passed on to each pseudonym. Kept at the node, never sent."""
    total = sum(shares.values())
    if total == 0:
        return ()
    people = (_credit(f"person:{who}", fen, study, "person") for who, fen in sorted(shares.items()) if fen)
    return (_debit(f"patients@{node}", total, study, "patients"), *people)


def account_of(line: Line) -> str:
    """The account that a settlement's line is credited to."""
    prefixes: dict[Role, str] = {"operator": "", "hospital": "hospital:", "patients": "", "refund": "asker:"}
    return prefixes[line.role] + line.party


def statement(party: str, booked: Iterable[Posting]) -> tuple[StatementLine, ...]:
    """All postings of a party in the order given, with the running balance.

    `party` is an account, or a plain name: then its accounts as asker and as hospital together.
    """
    is_account = party == "operator" or ":" in party or "@" in party
    accounts = {party} if is_account else {f"asker:{party}", f"hospital:{party}"}
    lines, balance = [], 0
    for each in booked:
        if each.account in accounts:
            balance += each.credit_fen - each.debit_fen
            lines.append(StatementLine(each, balance))
    return tuple(lines)


def check_balanced(booked: Sequence[Posting]) -> None:
    """Raises Tampered("books-do-not-balance") unless each study's debits equal its credits."""
    by_study: dict[str, int] = {}
    one_sided = True
    for each in booked:
        one_sided = one_sided and (each.debit_fen == 0) != (each.credit_fen == 0)
        by_study[each.study] = by_study.get(each.study, 0) + each.credit_fen - each.debit_fen
    wrong = sorted(study for study, fen in by_study.items() if fen)
    if wrong or not one_sided:
        raise Tampered(
            "books-do-not-balance",
            Text(
                f"The books do not balance{' for ' + ', '.join(wrong[:3]) if wrong else ''}.",
                f"账目不平{'：' + '、'.join(wrong[:3]) if wrong else ''}。",
            ),
            Text(
                "Pay nothing more until the postings are made again from the recorded settlements.",
                "在根据已记录的结算重新生成分录之前，请暂停付款。",
            ),
        )


def _debit(account: str, fen: int, study: str, memo: Memo) -> Posting:
    return Posting(account=account, debit_fen=fen, credit_fen=0, study=study, memo=memo)


def _credit(account: str, fen: int, study: str, memo: Memo) -> Posting:
    return Posting(account=account, debit_fen=0, credit_fen=fen, study=study, memo=memo)
