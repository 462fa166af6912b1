"""Ctrl-C while the program is still being put together: it ends at once, without a word and without a traceback.

Imported before the other modules, since loading them is when it matters; `over` when all have loaded. `begin` when the
program starts, and `over` again when there is somebody to catch a KeyboardInterrupt.
"""

from __future__ import annotations

import signal
import threading

_MINE = (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
"""Whether nobody else has a say in it: a program that imports these commands may."""


def begin() -> None:
    """Ctrl-C ends the process as the system does it."""
    if _MINE:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def over() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt, and the commands say what it means for them."""
    if _MINE:
        signal.signal(signal.SIGINT, signal.default_int_handler)


begin()
