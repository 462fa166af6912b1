"""What a file format offers: a way to open a file as a source, which can be read from its start as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text

if TYPE_CHECKING:
    import pyarrow as pa

LINE = Text("line", "行")
ROW = Text("row", "行")


@dataclass(frozen=True)
class Source:
    """A table in a file. Memory is bounded by one batch, whatever the size of the file.

    `read()` starts again at the first record; its batches hold string, int64, float64, bool and date32 columns only,
    under the names in `columns`. `lines(records)` gives the place in the file (`unit`, counted from one) of records
    counted from zero; it may read the file again and serves error messages only.
    """

    path: Path
    columns: tuple[str, ...]
    read: Callable[[], Iterator[pa.RecordBatch]]
    lines: Callable[[Sequence[int]], list[int]]
    unit: Text = LINE
    decimal: str = "."
    """The decimal mark of numbers written as text: '.' or ','."""
    notes: tuple[Text, ...] = ()
    """What was recognised, in words."""
    text: frozenset[str] = frozenset()
    """Columns that are text by the source's own types, and are not read as anything else."""


@dataclass(frozen=True)
class Format:
    """A file format: `name` is the name of its file in this folder, `suffixes` are lower-case, with the dot.

    `open(path)` raises BadInput for a file that is not of this format.
    """

    name: str
    suffixes: tuple[str, ...]
    summary: Text
    open: Callable[[Path], Source]


def check_file(path: Path) -> None:
    """Raises NotFound where there is no file, or a folder instead of one."""
    if path.is_file():
        return
    folder = Text(f"'{path}' is a folder, not a file.", f"“{path}”是文件夹，不是文件。")
    absent = Text(f"There is no file '{path}'.", f"找不到文件“{path}”。")
    raise NotFound("no-such-file", folder if path.is_dir() else absent, Text("Check the path.", "请检查路径。"))
