"""A folder for what lies between: its owner's alone, gone at the end, and what a killed run left of it at the next.

A run holds a lock in its folder for as long as it lives, which the system lets go of however it ends. So a folder whose
lock is free is of nobody any more.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX, _LOCK = ".huizhen-", ".lock"


@contextmanager
def own_folder(beside: Path) -> Iterator[Path]:
    """A new folder in `beside` that only its owner can open, deleted at the end with all that is in it; those that
    killed runs of the same user left there are deleted first. Raises OSError where it cannot be made."""
    swept(beside)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=beside) as name:
        new = Path(name, f"{_LOCK}.new")
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            new.rename(Path(name, _LOCK))
            yield Path(name)
        finally:
            os.close(descriptor)


@contextmanager
def folder_for(out: Path) -> Iterator[Path]:
    """An `own_folder` beside a file that is to be written. Raises FileNotFoundError, of that file."""
    if not out.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(out))
    with own_folder(out.parent) as folder:
        yield folder


def swept(beside: Path) -> int:
    """Delete what killed runs of this user left in `beside`; how many folders that were."""
    found = 0
    for folder in beside.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            about = folder.lstat()
            if stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid() and _free(folder / _LOCK):
                shutil.rmtree(folder)
                found += 1
    return found


def _free(lock: Path) -> bool:
    """Raises OSError where there is no lock: no folder of ours, or one that is just being made."""
    descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
    return True
