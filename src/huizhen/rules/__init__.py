"""The rules: one file, one legal or house rule with its cases. A file `x.py` with `RULE` is found by being here."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from huizhen.model.rule import Case, Rule


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__)))


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, in order of file name."""
    return tuple(importlib.import_module(f"{__name__}.{name}").RULE for name in names())


def cases(name: str) -> tuple[Case, ...]:
    found: tuple[Case, ...] = importlib.import_module(f"{__name__}.{name}").CASES
    return found
