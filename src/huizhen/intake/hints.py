"""What a column's name, or the shape of its values, says about its kind: names of persons and numbers that identify
one (HIPAA 45 CFR 164.514(b)(2), PIPL), and findings of the strictest grade (GB/T 39725: five grades)."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[^a-z0-9\u4e00-\u9fff]+")
_IDENTIFIER = re.compile(
    r"id|pid|"
    r"(.+_)?(patient|subject|person|visit|encounter|record|case|sample|specimen|participant|admission|inpatient|"
    r"outpatient|hospitalization)_?(id|no|number|key|code)|"
    r"((patient|subject|person|full|first|middle|last|given|family|contact|guardian|mother|father)_?)?name|surname|"
    r"(.+_)?(mrn|ssn|passport(_no)?|phone(_number)?|mobile|cellphone|telephone|tel|fax|e_?mail|address|addr|wechat|"
    r"id_?card|id_?(no|number)|identity_?card|national_id|medical_record(_(no|number))?|bank_?card|insurance_?no|ip)"
)
_IDENTIFIER_ZH = (
    "姓名", "名字", "身份证", "证件号", "护照", "电话", "手机", "联系方式", "地址", "住址", "病历号", "病案号",
    "住院号", "门诊号", "就诊号", "医保号", "医保卡", "社保号", "社保卡", "卡号", "邮箱", "微信", "患者编号",
    "病人编号",
)  # fmt: skip
_GRADE_5 = re.compile(
    r"(^|_)(hiv|aids|syphilis|gonorrh.*|psych.*|mental.*|schizo.*|genetics?|genom.*|genotype|dna|wgs|"
    r"abortion|substance_abuse|drug_abuse)(_|$)"
)
_GRADE_5_ZH = ("艾滋", "性病", "梅毒", "淋病", "精神", "遗传", "基因", "流产", "吸毒")

ID_SHAPES = (
    r"^[1-9]\d{5}(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]$",  # GB 11643: resident identity number
    r"^(\+?86[- ]?)?1[3-9]\d{9}$",  # mobile telephone in China
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
)
"""Resident identity numbers (GB 11643), mobile telephone numbers, mail addresses."""


def names_a_person(column: str) -> bool:
    """Whether the name of a column says that it identifies a person."""
    lower = _words(column)
    return bool(_IDENTIFIER.fullmatch(lower)) or any(word in lower for word in _IDENTIFIER_ZH)


def is_most_sensitive(column: str) -> bool:
    """Whether the name of a column speaks of sexual, mental or genetic matters, or of addiction: grade 5."""
    lower = _words(column)
    return bool(_GRADE_5.search(lower)) or any(word in lower for word in _GRADE_5_ZH)


def _words(column: str) -> str:
    return _TOKEN.sub("_", column.lower()).strip("_")
