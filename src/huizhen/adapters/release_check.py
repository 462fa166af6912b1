"""The independent check of an anonymised file: from the file alone, by SQL, without the engine that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from huizhen.adapters.anonymise_table import as_text
from huizhen.adapters.own_file import in_utf8, read_table
from huizhen.adapters.release_check_kinds import Kinds, broken_kinds
from huizhen.adapters.release_population import Witness, broken_among
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation, Variety
from huizhen.privacy.anonymise.hierarchy import Hierarchy

_AT_ONCE = 4_000_000
"""Cells of a table of classes by values that is looked at in one piece."""


@dataclass(frozen=True)
class Table:
    """A file; how its fields are separated, where it is CSV."""

    path: Path
    delimiter: str


def check_release(
    released: Table,
    original: Table,
    asked: Anonymisation,
    hierarchies: Mapping[str, Hierarchy],
    rows: int,
    population: tuple[Table, Witness] | None = None,
    memory: int | None = None,
    kinds: Kinds | None = None,
) -> None:
    """Raises Refused where the file does not hold what was asked, in 64 bit, or does not have as many rows.

    original: whose shares closeness is measured against. hierarchies: order and tree of the sensitive columns that need
    one, by name. population: the file of the population, where there is one, and whom of it the engine says to be in
    which class. memory: bytes that this may take; what is more lies beside the file for a while. kinds: what the engine
    says of differential privacy and of means, where one is asked.
    """
    read = in_utf8 if asked.suppress or kinds is not None else nullcontext
    with (
        read(original.path) as path,
        TemporaryDirectory(prefix=".huizhen-", dir=released.path.parent) as folder,
        duckdb.connect(config=_limits(memory, folder)) as connection,
    ):
        original = Table(path, original.delimiter)
        names = [*asked.quasi_identifiers, *asked.sensitive, *asked.keep]
        quasi = ", ".join(map(_quoted, asked.quasi_identifiers))
        promised = [n for n, variety in asked.sensitive.items() if variety != Variety()]
        secret = [f"coalesce({_quoted(n)}::VARCHAR, '') AS s{i}" for i, n in enumerate(promised)]
        connection.execute(
            f"CREATE TEMP TABLE cells AS SELECT {quasi}, {', '.join([*secret, 'count(*) AS c'])} "
            f"FROM {_source(released, names)} GROUP BY ALL"
        )
        found = _broken(connection, quasi, original, asked, hierarchies, rows)
        if population is not None:
            everyone = _source(population[0], None)
            if population[0].path.suffix.lower() == ".parquet":
                connection.register("people", as_text(read_table(population[0].path)[0]))
                everyone = "people"
            found += broken_among(connection, asked, everyone, population[1])
        if kinds is not None:
            before = _source(original, None)
            if original.path.suffix.lower() == ".parquet":
                connection.register("original", as_text(read_table(original.path)[0]))
                before = "original"
            found += broken_kinds(connection, before, asked, kinds)
        for broken in found:
            raise Refused(
                "promise-broken",
                Text(f"The release was stopped: {broken.en}.", f"已阻止发布：{broken.zh}。"),
                Text("Nothing was written. This is a fault of ours; please report it with the configuration.",
                     "没有写出任何内容。这是程序的错误，请附上配置文件报告。"),
            )  # fmt: skip


def _limits(memory: int | None, folder: str) -> dict[str, Any]:
    """Of what is allowed, the half: DuckDB does not count everything, and is not the whole program."""
    least = {"temp_directory": folder, "preserve_insertion_order": "false"}
    return least if memory is None else {**least, "memory_limit": f"{memory // 2}B"}


def _source(table: Table, names: Sequence[str] | None) -> str:
    where = str(table.path).replace("'", "''")
    if table.path.suffix.lower() == ".parquet":
        return f"read_parquet('{where}')"
    columns = "" if names is None else f", auto_detect = false, columns = {{{_types(names)}}}"
    return (
        f"read_csv('{where}', delim = '{table.delimiter}', quote = '\"', escape = '\"', header = true, "
        f"all_varchar = true, nullstr = '\x01', strict_mode = true{columns})"
    )


def _types(names: Sequence[str]) -> str:
    return ", ".join("'" + name.replace("'", "''") + "': 'VARCHAR'" for name in names)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _broken(
    connection: duckdb.DuckDBPyConnection,
    quasi: str,
    original: Table,
    asked: Anonymisation,
    hierarchies: Mapping[str, Hierarchy],
    rows: int,
) -> list[Text]:
    found = []
    if connection.execute("SELECT coalesce(sum(c), 0) FROM cells").fetchone() != (rows,):
        found.append(Text("it has lost or gained rows", "行数有增减"))
    k = asked.k
    if connection.execute(f"SELECT 1 FROM cells GROUP BY {quasi} HAVING sum(c) < {k} LIMIT 1").fetchone():
        found.append(Text(f"a class has fewer than {k} rows", f"有等价类少于 {k} 行"))
    promised = [(name, variety) for name, variety in asked.sensitive.items() if variety != Variety()]
    for i, (name, variety) in enumerate(promised):
        _prepare(connection, quasi, original, f"s{i}", name, bool(asked.suppress))
        if connection.execute(_unequal(variety)).fetchone() or (
            variety.t is not None
            and variety.distance != "equal"
            and _far(connection, variety.t, variety.distance, hierarchies[name])
        ):
            found.append(Text(f"column '{name}' is not as varied as promised", f"列“{name}”未达到承诺的多样性"))
    return found


def _prepare(
    connection: duckdb.DuckDBPyConnection, quasi: str, original: Table, column: str, name: str, lost: bool
) -> None:
    """Tables `whole` (v, share) and `placed` (class, v, c, n, share, place) of one sensitive column."""
    whole = f"SELECT {column} AS v, sum(c) AS c FROM cells GROUP BY ALL"
    if lost:
        value = f"coalesce({_quoted(name)}::VARCHAR, '')"
        whole = f"SELECT {value} AS v, count(*) AS c FROM {_source(original, None)} GROUP BY ALL"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE whole AS SELECT v, c::DOUBLE / sum(c) OVER () AS share FROM ({whole})"
    )
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE placed AS
        WITH classes AS (SELECT {quasi}, row_number() OVER () AS class FROM cells GROUP BY {quasi}),
        each AS (SELECT class, {column} AS v, sum(c)::DOUBLE AS c FROM cells JOIN classes USING ({quasi}) GROUP BY ALL)
        SELECT each.*, share, sum(c) OVER (PARTITION BY class) AS n,
               row_number() OVER (PARTITION BY class ORDER BY c DESC) AS place
        FROM each JOIN whole USING (v)""")


def _unequal(asked: Variety) -> str:
    """One row where some class breaks what is asked of a sensitive column, apart from distances that are not equal."""
    tests = ["false"]
    if asked.distinct is not None:
        tests.append(f"count(*) < {asked.distinct}")
    if asked.entropy is not None:
        tests.append(f"-sum(c / n * ln(c / n)) < ln({asked.entropy!r}::DOUBLE) - 1e-9")
    if asked.c is not None and asked.l is not None:
        tests.append(f"max(c) >= {asked.c!r}::DOUBLE * coalesce(sum(c) FILTER (place >= {asked.l}), 0)")
    if asked.t is not None and asked.distance == "equal":
        tests.append(f"sum(greatest(0, c / n - share)) > {asked.t!r}::DOUBLE + 1e-9")
    if asked.beta is not None:
        tests.append(f"max((c / n - share) / share - least({asked.beta!r}::DOUBLE, -ln(share))) > 1e-9")
    return f"SELECT 1 FROM placed GROUP BY class HAVING {' OR '.join(tests)} LIMIT 1"


def _far(connection: duckdb.DuckDBPyConnection, t: float, distance: str, tree: Hierarchy) -> bool:
    """Is a class farther than t from the whole? Worked out from the definition over all values, some classes at once.

    Ordered: the mean over all cuts between values of how far the shares below the cut are apart. Hierarchical: at each
    inner node of height h of H, h / H of the smaller of what its children have too much and too little.
    """
    place = {tree.label[leaf]: code for code, leaf in enumerate(tree.node[-1])}
    share = np.zeros(len(place))
    for value, part in connection.execute("SELECT v, share FROM whole").fetchall():
        share[place[value]] = part
    cells = connection.execute("SELECT class, v, c / n AS p FROM placed ORDER BY class").fetchnumpy()
    code = np.array([place[v] for v in cells["v"]], np.int64)
    first = np.flatnonzero(np.diff(cells["class"], prepend=-1))
    step = max(_AT_ONCE // max(len(place), 1), 1)
    for begin in range(0, len(first), step):
        low = first[begin]
        high = first[begin + step] if begin + step < len(first) else len(code)
        row = np.cumsum(np.diff(cells["class"][low:high], prepend=cells["class"][low]) > 0)
        apart = np.zeros((int(row[-1]) + 1, len(place)))
        apart[row, code[low:high]] = cells["p"][low:high]
        apart -= share
        if float((_ordered(apart) if distance == "ordered" else _hierarchical(apart, tree)).max()) > t + 1e-9:
            return True
    return False


def _ordered(apart: npt.NDArray[np.float64]) -> Any:
    return np.abs(np.cumsum(apart, axis=1)[:, :-1]).sum(axis=1) / max(apart.shape[1] - 1, 1)


def _hierarchical(apart: npt.NDArray[np.float64], tree: Hierarchy) -> Any:
    top, total, child = len(tree.node) - 1, np.zeros(len(apart)), apart
    names = tree.node[top]
    for level in range(top - 1, -1, -1):
        above = tree.node[level][np.flatnonzero(np.diff(names, prepend=-1))] if level < top - 1 else tree.node[level]
        edges = np.flatnonzero(np.diff(above, prepend=-1))
        much, little = (np.add.reduceat(np.maximum(sign * child, 0), edges, axis=1) for sign in (1, -1))
        total += (top - level) / top * np.minimum(much, little).sum(axis=1)
        child, names = np.add.reduceat(child, edges, axis=1), tree.node[level]
    return total
