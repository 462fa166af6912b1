"""`synthesize` for tables in memory: pandas, Polars and Arrow, by the same method, comparison and attacks as a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from huizhen.adapters.anonymised_frames import alike, as_arrow, plain
from huizhen.adapters.synthesised import synthetic
from huizhen.model.synthesis import Synthesis


class Synthesised(NamedTuple):
    """table: of the kind that was given. figures: as `huizhen synthesize --json` tells them."""

    table: Any
    figures: dict[str, Any]


def synthesise_frame(table: Any, said: Mapping[str, Any], seed: int | None, judged: bool) -> Synthesised:
    """What `huizhen.synthesize` does. said: keys of `synthesize.yaml`."""
    asked = Synthesis.read(dict(said))
    made = synthetic(plain(as_arrow(table)), asked, lambda _step, _n: None, seed, judged=judged)
    return Synthesised(alike(table, plain(_unpacked(made.table))), made.figures)


def _unpacked(table: Any) -> Any:
    """Without dictionaries."""
    import pyarrow as pa

    columns = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(columns, names=table.column_names)
