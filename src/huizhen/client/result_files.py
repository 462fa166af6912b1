"""A result as CSV files in one archive, for spreadsheets and statistics programs, with its evidence beside them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell of text that begins so would be run by a spreadsheet."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same result gives the same archive."""


def archive(found: Mapping[str, Any], proofs: Mapping[int, bytes]) -> bytes:
    """What is known of a released study as ZIP: a CSV file per table of its result, `figures.csv` with its single
    figures, `outcome.json` with all at full precision, grant, guard and settlement, and the proof of each entry."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        for name, text in _tables(found["result"] or {}):
            _add(files, f"{name}.csv", text)
        _add(files, "outcome.json", json.dumps(found, ensure_ascii=False, indent=2))
        for number, proof in proofs.items():
            _add(files, f"entry{number}.proof", proof.decode())
    return out.getvalue()


def _add(files: zipfile.ZipFile, name: str, text: str) -> None:
    files.writestr(zipfile.ZipInfo(name, _EPOCH), text.encode(), zipfile.ZIP_DEFLATED)


def _tables(result: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    from huizhen.client.frames import frames

    single = [(k, v) for k, v in result.items() if v is None or isinstance(v, str | int | float)]
    if single:
        yield "figures", _csv([("figure", "value"), *single])
    for name, frame in frames(result).items():
        led = frame.reset_index() if frame.index.name is not None else frame
        rows = [tuple(map(str, led.columns)), *led.itertuples(index=False, name=None)]
        yield name, _csv(rows)


def _csv(rows: Iterable[tuple[Any, ...]]) -> str:
    """RFC 4180 with a mark by which spreadsheets know UTF-8; what is missing is an empty cell."""
    out = io.StringIO()
    csv.writer(out).writerows([tuple(map(_cell, row)) for row in rows])
    return "\ufeff" + out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None or value != value else value  # noqa: PLR0124 - not a number
