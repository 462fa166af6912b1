"""The ledger's files over HTTPS (C2SP tlog-tiles), for anyone: an entry holds salted hashes, and names who asked.

Tiles never change, and may be kept by any cache for good; checkpoints may not.
"""

from __future__ import annotations

import gzip

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from huizhen.hub.log import MAX_COSIGNED, PREFIX, Log
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.ledger.tiles import CHECKPOINT, PENDING

FOR_GOOD = "public, max-age=31536000, immutable"
_NOT_LONG = "no-cache"
_NOTE = "text/plain; charset=utf-8"
_WORTH_PACKING = 1024


def add_log(app: FastAPI, log: Log) -> None:
    """Serve the ledger's files below PREFIX, and take what witnesses signed."""

    def file(path: str, request: Request) -> Response:
        data = log.read(path)
        if path in (CHECKPOINT, PENDING):
            return Response(data, media_type=_NOTE, headers={"Cache-Control": _NOT_LONG})
        headers = {"Cache-Control": FOR_GOOD, "Vary": "Accept-Encoding"}
        packs = "gzip" in request.headers.get("accept-encoding", "") and len(data) > _WORTH_PACKING
        if packs and path.startswith("tile/entries/"):
            data, headers["Content-Encoding"] = gzip.compress(data, 1, mtime=0), "gzip"
        return Response(data, media_type="application/octet-stream", headers=headers)

    async def cosigned(request: Request) -> Response:
        """A checkpoint of ours with the cosignatures of witnesses; answers how the ledger stands."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_COSIGNED:
                raise BadInput(
                    "note-too-large",
                    Text(f"A co-signed checkpoint has more than {MAX_COSIGNED >> 10} kB.",
                         f"联署的检查点超过 {MAX_COSIGNED >> 10} kB。"),
                    Text("Send the checkpoint and the witness's own line.", "请只发送检查点与见证方自己的签名行。"),
                )  # fmt: skip
        standing = await run_in_threadpool(log.cosign, bytes(body))
        return JSONResponse(standing.as_json())

    app.add_api_route(PREFIX + "/{path:path}", file, methods=["GET", "HEAD"], response_class=Response)
    app.add_api_route(PREFIX + "/cosignature", cosigned, methods=["POST"])
