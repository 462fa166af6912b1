"""Who got which copy of a table: marks put into a file of the data holder's own, and found in one that turned up."""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from huizhen.adapters.identified import found_of
from huizhen.adapters.own_file import as_text, new_file, new_key, read_key, read_table, write_table
from huizhen.adapters.release_statement import stated
from huizhen.intake.format import check_file
from huizhen.kit.errors import BadInput, NotFound, Refused, Unable
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.identify.kinds import tidy
from huizhen.privacy.watermark import mark
from huizhen.privacy.watermark.mark import Scale

FEWEST = 50
"""Intervals a table needs to carry a mark: two to the power of so many keys would have to be tried to match one."""
_DOSE = re.compile(r"(^|_)(dose|dosage|dosing|infusion|drip|bolus|titrat\w*|units_per|mg|mcg|ug|iu)(_|$)")
_DOSE_ZH = ("剂量", "用量", "药量", "给药", "滴速", "输液", "泵速", "用药", "次量")
_NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{1,9})?", re.ASCII)
_DECIMALS = 6
Numbers = npt.NDArray[np.float64]


def embed(
    path: Path,
    out: Path,
    recipient: str,
    tolerances: Mapping[str, str],
    register: Path,
    at: str,
    config: Anonymisation | None = None,
    release: str | None = None,
) -> dict[str, Any]:
    """Write a copy of a table for one recipient, marked in the columns of `tolerances`, and enter it into the register.

    at: moment of the release. config: what the table was anonymised by; then only columns under `keep` may be marked,
    so that what was promised of the others stays. release: what the copy is called, where it may be made again; else by
    chance. The register is a folder, made where there is none. Raises NotFound,
    BadInput, Refused for doses and identifiers, and Unable where the table cannot carry a mark.
    """
    table, delimiter = _table(path)
    if stated(path) is not None:
        raise Refused(
            "watermark-in-a-private-release",
            Text(f"{path.name} was released with differential privacy: it is never marked.",
                 f"{path.name} 以差分隐私发布：从不加水印。"),
            Text("A mark would change what its epsilon and delta were promised for. Hand it out as it is.",
                 "水印会改变 epsilon 与 delta 所承诺的内容。请原样发放。"),
        )  # fmt: skip
    _check_columns(table, tolerances, config)
    numbers = {name: _numbers(table[name]) for name in tolerances}
    scales = {name: _scale(name, table[name], numbers[name], text) for name, text in tolerances.items()}
    there = [(numbers[n][_codes(table[n])], scale) for n, scale in scales.items()]
    _check_capacity(there)
    release = release or secrets.token_hex(8)
    key = _key(read_key(register / "watermark.key") if register.exists() else _new(register), release)
    columns, told = {}, {}
    for i, (name, scale) in enumerate(scales.items()):
        moves = mark.moves(numbers[name], scale, key, i)
        columns[name] = _moved(table[name], moves, scale)
        told[name] = _told(moves[_codes(table[name])], there[i][0], scale)
    with new_file(out, path) as part:
        marked = pa.table({n: columns.get(n, table[n]) for n in table.column_names})
        write_table(marked, part, delimiter)
        entry = {
            "release": release, "recipient": recipient, "at_utc": at, "rows": len(table),
            "columns": {n: {"decimals": s.decimals, "tolerance": s.tolerance} for n, s in scales.items()},
        }  # fmt: skip
        _enter(register, entry)
    whole, few = mark.capacity(there, 1.0), mark.capacity(there, 0.01)
    return {**entry, "marked": told, "intervals": round(whole), "intervals_in_1_percent": round(few)}


def trace(path: Path, register: Path, odds: float) -> dict[str, Any]:
    """Whose copy a table is from: `named` are releases that it agrees with more than chance does but for `odds`, the
    likeliest first; `chance` bounds how likely anybody at all would be named so wrongly (a union bound over all that
    was tried), as its decimal logarithm.

    Columns are looked for by name; marked ones that are not there, among the others. Raises NotFound, BadInput.
    """
    table, _ = _table(path)
    secret, entries = read_key(register / "watermark.key"), _entries(register)
    numbers = {}
    for name in table.column_names:
        values = _numbers(table[name])
        if np.isfinite(values).sum() >= 2:
            numbers[name] = values[_codes(table[name])]
    known: dict[tuple[str, Scale], tuple[mark.Whole, mark.Whole]] = {}

    def agree(name: str, scale: Scale, key: bytes, place: int) -> tuple[int, int]:
        if (name, scale) not in known:
            known[name, scale] = mark.counted(numbers[name], scale)
        return mark.agreement(known[name, scale], key, place)

    tried, found = 0, []
    for entry in entries:
        key = _key(secret, entry["release"])
        scales = [(i, n, Scale(**s)) for i, (n, s) in enumerate(entry["columns"].items())]
        same = [agree(n, s, key, i) for i, n, s in scales if n in numbers]
        strange = [n for n in numbers if n not in entry["columns"]]
        moved = [agree(other, s, key, i) for i, n, s in scales if n not in numbers for other in strange]
        sums = [(sum(a for a, _ in same), sum(c for _, c in same))] if same else []
        tests = [(mark.log_chance(a, c), a, c) for a, c in (*sums, *moved)]
        tried += len(tests)
        if tests:
            found.append((*min(tests), entry))
    ranked = sorted(found, key=lambda f: f[0])
    said = [
        {"recipient": e["recipient"], "release": e["release"], "at_utc": e["at_utc"], "agree": a, "of": c,
         "log10_chance": round(min(log + np.log10(max(tried, 1)), 0.0), 2)}
        for log, a, c, e in ranked
    ]  # fmt: skip
    named = [s for s in said if s["log10_chance"] <= np.log10(odds)]
    return {"rows": len(table), "releases": len(entries), "tried": tried, "named": named, "nearest": said[:1]}


def _table(path: Path) -> tuple[pa.Table, str]:
    check_file(path)
    with path.open("rb") as file:
        begins = file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
    if begins in (b"{", b"["):
        raise Refused(
            "watermark-in-a-result",
            Text(f"{path.name} is a result and no table: a result is never marked.",
                 f"{path.name} 是研究结果而非表格：结果从不加水印。"),
            Text("Marks are for released rows, as CSV or Parquet.", "水印只用于发布的数据行（CSV 或 Parquet）。"),
        )  # fmt: skip
    return read_table(path)


def _check_columns(table: pa.Table, tolerances: Mapping[str, str], config: Anonymisation | None) -> None:
    for name in tolerances:
        tidied = tidy(name)
        if name not in table.column_names:
            raise BadInput(
                "watermark-column-unknown",
                Text(f"There is no column '{name}'.", f"没有列“{name}”。"),
                Text(f"There are: {', '.join(table.column_names)}.", f"可用的列：{'、'.join(table.column_names)}。"),
            )
        why = None
        if _DOSE.search(tidied) or any(word in tidied for word in _DOSE_ZH):
            why = Text("it is a dose", "它是剂量")
        elif config is not None and name not in config.keep:
            why = Text("something is promised of it in the anonymisation", "匿名化对该列有所承诺")
        elif found_of(name, table[name]) is not None:
            why = Text("it identifies a person", "它可识别个人")
        if why is not None:
            raise Refused(
                "watermark-not-here",
                Text(f"Column '{name}' may not be marked: {why.en}.", f"列“{name}”不得加水印：{why.zh}。"),
                Text("Mark a column of measures or costs that bears the tolerance.",
                     "请选择能够承受该容差的测量值或费用列。"),
            )  # fmt: skip


def _check_capacity(columns: list[tuple[Numbers, Scale]]) -> None:
    there = mark.capacity(columns, 1.0)
    if there < FEWEST:
        raise Unable(
            "watermark-does-not-fit",
            Text(f"The columns have {there:.0f} intervals of twice their tolerance; a mark needs {FEWEST}.",
                 f"各列按两倍容差只有 {there:.0f} 个区间；水印至少需要 {FEWEST} 个。"),
            Text("Mark more columns, such with more different values, or with a smaller tolerance.",
                 "请选择更多的列、取值更多的列，或减小容差。"),
        )  # fmt: skip


def _scale(name: str, column: pa.ChunkedArray, numbers: Numbers, tolerance: str) -> Scale:
    try:
        asked = Decimal(tolerance)
    except InvalidOperation:
        asked = Decimal(0)
    exponent = asked.as_tuple().exponent
    own = max((_places(v) for v in as_text(column)[1].to_pylist() if v and _NUMBER.fullmatch(v)), default=0)
    decimals = min(max(own, -exponent if isinstance(exponent, int) else 0, 0), _DECIMALS)
    units = asked.scaleb(decimals) if asked.is_finite() else Decimal(0)
    whole = pa.types.is_integer(column.type) and asked != asked.to_integral_value()
    if units <= 0 or units != units.to_integral_value() or units > 10**12 or whole or not np.isfinite(numbers).any():
        raise BadInput(
            "bad-tolerance",
            Text(f"Column '{name}': '{tolerance}' is no tolerance for its values.",
                 f"列“{name}”：“{tolerance}”不是适用于其取值的容差。"),
            Text("Give the most that a number may change, as cost=1 or weight=0.5; the column has to hold numbers.",
                 "请给出数值最多可改变多少，例如 cost=1 或 weight=0.5；该列须为数值。"),
        )  # fmt: skip
    return Scale(decimals, int(units))


def _places(text: str) -> int:
    return len(text.partition(".")[2])


def _numbers(column: pa.ChunkedArray) -> Numbers:
    """The number that each different value is, and NaN for none, missing ones last."""
    values = as_text(column)[1]
    there = pc.if_else(pc.match_substring_regex(values, r"^[-+]?\d{1,15}(\.\d+)?([eE][-+]?\d{1,2})?$"), values, None)
    found = pc.cast(there, pa.float64()).to_numpy(zero_copy_only=False)
    return np.append(np.asarray(found, np.float64), np.nan)


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """For each row the place of its value among the different ones; of a missing one the place after the last."""
    codes, values = as_text(column)
    return np.asarray(codes.fill_null(len(values)).to_numpy(zero_copy_only=False), np.int64)


def _moved(column: pa.ChunkedArray, moves: npt.NDArray[np.int64], scale: Scale) -> pa.Array:
    """The column with its numbers moved, written with as many decimals as before where that can be."""
    codes, values = as_text(column)
    step = Decimal(scale.tolerance).scaleb(-scale.decimals).normalize()
    out = [
        v if not move else f"{Decimal(v) + int(move) * step:f}"
        for v, move in zip(values.to_pylist(), moves, strict=False)
    ]
    marked = pa.DictionaryArray.from_arrays(codes, pa.array(out, pa.string()))
    return marked if pa.types.is_dictionary(column.type) else marked.cast(pa.string()).cast(column.type)


def _told(moves: npt.NDArray[np.int64], before: Numbers, scale: Scale) -> dict[str, Any]:
    """What it did to a column: how many changed, by how much at most, and what it makes of mean and deviation."""
    step = scale.tolerance / 10**scale.decimals
    there = np.isfinite(before)
    own, after = before[there], (before + moves * step)[there]
    return {
        "changed": int((moves != 0).sum()),
        "tolerance": step,
        "mean_before": float(own.mean()),
        "mean_after": float(after.mean()),
        "sd_before": float(own.std()),
        "sd_after": float(after.std()),
    }


def _new(register: Path) -> bytes:
    register.mkdir(parents=True, mode=0o700)
    return new_key(register / "watermark.key")


def _key(secret: bytes, release: str) -> bytes:
    return hmac.digest(secret, b"huizhen-watermark/1\0" + release.encode(), "sha256")[:16]


def _entries(register: Path) -> list[dict[str, Any]]:
    try:
        lines = (register / "releases.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]
    except FileNotFoundError:
        raise NotFound(
            "no-watermark-register",
            Text(f"There is no register of releases in {register}.", f"{register} 中没有发布登记。"),
            Text("Give the folder that `huizhen watermark embed` wrote to.",
                 "请给出 `huizhen watermark embed` 所写的文件夹。"),
        ) from None  # fmt: skip


def _enter(register: Path, entry: dict[str, Any]) -> None:
    """One line, on the disk before the copy gets its name: no copy is out that the register does not know. A copy that
    is made again is there already."""
    if (register / "releases.jsonl").exists() and entry["release"] in {e["release"] for e in _entries(register)}:
        return
    descriptor = os.open(register / "releases.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
