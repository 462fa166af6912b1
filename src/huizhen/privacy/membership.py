"""Who was in a model's training must not be told from the model: what an attack on membership would gain."""

from __future__ import annotations

import math

from huizhen.kit.text import Text
from huizhen.model.release import Check
from huizhen.model.result import Membership
from huizhen.privacy.draft import Draft, found

LARGEST_ADVANTAGE = 0.2
"""Of the share of training rows that the attack finds, less the share of other rows that it mistakes for them."""
LARGEST_CHANCE = 0.4
"""However few rows there are to compare with, a larger advantage is never put down to chance."""

_AGAINST = {
    "held-out": Text("held-out ones by their loss", "留出样本"),
    "leave-one-out": Text(
        "themselves under the model fitted without each of them", "不含该样本而拟合的模型下的同一样本"
    ),
}


def limit(attack: Membership) -> float:
    """The advantage up to which a model is let through: LARGEST_ADVANTAGE, or what chance alone gives once in twenty
    from so few different held-out rows, where that is more; but never more than LARGEST_CHANCE.

    A measured advantage is the largest of many differences, and so on average too large, not too small: one that is
    below LARGEST_ADVANTAGE is let through from ever so few rows.
    """
    return max(LARGEST_ADVANTAGE, min(attack.chance, LARGEST_CHANCE))


def _bounded(epsilon: float | None) -> Check:
    """No attack gains more than noise allows: (e^epsilon - 1) / (e^epsilon + 1), leaving delta aside (Humphries et al.
    2023, "Investigating membership inference attacks under data dependencies", IEEE CSF)."""
    most = math.tanh((math.inf if epsilon is None else epsilon) / 2)
    text = Text(
        f"Not run: the noise keeps the advantage of any attack on membership at {most:.3f} at most.",
        f"未运行：噪声使任何成员推断攻击的优势不超过 {most:.3f}。",
    )
    return found("membership", "passed", text)


def check_membership(draft: Draft) -> tuple[Draft, Check]:
    """Refuse a model whose losses give away who was in its training, by more than 0.2 of advantage, and a model on
    which no attack was run.

    The attack calls a row a member when the model's loss on it is below a threshold, the best one for the attacker
    (Yeom et al. 2018, IEEE CSF, "Privacy risk in machine learning"). It is run at the hospitals, where rows are: only
    how many rows have which loss leaves them, over training rows and over others. Advantage is the share of training
    rows found less the share of others mistaken for them; area under the curve 0.5 is guessing. The others are rows
    held out; or, for methods that hold none out, the same rows under the model fitted without each.

    Few held-out rows, or many that are equal, differ from training rows by chance: an advantage is then refused only
    where it is also more than chance alone gives once in twenty times, at the latest above 0.4. What is differentially
    private needs no attack. The advantage is that of this attack on these rows, on the average row: stronger attacks,
    which train models of their own, may gain more, and one unusual row may be told where the average row is not.
    """
    name = "membership"
    if draft.noised:
        return draft, _bounded(draft.epsilon_spent)
    if not draft.models:
        return draft, found(name, "passed", Text("The result is not a fitted model.", "结果不是拟合模型。"))
    if draft.epsilon_spent is not None:
        text = Text(
            "Not run: the model is differentially private, which bounds what any attack can gain.",
            "未运行：该模型满足差分隐私，任何攻击的收益均已受限。",
        )
        return draft, found(name, "off", text)
    attacks = [m.membership for m in draft.models if m.membership is not None]
    if len(attacks) < len(draft.models):
        text = Text(
            "No attack could be run on the model, since no rows were held out, and nothing else shows that it does not "
            "give away who was in its training. Hold out some rows (holdout: 0.2).",
            "未留出任何样本，无法对模型进行成员推断攻击，也没有其他依据表明它不会泄露训练中有哪些人。"
            "请留出部分样本（holdout: 0.2）。",
        )
        return draft, found(name, "refused", text)
    worst = max(attacks, key=lambda a: (not a.advantage <= limit(a), a.advantage))
    told = _told(worst)
    if not worst.advantage <= limit(worst):
        text = Text(
            f"The model gives away who was in its training: {told.en}, more than {limit(worst):.2g}. Fit a simpler "
            "model (fewer terms, weights or rounds; fewer or shallower trees with more rows a leaf), or widen the "
            "cohort.",
            f"模型会泄露训练中有哪些人：{told.zh}，超过 {limit(worst):.2g}。"
            "请拟合更简单的模型（减少项、权重、轮数或树的数量与深度，增大叶子行数），或扩大队列。",
        )
        return draft, found(name, "refused", text)
    text = Text(
        f"An attack on membership has {told.en}; up to {limit(worst):.2g} is let through.",
        f"成员推断攻击：{told.zh}；不超过 {limit(worst):.2g} 者放行。",
    )
    return draft, found(name, "passed", text)


def _told(attack: Membership) -> Text:
    others = _AGAINST[attack.against]
    told = Text(
        f"advantage {attack.advantage:.3f} (area under the curve {attack.auc:.3f}) in telling training rows from "
        f"{others.en}",
        f"区分训练样本与{others.zh}的优势为 {attack.advantage:.3f}（曲线下面积 {attack.auc:.3f}）",
    )
    if not attack.chance:
        return told
    return Text(
        f"{told.en} (chance alone gives {min(attack.chance, 1):.2f} once in twenty)",
        f"{told.zh}（仅凭偶然，二十次中有一次可达 {min(attack.chance, 1):.2f}）",
    )
