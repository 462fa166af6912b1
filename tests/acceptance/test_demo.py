"""The first minute: the demonstration keeps its promises, and says so within 100 columns."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
from rich.cells import cell_len

from regions import make_region, patients

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
    assert "#" not in ran.stdout.rpartition("Done in")[2], "without a terminal it ends there"


def test_at_a_terminal_it_ends_with_the_console_open_for_every_role(tmp_path: Path) -> None:
    """What it does then, on a smaller region: each printed link opens its role's first page, once."""
    make_region(tmp_path / "region", patients(60, 3)).close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    clean = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "HUIZHEN_REGION"}} | {"HUIZHEN_LANG": "en"}
    words = [sys.executable, "-u", ROOT / "demo" / "console.py", tmp_path / "region", "--port", port]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=clean) as ran:
        late = threading.Timer(120, ran.kill)
        late.start()
        said: list[str] = []
        assert ran.stdout is not None
        for line in ran.stdout:
            said.append(line.strip())
            if "hub: process" in line:
                break
        links = re.findall(rf"(\w+): https://localhost:{port}/console/link#(\S+)", "\n".join(said))
        assert [role for role, _ in links] == ["researcher", "trustee", "auditor", "regulator", "reviewer"]
        for role, secret in links:
            with httpx.Client(base_url=f"https://localhost:{port}", verify=False) as person:  # noqa: S501
                origin = {"origin": f"https://localhost:{port}"}
                for expected in (303, 403):
                    heard = person.post("/console/link", data={"secret": secret}, headers=origin)
                    assert heard.status_code == expected
                assert role in person.get("/console/").text
        ran.send_signal(signal.SIGINT)
        assert "The region is a folder again" in ran.stdout.read().replace("the region", "The region")
    late.cancel()
    assert ran.returncode == 0
