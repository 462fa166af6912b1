"""A secure sum is the plain sum: whatever the fields, the figures, the number of nodes and who is lost on the way."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.model.partial import Partial
from huizhen.secure import fixed
from huizhen.secure.graph import degree_and_threshold
from secure_round import members, names, play

STEPS = st.sampled_from(["advert", "shares", "mask", "confirm", "unmask"])
ELEMENTS = {
    "int64": st.integers(-(2**55), 2**55),
    "float64": st.floats(-(2.0**85), 2.0**85),
    "float32": st.floats(-(2.0**20), 2.0**20, width=32),
}


@st.composite
def federations(draw: st.DrawFn) -> tuple[dict[str, Partial], dict[str, str]]:
    """Partials of one layout for 3 to 7 nodes, and up to as many losses as can be made good."""
    n = draw(st.integers(3, 7))
    layout = draw(
        st.dictionaries(
            st.sampled_from("abcde"), st.tuples(st.sampled_from(sorted(ELEMENTS)), st.integers(0, 4)), max_size=4
        )
    )
    parts = {
        name: Partial(
            {
                field: np.array(draw(st.lists(ELEMENTS[dtype], min_size=size, max_size=size)), dtype=dtype)
                for field, (dtype, size) in layout.items()
            }
        )
        for name in names(n)
    }
    lost = draw(st.dictionaries(st.sampled_from(names(n)), STEPS, max_size=n - degree_and_threshold(n)[1]))
    return parts, lost


def exact(values: list[np.ndarray], dtype: str) -> list[float | int]:
    """The sum column by column in whole numbers of the unit of the type, as the nearest number of the type."""
    if dtype == "int64":
        return [sum(int(x) for x in column) for column in zip(*values, strict=True)]
    unit = Fraction(1, 2**90) if dtype == "float64" else Fraction(1, 2**32)
    sums = [sum(round(Fraction(float(x)) / unit) for x in column) * unit for column in zip(*values, strict=True)]
    return [float(s) if dtype == "float64" else float(np.float32(float(s))) for s in sums]


@settings(max_examples=60, deadline=None)
@given(federations())
def test_a_secure_sum_is_the_plain_sum(federation: tuple[dict[str, Partial], dict[str, str]]) -> None:
    parts, lost = federation
    layout = next(iter(parts.values())).layout()
    wide = fixed.wide(layout)
    words = {name: fixed.encode(part, len(parts)) for name, part in parts.items()}
    seen = play(members(len(parts)), words, wide, lost)
    total = fixed.decode(seen.open(wide), layout)
    left = [parts[name] for name in parts if lost.get(name) not in {"advert", "shares", "mask"}]
    assert sorted(seen.masked) == [name for name in parts if lost.get(name) not in {"advert", "shares", "mask"}]
    for name, dtype, _ in layout:
        got = total[name]
        assert str(got.dtype) == dtype
        assert got.tolist() == exact([part[name] for part in left], dtype)
        if dtype == "int64":
            assert np.array_equal(got, np.sum([part[name] for part in left], axis=0))
