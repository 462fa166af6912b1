"""Modules that are loaded when something of them is first used, so that a program which does not need them starts
without them: half a second of processor for `scipy.stats` is more than everything else a node does before it listens.

Written so that readers, types and the import floors see the import as it is:

    if TYPE_CHECKING:
        from scipy import special
    else:
        special = later("scipy.special")
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self.__name__), name)
        setattr(self, name, found)
        return found


def later(name: str) -> Any:
    """Stands for the module of that name, and loads it when something of it is asked for."""
    return _Later(name)
