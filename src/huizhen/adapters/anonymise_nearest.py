"""The nearest setting to one that no release of a file can hold."""

from __future__ import annotations

import math

import numpy as np

from huizhen.kit.text import Text
from huizhen.model.anonymisation import Variety
from huizhen.privacy.anonymise.promise import Sensitive


def nearest_k(rows: int) -> Text:
    """For fewer rows than k."""
    if rows < 2:
        return Text("Give more rows.", "请增加数据行。")
    return Text(
        f"The nearest setting: k {rows}, all rows in one class.", f"最接近的可行设置：k 取 {rows}，全部行为一类。"
    )


def nearest_variety(asked: Variety, one: Sensitive) -> Text:
    """What the whole file holds of a sensitive column, and so what could be asked: by each promise that it breaks."""
    count = np.sort(np.bincount(one.code[one.code >= 0]))[::-1]
    count = count[count > 0]
    share = count / count.sum()
    kinds, entropy = len(count), math.exp(-float((share * np.log(share)).sum()))
    if kinds < 2:
        return Text("It has one value only: put it under keep or drop, or ask for t alone.",
                    "该列只有一个取值：请放入 keep 或 drop，或只要求 t。")  # fmt: skip
    said = []
    if asked.distinct is not None and asked.distinct > kinds:
        said.append(f"distinct: {kinds}")
    if asked.entropy is not None and asked.entropy > entropy:
        said.append(f"entropy: {math.floor(entropy * 100) / 100:g}")
    if asked.c is not None and asked.l is not None:
        level = min(asked.l, kinds)
        least = count[0] / count[level - 1 :].sum()
        if asked.l > kinds or count[0] >= asked.c * count[level - 1 :].sum():
            said.append(f"c: {math.floor(least * 100 + 1) / 100:g}, l: {level}")
    told = ", ".join(said)
    return Text(f"The nearest setting: {told}.", f"最接近的可行设置：{told}。")
