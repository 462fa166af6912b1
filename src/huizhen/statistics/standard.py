"""From a design to the scale on which it is fitted, and back: every column centred and of unit spread.

On that scale a sum of products loses no digits to the units, so that the coefficients, taken back to the columns' own
units, agree with a pooled fit to many digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.result import Statistic
from huizhen.statistics import moments
from huizhen.statistics.design import Design
from huizhen.statistics.expression import Expression, Rows, Spread, Spreads
from huizhen.statistics.moments import LARGEST, Fields, Moments

Floats = npt.NDArray[np.float64]
State = dict[str, Any]

_NO_SPREAD = 1e-12
"""A spread below this share of the mean is that of the rounding of an expression."""


def stack(expressions: Mapping[str, Expression], rows: Rows, n: int) -> Floats:
    """(k, n) values of the expressions that functions such as scale() need the spread of."""
    values = np.empty((len(expressions), n))
    for out, inner in zip(values, expressions.values(), strict=True):
        out[:] = inner(rows, {})
    return values


def spreads(expressions: Mapping[str, Expression], state: State) -> Spreads:
    """What `after_inner` put into the state, by the text of the expression."""
    known = state.get("inner")
    if known is None:
        return {}
    pairs = zip(expressions, known["mean"].tolist(), known["sd"].tolist(), strict=True)
    return {text: Spread(known["n"], mean, sd) for text, mean, sd in pairs}


def refine(names: Sequence[str], total: Fields, state: State) -> State | Moments:
    """As `moments.refine` does. Raises Unable('not-finite') naming the columns without a finite value in some rows."""
    _check_finite(names, total["n"] < total["rows"])
    found = moments.refine(total, state)
    if isinstance(found, Moments):
        _check_finite(names, (np.abs(found.mean) > LARGEST) | (found.sd() > LARGEST))
    return found


def constant(found: Moments) -> npt.NDArray[np.bool_]:
    """(k,) which columns have one value in every row, but for rounding."""
    return ~(found.sd() > _NO_SPREAD * np.abs(found.mean))


def after_inner(names: Sequence[str], found: Moments) -> State:
    """The state of inner expressions. Raises Unable: 'no-rows', 'constant-column'."""
    check_rows(found.rows, 0)
    moments.check_varying(names, constant(found))
    dominance = [float(x) if np.isfinite(x) else None for x in found.dominance()]
    return {"n": found.rows, "mean": found.mean, "sd": found.sd(), "dominance": dominance}


def told(expressions: Mapping[str, Expression], state: State) -> tuple[dict[str, Any], tuple[Statistic, ...]]:
    """What a result says of the spreads, so that the model can score other rows, and what that rests on: {} without."""
    known = spreads(expressions, state)
    if not known:
        return {}, ()
    told = [{"expression": text, **spread._asdict()} for text, spread in known.items()]
    shown = [
        Statistic((("spreads", i, "n"), ("spreads", i, "mean"), ("spreads", i, "sd")), told[i]["n"], share)
        for i, share in enumerate(state["inner"]["dominance"])
    ]
    return {"spreads": told}, tuple(shown)


def scale(design: Design, found: Moments, centred: bool) -> State:
    """{centre, size}: (p,) each; an intercept stays as it is. Not centred: the size is the root mean square.

    Raises Unable: 'empty-level', 'constant-column'. found: its first p columns are the design's.
    """
    p = len(design.names)
    mean, sd = found.mean[:p], found.sd()[:p]
    empty = (mean == 0) & (sd == 0)
    unseen = empty & np.array(design.indicators)
    if unseen.any():
        raise _named(
            "empty-level", design.names, unseen,
            Text("No row has the levels", "以下水平没有任何一行"),
            Text(
                "Leave the column out, or widen the cohort or the participants until each level occurs.",
                "请去掉该列，或放宽队列、增加参与机构，使每个水平都出现。",
            ),
        )  # fmt: skip
    fixed = constant(found)[:p] if centred else empty
    if design.intercept is not None:
        fixed[design.intercept] = False
    moments.check_varying(design.names, fixed)
    centre = mean.copy() if centred else np.zeros(p)
    size = sd if centred else np.hypot(mean, sd)
    if design.intercept is not None:
        centre[design.intercept], size[design.intercept] = 0.0, 1.0
    return {"centre": centre, "size": size}


def apply(matrix: Floats, scale: State) -> Floats:
    """The (p, n) design matrix on the fitting scale, changed in place."""
    matrix -= scale["centre"][:, None]
    matrix /= scale["size"][:, None]
    return matrix


def back(design: Design, scale: State) -> Floats:
    """(p, p) matrix T: T b are coefficients in the columns' own units, where b are those on the fitting scale."""
    transform = np.diag(1 / scale["size"])
    if design.intercept is not None:
        transform[design.intercept] -= scale["centre"] / scale["size"]
    return transform


def at_centre(scale: State, beta: Floats) -> float:
    """The linear predictor, in the columns' own units, of a row with the mean of every column. beta: (p,) as fitted."""
    return float(beta @ (scale["centre"] / scale["size"]))


def check_rows(n: int, parameters: int) -> None:
    """Raises Unable('no-rows'), or 'too-few-rows' when there are no more rows than parameters."""
    if n == 0:
        raise Unable(
            "no-rows",
            Text("No row is left to compute on.", "没有可用于计算的行。"),
            Text("Widen the cohort, or use columns with fewer missing values.", "请放宽队列条件，或使用缺失较少的列。"),
        )
    if n <= parameters:
        raise Unable(
            "too-few-rows",
            Text(
                f"The model has {parameters} parameters and no more rows.",
                f"模型有 {parameters} 个参数，而行数不多于此。",
            ),
            Text("Use fewer columns, or a wider cohort.", "请减少自变量，或放宽队列条件。"),
        )


def _check_finite(names: Sequence[str], bad: npt.NDArray[np.bool_]) -> None:
    if bad.any():
        raise _named(
            "not-finite", names, bad,
            Text("In some rows there is no finite value (below 1e30) of", "部分行中以下各项没有有限值（小于 1e30）："),
            Text(
                "Leave these rows out with the cohort (for log(x): 'x > 0'), or use another function.",
                "请用队列条件排除这些行（如使用 log(x) 时加“x > 0”），或改用其他函数。",
            ),
        )  # fmt: skip


def _named(code: str, names: Sequence[str], which: npt.NDArray[np.bool_], what: Text, remedy: Text) -> Unable:
    chosen = [n for n, w in zip(names, which, strict=True) if w]
    return Unable(code, Text(f"{what.en} {', '.join(chosen)}.", f"{what.zh} {'、'.join(chosen)}。"), remedy)
