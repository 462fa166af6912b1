"""Names and addresses of nobody, drawn by the key: the same for the same name, in the same script.

They are drawn from short lists, so that two people may get one name, as people do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from huizhen.privacy.masking.keyed import Key


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟"
    "谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
COMPOUND = ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯")
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国文红梅志春海燕玲飞宇浩然子轩雨欣梓涵思晨佳怡嘉一诺"
    "博雅俊凯晓东成龙鑫瑞雪莹林峰庆云丹婷欢乐天宁安康永和旭阳清远山川书画琴诗语星辰若水心悦可嘉铭泽昊睿"
)
_FAR = ("艾力", "古丽", "买买提", "阿依努尔", "热依汗", "多吉", "卓玛", "扎西", "巴图", "其其格", "吐尔逊", "玛依拉")
_FIRST = _words(
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph "
    "Jessica Thomas Karen Daniel Sarah Matthew Lisa Anthony Nancy Mark Betty Paul Sandra Steven Ashley Andrew Emily "
    "Joshua Donna"
)
_LAST = _words(
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Martinez Lopez Wilson Anderson Thomas Taylor Moore "
    "Jackson Martin Lee Thompson White Harris Clark Lewis Robinson Walker Young Allen King Wright Scott Hill Green "
    "Adams Baker"
)
_ROADS = (
    "人民",
    "解放",
    "建设",
    "中山",
    "和平",
    "新华",
    "胜利",
    "文化",
    "长江",
    "黄河",
    "朝阳",
    "光明",
    "幸福",
    "学府",
)
_STREETS = ("Oak", "Maple", "Cedar", "Park", "Lake", "Hill", "Main", "Church", "Mill", "Spring", "River", "Garden")
_DIVISION = re.compile(
    r"((?:[^\d\s省市区县]{2,10}?(?:省|自治区|特别行政区))?(?:[^\d\s省市区县]{1,10}?(?:市|自治州|地区|盟))?"
    r"(?:[^\d\s省市区县]{1,10}?(?:区|县|旗|市))?)(.*)"
)
_HAN = re.compile(r"[\u3400-\u9fff]")
Draws = npt.NDArray[np.uint64]


def name(values: Sequence[str], key: Key) -> list[str]:
    """Chinese names keep how many characters they have (two or three, or four with a compound surname), names with ·
    theirs, others are a given name and a surname. None stays itself."""
    out = []
    for value, draws in zip(values, key.draw("name", [" ".join(v.split()) for v in values]), strict=True):
        one = _name(value, draws)
        out.append(one if one != value else _name(value, draws + np.uint64(1)))
    return out


def address(values: Sequence[str], key: Key) -> list[str]:
    """A Chinese address keeps province, city and district, as far as it begins with them; the rest is made up, and so
    is all of another."""
    out = []
    for value, draws in zip(values, key.draw("address", [" ".join(v.split()) for v in values]), strict=True):
        if _HAN.search(value):
            found = _DIVISION.fullmatch(value.strip().replace("\n", " "))
            kept = found[1] if found else ""
            road, house = _of(_ROADS, draws[0]), int(draws[1] % np.uint64(999)) + 1
            room = f"{int(draws[2] % np.uint64(30)) + 1}栋{int(draws[3] % np.uint64(2400)) + 101}室"
            out.append(f"{kept}{road}路{house}号{room}")
        else:
            out.append(f"{int(draws[1] % np.uint64(999)) + 1} {_of(_STREETS, draws[0])} Street")
    return out


def _name(value: str, draws: Draws) -> str:
    if not _HAN.search(value):
        first, last = _of(_FIRST, draws[0]), _of(_LAST, draws[1])
        return f"{last}, {first}" if "," in value else f"{first} {last}"
    if "·" in value or "•" in value:
        return f"{_of(_FAR, draws[0])}·{_of(_FAR, draws[1])}"
    plain = value.replace(" ", "")
    compound = plain[:2] in COMPOUND
    surname = _of(COMPOUND, draws[0]) if compound else _of(SURNAMES, draws[0])
    many = max(len(plain) - len(surname), 1) if len(plain) < 5 else 2
    return surname + "".join(_of(_GIVEN, d) for d in draws[1 : 1 + many])


def _of(choices: Sequence[str], draw: np.uint64) -> str:
    return choices[int(draw % np.uint64(len(choices)))]
