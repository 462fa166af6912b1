"""Utility by hand, on a table small enough to write down."""

from __future__ import annotations

import numpy as np
import pytest

from huizhen.privacy.anonymise.hierarchy import build, flat
from huizhen.privacy.anonymise.partition import Partition
from huizhen.privacy.anonymise.utility import utility

TREE = build([("low", "1"), ("low", "2"), ("high", "3"), ("high", "4")])
"""By label: codes are in the order of labels, high before low: 3, 4, 1, 2."""
SEX = flat(["f", "m"])
AGE = TREE.code[[0, 0, 1, 2, 3, 3, 3, 2]]
GENDER = np.array([0, 1, 0, 1, 0, 1, 0, 1], np.int32)


def node(label: str, tree: object = TREE) -> int:
    return tree.label.index(label)


def release(gone: bool) -> Partition:
    """Rows 0-2 as low, rows 3-6 as high; row 7 as high, too, or suppressed."""
    kept = 7 if gone else 8
    sexes = [node("*", SEX)] * 2
    return Partition(
        np.arange(kept), np.array([0, 3]), np.array([[node("low"), node("high")], sexes]), np.arange(kept, 8)
    )


def test_by_hand():
    found = utility(release(False), {"age": TREE, "sex": SEX}, [AGE, GENDER], {"s": (GENDER, 2)}, 2)
    assert found.granularity == {"age": pytest.approx(1 - 1 / 3), "sex": 0.0}
    assert found.loss == pytest.approx(((1 + 1 / 3) * 2) ** 0.5 - 1)
    assert found.average_class == 4 / 2 and found.discernibility == (9 + 25) / 64
    # Age: 1, 1 of 3 low; 2 of 3; 3, 3 of 5 high; 4, 4, 4 of 5.
    lost = 2 * np.log(3 / 2) + np.log(3) + 2 * np.log(5 / 2) + 3 * np.log(5 / 3)
    most = 2 * np.log(8 / 2) + np.log(8) + 2 * np.log(8 / 2) + 3 * np.log(8 / 3)
    assert found.entropy == {"age": pytest.approx(lost / most), "sex": pytest.approx(1.0)}
    # Spread evenly: 1.5, 1.5, 2.5, 2.5 of 2, 1, 2, 3.
    assert found.marginal == {"age": pytest.approx((0.5 + 0.5 + 0.5 + 0.5) / 8 / 2), "sex": 0.0, "s": 0.0}
    # Men and women at 1.5 / 2 ... where there were 1 1, 1 0, 0 2, 2 1.
    expected = sum(abs(a - b) for a, b in zip([0.75] * 4 + [1.25] * 4, [1, 1, 1, 0, 0, 2, 2, 1], strict=True)) / 8 / 2
    assert found.pair["age x sex"] == pytest.approx(expected)
    assert set(found.pair) == {"age x sex", "age x s", "sex x s"}


def test_a_suppressed_row_has_lost_everything():
    found = utility(release(True), {"age": TREE, "sex": SEX}, [AGE, GENDER], {}, 2)
    assert found.granularity["age"] == pytest.approx(1 - (7 / 3 + 1) / 8)
    assert found.discernibility == (9 + 16 + 8) / 64
    lost = 2 * np.log(3 / 2) + np.log(3) + np.log(5 / 2) + 3 * np.log(5 / 3) + np.log(8 / 2)
    most = 2 * np.log(8 / 2) + np.log(8) + 2 * np.log(8 / 2) + 3 * np.log(8 / 3)
    assert found.entropy["age"] == pytest.approx(lost / most)


def test_what_is_released_as_it_is_has_lost_nothing():
    order = np.argsort(AGE, kind="stable")
    start = np.flatnonzero(np.diff(AGE[order], prepend=-1))
    whole = Partition(order, start, np.stack([TREE.node[-1][AGE[order]][start]]), order[:0])
    found = utility(whole, {"age": TREE}, [AGE], {"s": (GENDER, 2)}, 1)
    assert found.granularity == {"age": 1.0} and found.entropy == {"age": 0.0} and found.loss == 0
    assert found.marginal == {"age": 0.0, "s": 0.0} and found.pair == {"age x s": 0.0}
