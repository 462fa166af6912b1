"""Attacks on the hub's API: without a token, in another's name, for another node, with what is too large or crooked."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from huizhen.adapters import database as db
from huizhen.adapters.outbox import Outbox
from huizhen.hub.api import gate
from huizhen.hub.api.gate import LARGEST_BODY, Pace
from huizhen.hub.desk import PAGE
from huizhen.hub.scope import AREAS, check_scope
from huizhen.kit.errors import BadInput, Lost, Refused
from huizhen.kit.keys import SigningKey
from huizhen.model.statement import Statement
from huizhen.node import consents, saying
from huizhen.node.saying import Saying
from huizhen.node.statements import deliver
from reached import Reached, asked, code

GUARDED = [
    ("GET", "/v1/who"), ("GET", "/v1/datasets"), ("GET", "/v1/nodes"), ("POST", "/v1/studies/check"),
    ("POST", "/v1/studies"), ("GET", "/v1/studies"), ("GET", "/v1/studies/{study}"),
    ("GET", "/v1/studies/{study}/progress"), ("GET", "/v1/studies/{study}/result"),
    ("GET", "/v1/studies/{study}/rows/{node}/{number}"),
    ("POST", "/v1/studies/{study}/delivered"), ("GET", "/v1/ledger/entries"), ("GET", "/v1/ledger/checkpoint"),
    ("GET", "/v1/ledger/entries/3/proof"), ("GET", "/v1/ledger/keys"), ("GET", "/v1/ledger/witnesses"),
    ("GET", "/v1/money/statement?party=acme"), ("GET", "/v1/metrics"),
    ("GET", "/v1/money/postings?study={study}"), ("POST", "/v1/node/statements"),
    ("GET", "/v1/parties"), ("GET", "/v1/parties/acme"), ("PUT", "/v1/parties/acme"), ("GET", "/v1/acts"),
    ("POST", "/v1/acts"),
    ("GET", "/v1/instruments/{kind}"), ("GET", "/v1/instruments/{kind}/{name}"), ("POST", "/v1/instruments/deed"),
    ("POST", "/v1/instruments/contract"), ("POST", "/v1/instruments/{kind}/{name}/steps"),
    ("GET", "/v1/studies/{study}/commitment"), ("POST", "/v1/studies/{study}/commitment"),
    ("POST", "/v1/money/payments"), ("POST", "/v1/studies/assess"), ("POST", "/v1/assessments"),
    ("GET", "/v1/assessments/{digest}"), ("GET", "/v1/upkeep"), ("GET", "/v1/exported"),
    ("GET", "/v1/papers"), ("POST", "/v1/papers"), ("POST", "/v1/papers/trustee"), ("GET", "/v1/reviews"),
    ("GET", "/v1/reviews/{study}"), ("GET", "/v1/blacklist"), ("GET", "/v1/watch/alarms"),
    ("GET", "/v1/watch/alarms/{alarm}"), ("POST", "/v1/watch/scan"), ("GET", "/v1/watch/credibility"),
    ("GET", "/v1/breaches"), ("POST", "/v1/breaches"), ("GET", "/v1/breaches/{breach}"),
    ("POST", "/v1/breaches/{breach}/steps"), ("GET", "/v1/breaches/{breach}/bundle"),
]  # fmt: skip
PARTY = {"name": "lab", "kind": "academic", "jurisdiction": "CN"}
ACT = {"kind": "ethics-review", "party": "lab", "until_day": "2099-12-31"}
ASSESSED = {"document": "0" * 64, "purpose": "HMB", "method": "count", "release": None, "columns": [],
            "protection": {"min_cell": 3}}  # fmt: skip
"""A trustee that would have the gate believe in an assessment that was never written."""
CONCLUDED = {
    "request": {"title": "t", "asker": "acme", "purpose": "HMB", "dataset": "d", "method": "count"},
    "opinion": {"by": "me", "outcome": "granted", "note": "n"},
}
REGISTER: list[tuple[str, str, str, Any, int, str | None]] = [
    ("GET", "/v1/parties/lab", "asker", None, 404, "unregistered-party"),
    ("PUT", "/v1/parties/lab", "asker", PARTY, 403, "wrong-role"),
    ("PUT", "/v1/parties/lab", "auditor", PARTY, 403, "wrong-role"),
    ("PUT", "/v1/parties/lab", "regulator", PARTY, 403, "wrong-role"),
    ("PUT", "/v1/parties/lab", "node", PARTY, 403, "wrong-role"),
    ("POST", "/v1/acts", "asker", ACT, 403, "wrong-role"),
    ("POST", "/v1/acts", "auditor", ACT, 403, "wrong-role"),
    ("POST", "/v1/acts", "regulator", ACT, 403, "wrong-role"),
    ("POST", "/v1/acts", "node", ACT, 403, "wrong-role"),
    ("POST", "/v1/assessments", "asker", CONCLUDED, 403, "wrong-role"),
    ("POST", "/v1/assessments", "auditor", CONCLUDED, 403, "wrong-role"),
    ("POST", "/v1/assessments", "node", CONCLUDED, 403, "wrong-role"),
    ("GET", f"/v1/assessments/{'0' * 64}", "asker", None, 404, "unknown-assessment"),
    ("POST", "/v1/acts", "trustee", {**ACT, "kind": "impact-assessment", "assessed": ASSESSED}, 400, "bad-request"),
    ("GET", "/v1/parties/lab", "trustee", None, 404, "unregistered-party"),
    ("PUT", "/v1/parties/another", "trustee", PARTY, 400, "bad-request"),
    ("PUT", "/v1/parties/lab", "trustee", {**PARTY, "kind": "academia"}, 400, "bad-request"),
    ("PUT", "/v1/parties/lab", "trustee", {**PARTY, "more": 1}, 400, "bad-request"),
    ("POST", "/v1/acts", "trustee", {"kind": "ethics-review"}, 400, "act-for-nobody"),
    ("POST", "/v1/acts", "trustee", {**ACT, "until_day": "2001-01-01"}, 400, "act-over"),
    ("POST", "/v1/acts", "trustee", {**ACT, "until_day": "31.12.2099"}, 400, "bad-request"),
    ("PUT", "/v1/parties/lab", "trustee", PARTY, 200, None),
    ("POST", "/v1/acts", "trustee", ACT, 201, None),
    ("GET", "/v1/parties/lab", "asker", None, 200, None),
    ("GET", "/v1/parties/lbb", "auditor", None, 404, "unregistered-party"),
    ("GET", "/v1/parties", "node", None, 200, None),
    ("GET", "/v1/acts?party=lab", "regulator", None, 200, None),
]
"""Verb, path, role, body, status and code, in this order."""


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "_STRANGER_BURST", 1000.0)  # there are so many endpoints to be tried as a stranger
        made = Reached(tmp_path_factory.mktemp("reached"))
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def acme(reached: Reached) -> httpx.Client:
    return reached.caller("acme", "asker")


def test_every_endpoint_but_health_and_description_asks_who_is_there(reached: Reached, acme: httpx.Client) -> None:
    described = acme.get("/v1/openapi.json").json()["paths"]
    found = {(verb.upper(), f"/v1{path}") for path, verbs in described.items() for verb in verbs}
    known = {
        (v, p.partition("?")[0].replace("/3/", "/{entry}/").replace("/parties/acme", "/parties/{name}"))
        for v, p in GUARDED
    }
    assert found == known | {("GET", "/v1/health")}
    nobody = reached.client("")
    del nobody.headers["Authorization"]
    for verb, path in GUARDED:
        place = path.format(
            study=reached.study, kind="deed", name="x", digest="0", breach="br-0", alarm="0", node="h0", number="0"
        )
        assert code(nobody.request(verb, place)) == (403, "no-token"), place
        wrong = nobody.request(verb, place, headers={"Authorization": "Bearer hz_" + "A" * 43})
        assert code(wrong) == (403, "token-refused"), place
    assert nobody.get("/v1/health").status_code == 200


def test_a_token_that_is_revoked_or_too_old_opens_nothing_from_the_next_request_on(reached: Reached) -> None:
    client = reached.caller("short-lived", "asker")
    assert client.get("/v1/who").json() == {"name": "short-lived", "role": "asker"}
    assert reached.tokens.revoke("short-lived") == 1
    assert code(client.get("/v1/who")) == (403, "token-refused")
    old = reached.caller("old", "auditor")
    assert old.get("/v1/studies").status_code == 200
    with db.writing(reached.hub.engine) as c:
        past = (reached.hub.clock() - timedelta(seconds=1)).isoformat()
        c.execute(update(db.token).where(db.token.c.name == "old").values(until_utc=past))
    assert code(old.get("/v1/studies")) == (403, "token-refused")


SCOPED: list[tuple[tuple[str, ...], set[str]]] = [
    (("read",), {"GET"}),
    (("ledger",), {"ledger"}),
    (("studies:read", "money"), {"GET studies", "money"}),
    ((), {"GET", "POST", "PUT"}),
]
"""Scope of a trustee's token, and the verbs, areas, or both that it opens."""


@pytest.mark.parametrize(("scope", "opens"), SCOPED)
def test_a_token_opens_no_more_than_its_scope(reached: Reached, scope: tuple[str, ...], opens: set[str]) -> None:
    client = reached.client(reached.tokens.add("scoped", "trustee", 1, scope)[0])
    for verb, path in GUARDED:
        area = path.split("/")[2].partition("?")[0]
        place = path.format(study=reached.study, kind="deed", name="x", digest="0", breach="b", alarm="0", node="h0",
                            number="0")  # fmt: skip
        out = (403, "out-of-scope")
        heard = client.request(verb, place, json=[] if verb != "GET" else None)
        refused = heard.status_code == 403 and code(heard) == out
        inside = area == "who" or bool({verb, area, f"{verb} {area}"} & opens)
        assert refused != inside, (verb, place)
    for dodge in ("/v1//studies", "/v1/ledger/../studies", "/v1/%73tudies", "/v1/LEDGER/../studies"):
        if "ledger" in scope:
            assert client.get(dodge).status_code in {403, 404}, dodge


def test_a_scope_that_is_none_is_refused() -> None:
    for wrong in ("write", "studies:write", "", "ledger:read:read", "who"):
        with pytest.raises(BadInput, match="is not a scope"):
            check_scope((wrong,))
    assert {p.split("/")[2].partition("?")[0] for _, p in GUARDED} == {*AREAS, "who", "node"}


def test_only_the_hash_of_a_token_is_kept(reached: Reached) -> None:
    secret = reached.token("kept", "asker")
    files = [p for p in reached.folder.rglob("*") if p.is_file() and p.name.startswith("hub.sqlite")]
    assert files and all(secret.encode() not in p.read_bytes() for p in files)


def test_an_asker_asks_in_its_own_name_only(reached: Reached, acme: httpx.Client) -> None:
    for place in ("/v1/studies", "/v1/studies/check"):
        assert code(acme.post(place, json=asked(asker="rival"))) == (403, "not-your-name")
    before = len(reached.hub.store.studies())
    for role in ("trustee", "auditor", "regulator"):
        other = reached.caller("acme", role)
        assert code(other.post("/v1/studies", json=asked())) == (403, "wrong-role")
        assert code(other.post(f"/v1/studies/{reached.study}/delivered")) == (403, "wrong-role")
    assert code(reached.node("h0").post("/v1/studies", json=asked())) == (403, "wrong-role")
    assert len(reached.hub.store.studies()) == before


def test_an_asker_sees_its_own_studies_and_money_and_no_others(reached: Reached, acme: httpx.Client) -> None:
    rival, study = reached.caller("rival", "asker"), reached.study
    assert [s["study"] for s in acme.get("/v1/studies").json()] == [study]
    assert rival.get("/v1/studies").json() == []
    for place in ("", "/result", "/progress", "/progress?hold=5"):
        assert acme.get(f"/v1/studies/{study}{place}").status_code == 200
        assert code(rival.get(f"/v1/studies/{study}{place}")) == (404, "unknown-study")
    assert code(rival.post(f"/v1/studies/{study}/delivered")) == (404, "unknown-study")
    assert code(rival.get(f"/v1/money/postings?study={study}")) == (404, "unknown-study")
    for party in ("acme", "asker:acme", "operator", "h0", "patients@h0", "hospital:h0"):
        assert code(rival.get("/v1/money/statement", params={"party": party})) == (403, "not-your-account")
    assert rival.get("/v1/money/statement?party=rival").json() == []
    assert acme.get("/v1/money/statement?party=acme").json()[0]["balance_fen"] == -900
    node = reached.node("h0")
    assert node.get("/v1/money/statement?party=h0").json()[0]["balance_fen"] > 0
    assert code(node.get("/v1/money/statement?party=h1")) == (403, "not-your-account")
    assert code(node.get(f"/v1/studies/{study}")) == (404, "unknown-study")
    for role in ("trustee", "auditor", "regulator"):
        watcher = reached.caller("watcher", role)
        assert watcher.get(f"/v1/studies/{study}").status_code == 200
        assert watcher.get("/v1/money/statement?party=operator").json()


def test_documents_of_the_ledger_are_shown_to_whom_may_see_the_study(reached: Reached, acme: httpx.Client) -> None:
    def documents(client: httpx.Client) -> dict[str, int]:
        kinds: dict[str, int] = {}
        for e in client.get("/v1/ledger/entries").json()["entries"]:
            kind = json.loads(e["leaf"])["kind"]
            kinds[kind] = kinds.get(kind, 0) + len(e["documents"])
        return kinds

    rival, own, all_ = (documents(c) for c in (reached.caller("rival", "asker"), acme, reached.caller("w", "auditor")))
    assert own == {**all_, "data-used": 0} and own["study-guarded"] == 2 and own["study-settled"] == 1
    assert all_["data-used"] == 3 and documents(reached.node("h0"))["data-used"] == 1
    assert all(n == 0 for kind, n in rival.items() if kind.startswith("study-"))
    assert rival["dataset-registered"] == own["dataset-registered"] == 6


def test_a_node_speaks_for_itself_only_and_only_with_its_signature(reached: Reached) -> None:
    with closing(reached.agent("h0")) as agent, closing(Outbox(agent.folder / "node.sqlite")) as outbox:
        saying.grant(agent, Saying("P-new", "HMB"))
        number, text = outbox.unsaid()[-1]
        said = Statement.model_validate_json(text)
        post = "/v1/node/statements"
        size = reached.hub.store.size()
        own, other = reached.node("h0"), reached.node("h1")
        assert code(other.post(post, content=text)) == (403, "another-nodes-word")
        assert code(reached.caller("acme", "asker").post(post, content=text)) == (403, "wrong-role")
        assert code(reached.caller("t", "trustee").post(post, content=text)) == (403, "wrong-role")
        changed = said.model_copy(update={"body": {**said.body, "changes": 10**6}})
        forged = said.signed(SigningKey(b"\1" * 32).sign)
        unsigned = said.model_copy(update={"signature": ""})
        for wrong in (changed, forged, unsigned):
            assert code(own.post(post, content=wrong.model_dump_json())) == (403, "statement-not-signed")
        card = reached.hub.store.cards("d")[1]
        assert card.holder == "h1"
        stolen = Statement(node="h0", number=number + 1, kind="dataset-registered", body={"card": card.as_json()})
        assert code(own.post(post, content=stolen.signed(agent.key.sign).model_dump_json())) == (500, "another-holder")
        assert reached.hub.store.size() == size
        for _ in range(2):
            assert own.post(post, content=text).status_code == 204
        assert reached.hub.store.size() == size + 1
        older = said.model_copy(update={"number": number - 1}).signed(agent.key.sign)
        assert code(own.post(post, content=older.model_dump_json())) == (403, "statement-old")
        assert reached.hub.store.size() == size + 1


def test_what_a_node_was_not_heard_to_say_is_kept_until_it_is(reached: Reached) -> None:
    def refused(_said: Statement) -> None:
        raise Refused("x", *(2 * [consents.PURPOSES["HMB"].label]))

    heard: list[Statement] = []
    with closing(reached.agent("h2")) as agent:
        deliver(agent, heard.append)
        heard.clear()
        saying.grant(agent, Saying("P-one", "HMB"))
        saying.grant(agent, Saying("P-two", "HMB"))
        with pytest.raises(Refused):
            deliver(agent, refused)
        assert deliver(agent, heard.append) == 2 and deliver(agent, heard.append) == 0
    assert [s.body["epoch"] for s in heard] == [heard[0].body["epoch"], heard[0].body["epoch"] + 1]
    assert heard[0].number < heard[1].number


def test_a_revoked_node_is_not_heard(reached: Reached) -> None:
    with closing(reached.agent("h1")) as agent, closing(Outbox(agent.folder / "node.sqlite")) as outbox:
        saying.grant(agent, Saying("P-late", "HMB"))
        text = outbox.unsaid()[-1][1]
        client = reached.node("h1")
        assert client.get("/v1/who").json() == {"name": "h1", "role": "node"}
        reached.server.enrolment.revoke("h1")
        assert code(client.post("/v1/node/statements", content=text)) == (403, "no-token")
        assert code(client.get("/v1/who")) == (403, "no-token")


def spoken(reached: Reached, said: bytes) -> bytes:
    """What the hub answers to these bytes, written to the connection as they are: a client would tidy them first."""
    context = ssl.create_default_context(cadata=reached.authority)
    with (
        socket.create_connection(("localhost", reached.server.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        line.sendall(said)
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.parametrize("length", [b"Content-Length: 9000000000", b"Transfer-Encoding: chunked"])
def test_a_body_that_is_too_large_is_refused_before_it_has_come(
    length: bytes, reached: Reached, acme: httpx.Client
) -> None:
    """A little more than what is allowed is sent of it, and no more: the answer comes all the same."""
    token = acme.headers["Authorization"].encode()
    part = b" " * (LARGEST_BODY + 65536)
    if b"chunked" in length:
        part = b"%x\r\n%b\r\n" % (len(part), part)
    head = b"POST /v1/studies HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\n%b\r\n\r\n" % (token, length)
    heard = spoken(reached, head + part)
    assert heard.startswith(b"HTTP/1.1 400") and b"request-too-large" in heard
    assert code(acme.post("/v1/studies", content=b" " * (LARGEST_BODY + 1))) == (400, "request-too-large")


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"title": 1}', b"[" * 100_000, b'{"a":' * 50_000, b"NaN",
     b'{"price_fen": 1e400}'],
)  # fmt: skip
def test_what_is_no_study_is_refused_in_words(body: bytes, acme: httpx.Client) -> None:
    assert code(acme.post("/v1/studies", content=body)) == (400, "bad-request")


@pytest.mark.parametrize(
    "changed",
    [{"asker": "acme/../rival"}, {"price_fen": "7"}, {"price_fen": 7.5}, {"quorum": True}, {"more": 1},
     {"protection": {"min_cell": 1}}, {"title": ""}, {"params": []}, {"deadline_minutes": 1e9}],
)  # fmt: skip
def test_nothing_is_coerced_and_nothing_unknown_is_let_pass(changed: dict[str, Any], acme: httpx.Client) -> None:
    assert code(acme.post("/v1/studies", json={**asked(), **changed})) == (400, "bad-request")


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"purpose": "NOPE"}, "unknown-purpose"), ({"dataset": "../d"}, "unknown-dataset"),
     ({"method": "os.system"}, "unknown-method"), ({"participants": ["h9"]}, "unknown-dataset"),
     ({"cohort": "age > 1; DROP TABLE d"}, "bad-cohort")],
)  # fmt: skip
def test_what_the_commands_would_find_wrong_the_hub_finds_wrong(
    changed: dict[str, Any], said: str, reached: Reached, acme: httpx.Client
) -> None:
    before = reached.hub.store.size()
    status, found = code(acme.post("/v1/studies", json={**asked(), **changed}))
    assert (status, found) == (400, said)
    assert reached.hub.store.size() == before


@pytest.mark.parametrize(
    "path",
    ["/v1/studies/../../etc/passwd", "/v1/studies/%2e%2e%2f%2e%2e%2fhub.key", "/v1/studies/st-%00", "/v1/studies/st-1",
     "/v1/studies/st-0123456789abcdeF", "/v1/ledger/entries/-1/proof", "/v1/ledger/entries/1e3/proof", "/v1/..",
     "/v1/ledger/entries/99999999999999999999/proof", "//v1/who", "/v1/who/", "/v1/node/../studies", "/hub.sqlite"],
)  # fmt: skip
def test_no_path_leads_anywhere_else(path: str, reached: Reached, acme: httpx.Client) -> None:
    token = acme.headers["Authorization"]
    said = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
    heard = spoken(reached, said.encode())
    status = int(heard.split(b" ", 2)[1])
    assert status in {307, 400, 404}, heard
    assert b"root:" not in heard and b"SQLite" not in heard and b"Traceback" not in heard


@pytest.mark.parametrize(
    "query", ["start=-1", f"limit={PAGE + 1}", "start=x", "limit=0", "start=1e3", "more=1", "start=0&start=1"]
)
def test_no_more_than_a_page_is_had_at_once(query: str, acme: httpx.Client) -> None:
    assert code(acme.get(f"/v1/ledger/entries?{query}")) == (400, "bad-request")


def test_who_asks_too_often_is_slowed_and_others_are_not() -> None:
    now = [0.0]
    pace = Pace(rate=2, burst=5, now=lambda: now[0])
    for _ in range(5):
        pace.check("acme")
    with pytest.raises(Lost) as found:
        pace.check("acme")
    assert found.value.code == "too-many-requests"
    pace.check("rival")
    now[0] = 0.5
    pace.check("acme")
    with pytest.raises(Lost):
        pace.check("acme")


def test_the_gate_slows_callers_and_strangers(reached: Reached) -> None:
    client = reached.caller("hasty", "asker")
    for _ in range(2000):
        heard = client.get("/v1/who")
        if heard.status_code != 200:
            break
    assert code(heard) == (503, "too-many-requests") and heard.headers["Retry-After"] == "1"
    assert reached.caller("calm", "asker").get("/v1/who").status_code == 200


def test_a_fault_shows_nothing_of_its_inside(reached: Reached, acme: httpx.Client, monkeypatch: Any) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("row value 4711")

    monkeypatch.setattr(reached.server.studies.desk, "cards", broken)
    heard = acme.get("/v1/datasets")
    assert code(heard) == (500, "unexpected")
    assert "4711" not in heard.text and "Traceback" not in heard.text


def test_answers_are_kept_by_nobody(acme: httpx.Client) -> None:
    for path in ("/v1/who", "/v1/nothing", "/v1/studies/st-0123456789abcdef"):
        heard = acme.get(path)
        assert heard.headers["cache-control"] == "no-store" and heard.headers["x-content-type-options"] == "nosniff"


def test_a_hub_of_another_authority_is_told_nothing(reached: Reached, tmp_path: Path) -> None:
    from huizhen.adapters.certificates import Authority
    from huizhen.client.remote import Remote, reach

    stranger = Authority.open(tmp_path / "tls", reached.hub.clock()).pem.decode()
    with closing(Remote(reach(reached.url, stranger, "hz_secret"))) as remote, pytest.raises(Lost) as found:
        remote.who()
    assert found.value.code == "hub-not-believed"


def test_the_register_is_kept_by_trustees_only_and_the_ledger_says_by_whom(reached: Reached) -> None:
    callers = {role: reached.caller(f"a-{role}", role) for role in ("asker", "trustee", "auditor", "regulator")}
    callers["node"] = reached.node("h0")
    for verb, path, role, body, status, why in REGISTER:
        before = reached.hub.store.register.parties(), reached.hub.store.register.acts()
        heard = callers[role].request(verb, path, json=body)
        assert heard.status_code == status, (verb, path, role, heard.text)
        if why is not None:
            assert code(heard) == (status, why), (verb, path, role)
            assert (reached.hub.store.register.parties(), reached.hub.store.register.acts()) == before
    (act,) = callers["asker"].get("/v1/acts?party=lab&dataset=d").json()
    assert act["outcome"] == "granted" and act["from_day"] <= act["until_day"]
    leaves = [json.loads(leaf) for leaf in reached.hub.store.leaves()]
    filed = [(e["kind"], e["actor"]) for e in leaves if e["kind"] in ("party-registered", "act-filed")]
    assert filed == [("party-registered", "a-trustee"), ("act-filed", "a-trustee")]
