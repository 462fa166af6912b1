"""The methods: what each answers, what the hub sees of it, its parameters."""

from __future__ import annotations

from huizhen import methods
from huizhen.model.method import Method
from pages.documents import keys
from pages.markdown import both, paragraphs

HEAD = """\
# Methods

A study names one of these as `method` and gives it `params`. Every one is a chain of sums over hospitals, computed
under the same masks and the same guard, and equal to what the pooled rows would give.

研究在 `method` 中指定其一，并以 `params` 给出参数。每种方法都是跨医院求和的链条，结果与汇集数据后的计算一致。

"""


def page() -> str:
    return HEAD + "".join(_method(methods.find(name)) for name in methods.names())


def _method(kind: type[Method]) -> str:
    facts = [
        f"- rounds: at most {kind.max_rounds}",
        f"- gives, as consents name it: {kind.yields}",
        "- differential privacy (`protection.epsilon`): "
        + ("yes" if kind.private else "refused, for want of a proven mechanism"),
        "- rows with a missing value in a column it reads: "
        + ("left out and counted" if kind.complete_cases else "counted column by column"),
    ]
    parameters = keys(kind.Params) or "It has no parameters.\n\n"
    return (
        f"## {kind.name}\n\n{both(kind.summary)}**What the hub sees.** {both(kind.reveals)}"
        f"{paragraphs(kind.__doc__) if _own_doc(kind) else ''}" + "\n".join(facts) + f"\n\n{parameters}"
    )


def _own_doc(kind: type[Method]) -> bool:
    return bool(kind.__dict__.get("__doc__"))
