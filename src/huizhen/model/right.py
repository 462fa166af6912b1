"""A person, or somebody for them, claims a right to their own data: the facts that rules about it read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from huizhen.kit.text import Text
from huizhen.model.rule import Answer, unknown

Right = Literal["view", "copy", "correct", "port", "delete", "withdraw"]
RIGHTS: tuple[Right, ...] = get_args(Right)
RIGHT_WORDS: dict[str, Text] = {
    "view": Text("view", "查阅"),
    "copy": Text("copy", "复制"),
    "correct": Text("correct", "更正"),
    "port": Text("port to another holder", "转移"),
    "delete": Text("delete", "删除"),
    "withdraw": Text("withdraw consent", "撤回同意"),
}
Basis = Literal["consent", "contract", "law"]
NO_DUTY = "none"
"""In place of a day: no law asks to keep the data."""


@dataclass(frozen=True)
class Claim:
    """None: not known."""

    right: Right
    today: str
    jurisdiction: str
    identified: bool | None = None
    """Whether it is sure who claims."""
    basis: Basis | None = None
    """On what the data were collected."""
    keep_until: str | None = None
    """The last day on which a law asks to keep the data, or `none`."""
    feasible: bool | None = None
    """Whether the data can be sent to where the person wants them."""
    harms_others: bool | None = None
    for_kin: bool = False
    died: str | None = None
    ground: str | None = None
    """How the kin are related."""

    @property
    def kept(self) -> bool | None:
        """Whether a law asks to keep the data today."""
        return None if self.keep_until is None else self.keep_until != NO_DUTY and self.today <= self.keep_until


def identified(facts: Claim) -> Answer | None:
    """None where it is sure who asks."""
    if facts.identified is None:
        return unknown("Whether it is the person who asks is not verified.", "尚未核验请求人身份。")
    return None if facts.identified else Answer("deny", Text("It is not the person who asks.", "请求人并非本人。"))


def portable(facts: Claim) -> Answer | None:
    """None where data may be moved."""
    if facts.basis is None or facts.feasible is None or facts.harms_others is None:
        return unknown("Not known: on what the data rest, whether it is feasible, or whether it harms others.",
                       "尚不明确：收集依据、技术可行性或是否损害他人权益。")  # fmt: skip
    if facts.basis == "law":
        return Answer("deny", Text("They rest neither on consent nor on a contract.", "并非基于同意或合同收集。"))
    if not facts.feasible:
        return Answer("deny", Text("It is not feasible to send them there.", "技术上无法转移至该处。"))
    if facts.harms_others:
        return Answer("deny", Text("It would harm others.", "将损害他人合法权益。"))
    return None
