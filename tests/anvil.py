"""A chain of one's own for tests: anvil, a real node, on which gas is free as on a consortium chain."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from conftest import absent
from federations import free_port

INSTALLED = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "anvil"


def binary() -> str | None:
    """Where it is: HUIZHEN_ANVIL, on the path, or where .ci/run puts it; None: nowhere."""
    given = os.environ.get("HUIZHEN_ANVIL") or shutil.which("anvil")
    return given or (str(INSTALLED) if INSTALLED.exists() else None)


def check_there() -> str:
    """Where it is, with web3 to speak to it. Skips where there is none; fails where services are required."""
    found = binary()
    if found is None:
        absent("no anvil on this machine (npm install --prefix .venv/anvil @foundry-rs/anvil)")
    if importlib.util.find_spec("web3") is None:
        absent("no web3 on this machine (pip install --require-hashes --requirement requirements/chain.txt)")
    return found


@contextmanager
def anvil(*words: str) -> Iterator[str]:
    """URL of a fresh node, as `check_there`."""
    found, port = check_there(), free_port()
    free = ("--gas-price", "0", "--base-fee", "0")
    asked = [found, "--silent", "--host", "127.0.0.1", "--port", str(port), *(words or free)]
    with subprocess.Popen(asked, start_new_session=True) as ran:
        try:
            url = f"http://127.0.0.1:{port}"
            _until_up(url)
            yield url
        finally:
            os.killpg(ran.pid, 15)


def _until_up(url: str) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
            httpx.post(url, json=asked, timeout=20).raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
