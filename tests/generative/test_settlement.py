"""For every price, deed and contribution: each fen is paid once, to whom it is due, and nobody is favoured."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from huizhen.market.patients import share_out
from huizhen.market.postings import check_balanced, patient_postings, postings, statement
from huizhen.market.settle import Contribution, settle
from huizhen.model.settlement import Settlement, Shares

prices = st.integers(0, 2_000) | st.integers(0, 10**12)
qualities = st.decimals(0, 1, places=6).map(lambda d: format(d, "f")) | st.fractions(0, 1, max_denominator=997)
contributions = st.builds(Contribution, rows=st.integers(0, 10**7), quality=qualities, people=st.integers(0, 10**6))
nodes = st.dictionaries(st.sampled_from([f"node-{i}" for i in range(12)]), contributions, max_size=12)
deeds = st.builds(
    Shares,
    operator_percent=st.integers(0, 100),
    hospital_parts=st.integers(0, 100),
    patient_parts=st.integers(1, 100),
    cost_fen_per_node=st.integers(0, 5_000),
)


def run(price_fen: int, deed: Shares, given_by: dict[str, Contribution], for_profit: bool = True) -> Settlement:
    return settle("st-1", "acme-pharma", price_fen, deed, given_by, for_profit=for_profit)


def fen(settlement: Settlement, role: str, party: str | None = None) -> int:
    return sum(x.fen for x in settlement.lines if x.role == role and party in (None, x.party))


@given(prices, deeds, nodes, st.booleans())
def test_lines_are_positive_and_sum_to_the_price(
    price_fen: int, deed: Shares, given_by: dict[str, Contribution], for_profit: bool
) -> None:
    settlement = run(price_fen, deed, given_by, for_profit)
    assert sum(x.fen for x in settlement.lines) == price_fen
    assert all(x.fen > 0 for x in settlement.lines)
    assert len({(x.role, x.party) for x in settlement.lines}) == len(settlement.lines)


@given(prices, deeds, nodes, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_nodes_is_irrelevant(
    price_fen: int, deed: Shares, given_by: dict[str, Contribution], for_profit: bool, rng: st.DrawFn
) -> None:
    shuffled = list(given_by.items())
    rng.shuffle(shuffled)
    assert run(price_fen, deed, dict(shuffled), for_profit) == run(price_fen, deed, given_by, for_profit)


@given(prices, deeds, nodes)
def test_each_role_and_each_node_is_within_a_fen_of_its_exact_share(
    price_fen: int, deed: Shares, given_by: dict[str, Contribution]
) -> None:
    settlement = run(price_fen, deed, given_by)
    people = sum(c.people for c in given_by.values())
    weight = sum((c.weight() for c in given_by.values()), Fraction(0))
    if not any(c.rows for c in given_by.values()):
        return
    operator = Fraction(price_fen * deed.operator_percent, 100)
    assert abs(fen(settlement, "operator") - operator) < 1
    rest = price_fen - operator
    parts = deed.hospital_parts + deed.patient_parts
    if people:
        pool = fen(settlement, "patients")
        assert abs(pool - rest * deed.patient_parts / parts) < 1
        for name, c in given_by.items():
            assert abs(fen(settlement, "patients", f"patients@{name}") - Fraction(pool * c.people, people)) < 1
    if weight:
        pool = fen(settlement, "hospital")
        assert abs(pool - rest * deed.hospital_parts / parts) < 1
        for name, c in given_by.items():
            assert abs(fen(settlement, "hospital", name) - pool * c.weight() / weight) < 1


@given(prices, deeds, nodes, st.tuples(st.integers(0, 11), st.integers(1, 10**6), st.booleans()))
def test_contributing_more_never_earns_less(
    price_fen: int, deed: Shares, given_by: dict[str, Contribution], growth: tuple[int, int, bool]
) -> None:
    """A node's own rows or people grow, the others' stay: its line does not shrink, no other's grows beyond a fen."""
    number, more, people = growth
    name = f"node-{number}"
    before = given_by.get(name, Contribution(0, "1", 0))
    after = replace(before, people=before.people + more) if people else replace(before, rows=before.rows + more)
    old, new = run(price_fen, deed, {**given_by, name: before}), run(price_fen, deed, {**given_by, name: after})
    role, party = ("patients", f"patients@{name}") if people else ("hospital", name)
    assert fen(new, role, party) >= fen(old, role, party)
    if fen(new, role) == fen(old, role):
        for other in given_by.keys() - {name}:
            prefix = "patients@" if people else ""
            assert fen(new, role, prefix + other) <= fen(old, role, prefix + other) + 1


@given(prices, deeds, nodes)
def test_where_profit_is_forbidden_nobody_gains(
    price_fen: int, deed: Shares, given_by: dict[str, Contribution]
) -> None:
    settlement = run(price_fen, deed, given_by, for_profit=False)
    contributing = {name for name, c in given_by.items() if c.rows}
    cost = deed.cost_fen_per_node
    assert {x.party for x in settlement.lines if x.role == "hospital"} <= contributing
    assert all(x.fen <= cost for x in settlement.lines if x.role == "hospital")
    assert fen(settlement, "operator") <= Fraction(cost * len(contributing) * deed.operator_percent, 100)
    assert fen(settlement, "patients") == 0
    due = cost * len(contributing) + cost * len(contributing) * deed.operator_percent // 100
    assert fen(settlement, "refund") == max(0, price_fen - due)


groups = st.dictionaries(st.sampled_from([f"node-{i}" for i in range(8)]), st.integers(0, 30), min_size=1)


@given(st.integers(0, 100_000), groups, st.binary(min_size=16, max_size=16))
def test_two_people_of_one_study_differ_by_at_most_a_fen_across_hospitals(
    price_fen: int, people: dict[str, int], salt: bytes
) -> None:
    settlement = run(price_fen, Shares(), {name: Contribution(n + 1, "0.9", n) for name, n in people.items()})
    earned: list[int] = []
    for name, n in people.items():
        share = fen(settlement, "patients", f"patients@{name}")
        assert n > 0 or share == 0
        shares = share_out(share, [f"{name}-{i}" for i in range(n)], salt)
        assert sum(shares.values()) == share
        earned += shares.values()
    assert sum(earned) == fen(settlement, "patients")
    assert not earned or max(earned) - min(earned) <= 1


@given(
    st.integers(0, 10**9), st.sets(st.text(max_size=5), min_size=1, max_size=40), st.binary(min_size=16, max_size=16)
)
def test_shares_are_exact_and_the_same_in_any_order(total_fen: int, people: set[str], salt: bytes) -> None:
    shares = share_out(total_fen, sorted(people), salt)
    assert shares.keys() == people
    assert sum(shares.values()) == total_fen
    assert max(shares.values()) - min(shares.values()) <= 1
    assert shares == share_out(total_fen, sorted(people, reverse=True), salt)


@given(prices, deeds, nodes, st.booleans(), st.binary(min_size=16, max_size=16))
def test_the_books_balance_down_to_each_person(
    price_fen: int, deed: Shares, given_by: dict[str, Contribution], for_profit: bool, salt: bytes
) -> None:
    few = {name: replace(c, people=c.people % 5) for name, c in given_by.items()}
    settlement = run(price_fen, deed, few, for_profit)
    booked = list(postings(settlement))
    for name, c in few.items():
        share = fen(settlement, "patients", f"patients@{name}")
        at_node = patient_postings("st-1", name, share_out(share, [str(i) for i in range(c.people)], salt))
        check_balanced(at_node)
        booked += at_node
        account = statement(f"patients@{name}", booked)
        assert not account or account[-1].balance_fen == 0
    check_balanced(booked)
    asker = statement("acme-pharma", booked)
    assert (asker[-1].balance_fen if asker else 0) == fen(settlement, "refund") - price_fen
