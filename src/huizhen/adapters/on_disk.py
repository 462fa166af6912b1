"""Arrays in files of a folder, of which no more is in memory than may be."""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_EVERY_S = 0.1


class Disk:
    """Gives arrays whose pages are in files. The system takes pages back when it needs them; beyond `memory` bytes of
    this process they are given back at once (where it says how many they are: Linux)."""

    def __init__(self, folder: Path, memory: int) -> None:
        self._folder, self._memory = folder, memory
        self._maps: list[mmap.mmap] = []

    def array(self, shape: tuple[int, ...], kind: Any) -> npt.NDArray[Any]:
        """An array in a file of its own, zero at first. Raises OSError where the disk has no room for it."""
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        if size == 0:
            return np.zeros(shape, kind)
        descriptor = os.open(self._folder / f"array-{len(self._maps)}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, size)
            else:
                os.ftruncate(descriptor, size)
            self._maps.append(mmap.mmap(descriptor, size))
        finally:
            os.close(descriptor)
        array: npt.NDArray[Any] = np.frombuffer(self._maps[-1], kind).reshape(shape)
        return array

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While this lasts, pages are given back whenever the process has more than it may."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_EVERY_S):
                if _resident() > self._memory:
                    for one in self._maps:
                        one.madvise(mmap.MADV_DONTNEED)

        thread = threading.Thread(target=watch, daemon=True)
        if Path("/proc/self/statm").exists() and hasattr(mmap, "MADV_DONTNEED"):
            thread.start()
        try:
            yield
        finally:
            over.set()
            if thread.ident is not None:
                thread.join()


def _resident() -> int:
    """Bytes of this process that are in memory."""
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * mmap.PAGESIZE
