"""The independent check of what a release promises among a population: k-map and delta-presence, by SQL.

From the release and the population alone it does not follow whom the engine counted in which class, since labels may
overlap. So the engine says it, and what it says is checked: everyone of the population is there as often as in the file
of the population, each label covers the value it stands for, and the counts are as promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation


@dataclass(frozen=True)
class Witness:
    """Everyone of the file and then of the population around it: `placed` (people,): is this one in a class that has
    rows? `inside` (people,): in the file? `value` and `label`: by quasi-identifier, as text; `covers`: by column, each
    value with each label that covers it."""

    placed: Any
    inside: Any
    value: Mapping[str, Any]
    label: Mapping[str, Any]
    covers: Mapping[str, Sequence[tuple[str, str]]]


def broken_among(
    connection: duckdb.DuckDBPyConnection, asked: Anonymisation, people: str, witness: Witness
) -> list[Text]:
    """What does not hold. The table `cells` has the combinations of the release, with c; `people` is what to read the
    population from, in SQL."""
    names = list(asked.quasi_identifiers)
    columns = {f"v{i}": pa.array(witness.value[n], pa.string()) for i, n in enumerate(names)}
    columns |= {f"l{i}": pa.array(witness.label[n], pa.string()) for i, n in enumerate(names)}
    connection.register("said", pa.table({**columns, "placed": witness.placed, "inside": witness.inside}))
    found, values = [], ", ".join(f"v{i}" for i in range(len(names)))
    same = ", ".join(f"coalesce({_quoted(n)}::VARCHAR, '') AS v{i}" for i, n in enumerate(names))
    if connection.execute(f"""
        SELECT 1 FROM (SELECT {values}, 1 AS d FROM said UNION ALL SELECT {same}, -1 AS d FROM {people})
        GROUP BY {values} HAVING sum(d) <> 0 LIMIT 1""").fetchall():
        found.append(Text("it was not counted among the population given", "计数所用并非所给总体"))
    for i, name in enumerate(names):
        pairs = witness.covers[name]
        connection.register(f"covers{i}", pa.table({"v": [p[0] for p in pairs], "l": [p[1] for p in pairs]}))
        if connection.execute(f"""
            SELECT 1 FROM (SELECT DISTINCT v{i} AS v, l{i} AS l FROM said WHERE placed) ANTI JOIN covers{i} USING (v, l)
            LIMIT 1""").fetchall():
            found.append(Text(f"a label of column '{name}' does not cover a person", f"列“{name}”有标签未覆盖其人"))
    labels = ", ".join(f"l{i}" for i in range(len(names)))
    cells = ", ".join(f"coalesce({_quoted(n)}::VARCHAR, '') AS l{i}" for i, n in enumerate(names))
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE shared AS
        SELECT coalesce(c, 0) AS c, coalesce(f, 0) AS f, coalesce(n, 0) AS n
        FROM (SELECT {cells}, sum(c) AS c FROM cells GROUP BY ALL)
        FULL JOIN (SELECT {labels}, count(*) AS n, count(*) FILTER (inside) AS f FROM said WHERE placed GROUP BY ALL)
        USING ({labels})""")
    promised = asked.population
    assert promised is not None
    for test, text in (
        ("c <> f", Text("the rows of a class are not those of the file", "某等价类的行与文件不符")),
        (f"n < {promised.k_map or 1}", Text(f"fewer than {promised.k_map} people share a combination",
                                            f"有组合在总体中不足 {promised.k_map} 人")),
        (f"c > {promised.present_most!r}::DOUBLE * n + 1e-9",
         Text("too large a share of a class is in the file", "某等价类中在文件内的比例过高")),
        (f"c < {promised.present_least!r}::DOUBLE * n - 1e-9",
         Text("too small a share of a class is in the file", "某等价类中在文件内的比例过低")),
    ):  # fmt: skip
        if connection.execute(f"SELECT 1 FROM shared WHERE {test} LIMIT 1").fetchall():
            found.append(text)
    if promised.present_least and connection.execute("SELECT 1 FROM said WHERE NOT placed LIMIT 1").fetchall():
        found.append(Text("someone is surely not in the file", "有人必定不在文件中"))
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
