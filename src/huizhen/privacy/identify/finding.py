"""What a column of text is found to be, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from huizhen.privacy.identify.kinds import KINDS, Kind

SAMPLE = 5000
"""Different values that are looked at, at most."""
_CODE = re.compile(r"[A-Za-z]{0,6}[-_]?\d{5,20}[A-Za-z]?|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOUR = re.compile(r"(19|20)\d{2}[-/.]?\d{2}[-/.]?\d{2}([ T]?\d.*)?")
_FEWEST = 20
_BURIED = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!\d)[1-9]\d{5}(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)",
        r"(?<!\d)1[3-9]\d{9}(?!\d)",
        r"[\w.+-]+@[\w-]+\.[A-Za-z]{2,}",
        r"(患者|病人|家属|姓名)[:：]\s*[\u4e00-\u9fff]{2,4}",
    )
)
_LONG = 15


@dataclass(frozen=True)
class Found:
    """by: its name, the content of the column, or both. share: of its different values, those that have the form."""

    kind: str
    by: Literal["name", "content", "both"]
    share: float
    becomes: str


def find(column: str, values: Sequence[str], unique: bool = False) -> Found | None:
    """What identifies a person in a column, of some of its different values, or None.

    values: without missing ones, at most `SAMPLE` are looked at. unique: no value is in two rows, of at least twenty.
    What the values say counts for more than the name.
    """
    values = [v.strip() for v in values[:SAMPLE]]
    shares = {kind.name: float(kind.right(values).mean()) if values else 0.0 for kind in KINDS}
    called = [kind for kind in KINDS if kind.called(column)]
    for kind in called:
        if shares[kind.name] >= min(kind.share, 0.3) and kind.shape:
            return _as(kind, "both", shares)
    shown = [kind for kind in KINDS if kind.shape and shares[kind.name] >= kind.share and _enough(kind, values)]
    if shown:
        return _as(max(shown, key=lambda k: shares[k.name]), "content", shares)
    named = [kind for kind in called if not kind.must or not values or shares[kind.name] > 0.05]
    if named:
        return _as(named[0], "name", shares)
    if _buried(values):
        return Found("free_text", "content", _buried(values), "blank")
    coded = np.mean([bool(_CODE.fullmatch(v)) and not _HOUR.fullmatch(v) for v in values]) if values else 0.0
    if unique and coded > 0.95:
        return Found("record_number", "content", float(coded), "code")
    return None


def _as(kind: Kind, by: Literal["name", "content", "both"], shares: dict[str, float]) -> Found:
    return Found(kind.name, by, shares[kind.name], kind.becomes)


def _enough(kind: Kind, values: Sequence[str]) -> bool:
    """A few words may look like names by chance; names of people are many."""
    return kind.name not in ("name", "name_latin") or len(set(values)) >= _FEWEST


def _buried(values: Sequence[str]) -> float:
    """The share of values, of text that is long, in which something that identifies a person stands."""
    long = [v for v in values if len(v) > _LONG]
    if len(long) * 2 < len(values) or not long:
        return 0.0
    share = sum(1 for v in long if any(p.search(v) for p in _BURIED)) / len(values)
    return share if share >= 0.005 else 0.0
