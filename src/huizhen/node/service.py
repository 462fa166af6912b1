"""A node at work: dials its hub, answers what it is asked, tells what it has to tell, until it is stopped."""

from __future__ import annotations

import fcntl
import os
import ssl
import threading
from datetime import timedelta
from pathlib import Path

import httpx

from huizhen.adapters import certificates, enrolment
from huizhen.adapters.dial import Dial, State, said_no
from huizhen.adapters.held import is_held
from huizhen.adapters.nats_dial import NatsDial
from huizhen.intake.document import read_yaml
from huizhen.kit.clock import Clock, utc_now
from huizhen.kit.errors import Conflict, HuizhenError, Lost, NotFound
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.connection import Connection
from huizhen.model.statement import Statement
from huizhen.node.agent import Agent
from huizhen.node.join import CA, CERTIFICATE, CONNECTION, TLS_KEY
from huizhen.node.statements import deliver

STATEMENTS = "/v1/node/statements"
_TELL_SECONDS = 1.0
_PAUSE_SECONDS = 30.0
_RENEWAL = timedelta(hours=6)


def connect(folder: Path) -> tuple[httpx.Client, ssl.SSLContext, Connection]:
    """A client for the node's hub, the node's end of TLS, and where the hub is. Raises NotFound for a node that was not
    enrolled."""
    if not (folder / CONNECTION).exists():
        hint = did_you_mean(folder.name, sorted(other.parent.name for other in folder.parent.glob(f"*/{CONNECTION}")))
        raise NotFound(
            "not-enrolled",
            Text(f"{folder} is not a node that was enrolled at a hub{hint.en}.",
                 f"{folder} 不是已在中心登记的节点{hint.zh}。"),
            Text(
                "Enrol it with `huizhen node enrol --hub URL --code CODE`, or name its folder with --home.",
                "请用 `huizhen node enrol --hub URL --code 邀请码` 登记，或用 --home 指明文件夹。",
            ),
        )  # fmt: skip
    chosen = read_yaml(folder / CONNECTION, Connection)
    context = certificates.client_context(folder / CA, folder / CERTIFICATE, folder / TLS_KEY)
    return httpx.Client(base_url=chosen.hub, verify=context, proxy=chosen.proxy, timeout=30.0), context, chosen


def tell(agent: Agent, client: httpx.Client) -> None:
    """Tell the hub what it has not been told yet: datasets that were taken in, consents that have changed."""

    def announce(said: Statement) -> None:
        heard = client.post(STATEMENTS, content=said.model_dump_json(), headers={"content-type": "application/json"})
        if not heard.is_success:
            raise said_no(heard)

    deliver(agent, announce)


class Service:
    """The node in that folder. `run` returns after `stop`; nothing else may run on the folder meanwhile.

    Raises Conflict where it is running already.
    """

    def __init__(self, folder: Path, state: State, clock: Clock = utc_now) -> None:
        self._client, self._context, chosen = connect(folder)
        self._lock = _lock(folder)
        self._folder = folder
        self._clock = clock
        self._agent = Agent(folder, clock)
        self._state = state
        self._dial: Dial | NatsDial = (
            Dial(self._client, self._agent.handle, state)
            if chosen.nats is None
            else NatsDial(chosen.nats, self._context, self._agent.name, self._agent.handle, state)
        )
        self._over = threading.Event()

    def stop(self) -> None:
        """End after the message in hand."""
        self._dial.stop()

    def run(self) -> None:
        aside = threading.Thread(target=self._aside, name="huizhen-aside")
        aside.start()
        try:
            self._dial.run()
        finally:
            self._over.set()
            aside.join()
            self._agent.close()
            self._client.close()
            os.close(self._lock)

    def _aside(self) -> None:
        """Beside the messages: tell the hub what there is to tell, and have the certificate renewed in time."""
        renewed = self._clock() - _RENEWAL
        while not self._over.wait(_TELL_SECONDS):
            try:
                tell(self._agent, self._client)
                if self._clock() - renewed >= _RENEWAL:
                    renewed = self._clock()
                    self._renew()
            except (Lost, httpx.TransportError):
                continue
            except HuizhenError as problem:
                self._state("refused", Text(problem.say("en"), problem.say("zh")))
                self._over.wait(_PAUSE_SECONDS)

    def _renew(self) -> None:
        """A new certificate for the same key, weeks before the old one ends; it is shown from the next call on."""
        if certificates.ends_soon((self._folder / CERTIFICATE).read_bytes(), self._clock()):
            key = certificates.new_key(self._folder / TLS_KEY)
            pem = enrolment.renew(self._client, certificates.request_certificate(self._agent.name, key))
            certificates.write_private(self._folder / CERTIFICATE, pem)
            self._context.load_cert_chain(self._folder / CERTIFICATE, self._folder / TLS_KEY)


def is_running(folder: Path) -> bool:
    """Whether a program runs the node of that folder now."""
    return is_held(folder / "run.lock")


def _lock(folder: Path) -> int:
    descriptor = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Conflict(
            "node-runs-already",
            Text(f"Node {folder.name} is running already.", f"节点 {folder.name} 已在运行。"),
            Text("Stop the other program first.", "请先停止另一个程序。"),
        ) from None
    return descriptor
