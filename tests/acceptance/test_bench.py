"""Every benchmark runs, at a size that takes seconds; each compares its answers with the baseline's by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
FILES = sorted(path.stem for path in BENCH.glob("*.py"))


@pytest.mark.parametrize("name", FILES)
def test_a_benchmark_runs(name: str):
    words = [sys.executable, "-W", "error", str(BENCH / f"{name}.py"), "--tiny"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) > 2
    assert "--large" in subprocess.run([*words[:-1], "--help"], capture_output=True, text=True, check=True).stdout
