"""The first minute: the demonstration keeps its promises, and says so within 100 columns."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.cells import cell_len

ROOT = Path(__file__).resolve().parents[2]
SAID = (
    "$ huizhen init --region",
    "lung at small-hospitals   52 rows,  52 consents",
    "PIPL and NDR are China's laws",
    "Verdict: allow",
    "patients                  228                   228                   0.0e+00",
    "men: alive, day 583",
    "The largest difference in all of this:",
    "227 patients now, 228 before",
    "EU06: Marketing is a prohibited use of health data; no consent can allow it.",
    "The cohort differs by fewer than 10 people from that of an earlier study",
    "The ledger holds:",
    "The ledger does NOT hold.",
    "acme-pharma paid 2,100.00 yuan; all of the above receive 2,100.00 yuan.",
)


def test_it_runs_and_fits(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "HUIZHEN_REGION"}} | {"HUIZHEN_LANG": "en"}
    ran = subprocess.run(
        [sys.executable, ROOT / "demo" / "ncctg.py", tmp_path / "demo"],
        capture_output=True, text=True, env=clean, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    at = 0
    for line in SAID:
        found = ran.stdout.find(line, at)
        assert found >= 0, f"not said, or not there: {line}\n{ran.stdout}"
        at = found
    too_long = [x for x in ran.stdout.splitlines() if cell_len(x.rstrip()) > 100 and str(tmp_path) not in x]
    assert too_long == []
    for page in ("survival", "cox"):
        html = (tmp_path / "demo" / f"{page}.html").read_text(encoding="utf-8")
        assert "<svg" in html
        assert {*re.findall(r"https?://[^/\"' ]+", html)} <= {"http://www.w3.org"}
