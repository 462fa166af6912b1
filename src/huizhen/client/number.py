"""Numbers as people read them: few digits, a true minus, and the exact figure always within reach."""

from __future__ import annotations

import math
from datetime import date, timedelta

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_EPOCH = date(1970, 1, 1)
MINUS = "−"
SMALLEST_P = 0.001


def exact(x: float) -> str:
    """The number in full: the shortest text that gives it back unchanged."""
    return repr(x)


def short(x: float, digits: int = 4) -> str:
    """A number in `digits` significant digits; whole digits are never dropped, and what is short already stays whole.

    Whole numbers below 1e15 keep all their digits, with separators. Very small and very large ones are written with a
    power of ten.
    """
    if isinstance(x, int) or (x.is_integer() and abs(x) < 1e5):
        return _signed(f"{int(x):,}") if abs(x) < 1e15 else _power(x, digits)
    size = math.floor(math.log10(abs(x)))
    if not -4 <= size < 9:
        return _power(x, digits)
    if len(repr(abs(x)).replace(".", "").lstrip("0")) <= digits:
        return _signed(repr(x))
    return _signed(f"{x:,.{max(digits - 1 - size, 0)}f}")


def p_value(p: float) -> str:
    """0.00098 -> '< 0.001'; else three significant digits."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else short(p, 3)


def equals_p(p: float) -> str:
    """For a sentence: 'p = 0.012' or 'p < 0.001'."""
    return f"p {p_value(p)}" if p < SMALLEST_P else f"p = {p_value(p)}"


def percent(share: float) -> str:
    """0.1234 -> '12%'; below a tenth, one more digit."""
    digits = 0 if share == 0 or abs(share) >= 0.1 else 1
    return _signed(f"{100 * share:.{digits}f}%")


def day(days: float) -> str:
    """Days since 1970-01-01 as a date; as a number where the calendar has no such day."""
    try:
        return (_EPOCH + timedelta(days=round(days))).isoformat()
    except OverflowError:
        return short(days)


def size(count: int) -> str:
    """Bytes in the unit that suits: 12345 -> '12.3 kB'."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{short(amount, 3) if unit != 'B' else count} {unit}"
        amount /= 1000
    raise AssertionError("unreachable")


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def _power(x: float, digits: int) -> str:
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    return _signed(f"{mantissa}×10") + str(int(exponent)).translate(_SUPERSCRIPT)
