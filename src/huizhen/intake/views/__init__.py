"""The views that come with Huizhen: one ViewDefinition a file, by its name."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text, did_you_mean

_HERE = Path(__file__).parent


@cache
def names() -> tuple[str, ...]:
    """In the order of the alphabet."""
    return tuple(sorted(path.stem for path in _HERE.glob("*.json")))


def definition(name: str) -> dict[str, Any]:
    """The ViewDefinition of that name, as JSON. Raises NotFound."""
    if name not in names():
        hint = did_you_mean(name, names())
        raise NotFound(
            "no-such-view",
            Text(f"There is no view '{name}'{hint.en}.", f"没有视图“{name}”{hint.zh}。"),
            Text(f"There are: {', '.join(names())}; or name a file that ends in .json.",
                 f"可用的视图：{'、'.join(names())}；也可给出以 .json 结尾的文件。"),
        )  # fmt: skip
    found: dict[str, Any] = json.loads((_HERE / f"{name}.json").read_text(encoding="utf-8"))
    return found
