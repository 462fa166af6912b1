"""Settlement in worked examples."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from huizhen.kit.errors import BadInput
from huizhen.market.settle import Contribution, decimal_quality, settle
from huizhen.model.settlement import Settlement, Shares

THREE = {
    "east": Contribution(rows=100, quality="1", people=100),
    "north": Contribution(rows=300, quality="0.5", people=50),
    "west": Contribution(rows=50, quality=Fraction(1), people=50),
}


def paid(contributions: dict[str, Contribution], price_fen: int = 120_000, **change: Any) -> Settlement:
    terms = {"deed": Shares(), "for_profit": True, **change}
    return settle("st-1", "acme-pharma", price_fen, terms["deed"], contributions, for_profit=terms["for_profit"])


def lines(settlement: Settlement) -> list[tuple[str, str, int]]:
    return [(line.party, line.role, line.fen) for line in settlement.lines]


def test_operator_15_percent_and_of_the_rest_hospitals_40_to_patients_60() -> None:
    assert lines(paid(THREE)) == [
        ("operator", "operator", 18_000),
        ("east", "hospital", 13_600),  # 40,800 x 100 / 300
        ("north", "hospital", 20_400),  # 40,800 x 150 / 300
        ("west", "hospital", 6_800),  # 40,800 x 50 / 300
        ("patients@east", "patients", 30_600),  # 61,200 / 200 people = 306 each
        ("patients@north", "patients", 15_300),
        ("patients@west", "patients", 15_300),
    ]


def test_the_deed_may_differ() -> None:
    settlement = paid(THREE, 1000, deed=Shares(operator_percent=0, hospital_parts=0, patient_parts=1))
    assert {role for _, role, _ in lines(settlement)} == {"patients"}
    everything = paid(THREE, 1000, deed=Shares(operator_percent=100))
    assert lines(everything) == [("operator", "operator", 1000)]


def test_fen_that_do_not_divide_are_all_given_away() -> None:
    settlement = paid(THREE, 7)
    assert sum(line.fen for line in settlement.lines) == 7
    assert all(line.fen > 0 for line in settlement.lines)


def test_a_price_of_nothing_has_no_lines() -> None:
    assert paid(THREE, 0).lines == ()
    assert paid({}, 0).lines == ()


def test_without_any_contribution_the_price_goes_back() -> None:
    nobody = {"east": Contribution(0, "0.9", 0)}
    for contributions in ({}, nobody):
        for for_profit in (True, False):
            settlement = paid(contributions, for_profit=for_profit)
            assert lines(settlement) == [("acme-pharma", "refund", 120_000)]


def test_a_share_with_nobody_to_receive_it_goes_back() -> None:
    no_people = paid({"east": Contribution(10, "1", 0)})
    assert lines(no_people) == [
        ("operator", "operator", 18_000),
        ("east", "hospital", 40_800),
        ("acme-pharma", "refund", 61_200),
    ]
    no_quality = paid({"east": Contribution(10, "0", 10)})
    assert ("acme-pharma", "refund", 40_800) in lines(no_quality)


def test_a_node_that_contributed_nothing_earns_nothing() -> None:
    with_idle = {**THREE, "south": Contribution(0, "1", 0)}
    assert paid(with_idle) == paid(THREE)


def test_where_profit_is_forbidden_only_cost_is_paid() -> None:
    """HGR: a thousand fen to each of three nodes, fifteen percent of these to the operator, the rest back."""
    assert lines(paid(THREE, for_profit=False)) == [
        ("operator", "operator", 450),
        ("east", "hospital", 1_000),
        ("north", "hospital", 1_000),
        ("west", "hospital", 1_000),
        ("acme-pharma", "refund", 116_550),
    ]


def test_nobody_receives_more_than_cost_when_the_price_is_below_it() -> None:
    settlement = paid(THREE, 1_150, for_profit=False)
    assert lines(settlement)[0] == ("operator", "operator", 150)
    assert [role for _, role, _ in lines(settlement)] == ["operator", "hospital", "hospital", "hospital"]
    assert sorted(line.fen for line in settlement.lines if line.role == "hospital") == [333, 333, 334]
    idle = {**THREE, "south": Contribution(0, "1", 0)}
    assert "south" not in {line.party for line in paid(idle, for_profit=False).lines}


def test_the_odd_fen_do_not_always_fall_to_the_same_name() -> None:
    equal = {name: Contribution(1, "1", 1) for name in ("aa", "bb", "cc")}
    only_hospitals = Shares(operator_percent=0, hospital_parts=1, patient_parts=0)
    first = {
        max(settle(f"st-{i}", "acme", 4, only_hospitals, equal, for_profit=True).lines, key=lambda x: x.fen).party
        for i in range(40)
    }
    assert first == {"aa", "bb", "cc"}


@pytest.mark.parametrize(
    "quality", [0.97, 1, "1/3", "-0.1", "1.1", "nan", "1e-1", "０.9", "", " 0.5", ".5", Fraction(-1)]
)
def test_a_quality_is_exact_and_from_0_to_1(quality: Any) -> None:
    with pytest.raises(BadInput) as caught:
        paid({"east": Contribution(10, quality, 10)})
    assert caught.value.code == "bad-contribution"


@pytest.mark.parametrize(("rows", "people"), [(-1, 1), (1, -1), (1.0, 1), (True, 1)])
def test_counts_are_whole_and_not_negative(rows: Any, people: Any) -> None:
    with pytest.raises(BadInput):
        paid({"east": Contribution(rows, "1", people)})


@pytest.mark.parametrize(
    "deed",
    [
        Shares(operator_percent=-1),
        Shares(operator_percent=101),
        Shares(hospital_parts=0, patient_parts=0),
        Shares(hospital_parts=-1),
        Shares(cost_fen_per_node=-1),
    ],
)
def test_a_deed_that_cannot_be_paid_out_is_refused(deed: Shares) -> None:
    for for_profit in (True, False):
        with pytest.raises(BadInput) as caught:
            paid(THREE, deed=deed, for_profit=for_profit)
        assert caught.value.code == "bad-deed"
    with pytest.raises(BadInput) as caught:
        paid(THREE, -1)
    assert caught.value.code == "bad-price"


def test_a_float_score_becomes_a_decimal_once() -> None:
    assert decimal_quality(0.1 + 0.2) == "0.300000"
    assert decimal_quality(1.0) == "1.000000"
    assert Contribution(10, decimal_quality(1 / 3), 1).weight() == Fraction(333333, 100000)
