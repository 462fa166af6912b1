"""The methods: one file, one method. A file `x.py` with `METHOD` is found by being here."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from functools import cache
from pathlib import Path

from huizhen import statistics
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.method import Method


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__)))


@cache
def find(name: str) -> type[Method]:
    """The method of that name. Raises BadInput, naming those there are."""
    if name not in names():
        raise BadInput(
            "unknown-method",
            Text(f"There is no method '{name}'.", f"没有名为“{name}”的方法。"),
            Text(f"The methods are: {', '.join(names())}.", f"可用的方法：{'、'.join(names())}。"),
        )
    method: type[Method] = importlib.import_module(f"{__name__}.{name}").METHOD
    return method


@cache
def code(name: str) -> str:
    """SHA-256 of the method's source and of the statistics it rests on: a hospital approves this code and no other."""
    folders = [Path(statistics.__path__[0]), *(Path(__path__[0]).parent / folder for folder in find(name).rests_on)]
    files = [Path(__path__[0]) / f"{name}.py", *(f for folder in folders for f in sorted(folder.glob("*.py")))]
    digests = [f"{f.name} {hashlib.sha256(f.read_bytes()).hexdigest()}" for f in files]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
