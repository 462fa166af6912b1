"""Every row of the law that is followed here, and where: which rule decides it, and what keeps it beside."""

from __future__ import annotations

import re

from huizhen import rules
from pages.markdown import code, table

HEAD = """\
# The law, row by row

Which article is decided by which rule, about what it is asked, and what else in the program keeps it. It is the
authors' reading of the law and no legal advice: **counsel has to confirm it**. [V] checked against the text, [S] from a
secondary source, [M] from memory. Each rule with its cases is in [rules](rules.md).

每条法律规定由哪条规则判定、何时询问，以及程序中另有何处落实。以上为作者对法律的理解，**不构成法律意见，使用前须经律师确认**。

A rule is asked about a *study* (at the gate, and again at every node), a word of *consent*, a record opened for *care*,
a *breach*, a *right* that a person claims, or the region's *upkeep*.

"""

ROWS: dict[str, tuple[str, str, str]] = {
    "CN01": (
        "PIPL 13, 28, 29; NDR 22 [V]", "sensitive data: separate consent or another basis",
        "nodes read only whom a consent covers",
    ),
    "CN02": (
        "PIPL 4, 73 [V]", "only anonymous data leave the law's scope",
        "`huizhen anonymize` proves what it promises",
    ),
    "CN03": ("PIPL 6 [V]", "columns and rows no further than the purpose", "the grant's limits, re-checked by nodes"),
    "CN04": ("PIPL 23 [V]", "a new recipient: notice and separate consent", ""),
    "CN05": ("PIPL 14; NDR 22 [V]", "a change of purpose: new consent; no repeated asking", ""),
    "CN06": ("PIPL 15, 16, 47 [V]", "withdrawal stops use; deletion", "nodes look consents up anew in every round"),
    "CN07": ("PIPL 31, 49 [V]", "children; after death near kin", ""),
    "CN08": (
        "PIPL 45, 46; NDR 25 [V]", "view, copy, correct, port",
        "`huizhen patient uses` and `consents` show all",
    ),
    "CN09": ("PIPL 24 [V]", "automated decisions: explanation and refusal", ""),
    "CN10": (
        "PIPL 55, 56 [V]", "impact assessment first, kept three years",
        "`huizhen study assess`; the ledger keeps it for good",
    ),
    "CN11": (
        "PIPL 20, 21; NDR 12 [V]", "processors: contract, supervision, records",
        "the ledger and each node's log are the records",
    ),
    "CN12": ("PIPL 57; NDR 11 [V]", "breach: remedy, authority and persons told", "`huizhen breach`"),
    "CN13": (
        "Incident-reporting measures 2025 [S]", "1 h / 4 h; grades by persons; final report",
        "`huizhen breach status` shows the clocks",
    ),
    "CN14": (
        "Cross-border provisions 2024, 7 [S]", "security assessment of exports",
        "persons since 1 January are counted from tallies",
    ),
    "CN15": ("Cross-border provisions 2024, 8 [S]", "standard contract or certification", "the same counts"),
    "CN16": ("Cross-border provisions 2024, 3 to 5 [S]", "exempt exports", ""),
    "CN17": ("PIPL 38, 39 [V]", "any export: recipient, rights, separate consent", ""),
    "CN18": ("PIPL 36, 41; DSL 36 [V]", "foreign court or police: deny without approval", ""),
    "CN19": ("NDR 37, 38 [V]", "an export no further than it was assessed", ""),
    "CN20": ("DSL 21; NDR 28, 31, 33 [V]", "important data: risk assessment, yearly report", ""),
    "CN21": ("HGR Regulation 9, 12 [V]", "ethics review and written consent", ""),
    "CN22": ("HGR Regulation 10 [V]", "no sale of human genetic resources", "settlement at cost only"),
    "CN23": ("HGR Regulation 7, 21 to 24 [V]", "foreign parties and human genetic resources", ""),
    "CN24": ("HGR Regulation 28; Rules 2023 [S]", "security review of genetic information", ""),
    "CN25": (
        "Cybersecurity Law 21(3) [V]; GB/T 22239 [M]", "logs for six months, level of protection",
        "node logs are kept for good; `huizhen act due`",
    ),
    "CN26": ("PIPL 54 [V]", "regular compliance audit", "`huizhen act due`; `huizhen ledger verify` is its tool"),
    "CN27": ("GB/T 42460 [S]", "risk of re-identification by setting", "`huizhen anonymize` measures it"),
    "CN28": ("GB/T 37964 [S]", "public, controlled or enclave release", ""),
    "CN29": ("GB/T 39725 [S]", "categories and grades of health data", ""),
    "CN30": ("PIPL 42; HGR 43 [V]", "a listed party is denied everywhere", "each node's own list, too"),
    "EU01": ("GDPR 6, 9 [M]", "one basis of each", ""),
    "EU02": ("GDPR 7(3), 17, 20 [M]", "withdraw, erase, port", "nodes look consents up anew in every round"),
    "EU03": ("GDPR 33 [S], 34 [M]", "authority within 72 hours, persons without delay", "`huizhen breach status`"),
    "EU04": ("GDPR 44 to 49 [S]", "transfers: adequacy, safeguards, derogation", ""),
    "EU05": ("EHDS 53 [S]", "permitted secondary uses only", ""),
    "EU06": ("EHDS 54 [S]", "prohibited secondary uses", ""),
    "EU07": ("EHDS 66, 68, 71 [S]", "anonymous by default; opt-out", "who does not consent is not read"),
    "US01": ("45 CFR 164.514(b)(2) [S]", "the 18 identifiers gone", ""),
    "US02": ("45 CFR 164.514(b)(1) [S]", "an expert finds the risk very small", ""),
    "US03": ("45 CFR 164.404 [M]", "a breach: individuals within 60 days", "`huizhen breach status`"),
    "US04": ("45 CFR 164.406 [M]", "a breach: the media, of over 500 in one state", "the same"),
    "US05": ("45 CFR 164.408 [M]", "a breach: the Secretary; of fewer than 500, by the year", "the same"),
}  # fmt: skip
"""By row: source, what it asks, and where else than in a rule it is kept."""


def row_of(rule: str) -> str:
    """The row that a rule is of; a house rule is of none and stands for itself."""
    return rule if rule.startswith("HZ") else re.sub(r"^([A-Z]{2}\d\d).*$", r"\1", rule)


def page() -> str:
    lines = []
    for row, (source, asks, beside) in ROWS.items():
        found = [r for r in rules.all_rules() if row_of(r.id) == row]
        named = ", ".join(f"[{r.id}](rules.md) ({r.about})" for r in found)
        lines.append((row, source, asks, named, beside))
    house = [(code(r.id), r.source, r.about) for r in rules.all_rules() if r.id.startswith("HZ")]
    return (
        HEAD
        + table(("row", "source", "what it asks", "decided by", "and kept by"), lines)
        + "\n## House rules\n\nBeyond the law, what this house asks of itself.\n\n"
        + table(("rule", "source", "about"), house)
    )
