"""Trees from sums: the best split of all there are, exact integers, held-out rows, and models read back."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.statistics import boosting, splits, trees
from huizhen.statistics.holdout import held_out
from huizhen.statistics.scoring import predict

# -- the best split, against all that there are


def explained(rows: Any, rule: splits.Rule) -> float:
    return float(rows[1].sum() ** 2 / (rows[2].sum() + rule.l2)) if rows.size else 0.0


def every_split(codes: Any, size: int, unordered: bool, stats: Any, rule: splits.Rule) -> float:
    """The largest gain of any way to part the rows of one column into two, by the rules in words."""
    known = codes < size
    counts = np.bincount(codes[known], minlength=size)
    named = [k for k in range(size) if counts[k] >= rule.min_rows] if unordered else list(range(size))
    rest = ~np.isin(codes, named)
    if unordered:
        groups = [set(g) for n in range(1, len(named) + 1) for g in itertools.combinations(named, n)]
    else:
        groups = [set(range(k + 1)) for k in range(size)]
    best = -np.inf
    for group in groups:
        left = np.isin(codes, list(group)) & ~rest
        right = ~left & ~rest
        for to_left in (False, True):
            alone = not right.any() and not to_left and left.sum() >= rule.min_rows <= rest.sum()
            both = left.sum() >= rule.min_rows <= right.sum()
            if rest.sum() < rule.min_rows:
                both &= to_left == (left.sum() >= right.sum())
            one = left | (rest if to_left else False)
            if not (both or alone) or min(stats[2, one].sum(), stats[2, ~one].sum()) < rule.min_weight:
                continue
            gain = (explained(stats[:, one], rule) + explained(stats[:, ~one], rule) - explained(stats, rule)) / 2
            best = max(best, gain)
    return best


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), least=st.integers(3, 8), gaps=st.sampled_from([0.0, 0.05, 0.3]))
def test_no_split_by_the_rules_gains_more_than_the_one_found(seed: int, least: int, gaps: float) -> None:
    rng = np.random.default_rng(seed)
    rule = splits.Rule(min_rows=least, min_weight=0.5, l2=0.5, min_gain=0.0)
    size = [5, 4, 1]
    unordered = [False, True, True]
    codes = np.array([np.where(rng.random(60) < gaps, k, rng.integers(0, k, 60)) for k in size])
    stats = np.stack([np.ones(60), np.round(rng.normal(size=60), 3), np.ones(60)])
    sums = np.zeros((3, 1, 3, 6))
    for column in range(3):
        for part in range(3):
            sums[part, 0, column] = np.bincount(codes[column], weights=stats[part], minlength=6)
    found = splits.best(sums, splits.Columns(np.array(size), np.array(unordered)), rule)
    gains = [every_split(codes[k], size[k], unordered[k], stats, rule) for k in range(3)]
    best = max(gains)
    if best <= 1e-9:
        assert found.column[0] == -1 or found.gain[0] < 1e-8
        return
    column = int(found.column[0])
    left = found.chosen[0][codes[column]] if unordered[column] else codes[column] <= found.cut[0]
    if not unordered[column]:
        left = np.where(codes[column] == size[column], found.missing_left[0], left)
    assert np.allclose(found.left[:, 0], stats[:, left].sum(axis=1))
    assert np.allclose(found.right[:, 0], stats[:, ~left].sum(axis=1))
    one = (explained(stats[:, left], rule) + explained(stats[:, ~left], rule) - explained(stats, rule)) / 2
    assert found.gain[0] == pytest.approx(one)
    if any(unordered[k] and gains[k] == best for k in range(3)):  # in the order of ratios that SMOOTH has moved
        assert found.gain[0] <= best * (1 + 1e-9)
    else:
        assert found.gain[0] == pytest.approx(best)


def test_of_equal_gains_the_first_column_and_the_smallest_cut_win() -> None:
    sums = np.zeros((3, 1, 2, 4))
    sums[0, 0, :, :3] = sums[2, 0, :, :3] = 10
    sums[1, 0, :, :3] = [3.0, 0.0, -3.0]
    found = splits.best(sums, splits.Columns(np.array([3, 3]), np.zeros(2, dtype=bool)), splits.Rule(5, 1e-3, 0.0, 0.0))
    assert (found.column[0], found.cut[0]) == (0, 0)


# -- sums that are exact


@pytest.mark.parametrize("objective", ["logistic", "squared_error"])
def test_histograms_are_whole_numbers_that_add_up_in_any_order(objective: boosting.Objective) -> None:
    rng = np.random.default_rng(2)
    n = 3000
    codes = rng.integers(0, 9, (4, n)).astype(np.uint8)
    slot = rng.integers(0, 4, n)
    at = boosting.unit(objective, rng.integers(0, 2, n).astype(float), rng.normal(size=n) * 3)

    def of(where: Any) -> boosting.Histogram:
        part = boosting.Unit(at.gradient[where], None if at.hessian is None else at.hessian[where], at.loss[where])
        return boosting.histogram(trees.Coded(codes[:, where], [-1] * 4), slot[where], 3, 10, part)

    whole, order = of(slice(None)), rng.permutation(n)
    pieces = [of(order[k::3]) for k in range(3)]
    for name, total in whole._asdict().items():
        if total is not None:
            assert total.dtype == np.int64 and total.shape == (3, 4, 10)
            assert np.array_equal(total, sum(getattr(p, name) for p in pieces))
    here = (slot == 1) & (codes[2] == 5)
    assert whole.rows[1, 2, 5] == here.sum()
    sums = boosting.sums(whole)
    assert sums[1, 1, 2, 5] == at.gradient[here].sum() / boosting.GRADIENT
    assert sums[2, 1, 2, 5] == (here.sum() if at.hessian is None else at.hessian[here].sum() / boosting.HESSIAN)


def test_gradients_are_the_slopes_of_the_loss() -> None:
    score, step = np.linspace(-30, 30, 61), 1e-4
    for y in (0.0, 1.0):
        outcome = np.full(61, y)
        middle, more, less = (boosting.unit("logistic", outcome, score + d) for d in (0.0, step, -step))
        slope = (more.loss - less.loss) / boosting.GRADIENT / (2 * step)
        assert np.allclose(middle.gradient / boosting.GRADIENT, slope, atol=2e-3)
        assert middle.hessian is not None
        bend = (more.gradient - less.gradient) / boosting.GRADIENT / (2 * step)
        assert np.allclose(middle.hessian / boosting.HESSIAN, bend, atol=2e-3)
    squared = boosting.unit("squared_error", np.array([1.0]), np.array([3.0]))
    assert (squared.gradient[0], squared.loss[0]) == (2 * boosting.GRADIENT, 4 * boosting.GRADIENT)
    assert squared.hessian is None


def test_shift_and_unit_do_not_depend_on_the_last_digits_of_a_mean() -> None:
    one = boosting.scale(np.array([47.3, 47.1]), np.array([11.7, 11.9]))
    two = boosting.scale(np.array([47.3, 47.1]) * (1 + 1e-15), np.array([11.7, 11.9]) * (1 - 1e-15))
    assert one == two
    base, shift, unit = one
    assert base * unit + shift == pytest.approx(47.1, abs=1e-4)
    assert 11.7 < unit < 2.8 * 11.7


# -- held-out rows


def test_about_the_share_asked_for_is_held_out_of_any_kind_of_columns() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    numbers, whole = rng.normal(size=n), rng.integers(0, 50_000, n).astype(float)
    levels = rng.integers(-1, 3, (12, n)).astype(np.int32)
    for columns in ([numbers], [whole], [*levels], [numbers, whole, *levels]):
        for share in (0.05, 0.2, 0.5):
            assert held_out(columns, n, share, 7).mean() == pytest.approx(share, abs=0.02)
    assert not held_out([numbers], n, 0.0, 7).any()
    assert held_out([], 0, 0.2, 7).shape == (0,)


def test_seeds_hold_out_rows_independently_and_equal_rows_stay_together() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=20_000)
    one, two = held_out([x], len(x), 0.5, 0), held_out([x], len(x), 0.5, 1)
    assert (one == two).mean() == pytest.approx(0.5, abs=0.02)
    gaps = np.array([np.nan, -np.nan, 0.0, -0.0]).repeat(2)
    sides = held_out([gaps, np.ones(8)], 8, 0.5, 3)
    assert len(set(sides[:4])) == len(set(sides[4:])) == 1


# -- models read back

LEAF = {"node": 1, "value": -1.0}
MODEL: dict[str, Any] = {
    "objective": "squared_error",
    "base": 10.0,
    "trees": [
        {"nodes": [
            {"node": 0, "column": "x", "below": 2.5, "missing": "left", "gain": 1.0, "left": 1, "right": 2},
            {"node": 1, "value": 1.0},
            {"node": 2, "column": "kind", "levels": ["a", "c"], "gain": 1.0, "left": 3, "right": 4},
            {"node": 3, "value": 2.0},
            {"node": 4, "value": 3.0},
        ]},
        {"nodes": [
            {"node": 0, "column": "x", "below": None, "missing": "right", "gain": 1.0, "left": 1, "right": 2},
            {"node": 1, "value": 0.0},
            {"node": 2, "value": 100.0},
        ]},
        {"nodes": [{"node": 0, "value": 0.5}]},
    ],
}  # fmt: skip


def test_a_model_is_followed_as_it_is_written() -> None:
    rows = {
        "x": np.array([2.4, 2.5, 2.5, 2.5, np.nan, 9.0]),
        "kind": np.array(["a", "a", "b", "c", "b", None], dtype=object),
    }
    assert predict(MODEL, rows).tolist() == [11.5, 12.5, 13.5, 12.5, 111.5, 13.5]
    risk = predict({**MODEL, "objective": "logistic", "base": -12.5}, rows)
    assert np.allclose(risk, 1 / (1 + np.exp(12.5 - np.array([1.5, 2.5, 3.5, 2.5, 101.5, 3.5]))))


def test_a_long_file_is_scored_as_its_parts_are() -> None:
    rng = np.random.default_rng(3)
    n = trees.BLOCK + 5000
    rows = {"x": rng.normal(size=n) * 3, "kind": rng.choice(np.array(["a", "b"], dtype=object), n)}
    whole = predict(MODEL, rows)
    assert np.array_equal(whole[-6000:], predict(MODEL, {k: v[-6000:] for k, v in rows.items()}))


def test_a_model_of_no_trees_gives_its_base_and_a_tree_that_runs_in_circles_is_refused() -> None:
    assert predict({**MODEL, "trees": []}, {"x": np.zeros(2)}).tolist() == [10.0, 10.0]
    circle = {**MODEL["trees"][1]["nodes"][0], "left": 0}
    with pytest.raises(ValueError, match="tree"):
        predict({**MODEL, "trees": [{"nodes": [circle, LEAF, LEAF]}]}, {"x": np.zeros(2)})
    with pytest.raises(KeyError):
        predict(MODEL, {"x": np.zeros(2)})


def test_what_is_told_of_trees_reads_back_to_the_same_scores() -> None:
    tree = trees.stump(2, 4)
    tree.column[0, :2], tree.cut[0, :2] = [0, 1], [1, -1]
    tree.chosen[0, 1] = [True, False, True, False]
    tree.missing_left[0, 0] = True
    tree.value[0] = [1.0, 2.0, 3.0, 3.0]
    told = trees.told(tree, [trees.Asked("x", np.array([0.0, 5.0])), trees.Asked("kind", None, ("a", "b", "c"))])
    assert [sorted(node) for node in told[0]["nodes"]][-1] == ["node", "value"]
    codes = np.array([[0, 1, 2, 3], [0, 1, 2, 3]], dtype=np.uint8)
    coded = trees.scores(tree, 0.0, trees.Coded(codes, [3, 3]))
    raw = {"x": np.array([-1.0, 0.0, 5.0, np.nan]), "kind": np.array(["a", "b", "c", None], dtype=object)}
    assert predict({"objective": "squared_error", "base": 0.0, "trees": told}, raw).tolist() == coded.tolist()
    assert coded.tolist() == [1.0, 2.0, 3.0, 2.0]
