"""Differential privacy: noise on every count of a result's tables, and everything else from the noisy counts."""

from __future__ import annotations

from dataclasses import replace

from huizhen.kit.text import Text
from huizhen.model.release import Check
from huizhen.model.result import Path, Table
from huizhen.privacy.draft import Draft, found
from huizhen.privacy.places import at, leaves, mismatch
from huizhen.privacy.sums import margin_cells, sums_of

NAME = "noise"


def add_noise(draft: Draft) -> tuple[Draft, Check]:
    """Discrete Laplace noise on all cells, so that the tables are epsilon-differentially private: they are nearly as
    likely with any one person as without (Dwork and Roth 2014, "The Algorithmic Foundations of Differential Privacy",
    section 3.3).

    Neighbours differ by one person, who has one row and stands in one cell of each table: sensitivity is the number of
    tables that are no margin of another. Refused when a person has several rows, or when a figure is no table. Margins
    are sums of the noisy cells, hence unbiased; then whatever is negative is shown as 0; derived values are hidden.
    What is public without noise: the shape of the tables, and whether the other checks passed. Somebody who is a
    patient of two hospitals counts as two people, each protected by epsilon.
    """
    epsilon = draft.limits.epsilon
    if epsilon is None:
        text = Text("Differential privacy was not asked for: no noise.", "未要求差分隐私：未加噪声。")
        return draft, found(NAME, "off", text)
    if draft.noised:
        return _noised_already(draft, epsilon)
    if not draft.tables or len(draft.tables) < len(draft.exposures):
        text = Text(
            "Noise is proven for tables of counts only, and this result holds other figures. Ask for counts, a "
            "crosstab or a histogram, or leave epsilon out.",
            "差分隐私噪声仅对计数表有证明，而该结果含其他数值。请改用计数、交叉表或直方图，或不设 epsilon。",
        )
        return draft, found(NAME, "refused", text)
    if draft.census.repeated > 0:
        text = Text(
            "Some people have more than one row, so noise for one row would not protect them. Narrow the cohort to one "
            "row per person (for example, the first visit).",
            "部分患者有多行记录，按单行计算的噪声不足以保护他们。请将队列限定为每人一行（如首次就诊）。",
        )
        return draft, found(NAME, "refused", text)
    return _noisy(draft, epsilon)


def _noised_already(draft: Draft, epsilon: float) -> tuple[Draft, Check]:
    """The nodes have added the noise to every sum of a method that is private in its sums."""
    if len(draft.exposures) > 1:
        raise mismatch(Text("figures with noise stand beside others", "含噪数值与其他数值并存"))
    text = Text(
        f"Each hospital added its share of the noise to every sum, before it left: differential privacy with epsilon "
        f"{epsilon:g} for all rows of one person at one hospital, and for the hub as for the asker.",
        f"各医院在每次求和离开之前均已加入其份额的噪声：对任一个人在某家医院的全部记录满足 epsilon 为 {epsilon:g} "
        "的差分隐私，对中心与申请方均成立。",
    )
    return replace(draft, epsilon_spent=epsilon), found(NAME, "changed", text)


def _noisy(draft: Draft, epsilon: float) -> tuple[Draft, Check]:
    sums = sums_of(draft.values, draft.tables)
    exact = dict(zip(sums.places, sums.counts.tolist(), strict=True))
    tables = _independent(draft)
    cells = [place for table in tables for place, _ in leaves(at(draft.values, table.path), table.path)]
    if sums.hidden.any() or len(set(cells)) < len(cells):
        raise mismatch(Text("a cell is not a count, or stands in two tables", "单元格不是计数，或同属两个表"))
    answers = draft.noise.add([exact[place] for place in cells], len(tables), epsilon)
    noisy = _with_margins(draft, dict(zip(cells, answers, strict=True)))
    derived = [p for table in draft.tables for p in table.derived if at(draft.values, p) is not None]
    new: dict[Path, int | None] = {place: max(0, count) for place, count in noisy.items()}
    new |= dict.fromkeys(p for p in derived if p not in new)
    text = Text(
        f"Noise was added to every count: differential privacy with epsilon {epsilon:g} for one person's row. Totals "
        "are sums of noisy counts; what came out negative is shown as 0, so a total may differ from the sum of the "
        "counts shown. Values derived from exact counts are hidden.",
        f"每个计数均已加噪：对任一个人的一行记录满足 epsilon 为 {epsilon:g} 的差分隐私。合计为加噪计数之和；"
        "负值显示为 0，故合计可能与所示计数之和不同。由精确计数推导的数值已隐藏。",
    )
    return replace(draft.put(new), epsilon_spent=epsilon), found(NAME, "changed", text, new)


def _independent(draft: Draft) -> tuple[Table, ...]:
    """The tables that are no margin of another: all others are sums of theirs."""
    margins = {path for table in draft.tables for path, _ in table.margins}
    return tuple(table for table in draft.tables if table.path not in margins)


def _with_margins(draft: Draft, noisy: dict[Path, int]) -> dict[Path, int]:
    """Margins of noisy tables, and of tables that are themselves such margins. A margin of two tables is the sum of
    the first. Raises Refused(exposure-mismatch) for a figure that is no sum of noisy ones."""
    full = dict(noisy)
    waiting = list(draft.tables)
    while waiting:
        ready = [t for t in waiting if all(p in full for p, _ in leaves(at(draft.values, t.path), t.path))]
        if not ready:
            raise mismatch(Text("a table is only a margin of itself", "某表仅为其自身的合计"))
        for table in ready:
            for margin, cells in margin_cells(draft.values, table):
                full.setdefault(margin, sum(full[cell] for cell in cells))
        waiting = [table for table in waiting if table not in ready]
    return full
