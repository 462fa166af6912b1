"""Text into typed values, over whole Arrow arrays: whole numbers, numbers, true and false, dates, missing codes.

Each function takes an array of trimmed strings (null where missing) and answers an array of the wanted type that is
null where the input is null *or cannot be read as such*; nothing is rounded, guessed or cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none", ".", "-", "不详", "未知", "缺失")
"""Taken for 'missing' when a schema is inferred, whatever the case; the empty string always is."""
DOUBTFUL = ("none", "-")
"""Of these, what may be a value among words: 'none' beside 'mild' and 'severe', '-' beside '+' and '++'. 'None', as
Python writes it, is missing everywhere, as pandas has it."""
TRUE = ("true", "yes", "y", "是")
FALSE = ("false", "no", "n", "否")
BLANKS = " \t\r\n\u3000\u00a0"

WHOLE = r"^-?(0|[1-9]\d{0,14})(\.0)?$"
"""What is taken for a whole number when a schema is inferred: no leading zeros, and at most
15 digits, which a float64 holds exactly; longer ones are names of something."""
NUMBER = r"^-?((0|[1-9]\d{0,14})(\.\d*)?|\.\d+)([eE][-+]?\d+)?$"
_WHOLE_DECLARED = r"^[-+]?\d{1,18}(\.0+)?$"
_NUMBER_DECLARED = r"^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$"
DATE = (
    r"^(?P<year>\d{4})(?:-(?P<m1>\d{1,2})-|/(?P<m2>\d{1,2})/|\.(?P<m3>\d{1,2})\.|年(?P<m4>\d{1,2})月)"
    r"(?P<day>\d{1,2})日?(?:[ T]00:00(?::00(?:\.0+)?)?)?$"
)


def trimmed(values: pa.Array) -> pa.Array:
    return pc.utf8_trim(values, BLANKS)


def without(values: pa.Array, codes: Sequence[str]) -> pa.Array:
    """The values with the empty string and the given codes as null."""
    absent = pc.is_in(values, value_set=pa.array(["", *codes], pa.string()))
    return pc.if_else(absent, pa.scalar(None, pa.string()), values)


def looks_missing(values: pa.Array) -> pa.Array:
    """Boolean array: empty or one of MISSING, whatever the case; null counts as missing."""
    return pc.or_(pc.is_null(values), pc.is_in(pc.utf8_lower(values), value_set=pa.array(MISSING)))


def looks_doubtful(values: pa.Array) -> pa.Array:
    """Boolean array: one of DOUBTFUL, whatever the case, but not 'None'; null where null."""
    return pc.and_(
        pc.is_in(pc.utf8_lower(values), value_set=pa.array(DOUBTFUL)), pc.not_equal(values, pa.scalar("None"))
    )


def integers(values: pa.Array) -> pa.Array:
    """int64 of up to 18 digits, of a column declared as integer: leading zeros and a final '.0' say nothing more."""
    kept = _only(values, _WHOLE_DECLARED)
    kept = pc.replace_substring_regex(kept, r"\.0+$", "")
    return pc.cast(pc.replace_substring_regex(kept, r"^\+", ""), pa.int64())


def numbers(values: pa.Array, decimal: str = ".") -> pa.Array:
    """float64; `decimal` is the decimal mark. What overflows is not a number."""
    if decimal == ",":
        values = pc.if_else(pc.match_substring(values, "."), pa.scalar(None, pa.string()), values)
        values = pc.replace_substring(values, ",", ".")
    read = pc.cast(_only(values, _NUMBER_DECLARED), pa.float64())
    return pc.if_else(pc.is_finite(read), read, pa.scalar(None, pa.float64()))


def booleans(values: pa.Array) -> pa.Array:
    lower = pc.utf8_lower(values)
    true = pc.is_in(lower, value_set=pa.array([*TRUE, "t", "1"]))
    known = pc.or_(true, pc.is_in(lower, value_set=pa.array([*FALSE, "f", "0"])))
    return pc.if_else(known, true, pa.scalar(None, pa.bool_()))


def dates(values: pa.Array) -> pa.Array:
    """date32 from year-month-day with - / . or 年月日; a time of day other than midnight is not a date."""
    parts = pc.extract_regex(values, DATE)
    years, days = _number(parts, "year"), _number(parts, "day")
    months = sum(_number(parts, f"m{i}") for i in range(1, 5))
    first = ((years - 1970) * 12 + np.clip(months, 1, 12) - 1).astype("datetime64[M]")
    length = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    real = (years >= 1) & (months >= 1) & (months <= 12) & (days >= 1) & (days <= length)
    read = (first.astype("datetime64[D]").astype(np.int64) + days - 1).astype(np.int32)
    return pa.array(read, mask=~real).cast(pa.date32())


def _only(values: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(values, pattern), values, pa.scalar(None, pa.string()))


def _number(parts: pa.Array, field: str) -> npt.NDArray[np.int64]:
    text = pc.struct_field(parts, field)
    filled = pc.if_else(pc.equal(pc.binary_length(text), 0), "0", text)
    return np.asarray(pc.fill_null(pc.cast(filled, pa.int64()), 0).to_numpy(zero_copy_only=False))


def as_text(values: pa.Array) -> pa.Array:
    """Any column of a source as trimmed strings; whole float64 without a decimal point, NaN as null."""
    if pa.types.is_string(values.type):
        return trimmed(values)
    if pa.types.is_float64(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
        return pc.replace_substring_regex(pc.cast(values, pa.string()), r"\.0$", "")
    return pc.cast(values, pa.string())
