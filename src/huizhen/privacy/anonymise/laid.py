"""Rows as the compiled partition takes them: codes row after row, as narrow as they may be, and each row's place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Space = Callable[[tuple[int, ...], Any], npt.NDArray[Any]]
"""Gives an array of that shape and type, whose contents are of no account: in memory, or on the disk."""
_NARROW = 1 << 16
_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Rows:
    """`code` (rows, wide): columns side by side, then nothing up to whole 64-bit words, in the last 32 bits the place;
    `spare` as much room again; `begins` (rows,) uint8, zero at first."""

    code: npt.NDArray[Any]
    spare: npt.NDArray[np.uint64]
    begins: npt.NDArray[np.uint8]

    @staticmethod
    def room(rows: int, columns: int, codes: int, *, signed: bool = False, space: Space = np.empty) -> Rows:
        """For so many rows of so many columns with codes below `codes`; signed: there are codes below 0."""
        narrow = codes <= _NARROW and not signed
        wide = -(-(columns + 2) // 4) * 4 if narrow else -(-(columns + 1) // 2) * 2
        code = space((rows, wide), np.uint16 if narrow else np.int32)
        begins = space((rows,), np.uint8)
        begins[:] = 0
        return Rows(code, space((rows, code.itemsize * wide // 8), np.uint64), begins)

    @property
    def words(self) -> npt.NDArray[np.uint64]:
        return self.code.view(np.uint64)

    @property
    def place(self) -> npt.NDArray[np.uint32]:
        """(rows,) whence each row came."""
        return self.code.view(np.uint32)[:, -1]

    def fill(self, start: int, columns: Sequence[npt.NDArray[Any]]) -> None:
        """Put rows, given by column, from place `start` on."""
        end = start + len(columns[0])
        for low in range(start, end, _AT_ONCE):
            high = min(low + _AT_ONCE, end)
            for j, column in enumerate(columns):
                self.code[low:high, j] = column[low - start : high - start]
            self.place[low:high] = np.arange(low, high, dtype=np.uint32)
