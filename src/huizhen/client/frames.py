"""The figures of a result as pandas tables, by their shape and not by the name of the method that gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_AXES = ("row_levels", "col_levels")


def frames(values: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Every table there is in a result, by its key ('groups.curve': the list `curve` of each entry of `groups`).

    A list of mappings, or a mapping of mappings, is a table with a column for each plain value ('likelihood.chi2' for
    one further inside); two rows of counts by `row_levels` and `col_levels` are a cross table; `levels` or `edges`
    beside `counts` are one table. What the guard hid is missing (NaN or None) in it. Single figures are none of these.
    """

    found: dict[str, pd.DataFrame] = {}
    for key, value in values.items():
        if _mappings(value):
            _records(found, key, value, ({},) * len(value))
        elif isinstance(value, Mapping) and value and all(isinstance(v, Mapping) for v in value.values()):
            _records(found, key, list(value.values()), [{"name": name} for name in value])
        elif _grid(value):
            found[key] = _crossed(values, value)
    counts = values.get("counts")
    if isinstance(counts, list) and not _grid(counts):
        found = {"counts": _counted(values, counts), **found}
    named = {key: frame for key, frame in found.items() if frame.index.name or not _grid(values.get(key))}
    return {**named, **found}


def _records(
    found: dict[str, pd.DataFrame], key: str, rows: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]
) -> None:
    """The table of these rows, each led by what stands `before` it; and those of the lists within them, each led by the
    first figure of the row that it is in."""
    import pandas as pd

    plain = [{**b, **_plain(row)} for b, row in zip(before, rows, strict=True)]
    inner = dict.fromkeys(k for row in rows for k, v in row.items() if _mappings(v))
    leads = [dict(list(row.items())[:1]) for row in plain]
    if plain != leads or not inner:
        found[key] = _named(pd.DataFrame([_missing(row) for row in plain]))
    for name in inner:
        below = [(lead, entry) for lead, row in zip(leads, rows, strict=True) for entry in row.get(name) or ()]
        told = [{k: v for k, v in lead.items() if k not in entry and v is not None} for lead, entry in below]
        _records(found, f"{key}.{name}", [entry for _, entry in below], told)


def _missing(row: Mapping[str, Any]) -> dict[str, Any]:
    """None as NaN, so that a column of figures stays one."""
    return {k: float("nan") if v is None else v for k, v in row.items()}


def _plain(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The single figures of a row; those of a mapping inside it under a dotted name."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat |= _plain(value, f"{prefix}{key}.")
        elif not isinstance(value, list):
            flat[prefix + key] = value
    return flat


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("name") if "name" in frame and frame["name"].is_unique else frame


def _crossed(values: Mapping[str, Any], grid: list[list[Any]]) -> pd.DataFrame:
    import pandas as pd

    rows, cols = (values.get(axis) for axis in _AXES)
    if not rows or not cols or (len(rows), len(cols)) != (len(grid), len(grid[0])):
        return pd.DataFrame(grid)
    return pd.DataFrame(
        grid, pd.Index(_levels(rows), name=values.get("row")), pd.Index(_levels(cols), name=values.get("col"))
    )


def _counted(values: Mapping[str, Any], counts: list[Any]) -> pd.DataFrame:
    import pandas as pd

    levels, edges = values.get("levels"), values.get("edges")
    if levels and len(levels) == len(counts):
        return pd.DataFrame({"count": counts}, pd.Index(_levels(levels), name=values.get("by")))
    if edges and len(edges) == len(counts) + 1:
        return pd.DataFrame({"from": edges[:-1], "to": edges[1:], "count": counts})
    return pd.DataFrame({"count": counts})


def _levels(levels: list[Any]) -> list[Any]:
    return ["(missing)" if level is None else level for level in levels]


def _mappings(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _grid(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, list) and row and len(row) == len(value[0]) for row in value)
    )
