"""Real programs in tests: started as a person starts them, watched by what they print, stopped or killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from warm import Forked


class Program:
    """`huizhen` with these words, in a process of its own; what it prints goes to a file. `how`: tampered with so
    (`tampered.py`)."""

    def __init__(self, log: Path, *words: str | Path, how: str | None = None, **environment: str) -> None:
        self.log = log
        here = {k: v for k, v in os.environ.items() if not k.startswith(("HUIZHEN_", "LC_", "LANG"))}
        here = {k: v for k, v in here.items() if k.lower() not in {"http_proxy", "https_proxy", "all_proxy"}}
        here |= {"LANG": "C.UTF-8", **environment}
        self.process: Forked | subprocess.Popen[bytes]
        with log.open("ab") as out:
            if how is None:
                self.process = Forked([*map(str, words)], out.fileno(), here)
                return
            tampered = Path(__file__).with_name("tampered.py")
            self.process = subprocess.Popen(
                [sys.executable, tampered, how, *map(str, words)], stdout=out, stderr=subprocess.STDOUT, env=here
            )

    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def until(self, pattern: str, times: int = 1, seconds: float = 120) -> re.Match[str]:
        """Wait until this was printed so often; the last of it."""
        end = time.monotonic() + seconds
        while True:
            found = list(re.finditer(pattern, self.printed()))
            if len(found) >= times:
                return found[-1]
            assert self.process.poll() is None, f"it ended before it printed {pattern!r}:\n{self.printed()}"
            assert time.monotonic() < end, f"it never printed {pattern!r}:\n{self.printed()}"
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self, how: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(how)
        return self.process.wait(120)
