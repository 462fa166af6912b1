"""The source as the architecture tests read it: files, syntax trees, what git tracks."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "huizhen"


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """(path below src/huizhen, syntax tree) of every module."""
    files = sorted(SOURCE.rglob("*.py"))
    return tuple((f.relative_to(SOURCE).as_posix(), ast.parse(f.read_text(encoding="utf-8"))) for f in files)


@cache
def tracked() -> tuple[Path, ...]:
    """Files that git tracks, those deleted in the work tree left out."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return tuple(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())
