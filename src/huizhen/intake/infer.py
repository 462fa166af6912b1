"""Infers a schema from a file in one pass, and says in words what was guessed, so that a person can correct it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from huizhen.intake import values as v
from huizhen.intake.format import Source
from huizhen.intake.hints import is_most_sensitive
from huizhen.intake.profile import FEW, FEW_WHOLE, Profile
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, ColumnType, Level, Schema
from huizhen.privacy.identify.kinds import names_a_person


@dataclass(frozen=True)
class Inferred:
    """`rows` records were read; `filled` counts the values that are not missing, by column.

    `schema` may be published: of a column with few rows it lists no level, or only those that are new. `reading` is the
    same for the eyes of the hospital: there such a column is open, so that every value of the file fits.
    """

    schema: Schema
    reading: Schema
    notes: tuple[Text, ...]
    rows: int
    filled: Mapping[str, int]


def infer(source: Source, subject: str, elsewhere: Schema | None = None) -> Inferred:
    """The schema that fits every value of the source; `subject` is the column that tells people apart.

    Text and whole numbers get levels when they have few values (50, 20) and each is seen twice on average. Where values
    are few but not seen so often, a category has levels None and an integer (): to list them would show who is there,
    so the levels are those of the other holders. `elsewhere` is what these have agreed on so far: a column takes its
    type from there where every value fits, and lists only levels that nobody has listed. A column without any value
    becomes a category with levels (), which agrees with any type elsewhere. Codes for 'missing' in words are applied;
    numbers that look like such codes are only named in the notes. Raises BadInput when the subject is not a column, or
    when there are no rows.
    """
    check_subject(source, subject)
    profiles = [Profile(name, source.decimal) for name in source.columns]
    for batch in source.read():
        for profile, column in zip(profiles, batch.columns, strict=True):
            profile.see(column)
    if not profiles[0].rows:
        raise BadInput(
            "empty-table",
            Text(f"'{source.path.name}' has a header and no rows.", f"“{source.path.name}”只有表头，没有数据行。"),
            Text("Export the table again.", "请重新导出该表。"),
        )
    notes = list(source.notes)
    notes += [said for p in profiles if p.name in source.text for said in _kept_as_text(p)]
    columns = []
    known = {c.name: c for c in elsewhere.columns} if elsewhere else {}
    for profile in profiles:
        there = known.get(profile.name)
        profile.settle([str(x) for x in there.levels or ()] if there and there.type == "category" else ())
        column, said = _column(profile, subject, there)
        columns.append(column)
        notes.extend(said)
    filled = {p.name: p.filled for p in profiles}
    reading = [
        c if _lists_all(c, p) else c.model_copy(update={"levels": None}) for c, p in zip(columns, profiles, strict=True)
    ]
    category = elsewhere.category if elsewhere else "clinical"
    return Inferred(
        Schema(columns=tuple(columns), category=category),
        Schema(columns=tuple(reading), category=category),
        tuple(notes),
        profiles[0].rows,
        filled,
    )


def check_subject(source: Source, subject: str) -> None:
    if subject not in source.columns:
        raise BadInput(
            "unknown-subject-column",
            Text(
                f"'{source.path.name}' has no column '{subject}' for the subject.",
                f"“{source.path.name}”中没有作为受试者标识的列“{subject}”。",
            ),
            Text(f"Its columns are: {', '.join(source.columns)}.", f"可用的列：{'、'.join(source.columns)}。"),
        )


def _column(profile: Profile, subject: str, elsewhere: Column | None) -> tuple[Column, list[Text]]:
    name = profile.name
    notes: list[Text] = []
    guessed: ColumnType = "text" if name == subject else _as_elsewhere(_type(profile), profile, elsewhere)
    identifier = name == subject
    if not identifier and profile.filled:
        why = _identifies(profile, guessed, elsewhere)
        if why:
            identifier = True
            notes.append(_note(name, f"taken for an identifier: {why.en}", f"视为标识符：{why.zh}"))
    if identifier and guessed == "category":
        guessed = "text"
    levels = None if identifier else _levels(profile, guessed, elsewhere)
    sensitive = is_most_sensitive(name)
    if sensitive:
        notes.append(_note(name, "taken for grade 5, sensitive, by its name", "按列名视为 5 级敏感数据"))
    if not identifier:
        notes.extend(_remarks(profile, guessed))
    elif name != subject:
        notes.extend(_left_as_text(profile))
    column = Column(
        name=name,
        type=guessed,
        levels=levels,
        missing_codes=tuple(sorted(profile.missing_codes)),
        grade=5 if sensitive else 3,
        sensitive=sensitive,
        identifier=identifier,
    )
    return column, notes


def _type(profile: Profile) -> ColumnType:
    if not profile.filled:
        return "category"
    for reading in ("boolean", "integer", "number", "date"):
        if reading in profile.fits:
            return reading
    return "text" if profile.distinct is None else "category"


def _as_elsewhere(guessed: ColumnType, profile: Profile, elsewhere: Column | None) -> ColumnType:
    """Codes that happen to look like numbers, dates or truth values here are text where the other holders say so.

    Not where there are several and the others know none of them: then 1 and 2 here are M and F there, and the types,
    which differ, will say so.
    """
    if elsewhere is None or elsewhere.identifier or not profile.filled:
        return guessed
    if elsewhere.type == "category" and elsewhere.levels and profile.distinct is not None:
        shared = profile.distinct & {str(level) for level in elsewhere.levels}
        return "category" if shared or len(profile.distinct) == 1 else guessed
    return "text" if elsewhere.type == "text" else guessed


def _levels(profile: Profile, guessed: ColumnType, elsewhere: Column | None) -> tuple[Level, ...] | None:
    """What may be listed: every value where each is seen often enough, else only those that others do not know."""
    if guessed not in ("category", "integer") or profile.distinct is None:
        return None
    if not profile.filled:
        return ()
    values: list[Level] = list(profile.distinct)
    if guessed == "integer":
        values = list(set(v.integers(pa.array(sorted(profile.distinct), pa.string())).to_pylist()))
        if len(values) > FEW_WHOLE:
            return None
    if profile.repeats(FEW):
        return tuple(sorted(values))
    known = elsewhere.levels if elsewhere is not None and elsewhere.type == guessed else None
    new = tuple(sorted(x for x in values if x not in known)) if known else ()
    return new or (() if guessed == "integer" else None)


_OTHERWISE = {
    "boolean": Text("true and false", "真/假"),
    "integer": Text("whole numbers", "整数"),
    "number": Text("numbers", "数值"),
    "date": Text("dates", "日期"),
}


def _kept_as_text(profile: Profile) -> list[Text]:
    """Holds the column to the source's own type, and says what else it could have been."""
    looks = [kind for kind in _OTHERWISE if kind in profile.fits] if profile.filled else []
    profile.fits.clear()
    return [
        _note(
            profile.name,
            f"is text and looks like {_OTHERWISE[kind].en}; to use it as such, cast it in a view",
            f"为文本，但看起来是{_OTHERWISE[kind].zh}；如需按此使用，请在视图中转换类型",
        )
        for kind in looks[:1]
    ]


def _lists_all(column: Column, profile: Profile) -> bool:
    return column.type not in ("category", "integer") or not profile.filled or profile.repeats(FEW)


def _identifies(profile: Profile, guessed: ColumnType, elsewhere: Column | None) -> Text | None:
    if names_a_person(profile.name):
        return Text("its name says so", "列名如此")
    if profile.identifying_shape:
        return Text("its values look like identity, telephone or mail numbers", "其值形如证件号、电话或邮箱")
    levelled_elsewhere = elsewhere is not None and bool(elsewhere.levels)
    if guessed in ("text", "category") and profile.unique and not levelled_elsewhere:
        return Text("every value is different", "每个值都不同")
    return None


def _remarks(profile: Profile, guessed: ColumnType) -> list[Text]:
    name, said = profile.name, []
    if not profile.filled:
        said.append(
            _note(
                name, "holds no value; it agrees with any type at other nodes", "没有任何值，可与其他节点的任何类型一致"
            )
        )
    if guessed == "category" and profile.filled and not profile.repeats(FEW):
        said.append(
            _note(
                name,
                "has too few rows to list its values without showing who is there; it takes those of the other nodes",
                "行数太少，列出取值会暴露个人；采用其他节点列出的取值",
            )
        )
    if profile.missing_codes:
        codes = ", ".join(f"'{c}'" for c in sorted(profile.missing_codes))
        said.append(
            _note(
                name,
                f"{codes} taken for missing; what is a value of its own, take out of missing_codes",
                f"{codes} 视为缺失；若其本身是取值，请从 missing_codes 中去掉",
            )
        )
    if guessed in ("integer", "number"):
        said += [
            _note(
                name,
                f"{code} lies far from all other values; if it means 'missing', put it into missing_codes",
                f"{code} 远离其他值；若表示缺失，请写入 missing_codes",
            )
            for code in profile.sentinels()
        ]
    if guessed in ("category", "text") and profile.filled:
        said += _left_as_text(profile)
    return said


def _left_as_text(profile: Profile) -> list[Text]:
    """What keeps values that look like numbers or dates from being read as such."""
    if profile.fits & {"boolean", "integer", "number", "date"}:
        return [_note(profile.name, "kept as text, as at the other nodes", "与其他节点一致，按文本保留")]
    return [_note(profile.name, *_LEFT_AS_TEXT[r]) for r in _LEFT_AS_TEXT if r in profile.fits][:1]


_LEFT_AS_TEXT = {
    "padded": Text("numbers with leading zeros, or too long, are kept as text", "带前导零或过长的数字按文本保留"),
    "comma": Text(
        "numbers with a comma: decimal or thousands cannot be told apart, so they are kept as text",
        "数字中的逗号无法区分小数点与千分位，按文本保留",
    ),
    "day_first": Text(
        "dates whose day and month cannot be told apart are kept as text; write year-month-day",
        "无法区分日与月的日期按文本保留；请写成 年-月-日",
    ),
    "moment": Text("times of day are kept as text; a date has none", "含时刻的日期按文本保留；日期列不含时刻"),
}


def _note(column: str, en: str, zh: str) -> Text:
    return Text(f"Column '{column}': {en}.", f"列“{column}”：{zh}。")
