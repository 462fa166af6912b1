"""Which columns of a data holder's own file identify a person, and a policy for masking it that follows from that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from huizhen.adapters.own_file import as_text, read_table
from huizhen.intake import values as v
from huizhen.kit.errors import Conflict
from huizhen.kit.text import Text
from huizhen.model.masking import Masked, Masking
from huizhen.privacy.identify.finding import SAMPLE, Found, find
from huizhen.privacy.identify.kinds import tidy

_FEWEST = 20
"""Rows from which on it says something that no value is there twice."""
_LONG = 40
"""Characters from which on text is taken for free text."""


def find_in(path: Path) -> dict[str, Found | None]:
    """What each column of a file is found to be. Raises NotFound, BadInput."""
    table = read_table(path)[0]
    return {name: found_of(name, table[name]) for name in table.column_names}


def found_of(name: str, column: pa.ChunkedArray) -> Found | None:
    """What one column is found to be: by its name, and by some of its different values, spread over the file."""
    codes, values = as_text(column)
    there = values.filter(pc.invert(v.looks_missing(v.trimmed(values))))
    unique = len(column) >= _FEWEST and len(there) == len(codes) - codes.null_count and len(there) == len(values)
    step = max(len(there) // SAMPLE, 1)
    return find(name, there.take(pa.array(range(0, len(there), step))).to_pylist(), unique)


def proposed(paths: Sequence[Path]) -> Masking:
    """One policy for these files: what identifies a person is masked by what it is, days are shifted where a column
    tells people apart, long text is left out, and the rest kept. Raises NotFound, BadInput."""
    tables = [read_table(path)[0] for path in paths]
    found = [{name: found_of(name, table[name]) for name in table.column_names} for table in tables]
    person = _person(found)
    columns: dict[str, Masked] = {}
    for table, those in zip(tables, found, strict=True):
        number = next((n for n, f in those.items() if f is not None and f.kind == "id_number"), None)
        known = person if person in those else None
        for name, one in those.items():
            how = _masked(name, table[name], one, known, number)
            if columns.get(name, _KEPT) == _KEPT:
                columns[name] = how
    return Masking(person=person, until=dt.date.today().isoformat(), columns=columns)


_KEPT = Masked(kind="keep")
_PEOPLE = ("record_number", "id_number", "insurance_number", "passport")
_EVENTS = ("visit", "encounter", "specimen", "sample", "admission", "discharge", "barcode",
           "就诊", "门诊号", "流水", "标本", "样本", "条码", "检验号", "检查号", "处方", "医嘱", "报告号")  # fmt: skip
"""In names of columns that number something of which a person has several."""


def _person(found: Sequence[dict[str, Found | None]]) -> str | None:
    """The column that tells people apart: one that most of the tables have; no number of a visit, where there is
    another."""
    ranked = {
        name: (-sum(name in those for those in found), any(e in tidy(name) for e in _EVENTS), _PEOPLE.index(one.kind))
        for those in found
        for name, one in those.items()
        if one is not None and one.kind in _PEOPLE
    }
    return min(ranked, key=ranked.__getitem__, default=None)


def _masked(name: str, column: pa.ChunkedArray, found: Found | None, person: str | None, number: str | None) -> Masked:
    if found is not None:
        return Masked.model_validate({"kind": _safe(found, column)})
    values = as_text(column)[1]
    there = values.filter(pc.invert(v.looks_missing(v.trimmed(values))))
    if not len(there):
        return Masked(kind="keep")
    if pc.all(
        pc.match_substring_regex(v.trimmed(there), r"^\d{4}([-/.年])\d{1,2}([-/.月])\d{1,2}日?([ T].*)?$")
    ).as_py():
        born = any(word in tidy(name) for word in ("birth", "dob", "born", "出生", "生日"))
        if born and number is not None:
            return Masked(kind="birth_date", of=number) if person else Masked(kind="blank")
        return Masked(kind="date" if person else "blank")
    if (pc.mean(pc.utf8_length(there)).as_py() or 0) > _LONG:
        return Masked(kind="blank")
    return Masked(kind="keep")


def _safe(found: Found, column: pa.ChunkedArray) -> str:
    """`code` needs a million values of each form; a column with shorter ones gets tokens."""
    if found.becomes not in ("code", "phone"):
        return found.becomes
    values = v.trimmed(as_text(column)[1])
    digits = pc.count_substring_regex(values, r"\d")
    letters = pc.count_substring_regex(values, r"[A-Za-z]")
    bits = pc.add(pc.multiply(digits, 3.3219), pc.multiply(letters, 4.7004))
    short = pc.and_(pc.greater(pc.utf8_length(values), 0), pc.less(bits, 19.94))
    few = pc.and_(pc.greater(pc.utf8_length(values), 0), pc.less(digits, 7))
    return "token" if pc.any(few if found.becomes == "phone" else short).as_py() else found.becomes


def write_policy(policy: Masking, out: Path) -> None:
    """As YAML, without what is not said otherwise. Raises Conflict where there is a file."""
    plain = policy.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, default_flow_style=None, width=110)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Conflict(
            "mask-policy-exists",
            Text(f"There is a file {out} already.", f"文件 {out} 已存在。"),
            Text("Name another file.", "请换一个文件名。"),
        ) from None
