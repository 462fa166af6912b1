"""The floors of the house: imports go downward only, and only the node's runner and agent reach patient rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from architecture.source import ROOT, SOURCE

CONTRACTS = (ROOT / ".importlinter").read_text(encoding="utf-8")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on the package in `folder`/src, under this project's contracts."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder / 'src')!r}); "
        "from importlinter.cli import lint_imports; "
        f"sys.exit(lint_imports(config_filename={str(ROOT / '.importlinter')!r}, no_cache=True))"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def test_every_contract_is_kept() -> None:
    found = lint(ROOT)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("kit/clock.py", "import huizhen.model.study", "Import downward only"),
        ("node/check.py", "import huizhen.hub.hub", "Import downward only"),
        ("methods/count.py", "import huizhen.methods.pca", "Methods do not import each other"),
        ("path/settle.py", "import sqlite3", "No database, web, socket or subprocess"),
        ("ledger/proof.py", "import socket", "No database, web, socket or subprocess"),
        ("hub/hub.py", "import huizhen.adapters.rows", "modules that read rows"),
    ],
)
def test_a_wall_knocked_through_is_found(tmp_path: Path, module: str, line: str, contract: str) -> None:
    package = tmp_path / "src" / "huizhen"
    for file in SOURCE.rglob("*.py"):
        copy = package / file.relative_to(SOURCE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    with (package / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    found = lint(tmp_path)
    assert found.returncode == 1, found.stdout
    broken = [x for x in found.stdout.splitlines() if " BROKEN" in x]
    assert any(contract in x for x in broken), found.stdout


def test_no_floor_is_left_out_of_the_contracts() -> None:
    folders = {f.name for f in SOURCE.iterdir() if f.is_dir() and f.name != "__pycache__"}
    named = set(CONTRACTS.replace("|", " ").replace("(", " ").replace(")", " ").split())
    assert folders <= named
