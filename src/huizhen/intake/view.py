"""A view: a SQL on FHIR v2 ViewDefinition, read strictly. What it selects by is understood whole, or it is refused.

Source: https://build.fhir.org/ig/FHIR/sql-on-fhir-v2/StructureDefinition-ViewDefinition.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from huizhen.intake import fhirpath
from huizhen.intake.fhirpath import Literal, Node
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_RESOURCE = re.compile(r"[A-Z][A-Za-z]{1,40}")
_SELECT = {"column", "select", "unionAll", "forEach", "forEachOrNull", "repeat", "id", "extension"}
_COLUMN = {"name", "path", "type", "collection", "description", "tag", "id", "extension"}
_MOMENTS = {"Date", "DateTime", "Instant", "Time"}
_NESTED = 12


@dataclass(frozen=True)
class ViewColumn:
    """`type` is that of FHIR, or nothing. `day`: its tag asks for an SQL DATE."""

    name: str
    path: Node
    type: str | None = None
    collection: bool = False
    day: bool = False


@dataclass(frozen=True)
class Select:
    """Rows: the columns, times the rows of each of `selects`, times those of `unions` one after the other; for each
    element of `each` (or of nothing, where there is none and `or_null`), or of `repeat`, followed all the way down."""

    columns: tuple[ViewColumn, ...] = ()
    selects: tuple[Select, ...] = ()
    unions: tuple[Select, ...] = ()
    each: Node | None = None
    or_null: bool = False
    repeat: tuple[Node, ...] = ()

    def all_columns(self) -> tuple[ViewColumn, ...]:
        """In the order of the table: its own, then those of what it selects."""
        found = list(self.columns)
        for one in (*self.selects, *self.unions[:1]):
            found += one.all_columns()
        return tuple(found)


@dataclass(frozen=True)
class View:
    name: str
    resource: str
    select: Select
    where: tuple[Node, ...] = ()
    constants: Mapping[str, Literal] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[ViewColumn, ...]:
        return self.select.all_columns()


def _bad(place: str, en: str, zh: str) -> BadInput:
    return BadInput(
        "bad-view",
        Text(f"The view definition, at {place}: {en}.", f"视图定义的 {place}：{zh}。"),
        Text("Correct it as SQL on FHIR v2 says; `huizhen intake views NAME` shows one that works.",
             "请按 SQL on FHIR v2 更正；`huizhen intake views 名称` 可显示可用的示例。"),
    )  # fmt: skip


def read_view(value: Any) -> View:
    """A view from its JSON. Raises BadInput("bad-view") with the place, or BadInput("bad-fhirpath")."""
    if not isinstance(value, dict):
        raise _bad("/", "it is no JSON object", "不是 JSON 对象")
    resource = value.get("resource")
    if not isinstance(resource, str) or not _RESOURCE.fullmatch(resource):
        raise _bad("resource", "it has to name a type of resource", "须指明资源类型")
    constants = _constants(_objects(value, "constant", "constant"))
    selects = tuple(_select(s, f"select[{i}]", 0) for i, s in enumerate(_objects(value, "select", "select")))
    if not selects:
        raise _bad("select", "nothing is selected", "未选择任何内容")
    where = tuple(
        _path(w.get("path"), f"where[{i}].path") for i, w in enumerate(_objects(value, "where", "where"))
    )  # fmt: skip
    name = value.get("name")
    view = View(name if isinstance(name, str) else resource, resource, Select(selects=selects), where, constants)
    names = [c.name for c in view.columns]
    twice = [n for n in names if names.count(n) > 1]
    if not names or twice:
        at = f"column '{twice[0]}'" if twice else "select"
        raise _bad(at, "a column is named twice" if twice else "there is no column", "列名重复" if twice else "没有列")
    return view


def _objects(value: Mapping[str, Any], key: str, place: str) -> Sequence[dict[str, Any]]:
    found = value.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _bad(place, "it has to be a list of objects", "须为对象列表")
    return found


def _path(path: Any, place: str) -> Node:
    if not isinstance(path, str) or not path.strip():
        raise _bad(place, "it has to be a FHIRPath", "须为 FHIRPath")
    return fhirpath.parse(path)


def _constants(given: Sequence[dict[str, Any]]) -> dict[str, Literal]:
    found = {}
    for i, one in enumerate(given):
        place, name = f"constant[{i}]", one.get("name")
        values = [(k.removeprefix("value"), v) for k, v in one.items() if k.startswith("value")]
        if not isinstance(name, str) or not _NAME.fullmatch(name) or len(values) != 1:
            raise _bad(place, "it needs a name and one value", "须有名称与一个值")
        kind, value = values[0]
        if not isinstance(value, str | int | float | bool):
            raise _bad(place, "its value has to be a single one", "其值须为单值")
        found[name] = Literal(value, moment=kind in _MOMENTS)
    return found


def _select(value: dict[str, Any], place: str, depth: int) -> Select:
    unknown = [k for k in value if k not in _SELECT]
    if unknown:
        raise _bad(place, f"'{unknown[0]}' is not understood", f"无法识别“{unknown[0]}”")
    if depth > _NESTED:
        raise _bad(place, f"nested deeper than {_NESTED}", f"嵌套超过 {_NESTED} 层")
    if sum(key in value for key in ("forEach", "forEachOrNull", "repeat")) > 1:
        raise _bad(place, "only one of forEach, forEachOrNull and repeat", "forEach、forEachOrNull、repeat 只能有一个")
    unions = tuple(
        _select(s, f"{place}.unionAll[{i}]", depth + 1)
        for i, s in enumerate(_objects(value, "unionAll", f"{place}.unionAll"))
    )
    for one in unions[1:]:
        if [(c.name, c.type) for c in one.all_columns()] != [(c.name, c.type) for c in unions[0].all_columns()]:
            raise _bad(f"{place}.unionAll", "its parts have different columns", "各部分的列不一致")
    key = next((k for k in ("forEach", "forEachOrNull") if k in value), None)
    repeat = value.get("repeat", [])
    if not isinstance(repeat, list) or ("repeat" in value and not repeat):
        raise _bad(f"{place}.repeat", "it has to be a list of paths", "须为路径列表")
    return Select(
        tuple(
            _column(c, f"{place}.column[{i}]") for i, c in enumerate(_objects(value, "column", f"{place}.column"))
        ),
        tuple(
            _select(s, f"{place}.select[{i}]", depth + 1)
            for i, s in enumerate(_objects(value, "select", f"{place}.select"))
        ),
        unions,
        _path(value[key], f"{place}.{key}") if key else None,
        key == "forEachOrNull",
        tuple(_path(p, f"{place}.repeat[{i}]") for i, p in enumerate(repeat)),
    )  # fmt: skip


def _column(value: dict[str, Any], place: str) -> ViewColumn:
    unknown = [k for k in value if k not in _COLUMN]
    if unknown:
        raise _bad(place, f"'{unknown[0]}' is not understood", f"无法识别“{unknown[0]}”")
    name, kind, many = value.get("name"), value.get("type"), value.get("collection", False)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _bad(place, "its name has to be of letters, digits and _", "列名只能由字母、数字与 _ 组成")
    if not isinstance(kind, str | None) or not isinstance(many, bool):
        raise _bad(place, "type is a word, collection is true or false", "type 须为单词，collection 须为 true 或 false")
    tags = _objects(value, "tag", f"{place}.tag")
    day = any(t.get("name") == "ansi/type" and str(t.get("value")).upper() == "DATE" for t in tags)
    return ViewColumn(name, _path(value.get("path"), f"{place}.path"), kind, many, day)
