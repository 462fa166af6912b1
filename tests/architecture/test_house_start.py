"""A command that only looks something up starts at once: it does not load what computing, reading and drawing need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from huizhen.cli import _asked, app
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


def test_the_program_puts_together_what_is_named_and_no_more():
    """Every word that there is, also behind a language; all of it where none is named."""
    named = {c.name for c in app.registered_commands} | {g.name for g in app.registered_groups}
    assert None not in named and len(named) == len(app.registered_commands) + len(app.registered_groups)
    for name in named:
        for words in ([str(name), "--help"], ["--lang", "zh", str(name)], ["--lang=zh", str(name), "x"]):
            one = _asked(words)
            assert [x.name for x in (*one.registered_commands, *one.registered_groups)] == [name]
            assert one.registered_callback is app.registered_callback and one.info is app.info
    for other in ([], ["--help"], ["nothing"], ["--version", "ledger"], ["--lang"], ["--lang", "zh"]):
        assert _asked(other) is app


def test_anonymising_a_file_loads_what_it_needs_and_no_more(tmp_path: Path):
    """Neither statistics nor methods where nobody asked for them; what was kept from numba can be had afterwards."""
    (tmp_path / "in.csv").write_text("age,sex\n" + "1,f\n2,m\n" * 20, encoding="utf-8")
    words = ["anonymize", str(tmp_path / "in.csv"), "--out", str(tmp_path / "out.csv"), "--qi", "age,sex"]
    code = LOADED + "assert 'scipy.linalg' not in sys.modules\nimport scipy.linalg.cython_blas\n"
    ran = subprocess.run(
        [sys.executable, "-c", code, *words, "--no-attacks", "--no-measures"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "huizhen.adapters.anonymised" in ran.stderr and "40 rows" in ran.stdout
    assert not {"scipy.stats", "scipy.linalg", "huizhen.methods", "pandas"} & set(ran.stderr.splitlines())
