"""The API as an application of its own, to be mounted at /v1. Every error has the same form, whatever went wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from huizhen import __version__
from huizhen.adapters import mail_table
from huizhen.adapters.tokens import Tokens
from huizhen.hub.api import about, breaches, instruments, ledger, money, nodes, papers, register, studies, watching
from huizhen.hub.api.gate import Gate, Sheltered, bad_request, failure, nothing_unknown
from huizhen.hub.api.shapes import Committed, Failure, Said, Step
from huizhen.hub.meters import Meters
from huizhen.hub.studies import Studies
from huizhen.kit.errors import HuizhenError, NotFound
from huizhen.kit.text import Text
from huizhen.model.assessment import Concluded
from huizhen.model.deed import Contract, Deed
from huizhen.model.incident import Declaration, Noted
from huizhen.model.paper import Paper
from huizhen.model.party import Filing, Party
from huizhen.model.settlement import Payment
from huizhen.model.statement import Statement
from huizhen.model.study import Request as StudyRequest

ABOUT = """\
The interface that `huizhen --hub URL` speaks. Callers show a bearer token (`huizhen hub token add`); nodes show their
TLS certificate. An asker asks in its own name and sees its own studies and money; trustees, auditors and regulators see
all of them. Money is in integer fen, times are RFC 3339 in UTC.
"""
_ANY_ERROR: dict[int | str, dict[str, Any]] = {"default": {"model": Failure, "description": "What went wrong."}}


def make_api(running: Studies, there: Callable[[], Sequence[str]], meters: Meters | None = None) -> FastAPI:
    """The API around the studies that run at a hub; `there` answers the nodes that wait for mail now."""
    hub = running.desk.hub
    meters = meters or Meters(hub, there)
    app = FastAPI(
        title="Huizhen hub",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        responses=_ANY_ERROR,
        dependencies=[Depends(nothing_unknown)],
        generate_unique_id_function=lambda route: route.name,
    )

    def node_of(key: str) -> str | None:
        with hub.engine.connect() as c:
            return mail_table.enrolled(c, [key]).get(key)

    app.state.studies, app.state.desk, app.state.there = running, running.desk, there
    app.state.meters = meters
    app.state.gate = Gate(Tokens(hub.engine, hub.clock), node_of)
    for part in (about, studies, instruments, papers, watching, ledger, money, register, breaches, nodes):
        app.include_router(part.router)
    app.add_exception_handler(HuizhenError, lambda _r, e: failure(e))
    app.add_exception_handler(RequestValidationError, _wrong_form)
    app.add_exception_handler(HTTPException, no_such_place)
    app.add_middleware(Sheltered)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1, with the bodies that are read by ourselves."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes,
            servers=[{"url": "/v1"}],
        )  # fmt: skip
        parts = made["components"]["schemas"]
        for model in (StudyRequest, Statement, Party, Filing, Deed, Contract, Payment, Step, Committed, Concluded,
                      Declaration, Noted, Paper, Said):  # fmt: skip
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            for name, inner in schema.pop("$defs", {}).items():
                parts.setdefault(name, inner)
            parts[model.__name__] = schema
        app.openapi_schema = made
    return app.openapi_schema


def _wrong_form(_request: Request, problem: Any) -> JSONResponse:
    said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors()[:3])
    return failure(bad_request(said))


def no_such_place(_request: Request, problem: Any) -> JSONResponse:
    """No such path, or not this verb there."""
    answer = failure(
        NotFound(
            "no-such-endpoint",
            Text("There is no such endpoint.", "没有这个接口。"),
            Text(
                "See /v1/openapi.json; use the same version as the hub.",
                "见 /v1/openapi.json；请使用与中心相同的版本。",
            ),
        )
    )
    answer.status_code = problem.status_code
    for name, value in (problem.headers or {}).items():
        answer.headers[name] = value
    return answer
