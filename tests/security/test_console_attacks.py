"""Attacks on the console: pages of others, forms from elsewhere, fixed sessions, guessed codes, links used twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy import update

from huizhen.adapters import database as db
from huizhen.adapters.accounts import TRIES, Accounts
from huizhen.adapters.database import migrate, open_engine
from huizhen.adapters.sessions import IDLE, LONGEST, Sessions
from huizhen.console import app as console
from huizhen.console.visit import COOKIE, way_back
from huizhen.kit.clock import utc_now
from huizhen.kit.errors import Refused
from huizhen.model.casebook import key_of
from huizhen.model.paper import Paper
from visitors import ROLES, Visited, form_key, goes_to

ALL, SEERS = frozenset(ROLES), frozenset({"trustee", "auditor", "regulator"})
PAGES: dict[str, frozenset[str]] = {
    "/": ALL, "/account": ALL, "/data": ALL, "/data/d": ALL, "/studies": ALL, "/studies/new": frozenset({"asker"}),
    "/studies/{study}": SEERS | {"asker"}, "/studies/{study}/progress": SEERS | {"asker"},
    "/studies/{study}/report.html": SEERS | {"asker"}, "/studies/{study}/report.pdf": SEERS | {"asker"},
    "/studies/{study}/figures.zip": SEERS | {"asker"}, "/studies/{study}/outcome.json": SEERS | {"asker"},
    "/reviews": ALL, "/contracts": ALL - {"reviewer"}, "/hospitals": SEERS, "/hospitals/flow": SEERS, "/alarms": SEERS,
    "/money": SEERS | {"asker"}, "/ledger": ALL, "/ledger/3": ALL, "/ledger/3/proof": ALL, "/rules": ALL,
}  # fmt: skip
"""Every page, and for whom it is. The asker is acme, whose study it is."""
FORMS = ("/account/password", "/account/passkeys/remove", "/studies/check", "/studies/new", "/studies/count",
         "/sign-out", "/acts/said", "/acts/step")  # fmt: skip
SCRIPTED = ("/account/passkeys", "/account/passkeys/options", "/acts/papers", "/acts/steps", "/acts/commitment")
"""What scripts send, as JSON."""
OTHERS = ("/reviews/{study}", "/contracts/deed/x")
"""Pages of something that is not there."""
PASSWORD = "four unrelated words here"


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    made = Visited(tmp_path_factory.mktemp("visited"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attackers of these tests may knock as often as they like, but where that is what is tried."""
    monkeypatch.setattr("huizhen.hub.api.gate.Pace.check", lambda *_: None)


def test_every_page_is_in_the_table(visited: Visited) -> None:
    made = console.make_console(visited.server.studies, lambda: [], ["localhost"])
    described = made.openapi()["paths"].items()
    gets = {path for path, verbs in described if "get" in verbs}
    names = {"{study}": "{study}", "{name}": "d", "{entry}": "3", "{kind}": "deed"}
    written = set()
    for path in gets - {"/sign-in", "/link", "/static/console.css"}:
        filled = path.replace("{name}", "x") if path.startswith("/contracts/") else path
        for name, value in names.items():
            filled = filled.replace(name, value)
        written.add(filled)
    assert written == {*PAGES, *OTHERS}
    posts = {path for path, verbs in described if "post" in verbs}
    assert posts - {"/sign-in", "/sign-in/passkey", "/sign-in/passkey/options", "/link"} == {*FORMS, *SCRIPTED}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_its_pages_and_learns_nothing_of_others(visited: Visited, role: str) -> None:
    person = visited.person(f"role-{role}", role, "acme" if role == "asker" else f"house-of-{role}")
    for path, roles in PAGES.items():
        heard = person.get("/console" + path.format(study=visited.study))
        assert heard.status_code == (200 if role in roles else 404), (role, path)
    rival = visited.person(f"rival-{role}", "asker", "rival")
    unknown = rival.get("/console/studies/st-" + "0" * 16)
    others = rival.get(f"/console/studies/{visited.study}")
    assert others.status_code == unknown.status_code == 404
    assert others.text.replace(visited.study, "X") == unknown.text.replace("st-" + "0" * 16, "X")
    assert rival.get("/console/money?party=acme").status_code == 403


def test_without_a_session_every_page_leads_to_the_sign_in_and_back(visited: Visited) -> None:
    nobody = visited.stranger()
    for path in PAGES:
        place = "/console" + path.format(study=visited.study)
        heard = nobody.get(place)
        assert goes_to(heard) == place
        nobody.cookies.set(COOKIE, "made-up", domain="localhost")
        assert goes_to(nobody.get(place)) == place
        nobody.cookies.clear()
    for path in FORMS:
        assert nobody.post("/console" + path, data={}).status_code == 303
    for path in SCRIPTED:
        assert nobody.post("/console" + path, json={}).status_code == 303


def test_a_form_from_elsewhere_changes_nothing(visited: Visited) -> None:
    person = visited.person("li.wei", "asker", "acme")
    key, before = form_key(person.get("/console/account")), len(visited.hub.store.studies())
    strangers = form_key(visited.person("other", "asker", "rival").get("/console/account"))
    given = {"title": "t", "dataset": "d", "purpose": "HMB", "method": "count", "min_cell": "10", "price": "0"}
    attempts: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({"key": "0" * 64}, {}),
        ({"key": strangers}, {}),
        ({"key": key}, {"origin": "https://evil.example"}),
        ({"key": key}, {"origin": "null"}),
        ({"key": key}, {"sec-fetch-site": "cross-site"}),
        ({"key": key}, {"sec-fetch-site": "same-site"}),
    ]
    for more, headers in attempts:
        for path in FORMS:
            heard = person.post("/console" + path, data={**given, **more}, headers=headers)
            assert heard.status_code == 403, (path, more, headers)
            assert "not-from-this-page" in heard.text
        for path in SCRIPTED:
            assert person.post("/console" + path, json=more, headers=headers).status_code == 403
    assert len(visited.hub.store.studies()) == before
    assert person.get("/console/").status_code == 200
    assert person.post("/console/studies/check", data={**given, "key": key}).status_code == 200


def signed(visited: Visited, kind: str, subject: str, by: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A paper as the script of the page sends it, signed with the casebook's key of `by`, or of `signer`."""
    desk, key = visited.server.studies.desk.papers, key_of(more.pop("signer", by))
    said = {"region": visited.hub.origin, "kind": kind, "subject": subject, "by": by, "body": body,
            "day": desk.today(), "key": key.public.hex(), **more}  # fmt: skip
    made = Paper.read(said).signed(key.sign).as_json()
    return {"signature": made.pop("signature"), "document": made}


@pytest.mark.parametrize("role", ROLES)
def test_nobody_says_in_the_browser_what_is_not_theirs_to_say(visited: Visited, role: str) -> None:
    """Trustees speak in the hub's name, and nobody else; whatever is signed with no key on file is nobody's word."""
    person = visited.person(f"says-{role}", role, "acme" if role == "asker" else f"house-of-{role}")
    key, before = form_key(person.get("/console/account")), visited.hub.store.size()
    listing = {"body.ground": "x", "body.from_day": "2020-01-01", "body.until_day": "2020-01-02"}
    said = {"key": key, "kind": "party-listed", "subject": "somebody", **listing}
    heard = person.post("/console/acts/said", data=said)
    assert heard.status_code == (303 if role == "trustee" else 403)
    step = {"key": key, "kind": "contract", "name": "none", "step": "offer"}
    assert person.post("/console/acts/step", data=step).status_code == (404 if role == "trustee" else 403)
    assert visited.hub.store.size() == before + (role == "trustee")
    before = visited.hub.store.size()
    term = {"ground": "x", "from_day": "2020-01-01", "until_day": "2020-01-02"}
    unsigned = signed(visited, "party-listed", "other", "agency", term) | {"signature": ""}
    by_hub = signed(visited, "party-listed", "other", "hub", term, signer="hub-made")
    for made in (signed(visited, "party-listed", "other", "agency", term), by_hub, unsigned):
        assert person.post("/console/acts/papers", json={"key": key, **made}).status_code == 403
    for crooked in ({}, {"document": []}, {"document": {"kind": "x"}}, {"document": None, "signature": 1}):
        assert person.post("/console/acts/papers", json={"key": key, **crooked}).status_code == 400, crooked
    forged = {"key": key, "kind": "contract", "name": "none", "step": "sign", "signature": "00" * 64}
    assert person.post("/console/acts/steps", json=forged).status_code == 404
    assert person.post("/console/acts/steps", json={**forged, "step": "begin"}).status_code == 400
    promise = {"key": key, "study": visited.study, "signature": "00" * 64}
    assert person.post("/console/acts/commitment", json=promise).status_code == (
        404 if role == "reviewer" else 409 if role == "asker" else 403
    )
    assert person.post("/console/acts/commitment", json={**promise, "study": "st-" + "0" * 16}).status_code == 404
    assert visited.hub.store.size() == before


def test_after_an_act_a_page_leads_nowhere_else(visited: Visited) -> None:
    person = visited.person("led", "trustee", "trust")
    key = form_key(person.get("/console/account"))
    said = {"key": key, "kind": "party-listed", "subject": "led", "body.ground": "x", "body.from_day": "2020-01-01",
            "body.until_day": "2020-01-02", "to": "https://evil.example/"}  # fmt: skip
    assert goes_to(person.post("/console/acts/said", data=said)) == "/console/"


def test_a_session_that_an_attacker_chose_is_not_taken_up(visited: Visited) -> None:
    attacker = visited.person("mallory", "asker", "rival")
    secret = attacker.cookies[COOKIE]
    victim = visited.stranger()
    for chosen in ("chosen-by-mallory", secret):
        link = visited.link("victim", "trustee")
        heard = victim.post("/console/link", data={"secret": link}, headers={"cookie": f"{COOKIE}={chosen}"})
        assert heard.status_code == 303 and chosen not in heard.headers["set-cookie"]
        victim.cookies.clear()
    assert goes_to(attacker.get("/console/")) == "/console/", "what was used to sign in elsewhere is over"


@pytest.mark.parametrize(
    "to",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/console//evil.example", "/consoles",
     "javascript:1", "/console/\r\nset-cookie: x=1", "/v1/studies", "", "\u202e/console/"],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(to: str) -> None:
    assert way_back(to) == "/console/"
    assert way_back("/console/studies/new?data=d") == "/console/studies/new?data=d"


def test_every_answer_bears_the_headers(visited: Visited) -> None:
    person = visited.person("headed", "trustee")
    nobody = visited.stranger()
    for heard in (
        person.get("/console/"), person.get("/console/no-such"), nobody.get("/console/"),
        nobody.get("/console/sign-in"), nobody.post("/console/sign-in", data={"login": "x"}),
        nobody.get("/console/static/console.js"),
        nobody.get("/console/static/console.css"), person.get("/console/ledger/3/proof"),
    ):  # fmt: skip
        policy = heard.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert heard.headers["x-content-type-options"] == "nosniff"
        assert heard.headers["x-frame-options"] == "DENY"
        assert "max-age" in heard.headers["strict-transport-security"]
        static = "/static/" in str(heard.url)
        assert heard.headers["cache-control"] == ("public, max-age=3600" if static else "no-store")
    cookie = visited.stranger().post("/console/link", data={"secret": visited.link("baked", "asker")})
    said = cookie.headers["set-cookie"].lower()
    assert said.startswith("__host-huizhen=") and "httponly" in said and "secure" in said and "samesite=lax" in said
    assert "domain" not in said and "path=/" in said


def test_what_is_too_large_crooked_or_for_another_host_is_refused(visited: Visited) -> None:
    person = visited.person("crooked", "asker", "acme")
    assert person.post("/console/studies/check", content=b"a=" + b"x" * (65 << 10)).status_code == 400
    assert person.post("/console/studies/check", content=b"\xff\xfe=%").status_code == 400
    assert person.post("/console/sign-in/passkey", content=b"[" * 20_000).status_code == 400
    assert person.get("/console/studies/..%2f..%2fhub.key").status_code == 404
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "....//app.py", "/etc/passwd", "%00"):
        assert person.get(f"/console/static/{path}").status_code in {400, 404}, path
    for host in ("evil.example", "127.0.0.2"):
        assert visited.stranger().get("/console/sign-in", headers={"host": host}).status_code == 400
    assert person.get("/console/ledger/99999999").status_code == 400
    assert person.get("/console/ledger/-1").status_code == 400


def test_text_of_others_is_shown_as_text(visited: Visited) -> None:
    person = visited.person("written", "asker", "acme")
    key = form_key(person.get("/console/account"))
    given = {"title": "<script>alert(1)</script>", "dataset": "<b>d", "purpose": "HMB", "method": "count",
             "min_cell": "10", "price": "0", "cohort": "'\"><img src=x onerror=alert(1)>", "key": key}  # fmt: skip
    for path in ("/studies/check", "/studies/new"):
        heard = person.post(f"/console{path}", data=given)
        assert "<script>alert" not in heard.text and "<img src=x" not in heard.text
    assert "<img" not in person.get("/console/data?q=%3Cimg src=x%3E").text


def test_no_secret_is_in_the_database_or_the_log(visited: Visited, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    link = visited.link("kept", "asker")
    person = visited.stranger()
    person.get(f"/console/link#{link}")
    person.post("/console/link", data={"secret": link})
    page = person.get("/console/account")
    codes = visited.door.accounts.new_codes()
    given = {"key": form_key(page), "password": PASSWORD, "codes": codes, "code": pyotp.TOTP(codes).now()}
    assert person.post("/console/account/password", data=given).status_code == 303
    secrets = [link, person.cookies[COOKIE], PASSWORD, codes, given["key"]]
    files = [p.read_bytes() for p in visited.folder.rglob("hub.sqlite*")]
    assert files and not any(secret.encode() in content for secret in secrets for content in files)
    logged = [record.getMessage() for record in caplog.records if record.name.startswith(("huizhen", "uvicorn"))]
    assert logged and not any(secret in line for secret in secrets for line in logged)


class Late:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def __call__(self) -> Any:
        return utc_now() + self.by


@pytest.fixture(params=["sqlite", "postgresql"])
def late(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Accounts, Sessions, Late]]:
    """Accounts and sessions in either database, under a clock of the test's own."""
    there = request.param == "sqlite"
    place = str(tmp_path / "hub.sqlite") if there else request.getfixturevalue("postgresql_url")
    engine, clock = open_engine(place), Late()
    migrate(engine)
    yield Accounts(engine, clock, b"s" * 32), Sessions(engine, clock), clock
    engine.dispose()


def with_password(accounts: Accounts, clock: Late, login: str = "zhang") -> pyotp.TOTP:
    """An account that a password opens, half a minute ago."""
    accounts.add(login, "acme", "asker")
    codes = accounts.new_codes()
    app = pyotp.TOTP(codes)
    accounts.set_password(login, PASSWORD, codes, app.at(clock()))
    clock.by += timedelta(minutes=2)
    return app


def test_a_code_opens_once_and_only_with_the_password(late: tuple[Accounts, Sessions, Late]) -> None:
    accounts, _, clock = late
    app = with_password(accounts, clock)
    code = app.at(clock())
    assert accounts.by_password("zhang", PASSWORD, code).party == "acme"
    for login, password, again in (
        ("zhang", PASSWORD, code),
        ("zhang", PASSWORD, ""),
        ("zhang", PASSWORD, app.at(for_time=clock(), counter_offset=10)),
        ("zhang", PASSWORD + "!", app.at(for_time=clock(), counter_offset=1)),
        ("nobody", PASSWORD, app.at(for_time=clock(), counter_offset=1)),
    ):
        with pytest.raises(Refused) as refused:
            accounts.by_password(login, password, again)
        assert refused.value.code == "sign-in-refused", "the same for every reason"
    assert accounts.by_password("zhang", PASSWORD, app.at(for_time=clock(), counter_offset=1)).login == "zhang"


def test_who_guesses_waits_and_for_longer_each_time(late: tuple[Accounts, Sessions, Late]) -> None:
    accounts, _, clock = late
    app = with_password(accounts, clock)
    waits = []
    for _ in range(TRIES):
        with pytest.raises(Refused):
            accounts.by_password("zhang", "wrong", app.at(clock()))
    for _ in range(3):
        waited = timedelta(0)
        while True:
            clock.by += timedelta(seconds=30)
            waited += timedelta(seconds=30)
            row = rows_of(accounts)
            if (row.locked_until_utc or "") <= clock().isoformat():
                break
            with pytest.raises(Refused):
                accounts.by_password("zhang", PASSWORD, app.at(clock()))
        waits.append(waited)
        with pytest.raises(Refused):
            accounts.by_password("zhang", "wrong", app.at(clock()))
    assert waits == sorted(waits) and waits[0] >= timedelta(minutes=1) and waits[2] >= 2 * waits[0]
    clock.by += timedelta(hours=1, minutes=1)
    assert accounts.by_password("zhang", PASSWORD, app.at(clock())).login == "zhang"


def rows_of(accounts: Accounts) -> Any:
    with accounts._engine.connect() as c:
        return c.execute(db.account.select()).one()


def test_a_seed_taken_from_the_database_gives_no_codes(late: tuple[Accounts, Sessions, Late]) -> None:
    accounts, _, clock = late
    app = with_password(accounts, clock)
    row = rows_of(accounts)
    assert app.secret.encode() not in row.totp and PASSWORD not in row.password
    with db.writing(accounts._engine) as c:
        c.execute(update(db.account).values(login="renamed"))
    with pytest.raises(Refused):
        accounts.by_password("renamed", PASSWORD, app.at(clock()))


@pytest.mark.parametrize("password", ["short", "x" * 40, "zhang is my name and more", "y" * 201])
def test_a_weak_password_is_refused(late: tuple[Accounts, Sessions, Late], password: str) -> None:
    accounts, _, clock = late
    accounts.add("zhang", "acme", "asker")
    codes = accounts.new_codes()
    with pytest.raises(Exception) as refused:
        accounts.set_password("zhang", password, codes, pyotp.TOTP(codes).at(clock()))
    assert getattr(refused.value, "code", "") == "weak-password"


def test_a_link_opens_once_and_not_too_late(late: tuple[Accounts, Sessions, Late]) -> None:
    accounts, _, clock = late
    accounts.add("zhang", "acme", "asker")
    earlier, link = accounts.link("zhang", 1), accounts.link("zhang", 1)
    for wrong in (earlier, "", "x" * 43):
        with pytest.raises(Refused, match="unknown, used or too old"):
            accounts.by_link(wrong)
    assert accounts.by_link(link).login == "zhang"
    with pytest.raises(Refused):
        accounts.by_link(link)
    old = accounts.link("zhang", 1)
    clock.by += timedelta(hours=1)
    with pytest.raises(Refused):
        accounts.by_link(old)


def test_sessions_end_when_idle_old_ended_or_closed(late: tuple[Accounts, Sessions, Late]) -> None:
    accounts, sessions, clock = late
    accounts.add("zhang", "acme", "asker")
    idle = sessions.open("zhang", "link")
    clock.by += IDLE - timedelta(minutes=1)
    assert sessions.find(idle) is not None
    clock.by += IDLE - timedelta(minutes=1)
    assert sessions.find(idle) is not None, "a request keeps it open"
    clock.by += IDLE
    assert sessions.find(idle) is None
    busy = sessions.open("zhang", "link")
    for _ in range(int(LONGEST / timedelta(minutes=30)) - 1):
        clock.by += timedelta(minutes=30)
        assert sessions.find(busy) is not None
    clock.by += timedelta(minutes=30)
    assert sessions.find(busy) is None, "none is open for ever"
    one, other = sessions.open("zhang", "link"), sessions.open("zhang", "link")
    sessions.end(one)
    assert sessions.find(one) is None and sessions.find(other) is not None
    accounts.close("zhang")
    assert sessions.find(other) is None
    for opening in (lambda: accounts.link("zhang", 1), lambda: accounts.by_password("zhang", PASSWORD, "0")):
        with pytest.raises(Refused):
            opening()


def test_a_stranger_who_knocks_too_often_waits(visited: Visited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    nobody = visited.stranger()
    statuses = [nobody.post("/console/link", data={"secret": "x"}).status_code for _ in range(40)]
    assert statuses[0] == 403 and 429 in statuses


def test_clients_of_the_api_are_not_let_in_by_the_cookie(visited: Visited) -> None:
    person: httpx.Client = visited.person("cookie", "trustee")
    assert person.get("/v1/studies").status_code == 403
