"""A synthetic file from a file of the data holder's own: learned, drawn, compared, attacked, then given its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from huizhen.adapters.own_file import new_file, read_table, write_table
from huizhen.adapters.synthetic_table import Heard, Learned, learned, raws
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.synthesis import Synthesis
from huizhen.privacy.attack import Attack
from huizhen.privacy.synthetic.attack import LIMIT, Scene, attacked, told_at_most
from huizhen.privacy.synthetic.axis import Bins, Values
from huizhen.privacy.synthetic.fidelity import fidelity
from huizhen.privacy.synthetic.source import OpenDpSource, Source
from huizhen.privacy.synthetic.tree import Codes

ONE_IN, HELD = 20, 1000
"""Each row is kept out with a chance of one in so many, so that attacks can be compared on those kept out: on a
thousand of them at most. Each by itself, and by a chance that no seed repeats: one row more or less then changes
nothing of which others are learned from, and costs no privacy."""
_JUDGED = 3
"""Columns of which a model is grown and which are to be guessed."""
_FEWEST, _MOST_VALUES = 20, 50


@dataclass(frozen=True)
class Synthetic:
    table: pa.Table
    figures: dict[str, Any]


def synthesise(
    path: Path, out: Path, asked: Synthesis, heard: Heard, seed: int | None = None, *, judged: bool = True
) -> dict[str, Any]:
    """A synthetic file of the same kind as a CSV or Parquet file; gives what `synthetic` tells of it. Raises NotFound,
    BadInput, and Refused where an attack on it gains more than is promised; `out` is then as it was."""
    with new_file(out, path) as part:
        table, delimiter = read_table(path)
        heard("read", len(table))
        made = synthetic(table, asked, heard, seed, judged=judged)
        write_table(made.table, part, delimiter)
    return made.figures


def synthetic(
    table: pa.Table,
    asked: Synthesis,
    heard: Heard,
    seed: int | None = None,
    *,
    judged: bool = True,
    source: Source | None = None,
) -> Synthetic:
    """A synthetic table, with what was spent on what, and unless `judged` is false how near it is to the original, what
    it is good for, and attacks on it.

    seed: of what is drawn from the noisy figures; the noise itself, and who is kept out, are never repeatable. The
    comparison and the attacks look at the original without noise, and are the holder's own: epsilon does not cover
    them. Raises BadInput, and Refused where an attack gains more than is promised.
    """
    chance = np.random.default_rng(seed)
    columns = raws(table, asked)
    rows = len(next(iter(columns.values())).code)
    out = np.random.default_rng().random(rows) * ONE_IN < 1 if judged else np.zeros(rows, np.bool_)
    inside, away = np.flatnonzero(~out), np.flatnonzero(out)
    known = {name: one.only(inside) for name, one in columns.items()} if len(away) else columns
    found = learned(table, known, asked, source or OpenDpSource(), heard)
    estimate = found.forest.rows
    if judged:
        estimate *= ONE_IN / (ONE_IN - 1)
    released, codes = found.draw(asked.rows or max(round(estimate), 1), chance)
    heard("draw", len(released))
    figures = _spent(found, asked, len(released), seed)
    if not judged:
        return Synthetic(released, figures)
    original = {name: found.axes[name].coded(one) for name, one in columns.items()}
    sizes = {name: axis.size for name, axis in found.axes.items()}
    drawn = dict(zip(found.axes, codes, strict=True))
    figures["fidelity"] = fidelity(original, drawn, sizes)
    heard("measure", rows)
    secrets = _secrets(found, original)
    figures["utility"] = [_use(name, original, drawn, chance) for name in secrets]
    figures["utility"] = [u for u in figures["utility"] if u is not None]
    if len(away) >= _FEWEST:
        others = chance.permutation(away)[:HELD]
        attacks = _attacks(found, original, drawn, inside, others, secrets, asked, chance)
        figures["attacks"] = [a.as_json() for a in attacks]
        heard("attack", len(others))
        _check(attacks)
    return Synthetic(released, figures)


def _spent(found: Learned, asked: Synthesis, rows: int, seed: int | None) -> dict[str, Any]:
    return {
        "rows": rows,
        "epsilon": asked.epsilon,
        "delta": asked.delta,
        "zcdp": found.cost,
        "spent": {step: cost / found.cost for step, cost in found.spent.items()},
        "seed": seed,
        "columns": {
            name: {
                "kind": axis.kind if isinstance(axis, Bins) else "values",
                "found": name not in asked.columns or asked.columns[name].code,
                "many": axis.size - 1,
            }
            for name, axis in found.axes.items()
        },
        "pairs": [list(pair) for pair in found.pairs],
    }


def _secrets(found: Learned, original: dict[str, Codes]) -> list[str]:
    """Columns of some values, of which the commonest has least of the rows."""
    share = {
        name: float(np.bincount(original[name]).max() / len(original[name]))
        for name, axis in found.axes.items()
        if isinstance(axis, Values) and 2 <= len(axis.values) <= _MOST_VALUES
    }
    return sorted(share, key=share.__getitem__)[:_JUDGED]


def _use(
    name: str, original: dict[str, Codes], drawn: dict[str, Codes], chance: np.random.Generator
) -> dict[str, Any] | None:
    """The area under the ROC curve, on rows of the original, of a model of a column's commonest value that was grown on
    synthetic rows, and of one grown on other rows of the original. None where either group is too small to tell."""
    from huizhen.adapters.anonymise_use import MOST, auc, grown
    from huizhen.statistics.scoring import predict

    order = chance.permutation(len(original[name]))
    half = min(len(order) // 2, MOST)
    train, test = order[:half], order[half : 2 * half]
    made = chance.permutation(len(drawn[name]))[:half]
    common = int(np.bincount(original[name]).argmax())
    truth = (original[name][test] == common).astype(np.float64)
    if min(truth.sum(), half - truth.sum()) < 50:
        return None
    others = {n: c[test].astype(np.float64) for n, c in original.items() if n != name}
    told: dict[str, Any] = {"column": name, "rows": half}
    for when, rows, given in (("original", train, original), ("synthetic", made, drawn)):
        features = {n: c[rows].astype(np.float64) for n, c in given.items() if n != name}
        outcome = (given[name][rows] == common).astype(np.float64)
        vary = tuple(n for n, c in features.items() if np.ptp(c) > 0)
        model = grown(vary, features, outcome, 0) if 0 < outcome.sum() < len(outcome) else None
        score = np.zeros(half) if model is None else predict(model, others)
        told[when] = auc(score, truth)
    return told


def _attacks(
    found: Learned,
    original: dict[str, Codes],
    drawn: dict[str, Codes],
    inside: Any,
    away: Any,
    secrets: list[str],
    asked: Synthesis,
    chance: np.random.Generator,
) -> list[Attack]:
    targets = np.sort(chance.permutation(inside)[: len(away)])
    scene = Scene(
        list(drawn.values()),
        [c[targets] for c in original.values()],
        [c[away] for c in original.values()],
        [isinstance(axis, Bins) for axis in found.axes.values()],
        [axis.size for axis in found.axes.values()],
    )
    names = list(found.axes)
    limit = min(LIMIT, told_at_most(asked.epsilon, asked.delta))
    return attacked(scene, [(names.index(n), n) for n in secrets], limit, chance)


def _check(attacks: list[Attack]) -> None:
    broken = [a for a in attacks if not a.held]
    if not broken:
        return
    worst = max(broken, key=lambda a: a.gain.low - a.limit)
    share, low, limit = worst.gain.share, worst.gain.low, worst.limit
    raise Refused(
        "synthetic-attack-succeeds",
        Text(f"The synthetic file was stopped: an attack ({worst.name}) gains {share:.3f} on people it was learned "
             f"from, beside others (at least {low:.3f}); at most {limit:.3f} is promised.",
             f"已阻止写出合成文件：攻击（{worst.name}）对参与学习者相对于其他人的收益为 {share:.3f}"
             f"（至少 {low:.3f}），承诺不超过 {limit:.3f}。"),
        Text("Ask for a smaller epsilon. Where it is 1 or less already, this is a fault of ours: please report it.",
             "请减小 epsilon；若已不大于 1，则为程序错误，请报告。"),
    )  # fmt: skip
