"""Counts to the nearest multiple: small changes of a count no longer show."""

from __future__ import annotations

from huizhen.kit.text import Text
from huizhen.model.release import Check
from huizhen.model.result import Path
from huizhen.privacy.draft import Draft, found
from huizhen.privacy.places import at, dotted, leaves


def nearest(count: int, base: int) -> int:
    """The multiple of `base` nearest to `count`; halfway, the even multiple, so that sums are not driven upward."""
    whole, rest = divmod(count, base)
    up = 2 * rest > base or (2 * rest == base and whole % 2 == 1)
    return (whole + up) * base


def round_counts(draft: Draft) -> tuple[Draft, Check]:
    """Round every shown count of every table and margin, each by itself: a margin may differ from the sum of its
    rounded cells (conventional rounding; Hundepool et al. 2012, "Statistical Disclosure Control", chapter 5).

    Derived values were computed from exact counts and would give these away: they are hidden, unless they are counts
    of a table themselves.
    """
    base = draft.limits.round_to
    if base is None:
        return draft, found(
            "rounding", "off", Text("Rounding was not asked for: counts are exact.", "未要求取整：计数为精确值。")
        )
    new: dict[Path, int | None] = {}
    for table in draft.tables:
        for path in (table.path, *(path for path, _ in table.margins)):
            new |= {p: nearest(c, base) for p, c in leaves(at(draft.values, path), path) if c is not None}
    derived = {p for table in draft.tables for p in table.derived if at(draft.values, p) is not None}
    new |= dict.fromkeys(sorted(derived - new.keys(), key=dotted))
    if not new:
        return draft, found("rounding", "passed", Text("There are no counts to round.", "没有需要取整的计数。"))
    text = Text(
        f"Every count is rounded to the nearest multiple of {base}, totals by themselves, so they may differ a little "
        "from the sum of their cells; values derived from exact counts are hidden.",
        f"所有计数均取整到最接近的 {base} 的倍数；合计单独取整，可能与各单元格之和略有出入；"
        "由精确计数推导的数值已隐藏。",
    )
    return draft.put(new), found("rounding", "changed", text, new)
