"""Numbers as words that can be added without rounding: a total is exact, whatever the order and the grouping.

An int64 is one word; a float32 is one word in units of 2**-32; a float64 is a whole number of 192 bits (two's
complement, three words, see `secure.ring`) in units of 2**-90. A double of 2**-38 or more in size loses nothing at
all; a smaller one is rounded to the nearest unit, 8e-28. Eight int8, or four int16, share one word: each is a digit of
it, to the base 2**8 or 2**16, positive or negative. Words add up as their digits do, as long as no sum of digits leaves
its own range, which `encode` sees to.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.partial import Field, Partial
from huizhen.secure.ring import Words, split

FRACTION_BITS = 90
_WIDE_LIMIT = 2.0**100
"""No total of float64 reaches this: 192 bits, less 90 for the fraction, one for the sign, and one to spare."""
_NARROW_BITS = 32
_CHUNK = 4096
"""Values worked on at a time, so that they stay in the cache."""
_NARROW_LIMIT = 2.0**30
_DIGIT = {"int8": 8, "int16": 16}
"""Bits of the types that share words."""

_Doubles = npt.NDArray[np.float64]


def wide(layout: tuple[Field, ...]) -> int:
    """How many numbers of three words a Partial of this layout has: its float64 values."""
    return sum(math.prod(f.shape) for f in layout if f.dtype == "float64")


def width(layout: tuple[Field, ...]) -> int:
    """How many words a Partial of this layout takes."""
    return 2 * wide(layout) + sum(_length(f) for f in layout)


def _length(field: Field) -> int:
    """How many single words a field takes, or numbers of three."""
    size = math.prod(field.shape)
    return -(-size // (64 // _DIGIT[field.dtype])) if field.dtype in _DIGIT else size


def encode(partial: Partial, participants: int) -> Words:
    """The words of a Partial, so that the words of up to `participants` such Partials can be added.

    Shape (width(layout),). Raises Unable 'not-finite' or 'overflow', naming the field and never the value.
    """
    if participants < 1:
        raise ValueError("a sum has at least one participant")
    layout = partial.layout()
    words = np.empty(width(layout), dtype=np.uint64)
    numbers, single = split(words, wide(layout))
    at_wide, at_single = 0, 0
    for field in layout:
        values = partial[field.name].ravel()
        size = len(values)
        if field.dtype == "float64":
            for start in range(0, size, _CHUNK):
                stop = min(start + _CHUNK, size)
                at = slice(at_wide + start, at_wide + stop)
                _widen(values[start:stop], numbers[:, at], field.name, participants)
            at_wide += size
        else:
            taken = _length(field)
            pack = _packed if field.dtype in _DIGIT else _single
            single[at_single : at_single + taken] = pack(values, field, participants)
            at_single += taken
    return words


def decode(total: Words, layout: tuple[Field, ...]) -> Partial:
    """The Partial whose words these are; each double is the exact total, correctly rounded.

    Raises ValueError when the number of words is not width(layout).
    """
    if total.shape != (width(layout),) or total.dtype != np.uint64:
        raise ValueError("these words do not have this layout")
    numbers, single = split(total, wide(layout))
    at_wide, at_single = 0, 0
    fields: dict[str, npt.NDArray[Any]] = {}
    for field in layout:
        size = math.prod(field.shape)
        if field.dtype == "float64":
            values = np.empty(size, dtype=np.float64)
            for start in range(0, size, _CHUNK):
                stop = min(start + _CHUNK, size)
                at = slice(at_wide + start, at_wide + stop)
                values[start:stop] = _narrow(numbers[:, at])
            fields[field.name] = values.reshape(field.shape)
            at_wide += size
        else:
            taken = _length(field)
            fields[field.name] = _plain(single[at_single : at_single + taken], field).reshape(field.shape)
            at_single += taken
    return Partial(fields)


def check_bounds(partial: Partial, participants: int = 1) -> None:
    """Raises what `encode` raises for a Partial that so many participants cannot send each: of one that came in, or,
    with 1, of a total, which no participants that keep to `encode` go beyond."""
    for field in partial.layout():
        limit = {"float64": _WIDE_LIMIT, "float32": _NARROW_LIMIT}.get(field.dtype)
        if limit is not None and partial[field.name].size:
            _check(float(np.abs(partial[field.name]).max()), limit / participants, field.name)


def _widen(x: _Doubles, target: Words, name: str, participants: int) -> None:
    """Write round(x * 2**90) as three words, shape (3, n). Splitting a double by size is exact: nothing is lost."""
    low, middle, high = target
    rest = np.abs(x)
    largest = float(rest.max())
    _check(largest, _WIDE_LIMIT / participants, name)
    if largest < 2.0 ** (128 - FRACTION_BITS):
        high.fill(0)
    else:
        _take(rest, 128 - FRACTION_BITS, high)
    _take(rest, 64 - FRACTION_BITS, middle)
    np.multiply(rest, 2.0**FRACTION_BITS, out=rest)
    np.rint(rest, out=rest)
    np.copyto(low, rest, casting="unsafe")
    negative = x < 0
    if negative.any():
        _negate(target, negative)


def _take(rest: _Doubles, exponent: int, into: Words) -> None:
    """Move the multiples of 2**exponent out of `rest`."""
    whole = rest * 2.0**-exponent
    np.trunc(whole, out=whole)
    np.copyto(into, whole, casting="unsafe")
    whole *= 2.0**exponent
    rest -= whole


def _negate(target: Words, where: npt.NDArray[np.bool_]) -> None:
    """Two's complement, in place, of those numbers that are to be negated: turn every bit, add one, carry."""
    carry = where.astype(np.uint64)
    np.bitwise_xor(target, np.negative(carry), out=target)
    np.add(target[0], carry, out=target[0])
    for below, word in ((target[0], target[1]), (target[1], target[2])):
        where = where & (below == 0)
        if not where.any():
            break
        np.add(word, where, out=word)


def _narrow(numbers: Words) -> _Doubles:
    """The double nearest to each number of 192 bits, shape (3, n), in units of 2**-90.

    The 64 bits from the leading one downwards, the last of them set when anything below is not zero, round to 53 bits
    just as the whole number would (a sticky bit, as in IEEE 754): the one rounding is from a word to a double.
    """
    numbers = numbers.copy()
    negative = numbers[2].view(np.int64) < 0
    _negate(numbers, negative)
    low, middle, high = numbers
    exponent = np.full(len(low), 1023 + 128 - FRACTION_BITS, dtype=np.int64)
    for _ in range(2):
        empty = high == 0
        if empty.all():
            high, middle, low = middle, low, np.zeros_like(low)
        elif empty.any():
            high, middle, low = np.where(empty, middle, high), np.where(empty, low, middle), np.where(empty, 0, low)
        exponent -= 64 * empty
    zeros = 64 - np.frexp((high & ~(high >> np.uint64(1))).astype(np.float64))[1].astype(np.int64)
    exponent -= zeros
    shift = zeros.view(np.uint64)
    top = (high << shift) | (middle >> (np.uint64(64) - shift))
    top |= ((middle << shift) | low) != 0
    value: _Doubles = top.astype(np.float64) * (exponent << 52).view(np.float64)
    np.negative(value, out=value, where=negative)
    return value


def _single(values: npt.NDArray[Any], field: Field, participants: int) -> Words:
    if not len(values):
        return np.empty(0, dtype=np.uint64)
    if field.dtype == "int64":
        limit = (2**63 - 1) // participants
        if int(values.max()) > limit or int(values.min()) < -limit:
            raise _overflow(field.name)
        return values.view(np.uint64)
    _check(float(np.abs(values).max()), _NARROW_LIMIT / participants, field.name)
    return np.rint(np.ldexp(values.astype(np.float64), _NARROW_BITS)).astype(np.int64).view(np.uint64)


def _packed(values: npt.NDArray[Any], field: Field, participants: int) -> Words:
    """Small whole numbers as digits of words, the first the lowest: sum of v_k * 2**(bits * k), modulo 2**64."""
    bits = _DIGIT[field.dtype]
    limit = (2 ** (bits - 1) - 1) // participants
    if len(values) and (int(values.max()) > limit or int(values.min()) < -limit):
        raise _overflow(field.name)
    digits = np.zeros((_length(field), 64 // bits), dtype=np.int64)
    digits.ravel()[: len(values)] = values
    words = np.zeros(len(digits), dtype=np.uint64)
    for k, digit in enumerate(digits.T):
        words += digit.astype(np.uint64) << np.uint64(bits * k)
    return words


def _unpacked(words: Words, bits: int) -> npt.NDArray[np.int64]:
    """The digits of words, from the lowest: each is what its bits say, with a sign; the rest is what is left of it."""
    rest, digits = words.view(np.int64).copy(), np.empty((len(words), 64 // bits), dtype=np.int64)
    for k in range(digits.shape[1]):
        digits[:, k] = (rest << (64 - bits)) >> (64 - bits)
        rest = (rest - digits[:, k]) >> bits
    return digits.ravel()


def _plain(words: Words, field: Field) -> npt.NDArray[Any]:
    if field.dtype in _DIGIT:
        return _unpacked(words, _DIGIT[field.dtype])[: math.prod(field.shape)].astype(field.dtype)
    whole = words.view(np.int64)
    return whole.copy() if field.dtype == "int64" else np.ldexp(whole, -_NARROW_BITS).astype(np.float32)


def _check(largest: float, limit: float, name: str) -> None:
    if not math.isfinite(largest):
        raise Unable(
            "not-finite",
            Text(f"Field '{name}' of a sum is infinite or not a number.", f"求和字段“{name}”出现无穷大或非数值。"),
            Text(
                "Look for extreme values in the columns used, or scale them.",
                "请检查所用列中的极端值，或对其进行缩放。",
            ),
        )
    if largest >= limit:
        raise _overflow(name)


def _overflow(name: str) -> Unable:
    return Unable(
        "overflow",
        Text(f"Field '{name}' of a sum is too large to be added exactly.", f"求和字段“{name}”过大，无法精确相加。"),
        Text("Use a larger unit for the columns used, or scale them.", "请为所用列改用更大的单位，或对其进行缩放。"),
    )
