"""A generalisation hierarchy over the values of one column, as codes in depth-first order.

Each node covers an interval of codes, so the least common ancestor of a set of rows follows from the smallest and the
largest code among them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

ANY = "*"
"""The label of every root."""
_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,2})?", re.ASCII)
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-\d\d", re.ASCII)
_CHAPTERS = (
    ("A00", "B99"), ("C00", "D48"), ("D50", "D89"), ("E00", "E90"), ("F00", "F99"), ("G00", "G99"), ("H00", "H59"),
    ("H60", "H95"), ("I00", "I99"), ("J00", "J99"), ("K00", "K93"), ("L00", "L99"), ("M00", "M99"), ("N00", "N99"),
    ("O00", "O99"), ("P00", "P96"), ("Q00", "Q99"), ("R00", "R99"), ("S00", "T98"), ("U00", "U99"), ("V01", "Y98"),
    ("Z00", "Z99"),
)  # fmt: skip
HALVES = tuple(2**i for i in range(1, 13))
"""Parts that numbers are cut into, halved again and again, to find which rows to put together as means."""
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,8})")


@dataclass(frozen=True)
class Hierarchy:
    """`node` (levels x codes, int64) has each code's ancestor at each level, level 0 the root and the last level the
    values themselves; `label` and `leaves` (codes below it) are by node. `code` (int32) has the code of each value, in
    the order in which the builder was given the values."""

    node: npt.NDArray[np.int64]
    label: tuple[str, ...]
    leaves: npt.NDArray[np.int64]
    code: npt.NDArray[np.int32]

    @property
    def penalty(self) -> npt.NDArray[np.float64]:
        """Normalised certainty penalty of each node: 0 for a value, 1 for the root (Xu et al., KDD 2006)."""
        codes = self.node.shape[1]
        return (self.leaves - 1) / (codes - 1) if codes > 1 else np.zeros(len(self.leaves))

    def common(self, low: npt.NDArray[np.int32], high: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """The level of the least common ancestor of each interval of codes."""
        level = np.zeros(len(low), np.int64)
        for k in range(1, len(self.node)):
            level[self.node[k, low] == self.node[k, high]] = k
        return level


def build(paths: Sequence[Sequence[str]], order: Sequence[int] | None = None) -> Hierarchy:
    """The hierarchy of values whose labels, from just below the root down to the value, are `paths`.

    Equal labels under one parent are one node. Shorter paths repeat their value downward. No two paths may be equal.
    `order` has the paths in the order of their codes, where that of their labels is not meant; paths with a label in
    common have to be next to each other in it.
    """
    depth = max((len(path) for path in paths), default=1)
    full = [(ANY, *path, *[path[-1]] * (depth - len(path))) for path in paths]
    order = sorted(range(len(full)), key=lambda i: full[i]) if order is None else order
    code = np.empty(len(full), np.int32)
    code[order] = np.arange(len(full), dtype=np.int32)
    node = np.empty((depth + 1, len(full)), np.int64)
    labels: list[str] = []
    for level in range(depth + 1):
        before: tuple[str, ...] | None = None
        for place, i in enumerate(order):
            if full[i][: level + 1] != before:
                before = full[i][: level + 1]
                labels.append(before[-1])
            node[level, place] = len(labels) - 1
    leaves = np.bincount(node.ravel(), minlength=len(labels)).astype(np.int64)
    return Hierarchy(node, tuple(labels), leaves, code)


def flat(values: Sequence[str]) -> Hierarchy:
    """Every value directly below the root."""
    return build([(value,) for value in values])


def in_order(values: Sequence[str]) -> Hierarchy:
    """Values directly below the root in their order: numbers by size, and what is no number after them, as text."""

    def key(i: int) -> tuple[bool, float, str]:
        try:
            number = float(values[i])
        except ValueError:
            return (True, 0.0, values[i])
        return (math.isnan(number), 0.0 if math.isnan(number) else number, values[i])

    return build([(v,) for v in values], order=sorted(range(len(values)), key=key))


def prefix(values: Sequence[str], lengths: Sequence[int]) -> Hierarchy:
    """Codes by their first characters: `110101` with lengths 2 and 4 is below `1101**`, and that below `11****`.

    For dates as 2026-11-28, lengths 4 and 7 are year and month.
    """
    return build(
        [(*(v[:n] + ANY * (len(v) - n) for n in sorted(lengths) if n < len(v)), v) if v else ("",) for v in values]
    )


def interval(values: Sequence[str], widths: Sequence[int], column: str) -> Hierarchy:
    """Whole numbers in intervals of the widths, each width a multiple of the next smaller one.

    Raises BadInput for widths that do not nest and for what is neither empty nor a whole number of up to nine digits.
    """
    wide = sorted(set(widths), reverse=True)
    if any(w < 2 for w in wide) or any(a % b for a, b in pairwise(wide)):
        raise BadInput(
            "widths-do-not-nest",
            Text(f"Column '{column}': the widths do not nest.", f"列“{column}”：各区间宽度不能逐级嵌套。"),
            Text("Each width has to be a multiple of the one below it, as 5, 10, 20.",
                 "每个宽度须是下一级宽度的整数倍，例如 5、10、20。"),
        )  # fmt: skip
    strange = sum(1 for v in values if v and not _WHOLE.fullmatch(v))
    if strange:
        raise BadInput(
            "not-whole-numbers",
            Text(f"Column '{column}': {strange} of its different values are not whole numbers.",
                 f"列“{column}”：有 {strange} 个不同取值不是整数。"),
            Text("Correct them, leave them empty, or give the column `prefix`, `file` or `flat`.",
                 "请更正或留空，或改用 prefix、file 或 flat。"),
        )  # fmt: skip
    return build([(*(_range(int(v), w) for w in wide), v) if v else ("",) for v in values])


def quantile(values: Sequence[str], rows: Sequence[int], parts: Sequence[int], column: str) -> Hierarchy:
    """Numbers in parts that hold about equally many rows, and those in larger ones; labels are the first and last
    value of a part. rows: of each value; parts: as 4, 16, 64, each a multiple of the one before.

    Raises BadInput for parts that do not nest and for what is neither empty nor a number.
    """
    fine = sorted(set(parts))
    if any(b % a for a, b in pairwise(fine)):
        raise BadInput(
            "parts-do-not-nest",
            Text(f"Column '{column}': the parts do not nest.", f"列“{column}”：分段数不能逐级嵌套。"),
            Text("Each number has to be a multiple of the one before, as 4, 16, 64.",
                 "每个分段数须是前一个的整数倍，例如 4、16、64。"),
        )  # fmt: skip
    strange = sum(1 for v in values if v and not _NUMBER.fullmatch(v))
    if strange:
        raise BadInput(
            "not-numbers",
            Text(f"Column '{column}': {strange} of its different values are not numbers.",
                 f"列“{column}”：有 {strange} 个不同取值不是数字。"),
            Text("Correct them, leave them empty, or give the column `prefix`, `file` or `flat`.",
                 "请更正或留空，或改用 prefix、file 或 flat。"),
        )  # fmt: skip
    order = sorted((i for i, v in enumerate(values) if v), key=lambda i: (float(values[i]), values[i]))
    before = np.cumsum([0, *(rows[i] for i in order)])
    paths: list[tuple[str, ...]] = [("",)] * len(values)
    steps: list[list[str]] = []
    for many in fine:
        part = np.minimum((before[:-1] * many) // max(int(before[-1]), 1), many - 1)
        first = np.flatnonzero(np.diff(part, prepend=-1))
        last = np.append(first[1:], len(order)) - 1
        names = [f"{values[order[a]]}..{values[order[b]]}" for a, b in zip(first, last, strict=True)]
        steps.append([names[i] for i in np.cumsum(np.diff(part, prepend=-1) > 0) - 1])
    for place, i in enumerate(order):
        paths[i] = (*(step[place] for step in steps), values[i])
    return build(paths, order=[*(i for i, v in enumerate(values) if not v), *order])


def date(values: Sequence[str], column: str) -> Hierarchy:
    """Days as 2026-11-28 by month, quarter and year. Raises BadInput for what is neither empty nor such a day."""
    strange = sum(1 for v in values if v and not _DAY.match(v))
    if strange:
        raise BadInput(
            "not-days",
            Text(f"Column '{column}': {strange} of its different values are not days.",
                 f"列“{column}”：有 {strange} 个不同取值不是日期。"),
            Text("Write them as 2026-11-28, leave them empty, or give the column `prefix`, `file` or `flat`.",
                 "请写成 2026-11-28 的形式或留空，或改用 prefix、file 或 flat。"),
        )  # fmt: skip
    return build([(v[:4], f"{v[:4]}-Q{(int(v[5:7]) + 2) // 3}", v[:7], v) if v else ("",) for v in values])


def icd10(values: Sequence[str]) -> Hierarchy:
    """Codes of the International Classification of Diseases, 10th revision, by category (I21), tens of categories
    (I2-), and chapter. What is in no chapter is directly below the root. Source: WHO, ICD-10 version 2019, volume 1."""
    return build([_icd_path(v) for v in values])


def _icd_path(value: str) -> tuple[str, ...]:
    category = value[:3]
    chapter = next((f"{a}-{b}" for a, b in _CHAPTERS if a <= category <= b), None)
    if chapter is None or len(category) < 3:
        return (value,)
    return (chapter, f"{category[:2]}-", category, *([value] if value != category else []))


def _range(value: int, width: int) -> str:
    low = value // width * width
    return f"{low}..{low + width - 1}"


def table(values: Sequence[str], rows: Sequence[Sequence[str]], column: str) -> Hierarchy:
    """A hierarchy written out: a row for each value, from the value up to the root, as ARX writes them.

    An empty value that the rows do not have is directly below the root. Raises BadInput for rows of unequal length, a
    value that stands there twice, labels above themselves, and values of the column that are not there.
    """
    known = {row[0]: row for row in rows}
    wrong = None
    if len({len(row) for row in rows}) != 1:
        wrong = Text("its rows are not equally long", "各行列数不一致")
    elif len(known) < len(rows):
        wrong = Text("a value stands there twice", "有取值重复出现")
    elif _circle(rows):
        wrong = Text("some labels stand above themselves, in a circle", "有标签逐级向上又回到自身，形成环")
    elif gaps := sum(1 for v in values if v and v not in known):
        wrong = Text(f"{gaps} different values of the column are not in it", f"该列有 {gaps} 个不同取值不在其中")
    if wrong:
        raise BadInput(
            "bad-hierarchy",
            Text(f"The hierarchy of column '{column}': {wrong.en}.", f"列“{column}”的层级：{wrong.zh}。"),
            Text("A row for each value: the value, what it becomes step by step, and * at the end.",
                 "每个取值一行：取值、逐级概括、最后为 *。"),
        )  # fmt: skip
    return build([tuple(reversed([c for c in known[v] if c != ANY])) or (v,) if v in known else (v,) for v in values])


def _circle(rows: Sequence[Sequence[str]]) -> bool:
    """Does some label stand above itself, over any number of rows? A label repeated upward stands there once."""
    above: dict[str, set[str]] = {}
    for row in rows:
        for low, high in pairwise(row):
            if low != high:
                above.setdefault(low, set()).add(high)
    free = [label for label in {high for highs in above.values() for high in highs} if label not in above]
    below: dict[str, list[str]] = {}
    for low, highs in above.items():
        for high in highs:
            below.setdefault(high, []).append(low)
    left = {low: len(highs) for low, highs in above.items()}
    while free:
        for low in below.get(free.pop(), ()):
            left[low] -= 1
            if left[low] == 0:
                free.append(low)
    return any(left.values())
