"""The independent check of an anonymised file: from the file alone, by SQL, without the engine that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation, Variety


def check_release(path: Path, parquet: bool, delimiter: str, asked: Anonymisation, rows: int) -> None:
    """Raises Refused where the file does not hold what was asked, in 64 bit, or has lost or gained rows."""
    with duckdb.connect() as connection:
        where = str(path).replace("'", "''")
        source = (
            f"read_parquet('{where}')"
            if parquet
            else f"read_csv('{where}', delim = '{delimiter}', quote = '\"', escape = '\"', header = true, "
            "all_varchar = true, nullstr = '\x01', auto_detect = false, strict_mode = true, "
            f"columns = {{{_types(_names(asked))}}})"
        )
        connection.execute(f"CREATE TEMP TABLE released AS SELECT * FROM {source}")
        for broken in _broken(connection, list(asked.quasi_identifiers), asked.k, asked.sensitive, rows):
            raise Refused(
                "promise-broken",
                Text(f"The release was stopped: {broken.en}.", f"已阻止发布：{broken.zh}。"),
                Text("Nothing was written. This is a fault of ours; please report it with the configuration.",
                     "没有写出任何内容。这是程序的错误，请附上配置文件报告。"),
            )  # fmt: skip


def _names(asked: Anonymisation) -> list[str]:
    return [*asked.quasi_identifiers, *asked.sensitive, *asked.keep]


def _types(names: Sequence[str]) -> str:
    return ", ".join("'" + name.replace("'", "''") + "': 'VARCHAR'" for name in names)


def _broken(
    connection: duckdb.DuckDBPyConnection, quasi: Sequence[str], k: int, sensitive: Mapping[str, Variety], rows: int
) -> list[Text]:
    group = ", ".join(map(_quoted, quasi))
    found = []
    counted = connection.execute("SELECT count(*) FROM released").fetchone()
    if counted != (rows,):
        found.append(Text("it has lost or gained rows", "行数有增减"))
    small = connection.execute(f"SELECT 1 FROM released GROUP BY {group} HAVING count(*) < {k} LIMIT 1").fetchone()
    if small:
        found.append(Text(f"a class has fewer than {k} rows", f"有等价类少于 {k} 行"))
    for name, variety in sensitive.items():
        failed = connection.execute(_closeness(group, f"coalesce({_quoted(name)}::VARCHAR, '')", variety)).fetchone()
        if failed:
            found.append(Text(f"column '{name}' is not as varied as promised", f"列“{name}”未达到承诺的多样性"))
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _closeness(group: str, value: str, asked: Variety) -> str:
    """One row where some class breaks what is asked of a sensitive column."""
    tests = ["false"]
    if asked.distinct is not None:
        tests.append(f"count(*) < {asked.distinct}")
    if asked.entropy is not None:
        tests.append(f"-sum(c / n * ln(c / n)) < ln({asked.entropy!r}::DOUBLE) - 1e-9")
    if asked.c is not None and asked.l is not None:
        tests.append(f"max(c) >= {asked.c!r}::DOUBLE * coalesce(sum(c) FILTER (place >= {asked.l}), 0)")
    if asked.t is not None:
        tests.append(f"sum(greatest(0, c / n - share)) > {asked.t!r}::DOUBLE + 1e-9")
    return f"""
        WITH cells AS (SELECT {group}, {value} AS v, count(*)::DOUBLE AS c FROM released GROUP BY ALL),
        whole AS (SELECT {value} AS v, count(*)::DOUBLE / (SELECT count(*) FROM released) AS share
                  FROM released GROUP BY ALL),
        placed AS (SELECT cells.*, share, sum(c) OVER (PARTITION BY {group}) AS n,
                          row_number() OVER (PARTITION BY {group} ORDER BY c DESC) AS place
                   FROM cells JOIN whole ON cells.v = whole.v)
        SELECT 1 FROM placed GROUP BY {group} HAVING {" OR ".join(tests)} LIMIT 1"""
