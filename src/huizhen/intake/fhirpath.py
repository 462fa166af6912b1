"""The part of FHIRPath that the shareable views of SQL on FHIR v2 use, read into a tree.

Source: FHIRPath 2.0 (https://hl7.org/fhirpath/), the subset of the ShareableViewDefinition profile of SQL on FHIR v2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

LIMIT_LENGTH, LIMIT_DEPTH = 2_000, 40


@dataclass(frozen=True)
class Literal:
    """A string, a number, true or false, or a date or time as it is written (`moment`)."""

    value: str | int | float | bool
    moment: bool = False


@dataclass(frozen=True)
class This:
    """`$this`, and what every path begins from."""


@dataclass(frozen=True)
class Constant:
    """`%name`."""

    name: str


@dataclass(frozen=True)
class Step:
    """`of.name`."""

    of: Node
    name: str


@dataclass(frozen=True)
class Index:
    """`of[number]`."""

    of: Node
    number: Node


@dataclass(frozen=True)
class Call:
    """`of.name(arguments)`."""

    of: Node
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Both:
    """`left operator right`."""

    operator: str
    left: Node
    right: Node


Node = Literal | This | Constant | Step | Index | Call | Both

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^'\\]|\\.)*')
    | @(?P<moment>T?\d[\dT:.+Z-]*)
    | (?P<number>\d+(?:\.\d+)?)
    | %(?P<constant>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<this>\$this\b)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*|`[A-Za-z_][A-Za-z0-9_]*`)
    | (?P<sign><=|>=|!=|[=<>+\-*/.,()\[\]])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("or", "xor"), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"),
)  # fmt: skip
"""Operators from those that bind least to those that bind most."""


def refused(path: str, at: int, en: str, zh: str) -> BadInput:
    """A path is the view's own text, never a record's."""
    shown = path if len(path) <= 80 else path[:77] + "..."
    return BadInput(
        "bad-fhirpath",
        Text(f"The path '{shown}' cannot be used: {en}, at character {at + 1}.",
             f"无法使用路径“{shown}”：{zh}（第 {at + 1} 个字符）。"),
        Text("Use the FHIRPath of shareable views: elements, [n], where, exists, empty, first, join, ofType, "
             "extension, getResourceKey, getReferenceKey, and, or, not, comparisons and arithmetic.",
             "请使用可共享视图的 FHIRPath：元素、[n]、where、exists、empty、first、join、ofType、extension、"
             "getResourceKey、getReferenceKey、and、or、not、比较与四则运算。"),
    )  # fmt: skip


def parse(path: str) -> Node:
    """The tree of a path. Raises BadInput("bad-fhirpath")."""
    if len(path) > LIMIT_LENGTH:
        raise refused(path, LIMIT_LENGTH, f"longer than {LIMIT_LENGTH} characters", f"超过 {LIMIT_LENGTH} 个字符")
    reader = _Reader(path)
    found = reader.operators(0, 0)
    if reader.kind != "end":
        raise reader.wrong()
    return found


class _Reader:
    """One token at a time: `kind`, `text`, and `at`, where it begins."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._next = 0
        self.kind = self.text = ""
        self.at = 0
        self.advance()

    def advance(self) -> None:
        rest = self.path[self._next :]
        self.at = self._next + len(rest) - len(rest.lstrip())
        if not rest.strip():
            self.kind, self.text = "end", ""
            return
        found = _TOKEN.match(self.path, self._next)
        if found is None:
            raise refused(self.path, self.at, "this is not understood", "无法识别")
        self._next = found.end()
        self.kind = found.lastgroup or ""
        self.text = found.group(self.kind)

    def wrong(self) -> BadInput:
        return refused(self.path, self.at, "this is not expected here", "此处不应出现")

    def take(self, sign: str) -> None:
        if self.kind != "sign" or self.text != sign:
            raise self.wrong()
        self.advance()

    def is_sign(self, sign: str) -> bool:
        return self.kind == "sign" and self.text == sign

    def operators(self, level: int, depth: int) -> Node:
        """What stands between operators of this level."""
        if depth > LIMIT_DEPTH:
            raise refused(self.path, self.at, f"nested deeper than {LIMIT_DEPTH}", f"嵌套超过 {LIMIT_DEPTH} 层")
        if level == len(_LEVELS):
            return self.term(depth)
        left = self.operators(level + 1, depth)
        while self.kind in ("sign", "name") and self.text in _LEVELS[level]:
            sign = self.text
            self.advance()
            left = Both(sign, left, self.operators(level + 1, depth))
        return left

    def term(self, depth: int) -> Node:
        if self.is_sign("-") or self.is_sign("+"):
            sign = self.text
            self.advance()
            one = self.term(depth + 1)
            return Both(sign, Literal(0), one)
        found = self.first(depth)
        while True:
            if self.is_sign("."):
                self.advance()
                found = self.named(found, depth)
            elif self.is_sign("["):
                self.advance()
                number = self.operators(0, depth + 1)
                self.take("]")
                found = Index(found, number)
            else:
                return found

    def first(self, depth: int) -> Node:  # noqa: PLR0911 - one per kind of token
        kind, text = self.kind, self.text
        if kind == "name":
            if text in ("true", "false"):
                self.advance()
                return Literal(text == "true")
            return self.named(This(), depth)
        if self.is_sign("("):
            self.advance()
            inner = self.operators(0, depth + 1)
            self.take(")")
            return inner
        if kind not in ("string", "moment", "number", "constant", "this"):
            raise self.wrong()
        self.advance()
        if kind == "string":
            return Literal(re.sub(r"\\u([0-9a-fA-F]{4})|\\(.)", _unescape, text[1:-1], flags=re.S))
        if kind == "moment":
            return Literal(text.removeprefix("T"), moment=True)
        if kind == "number":
            return Literal(float(text) if "." in text else int(text))
        return Constant(text) if kind == "constant" else This()

    def named(self, of: Node, depth: int) -> Node:
        """An element or a function of what stands before."""
        if self.kind != "name":
            raise self.wrong()
        name = self.text.strip("`")
        self.advance()
        if not self.is_sign("("):
            return Step(of, name)
        self.advance()
        arguments: list[Node] = []
        while not self.is_sign(")"):
            if arguments:
                self.take(",")
            arguments.append(self.operators(0, depth + 1))
        self.advance()
        return Call(of, name, tuple(arguments))


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2])
