"""Rows that hospitals give out: each in classes as large as was promised, and no attack on them gained too much."""

from __future__ import annotations

from huizhen.kit.text import Text
from huizhen.model.release import Check
from huizhen.model.result import Rows
from huizhen.privacy.draft import Draft, found


def check_rows(draft: Draft) -> tuple[Draft, Check]:
    """Refuse rows of a hospital whose smallest class is below what is promised or below min_cell, or on which an attack
    that was run there gained more than its limit (`privacy.attack`).

    What each hospital says of its rows is believed: it is the holder, and the one that is harmed. That the asker's
    extracts have nobody in common, each hospital checks itself.
    """
    rows, least = [e for e in draft.exposures if isinstance(e, Rows)], draft.limits.min_cell
    if not rows:
        return draft, found("rows", "off", Text("No rows are given out.", "不发布数据行。"))
    small = [r.node for r in rows if r.smallest < max(r.promised, least)]
    if small:
        en, zh = ", ".join(small), "、".join(small)
        text = Text(
            f"Rows of {en} have a class of fewer people than promised. Raise k, or leave that hospital out.",
            f"{zh} 的数据行中有等价类少于所承诺的人数。请提高 k，或不邀请该医院。",
        )
        return draft, found("rows", "refused", text)
    broken = [f"{r.node}: {', '.join(r.broken)}" for r in rows if r.broken]
    if broken:
        en, zh = "; ".join(broken), "；".join(broken)
        text = Text(
            f"An attack on the rows gained more than is promised ({en}). Ask for fewer columns, or a larger k.",
            f"对数据行的攻击收益超过承诺（{zh}）。请减少列数，或提高 k。",
        )
        return draft, found("rows", "refused", text)
    least = min(r.smallest for r in rows)
    text = Text(
        f"Rows of {len(rows)} hospitals, each in classes of at least {least} people; no attack gained more than is "
        "promised.",
        f"{len(rows)} 家医院的数据行，等价类均不少于 {least} 人；各项攻击收益均未超过承诺。",
    )
    return draft, found("rows", "passed", text)
