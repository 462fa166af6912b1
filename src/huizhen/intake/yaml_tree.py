"""YAML as plain values with the line of each: the unambiguous part of YAML, where `no`, `007` and dates stay text.

Plain scalars are read as YAML 1.2's core schema reads them, without leading zeros, octal and infinities. Anchors,
aliases, tags, repeated keys and second documents are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from huizhen.intake import encoding as encodings
from huizhen.intake.format import check_file
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

LIMIT_BYTES = 1 << 20
LIMIT_DEPTH = 24
_WHOLE = re.compile(r"-?(0|[1-9]\d*)")
_NUMBER = re.compile(r"-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

Place = tuple[str | int, ...]


class Tree(NamedTuple):
    """`value` is made of dict, list, str, int, float, bool and None; `lines` has the line of each key and item."""

    name: str
    value: Any
    lines: dict[Place, int]

    def part(self, place: Place) -> Any:
        """What stands there; KeyError or IndexError where there is no such place."""
        value = self.value
        for step in place:
            value = value[step]
        return value

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def where(self, place: Place) -> Text:
        """'cox.yaml line 3'; for what was built in a program, and has no lines, 'params.formula'."""
        if self.lines:
            line = self.line(place)
            return Text(f"{self.name} line {line}", f"{self.name} 第 {line} 行")
        named = dotted(place) or self.name
        return Text(named, named)


def dotted(place: Place) -> str:
    """('columns', 2, 'type') -> 'columns[3].type': people count from one."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def load(path: Path) -> Tree:
    """A YAML file as a tree. Raises NotFound, or BadInput with the line, for anything but one plain document."""
    check_file(path)
    if path.stat().st_size > LIMIT_BYTES:
        raise complaint(path.name, 1, "is longer than a megabyte", "超过 1 MB")
    return parse(path.read_bytes().decode(encodings.recognise(path)), path.name)


def parse(text: str, name: str) -> Tree:
    """YAML text as a tree; `name` is what messages call it."""
    lines: dict[Place, int] = {}
    events = _events(text, name)
    value = _build(next(events), events, (), lines, name)
    if value is not None and not isinstance(next(events), yaml.StreamEndEvent):
        raise complaint(name, max(lines.values(), default=1) + 1, "a second document begins", "出现第二个文档")
    return Tree(name, value, lines)


def complaint(name: str, line: int, en: str, zh: str) -> BadInput:
    return BadInput(
        "bad-yaml",
        Text(f"{name} line {line}: {en}.", f"{name} 第 {line} 行：{zh}。"),
        Text("Correct the line.", "请修改该行。"),
    )


def _events(text: str, name: str) -> Iterator[yaml.Event]:
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent) and not (
                isinstance(event, yaml.DocumentStartEvent) and not event.explicit
            ):
                yield event
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or "not YAML"
        raise complaint(name, mark.line + 1 if mark else 1, problem, f"不是有效的 YAML（{problem}）") from None
    except yaml.YAMLError:
        raise complaint(name, 1, "holds a character that YAML does not allow", "含有 YAML 不允许的字符") from None


def _build(event: yaml.Event, events: Iterator[yaml.Event], at: Place, lines: dict[Place, int], name: str) -> Any:
    line = _line(event)
    lines.setdefault(at, line)
    if isinstance(event, yaml.StreamEndEvent):
        return None
    if len(at) > LIMIT_DEPTH:
        raise complaint(name, line, "is nested too deeply", "嵌套过深")
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
        raise complaint(
            name,
            line,
            "anchors (&), aliases (*) and tags (!) are not allowed; quote the text",
            "不允许锚点（&）、引用（*）和标签（!）；文本请加引号",
        )
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, name)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_build(event, events, (*at, len(items)), lines, name))
        return items
    return _mapping(events, at, lines, name)


def _mapping(events: Iterator[yaml.Event], at: Place, lines: dict[Place, int], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        line = _line(event)
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag or not event.value:
            raise complaint(name, line, "a key must be one word", "键必须是一个词")
        if event.value in found:
            raise complaint(name, line, f"key '{event.value}' is there twice", f"键“{event.value}”重复")
        lines[(*at, event.value)] = line
        found[event.value] = _build(next(events), events, (*at, event.value), lines, name)
    return found


def _scalar(event: yaml.ScalarEvent, name: str) -> Any:
    text = event.value
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        if len(text) > 20 or abs(int(text)) >= 2**53:
            raise complaint(
                name,
                _line(event),
                "a number is too large; quote it to make it text",
                "数字过大；若是文本请加引号",
            )
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
