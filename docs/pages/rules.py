"""The law gate: every rule with its source, and its cases as a casebook."""

from __future__ import annotations

import importlib

from huizhen import rules
from huizhen.model.rule import Case, Rule
from pages.markdown import paragraphs, table

HEAD = """\
# Rules

Every study is put to every rule about studies; every word of consent at the desk to those about consent, every record
that is opened in an emergency to those about care; so are breaches, rights that persons claim, and the region's upkeep.
[The law, row by row](law.md) says which article is decided by which rule. A rule answers *allow*, *deny* or *needs*, or
nothing where it does not apply. Deny wins; an unknown fact is *needs*, never assumed; what no rule allows is denied.

每项研究都要经过有关研究的全部规则；在院内登记的每次同意须经有关同意的规则，每次紧急访问须经有关诊疗的规则；
泄露事件、个人权利请求与区域的定期义务亦各有规则。逐条法律的落实见[法律逐条对照](law.md)。
规则回答 *allow*（准许）、*deny*（拒绝）或 *needs*（尚缺），不适用则不作答。有拒绝即拒绝；
未知事实即尚缺，绝不推定；没有任何规则准许的研究予以拒绝。

These rules are the authors' reading of the law, written down so that it can be read, tested and corrected. They are not
legal advice: **counsel has to confirm them** before anyone relies on them. In a rule's text, [V] says that it was
checked against the text of the law, [S] that it rests on a secondary source, [M] that it is from memory.

以上规则是作者对法律的理解，写明以便阅读、检验和更正，**不构成法律意见，使用前须经律师确认**。

"""


def page() -> str:
    return HEAD + "".join(_rule(name) for name in rules.names())


def _rule(name: str) -> str:
    module = importlib.import_module(f"huizhen.rules.{name}")
    rule: Rule = module.RULE
    rows = [_case(rule, case) for case in rules.cases(name)]
    held = f"About {rule.about}. In force from {rule.valid_from}.\n\n"
    return f"## {rule.id}: {rule.source}\n\n{paragraphs(module.__doc__)}{held}" + table(
        ("case", "verdict", "answer", "回答"), rows
    )


def _case(rule: Rule, case: Case) -> tuple[str, str, str, str]:
    reason = rule.ask(case.facts)
    if reason is None:
        return case.story, "does not apply", "", ""
    return case.story, f"**{reason.verdict}**", reason.en, reason.zh
