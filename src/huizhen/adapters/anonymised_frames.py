"""`anonymize` for tables in memory: pandas, Polars and Arrow, by the same engine, check and figures as for a file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet

from huizhen.adapters.anonymise_said import asked_by_options
from huizhen.adapters.anonymised import anonymise
from huizhen.adapters.own_folder import own_folder
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation


class Anonymised(NamedTuple):
    """table: of the kind that was given. figures: as `huizhen anonymize --json` tells them. asked: as a configuration,
    to keep and to use again."""

    table: Any
    figures: dict[str, Any]
    asked: Anonymisation


def anonymise_frame(
    table: Any, said: Mapping[str, Any], config: Mapping[str, Any] | Anonymisation | None, hierarchies: Path | None
) -> Anonymised:
    """What `huizhen.anonymize` does. said: options as on the command line, lists of columns in place of text."""
    arrow = as_arrow(table)
    with own_folder(Path(tempfile.gettempdir())) as folder:
        path, out = folder / "in.parquet", folder / "out.parquet"
        pa.parquet.write_table(plain(arrow), path)
        if config is None:
            asked = asked_by_options(path, {**_UNSAID, **said, "hierarchies": hierarchies})
        else:
            asked = config if isinstance(config, Anonymisation) else Anonymisation.read(dict(config))
        figures = anonymise(path, out, asked, hierarchies or Path(), lambda _step, _n: None)
        released = pa.parquet.read_table(out)
    return Anonymised(alike(table, released), figures, asked)


_UNSAID = {
    "weight": None,
    "epsilon": None,
    "delta": None,
    "mode": None,
    "population-size": None,
    "no-attacks": False,
    "outside": None,
}


def listed(columns: str | Sequence[str]) -> str:
    """Columns as the command line takes them. Raises BadInput for a name with a comma, which `config` takes."""
    names = [columns] if isinstance(columns, str) else list(columns)
    if any("," in name for name in names):
        raise BadInput(
            "comma-in-a-column",
            Text("A column has a comma in its name.", "有列名包含逗号。"),
            Text("Say what each column is with `config`.", "请用 config 说明各列。"),
        )
    return ",".join(names)


def as_arrow(table: Any) -> pa.Table:
    """A pandas or Polars DataFrame, or what has `__arrow_c_stream__`, as an Arrow table. Raises BadInput."""
    if isinstance(table, pa.Table):
        return table
    if type(table).__module__.split(".")[0] == "pandas":
        return pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    raise BadInput(
        "not-a-table",
        Text(f"{type(table).__name__} is no table that is known.", f"{type(table).__name__} 不是可识别的表格。"),
        Text(
            "Give a pandas or Polars DataFrame, or an Arrow table.",
            "请给出 pandas 或 Polars 的 DataFrame，或 Arrow 表。",
        ),
    )


def plain(table: pa.Table) -> pa.Table:
    """With text as the engine takes it; Polars has views of it."""
    fields = [
        pa.field(f.name, pa.string()) if pa.types.is_string_view(f.type) or pa.types.is_large_string(f.type) else f
        for f in table.schema
    ]
    return table.cast(pa.schema(fields))


def alike(given: Any, released: pa.Table) -> Any:
    if isinstance(given, pa.Table):
        return released
    kind = type(given)
    return released.to_pandas() if kind.__module__.split(".")[0] == "pandas" else kind(released)
