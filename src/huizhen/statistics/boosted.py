"""A boosted model as its result tells it: importance, fit on each set of rows, and what the figures rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.result import Exposure, Statistic, Table
from huizhen.statistics import ranking
from huizhen.statistics.coding import MOST
from huizhen.statistics.trees import Trees

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_HELD = 0.05
CELLS = 1 << 20
"""Cells of a histogram at most: bins of all columns, times the nodes of a level."""


def importance(kept: Trees, names: tuple[str, ...]) -> dict[str, float]:
    """Each column's share of all gain, largest first; zeros when there is no tree."""
    gain = np.bincount(kept.column[kept.column >= 0], weights=kept.gain[kept.column >= 0], minlength=len(names))
    share = gain / max(float(gain.sum()), np.finfo(float).tiny)
    return {names[k]: float(share[k]) for k in np.argsort(-share, kind="stable")}


def fit(n: int, loss: Floats, kept: int, ranks: Ints | None) -> tuple[dict[str, Any], int]:
    """How well the trees do in one set of rows, and how many people that rests on."""
    if ranks is None:
        none = float(loss[0])
        return {"n": n, "mse": float(loss[kept]), "r_squared": 1 - float(loss[kept]) / none if none else None}, n
    outcomes = ranks.sum(axis=1)
    pairs = ranking.roc(*ranks)
    values = {
        "n": n,
        "outcomes": outcomes.tolist(),
        "log_loss": float(loss[kept]),
        "auc": pairs.concordance,
        "auc_tolerance": pairs.tolerance,
    }
    return values, int(outcomes.min())


def exposed(name: str, values: dict[str, Any], people: int, history: int) -> list[Exposure]:
    """From the loss without trees follows how many have each outcome, so losses rest on the rarer one."""
    figures = tuple((name, key) for key in values if key not in ("n", "outcomes"))
    curve = tuple(("history", i, name) for i in range(history))
    counts = (
        [Table((name, "outcomes"), margins=(((name, "n"), None),))] if "outcomes" in values else [Table((name, "n"))]
    )
    return [*counts, Statistic((*figures, *curve), people)]


def no_split(least: int) -> Unable:
    """The error where not even the first tree can ask anything."""
    return Unable(
        "no-split",
        Text(
            f"No column tells outcomes apart with at least {least} training rows on either side.",
            f"没有任何一列能在两侧各至少 {least} 个训练行的条件下区分结局。",
        ),
        Text(
            "Use other columns, lower min_child_rows, or widen the cohort.",
            "请更换列、降低 min_child_rows 或放宽队列条件。",
        ),
    )


def check_size(levels: Mapping[str, int], numbers: int, bins: int, depth: int) -> None:
    """Raises BadInput('histogram-too-large') where histograms would outgrow what a round may send.

    levels: of each category; numbers: columns of numbers, in so many bins each."""
    for name, count in levels.items():
        if count > MOST:
            raise _too_large(f"column {name} has {count} levels", f"列 {name} 有 {count} 个水平")
    cells = (sum(levels.values()) + numbers * bins) << (depth - 1)
    if cells > CELLS:
        raise _too_large(f"a histogram would have {cells} cells", f"直方图将有 {cells} 个单元")


def check_held(outcome: str, columns: tuple[str, ...], holdout: float) -> None:
    """Raises BadInput: 'outcome-among-columns', 'holdout-too-small'."""
    if outcome in columns:
        raise BadInput(
            "outcome-among-columns",
            Text(f"The outcome {outcome} is also among columns.", f"结局 {outcome} 同时列在 columns 中。"),
            Text("Leave it out of columns.", "请将其从 columns 中去掉。"),
        )
    if 0 < holdout < LEAST_HELD:
        raise BadInput(
            "holdout-too-small",
            Text(f"holdout is {holdout:g}.", f"holdout 为 {holdout:g}。"),
            Text("Hold out at least 0.05 of the rows.", "请至少留出 0.05 的行。"),
        )


def nothing_to_attack(holdout: float) -> BadInput:
    """The error where no row is held out, so that the guard would refuse whatever is grown."""
    return BadInput(
        "nothing-to-attack",
        Text(
            f"holdout is {holdout:g}: without held-out rows no attack on membership can be run; nothing is released.",
            f"holdout 为 {holdout:g}：没有留出行就无法进行成员推断攻击，任何结果都不会发布。",
        ),
        Text("Hold out some rows (holdout: 0.2).", "请留出部分样本（holdout: 0.2）。"),
    )


def _too_large(en: str, zh: str) -> BadInput:
    return BadInput(
        "histogram-too-large",
        Text(f"The trees would be too large: {en}.", f"树的规模过大：{zh}。"),
        Text(
            f"Use fewer columns, bins or levels of a tree (at most {MOST} levels of a category, {CELLS} cells).",
            f"请减少列数、分箱数或树的深度（分类列至多 {MOST} 个水平，至多 {CELLS} 个单元）。",
        ),
    )


def too_few_rows(least: int, held_out: bool) -> Unable:
    """The error where there are too few rows to grow a tree on, or none to hold out."""
    also = Text(", and some to be held out", "，并需有留出的行") if held_out else Text("", "")
    return Unable(
        "too-few-rows",
        Text(
            f"There are too few different rows: trees need at least {least} to be grown on{also.en}.",
            f"不同的行过少：训练至少需要 {least} 行{also.zh}。",
        ),
        Text(
            "Widen the cohort, or lower min_child_rows.",
            "请放宽队列条件，或降低 min_child_rows。",
        ),
    )
