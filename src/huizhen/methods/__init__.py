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

_PACKAGE = Path(statistics.__path__[0]).parent


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
    """SHA-256 of the method's source and of what it rests on: a hospital approves this code and no other."""
    own, *others = sources(name)
    files = {own: Path(__path__[0]) / f"{name}.py", **{path: _PACKAGE / path for path in others}}
    digests = [f"{path} {hashlib.sha256(file.read_bytes()).hexdigest()}" for path, file in files.items()]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


@cache
def sources(name: str) -> tuple[str, ...]:
    """The files whose code a method is, by their place in the package: its own, all of `statistics`, and what it says
    it rests on."""
    patterns = [p if p.endswith(".py") else f"{p}/*.py" for p in ("statistics", *find(name).rests_on)]
    found = {str(f.relative_to(_PACKAGE)) for pattern in patterns for f in _PACKAGE.glob(pattern)}
    return (f"methods/{name}.py", *sorted(found))
