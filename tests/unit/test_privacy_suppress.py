"""Which counts are hidden, and the equations that decide it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from guarding import table
from huizhen.model.result import Table
from huizhen.privacy import suppress
from huizhen.privacy.audit import intervals
from huizhen.privacy.places import replaced
from huizhen.privacy.sums import sums_of


def hidden(result: Any, min_cell: int = 10) -> set[str]:
    sums = sums_of(result.values, result.exposures)
    hide = suppress.to_hide(sums, min_cell)
    return {".".join(map(str, p)) for p, h in zip(sums.places, hide, strict=True) if h}


def test_equations_hold_for_every_margin() -> None:
    sums = sums_of(table(np.arange(24).reshape(2, 3, 4)).values, table(np.arange(24).reshape(2, 3, 4)).exposures)  # type: ignore[arg-type]
    assert sums.equations.shape == (2 + 3 + 4 + 1, 24 + 2 + 3 + 4 + 1)
    assert not (sums.equations @ sums.counts).any()
    assert sorted(set(sums.terms.tolist())) == [0, 6, 8, 12, 24]


def test_lists_of_unequal_length_have_totals_too() -> None:
    values = {"c": [[20, 30], [40]], "m": [50, 40], "n": 90}
    sums = sums_of(values, [Table(("c",), ((("m",), 0), (("n",), None)))])
    assert not (sums.equations @ sums.counts).any()


def test_hiding_prefers_small_cells_to_large_ones_and_cells_to_totals() -> None:
    assert hidden(table([500, 3, 15, 400], axes=[])) == {"cells.1", "cells.2"}
    assert not any(p.startswith(("along", "n")) for p in hidden(table([[3, 20, 30], [40, 50, 60], [15, 25, 35]])))


def test_the_grand_total_is_the_last_to_go() -> None:
    """To hide it alone would do; but it says most."""
    assert hidden(table([[3, 0], [0, 500]])) == {
        "cells.0.0", "cells.1.1", "along0.0", "along0.1", "along1.0", "along1.1",
    }  # fmt: skip


def test_only_what_hangs_together_with_a_small_count_is_touched() -> None:
    values = {"a": [3, 40], "n": 43, "b": [50, 60], "m": 110}
    tables = [Table(("a",), ((("n",), None),)), Table(("b",), ((("m",), None),))]
    hide = suppress.to_hide(sums_of(values, tables), 10)
    assert hide.tolist() == [True, True, False, False, False, False]


def test_a_total_is_hidden_where_the_cells_cannot_cover_for_each_other() -> None:
    assert hidden(table([1] * 12, axes=[])) == {*(f"cells.{i}" for i in range(12)), "n"}


def test_a_table_of_four_dimensions_is_protected_in_whole_numbers() -> None:
    """Here the corners of the linear programme are fractions, so the integer programme has to find the proofs."""
    cells = np.random.default_rng(0).negative_binomial(0.5, 0.02, (4, 3, 3, 2))
    result = table(cells)
    sums = sums_of(result.values, result.exposures)  # type: ignore[arg-type]
    hide = suppress.to_hide(sums, 10)
    small = [p for p, c in zip(sums.places, sums.counts, strict=True) if 0 < c < 10]
    assert hide.sum() < 1.2 * len(small)
    published = replaced(result.values, {p: None for p, h in zip(sums.places, hide, strict=True) if h})
    spans = intervals(published, result.exposures, only=small[::6])  # type: ignore[arg-type]
    assert all(high is None or high - low + 1 >= 10 for low, high in spans.values())


def test_where_the_search_finds_nothing_all_that_hangs_together_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppress, "_solutions", lambda *a: iter(()))
    assert hidden(table([[3, 20], [30, 0]])) == {
        "cells.0.0", "cells.0.1", "cells.1.0", "along0.0", "along0.1", "along1.0", "along1.1", "n",
    }  # fmt: skip


def test_a_proof_that_is_not_one_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that answers nonsense makes the guard hide more, never less."""
    monkeypatch.setattr(suppress, "_solutions", lambda cost, *a: iter([np.full(len(cost), 9.0)]))
    assert len(hidden(table([[3, 20], [30, 40]]))) == 9


def test_a_proof_that_would_need_a_hidden_zero_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """(3, 9) could be (12, 0) only for a reader who does not know that zeros are shown."""
    monkeypatch.setattr(suppress, "_solutions", lambda cost, *a: iter([np.array([9.0, -9.0, 0.0, 0.0])[: len(cost)]]))
    assert hidden(table([3, 9], axes=[])) == {"cells.0", "cells.1", "n"}
