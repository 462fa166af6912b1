"""A table learned with differential privacy, and synthetic tables drawn from what was learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from huizhen.adapters.anonymise_columns import encoded
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.synthesis import Domain, Synthesis
from huizhen.privacy.accounting import cost_within
from huizhen.privacy.synthetic.axis import DATE, MISSING, NUMBER, REST, TEXT, Axis, Raw, Values, found, in_bins
from huizhen.privacy.synthetic.sample import drawn
from huizhen.privacy.synthetic.source import Source
from huizhen.privacy.synthetic.tree import Codes, Forest, grown

Heard = Callable[[str, int], None]
DOMAINS = 0.2
"""Of the cost, what is spent on what columns can hold, where any has to be found."""
_DATE = r"^(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
_NUMBER = r"^-?(0|[1-9]\d{0,14})(\.\d+)?$"
_DECIMALS = 6


@dataclass(frozen=True)
class Learned:
    """All that is known of a table: `axes` by column, the `forest`, and the Arrow type of each column. `spent`: the
    cost of each step in zCDP; `cost` is their sum at most."""

    axes: dict[str, Axis]
    forest: Forest
    types: dict[str, pa.DataType]
    cost: float
    spent: dict[str, float]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        names = list(self.axes)
        return [(names[e.parent], names[e.child]) for e in self.forest.edges]

    def draw(self, rows: int | None, chance: np.random.Generator) -> tuple[pa.Table, list[Codes]]:
        """A synthetic table, and its codes on the axes."""
        codes = drawn(self.forest, max(round(self.forest.rows), 1) if rows is None else rows, chance)
        columns = {
            name: _written(axis, code, self.types[name], chance)
            for (name, axis), code in zip(self.axes.items(), codes, strict=True)
        }
        return pa.table(columns), codes


def raws(table: pa.Table, asked: Synthesis) -> dict[str, Raw]:
    """The columns that are to be learned, one row of each person. Raises BadInput."""
    _check(table, asked)
    if asked.person is not None:
        people = encoded(table[asked.person])[0]
        anyone = np.random.default_rng().permutation(len(people))
        first = np.sort(anyone[np.unique(people[anyone], return_index=True)[1]])
        table = table.take(pa.array(first))
    gone = {*asked.drop, asked.person}
    return {name: raw(table[name]) for name in table.column_names if name not in gone}


def raw(column: pa.ChunkedArray) -> Raw:
    """A column as codes, with the form and the number of each value."""
    code, text = encoded(column)
    values = pa.array(text, pa.string())
    form = np.full(len(text), TEXT, np.int8)
    number = np.zeros(len(text))
    is_number = np.array(pc.match_substring_regex(values, _NUMBER), bool)
    is_date = np.array(pc.match_substring_regex(values, _DATE), bool)
    form[[not t for t in text]] = MISSING
    for i in np.flatnonzero(is_date):
        try:
            number[i] = date.fromisoformat(text[i]).toordinal() - date(1970, 1, 1).toordinal()
            form[i] = DATE
        except ValueError:
            continue
    number[is_number] = np.array([float(text[i]) for i in np.flatnonzero(is_number)])
    form[is_number] = [NUMBER + min(len(text[i].partition(".")[2]), _DECIMALS) for i in np.flatnonzero(is_number)]
    return Raw(code, text, form, number)


def learned(
    table: pa.Table, columns: dict[str, Raw], asked: Synthesis, source: Source, heard: Heard = lambda _s, _n: None
) -> Learned:
    """Learn the columns of a table. The whole is (epsilon, delta)-differentially private for one row of `columns`:
    noise and choices cost what `cost_within` allows, adaptively composed; where domains are found, half of delta is for
    that, in equal parts by column. Raises BadInput for an epsilon out of range."""
    unknown = [n for n in columns if n not in asked.columns or asked.columns[n].code]
    delta = asked.delta / 2 if unknown else asked.delta
    cost = cost_within(asked.epsilon, delta)
    finding = DOMAINS * cost if unknown else 0.0
    axes: dict[str, Axis] = {}
    for name, one in columns.items():
        heard("domains", len(axes))
        if name not in unknown:
            axes[name] = _said(asked.columns[name])
            continue
        each = finding / len(unknown)
        code = name in asked.columns
        axes[name] = found(one, each, asked.delta / 2 / len(unknown), source, code=code)
    heard("marginals", len(table))
    codes = [axes[name].coded(one) for name, one in columns.items()]
    forest = grown(codes, [a.size for a in axes.values()], cost - finding, source)
    return Learned(axes, forest, {n: table.schema.field(n).type for n in columns}, cost,
                   {"domains": finding, **forest.spent})  # fmt: skip


def _said(domain: Domain) -> Axis:
    if domain.values:
        return Values(tuple(dict.fromkeys(str(v) for v in domain.values)))
    low, high = domain.low, domain.high
    if isinstance(low, date) and isinstance(high, date):
        first = date(1970, 1, 1).toordinal()
        return in_bins("date", low.toordinal() - first, high.toordinal() - first, 0)
    assert isinstance(low, float) and isinstance(high, float)
    return in_bins("number", low, high, domain.decimals)


def _written(axis: Axis, codes: Codes, kind: pa.DataType, chance: np.random.Generator) -> pa.Array:
    text = pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if isinstance(axis, Values):
        labels: Sequence[str | None] = [*(v or None for v in axis.values), REST if text else None]
        column = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(labels, pa.string()))
        return column if text else _cast(column.cast(pa.string()), kind)
    numbers: Any = axis.numbers(codes, chance)
    missing = np.isnan(numbers)
    if axis.kind == "date":
        days = np.where(missing, 0, numbers).astype("datetime64[D]")
        return _cast(pa.array(days, pa.date32(), mask=missing), pa.date32() if text else kind)
    plain = np.where(missing, 0, numbers)
    whole = axis.decimals == 0
    column = pa.array(plain.astype(np.int64) if whole else plain, mask=missing)
    return column if text else _cast(column, kind)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """In the type of the original, where its values can be that."""
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column


def _check(table: pa.Table, asked: Synthesis) -> None:
    names = table.column_names
    said = [*asked.columns, *asked.drop, *([asked.person] if asked.person else [])]
    wrong = [
        *((n, Text("is not in the file", "不在文件中")) for n in said if n not in names),
        *((n, Text("is twice in the file", "在文件中重复")) for n in dict.fromkeys(names) if names.count(n) > 1),
        *((n, Text("is named twice", "重复出现")) for n in dict.fromkeys(said) if said.count(n) > 1),
        *((n, Text("is not said clearly", "说明不清")) for n, d in asked.columns.items() if not _clear(d)),
    ]
    if wrong:
        name, why = wrong[0]
        raise BadInput(
            "synthetic-columns-unclear",
            Text(f"Column '{name}' {why.en}.", f"列“{name}”{why.zh}。"),
            Text("A column is said by its values, or by low and high (two numbers or two dates), or as a code; or not "
                 "at all: then what it holds is found with noise.",
                 "列由 values、或 low 与 high（两个数或两个日期）、或 code 说明；也可不说明，则以含噪方式求得。"),
        )  # fmt: skip
    if not len(table) or len(names) <= len({*asked.drop, asked.person} - {None}):
        raise BadInput(
            "nothing-to-learn",
            Text("There is no row or no column to learn from.", "没有可供学习的行或列。"),
            Text("Give a table with rows, and do not drop every column.", "请给出有数据行的表，且不要删去所有列。"),
        )


def _clear(domain: Domain) -> bool:
    low, high = domain.low, domain.high
    bounded = type(low) is type(high) and low is not None
    if not bounded and (low is not None or high is not None):
        return False
    if bounded and not low < high:  # type: ignore[operator]
        return False
    return [bool(domain.values), bounded, domain.code].count(True) == 1
