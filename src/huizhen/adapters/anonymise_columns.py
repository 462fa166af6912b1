"""Columns of a table as codes in their hierarchies."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from huizhen.intake import encoding as encodings
from huizhen.intake.format import check_file
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Generalisation, Variety
from huizhen.privacy.anonymise import vocabulary
from huizhen.privacy.anonymise.hierarchy import HALVES, Hierarchy, date, in_order, interval, prefix, quantile, table
from huizhen.privacy.anonymise.promise import Codes, Diversity, Sensitive


def encoded(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Each row's place in the list of different values, as text; a missing value is the empty text."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
        column = (pc.fill_null(column, "") if column.null_count else column).dictionary_encode()
    whole = column.unify_dictionaries()
    values = whole.chunk(0).dictionary.to_pylist() if whole.num_chunks else []
    code = np.concatenate([_indices(c, len(values)) for c in whole.chunks] or [np.zeros(0, np.int32)])
    if whole.null_count:
        if "" in values:
            code[code == len(values)] = values.index("")
        else:
            values = [*values, ""]
    return code, values


def _indices(chunk: pa.DictionaryArray, missing: int) -> npt.NDArray[np.int32]:
    """By DLPack: `to_numpy` imports pandas, which takes longer than all else that is done with a column."""
    indices = pc.fill_null(chunk.indices, missing) if chunk.indices.null_count else chunk.indices
    code: npt.NDArray[np.int32] = np.from_dlpack(indices).astype(np.int32, copy=False)
    return code


def quasi(column: pa.ChunkedArray, how: Generalisation, name: str, beside: Path) -> tuple[Hierarchy, Codes]:
    """The hierarchy of a column, and each row's code in it."""
    code, values = encoded(column)
    hierarchy = drawn(values, np.bincount(code, minlength=len(values)), how, name, beside)
    return hierarchy, hierarchy.code[code]


def secret(column: pa.ChunkedArray, asked: Variety, name: str, beside: Path) -> Sensitive:
    """A sensitive column and what is promised of it."""
    code, values = encoded(column)
    hierarchy = ordered(values, np.bincount(code, minlength=len(values)), asked, name, beside)
    if hierarchy is not None:
        code = hierarchy.code[code]
    return Sensitive(code, len(values), promised(asked), hierarchy)


def promised(asked: Variety) -> Diversity:
    recursive = (asked.c, asked.l) if asked.c is not None and asked.l is not None else None
    return Diversity(asked.distinct, asked.entropy, recursive, asked.t, asked.distance, asked.beta)


def ordered(values: Sequence[str], rows: npt.NDArray[Any], asked: Variety, name: str, beside: Path) -> Hierarchy | None:
    """The hierarchy of a sensitive column's values, of which there are `rows` each, where a distance needs it."""
    if asked.distance == "hierarchical" and asked.hierarchy is not None:
        return drawn(values, rows, asked.hierarchy, name, beside)
    return in_order(values) if asked.distance == "ordered" else None


def drawn(values: Sequence[str], rows: npt.NDArray[Any], how: Generalisation, name: str, beside: Path) -> Hierarchy:
    """The hierarchy asked for, over values of which there are so many `rows` each. Raises BadInput, NotFound."""
    simple: dict[str, vocabulary.Builder] = {**vocabulary.BUILDERS, "date": partial(date, column=name)}
    if how.by in simple:
        return simple[how.by](values)
    if how.by == "microaggregate":
        return quantile(values, rows.tolist(), HALVES, name)
    if how.by == "prefix" and how.lengths:
        return prefix(values, how.lengths)
    if how.by == "interval" and how.widths:
        return interval(values, how.widths, name)
    if how.by == "quantile" and how.parts:
        return quantile(values, rows.tolist(), how.parts, name)
    if how.by == "file" and how.file:
        return table(values, _written_out(beside / how.file), name)
    needs = {"prefix": "lengths", "interval": "widths", "quantile": "parts", "file": "file"}[how.by]
    raise BadInput(
        "generalisation-incomplete",
        Text(f"Column '{name}': '{how.by}' needs '{needs}'.", f"列“{name}”：“{how.by}”需要“{needs}”。"),
        Text("Add it to the configuration.", "请在配置中补上。"),
    )


def _written_out(place: Path) -> list[list[str]]:
    check_file(place)
    with place.open(encoding=encodings.recognise(place), newline="") as file:
        return [row for row in csv.reader(file, delimiter=";") if row]
