"""One look at a NATS server with the hub's own certificate: does it answer, take us, and have room."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from huizhen.adapters import nats_subjects as subjects
from huizhen.adapters.nats_letter import Hello, write
from huizhen.adapters.nats_line import Line, Session
from huizhen.kit.text import Text

_SECONDS = 20.0
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Held:
    """A stream: bytes that it holds, and that it may hold."""

    used: int
    limit: int


@dataclass
class Probe:
    """What was found, as far as one came."""

    answers: bool = False
    """Something takes connections there."""
    problem: Text | None = None
    """Why there is no session: the words that a hub would be told."""
    version: str = ""
    """Of the server, once there is a session."""
    forbidden: Text | None = None
    """The server does not let the hub say or hear what it has to."""
    jetstream: bool = False
    streams: dict[str, Held] = field(default_factory=dict)
    """Of the region's two, those that are there."""


def probe(host: str, port: int, context: ssl.SSLContext) -> Probe:
    """Connect once, as a hub would, and look; nothing is changed. Raises BadInput where the extra is not installed."""
    return asyncio.run(_probe(host, port, context))


async def _probe(host: str, port: int, context: ssl.SSLContext) -> Probe:
    found, ended = Probe(), asyncio.Event()
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _ANSWER_SECONDS)
        writer.close()
    except (OSError, TimeoutError):
        return found
    found.answers = True

    def state(code: str, text: Text) -> None:
        if code == "failing":
            found.forbidden = text
        elif code in {"lost", "refused"}:
            found.problem = text
            ended.set()

    async def session(at: Session) -> None:
        await _look(at, found)
        ended.set()

    name = f"[{host}]" if ":" in host else host
    line = Line(f"tls://{name}:{port}", context, "doctor", f"{subjects.HUB_BOX}.doctor-{os.urandom(4).hex()}", state)
    running = asyncio.ensure_future(line.run(session, ended))
    await asyncio.wait({running}, timeout=_SECONDS)
    ended.set()
    await running
    return found


async def _look(at: Session, found: Probe) -> None:
    import nats.errors
    import nats.js.errors

    found.version = str(at.client.connected_server_version)
    for subject in (subjects.ALL_UP, subjects.ALL_BEATS):
        heard = await at.hear(subject, _ignore)
        await heard.unsubscribe()
    await at.publish(subjects.HELLO, write(Hello(3600.0)))
    await at.client.flush()
    js = at.client.jetstream(timeout=_ANSWER_SECONDS)
    try:
        await js.account_info()
        found.jetstream = True
        for name in (subjects.MAIL, subjects.BODY):
            try:
                info = await js.stream_info(name)
            except nats.js.errors.NotFoundError:
                continue
            found.streams[name] = Held(info.state.bytes, info.config.max_bytes or -1)
    except (nats.js.errors.Error, nats.errors.Error):
        return


async def _ignore(_msg: object) -> None:
    return


def fill(streams: Mapping[str, Held]) -> float:
    """How full the fullest is, 0 to 1."""
    return max((held.used / held.limit for held in streams.values() if held.limit > 0), default=0.0)
