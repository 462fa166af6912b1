"""Programs that start at once: forked from one that has loaded everything already, so that a test that runs twenty
commands does not load the same modules twenty times. What they do is the same; what only a fresh start can show (the
README, `make demo`, how long loading takes, Ctrl-C while it lasts) starts the program itself."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SERVER = Path(__file__).with_name("warm_server.py")
CALLER = """#!{python} -ISE
import json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
asked = {{"words": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
data = json.dumps(asked).encode() + b"\\n"
sent = socket.send_fds(line, [data], [0, 1, 2])
line.sendall(data[sent:])
told = line.makefile("rb")
child = int(told.readline())
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.kill(child, number))
code = int(told.readline())
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


class Forked:
    """Such a program, with what of `subprocess.Popen` the tests use."""

    def __init__(self, words: Sequence[str], out: int, environment: Mapping[str, str]) -> None:
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(str(address()))
        asked = {"words": list(words), "environment": dict(environment), "folder": str(Path.cwd())}
        data = json.dumps(asked).encode() + b"\n"
        with Path(os.devnull).open("rb") as nothing:
            sent = socket.send_fds(self._line, [data], [nothing.fileno(), out, out])
        self._line.sendall(data[sent:])
        self._told = b""
        self.returncode: int | None = None
        self.pid = self._number(120)

    def _number(self, seconds: float) -> int:
        """The next number told. Raises TimeoutError."""
        self._line.settimeout(max(seconds, 1e-6))
        while b"\n" not in self._told:
            more = self._line.recv(64)
            assert more, "the program that forks is gone"
            self._told += more
        number, _, self._told = self._told.partition(b"\n")
        return int(number)

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float = 600) -> int:
        if self.returncode is None:
            try:
                self.returncode = self._number(timeout)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("huizhen", timeout) from None
            self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


@functools.cache
def address() -> Path:
    """The socket of the program that forks; it is started when first asked for, and ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="huizhen-warm-"))
    here = {k: v for k, v in os.environ.items() if not k.startswith(("HUIZHEN_", "LC_", "LANG", "COLUMNS"))}
    server = subprocess.Popen([sys.executable, SERVER, folder / "socket"], env={**here, "LANG": "C.UTF-8"})
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.kill)
    end = time.monotonic() + 120
    while not (folder / "socket").exists():
        assert server.poll() is None and time.monotonic() < end, "the program that forks did not start"
        time.sleep(0.01)
    return folder / "socket"


@functools.cache
def commands() -> Path:
    """A folder for the PATH of a shell, with a `huizhen` that is forked."""
    folder = address().parent / "bin"
    folder.mkdir()
    caller = folder / "huizhen"
    caller.write_text(CALLER.format(python=os.path.realpath(sys.executable), address=str(address())), encoding="utf-8")
    caller.chmod(0o755)
    return folder
