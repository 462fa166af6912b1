"""What a column can hold: said beforehand, or found with noise. Which values there are is itself a fact of the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later
from huizhen.privacy.synthetic.source import Source, deviation

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
REST = "*"
"""Written for a value that is not among those said or found."""
MISSING, TEXT, DATE, NUMBER = 0, 1, 2, 3
"""Forms of a value; NUMBER + d: a number with d decimals, up to 6."""
FORMS = NUMBER + 7
_COVERED, _MOSTLY, _SEEN = 0.95, 0.9, 3
_COARSE, _PIECES, _NOISE = 8, 64, 0.06
"""Bins at least and at most; between, as many as their noise, added up, leaves below about that share of the rows."""
_OCTAVES = 2.0 ** np.arange(-10, 41)
_BOUNDS = {
    "number": np.concatenate([-_OCTAVES[::-1], [0.0], _OCTAVES]),
    "date": (np.arange("1900", "2102", dtype="datetime64[Y]").astype("datetime64[D]")).astype(np.float64),
}
"""Bins that do not depend on any row: octaves, and years."""


@dataclass(frozen=True)
class Raw:
    """A column as it is: `code` (rows,) the place of each row's value; of each value its `text`, its `form` and, where
    it is a number or a date, its `number` (a date: days since 1970-01-01)."""

    code: Codes
    text: Sequence[str]
    form: npt.NDArray[np.int8]
    number: Floats

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.code, minlength=len(self.text)).astype(np.int64)

    def only(self, rows: Any) -> Raw:
        """The same values; of these rows alone."""
        return Raw(self.code[rows], self.text, self.form, self.number)


@dataclass(frozen=True)
class Values:
    """The values themselves, in an order in which neighbours are alike, and all others."""

    values: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.values) + 1

    def coded(self, raw: Raw) -> Codes:
        place = {v: i for i, v in enumerate(self.values)}
        of = np.array([place.get(t, len(self.values)) for t in raw.text], np.int32)
        return of[raw.code] if len(of) else raw.code


@dataclass(frozen=True)
class Bins:
    """Numbers or dates between edges (bins + 1,), multiples of the unit; and all that is neither, or missing."""

    kind: str
    edges: Floats
    decimals: int

    @property
    def size(self) -> int:
        return len(self.edges)

    @property
    def unit(self) -> float:
        return float(10.0**-self.decimals)

    def coded(self, raw: Raw) -> Codes:
        """What is below the first edge or above the last counts in the first or last bin."""
        good = raw.form == DATE if self.kind == "date" else raw.form >= NUMBER
        place = np.searchsorted(self.edges, np.where(good, raw.number, 0.0), side="right") - 1
        of = np.where(good, place.clip(0, self.size - 2), self.size - 1).astype(np.int32)
        return of[raw.code] if len(of) else raw.code

    def numbers(self, codes: Codes, chance: np.random.Generator) -> Floats:
        """(rows,) a number in each one's bin, alike likely; nan for what is none."""
        low, high = np.append(self.edges[:-1], np.nan), np.append(self.edges[1:], np.nan)
        steps = np.maximum(np.rint((high - low) / self.unit), 1)
        found = low[codes] + np.floor(chance.random(len(codes)) * steps[codes]) * self.unit
        numbers: Floats = np.round(found, self.decimals)
        return numbers


Axis = Values | Bins


def in_bins(kind: str, low: float, high: float, decimals: int) -> Bins:
    """From low to high, both included, in equal bins."""
    unit = 10.0**-decimals
    return Bins(kind, _edges(np.linspace(low, high + unit, _PIECES + 1), unit), decimals)


def found(raw: Raw, cost: float, delta: float, source: Source, *, code: bool = False) -> Axis:
    """What a column holds, found with noise at `cost` in zCDP, and with `delta`. code: never as numbers.

    Three histograms to each of which a row adds 1: the forms of values, whose bins are fixed; the values, of which only
    those are seen whose noisy count is above a threshold (stability-based, as in B. Balle and Y.-X. Wang's Gaussian
    setting by A. Wilkins et al., Exact privacy analysis of the Gaussian sparse histogram mechanism, JPC 14, 2024), so
    that a value which one row alone brings in shows with a chance of at most delta; and where most are numbers or dates
    and not most rows have a value that is seen, counts by octave or year, whose bins are fixed, too.
    """
    counts = raw.counts
    third = cost / 3
    forms = source.noisy(np.bincount(raw.form, weights=counts, minlength=FORMS).astype(np.int64), third)
    kind, decimals = ("text", 0) if code else _kind(forms, deviation(third))
    seen, covered = _seen(counts, third, delta, source)
    if kind == "text" or covered >= _COVERED * max(int(forms.sum()), 1):
        numbers = kind == "number"
        order = sorted(seen, key=lambda i: (raw.number[i] if numbers and raw.form[i] >= NUMBER else math.inf,
                                            raw.text[i]))  # fmt: skip
        return Values(tuple(raw.text[i] for i in order))
    bounds = _BOUNDS[kind]
    good = raw.form == DATE if kind == "date" else raw.form >= NUMBER
    place = (np.searchsorted(bounds, raw.number[good], side="right") - 1).clip(0, len(bounds) - 2)
    by_bin = np.bincount(place, weights=counts[good], minlength=len(bounds) - 1).astype(np.int64)
    pieces = int(np.clip(_NOISE * float(forms.sum()) / deviation(cost), _COARSE, _PIECES))
    return _cut(kind, bounds, source.noisy(by_bin, third), deviation(third), decimals, pieces)


def _kind(forms: Any, sd: float) -> tuple[str, int]:
    """Of noisy counts of forms: what most values are that are not missing, and decimals that nearly all have."""
    there = np.where(forms > 2 * sd, forms, 0)
    known = max(int(there[TEXT:].sum()), 1)
    numbers = there[NUMBER:]
    if numbers.sum() >= _MOSTLY * known:
        return "number", int(np.argmax(np.cumsum(numbers) >= 0.99 * numbers.sum()))
    return ("date", 0) if there[DATE] >= _MOSTLY * known else ("text", 0)


def _seen(counts: Any, cost: float, delta: float, source: Source) -> tuple[list[int], int]:
    """The values whose noisy count is above the threshold, and the sum of these.

    Those in fewer than _SEEN rows never are. One row more may bring a value from below to that: its noise is then above
    the threshold with a chance of at most delta. (A discrete Gaussian exceeds m at most as often as a continuous one
    exceeds m - 1: Canonne, Kamath and Steinke 2020, proposition 25.)
    """
    often = np.flatnonzero(counts >= _SEEN)
    least = _SEEN + 1 + deviation(cost) * float(-special.ndtri(delta))
    noisy = source.noisy(counts[often], cost)
    high = noisy > least
    return often[high].tolist(), int(noisy[high].sum())


def _cut(kind: str, bounds: Floats, counts: Any, sd: float, decimals: int, many: int) -> Bins:
    """About so many bins within the bounds, finer where more is."""
    there = np.flatnonzero(counts > 4 * sd)
    first, last = (there[0], there[-1]) if len(there) else (int(np.argmax(counts)),) * 2
    part = np.maximum(counts[first : last + 1], 0)
    pieces = np.maximum(np.rint(many * part / max(int(part.sum()), 1)), 1).astype(int)
    cuts = [np.linspace(bounds[first + i], bounds[first + i + 1], n + 1)[:-1] for i, n in enumerate(pieces)]
    return Bins(kind, _edges(np.append(np.concatenate(cuts), bounds[last + 1]), 10.0**-decimals), decimals)


def _edges(cuts: Floats, unit: float) -> Floats:
    edges = np.unique(np.ceil(np.round(cuts / unit, 6)) * unit)
    return edges if len(edges) > 1 else np.array([edges[0], edges[0] + unit])
