"""Hierarchies of three Chinese vocabularies: ethnic groups, levels of education, occupations; as codes or in words.

Values that are in none of the classes are directly below the root.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from huizhen.privacy.anonymise.hierarchy import Hierarchy, build, flat, icd10, prefix

ETHNIC = (
    "汉 蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 畲 高山 拉祜 水 东乡 纳西 景颇 "
    "柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 怒 乌孜别克 俄罗斯 鄂温克 德昂 保安 裕固 京 "
    "塔塔尔 独龙 鄂伦春 赫哲 门巴 珞巴 基诺"
)
"""In the order of their codes, 01 to 56 (GB/T 3304-1991)."""
_FAMILIES = {
    "藏缅语族": "藏 彝 土家 哈尼 傈僳 拉祜 纳西 景颇 白 羌 怒 独龙 门巴 珞巴 普米 阿昌 基诺",
    "壮侗语族": "壮 布依 侗 水 仫佬 毛南 傣 黎 仡佬",
    "苗瑶语族": "苗 瑶 畲",
    "突厥语族": "维吾尔 哈萨克 柯尔克孜 乌孜别克 塔塔尔 撒拉 裕固",
    "蒙古语族": "蒙古 达斡尔 东乡 土 保安",
    "满通古斯语族": "满 锡伯 鄂温克 鄂伦春 赫哲",
    "其他语族": "回 朝鲜 高山 佤 布朗 德昂 京 塔吉克 俄罗斯",
}
_EDUCATION = (
    ("研究生", "高等教育", r"1\d", r"博士.*|硕士.*|研究生.*"),
    ("大学本科", "高等教育", r"2\d", r"(大学)?本科.*|大学普通班.*|大学|学士"),
    ("大学专科", "高等教育", r"3\d", r"(大学)?专科.*|大专.*|高职.*|高等职业.*"),
    ("中等职业教育", "中等教育", r"4\d", r"中等?专.*|中等?职.*|职业?(高中|中学).*|职高.*|技工学校.*|技校.*|中等职业.*"),
    ("普通高中", "中等教育", r"6\d", r"(普通)?(高中|高级中学).*"),
    ("初中", "中等教育", r"7\d", r"(初中|初级中学).*"),
    ("小学", "初等教育及以下", r"8\d", r"小学.*"),
    ("其他", "初等教育及以下", r"9\d", r"文盲.*|半文盲.*|未上过?学.*|学龄前.*|其他"),
)
"""Class, what it is below, code and words (GB/T 4658-2006)."""
_OCCUPATIONS = (
    ("1 单位负责人", r"1(-?\d{2}){0,3}", r".*负责人.*|.*管理(人员|者).*|.*经理|干部|国家?公务员|公务员"),
    ("2 专业技术人员", r"2(-?\d{2}){0,3}", r"专业技术.*|.*(医生|医师|护士|教师|工程师|律师|会计|科研).*"),
    ("3 办事人员", r"3(-?\d{2}){0,3}", r"办事.*|职员|文员|.*(警察|消防).*"),
    ("4 服务人员", r"4(-?\d{2}){0,3}", r".*(服务|商业|销售|餐饮|司机|快递|保安|家政|个体).*"),
    ("5 农林牧渔业人员", r"5(-?\d{2}){0,3}", r".*(农|林业|牧|渔).*"),
    ("6 生产制造人员", r"6(-?\d{2}){0,3}", r".*(工人|制造|生产|建筑|矿工|民工).*"),
    ("7 军人", r"7(-?\d{2}){0,3}", r".*(军人|军队|军官|士兵|现役).*"),
    ("8 其他从业人员", r"8(-?\d{2}){0,3}", r"自由职业.*|.*其他(从业|职业|劳动).*"),
)
"""Major class, code and words (GB/T 6565-2015; codes of 1, 3, 5 or 7 digits, or, as in the national classification of
occupations of 2015 that it follows, with hyphens as 2-05-01-01)."""
_IDLE = re.compile(r".*[退离].{0,3}休.*|无(职)?业.*|失业.*|待业.*|学生.*|儿童.*|家务.*|散居.*|托幼.*|婴幼儿")


def ethnic(values: Sequence[str]) -> Hierarchy:
    """Han and minorities, these by the family of their languages. Codes 01 to 56, or names with or without 族."""
    known = {}
    for i, name in enumerate(ETHNIC.split(), 1):
        family = next((f for f, names in _FAMILIES.items() if name in names.split()), "")
        path = ("少数民族", family) if family else ("汉族",)
        for written in (name, f"{name}族", f"{i:02d}", str(i)):
            known[written] = path
    return build([_below(known.get(v, ()), v) for v in values])


def education(values: Sequence[str]) -> Hierarchy:
    """Higher, secondary, and primary education or none; in each the classes of the standard."""
    return build([_below(_educated(v), v) for v in values])


def occupation(values: Sequence[str]) -> Hierarchy:
    """Who works, by the major classes of the standard and for codes by its minor ones; and who does not."""
    return build([_below(_occupied(v), v) for v in values])


def meant(values: Sequence[str]) -> str | None:
    """Which of the three all of the values are, written in words; None for none."""
    words = [v for v in values if not v.isascii()]
    if len(words) < 3 or len(words) < len(values):
        return None
    names = {w for name in ETHNIC.split() for w in (name, f"{name}族")} | {"其他"}
    if all(v in names for v in words):
        return "ethnic"
    if all(_educated(v) for v in words):
        return "education"
    return "occupation" if all(_occupied(v) for v in words) else None


def _below(path: tuple[str, ...], value: str) -> tuple[str, ...]:
    """The path down to the value, which stands only once in it."""
    return (*(p for p in path if p != value), value)


def _educated(value: str) -> tuple[str, ...]:
    for name, above, code, words in _EDUCATION:
        if re.fullmatch(code, value) or re.fullmatch(words, value):
            return (above, name)
    return ()


def _occupied(value: str) -> tuple[str, ...]:
    if _IDLE.fullmatch(value):
        return ("不在业",)
    for name, code, words in _OCCUPATIONS:
        if re.fullmatch(code, value) or re.fullmatch(words, value):
            digits = value.replace("-", "")
            minor = (f"{digits[:3]}*",) if digits.isdigit() and len(digits) > 3 else ()
            return ("在业", name, *minor)
    return ()


Builder = Callable[[Sequence[str]], Hierarchy]
BUILDERS: dict[str, Builder] = {
    "flat": flat,
    "icd10": icd10,
    "division": lambda values: prefix(values, (2, 4)),
    "ethnic": ethnic,
    "education": education,
    "occupation": occupation,
}
"""The hierarchies that need nothing but the values, by the name that a configuration gives them."""
