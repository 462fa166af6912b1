"""How well columns that identify a person are found: precision and recall by kind, on made-up columns with labels.

Beside it: what the hints of intake saw before (names of columns, and three forms of values). Headers are plain, short,
misleading or say nothing; values are written in several ways, some are missing, and a third of all columns are things
that look alike: departments, drugs, hospitals, lot numbers, moments, measures. What a detector knows (its surnames, its
forms) is not what the generator draws from.

    python bench/identifiers.py [--large | --tiny] [--errors]
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from huizhen.privacy.identify.finding import find
from made import people

ROWS = 200
_OLD_NAME = re.compile(
    r"id|pid|(.+_)?(patient|subject|person|visit|encounter|record|case|sample|specimen|participant|admission|inpatient|"
    r"outpatient|hospitalization)_?(id|no|number|key|code)|"
    r"((patient|subject|person|full|first|middle|last|given|family|contact|guardian|mother|father)_?)?name|surname|"
    r"(.+_)?(mrn|ssn|passport(_no)?|phone(_number)?|mobile|cellphone|telephone|tel|fax|e_?mail|address|addr|wechat|"
    r"id_?card|id_?(no|number)|identity_?card|national_id|medical_record(_(no|number))?|bank_?card|insurance_?no|ip)"
)
_OLD_ZH = ("姓名", "名字", "身份证", "证件号", "护照", "电话", "手机", "联系方式", "地址", "住址", "病历号",
    "病案号", "住院号",
           "门诊号", "就诊号", "医保号", "医保卡", "社保号", "社保卡", "卡号", "邮箱", "微信", "患者编号",
           "病人编号")  # fmt: skip
_OLD_SHAPES = (
    r"[1-9]\d{5}(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]",
    r"(\+?86[- ]?)?1[3-9]\d{9}",
    r"[^@\s]+@[^@\s]+\.[^@\s]+",
)


class Column(NamedTuple):
    kind: str
    header: str
    values: list[str]


def before(column: Column) -> bool:
    """Intake's hints as they were: does the column identify a person? It gave no kind."""
    lower = re.sub(r"[^a-z0-9\u4e00-\u9fff]+", "_", column.header.lower()).strip("_")
    if _OLD_NAME.fullmatch(lower) or any(word in lower for word in _OLD_ZH):
        return True
    there = [v for v in column.values if v]
    return any(2 * sum(bool(re.fullmatch(s, v)) for v in there) >= len(there) for s in _OLD_SHAPES)


def columns(many: int, seed: int = 11) -> list[Column]:
    """That many columns of each kind and of things that look alike."""
    chance = np.random.default_rng(seed)
    made: list[Column] = []
    for name, (headers, value) in people.KINDS.items():
        for i in range(many):
            header = str(chance.choice(headers)) if chance.random() < 0.7 else f"{chance.choice(['c', 'f', '字段'])}{i}"
            made.append(Column(name.partition(" ")[0], header, _values(value, chance)))
    for headers, value in people.OTHERS:
        for _ in range(many):
            made.append(Column("", str(chance.choice(headers)), _values(value, chance)))
    return made


def _values(value: Callable[[np.random.Generator], str], chance: np.random.Generator) -> list[str]:
    missing = chance.choice([0.0, 0.1, 0.5])
    return [v for v in ("" if chance.random() < missing else value(chance) for _ in range(ROWS)) if v]


def found(column: Column) -> str:
    different = list(dict.fromkeys(column.values))
    said = find(column.header, different, len(different) == len(column.values) >= 20)
    return "name" if said and said.kind == "name_latin" else said.kind if said else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="200 columns of each kind in place of 40")
    parser.add_argument("--tiny", action="store_true", help="2 of each, to see that it runs")
    parser.add_argument("--errors", action="store_true", help="list what was taken for what")
    given = parser.parse_args()
    made = columns(200 if given.large else 2 if given.tiny else 40)
    said = [found(c) for c in made]
    old = [before(c) for c in made]
    print(f"{len(made):,} columns of up to {ROWS} values")
    print(f"{'kind':<18}{'columns':>8}{'precision':>11}{'recall':>8}{'found at all':>14}{'hints before':>14}")
    for kind in dict.fromkeys(c.kind for c in made if c.kind):
        own = [i for i, c in enumerate(made) if c.kind == kind]
        right = sum(said[i] == kind for i in own)
        took = sum(s == kind for s in said)
        any_, was = (sum(bool(x[i]) for i in own) / len(own) for x in (said, old))
        print(f"{kind:<18}{len(own):>8}{right / max(took, 1):>11.3f}{right / len(own):>8.3f}{any_:>14.3f}{was:>14.3f}")
    for name, answers in (("now", said), ("hints before", old)):
        hit = sum(bool(a) for a, c in zip(answers, made, strict=True) if c.kind)
        print(
            f"direct or not, {name}: precision {hit / max(sum(map(bool, answers)), 1):.3f}, "
            f"recall {hit / sum(bool(c.kind) for c in made):.3f}"
        )
    if given.errors:
        wrong = Counter((c.kind or "-", s or "-", c.header) for c, s in zip(made, said, strict=True) if s != c.kind)
        for (kind, took, header), count in wrong.most_common(40):
            print(f"{count:>4}  {kind} as {took}: {header}")


if __name__ == "__main__":
    main()
