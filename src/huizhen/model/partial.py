"""A Partial: all that leaves a node. Named arrays that may be added to those of other nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Field(NamedTuple):
    name: str
    dtype: str
    """'int64' (exact), 'float64' (exact to 2**-90, see secure.fixed), 'float32' (to 2**-32, for long vectors), or
    'int8' and 'int16' (exact, for long vectors of numbers so small that also their sum is one)."""
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Partial:
    """Additive arrays by name. `a + b` is the Partial of both sets of rows together."""

    fields: Mapping[str, Array]

    def __post_init__(self) -> None:
        tidy = {}
        for name, value in self.fields.items():
            array = np.asarray(value)
            if array.dtype in (np.int8, np.int16):
                pass
            elif array.dtype.kind in "bui":
                array = array.astype(np.int64)
            elif array.dtype != np.float32:
                array = array.astype(np.float64)
            tidy[name] = array
        object.__setattr__(self, "fields", tidy)

    def __getitem__(self, name: str) -> Array:
        return self.fields[name]

    def __add__(self, other: Partial) -> Partial:
        if self.layout() != other.layout():
            raise ValueError("partials of different layout cannot be added")
        return Partial({name: value + other.fields[name] for name, value in self.fields.items()})

    def layout(self) -> tuple[Field, ...]:
        """Names, types and shapes in order of name."""
        return tuple(Field(n, str(a.dtype), a.shape) for n, a in sorted(self.fields.items()))
