"""The hub as a program: its folder, the mailbox, the studies that run, one port. Others build on `Server.app`."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from huizhen.adapters.certificates import Authority
from huizhen.adapters.database import migrate, open_engine
from huizhen.adapters.mailbox import SILENCE_SECONDS, Mailbox
from huizhen.hub import nats as nats_servers
from huizhen.hub.api.app import make_api
from huizhen.hub.app import make_app
from huizhen.hub.desk import Desk
from huizhen.hub.enrolment import Enrolment
from huizhen.hub.hub import Hub
from huizhen.hub.log import CADENCE_SECONDS
from huizhen.hub.meters import Meters, Observed
from huizhen.hub.studies import Studies
from huizhen.hub.web import Web, listen
from huizhen.kit.defect import note_defect
from huizhen.kit.errors import BadInput, Conflict
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from starlette.types import ASGIApp

MakeConsole = Callable[[Studies, Callable[[], Sequence[str]], Sequence[str]], "ASGIApp"]
"""From the studies that run, what answers the nodes that are there, and the hub's names: pages for people."""
TLS = "tls"
"""Beside the hub's sealed folder: the region's authority, and the hub's own certificate."""
_RENEWAL_SECONDS = 6 * 3600.0
LOG = logging.getLogger("huizhen")


def authority_of(hub: Hub) -> Authority:
    """The region's certificate authority, made the first time."""
    return Authority.open(hub.folder.parent / TLS, hub.clock())


def at_database(folder: Path, url: str) -> Hub:
    """The region's hub on a PostgreSQL database. In an empty one its ledger begins, with the settings of the region.

    Raises Conflict for the database of another region.
    """
    engine = open_engine(driven(url))
    migrate(engine)
    engine.dispose()
    hub = Hub(folder, database=driven(url))
    if not hub.origin:
        embedded = Hub(folder)
        settings, origin = embedded.store.settings(), embedded.origin
        embedded.close()
        hub.touch()
        with hub.store.record() as record:
            record.put_meta("origin", origin)
            record.put_meta("settings", json.dumps(settings.as_json()))
            record.evidence("region-created", "hub", origin, {"settings": settings.as_json()}, key=hub.key.public.hex())
    elif not hub.origin.endswith(hub.key.public.hex()[:16]):
        hub.close()
        raise Conflict(
            "database-of-another",
            Text("This database belongs to another region.", "该数据库属于另一个区域。"),
            Text("Name an empty database, or this region's own.", "请指定空数据库或本区域自己的数据库。"),
        )
    return hub


def driven(url: str) -> str:
    """A PostgreSQL URL with the driver that is used here."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1)


def address(text: str) -> tuple[str, int]:
    """HOST:PORT, or [HOST]:PORT for IPv6. Raises BadInput."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise BadInput(
            "bad-listen",
            Text(f"'{text[:80]}' is not an address to listen at.", f"“{text[:80]}”不是有效的监听地址。"),
            Text("Write --listen HOST:PORT, e.g. 0.0.0.0:8470.", "请写成 --listen 主机:端口，例如 0.0.0.0:8470。"),
        )
    return host.strip("[]"), int(port)


class Server:
    """A hub that serves nodes and askers. `run` returns after a signal or `stop`; then `close`.

    `names`: hosts and addresses by which nodes reach it. `nats`: addresses of the NATS servers by which the messages of
    studies go, in place of the mailbox. `console`: makes the pages for people. Raises Conflict where the region is
    served already from its embedded database, or the port is taken.
    """

    def __init__(
        self,
        hub: Hub,
        listening: str,
        names: Sequence[str] = (),
        silence_seconds: float = SILENCE_SECONDS,
        nats: str | None = None,
        cadence_seconds: float = CADENCE_SECONDS,
        console: MakeConsole | None = None,
    ) -> None:
        host, port = address(listening)
        if nats is not None:
            nats_servers.check_servers(nats)
        tls = hub.folder.parent / TLS
        self.hub = hub
        self.authority = authority_of(hub)
        self.names = list(names) or _names_of(host)
        self.authority.serve(self.names, hub.clock())
        embedded = hub.engine.dialect.name == "sqlite"
        self._lock = _lock(tls) if embedded else None
        hub.touch()
        migrate(hub.engine)
        try:
            self._listening = listen(host, port)
        except OSError as error:
            raise port_taken(listening, error) from error
        line = None if nats is None else nats_servers.federation(hub, self.authority, nats, silence_seconds)
        self.mailbox = Mailbox(hub.engine, silence_seconds, alone=embedded)
        self.federation = self.mailbox if line is None else line
        self.enrolment = Enrolment(hub, self.authority)
        self.studies = Studies(Desk(hub, lambda progress: hub.road(self.federation, progress)))
        meters = Meters(hub, self.federation.there)
        api = make_api(self.studies, self.federation.there, meters)
        pages = None if console is None else console(self.studies, self.federation.there, self.names)
        self.app = Observed(make_app(self.mailbox, self.enrolment, api, self.studies.desk.log, pages), meters)
        self.web = Web(self.app, self._listening, tls, self.mailbox)
        self._over = threading.Event()
        self._cadence = cadence_seconds
        self._beside = [
            threading.Thread(target=work, name=f"huizhen-{work.__name__}", daemon=True)
            for work in (self._renew, self._publish)
        ]

    @property
    def port(self) -> int:
        return self.web.port

    def run(self) -> None:
        """Serve in this thread until `stop`."""
        for thread in self._beside:
            thread.start()
        for study in self.studies.resume():
            LOG.info("going on with study %s", study)
        LOG.info("serving at port %d", self.port)
        self.web.run_here()

    def stop(self) -> None:
        """End `run`, from any thread."""
        self.web.should_exit = True

    def close(self) -> None:
        """What runs is taken up at the next start. The hub itself stays open for whoever opened it."""
        self._over.set()
        for thread in self._beside:  # before the hub is sealed, nobody writes any more
            if thread.is_alive():
                thread.join()
        self.federation.close()
        if self.federation is not self.mailbox:
            self.mailbox.close()
        self.studies.close()
        if self._lock is not None:
            os.close(self._lock)
        LOG.info("stopped")

    def _renew(self) -> None:
        """The hub's own certificate is made anew in time, and shown from then on."""
        while not self._over.wait(_RENEWAL_SECONDS):
            self.authority.serve(self.names, self.hub.clock())
            self.web.reload()

    def _publish(self) -> None:
        """At a fixed cadence: show witnesses how the ledger stands, and have a checkpoint made where it has grown."""
        log, store = self.studies.desk.log, self.hub.store
        while not self._over.is_set():
            try:
                if log.publish() < store.size() and not self._over.is_set():
                    self.studies.witness_soon()
            except Exception as fault:
                note_defect("at the hub", fault)
            self._over.wait(self._cadence)


def _names_of(host: str) -> list[str]:
    """Without names, those of this machine: enough to try it out."""
    return ["localhost", "127.0.0.1"] if host in {"127.0.0.1", "localhost", "0.0.0.0", "::"} else [host]  # noqa: S104


def _lock(tls: Path) -> int:
    descriptor = os.open(tls / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Conflict(
            "hub-runs-already",
            Text("This region is served already.", "该区域已有中心服务在运行。"),
            Text(
                "Stop the other program first. Several at once need PostgreSQL: --database URL.",
                "请先停止另一个程序。若需同时运行多个，请使用 PostgreSQL：--database URL。",
            ),
        ) from None
    return descriptor


def port_taken(listening: str, error: OSError) -> Conflict:
    reason = (error.strerror or type(error).__name__).lower()
    return Conflict(
        "port-not-free",
        Text(f"Nothing can listen at {listening}: {reason}.", f"无法在 {listening} 监听。"),
        Text("Choose another port with --listen, or stop what has it.", "请用 --listen 换端口，或停止占用它的程序。"),
    )
