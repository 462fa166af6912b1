"""The purposes that people consent to."""

from __future__ import annotations

from huizhen.model.purpose import PURPOSES
from pages.markdown import code, table

HEAD = """\
# Purposes

What a person consents to and what a study is for: the same codes. Where there is an ontology term, the code is GA4GH's
Data Use Ontology (DUO); the others are our own. A consent for a broad purpose covers the narrower ones in its row.

个人同意的用途与研究的用途使用同一套代码。有本体术语者取自 GA4GH 数据使用本体（DUO），其余为自定义。
对较宽用途的同意涵盖该行所列较窄用途。

"""


def page() -> str:
    rows = [
        (
            code(p.code),
            p.term or "",
            p.label.en,
            p.label.zh,
            ", ".join(map(code, p.covers)),
            "refused, whoever consents" if p.prohibited else "profit is shared" if p.for_profit else "at cost only",
        )
        for p in PURPOSES.values()
    ]
    return HEAD + table(("code", "term", "purpose", "用途", "also permits", "settlement"), rows)
