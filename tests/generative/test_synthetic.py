"""Synthetic tables of any table: their shape, the values that there can be, how near they are where noise is small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.adapters.synthetic_table import learned, raws
from huizhen.model.synthesis import Synthesis
from huizhen.privacy.synthetic.axis import REST, Bins, Values
from huizhen.privacy.synthetic.sample import drawn
from huizhen.privacy.synthetic.source import Ints
from huizhen.privacy.synthetic.tree import Edge, Forest, fitted, grown, in_groups, projected


class Exact:
    """No noise: what is left is the arithmetic."""

    def noisy(self, counts: Ints, cost: float) -> Ints:
        return np.asarray(counts, np.int64)

    def best(self, scores: Any, cost: float) -> int:
        return int(np.argmax(scores))


VALUE = st.one_of(
    st.none(), st.sampled_from(["", "*", "女", "2024-02-29", "2024-13-01", "-0", "007", "1e9", "12.50"]),
    st.integers(-(10**15), 10**15).map(str), st.floats(allow_nan=False).map(str), st.text(max_size=3),
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_table_gives_rows_of_values_that_there_can_be(data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 40))
    pool = data.draw(st.lists(VALUE, min_size=1, max_size=4))
    names = ["a", "b", "c"][: data.draw(st.integers(1, 3))]
    columns = {n: data.draw(st.lists(st.sampled_from(pool), min_size=rows, max_size=rows)) for n in names}
    table = pa.table({n: pa.array(c, pa.string()) for n, c in columns.items()})
    found = learned(table, raws(table, Synthesis()), Synthesis(epsilon=50), Exact())
    out, codes = found.draw(17, np.random.default_rng(1))
    assert out.column_names == names and len(out) == 17
    for (name, axis), code in zip(found.axes.items(), codes, strict=True):
        assert code.min() >= 0 and code.max() < axis.size
        if isinstance(axis, Values):
            assert {v for v in out[name].to_pylist() if v is not None} <= {*map(str, columns[name]), REST}
        else:
            assert isinstance(axis, Bins) and (np.diff(axis.edges) > 0).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 30))
def test_without_noise_single_columns_are_kept_to_less_than_a_row_for_each_line(
    seed: int, many: int, size: int
) -> None:
    chance = np.random.default_rng(seed)
    rows = int(chance.integers(1, 500))
    columns = [chance.integers(0, size, rows).astype(np.int32) for _ in range(many)]
    forest = grown(columns, [size] * many, 0.1, Exact())
    assert abs(forest.rows - rows) < 1e-6
    for edge in forest.edges:
        parent, child = edge.grouped
        assert np.allclose(edge.table.sum(axis=1), np.bincount(parent, weights=forest.single[edge.parent]), atol=1e-3)
        assert np.allclose(edge.table.sum(axis=0), np.bincount(child, weights=forest.single[edge.child]), atol=1e-3)
    made = drawn(forest, rows, chance)
    for root in forest.roots:
        assert np.abs(np.bincount(made[root], minlength=size) - forest.single[root]).max() <= 1 + 1e-6


def test_a_dependence_is_found_and_kept() -> None:
    chance = np.random.default_rng(2)
    a = chance.integers(0, 200, 50_000).astype(np.int32)
    b = ((a // 20 + (chance.random(50_000) < 0.1)) % 10).astype(np.int32)
    c = chance.integers(0, 5, 50_000).astype(np.int32)
    forest = grown([c, a, b], [5, 200, 10], 0.05, Exact())
    assert [(e.parent, e.child) for e in forest.edges] == [(1, 2)], "only what depends is measured"
    made = drawn(forest, 50_000, chance)
    assert ((made[1] // 20 + 0) % 10 == made[2]).mean() > 0.85


def test_groups_of_a_pair_are_neighbours_and_within_them_values_come_as_in_the_column() -> None:
    counts = np.array([5.0, 100, 5, 5, 5, 80, 0, 0])
    grouped = in_groups(counts, 3)
    assert (np.diff(grouped) >= 0).all() and grouped[0] == 0 and grouped.max() <= 2
    single = [np.array([50.0, 150.0]), counts * 200 / counts.sum()]
    table = fitted(np.ones((2, int(grouped.max()) + 1)), single[0], np.bincount(grouped, weights=single[1]))
    forest = Forest(200, single, [Edge(0, 1, (np.arange(2), grouped), table)], {})
    made = np.bincount(drawn(forest, 20_000, np.random.default_rng(1))[1], minlength=8)
    assert np.abs(made / 20_000 - counts / counts.sum()).max() < 0.02 and made[6:].sum() == 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(1, 1e6))
def test_projection_sums_to_the_total_and_is_never_below_0(noisy: list[float], total: float) -> None:
    answer = projected(np.array(noisy), total)
    assert answer.min() >= 0 and abs(answer.sum() - total) <= 1e-6 * max(total, 1e6)
