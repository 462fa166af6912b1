"""A hospital that was asked and is not in the sums of a study, and why."""

from __future__ import annotations

from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text
from huizhen.model.document import Document


class LeftOut(Document):
    node: str
    code: str
    """That of the error for which it was left out."""
    en: str
    zh: str

    @classmethod
    def of(cls, node: str, problem: HuizhenError) -> LeftOut:
        return cls(node=node, code=problem.code, en=problem.what.en, zh=problem.what.zh)


def silent(nodes: list[str], code: str) -> list[LeftOut]:
    """Hospitals that did not answer while it was settled who takes part."""
    why = Text("It did not answer when the study began.", "研究开始时没有应答。")
    return [LeftOut(node=n, code=code, en=why.en, zh=why.zh) for n in nodes]
