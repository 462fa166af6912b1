"""Codes, telephone numbers, mail addresses and tokens in place of others."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from huizhen.privacy.masking.ff1 import Numbers
from huizhen.privacy.masking.keyed import Key

_SETS = ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_PREFIX = re.compile(r"(00)?86(?=1[3-9]\d{9}$)", re.ASCII)
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)


def code(values: Sequence[str], key: Key, kind: str = "code", start: int = 0) -> list[str]:
    """Digits become digits, letters letters of the same case, and the rest stays; so do the first `start` characters.

    No two become one. Raises BadInput where a value has a form of which there are fewer than a million.
    """
    forms: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, value in enumerate(values):
        forms[tuple(_set(c) if j >= start else "" for j, c in enumerate(value))].append(i)
    out = list(values)
    for form, rows in forms.items():
        places = [j for j, chars in enumerate(form) if chars]
        size = 1
        for j in places:
            size *= len(form[j])
        rest = ["".join(c for c, chars in zip(values[i], form, strict=True) if not chars) for i in rows]
        shape = "".join(chars[:1] or "." for chars in form)
        numbers = np.array([_number(values[i], form) for i in rows], object if size >= 1 << 63 else np.uint64)
        found = key.permute(kind, size, numbers, [f"{shape}/{r}" for r in rest])
        for i, characters in zip(rows, _characters(found, [form[j] for j in places]), strict=True):
            text = list(values[i])
            for j, c in zip(places, characters, strict=True):
                text[j] = c
            out[i] = "".join(text)
    return out


def phone(values: Sequence[str], key: Key) -> list[str]:
    """Mobile numbers in China keep their first three digits, others all but the last seven; country code and signs
    between digits stay, and do not matter. Raises BadInput where a number has fewer than seven digits."""
    bare = [re.sub(r"\D", "", value, flags=re.ASCII) for value in values]
    bare = [_PREFIX.sub("", digits) for digits in bare]
    starts = [3 if _MOBILE.fullmatch(digits) else max(len(digits) - 7, 0) for digits in bare]
    out = list(values)
    for start in set(starts):
        rows = [i for i, s in enumerate(starts) if s == start]
        for i, masked in zip(rows, code([bare[i] for i in rows], key, "phone", start), strict=True):
            out[i] = _over(values[i], masked)
    return out


def _over(value: str, digits: str) -> str:
    """The last digits of the value in place of its own, signs where they were."""
    text, left = list(value), list(digits)
    for j in range(len(text) - 1, -1, -1):
        if text[j] in _SETS[0] and left:
            text[j] = left.pop()
    return "".join(text)


def token(values: Sequence[str], key: Key, kind: str = "token") -> list[str]:
    """16 letters and digits (80 bits) that tell nothing of the value; two values have the same with chance 2^-80."""
    drawn = key.draw(kind, [" ".join(v.split()) for v in values])
    return [base64.b32encode(row[:2].astype(">u8").tobytes()[:10]).decode() for row in drawn]


def mail(values: Sequence[str], key: Key) -> list[str]:
    """An address at example.com, which is nobody's (RFC 2606); capitals make no difference."""
    return [f"{t.lower()}@example.com" for t in token([v.strip().lower() for v in values], key, "email")]


def _set(character: str) -> str:
    return next((chars for chars in _SETS if character in chars), "")


def _number(value: str, form: Sequence[str]) -> int:
    number = 0
    for c, chars in zip(value, form, strict=True):
        if chars:
            number = number * len(chars) + chars.index(c)
    return number


def _characters(numbers: Numbers, sets: Sequence[str]) -> list[str]:
    columns = []
    for chars in reversed(sets):
        size = len(chars) if numbers.dtype == object else np.uint64(len(chars))
        numbers, place = numbers // size, numbers % size
        columns.append(np.array(list(chars))[place.astype(np.int64)])
    return ["".join(row) for row in np.stack(columns[::-1], axis=1)]
