"""The few pieces of Markdown that the reference is made of."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from typing import Any

from huizhen.kit.text import Text


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table, or nothing where there is no row."""
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(_cell(c) for c in line) + " |\n" for line in lines) + "\n"


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ").strip()


def both(text: Text) -> str:
    """English, then Chinese on its own line."""
    return f"{_plain(text.en)}  \n{_plain(text.zh)}\n\n"


def _plain(text: str) -> str:
    return text.replace("<", "&lt;")


def code(text: object) -> str:
    """As code, whatever it holds."""
    return f"`{text}`" if str(text) else ""


def paragraphs(docstring: str | None) -> str:
    """A docstring as it is read: lines joined into paragraphs, indented blocks kept as they stand."""
    blocks = inspect.cleandoc(docstring or "").split("\n\n")
    kept = [f"```text\n{textwrap.dedent(b)}\n```" if b.startswith(" ") else " ".join(b.split()) for b in blocks]
    return "\n\n".join(kept) + "\n\n"


def field_texts(kind: type) -> dict[str, str]:
    """The string below each field of a class, as written in its source; those of its bases come first."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith("huizhen"):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(tree, ast.ClassDef)
        for field, below in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(below):
                found[field.target.id] = " ".join(below.value.value.split())  # type: ignore[attr-defined]
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
