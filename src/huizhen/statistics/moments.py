"""Means, spreads and cross-products of columns from sums alone: one round for ordinary numbers, four at most for any.

A round adds the values and their products about a shift, in a unit that is a power of two. Where the spread turns out
small against the mean, the shift is set to the mean; where values are too large or too small for what a sum holds, the
unit is set to their size; and the round is repeated (T. F. Chan, G. H. Golub and R. J. LeVeque, The American
Statistician 37, 1983). Every round counts its rows anew and stands by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
State = dict[str, Any]
Fields = dict[str, npt.NDArray[Any]]

LARGEST = 1e30
"""What is computed from products of columns squares them again: larger means or spreads are of no use to it."""
_FAR = 1e-4
"""A variance below this share of the squared distance from the shift has lost too many digits."""
_CENTRED = 1e-9
"""A mean nearer to the shift than this share of it is as near as a double comes."""
_ROUNDING = 1e-18
"""What is left of the spread of a constant column, relative to its value, is smaller; two different doubles are not."""
_TINY = 2.0**-50
"""A sum of squares of fewer units would lose digits to the fixed point, which ends at 2**-90."""
_LARGE_BITS = 30
"""Values of 2**30 units or more are left to a round with a larger unit: the fixed point ends at 2**100."""
_BITS = 28
"""A unit that is set to the size of the values makes the largest 2**28 units at most."""
_STEP, _BELOW, _BINS = 32, 35, 67
"""Sizes are counted by factors of 2**_STEP, in _BELOW bins below _LARGE_BITS: together, all that doubles have."""


@dataclass(frozen=True)
class Moments:
    """Of k columns, each over its own rows that hold a finite number."""

    rows: int
    n: Counts
    """(k,) finite numbers."""
    negative: Counts
    """(k,) rows below zero."""
    mean: Floats
    """(k,) in the column's unit; NaN where n is 0."""
    products: Floats
    """(k, k) sums of products of deviations from the means, in units of `scale`; only the diagonal, as (k,), unless
    cross-products were asked for."""
    scale: Floats
    """(k,) powers of two: a deviation in the column's unit is scale times the deviation in `products`."""

    def sd(self) -> Floats:
        """(k,) standard deviation with n - 1 below; NaN where n < 2, zero where it is the rounding of the mean."""
        squares = np.diagonal(self.products) if self.products.ndim == 2 else self.products
        with np.errstate(invalid="ignore", divide="ignore"):
            root: Floats = np.sqrt(squares / np.where(self.n > 1, self.n - 1, np.nan)) * self.scale
        return np.where(root <= _ROUNDING * np.abs(self.mean), 0.0, root)

    def dominance(self) -> Floats:
        """(k,) sqrt(sum x^2) / sum x, which no person's share of the total exceeds; NaN where some x are negative."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share: Floats = np.sqrt((self.n - 1) * (self.sd() / self.mean) ** 2 + self.n) / self.n
        return np.where((self.negative == 0) & (self.n > 1) & (self.mean > 0), share, np.nan)


def start(size: int, ones: int | None = None) -> State:
    """ones: the position of a column that holds nothing but 1, if there is one."""
    shift = np.zeros(size)
    if ones is not None:
        shift[ones] = 1.0
    return {"shift": shift, "exponent": np.zeros(size, dtype=np.int32)}


def partial(values: Floats, state: State, cross: bool = False) -> Fields:
    """Named sums of this round, additive over rows.

    values: (k, rows), NaN where missing. cross: add the products of every pair of columns, which takes complete rows.
    """
    finite = np.isfinite(values)
    with np.errstate(over="ignore", invalid="ignore"):
        units = np.ldexp(values, -state["exponent"][:, None])
        units -= np.ldexp(state["shift"], -state["exponent"])[:, None]
    units[~finite] = 0.0
    sizes = _sizes(units)
    units[np.abs(units) >= 2.0**_LARGE_BITS] = 0.0
    return {
        "rows": np.asarray(values.shape[1]),
        "n": finite.sum(axis=1),
        "infinite": np.isinf(values).sum(axis=1),
        "negative": (values < 0).sum(axis=1),
        "sizes": sizes,
        "sum": units.sum(axis=1),
        "products": units @ units.T if cross else np.einsum("ij,ij->i", units, units),
    }


def refine(total: Fields, state: State) -> State | Moments:
    """The next state, or the moments. Raises BadInput('infinite-value')."""
    check_finite(total["infinite"])
    shift, exponent, sizes, products = state["shift"], state["exponent"], total["sizes"], total["products"]
    n = np.maximum(total["n"], 1)
    off = total["sum"] / n
    mean = shift + np.ldexp(off, exponent)
    squares = np.diagonal(products) if products.ndim == 2 else products
    wrong = sizes[:, _BELOW:].any(axis=1) | (sizes.any(axis=1) & (squares < _TINY))
    near = np.ldexp(np.abs(off), exponent) <= _CENTRED * np.abs(shift)
    far = ~wrong & ~near & (squares / n - off**2 < _FAR * off**2)
    if wrong.any() or far.any():
        top = _BINS - 1 - np.argmax(sizes[:, ::-1] > 0, axis=1)
        fitting = exponent + (top - _BELOW + 1) * _STEP + _LARGE_BITS - _BITS
        exponent = np.where(wrong, fitting, np.where(far, np.frexp(mean)[1] - _BITS, exponent)).astype(np.int32)
        return {"shift": np.where(far, mean, shift), "exponent": exponent}
    squares = squares - off**2 * n
    return Moments(
        rows=int(total["rows"]),
        n=total["n"],
        negative=total["negative"],
        mean=np.where(total["n"] > 0, mean, np.nan),
        products=products - np.outer(off * n, off) if products.ndim == 2 else np.maximum(squares, 0),
        scale=np.ldexp(1.0, exponent),
    )


def check_finite(infinite: npt.NDArray[Any]) -> None:
    """Raises BadInput('infinite-value') when any of these counts of infinite values is not zero."""
    if infinite.any():
        raise BadInput(
            "infinite-value",
            Text("Some values are infinite.", "有些取值为无穷大。"),
            Text("Leave these rows out with the cohort.", "请用队列条件排除这些行。"),
        )


def check_varying(names: Sequence[str], constant: npt.NDArray[np.bool_]) -> None:
    """Raises Unable('constant-column') naming the columns that have one value in every row."""
    if constant.any():
        which = [name for name, same in zip(names, constant, strict=True) if same]
        raise Unable(
            "constant-column",
            Text(f"Column {', '.join(which)} holds one value only.", f"列“{'、'.join(which)}”只有一个取值。"),
            Text("Leave it out, or widen the cohort.", "请去掉该列，或放宽队列条件。"),
        )


def _sizes(units: Floats) -> Counts:
    """(k, bins) rows by size: how many have an absolute value within each factor of 2**_STEP; zeros have none."""
    k = len(units)
    place = np.clip((np.frexp(units)[1] - _LARGE_BITS - 1) // _STEP + _BELOW, 0, _BINS - 1)
    place += _BINS * np.arange(k, dtype=place.dtype)[:, None]
    return np.bincount(place[units != 0], minlength=k * _BINS).reshape(k, _BINS)
