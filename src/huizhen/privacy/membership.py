"""Who was in a model's training must not be told from the model: what an attack on membership would gain."""

from __future__ import annotations

from huizhen.kit.text import Text
from huizhen.model.release import Check
from huizhen.privacy.draft import Draft, found

LARGEST_ADVANTAGE = 0.2
"""Of the share of training rows that the attack finds, less the share of other rows that it mistakes for them."""


def check_membership(draft: Draft) -> tuple[Draft, Check]:
    """Refuse a model whose losses give away who was in its training, by more than 0.2 of advantage.

    The attack calls a row a member when the model's loss on it is below a threshold, the best one for the attacker
    (Yeom et al. 2018, IEEE CSF, "Privacy risk in machine learning"). It is run at the hospitals, where rows are: only
    how many rows have which loss leaves them, over training rows and over held-out rows. Advantage is the share of
    training rows found less the share of held-out rows mistaken for them; area under the curve 0.5 is guessing.

    It can be run only where a method holds rows out, and says so where it does not. The advantage is that of this
    attack on these rows: stronger attacks, which train models of their own, may gain more; and with fewer than some 45
    held-out rows chance alone exceeds 0.2 in one study of twenty, which errs on the safe side.
    """
    name = "membership"
    if not draft.models:
        return draft, found(name, "passed", Text("The result is not a fitted model.", "结果不是拟合模型。"))
    attacks = [m.membership for m in draft.models if m.membership is not None]
    if not attacks:
        text = Text(
            "Not run: no held-out rows, to which the rows of the fit could be compared.",
            "未运行：没有可与训练样本比较的留出样本。",
        )
        return draft, found(name, "off", text)
    worst = max(attacks, key=lambda a: (not a.advantage <= LARGEST_ADVANTAGE, a.advantage))
    en = (
        f"advantage {worst.advantage:.3f} (area under the curve {worst.auc:.3f}) in telling training rows from "
        "held-out ones by their loss"
    )
    zh = f"凭损失区分训练样本与留出样本的攻击优势为 {worst.advantage:.3f}（曲线下面积 {worst.auc:.3f}）"
    if not worst.advantage <= LARGEST_ADVANTAGE:
        text = Text(
            f"The model gives away who was in its training: {en}, more than {LARGEST_ADVANTAGE:g}. Fit a simpler model "
            "(fewer or shallower trees with more rows a leaf, fewer weights or rounds), or widen the cohort.",
            f"模型会泄露训练中有哪些人：{zh}，超过 {LARGEST_ADVANTAGE:g}。"
            "请拟合更简单的模型（减少树的数量或深度并增大叶子行数，或减少权重与轮数），或扩大队列。",
        )
        return draft, found(name, "refused", text)
    text = Text(
        f"An attack on membership has {en}; up to {LARGEST_ADVANTAGE:g} is let through.",
        f"成员推断攻击：{zh}；不超过 {LARGEST_ADVANTAGE:g} 者放行。",
    )
    return draft, found(name, "passed", text)
