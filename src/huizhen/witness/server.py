"""A witness's port, for logs that bring their checkpoints (C2SP tlog-witness). None is needed to follow a log."""

from __future__ import annotations

import socket
import threading

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from huizhen.kit.errors import BadInput, Conflict, Refused, Tampered
from huizhen.ledger import note
from huizhen.ledger.checkpoint import open_signed
from huizhen.ledger.submission import MAX_BYTES, Submission
from huizhen.witness.service import note_trouble
from huizhen.witness.witness import Witness

SIZE = "text/x.tlog.size"
_GRACE_SECONDS = 5


def make_app(witness: Witness) -> FastAPI:
    """`POST /add-checkpoint`; `GET /checkpoint` is what was co-signed last."""
    app = FastAPI(title="Huizhen witness", openapi_url=None)
    one_at_a_time = threading.Lock()

    def considered(body: bytes) -> Response:
        with one_at_a_time:
            return consider(witness, body)

    async def add(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BYTES:
                return _said("too long", 400)
        return await run_in_threadpool(considered, bytes(body))

    def last() -> Response:
        kept = witness.store.last()
        return _said("nothing yet", 404) if kept is None else _said(kept.whole.decode(), 200)

    app.add_api_route("/add-checkpoint", add, methods=["POST"])
    app.add_api_route("/checkpoint", last, methods=["GET"])
    return app


def consider(witness: Witness, body: bytes) -> Response:
    """The answer to one request, with the status that C2SP tlog-witness names for each case."""
    status = 400
    try:
        asked = Submission.parse(body)
        if note.parse_note(asked.note).text.partition("\n")[0] != witness.hub.name:
            return _said("unknown-log", 404)
        status = 403
        size = open_signed(asked.note, witness.hub).checkpoint.size
        status = 422
        return _said(witness.consider(asked), 200)
    except BadInput as problem:
        return _said(problem.code, 400)
    except Conflict:
        return _size(witness)
    except (Tampered, Refused) as problem:
        return _said(problem.code, status) if status != 422 else _refused(witness, problem, size)


def _refused(witness: Witness, problem: Tampered | Refused, size: int) -> Response:
    """What to say of a checkpoint that the hub did sign and that is not co-signed."""
    note_trouble(witness, problem)
    last = witness.store.last()
    if last is not None and last.size == size and problem.code != "witness-clock-back":
        return _size(witness)
    return _said(problem.code, 503 if problem.code == "witness-clock-back" else 422)


def _size(witness: Witness) -> Response:
    last = witness.store.last()
    return Response(f"{0 if last is None else last.size}\n", 409, headers={"Content-Type": SIZE})


def _said(text: str, status: int) -> Response:
    return Response(text, status, media_type="text/plain; charset=utf-8")


class Port:
    """Listens from `start` to `stop`, in a thread of its own. Raises OSError where nothing can listen there."""

    def __init__(self, witness: Witness, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, port), family=family)
        self._server = uvicorn.Server(
            uvicorn.Config(
                make_app(witness),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listening]}, name="huizhen-witness-port"
        )

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
