"""Purposes: GA4GH Data Use Ontology (DUO) short codes, and ours for what DUO lacks.

A consent for a broad purpose covers the narrower ones: GRU covers HMB, HMB covers DS (GA4GH DUO, hierarchy of data
use permissions). A purpose that forbids profit settles at cost only (HGR Regulation Art 10; DUO NPUNCU, NCU).
"""

from __future__ import annotations

from typing import NamedTuple

from huizhen.kit.text import Text


class Purpose(NamedTuple):
    code: str
    term: str | None
    """The ontology term, or None where the code is ours."""
    label: Text
    covers: tuple[str, ...] = ()
    """Codes that a consent for this purpose also permits, next to its own."""
    for_profit: bool = True
    prohibited: bool = False
    """Refused whoever consents (EHDS Art 54)."""


PURPOSES: dict[str, Purpose] = {
    p.code: p
    for p in (
        Purpose("GRU", "DUO:0000042", Text("general research use", "一般研究用途"), ("HMB", "DS")),
        Purpose("HMB", "DUO:0000006", Text("health, medical or biomedical research", "健康与生物医学研究"), ("DS",)),
        Purpose("DS", "DUO:0000007", Text("disease-specific research", "特定疾病研究")),
        Purpose("NCU", "DUO:0000046", Text("non-commercial use only", "仅限非商业用途"), for_profit=False),
        Purpose(
            "NPUNCU", "DUO:0000018", Text("not-for-profit, non-commercial use only", "仅限非营利、非商业用途"),
            for_profit=False,
        ),
        Purpose("PUBHLTH", None, Text("public-health surveillance", "公共卫生监测"), for_profit=False),
        Purpose("INSSUP", None, Text("supervision of the insurance fund", "医保基金监管"), for_profit=False),
        Purpose("HGR", None, Text("research on human genetic resources", "人类遗传资源研究"), for_profit=False),
        Purpose("HMARKT", None, Text("marketing", "市场营销"), prohibited=True),
        Purpose("HCREDIT", None, Text("terms of insurance, credit or work", "保险、信贷或雇佣条件"), prohibited=True),
    )
}  # fmt: skip


def consents_that_permit(purpose: str) -> tuple[str, ...]:
    """The consent codes under which a use for `purpose` is permitted: its own and every broader one."""
    return tuple(p.code for p in PURPOSES.values() if p.code == purpose or purpose in p.covers)
