"""A copy of a data holder's own file to test with: no value in it is a person's, and its form is the original's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from huizhen.adapters.own_file import as_text, new_file, read_key, read_table, write_table
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.masking import Masked, Masking
from huizhen.privacy.masking import days, identity
from huizhen.privacy.masking.keyed import Key
from huizhen.privacy.masking.kinds import Wish, masked

Heard = Callable[[str, int], None]
_SHIFTED = ("date", "birth_date")


def mask_file(path: Path, out: Path, policy: Masking, beside: Path, heard: Heard) -> dict[str, Any]:
    """Mask one CSV or Parquet file into another of the same kind; rows stay in their order. Gives `rows`, and for each
    column its kind, how many values were there, changed, and could not be read as days (these become nothing).

    `beside` is the folder of the key and of the list of divisions. Raises NotFound, BadInput, Refused.
    """
    with new_file(out, path) as part:
        table, delimiter = read_table(path)
        heard("read", len(table))
        copy, told = masked_table(table, policy, beside)
        write_table(copy, part, delimiter)
    return told


def masked_table(table: pa.Table, policy: Masking, beside: Path) -> tuple[pa.Table, dict[str, Any]]:
    """The same of a table. Kept columns are as they were, masked ones text."""
    names = table.column_names
    _check_columns(names, policy)
    key, wish = Key(read_key(beside / policy.key)), _wish(policy, beside)
    texts = {name: as_text(table[name]) for name in names}
    shift = None
    if any(policy.columns[n].kind in _SHIFTED for n in names):
        shift = _shifts(texts, policy, key)
    found: dict[str, tuple[pa.Array, int]] = {}
    for name in sorted(names, key=lambda n: policy.columns[n].kind == "birth_date"):
        found[name] = _column(name, texts, policy.columns[name], key, wish, shift, found)
    told = {name: _told(texts[name], policy.columns[name], *found[name]) for name in names}
    kept = {n: table[n] if policy.columns[n].kind == "keep" else found[n][0] for n in names}
    return pa.table(kept), {"rows": len(table), "columns": told}


def _column(
    name: str,
    texts: dict[str, tuple[pa.Array, pa.Array]],
    asked: Masked,
    key: Key,
    wish: Wish,
    shift: np.ndarray | None,
    done: dict[str, tuple[pa.Array, int]],
) -> tuple[pa.Array, int]:
    codes, values = texts[name]
    if asked.kind in _SHIFTED:
        assert shift is not None
        own = _plain(codes, values)
        if asked.kind == "birth_date" and asked.of:
            born = identity.births(done[asked.of][0].cast(pa.string()).fill_null("").to_pylist())
            after, strange = days.shifted(own, shift)
            agreed = days.like(own, born)
            out = [g if b and v else a for v, b, g, a in zip(own, born, agreed, after, strict=True)]
        else:
            out, strange = days.shifted(own, shift)
        strange -= sum(1 for v in own if not v.strip())
        return pa.array(out, pa.string(), mask=codes.is_null().to_numpy(zero_copy_only=False)), strange
    try:
        own = masked(
            asked.kind, values.to_pylist(),
            key, Wish(wish.until, wish.regions, asked.keep_sex, asked.start),
        )  # fmt: skip
    except BadInput as error:
        raise error.at(Text(f"Column '{name}'", f"列“{name}”")) from None
    return pa.DictionaryArray.from_arrays(codes, pa.array(own, pa.string())), 0


def _plain(codes: pa.Array, values: pa.Array) -> list[str]:
    return list(pa.DictionaryArray.from_arrays(codes, values).cast(pa.string()).fill_null("").to_pylist())


def _shifts(texts: dict[str, tuple[pa.Array, pa.Array]], policy: Masking, key: Key) -> np.ndarray:
    if policy.person is None or policy.person not in texts:
        raise BadInput(
            "dates-of-whom",
            Text("Dates are shifted by person, and the table has no column that tells people apart.",
                 "日期按人平移，而表中没有区分个人的列。"),
            Text("Name that column as `person`, the same in every table; or give the dates kind `blank`.",
                 "请用 person 写明该列，各表一致；或将日期列的 kind 改为 blank。"),
        )  # fmt: skip
    codes, values = texts[policy.person]
    each = np.append(days.shifts(values.to_pylist(), key, policy.days), 0)
    return np.asarray(each[codes.fill_null(len(values)).to_numpy(zero_copy_only=False)])


def _wish(policy: Masking, beside: Path) -> Wish:
    try:
        until = np.datetime64(dt.date.fromisoformat(policy.until))
    except ValueError:
        raise _bad("until", Text("there is no such day", "没有这一天")) from None
    regions: tuple[str, ...] = ()
    if policy.regions is not None:
        table, _ = read_table(beside / policy.regions)
        values = as_text(table.column(0))[1]
        regions = tuple(sorted(v for v in values.to_pylist() if v))
        if not regions or any(len(v) != 6 or not v.isdigit() or not v.isascii() for v in regions):
            raise _bad("regions", Text("its first column has to have divisions of six digits", "首列须为六位区划代码"))
    for name, asked in policy.columns.items():
        if asked.of is not None and policy.columns.get(asked.of, Masked(kind="keep")).kind != "id_number":
            raise _bad(name, Text("`of` has to name a column of kind id_number", "of 须为 kind 为 id_number 的列"))
    return Wish(until, regions)


def _bad(name: str, why: Text) -> BadInput:
    return BadInput(
        "bad-mask-policy",
        Text(f"In the policy, '{name}': {why.en}.", f"策略中的“{name}”：{why.zh}。"),
        Text("Correct the policy.", "请更正策略文件。"),
    )


def _check_columns(names: list[str], policy: Masking) -> None:
    unnamed = [n for n in names if n not in policy.columns]
    twice = [n for n in dict.fromkeys(names) if names.count(n) > 1]
    absent = [a.of for n, a in policy.columns.items() if n in names and a.of is not None and a.of not in names]
    for found, why in (
        (unnamed, Text("is not named in the policy", "未在策略中说明")),
        (twice, Text("is twice in the table", "在表中重复")),
        (absent, Text("is needed and not in the table", "为所需列而不在表中")),
    ):
        if found:
            raise BadInput(
                "mask-columns-unclear",
                Text(f"Column '{found[0]}' {why.en}.", f"列“{found[0]}”{why.zh}。"),
                Text("Name every column of the table once, `keep` for one that stays as it is.",
                     "表中每一列须恰好说明一次；保持原样的写 keep。"),
            )  # fmt: skip


def _told(text: tuple[pa.Array, pa.Array], asked: Masked, after: pa.Array, strange: int) -> dict[str, Any]:
    before = pc.fill_null(pa.DictionaryArray.from_arrays(*text).cast(pa.string()), "")
    there = pc.not_equal(before, "")
    moved = pc.and_(there, pc.not_equal(before, pc.fill_null(after.cast(pa.string()), "")))
    return {
        "kind": asked.kind,
        "values": pc.sum(there).as_py() or 0,
        "changed": pc.sum(moved).as_py() or 0,
        "unreadable": strange,
    }
