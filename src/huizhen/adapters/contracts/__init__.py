"""The contracts as they are compiled: `NAME.vy` is the source, `NAME.json` what the compiler named there makes of it.

`make contracts` compiles anew; a test holds that the compiler gives these very bytes, for EVM version `paris`, which
consortium chains run.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

NAMES = ("anchors", "splitter")


class Contract(NamedTuple):
    """`runtime` is the code that lies at an address, before the immutable values that are written behind it."""

    name: str
    compiler: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime: bytes


@cache
def load(name: str) -> Contract:
    """The contract of this name."""
    found = json.loads((files(__name__) / f"{name}.json").read_text(encoding="utf-8"))
    code = {key: bytes.fromhex(found[key].removeprefix("0x")) for key in ("bytecode", "runtime")}
    return Contract(name, found["compiler"], found["abi"], **code)
