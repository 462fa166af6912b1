"""Parameters proposed from a target risk and a target use: settings tried in memory, the same for the same file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from huizhen.adapters.anonymise_columns import encoded
from huizhen.adapters.anonymise_release import Heard
from huizhen.adapters.anonymise_table import Coded, coded
from huizhen.adapters.anonymise_use import use_of
from huizhen.adapters.identified import found_of
from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation, Variety
from huizhen.privacy.anonymise.cost import measure
from huizhen.privacy.anonymise.partition import Partition, partition
from huizhen.privacy.anonymise.relevance import told, weights
from huizhen.privacy.risk import risks

CURVE = (2, 3, 5, 10, 20, 50, 100, 200)
SUPPRESS = (0.0, 0.01, 0.05)
KINDS = 16
_NOTICED = 0.005
"""Of area under the curve: what less is, is no difference."""


@dataclass(frozen=True)
class Found:
    """The setting that was settled on; `curve`: what was tried, a line for each; `weights` by column, where a use was
    named, and `original`: the area under the curve that the original gives."""

    asked: Anonymisation
    curve: list[dict[str, Any]]
    weights: dict[str, float]
    original: float | None

    def as_json(self, risk: float, use: str | None) -> dict[str, Any]:
        return {
            "risk": risk, "use": use, "curve": self.curve, "weights": self.weights, "original": self.original,
            "k": self.asked.k, "suppress": self.asked.suppress,
        }  # fmt: skip


def adapted(table: pa.Table, asked: Anonymisation, beside: Path, use: str) -> Anonymisation:
    """With a weight for each column by how much it tells of `use`, and less for what identifies a person; weights that
    were given stay. Raises BadInput where `use` is no column that is released as it is."""
    given = coded(table, asked, beside)
    found = _weights(table, given, asked, use)
    return _weighted(asked, found)


def settled(table: pa.Table, asked: Anonymisation, beside: Path, risk: float, use: str | None, heard: Heard) -> Found:
    """The setting for which nobody is found with a greater chance than `risk`, and that is best for `use`: by the area
    under the curve of a model grown on the release, or, without a use, by the loss (NCP).

    k follows from the risk; weights are equal or by use, and so many rows may be suppressed as do best, unless that
    was said. A sensitive column of which nothing is promised gets two different values in each class, where the file
    has them. Raises BadInput, and Unable where the risk cannot be reached.
    """
    least = max(math.ceil(1 / risk - 1e-9), 2)
    if least > len(table):
        raise Unable(
            "risk-not-reachable",
            Text(f"A risk of {risk:g} needs {least:,} rows alike; the file has {len(table):,}.",
                 f"风险 {risk:g} 需要 {least:,} 行相同；文件只有 {len(table):,} 行。"),
            Text(f"The nearest setting: --risk {math.ceil(1e4 / len(table)) / 1e4:g}.",
                 f"最接近的可行设置：--risk {math.ceil(1e4 / len(table)) / 1e4:g}。"),
        )  # fmt: skip
    asked = _varied(table, asked.model_copy(update={"k": least}))
    given = coded(table, asked, beside)
    by_use = {} if use is None else _weights(table, given, asked, use)
    codes = None if use is None else _classes(table[use])
    ways = {"equal": asked, **({"adaptive": _weighted(asked, by_use)} if by_use else {})}
    tried = sorted({k for k in CURVE if k <= len(table) // 2} | {least})
    curve, best, original = [], [], None
    for k in tried:
        for way, setting in ways.items():
            for suppress in SUPPRESS if k == least and not asked.suppress else (asked.suppress,):
                one = setting.model_copy(update={"k": k, "suppress": suppress})
                heard("auto", k)
                line, before = _tried(given, one, codes, use)
                if line is None:
                    continue
                original = before if before is not None else original
                curve.append({"k": k, "way": way, "suppress": suppress, **line})
                if k == least:
                    best.append((line, one))
    if not best:
        raise Unable(
            "nothing-reachable",
            Text("No setting holds what is promised.", "没有设置能满足所承诺的要求。"),
            Text("Ask for less of the sensitive columns, or a higher risk.", "请降低对敏感列的要求，或提高 --risk。"),
        )
    top = max((line["use"] or 0.0) for line, _ in best)
    good = [(line, one) for line, one in best if (line["use"] or 0.0) >= top - _NOTICED]
    chosen = min(good, key=lambda pair: (round(pair[0]["loss"], 4), pair[1].suppress))[1]
    return Found(chosen, curve, by_use, original)


def _tried(
    given: Coded, asked: Anonymisation, codes: npt.NDArray[np.int32] | None, use: str | None
) -> tuple[dict[str, Any] | None, float | None]:
    """Risk, loss and use of one setting, and the use of the original; None where it cannot be made."""
    rows = [c[: given.rows] for c in given.columns]
    try:
        found = _made(given, rows, asked)
    except Unable:
        return None, None
    if len(found.start) == 0:
        return None, None
    cost = measure(found, list(given.hierarchies.values()), list(given.hierarchies))
    line = {
        "risk": risks(found.size, None).prosecutor.as_json()["highest"], "loss": cost["ncp"],
        "left_out": len(found.gone), "use": None,
    }  # fmt: skip
    model = None if codes is None or use is None else use_of(given, found, codes, use, 0)
    if model is None:
        return line, None
    return line | {"use": model["released"]["auc"]}, model["original"]["auc"]


def _made(given: Coded, rows: list[npt.NDArray[np.int32]], asked: Anonymisation) -> Partition:
    """The classes, of rows in the order of the file, so that the same file gives the same ones."""
    from huizhen.privacy.anonymise.lattice import optimal

    trees, secret = list(given.hierarchies.values()), list(given.sensitive.values())
    suppress = int(given.rows * asked.suppress + 1e-9)
    if asked.algorithm == "lattice":
        return optimal(rows, trees, asked.k, secret, suppress=suppress)
    return partition(
        rows, trees, asked.k, secret, suppress=suppress, threads=os.cpu_count() or 1,
        weights=[how.weight for how in asked.quasi_identifiers.values()],
    )  # fmt: skip


def _weights(table: pa.Table, given: Coded, asked: Anonymisation, use: str) -> dict[str, float]:
    if use not in (*asked.sensitive, *asked.keep):
        raise BadInput(
            "use-not-released",
            Text(f"--for {use}: that is no column under sensitive or keep.",
                 f"--for {use}：该列不在 sensitive 或 keep 中。"),
            Text("Name the column that the recipient wants to tell from the others, released as it is.",
                 "请给出接收方要由其他列推断、且原样发布的列。"),
        )  # fmt: skip
    classes = _classes(table[use]).astype(np.int64)
    shares = {n: told(c[: given.rows], tree, classes)
              for (n, tree), c in zip(given.hierarchies.items(), given.columns, strict=True)}  # fmt: skip
    identifying = [n for n in given.hierarchies if found_of(n, table[n]) is not None]
    return weights(shares, identifying)


def _weighted(asked: Anonymisation, found: Mapping[str, float]) -> Anonymisation:
    """Weights that were given stay as they are."""
    return asked.model_copy(
        update={
            "quasi_identifiers": {
                n: how.model_copy(update={"weight": how.weight if how.weight != 1 else found[n]})
                for n, how in asked.quasi_identifiers.items()
            }
        }
    )


def _classes(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """A column's rows in at most KINDS classes: numbers of many values by size, others the commonest and the rest. The
    commonest class, of which use is told, is not that of the rest."""
    code, values = encoded(column)
    count = np.bincount(code, minlength=len(values))
    if len(values) <= KINDS:
        return code
    try:
        number = np.array([float(v) if v else np.nan for v in values])
    except ValueError:
        rank = np.empty(len(values), np.int32)
        rank[np.argsort(-count, kind="stable")] = np.arange(len(values), dtype=np.int32)
        given: npt.NDArray[np.int32] = np.minimum(rank, KINDS - 1)[code]
        return given
    order = np.argsort(number, kind="stable")
    part = np.empty(len(values), np.int32)
    part[order] = np.minimum((np.cumsum(count[order]) - 1) * 4 // len(code), 3)
    by_size: npt.NDArray[np.int32] = part[code]
    return by_size


def _varied(table: pa.Table, asked: Anonymisation) -> Anonymisation:
    two = {n: Variety(distinct=2) if variety == Variety() and len(encoded(table[n])[1]) > 1 else variety
           for n, variety in asked.sensitive.items()}  # fmt: skip
    return asked.model_copy(update={"sensitive": two})
