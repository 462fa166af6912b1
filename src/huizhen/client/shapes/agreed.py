"""A rule of many hospitals: how coarse each column becomes, and how large the classes are; not every cut of it."""

from __future__ import annotations

from typing import Any

from huizhen.client import number
from huizhen.client.block import Block, Figure, Head, Sentence, Shown, Table, words
from huizhen.client.figures import bars
from huizhen.client.figures.bars import Bar
from huizhen.client.reading import Reading, row_head
from huizhen.client.words import PAGE
from huizhen.model.agreed_rule import Recoded

_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)


def rule(reading: Reading) -> Shown | None:
    """For `rule` with its `columns`, and `sizes`: rows by class, the last of them in no class."""
    found, sizes = reading.at("rule"), reading.at("sizes")
    if not isinstance(found, dict) or not isinstance(found.get("columns"), list) or not isinstance(sizes, list):
        return None
    blocks: list[Block] = [_sentence(reading, found), _classes(reading, sizes), _columns(reading, found)]
    return Shown(frozenset({"rule", "sizes", "ncp_by_column"}), tuple(blocks))


def _sentence(reading: Reading, found: dict[str, Any]) -> Sentence:
    k, least = found["k"], found["per_hospital_min"]
    alone = reading.say(
        "Nothing is promised to who knows which hospital a row is from.", "对知道记录来自哪家医院者不作承诺。"
    )
    if least > 1:
        alone = reading.say(
            f"A hospital releases none or at least {least} rows of a class.",
            f"每家医院在一个等价类中或不发布，或至少发布 {least} 行。",
        )
    return Sentence(reading.say(
        f"By this rule each hospital can release rows that share their class with at least {k} rows of all hospitals "
        f"together, as long as all release. {alone}",
        f"各医院按此规则发布记录；若各家均发布，则合并后每个等价类至少有 {k} 行。{alone}",
    ))  # fmt: skip


def _classes(reading: Reading, sizes: list[int | None]) -> Figure:
    known = [s for s in sizes[:-1] if s is not None]
    steps = [a for a in _STEPS if a <= max(known, default=1)]
    drawn = []
    for low, high in zip(steps, [*steps[1:], None], strict=True):
        many = sum(1 for s in known if s >= low and (high is None or s < high))
        if many:
            label = f"≥ {low:,}" if high is None else f"{low:,}–{high - 1:,}"
            drawn.append(Bar(label, float(many), f"{many:,}"))
    title = reading.say("Classes by how many rows share them", "按所含行数统计的等价类")
    said = reading.say("; ", "；").join(f"{bar.label}: {bar.text}" for bar in drawn)
    out = sizes[-1]
    left = PAGE["hidden"].say(reading.language) if out is None else number.short(out)
    caption = reading.say(
        f"Rows of all hospitals together. In no class: {left}.", f"各医院合计行数。不属于任何等价类：{left}。"
    )
    hidden = PAGE["hidden"].say(reading.language)
    drawn = drawn or [Bar("—", None, hidden)]
    return Figure(title, bars.level_bars("classes", drawn, bars.Words(title, said, hidden)), caption)


def _columns(reading: Reading, found: dict[str, Any]) -> Table:
    heads = (
        Head(reading.name("column"), number=False),
        Head(reading.say("made coarser", "概括方式"), number=False),
        Head(reading.say("loss (NCP)", "损失（NCP）")),
    )
    rows = []
    for column in found["columns"]:
        name, how = column["column"]["name"], Recoded.read(column["how"])
        loss = reading.cell("ncp_by_column", name)
        rows.append((row_head(reading.column(name), name), words(how.in_words), loss))
    return reading.table(reading.say("Columns", "各列"), heads, rows, "ncp_by_column")
