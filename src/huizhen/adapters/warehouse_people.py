"""People in a warehouse: by the subject column there, by index here."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from huizhen.adapters.table import Counted
from huizhen.intake import values as v

if TYPE_CHECKING:
    import pyarrow as pa


def known(subjects: pa.Array, codes: Sequence[Any]) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Subjects as they are written in files and consents, and which of the values are any: not empty, no code for
    missing."""
    text = v.without(v.as_text(subjects), [str(code) for code in codes])
    there = np.asarray(text.is_valid())
    return text.drop_null().to_pylist(), there


def counted(people: Iterable[pa.RecordBatch]) -> Counted:
    """From batches of (person, rows in the cohort, rows used), each person once."""
    cohort, included = BitMap(), BitMap()
    rows = used = repeated = 0
    for batch in people:
        who, n, whole = (np.asarray(batch.column(i)).astype(np.int64) for i in range(3))
        cohort |= _set(who)
        included |= _set(who[whole > 0])
        rows, used = rows + int(n.sum()), used + int(whole.sum())
        repeated += int(np.count_nonzero(whole > 1))
    return Counted(cohort, included, used, rows - used, repeated)


def _set(people: npt.NDArray[np.int64]) -> BitMap:
    return BitMap(array("I", people.astype(np.uint32).tobytes()))
