"""Values as the bins they fall into: small whole numbers, on which trees are grown and followed quickly."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.statistics import order

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]

MOST = 254
"""Bins or levels of a column at most, so that a code and the one for a missing value fit into a byte."""
_FEW_EDGES = 6
_FEW_ROWS = 1 << 8
_GRIDS = (1 << 12, 1 << 16)
"""Cells of a grid laid over the edges, so fine that none holds two of them."""


class _Grid(NamedTuple):
    origin: float
    per_unit: float
    before: Codes
    """(cells,) edges that lie in earlier cells."""
    bits: bool
    """Laid over the images of the values (`order.image`) instead of the values: even steps there are even ratios."""


class Binner:
    """One column of numbers: the code of a value is how many edges are at or below it; len(edges) + 1 where missing."""

    def __init__(self, edges: Floats) -> None:
        """edges: ascending, at most MOST - 1."""
        self.edges = np.asarray(edges, dtype=np.float64)
        self.missing = len(self.edges) + 1
        self._beyond = np.append(self.edges, np.nan)

    def __call__(self, values: Floats) -> tuple[Codes, bool]:
        """(rows,) codes, and whether any is that of a missing value."""
        gaps = np.isnan(values)
        some = bool(gaps.any())
        if some:
            values = np.where(gaps, 0.0, values)
        codes = self._codes(values)
        if some:
            codes[gaps] = self.missing
        return codes, some

    def _codes(self, values: Floats) -> Codes:
        if len(self.edges) <= _FEW_EDGES:
            codes = np.zeros(len(values), dtype=np.uint8)
            for edge in self.edges:
                codes += values >= edge
            return codes
        grid = _laid(self.edges.tobytes()) if len(values) >= _FEW_ROWS else None
        if grid is None:
            return np.searchsorted(self.edges, values, side="right").astype(np.uint8)
        codes = np.take(grid.before, _cells(values, grid))
        codes += values >= np.take(self._beyond, codes)
        return codes


def level_codes(positions: npt.NDArray[Any], levels: int) -> tuple[Codes, bool]:
    """Codes of positions among `levels` levels, `levels` where the value is missing or none of them; and whether any
    is."""
    outside = (positions < 0) | (positions >= levels)
    return np.where(outside, levels, positions).astype(np.uint8), bool(outside.any())


@lru_cache(maxsize=1 << 12)
def _laid(edges: bytes) -> _Grid | None:
    """The coarsest grid that tells all edges apart; remembered, since edges stay the same through a study.

    Where a cell lies is monotone in the value, so that a value in an earlier cell than an edge is below it: only the
    one edge of its own cell has to be compared with.
    """
    array = np.frombuffer(edges, dtype=np.float64)
    tries = [(size, bits) for size in _GRIDS for bits in (False, True)]
    return next((grid for size, bits in tries if (grid := _lay(array, size, bits)) is not None), None)


def _lay(edges: Floats, size: int, bits: bool) -> _Grid | None:
    places = _line(edges, bits)
    width = places[-1] - places[0]
    if not 0 < width < np.inf:
        return None
    grid = _Grid(float(places[0]), float((size - 1) / width), np.zeros(size, dtype=np.uint8), bits)
    if not np.isfinite(grid.per_unit):
        return None
    cells = _cells(edges, grid)
    if (np.diff(cells) == 0).any():
        return None
    before = np.searchsorted(cells, np.arange(size), side="left").astype(np.uint8)
    return grid._replace(before=before)


def _line(values: Floats, bits: bool) -> Floats:
    return order.image(values).astype(np.float64) if bits else values


def _cells(values: Floats, grid: _Grid) -> npt.NDArray[np.intp]:
    with np.errstate(over="ignore"):
        place = (_line(values, grid.bits) - grid.origin) * grid.per_unit
    np.maximum(place, 0, out=place)
    np.minimum(place, len(grid.before) - 1, out=place)
    return place.astype(np.intp)
