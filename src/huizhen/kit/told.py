"""How programs write their log: a line per event, as text or as JSON, with the id of the request it belongs to."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar
from typing import Literal

REQUEST: ContextVar[str] = ContextVar("huizhen_request", default="")
"""The request that is being answered here; empty outside of one."""


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"at_utc": _time(record), "level": record.levelname.lower(), "logger": record.name}
        request = REQUEST.get()
        if request:
            line["request"] = request
        return json.dumps({**line, "message": record.getMessage()}, ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        request = REQUEST.get()
        said = f"{_time(record)} {record.levelname} {record.getMessage()}"
        return f"{said} [{request}]" if request else said


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))


def to_stderr(form: Literal["text", "json"] = "text") -> None:
    """From here on this program's log goes to standard error. No line names a person."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.getLogger().addHandler(handler)
    logging.getLogger("huizhen").setLevel(logging.INFO)
