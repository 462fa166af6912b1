"""The life of an instrument: what the table allows, what time brings, and which shares hold when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from huizhen.kit.errors import Refused
from huizhen.market.accrual import next_period, period_start, shares_on
from huizhen.market.postings import Posting, hold_postings, owed, payment_postings, postings
from huizhen.model.casebook import contract, deed, key_of, signed
from huizhen.model.deed import Instrument
from huizhen.model.lifecycle import CLOCK, MOVES, STATES, STEPS, TRUSTEE, Event, Filed, on_day
from huizhen.model.settlement import Hold, Line, Payment, Settlement, Shares

DAY = "2026-06-01"


def test_every_state_is_reached_from_the_first_and_leads_to_the_last() -> None:
    after = {state: {m.to for m in MOVES if m.state == state} for state in STATES}

    def reached(state: Any) -> set[Any]:
        found, new = {state}, {state}
        while new:
            new = set().union(*(after[s] for s in new)) - found
            found |= new
        return found

    assert reached("drafted") == set(STATES)
    assert all("ended" in reached(s) for s in STATES) and after["ended"] == set()
    assert {m.step for m in MOVES} == set(STEPS)
    assert len({(m.state, m.step) for m in MOVES}) == len(MOVES), "one way from each state by each step"


def event(filing: Filed, step: Any, who: str) -> Event:
    """That step, by the trustee, the clock or a party with a signature that holds."""
    if who in {TRUSTEE, CLOCK}:
        return Event(step=step, by=who, day=DAY, last_day=DAY if step == "notice" else None)
    act = step if step in {"sign", "notice", "end"} else "sign"
    key = key_of(who)
    return Event(
        step=step, by=who, day=DAY, last_day="2026-07-01" if step == "notice" else None, key=key.public.hex(),
        signature=key.sign(filing.instrument.signed_bytes(act)).hex(),
    )  # fmt: skip


STEP = st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from([TRUSTEE, CLOCK, "acme-pharma", "trust", "rival"]))


@settings(deadline=None)
@given(st.lists(STEP, max_size=12))
def test_no_order_of_steps_leaves_the_table_or_begins_unsigned(steps: list[tuple[Any, str]]) -> None:
    filing = Filed(instrument=contract(unsigned=True, exit={"notice_days": 0}).instrument)
    for step, who in steps:
        before = filing.state
        try:
            filing = filing.after(event(filing, step, who))
        except Refused:
            continue
        role = {TRUSTEE: "trustee", CLOCK: "clock"}.get(who, "party")
        assert any((m.state, m.step, m.to) == (before, step, filing.state) and role in m.by for m in MOVES)
        assert who != "rival"
        assert filing.state != "active" or set(filing.signed_by()) == {"acme-pharma", "trust"}
    assert Filed.read(filing.as_json()).state == filing.state


@pytest.mark.parametrize("field", ["key", "signature", "by", "step"])
def test_an_event_that_was_changed_makes_the_whole_not_hold(field: str) -> None:
    filing = contract()
    said = filing.as_json()
    changed = {"key": "ab" * 32, "signature": "ab" * 64, "by": "trust", "step": "resume"}[field]
    said["events"][1][field] = changed
    with pytest.raises(Refused):
        _ = Filed.read(said).state


def test_it_does_not_begin_before_its_first_day_and_not_after_its_last() -> None:
    early = signed(contract(unsigned=True, from_day="2026-06-01").instrument, "acme-pharma", "trust")
    assert on_day([early], "2026-05-31")[0].state == "signed"
    (begun,) = on_day([early], "2026-06-05")
    assert (begun.state, begun.began) == ("active", "2026-06-01")
    (late,) = on_day([early], "2029-01-01")
    assert (late.state, late.began) == ("ended", None), "never in force"
    with pytest.raises(Refused, match="cannot begin"):
        early.after(Event(step="begin", by=CLOCK, day="2026-05-31"))


def test_a_notice_is_no_shorter_than_the_exit_clause_and_ends_need_one() -> None:
    filing = contract(exit={"notice_days": 30})
    short = event(filing, "notice", "acme-pharma").model_copy(update={"last_day": "2026-06-30"})
    with pytest.raises(Refused, match="shorter"):
        filing.after(short)
    with pytest.raises(Refused, match="asks for notice"):
        filing.after(event(filing, "end", "acme-pharma"))
    assert filing.after(event(filing, "notice", "acme-pharma")).last_day == "2026-07-01"


# -- shares


@pytest.mark.parametrize(
    ("day", "accrual", "start", "following"),
    [
        ("2026-05-17", "month", "2026-05-01", "2026-06-01"),
        ("2026-12-31", "month", "2026-12-01", "2027-01-01"),
        ("2026-05-17", "quarter", "2026-04-01", "2026-07-01"),
        ("2026-11-17", "quarter", "2026-10-01", "2027-01-01"),
        ("2026-05-17", "year", "2026-01-01", "2027-01-01"),
        ("2026-01-01", "year", "2026-01-01", "2026-01-01"),
    ],
)
def test_periods(day: str, accrual: Any, start: str, following: str) -> None:
    assert (period_start(day, accrual), next_period(day, accrual)) == (start, following)


def in_force(percent: int, began: str, over: str | None = None, **terms: Any) -> Filed:
    """A deed whose operator gets so much, from a day, to a day."""
    own = deed(unsigned=True, shares={"operator_percent": percent}, exit={"notice_days": 0}, **terms).instrument
    filing = signed(own, *own.terms.parties).after(Event(step="begin", by=CLOCK, day=began))
    return filing if over is None else filing.after(Event(step="end", by=TRUSTEE, day=over))


def percent(filings: list[Filed], day: str) -> int:
    return shares_on(filings, "lung", day, Shares(operator_percent=99)).operator_percent


def test_the_first_shares_hold_from_the_first_day_and_the_next_from_the_next_period() -> None:
    deeds = [in_force(10, "2026-03-10"), in_force(20, "2026-04-15")]
    told = [percent(deeds, day) for day in ("2026-03-09", "2026-03-10", "2026-04-30", "2026-05-01")]
    assert told == [99, 10, 10, 20]


def test_shares_do_not_change_within_a_period_by_any_way_round() -> None:
    first = in_force(10, "2026-01-05", "2026-04-02")
    assert percent([first, in_force(20, "2026-04-03", name="another-trust")], "2026-04-30") == 10, "another deed"
    assert percent([first, in_force(20, "2026-04-03", accrual="year")], "2026-05-01") == 20
    yearly = in_force(10, "2026-01-05", accrual="year")
    assert percent([yearly, in_force(20, "2026-04-03", accrual="month")], "2026-12-31") == 10, "a shorter period"
    thrice = [in_force(10, "2026-01-05"), in_force(20, "2026-04-03"), in_force(30, "2026-04-04")]
    assert [percent(thrice, d) for d in ("2026-04-30", "2026-05-01")] == [10, 30], "the last before the period begins"


def test_after_a_gap_new_shares_hold_at_once_and_other_datasets_are_not_touched() -> None:
    deeds = [in_force(10, "2026-01-05", "2026-02-10"), in_force(20, "2026-04-15")]
    assert [percent(deeds, d) for d in ("2026-04-14", "2026-04-15")] == [10, 20]
    assert percent([in_force(10, "2026-01-05", datasets=["heart"])], "2026-04-15") == 99


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.dates().map(str)), min_size=1, max_size=6), st.data())
def test_within_a_month_everybody_gets_the_same_shares(starts: list[tuple[int, str]], data: st.DataObject) -> None:
    deeds = [in_force(p, max(day, "2026-01-01")) for p, day in starts]
    first = min(max(day, "2026-01-01") for _, day in starts)
    day = data.draw(st.dates().map(str).filter(lambda d: d[:4] < "9999"))
    other = day[:8] + data.draw(st.sampled_from(["01", "15", "28"]))
    if min(day, other) >= first:
        assert percent(deeds, day) == percent(deeds, other)


# -- escrow


def hold(study: str, fen: int, step: Any = "held") -> tuple[Posting, ...]:
    return hold_postings(Hold(study=study, asker="acme", price_fen=fen, step=step))


def paid(fen: int, reference: str = "B") -> tuple[Posting, ...]:
    return payment_postings(Payment(party="acme", fen=fen, reference=reference))


def price(study: str, fen: int) -> tuple[Posting, ...]:
    lines = (Line(party="operator", role="operator", fen=fen),)
    return postings(Settlement(study=study, asker="acme", price_fen=fen, lines=lines))


def test_what_is_held_first_is_covered_first() -> None:
    booked = [*hold("st-1", 70), *hold("st-2", 50)]
    assert [owed("acme", study, booked) for study in ("st-1", "st-2")] == [70, 120]
    booked += paid(70)
    assert [owed("acme", study, booked) for study in ("st-1", "st-2")] == [0, 50]
    booked += [*hold("st-1", 70, "returned"), *price("st-1", 70)]
    assert owed("acme", "st-2", booked) == 50, "it is spent"
    assert owed("acme", "st-2", [*booked, *paid(60, "C")]) == 0


def test_what_others_paid_covers_nothing() -> None:
    other = payment_postings(Payment(party="rival", fen=999, reference="B"))
    assert owed("acme", "st-1", [*hold("st-1", 1), *other]) == 1


def test_an_instrument_is_a_deed_or_a_contract_and_its_days_are_in_order() -> None:
    said = contract().instrument.as_json()
    for changes in ({"contract": None}, {"version": 2}, {"contract": {**said["contract"], "until_day": "2025-01-01"}}):
        with pytest.raises(ValidationError):
            Instrument.read({**said, **changes})
