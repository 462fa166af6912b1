"""Consent files: CSV with the header `subject,purpose`, and what narrows it where needed; all lines or none.

What ends in .json, .ndjson or .jsonl is read by `fhir_consents`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from huizhen.intake import open_source
from huizhen.intake.format import Source
from huizhen.intake.values import as_text
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.consent import METHOD_KINDS, RECIPIENT_KINDS, Terms
from huizhen.model.purpose import PURPOSES

_TEXTS = ("subject", "purpose", "dataset", "from_utc", "until_utc", "category", "terms")
SCHEMA = pa.schema([*((name, pa.string()) for name in _TEXTS), ("permit", pa.bool_())])
"""Subject, purpose and permit are always there; the rest is null where nothing is said. `terms` are `consent.Terms` as
canonical JSON."""
FHIR = (".ndjson", ".jsonl", ".json")
_TERMS = ("recipients", "methods", "min_percent", "min_price_fen")
_NEEDED, _OPTIONAL = ("subject", "purpose"), ("from", "until", "dataset", "category", *_TERMS)
_SHOWN = 20
MOST_REPORTED = 1_000_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[-+]\d{2}:\d{2})")
_COUNT, _SEPARATOR = re.compile(r"\d{1,15}", re.ASCII), re.compile(r"[\s;|/]+")
_FOREVER = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_SUBJECT = Text("no subject", "缺少 subject")
_PURPOSE = Text("unknown purpose", "未知的 purpose")
_FROM = Text("'from' is neither a date nor an RFC 3339 time", "from 既不是日期也不是 RFC 3339 时间")
_UNTIL = Text("'until' is neither a date nor an RFC 3339 time", "until 既不是日期也不是 RFC 3339 时间")
_WRONG_TERMS = {
    "recipients": Text(
        f"'recipients' are not of {', '.join(RECIPIENT_KINDS)}, one that is not foreign among them",
        f"recipients 须取自 {'、'.join(RECIPIENT_KINDS)}，且不能仅有 foreign",
    ),
    "methods": Text(f"'methods' are not of {', '.join(METHOD_KINDS)}", f"methods 须取自 {'、'.join(METHOD_KINDS)}"),
    "min_percent": Text("'min_percent' is not a whole number from 0 to 100", "min_percent 须为 0 至 100 的整数"),
    "min_price_fen": Text("'min_price_fen' is not a whole number of fen", "min_price_fen 须为非负整数分"),
}
_ORDER = Text("'until' is not after 'from'", "until 不晚于 from")


@dataclass(frozen=True)
class Consents:
    """`table` has the columns of SCHEMA in the order in which it was said, no line twice; `lines` were read, `repeated`
    of what they say is nothing new."""

    table: pa.Table
    lines: int
    repeated: int


def read_consents(path: Path) -> Consents:
    """The consents in a CSV or Parquet file, subjects as the hospital writes them.

    A date in `from` begins at 00:00 UTC; one in `until` ends with that day, so that `until_utc`, which is the first
    moment without consent, is 00:00 UTC of the next. Times are RFC 3339 with a zone (`2025-01-01T08:00:00+08:00`) and
    come back in UTC to the microsecond, in a form that sorts as time does. No dataset means every dataset. `recipients`
    and `methods` are lists, with blanks, semicolons, bars or slashes between; a column that is empty narrows nothing.
    Raises
    NotFound, or BadLines, which tells the number and the fault of the first twenty bad lines and has all of them.
    """
    if path.suffix.lower() in FHIR:
        from huizhen.intake.fhir_consents import read_fhir_consents

        return read_fhir_consents(path)
    source = open_source(path)
    columns = _header(source)
    parts: list[pa.RecordBatch] = []
    faults: dict[int, Text] = {}
    bad = before = 0
    for raw in source.read():
        batch, wrong = _checked({name: as_text(raw.column(at)) for name, at in columns.items()}, raw.num_rows)
        bad += int(np.count_nonzero(wrong.mask))
        for record in np.flatnonzero(wrong.mask)[: MOST_REPORTED - len(faults)]:
            faults[before + int(record)] = wrong.why(int(record))
        before += raw.num_rows
        if not bad:
            parts.append(batch)
    if bad:
        raise refused(
            source.path.name, source.unit, dict(zip(source.lines(list(faults)), faults.values(), strict=True)), bad
        )
    table = pa.Table.from_batches(parts, SCHEMA)
    merged = table.group_by(SCHEMA.names, use_threads=False).aggregate([]).select(SCHEMA.names).cast(SCHEMA)
    return Consents(merged, before, before - merged.num_rows)


class _Faults:
    """By kind of fault, which records have it; the first kind that applies is the one told."""

    def __init__(self, kinds: list[tuple[Text, npt.NDArray[np.bool_]]], rows: int) -> None:
        self._kinds = kinds
        self.mask = np.zeros(rows, dtype=bool)
        for _, mask in kinds:
            self.mask |= mask

    def why(self, record: int) -> Text:
        return next(said for said, mask in self._kinds if mask[record])


def _header(source: Source) -> dict[str, int]:
    """Where each known column stands."""
    names = [name.casefold() for name in source.columns]
    known = [*_NEEDED, *_OPTIONAL]
    strange = [name for name in names if name not in known]
    absent = [name for name in _NEEDED if name not in names]
    if strange or absent:
        hints = [(name, did_you_mean(name, known)) for name in strange]
        en = [f"unknown column '{n}'{h.en}" for n, h in hints] + [f"column '{n}' is missing" for n in absent]
        zh = [f"未知的列“{n}”{h.zh}" for n, h in hints] + [f"缺少列“{n}”" for n in absent]
        raise BadInput(
            "bad-consents",
            Text(f"'{source.path.name}' line 1: {'; '.join(en)}.", f"“{source.path.name}”第 1 行：{'；'.join(zh)}。"),
            Text(
                f"The header is subject,purpose and, where needed, {', '.join(_OPTIONAL)}.",
                f"表头为 subject,purpose，可选 {'、'.join(_OPTIONAL)}。",
            ),
        )
    return {name: at for at, name in enumerate(names)}


def _checked(columns: dict[str, pa.Array], rows: int) -> tuple[pa.RecordBatch, _Faults]:
    nothing = pa.nulls(rows, pa.string())
    given = {name: _filled(columns.get(name, nothing)) for name in (*_NEEDED, *_OPTIONAL)}
    start, start_bad = _times(given["from"], until=False)
    end, end_bad = _times(given["until"], until=True)
    terms, terms_bad = _all_terms([given[name] for name in _TERMS])
    wrong = _Faults(
        [
            (_SUBJECT, _mask(pc.is_null(given["subject"]))),
            (_PURPOSE, ~_mask(pc.is_in(given["purpose"], value_set=pa.array(list(PURPOSES))))),
            (_FROM, start_bad),
            (_UNTIL, end_bad),
            (_ORDER, _mask(pc.fill_null(pc.greater_equal(start, end), False))),
            *((_WRONG_TERMS[name], bad) for name, bad in terms_bad.items()),
        ],
        rows,
    )
    yes = pa.array(np.ones(rows, dtype=bool))
    arrays = [given["subject"], given["purpose"], given["dataset"], start, end, given["category"], terms, yes]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA), wrong


def _all_terms(texts: list[pa.Array]) -> tuple[pa.Array, dict[str, npt.NDArray[np.bool_]]]:
    """Terms as canonical JSON, null where nothing narrows; by column, where what it says cannot be. Each distinct
    combination is read once."""
    keys = [pc.fill_null(text, "") for text in texts]
    coded = pc.binary_join_element_wise(*keys, "\0").dictionary_encode()
    read = [_terms(one.split("\0")) for one in coded.dictionary.to_pylist()]
    at = np.asarray(coded.indices.to_numpy(zero_copy_only=False))
    bad = {name: np.array([wrong == name for _, wrong in read], dtype=bool)[at] for name in _TERMS}
    return pa.array([text for text, _ in read], pa.string()).take(coded.indices), bad


def _terms(said: list[str]) -> tuple[str | None, str | None]:
    """(terms as canonical JSON, the first column that cannot be), each None where there is none."""
    found = {name: text for name, text in zip(_TERMS, said, strict=True) if text}
    values: dict[str, Any] = {}
    for name, text in found.items():
        listed = name in ("recipients", "methods")
        if not listed and not _COUNT.fullmatch(text):
            return None, name
        values[name] = _SEPARATOR.split(text.strip()) if listed else int(text)
        try:
            Terms.read({name: values[name]})
        except ValidationError:
            return None, name
    return (Terms.read(values).canonical().decode() if values else None), None


def _filled(text: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _mask(array: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _times(text: pa.Array, until: bool) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Times as sortable UTC text, and which could not be read. Each distinct text is read once."""
    coded = text.dictionary_encode()
    stamps = pa.array([_stamp(one, until) for one in coded.dictionary.to_pylist()], pa.string())
    read = stamps.take(coded.indices)
    return read, _mask(pc.and_(pc.is_valid(text), pc.is_null(read)))


def _stamp(text: str, until: bool) -> str | None:
    try:
        if _DAY.fullmatch(text):
            day = datetime.fromisoformat(text).replace(tzinfo=UTC)
            return stamp(_FOREVER if until and day.year == 9999 else day + timedelta(days=until))
        if _MOMENT.fullmatch(text):
            return stamp(datetime.fromisoformat(text.upper()))
    except (ValueError, OverflowError):
        return None
    return None


class BadLines(BadInput):
    """A file some of whose lines are wrong: the message tells the first of them, `lines` has all that are kept."""

    lines: Mapping[int, Text]


def refused(name: str, unit: Text, faults: Mapping[int, Text], bad: int) -> BadLines:
    """The error of a file of which `bad` lines are wrong; `faults`: number of the line -> what is wrong with it."""
    said = list(faults.items())[:_SHOWN]
    en = [f"{unit.en} {line}: {why.en}" for line, why in said]
    zh = [f"第 {line} {unit.zh}：{why.zh}" for line, why in said]
    if bad > len(said):
        en.append(f"and {bad - len(said)} more")
        zh.append(f"另有 {bad - len(said)} 处")
    many = "line is" if bad == 1 else "lines are"
    en.insert(0, f"'{name}': {bad} {many} wrong")
    zh.insert(0, f"“{name}”有 {bad} 行错误")
    error = BadLines(
        "bad-consents",
        Text("\n".join(en), "\n".join(zh)),
        Text(
            f"Nothing was imported. Purposes: {', '.join(PURPOSES)}; dates: 2025-12-31, times: 2025-12-31T23:59:59Z.",
            f"未导入任何内容。可用的 purpose：{'、'.join(PURPOSES)}；日期如 2025-12-31，时间如 2025-12-31T23:59:59Z。",
        ),
    )
    error.lines = faults
    return error
