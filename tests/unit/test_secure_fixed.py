"""Numbers as words: every total is exact, whatever the order, and what cannot be exact is refused."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.kit.errors import Unable
from huizhen.model.partial import Partial
from huizhen.secure import fixed
from huizhen.secure.ring import total

UNIT = Fraction(1, 2**90)
ordinary = st.floats(-(2.0**90), 2.0**90, allow_subnormal=True)


def units(x: float) -> int:
    """A double in units of 2**-90, ties to even."""
    return round(Fraction(x) / UNIT)


def back(partial: Partial, participants: int = 1) -> Partial:
    return fixed.decode(fixed.encode(partial, participants), partial.layout())


def total_of(columns: list[np.ndarray]) -> np.ndarray:
    parts = [Partial({"x": c}) for c in columns]
    words = [fixed.encode(p, len(parts)) for p in parts]
    return fixed.decode(total(words, fixed.wide(parts[0].layout())), parts[0].layout())["x"]


@given(ordinary.filter(lambda x: x == 0 or abs(x) >= 2.0**-38))
def test_a_double_of_ordinary_size_comes_back_unchanged(x: float) -> None:
    assert float(back(Partial({"x": x}))["x"]) == x


@given(st.lists(ordinary, min_size=1, max_size=12))
def test_a_total_is_the_exact_sum_correctly_rounded(values: list[float]) -> None:
    exact = sum(units(x) for x in values) * UNIT
    assert float(total_of([np.array(x) for x in values])) == float(exact)


@given(st.lists(ordinary, min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_order_does_not_matter_to_the_last_bit(values: list[float], random: object) -> None:
    once = total_of([np.array(x) for x in values])
    random.shuffle(values)  # type: ignore[attr-defined]
    again = total_of([np.array(x) for x in values])
    assert once.tobytes() == again.tobytes()


@pytest.mark.parametrize(
    "values",
    [
        (1e20, -1e20, -(2.0**-80)),
        (2.0**89, 1.0, -(2.0**89)),
        (-1.5, 1.5),
        (-(2.0**-90),),
        (2.0**-26, 2.0**-26, -(2.0**-25)),
        (2.0**38 - 2.0**-14, 2.0**-14, -(2.0**-70)),
        (-(2.0**53) - 2, -1.0),
        (2.0**53, 1.0, 2.0**-80),
    ],
)
def test_cancellation_and_carries_leave_the_exact_rest(values: tuple[float, ...]) -> None:
    assert float(total_of([np.array(x) for x in values])) == float(sum(Fraction(x) for x in values))


def test_long_vectors_of_every_size_agree_with_exact_arithmetic() -> None:
    random = np.random.default_rng(7)
    columns = [random.normal(size=9000) * 2.0 ** random.integers(-60, 80, 9000) for _ in range(5)]
    got = total_of(columns)
    want = [float(sum(units(x) for x in row) * UNIT) for row in zip(*columns, strict=True)]
    assert got.tolist() == want


@given(st.lists(st.integers(-(2**59), 2**59), min_size=1, max_size=8))
def test_whole_numbers_add_as_in_numpy(values: list[int]) -> None:
    got = total_of([np.array([x], dtype=np.int64) for x in values])
    assert got.dtype == np.int64
    assert got.tolist() == [sum(values)]


@given(st.lists(st.floats(-(2.0**20), 2.0**20, width=32), min_size=1, max_size=8))
def test_single_precision_is_exact_to_its_unit(values: list[float]) -> None:
    got = total_of([np.array([x], dtype=np.float32) for x in values])
    exact = sum(round(Fraction(x) * 2**32) for x in values) / Fraction(2**32)
    assert got.dtype == np.float32
    assert got[0] == np.float32(float(exact))


def test_many_fields_of_any_shape_keep_name_type_and_shape() -> None:
    random = np.random.default_rng(1)
    partial = Partial(
        {
            "z": random.normal(size=(3, 4)),
            "a": np.int64(-5),
            "none": np.empty((0, 2)),
            "m": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
            "b": 2.5,
            "i": np.array([[2**62, -(2**62)]]),
        }
    )
    words = fixed.encode(partial, 1)
    assert fixed.wide(partial.layout()) == 13
    assert words.shape == (fixed.width(partial.layout()),) == (3 * 13 + 1 + 6 + 2,)
    again = fixed.decode(words, partial.layout())
    assert again.layout() == partial.layout()
    assert all(np.array_equal(again[name], partial[name]) for name in partial.fields)
    assert fixed.width(Partial({}).layout()) == len(fixed.encode(Partial({}), 3)) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_is_not_finite_is_refused(bad: float, dtype: type) -> None:
    with pytest.raises(Unable, match="'score'") as caught:
        fixed.encode(Partial({"score": np.array([1, bad, 2], dtype=dtype)}), 3)
    assert caught.value.code == "not-finite"


@pytest.mark.parametrize(
    "value",
    [
        np.array([7.0, 1.23e30]),
        np.array([7, 2**63 - 1]),
        np.array([7, -(2**63)]),
        np.array([7, 9.9e8], dtype=np.float32),
    ],
)
def test_what_might_run_over_is_refused_by_name_and_never_by_value(value: np.ndarray) -> None:
    with pytest.raises(Unable) as caught:
        fixed.encode(Partial({"amount": value}), 3)
    assert caught.value.code == "overflow"
    said = str(caught.value.as_dict())
    assert "'amount'" in said
    assert not any(digits in said for digits in ("1.23", "922337", "9.9", "990000"))


@pytest.mark.parametrize("participants", [1, 3, 7, 620, 5000])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_that_is_let_through_does_not_run_over(participants: int, sign: int) -> None:
    wide = sign * np.nextafter(2.0**100 / participants, 0)
    narrow = sign * np.nextafter(np.float32(2.0**30 / participants), np.float32(0))
    whole = sign * ((2**63 - 1) // participants)
    partial = Partial({"f": np.array([wide]), "i": np.array([whole]), "s": np.array([narrow], dtype=np.float32)})
    words = fixed.encode(partial, participants)
    got = fixed.decode(total([words] * participants, 1), partial.layout())
    assert got["f"][0] == float(participants * Fraction(float(wide)))
    assert got["i"][0] == participants * whole
    assert got["s"][0] == pytest.approx(participants * float(narrow), rel=1e-6)
    beyond = {
        "f": sign * 2.0**100 / participants,
        "i": whole + sign,
        "s": np.float32(sign * 2.0**30 / participants * 1.001),
    }
    for name, value in beyond.items():
        if not (name == "i" and participants == 1):
            with pytest.raises(Unable):
                fixed.encode(Partial({name: np.array([value])}), participants)


def test_words_of_another_layout_are_not_read() -> None:
    layout = Partial({"x": np.zeros(4)}).layout()
    with pytest.raises(ValueError, match="layout"):
        fixed.decode(np.zeros(11, dtype=np.uint64), layout)
    with pytest.raises(ValueError, match="layout"):
        fixed.decode(np.zeros(12, dtype=np.int64), layout)
    with pytest.raises(ValueError, match="participant"):
        fixed.encode(Partial({"x": 1.0}), 0)


def test_what_came_over_the_wire_read_only_is_read() -> None:
    words = fixed.encode(Partial({"x": np.array([-1.0, 2.0])}), 3)
    words.flags.writeable = False
    assert fixed.decode(words, Partial({"x": np.zeros(2)}).layout())["x"].tolist() == [-1, 2]


@settings(deadline=None)
@given(st.sampled_from(["int8", "int16"]), st.integers(1, 40), st.integers(0, 21), st.integers(0, 10**6))
def test_small_whole_numbers_share_words_and_their_sums_are_exact(dtype: str, nodes: int, size: int, seed: int) -> None:
    most = (2 ** (8 * np.dtype(dtype).itemsize - 1) - 1) // nodes
    values = np.random.default_rng(seed).integers(-most, most + 1, (nodes, size)).astype(dtype)
    parts = [Partial({"a": 1.5, "u": row, "z": np.array([7, 8])}) for row in values]
    layout = parts[0].layout()
    words = [fixed.encode(p, nodes) for p in parts]
    assert len(words[0]) == fixed.width(layout) == 3 + -(-size * np.dtype(dtype).itemsize // 8) + 2
    got = fixed.decode(total(words, fixed.wide(layout)), layout)
    assert got["u"].dtype == dtype
    assert got["u"].tolist() == values.sum(axis=0, dtype=np.int64).tolist()
    assert got["a"] == 1.5 * nodes
    assert got["z"].tolist() == [7 * nodes, 8 * nodes]


@pytest.mark.parametrize(("dtype", "most"), [("int8", 127), ("int16", 32767)])
@pytest.mark.parametrize("sign", [1, -1])
def test_small_whole_numbers_whose_sum_may_run_over_are_refused(dtype: str, most: int, sign: int) -> None:
    whole = sign * (most // 5)
    parts = [Partial({"u": np.full(9, whole, dtype)})] * 5
    got = fixed.decode(total([fixed.encode(p, 5) for p in parts], 0), parts[0].layout())
    assert got["u"].tolist() == [5 * whole] * 9
    with pytest.raises(Unable, match="'u'") as caught:
        fixed.encode(Partial({"u": np.full(9, whole + sign, dtype)}), 5)
    assert caught.value.code == "overflow"
