"""Every error that the source can raise, read from its syntax: code, class, message and remedy as they are written."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

import huizhen
from huizhen.kit import errors
from huizhen.kit.text import Text

SOURCE = Path(huizhen.__file__).parent
CLASSES = {c.__name__: c for c in errors.HuizhenError.__subclasses__() if c.__module__ == errors.__name__}


@dataclass(frozen=True)
class Raised:
    """One place where an error is made. Placeholders in a message stand in braces."""

    code: str
    kind: str
    place: str
    """File below src/huizhen, and line."""
    what: Text | None
    """None where the message is built elsewhere."""
    remedy: Text | None


@cache
def raised() -> tuple[Raised, ...]:
    """All of them, in order of code and place."""
    found = [r for path in sorted(SOURCE.rglob("*.py")) for r in _in_file(path)]
    return tuple(sorted(found, key=lambda r: (r.code, r.place)))


def _in_file(path: Path) -> Iterator[Raised]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    makers = {**{name: (name, 0) for name in CLASSES}, **_subclasses(tree)}
    makers |= _wrappers(tree, makers)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers:
            kind, position = makers[node.func.id]
            given = _argument(node, position)
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                what, remedy = [*_texts(node, position), None, None][:2]
                yield Raised(given.value, kind, f"{path.relative_to(SOURCE).as_posix()}:{node.lineno}", what, remedy)


def _subclasses(tree: ast.Module) -> dict[str, tuple[str, int]]:
    """Classes in this file that stand for one of the tree's."""
    return {
        node.name: (base.id, 0)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name) and base.id in CLASSES
    }


def _wrappers(tree: ast.Module, makers: dict[str, tuple[str, int]]) -> dict[str, tuple[str, int]]:
    """Functions that hand their argument `code` on to an error: name -> (class, position of the argument)."""
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in makers:
                given = _argument(call, 0)
                if isinstance(given, ast.Name) and given.id == "code" and "code" in names:
                    found[node.name] = (makers[call.func.id][0], names.index("code"))
    return found


def _argument(call: ast.Call, position: int) -> ast.expr | None:
    named = next((k.value for k in call.keywords if k.arg == "code"), None)
    return named or (call.args[position] if len(call.args) > position else None)


def _texts(call: ast.Call, position: int) -> list[Text]:
    """The texts that are written in a call, in order: `Text(en, zh)`, or en and zh right behind the code."""
    pair = call.args[position + 1 : position + 3]
    bare = [Text(*map(written, pair))] if len(pair) == 2 and all(map(_is_string, pair)) else []
    return bare + [Text(*map(written, node.args)) for node in ast.walk(call) if is_text(node)]


def _is_string(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def is_text(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether this is a `Text(en, zh)`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Text"
        and len(node.args) == 2
    )


def written(node: ast.expr) -> str:
    """A string as it is written, each placeholder as its expression in braces where that is a name, else as '...'."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(written(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return "{" + (ast.unparse(node.value) if isinstance(node.value, ast.Name | ast.Attribute) else "...") + "}"
    if isinstance(node, ast.BinOp):
        return written(node.left) + written(node.right)
    return "{...}"
