"""A table of the data holder's own: read, coded by its hierarchies, and written again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from huizhen.adapters.anonymise_columns import quasi, secret
from huizhen.adapters.anonymise_nearest import nearest_k, nearest_variety
from huizhen.kit.errors import BadInput, Refused, Unable
from huizhen.kit.naming import check_named
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.promise import Codes, Sensitive, all_held
from huizhen.privacy.risk import SMALLEST


@dataclass(frozen=True)
class Coded:
    """A table as codes: `columns` of the quasi-identifiers, by name in their `hierarchies`, the file's `rows` first and
    after them those of a population who are not in the file; `sensitive` columns of the file's rows alone."""

    rows: int
    hierarchies: dict[str, Hierarchy]
    columns: list[Codes]
    sensitive: dict[str, Sensitive]

    @property
    def everyone(self) -> int:
        return len(self.columns[0])


def coded(table: pa.Table, asked: Anonymisation, beside: Path, people: pa.Table | None = None) -> Coded:
    """A table, and the population (`people`) that it is among. Raises BadInput, Unable and Refused where what is asked
    does not fit the columns, or cannot be held by any release."""
    check_asked(table.column_names, asked)
    among = table.select(list(asked.quasi_identifiers))
    among = among if people is None else _among(among, people)
    given = {name: quasi(among[name], how, name, beside) for name, how in asked.quasi_identifiers.items()}
    sensitive = {name: secret(table[name], variety, name, beside) for name, variety in asked.sensitive.items()}
    check_reachable(len(table), asked, list(sensitive.values()))
    if asked.population_size is not None and asked.population_size < len(table):
        raise BadInput(
            "population-too-small",
            Text("population_size is less than the rows of the file.", "population_size 小于文件的行数。"),
            Text("Say how many people the file was drawn from.", "请给出该文件取自多少人。"),
        )
    return Coded(len(table), {n: h for n, (h, _) in given.items()}, [c for _, c in given.values()], sensitive)


def _among(own: pa.Table, people: pa.Table) -> pa.Table:
    """The file's rows, and after them those of the population that are not in the file."""
    names = own.column_names
    missing = [n for n in names if n not in people.column_names]
    if missing:
        raise _bad_population(Text(f"it has no column '{missing[0]}'", f"缺少列“{missing[0]}”"))
    both = pa.concat_tables([as_text(t.select(names)) for t in (own, people)])
    counted = both.append_column(
        "_", pa.array(np.repeat(np.array([-1, 1], np.int64), [len(own), len(people)]))
    ).group_by(names).aggregate([("_", "sum")])  # fmt: skip
    others = counted["__sum"].to_numpy()
    if (others < 0).any():
        raise _bad_population(Text(f"{int(-others[others < 0].sum())} people of the file are not in it",
                                   f"文件中有 {int(-others[others < 0].sum())} 人不在其中"))  # fmt: skip
    rest = counted.select(names).take(pa.array(np.repeat(np.arange(len(others)), others)))
    return pa.concat_tables([as_text(own), rest])


def as_text(table: pa.Table) -> pa.Table:
    """Every column as text; what is missing is the empty text."""
    return pa.table({name: table[name].cast(pa.string()).fill_null("") for name in table.column_names})


_EVERYONE = Text("It has to hold everyone of the file, with the same quasi-identifiers written alike.",
                 "总体须包含文件中的所有人，且准标识列的写法一致。")  # fmt: skip


def _bad_population(why: Text, remedy: Text = _EVERYONE) -> BadInput:
    return BadInput(
        "bad-population",
        Text(f"The population cannot be used: {why.en}.", f"总体文件无法使用：{why.zh}。"),
        remedy,
    )


def check_asked(names: Sequence[str], asked: Anonymisation) -> None:
    """Raises BadInput and Refused where what is asked is contradictory, or does not name every column once."""
    _check_variety(asked)
    _check_columns(names, asked)
    _check_mode(asked)


def _check_columns(names: Sequence[str], asked: Anonymisation) -> None:
    check_named(
        [*asked.quasi_identifiers, *asked.sensitive, *asked.keep, *asked.drop],
        names,
        "columns-unclear",
        Text("Name every column once: under quasi_identifiers, sensitive, keep or drop.",
             "每一列须恰好出现一次：quasi_identifiers、sensitive、keep 或 drop。"),
        unsaid=Text("is not named in the configuration", "未在配置中说明"),
        more=[
            (n, Text("is under attacks.unknown, but not under keep", "列于 attacks.unknown，却不在 keep 中"))
            for n in asked.attacks.unknown
            if n not in asked.keep
        ],
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


def _check_mode(asked: Anonymisation) -> None:
    if asked.population and asked.population.present_least and asked.suppress:
        raise _bad_population(
            Text("present_least does not go with suppress", "present_least 不能与 suppress 同用"),
            Text("Who is left out is surely not in the file: leave one of the two out.",
                 "被抑制者必不在文件中，请去掉其中一项。"),
        )  # fmt: skip
    if asked.mode is None:
        return
    least = SMALLEST[asked.mode]
    named, shared = ("k_map", asked.population.k_map) if asked.population and asked.population.k_map else ("k", asked.k)
    if shared < least:
        raise Refused(
            "risk-above-threshold",
            Text(f"With {named} {shared} the risk of one person is up to 1/{shared}; a {asked.mode} release may have "
                 f"1/{least}.",
                 f"{named} 为 {shared} 时单人风险可达 1/{shared}；“{asked.mode}”发布不得超过 1/{least}。"),
            Text(f"The nearest setting: {named} {least}.", f"最接近的可行设置：{named} {least}。"),
        )  # fmt: skip


def check_reachable(rows: int, asked: Anonymisation, sensitive: Sequence[Sensitive]) -> None:
    """Raises Unable where not even the whole file holds what is asked."""
    if rows < asked.k:
        raise Unable(
            "fewer-rows-than-k",
            Text(f"The file has fewer than {asked.k} rows.", f"文件不足 {asked.k} 行。"),
            nearest_k(rows),
        )
    for name, one in zip(asked.sensitive, sensitive, strict=True):
        if not all_held([one]):
            raise Unable(
                "not-varied-enough",
                Text(
                    f"Column '{name}' is not so varied even in the whole file.",
                    f"即使在整个文件中，列“{name}”也达不到所要求的多样性。",
                ),
                nearest_variety(asked.sensitive[name], one),
            )
