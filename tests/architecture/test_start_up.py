"""What programs start with: what only some studies need is loaded when one of these comes, or every start of every
program, on every hospital's machine, would pay for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SELDOM = ("scipy", "formulaic", "pandas", "narwhals", "sqlglot", "numba", "sklearn", "torch", "reportlab")
PROGRAMS = {
    "huizhen": ("huizhen.cli", ("numpy", "pyarrow", "sqlalchemy", "fastapi", "pydantic", "duckdb")),
    "node run": ("huizhen.node.service", ("sqlalchemy", "fastapi", "duckdb")),
    "hub serve": ("huizhen.hub.server", ("duckdb",)),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_starts_without_what_it_may_never_need(program: str) -> None:
    module, more = PROGRAMS[program]
    told = f"import sys, {module}; print(*sorted({{m.partition('.')[0] for m in sys.modules}} & {set(SELDOM + more)}))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_is_loaded_later_is_the_module_itself() -> None:
    import json

    from huizhen.kit.later import later

    stands = later("json")
    assert stands.dumps is json.dumps
    with pytest.raises(AttributeError):
        stands.there_is_no_such_thing  # noqa: B018
