"""A wire that a test can cut: a TCP relay on a free port, or an HTTP proxy (CONNECT) where no target is given."""

from __future__ import annotations

import contextlib
import socket
import threading

_CHUNK = 65536


class Wire:
    """Relays connections to host:port until it is closed. `connections` counts those that were made."""

    def __init__(self, host: str | None = None, port: int = 0) -> None:
        self._target = None if host is None else (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.connections = 0
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._left: dict[str, int | None] = {"up": None, "down": None}
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listening.accept()
            except OSError:
                return
            try:
                there = socket.create_connection(self._target or self._asked(here))
            except (OSError, ValueError):
                here.close()
                continue
            for end in (here, there):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.add((here, there))
                self.connections += 1
            for source, sink, way in ((here, there, "up"), (there, here, "down")):
                threading.Thread(target=self._relay, args=(source, sink, way, (here, there)), daemon=True).start()

    @staticmethod
    def _asked(here: socket.socket) -> tuple[str, int]:
        """What an HTTP client asks a proxy to connect it to."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            more = here.recv(1)
            if not more:
                raise ValueError("no request")
            head += more
        method, target, _ = head.decode().split(" ", 2)
        if method != "CONNECT":
            raise ValueError("not CONNECT")
        host, _, port = target.rpartition(":")
        here.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return host, int(port)

    def _relay(
        self, source: socket.socket, sink: socket.socket, way: str, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                self._flowing.wait()
                with self._lock:
                    left = self._left[way]
                    if left is not None:
                        data, self._left[way] = data[:left], max(0, left - len(data))
                        if left <= len(data):
                            self._left[way] = None
                            break
                sink.sendall(data)
        self._close(pair)

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def cut(self, up: int | None = None, down: int | None = None) -> None:
        """Break what is connected, now or once so many bytes more have passed that way."""
        if up is None and down is None:
            for pair in list(self._pairs):
                self._close(pair)
        with self._lock:
            self._left = {"up": up, "down": down}

    def freeze(self) -> None:
        """Nothing passes, and nobody is told."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._flowing.set()
        self.cut()
