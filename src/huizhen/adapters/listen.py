"""PostgreSQL's notifications: what other hub processes at the same database have just written."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import Engine

from huizhen.adapters.mail_table import CHANNEL

_PAUSE = 1.0


class Listener:
    """Calls `woken` for each notification of others than `own`; on other databases it does nothing."""

    def __init__(self, engine: Engine, own: str, woken: Callable[[], None]) -> None:
        self._url = engine.url
        self._own = own
        self._woken = woken
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if engine.dialect.name == "postgresql":
            self._thread = threading.Thread(target=self._run, name="huizhen-listen", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        import psycopg

        url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        while not self._closing.is_set():
            try:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}".encode())
                    while not self._closing.is_set():
                        for said in connection.notifies(timeout=_PAUSE, stop_after=1):
                            if said.payload != self._own:
                                self._woken()
            except psycopg.Error:
                self._closing.wait(_PAUSE)

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
