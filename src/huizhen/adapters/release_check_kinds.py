"""The independent check of what is special about a release: differential privacy, and means. By SQL and from
the definitions, without the engine; of a hierarchy only what it puts each value under is taken from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.hierarchy import Hierarchy


@dataclass(frozen=True)
class Kinds:
    """What the engine says of a release: `differential` its parameters and levels, if it is one; the hierarchies of the
    quasi-identifiers."""

    differential: Mapping[str, Any] | None
    trees: Mapping[str, Hierarchy]


def broken_kinds(
    connection: duckdb.DuckDBPyConnection, original: str, asked: Anonymisation, kinds: Kinds
) -> list[Text]:
    """What does not hold. `connection` has the table `cells` of the released combinations and their rows c; `original`
    is a source of the original's rows, to be selected from."""
    found = []
    if asked.differential is not None:
        if kinds.differential is None or not _parameters_hold(asked, kinds.differential):
            found.append(Text("its epsilon and delta do not follow from k and the chance to be drawn",
                              "其 epsilon 与 delta 不能由 k 与抽样概率得出"))  # fmt: skip
        elif not _sample_of_one_rule(connection, original, kinds):
            found.append(Text("it is no sample of the original at one level for each column",
                              "它不是原文件在各列单一层级下的抽样"))  # fmt: skip
    found += [
        Text(f"column '{name}' is not made of means", f"列“{name}”不是由均值组成")
        for name, how in asked.quasi_identifiers.items()
        if how.by == "microaggregate" and not _means(connection, original, name, bool(asked.suppress))
    ]
    return found


def _parameters_hold(asked: Anonymisation, said: Mapping[str, Any]) -> bool:
    """epsilon = epsilon_release + epsilon_search, beta <= 1 - exp(-epsilon_release), delta by its definition."""
    wanted = asked.differential
    if wanted is None or said["epsilon_release"] <= 0 or said["epsilon_search"] < 0:
        return False
    total = said["epsilon_release"] + said["epsilon_search"]
    fixed = all(how.level is not None for how in asked.quasi_identifiers.values())
    return bool(
        total <= wanted.epsilon * (1 + 1e-12)
        and said["k"] <= asked.k
        and (fixed or said["epsilon_search"] > 0)
        and said["sample"] <= 1 - math.exp(-said["epsilon_release"]) + 1e-12
        and _delta(said["k"], said["sample"], said["epsilon_release"]) <= wanted.delta * (1 + 1e-6)
    )


def _delta(k: int, beta: float, epsilon: float) -> float:
    """Li et al. 2012, theorem 1, term by term: max over n >= k / gamma - 1 of the sum over j > gamma n of f(j; n)."""
    gamma = (math.exp(epsilon) - 1 + beta) / math.exp(epsilon)
    rate = gamma * math.log(gamma / beta) - (gamma - beta)
    n, most = max(math.ceil(k / gamma - 1), 1), 0.0
    while most < math.exp(-n * rate):
        logs, j = [], math.floor(gamma * n) + 1
        while j <= n:
            logs.append(
                math.lgamma(n + 1) - math.lgamma(j + 1) - math.lgamma(n - j + 1)
                + j * math.log(beta) + (n - j) * math.log1p(-beta)
            )  # fmt: skip
            if logs[-1] < logs[0] - 60:
                break
            j += 1
        most = max(most, sum(map(math.exp, logs)))
        n += 1
    return most


def _sample_of_one_rule(connection: duckdb.DuckDBPyConnection, original: str, kinds: Kinds) -> bool:
    """Every released combination is one of the original's at the levels said, and has no more rows than there."""
    levels = (kinds.differential or {})["levels"]
    picked, joins = [], []
    for i, (name, tree) in enumerate(kinds.trees.items()):
        level, leaf = levels[name], tree.node[-1]
        table = pa.table({"v": [tree.label[x] for x in leaf.tolist()],
                          "m": [tree.label[x] for x in tree.node[level].tolist()]})  # fmt: skip
        connection.register(f"tree{i}", table)
        column = '"' + name.replace('"', '""') + '"'
        joins.append(f"JOIN tree{i} ON coalesce(o.{column}::VARCHAR, '') = tree{i}.v")
        picked.append((f"tree{i}.m", column))
    labels = ", ".join(f"{m} AS l{i}" for i, (m, _) in enumerate(picked))
    same = " AND ".join(f"coalesce(cells.{column}::VARCHAR, '') = l{i}" for i, (_, column) in enumerate(picked))
    short = connection.execute(
        f"""WITH whole AS (SELECT {labels}, count(*) AS n FROM {original} o {" ".join(joins)} GROUP BY ALL)
        SELECT 1 FROM cells LEFT JOIN whole ON {same} WHERE n IS NULL OR cells.c > n LIMIT 1"""
    ).fetchone()
    return short is None


def _means(connection: duckdb.DuckDBPyConnection, original: str, name: str, suppressed: bool) -> bool:
    """Numbers within the original's range; and where no row is left out or without a mean, the same sum, but for what
    rounding to the decimals that are written may do."""
    column = '"' + name.replace('"', '""') + '"'
    value = f"try_cast(nullif({column}::VARCHAR, '') AS DOUBLE)"
    there: Any = connection.execute(
        f"""SELECT sum({value} * c), min({value}), max({value}), sum(c) FILTER ({value} IS NOT NULL),
        sum(c) FILTER ({column}::VARCHAR = '*'), max(length(split_part({column}::VARCHAR, '.', 2))) FROM cells"""
    ).fetchone()
    before: Any = connection.execute(
        f"SELECT sum({value}), min({value}), max({value}), count({value}) FROM {original}"
    ).fetchone()
    if there[3] is None or before[3] == 0:
        return there[3] is None
    wide = 0.5 * 10.0 ** -(there[5] or 0)
    if there[1] < before[1] - wide or there[2] > before[2] + wide:
        return False
    if suppressed or there[4] or there[3] != before[3]:
        return True
    error = there[3] * (wide + 1e-12 * max(abs(before[1]), abs(before[2])))
    return bool(np.abs(there[0] - before[0]) <= error)
