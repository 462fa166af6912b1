"""The smallest cell: hide small counts, with as many others as it takes, and what was derived from them."""

from __future__ import annotations

from huizhen.kit.text import Text
from huizhen.model.release import Check
from huizhen.model.result import Path
from huizhen.privacy.draft import Draft, found
from huizhen.privacy.places import at, dotted, mismatch
from huizhen.privacy.sums import sums_of
from huizhen.privacy.suppress import to_hide


def hide_small_cells(draft: Draft) -> tuple[Draft, Check]:
    """Hide counts by `suppress.to_hide`, over all tables at once; a table with a hidden count loses its derived values.

    Off under differential privacy: noise then protects every count, whatever its size. Raises
    Refused(exposure-mismatch) when the method's tables do not hold what they say.
    """
    name, least = "small-cells", draft.limits.min_cell
    if not draft.tables:
        return draft, found(name, "passed", Text("The result holds no table of counts.", "结果中没有计数表。"))
    if draft.epsilon_spent is not None:
        text = Text(
            "Small counts are shown: noise protects every count, whatever its size, and these are noisy counts.",
            "小计数照常显示：差分隐私噪声已保护每个计数，所示均为加噪后的计数。",
        )
        return draft, found(name, "off", text)
    sums = sums_of(draft.values, draft.tables)
    if sums.hidden.any():
        place = dotted(sums.places[int(sums.hidden.argmax())])
        raise mismatch(Text(f"{place} is not a count", f"{place} 不是计数"))
    places = [place for place, hide in zip(sums.places, to_hide(sums, least), strict=True) if hide]
    if not places:
        return draft, found(
            name, "passed", Text(f"No count is between 1 and {least - 1}.", f"没有介于 1 与 {least - 1} 之间的计数。")
        )
    derived = _derived(draft, places)
    text = Text(
        f"{len(places)} of {len(sums.places)} counts are hidden: those of fewer than {least} people, and as many more "
        f"as it takes that no total narrows one of them down to fewer than {least} values"
        + (f"; {len(derived)} values derived from them are hidden too." if derived else "."),
        f"{len(sums.places)} 个计数中隐藏了 {len(places)} 个：少于 {least} 人的计数，"
        f"以及为防止由合计反推（使可能取值少于 {least} 个）而补充隐藏的计数"
        + (f"；由其推导的 {len(derived)} 个数值也已隐藏。" if derived else "。"),
    )
    hidden_places = [*places, *derived]
    return draft.put(dict.fromkeys(hidden_places)), found(name, "hidden", text, hidden_places)


def _derived(draft: Draft, hidden: list[Path]) -> list[Path]:
    """Derived values to hide next to `hidden`; where one is itself a count, what is derived from it follows."""
    gone = dict.fromkeys(hidden)
    before = 0
    while len(gone) > before:
        before = len(gone)
        for table in draft.tables:
            paths = (table.path, *(path for path, _ in table.margins))
            if any(place[: len(path)] == path for place in gone for path in paths):
                gone |= {p: None for p in table.derived if at(draft.values, p) is not None}
    return list(gone)[len(hidden) :]
