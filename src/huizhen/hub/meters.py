"""What a running hub is measured by, in Prometheus' form: requests, studies, nodes, ledger. No name of anybody."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from huizhen.kit.told import REQUEST

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from huizhen.hub.hub import Hub

LOG = logging.getLogger("huizhen")
MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADER = b"x-request-id"
_SLOW_SECONDS = 1.0
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WAITING = ("/turn", "/progress")
"""Ends of paths that are held on purpose until there is something to say."""


class _State(Collector):
    """Read from the hub when somebody asks."""

    def __init__(self, hub: Hub, there: Callable[[], Sequence[str]]) -> None:
        self._hub, self._there = hub, there

    def collect(self) -> Iterator[Metric]:
        studies = GaugeMetricFamily("huizhen_studies", "Studies, by where they stand", labels=["status"])
        for status, count in sorted(Tally(status for _, status in self._hub.store.studies()).items()):
            studies.add_metric([status], count)
        yield studies
        yield GaugeMetricFamily("huizhen_nodes_connected", "Nodes that wait for mail now", value=len(self._there()))
        yield GaugeMetricFamily(
            "huizhen_nodes_enrolled", "Nodes that are enrolled", value=len(self._hub.store.node_keys())
        )
        yield GaugeMetricFamily("huizhen_ledger_entries", "Entries of the ledger", value=self._hub.store.size())


class Meters:
    """The meters of one hub."""

    def __init__(self, hub: Hub, there: Callable[[], Sequence[str]]) -> None:
        self.registry = prometheus.CollectorRegistry()
        self.registry.register(_State(hub, there))
        prometheus.ProcessCollector(registry=self.registry)
        self.requests = prometheus.Counter(
            "huizhen_http_requests", "Requests that were answered", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = prometheus.Histogram(
            "huizhen_http_seconds", "Seconds until the answer began", ["method", "route"], buckets=_BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self.under_way = prometheus.Gauge("huizhen_http_under_way", "Requests under way", registry=self.registry)

    def text(self) -> bytes:
        return prometheus.generate_latest(self.registry)


class Observed:
    """Around the hub's application: every request has an id, which its answer and its lines in the log bear."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app, self._meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
        request = given.decode() if _ID.fullmatch(given) else secrets.token_hex(8)
        mark = REQUEST.set(request)
        begun, status = time.perf_counter(), 0

        async def pass_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start" and not status:
                status = message["status"]
                message["headers"] = [*message["headers"], (_HEADER, request.encode())]
                self._tell(scope, status, time.perf_counter() - begun)
            await send(message)

        self._meters.under_way.inc()
        try:
            await self._app(scope, receive, pass_on)
        finally:
            self._meters.under_way.dec()
            REQUEST.reset(mark)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in {"GET", "POST", "PUT", "DELETE", "HEAD"} else "other"
        route = _route(scope)
        self._meters.requests.labels(method, route, status).inc()
        self._meters.seconds.labels(method, route).observe(seconds)
        slow = seconds > _SLOW_SECONDS and not route.endswith(_WAITING)
        level = logging.WARNING if status >= 500 else logging.INFO if status >= 400 or slow else logging.DEBUG
        LOG.log(level, "%s %s %d, %.0f ms", method, route, status, 1000 * seconds)


def _route(scope: Scope) -> str:
    """The form of the path, such as /v1/studies/{study}: what callers write into it is told nowhere."""
    route = getattr(scope.get("route"), "path", None)
    return "other" if route is None else f"{scope.get('root_path', '')}{route}"
