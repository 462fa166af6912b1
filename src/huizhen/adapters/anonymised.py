"""A file of the data holder's own, read, anonymised, checked from what was written, and only then given its name."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from huizhen.adapters.release_check import check_release
from huizhen.intake.format import check_file
from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation, Generalisation, Variety
from huizhen.privacy.anonymise.cost import measure
from huizhen.privacy.anonymise.hierarchy import Hierarchy, flat, interval, prefix, table
from huizhen.privacy.anonymise.partition import Partition, Sensitive, partition
from huizhen.privacy.anonymise.promise import Diversity, all_diverse

Heard = Callable[[str, int], None]


def anonymise(path: Path, out: Path, asked: Anonymisation, beside: Path, heard: Heard) -> dict[str, Any]:
    """Anonymise one CSV or Parquet file into another of the same kind; gives `cost.measure` of it.

    `beside` is the folder of hierarchy files; `heard` is told the step and how many rows. Rows come out in an order
    that says nothing of the order they came in. Raises NotFound, BadInput, Unable, and Refused where the file that was
    written does not hold what was asked. Where anything is raised, `out` is as it was.
    """
    parquet = path.suffix.lower() == ".parquet"
    if out.suffix.lower() != path.suffix.lower() or out.resolve() == path.resolve():
        raise BadInput(
            "bad-out",
            Text("--out has to be another file of the same kind.", "--out 须是另一个同类型的文件。"),
            Text(f"Give it a name that ends in {path.suffix}.", f"请给出以 {path.suffix} 结尾的文件名。"),
        )
    check_file(path)
    _check_variety(asked)
    rows, delimiter = _read(path, parquet)
    heard("read", len(rows))
    _check_columns(rows.column_names, asked)
    chance = np.random.default_rng().permutation(len(rows))
    columns, hierarchies = [], []
    for name, how in asked.quasi_identifiers.items():
        code, values = _encoded(rows[name])
        hierarchies.append(_hierarchy(values, how, name, beside))
        columns.append(hierarchies[-1].code[code][chance])
    sensitive = [_sensitive(rows[name], chance, variety) for name, variety in asked.sensitive.items()]
    _check_reachable(len(rows), asked, sensitive)
    found = partition(columns, hierarchies, asked.k, sensitive, lambda done: heard("partition", done))
    released = _released(rows, chance, found, hierarchies, asked)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        _write(released, part, parquet, delimiter)
        heard("check", len(released))
        check_release(part, parquet, delimiter, asked, len(rows))
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return measure(found, hierarchies, list(asked.quasi_identifiers))


def _read(path: Path, parquet: bool) -> tuple[pa.Table, str]:
    try:
        if parquet:
            return pa.parquet.read_table(path), ","
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
        delimiter = max(",;\t|", key=first.count)
        names = next(csv.reader([first], delimiter=delimiter), [])
        return pa.csv.read_csv(
            path,
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        ), delimiter
    except (pa.ArrowInvalid, UnicodeDecodeError):
        raise BadInput(
            "unreadable-table",
            Text(f"{path.name} cannot be read as a table.", f"无法将 {path.name} 读作表格。"),
            Text("It has to be Parquet, or CSV in UTF-8 with a header and equally many fields in each line.",
                 "须为 Parquet，或 UTF-8 编码、有表头且每行字段数一致的 CSV。"),
        ) from None  # fmt: skip


def _check_columns(names: Sequence[str], asked: Anonymisation) -> None:
    said = [*asked.quasi_identifiers, *asked.sensitive, *asked.keep, *asked.drop]
    wrong = [
        *((n, Text("is not in the file", "不在文件中")) for n in said if n not in names),
        *((n, Text("is not named in the configuration", "未在配置中说明")) for n in names if n not in said),
        *((n, Text("is named twice", "重复出现")) for n in dict.fromkeys(said) if said.count(n) > 1),
        *((n, Text("is twice in the file", "在文件中重复")) for n in dict.fromkeys(names) if names.count(n) > 1),
    ]
    if wrong:
        name, why = wrong[0]
        raise BadInput(
            "columns-unclear",
            Text(f"Column '{name}' {why.en}.", f"列“{name}”{why.zh}。"),
            Text("Name every column once: under quasi_identifiers, sensitive, keep or drop.",
                 "每一列须恰好出现一次：quasi_identifiers、sensitive、keep 或 drop。"),
        )  # fmt: skip


def _check_variety(asked: Anonymisation) -> None:
    for name, variety in asked.sensitive.items():
        if (variety.c is None) != (variety.l is None):
            raise BadInput(
                "half-a-diversity",
                Text(f"Column '{name}': recursive diversity needs both c and l.",
                     f"列“{name}”：递归多样性须同时给出 c 和 l。"),
                Text("Give both or neither; `distinct` is for different values alone.",
                     "请同时给出或都不给出；只要求不同取值数时用 distinct。"),
            )  # fmt: skip


def _encoded(column: pa.ChunkedArray) -> tuple[Any, list[str]]:
    text = pc.fill_null(column.cast(pa.string()), "")
    coded = text.combine_chunks().dictionary_encode()
    return coded.indices.to_numpy(zero_copy_only=False), coded.dictionary.to_pylist()


def _hierarchy(values: Sequence[str], how: Generalisation, name: str, beside: Path) -> Hierarchy:
    if how.by == "flat":
        return flat(values)
    if how.by == "prefix" and how.lengths:
        return prefix(values, how.lengths)
    if how.by == "interval" and how.widths:
        return interval(values, how.widths, name)
    if how.by == "file" and how.file:
        place = beside / how.file
        check_file(place)
        with place.open(encoding="utf-8-sig", newline="") as file:
            return table(values, [row for row in csv.reader(file, delimiter=";") if row], name)
    needs = {"prefix": "lengths", "interval": "widths", "file": "file"}[how.by]
    raise BadInput(
        "generalisation-incomplete",
        Text(f"Column '{name}': '{how.by}' needs '{needs}'.", f"列“{name}”：“{how.by}”需要“{needs}”。"),
        Text("Add it to the configuration.", "请在配置中补上。"),
    )


def _sensitive(column: pa.ChunkedArray, chance: Any, asked: Variety) -> Sensitive:
    code, values = _encoded(column)
    recursive = (asked.c, asked.l) if asked.c is not None and asked.l is not None else None
    promise = Diversity(asked.distinct, asked.entropy, recursive, asked.t)
    return code[chance], np.bincount(code, minlength=len(values)) / max(len(code), 1), promise


def _check_reachable(rows: int, asked: Anonymisation, sensitive: Sequence[Sensitive]) -> None:
    if rows < asked.k:
        raise Unable(
            "fewer-rows-than-k",
            Text(f"The file has fewer than {asked.k} rows.", f"文件不足 {asked.k} 行。"),
            Text("Give a smaller k, or more rows.", "请减小 k，或增加数据行。"),
        )
    for name, one in zip(asked.sensitive, sensitive, strict=True):
        if not all_diverse(np.zeros(rows, np.int64), 1, [one])[0]:
            raise Unable(
                "not-varied-enough",
                Text(f"Column '{name}' is not so varied even in the whole file.",
                     f"即使在整个文件中，列“{name}”也达不到所要求的多样性。"),
                Text("Ask for less of it: a smaller distinct, entropy or l, or a larger c.",
                     "请降低要求：减小 distinct、entropy 或 l，或增大 c。"),
            )  # fmt: skip


def _released(
    rows: pa.Table, chance: Any, found: Partition, hierarchies: Sequence[Hierarchy], asked: Anonymisation
) -> pa.Table:
    place = pa.array(chance[found.row])
    of = np.repeat(np.arange(len(found.start)), found.size)
    columns = {
        name: pa.array(hierarchy.label, pa.string()).take(pa.array(node[of]))
        for name, hierarchy, node in zip(asked.quasi_identifiers, hierarchies, found.node, strict=True)
    }
    columns |= {name: rows[name].take(place) for name in (*asked.sensitive, *asked.keep)}
    return pa.table(columns)


def _write(released: pa.Table, part: Path, parquet: bool, delimiter: str) -> None:
    if parquet:
        pa.parquet.write_table(released, part)
    else:
        options = pa.csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
        pa.csv.write_csv(released, part, options)
