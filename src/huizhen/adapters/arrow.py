"""Arrow arrays straight from their buffers.

`pyarrow.array` first imports pandas wherever that is installed, which takes longer than all else that is done with a
column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def numbers(values: npt.NDArray[Any]) -> pa.Array:
    """Whole or other numbers, in the same memory; none is missing."""
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def texts(values: Iterable[str]) -> pa.Array:
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(encoded), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))])


def labelled(codes: npt.NDArray[np.int32], labels: Iterable[str]) -> pa.Array:
    """Text as codes and the labels that they stand for."""
    return pa.DictionaryArray.from_arrays(numbers(codes), texts(labels))
