"""The licence of a model: what its study says, and what purpose, release and law take away from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huizhen.kit.text import Text
from huizhen.model.purpose import PURPOSES

Found = Mapping[str, Any]
_BY_RELEASE = {
    "controlled": Text("only under the agreement of use that it was released with", "仅限发布时所附使用协议的范围内"),
    "enclave": Text("only inside the protected room", "仅限在受保护环境内使用"),
}
_BY_RULE = {
    "CN22": Text("no profit from human genetic resources: at cost only (HGR Regulation 10)",
                 "不得以人类遗传资源牟利：仅限成本价（人类遗传资源管理条例第 10 条）"),
}  # fmt: skip
NOTHING_SAID = Text("none stated beyond the restrictions", "除以下限制外未作说明")


def licence(found: Found) -> dict[str, Any]:
    """`stated`: the study's own words, or None; `restrictions`: (code, en, zh) that hold whatever these say.

    found: the outcome of the model's study. Purposes by the Data Use Ontology: what patients consented to for research
    without profit stays so in what is learnt from them.
    """
    purpose = PURPOSES[found["request"]["purpose"]]
    told = [(purpose.code, Text(f"only for: {purpose.label.en}", f"仅限用途：{purpose.label.zh}"))]
    if not purpose.for_profit:
        told.append(("non-commercial", Text("no commercial use", "不得用于商业用途")))
    release = found["request"].get("release")
    if release in _BY_RELEASE:
        told.append((release, _BY_RELEASE[release]))
    asked = {reason["rule"] for reason in found["grant"]["reasons"]}
    told += [(rule, text) for rule, text in _BY_RULE.items() if rule in asked]
    told.append(("no-re-identification", Text("nobody may be identified with it", "不得用于识别任何个人")))
    restrictions = [{"code": code, "en": text.en, "zh": text.zh} for code, text in told]
    return {"stated": found["request"].get("licence"), "restrictions": restrictions}


def one_line(found: Found) -> str:
    """The licence for a file's header, in English."""
    told = licence(found)
    stated = told["stated"] or NOTHING_SAID.en
    return f"{stated}; " + "; ".join(r["en"] for r in told["restrictions"])
