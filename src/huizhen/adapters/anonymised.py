"""A file of the data holder's own, read, anonymised, checked from what was written, and only then given its name."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from huizhen.adapters.anonymise_columns import quasi, secret
from huizhen.adapters.release_check import Table, check_release
from huizhen.intake.format import check_file
from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.cost import measure
from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.lattice import optimal
from huizhen.privacy.anonymise.partition import Partition, partition
from huizhen.privacy.anonymise.promise import Codes, Presence, Sensitive, all_held

Heard = Callable[[str, int], None]


def anonymise(path: Path, out: Path, asked: Anonymisation, beside: Path, heard: Heard) -> dict[str, Any]:
    """Anonymise one CSV or Parquet file into another of the same kind; gives `cost.measure` of it.

    `beside` is the folder of hierarchy files; `heard` is told the step and how many rows. Rows come out in an order
    that says nothing of the order they came in. Raises NotFound, BadInput, Unable, and Refused where the file that was
    written does not hold what was asked. Where anything is raised, `out` is as it was.
    """
    if out.suffix.lower() != path.suffix.lower() or out.resolve() == path.resolve():
        raise BadInput(
            "bad-out",
            Text("--out has to be another file of the same kind.", "--out 须是另一个同类型的文件。"),
            Text(f"Give it a name that ends in {path.suffix}.", f"请给出以 {path.suffix} 结尾的文件名。"),
        )
    table, delimiter = read_table(path)
    heard("read", len(table))
    people = read_table(beside / asked.population.file)[0] if asked.population else None
    released, told, hierarchies = anonymised(table, asked, beside, heard, people)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        _write(released, part, path, delimiter)
        heard("check", len(released))
        check_release(
            Table(part, delimiter), Table(path, delimiter), asked, hierarchies, len(table) - told["suppressed"]
        )
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return told


def anonymised(
    table: pa.Table, asked: Anonymisation, beside: Path, heard: Heard, people: pa.Table | None = None
) -> tuple[pa.Table, dict[str, Any], dict[str, Hierarchy]]:
    """A table anonymised, `cost.measure` of it, and the hierarchies of sensitive columns. people: of the population.

    Raises BadInput and Unable. The release is not checked from what was written: that is `check_release`.
    """
    _check_variety(asked)
    _check_columns(table.column_names, asked)
    among = table.select(list(asked.quasi_identifiers))
    among = among if people is None else _among(among, people, asked)
    given = [quasi(among[name], how, name, beside) for name, how in asked.quasi_identifiers.items()]
    hierarchies, columns = [h for h, _ in given], [c for _, c in given]
    sensitive = [secret(table[name], variety, name, beside) for name, variety in asked.sensitive.items()]
    _check_reachable(len(table), asked, sensitive)
    found = _found(columns, hierarchies, len(table), asked, sensitive, heard)
    told = measure(found, hierarchies, list(asked.quasi_identifiers))
    secrets = {n: s.hierarchy for n, s in zip(asked.sensitive, sensitive, strict=True) if s.hierarchy is not None}
    return _released(table, found, hierarchies, asked), told, secrets


def _found(
    columns: Sequence[Codes],
    hierarchies: Sequence[Hierarchy],
    rows: int,
    asked: Anonymisation,
    sensitive: Sequence[Sensitive],
    heard: Heard,
) -> Partition:
    """The classes, rows in an order by chance. Rows from `rows` on are of the population."""
    chance = np.random.default_rng().permutation(len(columns[0]))
    columns = [c[chance] for c in columns]
    sensitive = [_wide(s, rows, chance) for s in sensitive]
    suppress, k = int(rows * asked.suppress + 1e-9), asked.k
    if asked.population:
        people = asked.population
        inside = (chance < rows).astype(np.int32)
        sensitive = [*sensitive, Sensitive(inside, 2, Presence(k, people.present_least, people.present_most))]
        k = people.k_map or 1
    if asked.algorithm == "lattice":
        found = optimal(columns, hierarchies, k, sensitive, suppress=suppress, heard=lambda n: heard("search", n))
    else:
        found = partition(
            columns, hierarchies, k, sensitive, suppress=suppress, threads=os.cpu_count() or 1,
            weights=[how.weight for how in asked.quasi_identifiers.values()], heard=lambda n: heard("partition", n),
        )  # fmt: skip
    return found.only(chance, rows)


def _wide(one: Sensitive, rows: int, chance: Any) -> Sensitive:
    """In the order of `chance`; rows of the population have no value."""
    code = np.full(len(chance), -1, np.int32)
    there = chance < rows
    code[there] = one.code[chance[there]]
    return Sensitive(code, one.values, one.asked, one.hierarchy)


def _among(own: pa.Table, people: pa.Table, asked: Anonymisation) -> pa.Table:
    """The file's rows, and after them those of the population that are not in the file."""
    names = own.column_names
    missing = [n for n in names if n not in people.column_names]
    if missing or asked.suppress or asked.algorithm == "lattice":
        why = Text(f"it has no column '{missing[0]}'", f"缺少列“{missing[0]}”") if missing else Text(
            "it goes neither with suppress nor with the lattice", "不能与 suppress 或 lattice 同用")  # fmt: skip
        raise _bad_population(why)
    both = pa.concat_tables([_as_text(t.select(names)) for t in (own, people)])
    counted = both.append_column(
        "_", pa.array(np.repeat(np.array([-1, 1], np.int64), [len(own), len(people)]))
    ).group_by(names).aggregate([("_", "sum")])  # fmt: skip
    others = counted["__sum"].to_numpy()
    if (others < 0).any():
        raise _bad_population(Text(f"{int(-others[others < 0].sum())} people of the file are not in it",
                                   f"文件中有 {int(-others[others < 0].sum())} 人不在其中"))  # fmt: skip
    rest = counted.select(names).take(pa.array(np.repeat(np.arange(len(others)), others)))
    return pa.concat_tables([_as_text(own), rest])


def _as_text(table: pa.Table) -> pa.Table:
    return pa.table({name: table[name].cast(pa.string()).fill_null("") for name in table.column_names})


def _bad_population(why: Text) -> BadInput:
    return BadInput(
        "bad-population",
        Text(f"The population cannot be used: {why.en}.", f"总体文件无法使用：{why.zh}。"),
        Text("It has to hold everyone of the file, with the same quasi-identifiers written alike.",
             "总体须包含文件中的所有人，且准标识列的写法一致。"),
    )  # fmt: skip


def read_table(path: Path) -> tuple[pa.Table, str]:
    """A CSV file as columns of text in dictionaries, or a Parquet file as it is; and how CSV fields are separated.

    Raises NotFound and BadInput("unreadable-table").
    """
    check_file(path)
    try:
        if path.suffix.lower() == ".parquet":
            return pa.parquet.read_table(path), ","
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
        delimiter = max(",;\t|", key=first.count)
        names = next(csv.reader([first], delimiter=delimiter), [])
        return pa.csv.read_csv(
            path,
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string()))
            ),
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
        if variety.distance == "hierarchical" and variety.hierarchy is None:
            raise BadInput(
                "distance-without-hierarchy",
                Text(f"Column '{name}': the hierarchical distance needs a hierarchy.",
                     f"列“{name}”：层级距离需要给出层级。"),
                Text("Add `hierarchy`, as {by: icd10} or {by: file, file: codes.csv}.",
                     "请添加 hierarchy，例如 {by: icd10} 或 {by: file, file: codes.csv}。"),
            )  # fmt: skip


def _check_reachable(rows: int, asked: Anonymisation, sensitive: Sequence[Sensitive]) -> None:
    if rows < asked.k:
        raise Unable(
            "fewer-rows-than-k",
            Text(f"The file has fewer than {asked.k} rows.", f"文件不足 {asked.k} 行。"),
            Text("Give a smaller k, or more rows.", "请减小 k，或增加数据行。"),
        )
    for name, one in zip(asked.sensitive, sensitive, strict=True):
        if not all_held([one], rows):
            raise Unable(
                "not-varied-enough",
                Text(f"Column '{name}' is not so varied even in the whole file.",
                     f"即使在整个文件中，列“{name}”也达不到所要求的多样性。"),
                Text("Ask for less of it: a smaller distinct, entropy or l, or a larger c.",
                     "请降低要求：减小 distinct、entropy 或 l，或增大 c。"),
            )  # fmt: skip


def _released(table: pa.Table, found: Partition, hierarchies: Sequence[Hierarchy], asked: Anonymisation) -> pa.Table:
    place = pa.array(found.row)
    of = np.repeat(np.arange(len(found.start), dtype=np.int32), found.size)
    columns = {
        name: pa.DictionaryArray.from_arrays(
            pa.array(node.astype(np.int32)[of]), pa.array(hierarchy.label, pa.string())
        )
        for name, hierarchy, node in zip(asked.quasi_identifiers, hierarchies, found.node, strict=True)
    }
    columns |= {name: table[name].take(place) for name in (*asked.sensitive, *asked.keep)}
    return pa.table(columns)


def _write(released: pa.Table, part: Path, like: Path, delimiter: str) -> None:
    plain = pa.table(
        {n: c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c
         for n, c in zip(released.column_names, released.columns, strict=True)}
    )  # fmt: skip
    if like.suffix.lower() == ".parquet":
        pa.parquet.write_table(plain, part)
    else:
        pa.csv.write_csv(plain, part, pa.csv.WriteOptions(delimiter=delimiter, quoting_style="needed"))
