"""A program that has loaded `huizhen` and forks it for whoever asks: `warm.py` says what for.

`python warm_server.py SOCKET` listens there. A request is a JSON line of words, environment and folder, with three open
files for standard input, output and error. The answer is the process id, and when it has ended, its exit code as
`subprocess` counts it. Whoever hangs up before has the process killed.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path

import typer.main

import huizhen.cli

LOADED = (
    "huizhen.hub.server", "huizhen.hub.app", "huizhen.node.service", "huizhen.client.remote",
    "huizhen.adapters.dial", "huizhen.adapters.listen", "huizhen.adapters.engine", "huizhen.client.report",
    "scipy.optimize", "scipy.special", "scipy.stats", "pandas", "formulaic", "sqlglot", "alembic.context", "uvicorn",
)  # fmt: skip
PDEATHSIG = 1


def _begin(asked: dict[str, object], files: list[int]) -> None:
    """Become the program that was asked for; does not come back."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    environment, words = asked["environment"], asked["words"]
    assert isinstance(environment, dict) and isinstance(words, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(asked["folder"]))
    sys.argv = ["huizhen", *words]
    code = 1
    try:
        huizhen.cli.main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        _end(code)


def _end(code: int) -> None:
    """End as an interpreter does: other threads, what was registered for the end, what was not yet written."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _serve(line: socket.socket) -> None:
    """Fork the program and watch over it."""
    data, files, _, _ = socket.recv_fds(line, 1 << 20, 3)
    while not data.endswith(b"\n"):
        data += line.recv(1 << 20)
    child = os.fork()
    if child == 0:
        line.close()
        _begin(json.loads(data), files)
    for file in files:
        os.close(file)
    line.sendall(b"%d\n" % child)
    has_ended = threading.Event()

    def watch() -> None:
        with suppress(ConnectionError):
            line.recv(1)
        if not has_ended.is_set():
            os.kill(child, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    has_ended.set()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(ConnectionError):
        line.sendall(b"%d\n" % code)


def main() -> None:
    ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL)
    for name in LOADED:
        importlib.import_module(name)
    typer.main.get_command = functools.cache(typer.main.get_command)
    typer.main.get_command(huizhen.cli.app)
    assert threading.active_count() == 1, "what has threads is not to be forked"
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{sys.argv[1]}.new")
    listening.listen(64)
    Path(f"{sys.argv[1]}.new").rename(sys.argv[1])  # its name is there once it listens, and not before
    while True:
        line, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                _serve(line)
            finally:
                os._exit(0)
        line.close()


if __name__ == "__main__":
    main()
