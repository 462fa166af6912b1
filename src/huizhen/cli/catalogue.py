"""What `dataset add` says: the card, its columns, what was guessed; and a schema file to be corrected and pinned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.model.dataset import Column, Dataset, Level, Schema
    from huizhen.node.hold import Held

_SHOWN = 12
"""Levels of a column that are shown; the schema file has them all."""


def place(folder: Path, dataset: str) -> Path:
    """Where a node keeps the schema of a dataset, for people to read, correct and pin."""
    return folder / "schemas" / f"{dataset}.yaml"


def write(folder: Path, card: Dataset, others: Sequence[Dataset]) -> Path:
    """Write the schema as all holders agree on it so far; a column of which nobody knows anything is text."""
    from huizhen.intake.schema import write_schema
    from huizhen.model.agreement import agree

    agreed = agree([*others, card])
    columns = [
        c.model_copy(update={"type": "text", "levels": None}) if c.type == "category" and not c.levels else c
        for c in agreed.columns
    ]
    path = place(folder, card.name)
    path.parent.mkdir(exist_ok=True)
    head = (
        f"# Columns of {card.name}. Correct what is wrong and pin it: dataset add ... --schema FILE, at every node.\n"
    )
    path.write_text(head + write_schema(agreed.model_copy(update={"columns": tuple(columns)})), encoding="utf-8")
    return path


def _remarks(held: Held, others: Sequence[Dataset]) -> tuple[Text, ...]:
    from huizhen.model.agreement import one_sided

    return (*held.notes, *one_sided([*others, held.card]))


def as_json(held: Held, others: Sequence[Dataset], consents: int, schema: Path) -> dict[str, Any]:
    """The card, the notes, how many consents were recorded, and where the schema file is."""
    notes = [note._asdict() for note in _remarks(held, others)]
    return {"card": held.card.as_json(), "notes": notes, "consents": consents, "schema": str(schema)}


def show(held: Held, others: Sequence[Dataset], consents: int, schema: Path) -> None:
    """The same for people."""
    card = held.card
    VOICE.say(
        f"{card.name} at {card.holder}: {card.rows:,} rows, {card.subjects:,} people, "
        f"{100 * card.quality:.1f} % of cells filled.",
        f"{card.holder} 的 {card.name}：{card.rows:,} 行，{card.subjects:,} 人，填充率 {100 * card.quality:.1f} %。",
    )
    show_schema(card.table)
    for note in _remarks(held, others):
        VOICE.say(f"- {note.en}", f"- {note.zh}")
    if not card.pinned:
        VOICE.say(
            f"These columns were inferred. To correct and pin them: {schema}",
            f"以上各列为自动推断；可在此修正并固定：{schema}",
        )
    if consents:
        VOICE.say(f"{consents:,} consents recorded.", f"已登记 {consents:,} 条同意。")
    else:
        VOICE.say(
            f"No consent was recorded with it: huizhen consent import --node {card.holder} --from FILE",
            f"未同时登记同意：huizhen consent import --node {card.holder} --from 文件",
        )


def show_schema(schema: Schema) -> None:
    """The columns as a table."""
    VOICE.table(
        Text("Columns", "列"),
        [
            Head(Text("name", "名称")),
            Head(Text("type", "类型"), "id"),
            Head(Text("unit", "单位")),
            Head(Text("levels", "取值")),
            Head(Text("missing", "缺失码")),
            Head(Text("grade", "级别"), "number"),
            Head(Text("note", "说明")),
        ],
        [
            (
                c.name,
                _TYPES[c.type].say(VOICE.language),
                c.unit,
                _levels(c),
                ", ".join(map(str, c.missing_codes)),
                c.grade,
                _note(c).say(VOICE.language),
            )
            for c in schema.columns
        ],
    )


def _levels(column: Column) -> str:
    if column.levels:
        return ", ".join(map(_quoted, column.levels[:_SHOWN])) + (" …" if len(column.levels) > _SHOWN else "")
    return ""


def _quoted(level: Level) -> str:
    """In quotes where one could not tell where it ends."""
    return f"'{level}'" if "," in str(level) or str(level) != str(level).strip() else str(level)


def _note(column: Column) -> Text:
    if column.identifier:
        return Text("identifier, never used", "标识符，不参与计算")
    few = (column.type == "category" and column.levels is None) or (column.type == "integer" and column.levels == ())
    said = [Text("sensitive", "敏感")] if column.sensitive else []
    said += [Text("too few rows to list levels", "行数太少，不列出取值")] if few else []
    said += [Text("free text, never used", "自由文本，不参与计算")] if column.type == "text" else []
    return Text("; ".join(s.en for s in said), "；".join(s.zh for s in said))


_TYPES = {
    "integer": Text("integer", "整数 integer"),
    "number": Text("number", "数值 number"),
    "boolean": Text("boolean", "布尔 boolean"),
    "category": Text("category", "分类 category"),
    "date": Text("date", "日期 date"),
    "text": Text("text", "文本 text"),
}
