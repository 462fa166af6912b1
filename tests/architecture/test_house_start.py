"""A command that only looks something up starts at once: it does not load what computing, reading and drawing need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from huizhen.hub.hub import Hub
from huizhen.model.settings import RegionSettings

HEAVY = (
    "alembic", "charset_normalizer", "dp_accounting", "duckdb", "formulaic", "jinja2", "numpy", "opendp", "pandas",
    "pyarrow", "scipy", "sqlglot",
)  # fmt: skip
FOR_A_STORE = ("cryptography", "pydantic", "sqlalchemy")
LOADED = """
import sys
from huizhen.cli import app
try:
    app(sys.argv[1:], standalone_mode=False)
except SystemExit:
    pass
sys.stderr.write("\\n".join(sys.modules))
"""


def loaded(*words: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in ran.stderr.splitlines()}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("region")
    Hub.create(folder / "r" / "hub", RegionSettings()).close()
    return folder / "r"


def test_help_loads_no_library_but_the_terminals():
    found = loaded("--help")
    assert "typer" in found
    assert not found & {*HEAVY, *FOR_A_STORE}


@pytest.mark.parametrize("words", ["study list", "ledger list", "money statement --party operator"])
def test_looking_something_up_loads_the_store_and_no_more(words: str, region: Path):
    found = loaded(*words.split(), "--region", str(region))
    assert "sqlalchemy" in found
    assert not found & set(HEAVY)


def test_showing_a_study_loads_no_method(region: Path):
    assert not loaded("study", "show", "st-0", "--region", str(region)) & set(HEAVY)
