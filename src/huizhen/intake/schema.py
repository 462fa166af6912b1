"""Schema files: what a hospital pins about its columns, read strictly and written so that it can be edited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from huizhen.intake.document import as_document, refused
from huizhen.intake.values import BLANKS
from huizhen.intake.yaml_tree import Place, Tree, load, parse
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, Schema

_FLOW = ("levels", "missing_codes")


def read_schema(path: Path) -> Schema:
    """The schema in a YAML file. Levels of a category are text, however they are written.

    Raises NotFound, or BadInput naming every mistake by line: unknown keys, columns named twice (in any case), a
    category without levels, levels where none can be, levels given twice, grades outside 1 to 5.
    """
    return _schema(load(path))


def parse_schema(text: str, name: str = "schema.yaml") -> Schema:
    """As read_schema, from text."""
    return _schema(parse(text, name))


def write_schema(schema: Schema) -> str:
    """A schema as YAML that read_schema turns back into the same schema; what is left at its default is left out."""
    columns = []
    for column in schema.columns:
        entry = {k: v for k, v in column.as_json().items() if k in ("name", "type") or v not in (None, False, [], 3)}
        if column.levels is not None:
            entry["levels"] = list(column.levels)
        for key in _FLOW:
            if key in entry:
                entry[key] = _Flow(entry[key])
        columns.append(entry)
    text = {"category": schema.category, "columns": columns}
    return yaml.dump(text, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)


def _schema(tree: Tree) -> Schema:
    schema = as_document(tree, Schema)
    mistakes = _mistakes(schema)
    if mistakes:
        raise refused(tree, mistakes)
    return schema.model_copy(update={"columns": tuple(_tidy(c) for c in schema.columns)})


def _mistakes(schema: Schema) -> list[tuple[Place, Text]]:
    found: list[tuple[Place, Text]] = []
    if not schema.columns:
        found.append((("columns",), Text("there is no column", "没有任何列")))
    seen: dict[str, int] = {}
    for i, column in enumerate(schema.columns):
        at: Place = ("columns", i)
        folded = column.name.casefold()
        if not column.name.strip() or not column.name.isprintable() or column.name != column.name.strip():
            found.append(((*at, "name"), Text("a column needs a name of visible characters", "列名必须由可见字符组成")))
        if folded in seen:
            found.append(((*at, "name"), Text(f"column '{column.name}' is there twice", f"列“{column.name}”重复")))
        seen[folded] = i
        found += [((*at, key), said) for key, said in _level_mistakes(column)]
    return found


def _level_mistakes(column: Column) -> Iterator[tuple[str, Text]]:
    name, levels = column.name, column.levels
    if levels is None:
        if column.type == "category":
            yield "type", Text(f"category '{name}' needs levels: what it may hold", f"分类列“{name}”必须给出 levels")
        return
    if column.type not in ("category", "integer"):
        yield (
            "levels",
            Text(
                f"'{name}' is {column.type}: only category and integer have levels",
                f"“{name}”的类型是 {column.type}：只有 category 和 integer 可有 levels",
            ),
        )
    elif column.type == "integer" and not all(isinstance(x, int) for x in levels):
        yield "levels", Text(f"the levels of '{name}' must be whole numbers", f"“{name}”的 levels 必须是整数")
    texts = [str(x) for x in levels]
    if len(set(texts)) < len(texts):
        yield "levels", Text(f"a level of '{name}' is there twice", f"“{name}”的 levels 有重复")
    if any(not x or x != x.strip(BLANKS) for x in texts):
        yield (
            "levels",
            Text(f"a level of '{name}' is empty or has blanks around it", f"“{name}”的某个 level 为空或首尾有空格"),
        )


def _tidy(column: Column) -> Column:
    if column.type != "category" or column.levels is None:
        return column
    return column.model_copy(update={"levels": tuple(str(x) for x in column.levels)})


class _Flow(list[Any]):
    pass


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _flow(dumper: yaml.SafeDumper, data: _Flow) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)


def _text(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
    """Text that begins like a number, or could be read as one somewhere, is quoted."""
    plain = data[:1].isalpha() and data.isprintable()
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=None if plain else '"')


_Dumper.add_representer(_Flow, _flow)
_Dumper.add_representer(str, _text)
