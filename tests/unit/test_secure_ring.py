"""Adding words: the same as whole numbers modulo 2**192 and 2**64."""

import numpy as np
import pytest

from huizhen.secure import ring


def whole(words: np.ndarray, wide: int) -> list[int]:
    """The numbers that a vector of words holds, as Python integers."""
    numbers, single = ring.split(words, wide)
    big = [int(low) + (int(middle) << 64) + (int(high) << 128) for low, middle, high in numbers.T]
    return big + [int(x) for x in single]


def added(vectors: list[np.ndarray], wide: int) -> list[int]:
    columns = zip(*(whole(v, wide) for v in vectors), strict=True)
    return [sum(c) % (2**192 if i < wide else 2**64) for i, c in enumerate(columns)]


@pytest.mark.parametrize(("count", "wide", "single"), [(1, 5, 3), (2, 0, 9), (9, 40, 0), (600, 30, 7)])
def test_totals_are_those_of_whole_numbers(count: int, wide: int, single: int) -> None:
    random = np.random.default_rng(count)
    vectors = [random.integers(0, 2**64, 3 * wide + single, dtype=np.uint64) for _ in range(count)]
    before = [v.copy() for v in vectors]
    assert whole(ring.total(vectors, wide), wide) == added(vectors, wide)
    assert all(np.array_equal(a, b) for a, b in zip(vectors, before, strict=True))


def test_blocks_meet_without_a_seam() -> None:
    wide = ring.BLOCK + 5
    random = np.random.default_rng(3)
    vectors = [random.integers(0, 2**64, 3 * wide + 1, dtype=np.uint64) for _ in range(3)]
    assert whole(ring.total(vectors, wide), wide) == added(vectors, wide)


def test_carries_run_through_words_that_are_full() -> None:
    full = np.full(300 * 3, 2**64 - 1, dtype=np.uint64)
    one = np.zeros(900, dtype=np.uint64)
    one[:300] = 1
    assert whole(ring.total([full, one], 300), 300) == [0] * 300
    assert whole(ring.total([full] * 700, 300), 300) == [2**192 - 700] * 300


def test_vectors_that_do_not_fit_together_are_not_added() -> None:
    a = np.zeros(6, dtype=np.uint64)
    for vectors, wide in (([], 0), ([a, a[:5]], 0), ([a, a.astype(np.int64)], 0), ([a], 3)):
        with pytest.raises(ValueError, match="vector"):
            ring.total(vectors, wide)
