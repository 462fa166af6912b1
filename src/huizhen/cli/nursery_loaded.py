"""What `nursery` loads before it forks: the commands, put together, and what nodes and witnesses need for a study."""

from __future__ import annotations

import duckdb  # noqa: F401
import formulaic  # noqa: F401
import scipy.special  # noqa: F401
import typer
from sqlglot import exp  # noqa: F401

import huizhen.node.service
import huizhen.witness.witness  # noqa: F401
from huizhen import methods
from huizhen.cli import app
from huizhen.intake import cohort  # noqa: F401

_PROGRAM = typer.main.get_command(app)
for _name in ("count", "glm", "cox"):
    methods.find(_name)


def command(words: list[str]) -> int:
    """Run one command in this process; its exit code."""
    return int(_PROGRAM.main(words, standalone_mode=False))
