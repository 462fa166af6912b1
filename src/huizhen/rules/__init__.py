"""The rules: one file, one legal or house rule with its cases. A file `x.py` with `RULE` is found by being here."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from huizhen.model.grant import Reason
from huizhen.model.rule import About, Case, Rule


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__)))


@cache
def all_rules() -> tuple[Rule[Any], ...]:
    """Every rule, in order of file name."""
    return tuple(importlib.import_module(f"{__name__}.{name}").RULE for name in names())


def ask(about: About, facts: Any) -> tuple[Reason, ...]:
    """What every rule about this answers, in order of file name; those that do not apply say nothing."""
    answers = (rule.ask(facts) for rule in all_rules() if rule.about == about)
    return tuple(answer for answer in answers if answer is not None)


def cases(name: str) -> tuple[Case[Any], ...]:
    found: tuple[Case[Any], ...] = importlib.import_module(f"{__name__}.{name}").CASES
    return found
