"""A table of a warehouse as a source of rows, as a file is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from huizhen.adapters.warehouse_sql import Kind
from huizhen.intake.format import Source
from huizhen.kit.text import Text

if TYPE_CHECKING:
    import pyarrow as pa

_READ = Text("row read", "读取行")


def source_of(
    table: str, kinds: Mapping[str, Kind], read: Callable[[], Iterator[pa.RecordBatch]], left_out: Sequence[str]
) -> Source:
    """`read` gives batches of the kinds as they are: int64, float64, bool, date32 and string. `left_out` are columns of
    other types."""
    return Source(
        path=Path(table),
        columns=tuple(kinds),
        read=read,
        lines=_lines,
        unit=_READ,
        notes=tuple(_left_out(name) for name in left_out),
        text=frozenset(name for name, kind in kinds.items() if kind == "text"),
    )


def _left_out(name: str) -> Text:
    return Text(
        f"Column '{name}': left out, since its type holds no single value per row.",
        f"列“{name}”：其类型不是单值，未读入。",
    )


def _lines(records: Sequence[int]) -> list[int]:
    """Rows of a warehouse have no order but that in which they came."""
    return [record + 1 for record in records]
