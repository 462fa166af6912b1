"""Resident identity numbers (GB 11643-1999): whether one is right, and another in its place.

Six digits of the division where it was issued, the date of birth, three digits of which the last is odd for men, and a
check character (ISO 7064, MOD 11-2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from huizhen.privacy.masking.keyed import Key

_WEIGHTS = np.array([pow(2, 17 - i, 11) for i in range(17)], np.int64)
_CHECK = np.frombuffer(b"10X98765432", np.uint8)
_PROVINCES = np.array(
    [11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62,
     63, 64, 65, 71, 81, 82, 83]
)  # fmt: skip
"""First two digits there are (GB/T 2260); 81 to 83 also in residence permits of Hong Kong, Macau and Taiwan."""
_DECADE = 3653
"""Days of ten years."""


def valid(values: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which of them are identity numbers: of 18 characters, a province that there is, a day that there is, not before
    1850, and the check character right. `x` is as good as `X`."""
    text = _matrix(values)
    digits = (text[:, :17] - 48).astype(np.int64)
    good = ((digits >= 0) & (digits <= 9)).all(axis=1) & (np.array([len(v) for v in values]) == 18)
    digits[~good] = 0
    good &= np.isin(digits[:, 0] * 10 + digits[:, 1], _PROVINCES)
    good &= _day(digits)[1]
    last = np.where(text[:, 17] == ord("x"), ord("X"), text[:, 17])
    return np.asarray(good & (last == _CHECK[digits @ _WEIGHTS % 11]))


def masked(
    values: Sequence[str], key: Key, until: np.datetime64, keep_sex: bool = True, regions: Sequence[str] = ()
) -> list[str]:
    """Another valid number in place of each valid one; no two become one.

    The division stays, or becomes another of `regions` if it is one of them. The date of birth stays within ten years,
    in steps that end on the day `until`, which is why nobody born by that day becomes younger than it. The last three
    digits change, sex as it was if `keep_sex`.
    """
    if not len(values):
        return []
    digits = (_matrix(values)[:, :17] - 48).astype(np.int64)
    day, end = _day(digits)[0], int(until.astype("datetime64[D]").astype(np.int64))
    decade = (end - day) // _DECADE
    birth = end - day - decade * _DECADE
    serial = digits[:, 14] * 100 + digits[:, 15] * 10 + digits[:, 16]
    step = 2 if keep_sex else 1
    codes = [value[:6] for value in values]
    place = {code: i for i, code in enumerate(sorted(set(regions)))}
    out: list[str] = [""] * len(values)
    for moved in (False, True):
        rows = np.array([i for i, c in enumerate(codes) if (c in place) == moved], np.int64)
        if not rows.size:
            continue
        area = np.array([place[codes[i]] if moved else 0 for i in rows], np.int64)
        number = (area * _DECADE + birth[rows]) * (1000 // step) + serial[rows] // step
        parity = serial[rows] % step
        kept = [f"{'' if moved else codes[i]}/{d}/{s}" for i, d, s in zip(rows, decade[rows], parity, strict=True)]
        size = max(len(place) if moved else 1, 1) * _DECADE * (1000 // step)
        found = key.permute("id_number", size, number, kept).astype(np.int64)
        serial_ = found % (1000 // step) * step + parity
        found //= 1000 // step
        days = end - found % _DECADE - decade[rows] * _DECADE
        area = found // _DECADE
        names = sorted(place)
        for i, a, d, s in zip(rows, area, _written(days), serial_, strict=True):
            out[i] = f"{names[a] if moved else codes[i]}{d}{s:03d}"
    return with_check(out)


def births(values: Sequence[str]) -> list[str]:
    """The date of birth of each number, as 1980-02-29; of what is none, nothing."""
    good = valid(values)
    return [f"{v[6:10]}-{v[10:12]}-{v[12:14]}" if g else "" for v, g in zip(values, good, strict=True)]


def with_check(values: Sequence[str]) -> list[str]:
    """17 digits with their check character."""
    digits = (_matrix(values)[:, :17] - 48).astype(np.int64)
    check = _CHECK[digits @ _WEIGHTS % 11].tobytes().decode("ascii")
    return [v + c for v, c in zip(values, check, strict=True)]


def _matrix(values: Sequence[str]) -> npt.NDArray[np.uint8]:
    """(N, 18) bytes; what is not ASCII is 0, what is longer cut."""
    text = b"".join(v[:18].encode("ascii", "replace").ljust(18, b"\0") for v in values)
    return np.frombuffer(text, np.uint8).reshape(-1, 18)


def _day(digits: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Days since 1970 of the date of birth, and whether there is that day."""
    year = digits[:, 6:10] @ np.array([1000, 100, 10, 1])
    month, day = digits[:, 10] * 10 + digits[:, 11], digits[:, 12] * 10 + digits[:, 13]
    first = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    start, end = (m.astype("datetime64[D]").astype(np.int64) for m in (first, first + 1))
    there = (year >= 1850) & (year < 2200) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= end - start)
    return start + day - 1, there


def _written(days: npt.NDArray[np.int64]) -> list[str]:
    return [d.replace("-", "") for d in np.datetime_as_string(days.astype("datetime64[D]"))]
