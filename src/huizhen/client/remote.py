"""A hub elsewhere, as its API shows it: the same questions and answers as at the desk of a region on this machine."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx

from huizhen.kit.errors import BadInput, HuizhenError, Lost, from_wire
from huizhen.kit.text import Text
from huizhen.model.assessment import Assessment, Concluded, Opinion
from huizhen.model.dataset import Dataset
from huizhen.model.deed import Kind
from huizhen.model.grant import Reason
from huizhen.model.incident import Declaration, Noted
from huizhen.model.paper import Kind as PaperKind
from huizhen.model.paper import Paper
from huizhen.model.party import Act, Filing, Party
from huizhen.model.settlement import Payment
from huizhen.model.statement import Statement
from huizhen.model.study import Request

Progress = Callable[[str, Text], None]
_HOLD = 20.0
_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_PATIENCE = 300.0
"""Seconds that a hub which is being started anew is waited for while a study runs there."""
_PAGE = 500


def reach(url: str, authority: str, token: str) -> httpx.Client:
    """A client for the hub at this address, whose certificate must be of that authority (PEM). Raises BadInput."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if not url.startswith("https://"):
            raise ValueError("not https")
        context.load_verify_locations(cadata=authority)
        return httpx.Client(base_url=url, verify=context, headers={"Authorization": f"Bearer {token}"})
    except (ValueError, ssl.SSLError, httpx.InvalidURL) as error:
        raise BadInput(
            "bad-hub-address",
            Text(
                "This is not the address of a hub, or the access file is damaged.", "中心地址无效，或访问文件已损坏。"
            ),
            Text("Write --hub https://HOST:PORT.", "请写成 --hub https://主机:端口。"),
        ) from error


class Remote:
    """`client` believes the region's own authority only; it shows a token, or the certificate of a node."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._client.timeout = httpx.Timeout(60.0, connect=10.0)
        self.url = str(client.base_url).rstrip("/")

    def close(self) -> None:
        self._client.close()

    # -- one call

    def _call(self, verb: str, path: str, **more: Any) -> httpx.Response:
        """Raises what the hub answers with; Lost where there is no hub, or none of ours."""
        try:
            heard = self._client.request(verb, f"/v1{path}", **more)
        except httpx.TransportError as problem:
            raise not_reached(self.url, problem) from problem
        if heard.is_success:
            return heard
        raise _said(heard)

    def _get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, params={k: v for k, v in query.items() if v is not None}).json()

    def _send(self, verb: str, path: str, body: str) -> httpx.Response:
        return self._call(verb, path, content=body.encode(), headers={"Content-Type": "application/json"})

    def _post(self, path: str, body: str) -> httpx.Response:
        return self._send("POST", path, body)

    # -- about

    def health(self) -> dict[str, Any]:
        return dict(self._get("/health"))

    def who(self) -> dict[str, Any]:
        return dict(self._get("/who"))

    def nodes(self) -> list[dict[str, Any]]:
        return list(self._get("/nodes"))

    def certificate_ends(self) -> float:
        """POSIX seconds at which the hub's certificate ends. Raises Lost."""
        try:
            with self._client.stream("GET", "/v1/health") as heard:
                found = heard.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
        except httpx.TransportError as problem:
            raise not_reached(self.url, problem) from problem
        return float(ssl.cert_time_to_seconds(found["notAfter"]))

    def cards(self, dataset: str | None = None) -> tuple[Dataset, ...]:
        return tuple(Dataset.read(card) for card in self._get("/datasets", name=dataset))

    # -- studies

    def check(self, request: Request) -> dict[str, Any]:
        return dict(self._post("/studies/check", request.model_dump_json()).json())

    def submit(self, request: Request) -> str:
        """Begin the study there, or take it up; answers its id at once."""
        return str(self._post("/studies", request.model_dump_json()).json()["study"])

    def wait(self, study: str, progress: Progress) -> None:
        """Until the study has ended, told how it goes on. A hub that stops for a while is waited for; raises Lost."""
        after, pause, silent_since = 0, _PAUSE, time.monotonic()
        while True:
            try:
                found = self._get(f"/studies/{study}/progress", after=after, hold=_HOLD)
            except Lost as problem:
                if time.monotonic() - silent_since > _PATIENCE:
                    raise
                progress("wait", problem.what)
                time.sleep(pause)
                after, pause = 0, min(2 * pause, _LONGEST_PAUSE)
                continue
            pause, silent_since = _PAUSE, time.monotonic()
            for line in found["lines"]:
                progress(line["step"], Text(line["en"], line["zh"]))
            after = found["next"]
            if found["status"] != "running" and found["over"]:
                return
            if found["over"]:
                progress("wait", Text("waiting for the hub to take it up", "等待中心继续运行"))
                time.sleep(pause)

    def delivered(self, study: str) -> None:
        self._post(f"/studies/{study}/delivered", "")

    def outcome(self, study: str) -> dict[str, Any]:
        return dict(self._get(f"/studies/{study}"))

    def studies(self) -> list[dict[str, Any]]:
        return list(self._get("/studies"))

    def piece(self, study: str, node: str, number: int) -> bytes:
        return self._call("GET", f"/studies/{study}/rows/{quote(node, safe='')}/{number}").content

    # -- ledger

    def entries(self, size: int | None = None) -> Iterator[dict[str, Any]]:
        """Every entry with its documents, as far as they are shown; only the first `size` where that is given."""
        start = 0
        while True:
            page = self._get("/ledger/entries", start=start, limit=_PAGE)
            end = page["size"] if size is None else min(size, page["size"])
            for each in page["entries"]:
                if each["entry"] < end:
                    yield each
            start += len(page["entries"])
            if start >= end or not page["entries"]:
                return

    def checkpoint(self) -> str:
        return str(self._get("/ledger/checkpoint")["checkpoint"])

    def standing(self) -> dict[str, Any]:
        return dict(self._get("/ledger/witnesses"))

    def prove(self, entry: int) -> bytes:
        return self._call("GET", f"/ledger/entries/{entry}/proof").content

    def keys(self) -> list[str]:
        """What the hub says its own key and the nodes' are."""
        return list(self._get("/ledger/keys")["keys"])

    # -- money

    def statement(self, party: str) -> list[dict[str, Any]]:
        return list(self._get("/money/statement", party=party))

    def postings(self, study: str) -> list[dict[str, Any]]:
        return list(self._get("/money/postings", study=study))

    def receive(self, payment: Payment) -> dict[str, Any]:
        return dict(self._post("/money/payments", payment.model_dump_json()).json())

    # -- the register

    def parties(self) -> tuple[Party, ...]:
        return tuple(Party.read(p) for p in self._get("/parties"))

    def acts(self) -> tuple[Act, ...]:
        return tuple(Act.read(a) for a in self._get("/acts"))

    def register_party(self, party: Party) -> None:
        self._send("PUT", f"/parties/{party.name}", party.model_dump_json())

    def file_act(self, filing: Filing) -> Act:
        return Act.read(self._send("POST", "/acts", filing.model_dump_json()).json())

    def assess(self, request: Request) -> Assessment:
        return Assessment.read(self._post("/studies/assess", request.model_dump_json()).json())

    def conclude(self, request: Request, opinion: Opinion) -> Assessment:
        said = Concluded(request=request, opinion=opinion)
        return Assessment.read(self._post("/assessments", said.model_dump_json()).json())

    def assessment(self, digest: str) -> Assessment:
        return Assessment.read(self._get(f"/assessments/{quote(digest, safe='')}"))

    def exported(self) -> list[dict[str, Any]]:
        return list(self._get("/exported"))

    def upkeep(self) -> tuple[Reason, ...]:
        return tuple(Reason.read(r) for r in self._get("/upkeep"))

    # -- breaches

    def breaches(self) -> list[dict[str, Any]]:
        return list(self._get("/breaches"))

    def breach(self, name: str) -> dict[str, Any]:
        return dict(self._get(f"/breaches/{quote(name, safe='')}"))

    def declare(self, said: Declaration) -> dict[str, Any]:
        return dict(self._post("/breaches", said.model_dump_json()).json())

    def step(self, name: str, said: Noted) -> dict[str, Any]:
        return dict(self._post(f"/breaches/{quote(name, safe='')}/steps", said.model_dump_json()).json())

    def bundle(self, name: str) -> dict[str, Any]:
        return dict(self._get(f"/breaches/{quote(name, safe='')}/bundle"))

    # -- deeds and contracts

    def instruments(self, kind: Kind) -> list[dict[str, Any]]:
        return list(self._get(f"/instruments/{kind}"))

    def instrument(self, kind: Kind, name: str, version: int | None = None) -> dict[str, Any]:
        return dict(self._get(f"/instruments/{kind}/{quote(name, safe='')}", version=version))

    def draft(self, kind: Kind, terms: dict[str, Any]) -> dict[str, Any]:
        return dict(self._post(f"/instruments/{kind}", json.dumps(terms)).json())

    def move(self, kind: Kind, name: str, said: dict[str, Any]) -> dict[str, Any]:
        return dict(self._post(f"/instruments/{kind}/{quote(name, safe='')}/steps", json.dumps(said)).json())

    def to_commit(self, study: str) -> dict[str, Any]:
        return dict(self._get(f"/studies/{study}/commitment"))

    def commit(self, study: str, signature: str) -> None:
        self._post(f"/studies/{study}/commitment", json.dumps({"signature": signature}))

    # -- papers

    def papers(self, *kinds: PaperKind, subject: str | None = None) -> list[dict[str, Any]]:
        """Those of these kinds (none said: of all), in the order in which they were filed."""
        found = self._get("/papers", subject=subject, kind=kinds[0] if len(kinds) == 1 else None)
        return [p for p in found if not kinds or p["kind"] in kinds]

    def file(self, paper: Paper) -> dict[str, Any]:
        return dict(self._post("/papers", paper.model_dump_json()).json())

    def say(self, kind: PaperKind, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        said = {"kind": kind, "subject": subject, "body": body}
        return dict(self._post("/papers/trustee", json.dumps(said)).json())

    def reviews(self) -> list[dict[str, Any]]:
        return list(self._get("/reviews"))

    def review(self, study: str) -> dict[str, Any]:
        return dict(self._get(f"/reviews/{study}"))

    def blacklist(self, subject: str | None = None) -> list[dict[str, Any]]:
        return list(self._get("/blacklist", subject=subject))

    def scan(self, days: int) -> list[dict[str, Any]]:
        return list(self._call("POST", "/watch/scan", params={"days": days}).json())

    def alarms(self, every: bool) -> list[dict[str, Any]]:
        return list(self._get("/watch/alarms", all=str(every).lower()))

    def credibility(self) -> list[dict[str, Any]]:
        return list(self._get("/watch/credibility"))

    # -- nodes

    def announce(self, said: Statement) -> None:
        self._post("/node/statements", said.model_dump_json())


def not_reached(url: str, problem: Exception) -> Lost:
    """What a person can do about a hub that does not answer."""
    if "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return Lost(
            "hub-not-believed",
            Text(f"What answers at {url} has not the certificate of your hub.", f"{url} 处的证书不属于您的中心。"),
            Text(
                "Check the address and this machine's clock; then ask the trustee. Send it nothing until it is clear.",
                "请核对地址与本机时钟，再询问受托方；查明之前请勿发送任何内容。",
            ),
        )
    return Lost(
        "hub-not-reached",
        Text(
            f"There is no answer from {url} ({type(problem).__name__}).",
            f"{url} 没有应答（{type(problem).__name__}）。",
        ),
        Text(
            "Check the address, the network, the proxy (HTTPS_PROXY), and that the hub is up.",
            "请检查地址、网络、代理（HTTPS_PROXY）以及中心是否在运行。",
        ),
    )


def _said(heard: httpx.Response) -> HuizhenError:
    """The error that the hub answered with; Lost where whoever answered is none of ours."""
    try:
        return from_wire(heard.json()["error"])
    except (ValueError, KeyError, TypeError):
        return Lost(
            "hub-answers-otherwise",
            Text(f"The hub answers with status {heard.status_code}.", f"中心返回状态 {heard.status_code}。"),
            Text("Check the address; something between may answer in its place.", "请核对地址；可能由中间设备代答。"),
        )
