"""What one pass over a column sees: counts, few distinct values, missing codes, and which readings still fit all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from huizhen.intake import values as v
from huizhen.privacy.identify.kinds import SHAPES

FEW = 50
"""A category has at most this many levels."""
FEW_WHOLE = 20
"""An integer column with at most this many distinct values gets levels."""
SENTINELS = (-9.0, -99.0, -999.0, -9999.0, 9.0, 99.0, 999.0, 9999.0)
_SIGN = re.compile(r"[+＋±]+")
_UNIQUE_UP_TO = 100_000
_SHAPES_UP_TO = 10_000

READINGS = {
    "boolean": "(?i)^(true|false)$",
    "integer": v.WHOLE,
    "number": v.NUMBER,
    "date": v.DATE,
    "padded": r"^-?\d+(\.\d+)?$",
    "comma": r"^-?(\d+|\d{1,3}(,\d{3})+)(,\d+)?$",
    "day_first": r"^\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4})$",
    "moment": r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}[ T]\d{1,2}:\d{2}.*$",
}
"""What all values of a column may look like; the last four are left as text, and said so."""


class Profile:
    """Grows by `see(batch column)`; memory is bounded by 100,000 hashes and 51 values, whatever the number of rows."""

    def __init__(self, name: str, decimal: str) -> None:
        self.name = name
        self.decimal = decimal
        self.rows = 0
        self.filled = 0
        self.missing_codes: set[str] = set()
        self.fits = set(READINGS)
        self.distinct: set[str] | None = set()
        self._doubtful: Counter[str] = Counter()
        self._sentinels = dict.fromkeys(SENTINELS, 0)
        self._low, self._high, self._ordinary = np.inf, -np.inf, 0
        self._hashes: set[int] = set()
        self._unique = True
        self._shaped = np.zeros(len(SHAPES), dtype=np.int64)
        self._shape_seen = 0

    def see(self, column: pa.Array) -> None:
        self.rows += len(column)
        counted = pc.value_counts(v.as_text(column))
        values, counts = counted.field(0), counted.field(1)
        missing = v.looks_missing(values)
        codes = pc.unique(pc.drop_null(values.filter(missing))).to_pylist()
        self.missing_codes |= {c for c in codes if c and len(self.missing_codes) < FEW}
        for word in values.filter(v.looks_doubtful(values)).to_pylist():
            self._doubtful[word] += int(counts.filter(pc.equal(values, word))[0].as_py())
        present = pc.invert(missing)
        values, counts = values.filter(present), counts.filter(present).to_numpy(zero_copy_only=False)
        if not len(values):
            return
        self.filled += int(counts.sum())
        self._read(values)
        self._tell_apart(values, counts)
        self._shape(values, counts)
        if "number" in self.fits:
            self._range(v.numbers(values, self.decimal), counts)

    def settle(self, known: Collection[str]) -> None:
        """After all rows: words for 'missing' that are a value here count as one. `known` are the levels elsewhere.

        'none' is one among words; '-' among signs such as '+'; either where others list it.
        """
        words = self.distinct is not None and bool(self.distinct) and not self.fits
        signs = words and any(_SIGN.fullmatch(value) for value in self.distinct or ())
        for word, count in self._doubtful.items():
            if word in known or (signs if word == "-" else words):
                self.missing_codes.discard(word)
                self.filled += count
                self.fits.clear()
                self._unique = self._unique and count == 1
                if self.distinct is not None:
                    self.distinct = {*self.distinct, word} if len(self.distinct) < FEW else None

    @property
    def unique(self) -> bool:
        """No value twice, as far as one can tell from the first 100,000; too few rows tell nothing."""
        return self._unique and self.filled >= FEW_WHOLE

    @property
    def identifying_shape(self) -> bool:
        return bool(self._shape_seen and (self._shaped * 2 >= self._shape_seen).any())

    def repeats(self, limit: int) -> bool:
        """At most `limit` distinct values, each seen twice on average: fewer would publish single rows as levels."""
        return self.distinct is not None and len(self.distinct) <= limit and 2 * len(self.distinct) <= self.filled

    def sentinels(self) -> list[int]:
        """Numbers that often stand for 'missing' and lie outside the others by more than their whole range."""
        if self._ordinary < 10:
            return []
        low, high = float(self._low), float(self._high)  # beyond the largest there is infinity, and no warning
        span = max(high - low, 1.0)
        negative = [s for s, n in self._sentinels.items() if n and s < 0 <= low]
        far = [s for s, n in self._sentinels.items() if n and not low - span <= s <= high + span]
        return sorted({int(s) for s in (*negative, *far)})

    def _read(self, values: pa.Array) -> None:
        pointed = values
        if self.decimal == ",":
            clean = pc.invert(pc.match_substring(values, "."))
            pointed = pc.if_else(clean, pc.replace_substring(values, ",", "."), "x")
        for reading in list(self.fits):
            tested = pointed if reading in ("integer", "number") else values
            if not pc.all(pc.match_substring_regex(tested, READINGS[reading])).as_py():
                self.fits.discard(reading)
        if "number" in self.fits and pc.any(pc.is_null(v.numbers(values, self.decimal))).as_py():
            self.fits.discard("number")
        if "date" in self.fits and v.dates(values).null_count:
            self.fits.discard("date")

    def _tell_apart(self, values: pa.Array, counts: np.ndarray) -> None:
        if self.distinct is not None:
            self.distinct.update(values[: FEW + 1].to_pylist())
            if len(self.distinct) > FEW:
                self.distinct = None
        if self._unique and len(self._hashes) < _UNIQUE_UP_TO:
            hashes = {hash(x) for x in values.to_pylist()}
            self._unique = counts.max() == 1 and self._hashes.isdisjoint(hashes)
            self._hashes = self._hashes | hashes if self._unique else set()

    def _shape(self, values: pa.Array, counts: np.ndarray) -> None:
        if self._shape_seen >= _SHAPES_UP_TO:
            return
        values, counts = values[:_SHAPES_UP_TO], counts[:_SHAPES_UP_TO]
        hits = [pc.match_substring_regex(values, shape).to_numpy(zero_copy_only=False) for shape in SHAPES]
        self._shaped += np.array([counts[h].sum() for h in hits], dtype=np.int64)
        self._shape_seen += int(counts.sum())

    def _range(self, read: pa.Array, counts: np.ndarray) -> None:
        x = read.to_numpy(zero_copy_only=False)
        special = np.isin(x, SENTINELS)
        for value, count in zip(x[special], counts[special], strict=True):
            self._sentinels[float(value)] += int(count)
        ordinary = x[~special]
        if len(ordinary):
            self._low, self._high = min(self._low, ordinary.min()), max(self._high, ordinary.max())
            self._ordinary += int(counts[~special].sum())
