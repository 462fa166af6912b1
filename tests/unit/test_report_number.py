"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huizhen.client import number
from huizhen.client.sections import ranges


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"), (7, "7"), (-7, "−7"), (20190, "20,190"), (123456789, "123,456,789"),
        (0.0, "0"), (270.0, "270"), (0.5, "0.5"), (-0.25, "−0.25"), (15.75, "15.75"),
        (0.011066800123, "0.01107"), (-0.5526124, "−0.5526"), (62.44736842105263, "62.45"), (8.999963, "9.000"),
        (-311.249569, "−311.2"), (-1737.07768, "−1,737"), (83934.23786, "83,934"), (0.000123456, "0.0001235"),
        (1.2345678e-05, "1.235×10⁻⁵"), (-4.4e-17, "−4.400×10⁻¹⁷"), (1.23456e12, "1.235×10¹²"), (10**16, "1.000×10¹⁶"),
    ],
)  # fmt: skip
def test_a_number_has_four_significant_digits_and_keeps_all_its_whole_ones(value: float, shown: str) -> None:
    assert number.short(value) == shown


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_shown_is_near_what_is_meant_and_the_exact_figure_gives_it_back(value: float) -> None:
    read = number.short(value).replace(number.MINUS, "-").replace(",", "")
    if "×10" in read:
        mantissa, power = read.split("×10")
        exponent = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
        near = float(f"{mantissa}e{exponent}")
    else:
        near = float(read)
    assert math.isclose(near, value, rel_tol=6e-4) or (math.isinf(near) and abs(value) > 1e308)
    assert float(number.exact(value)) == value


@given(st.integers())
def test_a_count_is_exact(value: int) -> None:
    if abs(value) < 10**15:
        assert int(number.short(value).replace(",", "").replace(number.MINUS, "-")) == value
    assert int(number.exact(value)) == value


@pytest.mark.parametrize(
    ("p", "shown", "said"),
    [(0.001312, "0.00131", "p = 0.00131"), (0.2317, "0.232", "p = 0.232"), (4e-5, "< 0.001", "p < 0.001"),
     (0.0, "< 0.001", "p < 0.001"), (1.0, "1", "p = 1")],
)  # fmt: skip
def test_a_p_value_is_never_shown_as_zero(p: float, shown: str, said: str) -> None:
    assert number.p_value(p) == shown and number.equals_p(p) == said


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, "0%"), (0.061, "6.1%"), (0.4349, "43%"), (1.0, "100%"), (-0.2, "−20%")]
)
def test_percent(share: float, shown: str) -> None:
    assert number.percent(share) == shown


def test_days_are_dates_where_the_calendar_has_them() -> None:
    assert number.day(0) == "1970-01-01" and number.day(18262.4) == "2020-01-01" and number.day(-1) == "1969-12-31"
    assert number.day(1e9) == "1.000×10⁹"


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (999, "999 B"), (12904, "12.9 kB"), (3 * 10**12, "3,000 GB")])
def test_bytes_have_the_unit_that_suits(count: int, shown: str) -> None:
    assert number.size(count) == shown


def test_entries_in_a_row_are_a_range() -> None:
    assert ranges([3, 4, 5, 9, 11, 12]) == "3–5, 9, 11–12" and ranges([]) == "" and ranges([7]) == "7"
