"""The counts that a result publishes and the equations that tie them: every margin is the sum of its cells.

A count that stands in two tables is one and the same here, so what one table gives away about another is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later
from huizhen.kit.text import Text
from huizhen.model.result import Path, Table
from huizhen.privacy.places import at, dotted, leaves, mismatch

if TYPE_CHECKING:
    from scipy import sparse
else:
    sparse = later("scipy.sparse")

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sums:
    """`equations @ counts == 0`."""

    places: tuple[Path, ...]
    counts: Ints
    """By place; 0 where hidden."""
    hidden: Bools
    """By place: the figure is None."""
    equations: sparse.csr_array
    """One row per margin figure: +1 at its cells, -1 at itself."""
    terms: Ints
    """By place: how many cells it sums; 0 for a cell of no margin's kind."""


def margin_cells(values: Mapping[str, Any], table: Table) -> Iterator[tuple[Path, list[Path]]]:
    """Each margin figure of a table with the places of the cells that it sums."""
    cells = [place for place, _ in leaves(at(values, table.path), table.path)]
    depth = len(table.path)
    for path, axis in table.margins:
        margin = [place for place, _ in leaves(at(values, path), path)]
        groups: dict[Path, list[Path]] = {place: [] for place in margin}
        for cell in cells:
            if axis is not None and axis >= len(cell) - depth:
                raise mismatch(Text(f"{dotted(cell)} has no axis {axis}", f"{dotted(cell)} 没有第 {axis} 轴"))
            place = path if axis is None else (*path, cell[depth + axis])
            if place not in groups:
                raise mismatch(Text(f"{dotted(place)} is not a figure", f"{dotted(place)} 不是单个数字"))
            groups[place].append(cell)
        yield from groups.items()


def _count(place: Path, value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise mismatch(Text(f"{dotted(place)} is not a count", f"{dotted(place)} 不是计数"))
    return value


def sums_of(values: Mapping[str, Any], tables: Iterable[Table]) -> Sums:
    """The counts of all tables and margins, with their equations.

    Raises Refused(exposure-mismatch) for a figure that is not a count, a margin of another shape than its table, or a
    margin that is not the sum of its cells (where none of these is hidden).
    """
    tables = tuple(tables)
    found: dict[Path, Any] = {}
    equations: list[tuple[Path, list[Path]]] = []
    for table in tables:
        for path in (table.path, *(path for path, _ in table.margins)):
            found.update(leaves(at(values, path), path))
        equations.extend(margin_cells(values, table))
    places = tuple(found)
    index = {place: i for i, place in enumerate(places)}
    counts = np.array([_count(place, value) for place, value in found.items()], dtype=np.int64)
    hidden = np.array([value is None for value in found.values()], dtype=np.bool_)
    terms = np.zeros(len(places), dtype=np.int64)
    for margin, cells in equations:
        terms[index[margin]] = max(terms[index[margin]], len(cells))
    matrix = _matrix(equations, index)
    _check(matrix, counts, hidden, [margin for margin, _ in equations])
    return Sums(places, counts, hidden, matrix, terms)


def _matrix(equations: Sequence[tuple[Path, list[Path]]], index: Mapping[Path, int]) -> sparse.csr_array:
    rows = [i for i, (_, cells) in enumerate(equations) for _ in range(len(cells) + 1)]
    columns = [index[place] for margin, cells in equations for place in (margin, *cells)]
    signs = [sign for _, cells in equations for sign in (-1, *([1] * len(cells)))]
    matrix = sparse.csr_array(
        (np.array(signs, dtype=np.int64), (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))),
        shape=(len(equations), len(index)),
    )
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _check(matrix: sparse.csr_array, counts: Ints, hidden: Bools, margins: Sequence[Path]) -> None:
    complete = abs(matrix) @ hidden.astype(np.int64) == 0
    wrong = np.flatnonzero(complete & (matrix @ counts != 0))
    if wrong.size:
        place = dotted(margins[wrong[0]])
        raise mismatch(Text(f"{place} is not the sum of its cells", f"{place} 不等于其各单元格之和"))
