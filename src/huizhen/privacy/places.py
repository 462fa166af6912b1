"""Places in a result: find the figures at a path, and write a copy in which some of them are replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.result import Path


def mismatch(why: Text) -> Refused:
    """A method that says one thing about its result and does another cannot be protected: nothing is released."""
    return Refused(
        "exposure-mismatch",
        Text(
            f"The method's result does not hold what its exposures say: {why.en}.", f"方法结果与其声明不符：{why.zh}。"
        ),
        Text("This is a fault of the method: report it to its author.", "这是方法本身的缺陷：请联系方法作者。"),
    )


def dotted(path: Path) -> str:
    return ".".join(str(step) for step in path)


def at(values: Any, path: Path) -> Any:
    """The value at `path`. Raises Refused(exposure-mismatch) where there is none."""
    for step in path:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            raise mismatch(Text(f"there is nothing at {dotted(path)}", f"{dotted(path)} 处没有内容")) from None
    return values


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every figure of nested lists with its place, in order; a single figure is its own leaf."""
    if isinstance(value, list):
        for i, part in enumerate(value):
            yield from leaves(part, (*path, i))
    else:
        yield path, value


def figures(value: Any) -> Iterator[int | float]:
    """Every number in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from figures(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def copied(value: Any) -> Any:
    """A JSON value of which nothing is shared with the original."""
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [copied(part) for part in value]
    return value


def replaced(values: dict[str, Any], new: Mapping[Path, Any]) -> dict[str, Any]:
    """A copy of `values` with `new` written at its places. Raises Refused(exposure-mismatch) for an unknown place."""
    fresh: dict[str, Any] = copied(values)
    for path, value in new.items():
        if not path:
            raise mismatch(Text("a path is empty", "路径为空"))
        at(fresh, path)
        at(fresh, path[:-1])[path[-1]] = value
    return fresh
