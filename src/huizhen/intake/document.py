"""Reads a central type from YAML: every mistake at once, each with its line, what was meant, and what is allowed."""

from __future__ import annotations

from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from huizhen.intake.yaml_tree import Place, Tree, dotted, load
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.document import Document

D = TypeVar("D", bound=Document)

_SHOWN = 20


def read_yaml(path: Path, kind: type[D]) -> D:
    """The document in a YAML file. Raises NotFound, or BadInput that names every mistake with its line."""
    return as_document(load(path), kind)


def as_document(tree: Tree, kind: type[D], at: Place = ()) -> D:
    """The part of a tree that stands `at` a place (all of it) as a document, strictly: unknown keys are refused and
    nothing is coerced."""
    value = tree.part(at)
    if not isinstance(value, dict):
        raise refused(tree, [(at, Text(f"there must be {_listed(kind).en}", f"必须是{_listed(kind).zh}"))])
    try:
        return kind.read(value)
    except ValidationError as error:
        raise refused(tree, _mistakes(error.errors(include_url=False), value, kind, at)) from None


def refused(tree: Tree, mistakes: list[tuple[Place, Text]]) -> BadInput:
    """One error that lists mistakes in the order of their lines."""
    ordered = sorted(dict.fromkeys((tree.line(place), said, tree.where(place)) for place, said in mistakes))
    shown = ordered[:_SHOWN]
    en = [f"{where.en}: {said.en}." for _, said, where in shown]
    zh = [f"{where.zh}：{said.zh}。" for _, said, where in shown]
    if len(ordered) > _SHOWN:
        en.append(f"And {len(ordered) - _SHOWN} more.")
        zh.append(f"另有 {len(ordered) - _SHOWN} 处。")
    return BadInput(
        "bad-document",
        Text("\n".join(en), "\n".join(zh)),
        Text("Correct the lines named above.", "请修改以上各行。")
        if tree.lines
        else Text("Correct what is named above.", "请修改以上各处。"),
    )


def _mistakes(errors: list[ErrorDetails], value: Any, kind: type[Document], at: Place) -> list[tuple[Place, Text]]:
    found: list[tuple[Place, Text]] = []
    wrong: dict[Place, Text] = {}
    for error in errors:
        inside, annotation, metadata = _locate(error["loc"], value, kind)
        place = (*at, *inside)
        if error["type"] == "extra_forbidden":
            key = str(place[-1])
            keys = _keys(annotation)
            hint = did_you_mean(key, keys)
            en, zh = ", ".join(keys), "、".join(keys)
            found.append(
                (place, Text(f"unknown key '{key}'{hint.en}; allowed: {en}", f"未知的键“{key}”{hint.zh}；可用：{zh}"))
            )
        elif error["type"] == "missing" and isinstance(error["loc"][-1], str):
            key = str(error["loc"][-1])
            name = dotted((*at, key)) if at else key
            found.append((place, Text(f"key '{name}' is missing", f"缺少键“{name}”")))
        else:
            must, name = _expected(annotation, metadata), dotted(place)
            wrong[place] = Text(f"'{name}' must be {must.en}", f"“{name}”必须是{must.zh}")
    deepest = [p for p in wrong if not any(q != p and q[: len(p)] == p for q in wrong)]
    return [*found, *((place, wrong[place]) for place in deepest)]


def _locate(loc: tuple[str | int, ...], value: Any, kind: Any) -> tuple[Place, Any, tuple[Any, ...]]:
    """The place in the file that pydantic speaks of, and the annotation that rules there.

    Parts of `loc` that are not in the file are names of union members; they are passed over. For an unknown key the
    annotation is that of the mapping around it.
    """
    place: Place = ()
    metadata: tuple[Any, ...] = ()
    for part in loc:
        if isinstance(value, list) and isinstance(part, int) and part >= len(value):
            break  # the list is too short: the mistake is the list's
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int)
        if not inside:
            continue
        place, value = (*place, part), value[part]
        kind, metadata = _step(kind, part) or (kind, ())
    return place, kind, metadata


def _step(kind: Any, part: str | int) -> tuple[Any, tuple[Any, ...]] | None:
    for member in _members(kind):
        if _is_document(member) and part in member.model_fields:
            field = member.model_fields[part]
            return field.annotation, tuple(field.metadata)
        if get_origin(member) in (tuple, list) and isinstance(part, int):
            return _bare(get_args(member)[0])
        if get_origin(member) is dict and isinstance(part, str):
            return get_args(member)[1], ()
    return None


def _keys(kind: Any) -> tuple[str, ...]:
    return next((tuple(m.model_fields) for m in _members(kind) if _is_document(m)), ())


def _is_document(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Document)


def _members(kind: Any) -> tuple[Any, ...]:
    kind = _bare(kind)[0]
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _bare(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """What an Annotated type annotates, and the limits that it adds."""
    if get_origin(kind) is not Annotated:
        return kind, ()
    inner, *limits = get_args(kind)
    flat = [one for limit in limits for one in getattr(limit, "metadata", (limit,))]
    return inner, tuple(flat)


def _listed(kind: Any) -> Text:
    keys = _keys(kind)
    return Text(f"keys with values: {', '.join(keys)}", f"键值对：{'、'.join(keys)}")


_PLAIN = {
    str: Text("text", "文本"),
    int: Text("a whole number", "整数"),
    float: Text("a number", "数值"),
    bool: Text("true or false", "true 或 false"),
    NoneType: Text("left empty", "留空"),
    dict: Text("keys with values", "键值对"),
}
_FORMS = {
    "^[A-Za-z0-9][A-Za-z0-9._-]*$": Text(
        "of letters (A to Z), digits, dots, hyphens and underscores, beginning with a letter or digit",
        "由英文字母、数字、点、连字符和下划线组成，以字母或数字开头",
    ),
    r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$": Text(
        "two times of day such as 20:00-06:00", "两个时刻，例如 20:00-06:00"
    ),
    "^[a-z][a-z0-9-]{0,62}$": Text("of small letters, digits and hyphens", "由小写字母、数字和连字符组成"),
    r"^\d{4}-\d{2}-\d{2}$": Text("a date such as 2026-11-28", "日期，例如 2026-11-28"),
    "^[A-Z]{2}$": Text("a country in two capitals, such as CN", "国家或地区的两位大写代码，例如 CN"),
}
"""Patterns in words; one that is not here is shown as it is."""
_BOUNDS = (
    ("ge", Text("at least", "不小于")),
    ("gt", Text("greater than", "大于")),
    ("le", Text("at most", "不大于")),
    ("lt", Text("less than", "小于")),
)


def _expected(kind: Any, metadata: tuple[Any, ...] = ()) -> Text:
    """What an annotation allows, in words."""
    kind, more = _bare(kind)
    metadata = (*metadata, *more)
    parts = [_expected(m) if get_origin(m) is Annotated else _one(m) for m in _members(kind)]
    en, zh = " or ".join(p.en for p in parts), "或".join(p.zh for p in parts)
    for limit in metadata:
        for attribute, words in _BOUNDS:
            bound = getattr(limit, attribute, None)
            if bound is not None:
                en, zh = f"{en}, {words.en} {bound}", f"{zh}，{words.zh} {bound}"
        if getattr(limit, "min_length", None):
            en, zh = f"{en}, not empty", f"{zh}，不能为空"
        if getattr(limit, "pattern", None):
            form = _FORMS.get(limit.pattern, Text(f"of the form {limit.pattern}", f"格式为 {limit.pattern}"))
            en, zh = f"{en}, {form.en}", f"{zh}，{form.zh}"
    return Text(en, zh)


def _one(kind: Any) -> Text:
    if get_origin(kind) is Literal:
        options = [str(option) for option in get_args(kind)]
        many = len(options) > 1
        return Text(("one of " if many else "") + ", ".join(options), "、".join(options) + ("之一" if many else ""))
    if get_origin(kind) in (tuple, list):
        inner = _expected(get_args(kind)[0])
        if get_origin(kind) is tuple and Ellipsis not in get_args(kind):
            n = len(get_args(kind))
            return Text(f"a list of {n}, each {inner.en}", f"含 {n} 项的列表，每项为{inner.zh}")
        return Text(f"a list, each {inner.en}", f"列表，每项为{inner.zh}")
    if _is_document(kind):
        return _listed(kind)
    return _PLAIN.get(get_origin(kind) or kind, Text("a plain value", "普通值"))
