"""Attacks on a hospital's own pages: the data of others, forms from elsewhere, fixed sessions, moved accounts, words of
whoever does not speak for the person any more."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from huizhen.adapters import database as db
from huizhen.adapters.person_accounts import Person
from huizhen.console.visit import COOKIE
from huizhen.node import delegates, saying
from huizhen.node.backup import CONSOLE
from huizhen.node.saying import Saying
from visitors import form_key, goes_to
from ward import Ward

BOTH, PATIENT, OPERATOR = {"patient", "operator"}, {"patient"}, {"operator"}
PAGES: dict[str, set[str]] = {
    "/": BOTH, "/account": BOTH, "/uses": PATIENT, "/uses/{study}": PATIENT, "/my-data.json": PATIENT,
    "/my-data.html": PATIENT, "/keys.txt": PATIENT, "/consents.ndjson": PATIENT, "/allow": PATIENT,
    "/allow/diabetes-research": PATIENT, "/ask": PATIENT, "/family": PATIENT, "/data": OPERATOR, "/data/d": OPERATOR,
    "/questions": OPERATOR, "/questions/{study}": OPERATOR, "/requests": OPERATOR, "/income": OPERATOR,
    "/alarms": OPERATOR, "/log": OPERATOR, "/health": OPERATOR,
}  # fmt: skip
"""Every page, and for whom it is."""
OTHERS = ("/uses/{study}/proof/99999", "/allow/hold", "/requests/99")
"""Pages of something that is not there."""
FORMS = {
    "/account/password": BOTH, "/account/passkeys/remove": BOTH, "/sign-out": BOTH, "/allow/diabetes-research": PATIENT,
    "/withdraw": PATIENT, "/ask": PATIENT, "/family": PATIENT, "/family/revoke": PATIENT, "/requests/1": OPERATOR,
    "/questions/{study}": OPERATOR, "/alarms": OPERATOR,
}  # fmt: skip


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    made = Ward(tmp_path_factory.mktemp("ward"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attackers of these tests may knock as often as they like."""
    monkeypatch.setattr("huizhen.hub.api.gate.Pace.check", lambda *_: None)


def at(ward: Ward, path: str) -> str:
    return "/console" + path.format(study=ward.study)


def said(ward: Ward, number: int) -> int:
    """How many words of consent there are of this patient."""
    agent = ward.agent("h0")
    try:
        return len(agent.book.consents.words(agent.book.find(ward.subjects[number])))
    finally:
        agent.close()


def test_every_page_is_in_the_table(ward: Ward) -> None:
    named = {"{scene}": "diabetes-research", "{name}": "d", "{entry}": "99999"}
    written: dict[str, set[str]] = {"get": set(), "post": set()}
    for path, verbs in ward.console.openapi()["paths"].items():
        for verb in verbs:
            filled = path.replace("{number}", "99" if verb == "get" else "1")
            for name, value in named.items():
                filled = filled.replace(name, value)
            written[verb].add(filled)
    assert written["get"] - {"/sign-in", "/link", "/static/console.css"} == {*PAGES, *OTHERS}
    script = {"/sign-in", "/sign-in/passkey", "/sign-in/passkey/options", "/link", "/account/passkeys",
              "/account/passkeys/options"}  # fmt: skip
    assert written["post"] - script == {*FORMS}


@pytest.mark.parametrize("role", ["patient", "operator"])
def test_each_sees_their_pages_and_learns_nothing_of_others(ward: Ward, role: str) -> None:
    browser = ward.patient(0) if role == "patient" else ward.signed_in("chen")
    missing = browser.get(at(ward, "/no-such-page"))
    for path, roles in PAGES.items():
        heard = browser.get(at(ward, path))
        assert heard.status_code == (200 if role in roles else 404), path
        if role not in roles:
            assert heard.text.replace(path.format(study=ward.study), "X") == missing.text.replace("/no-such-page", "X")
    key = form_key(browser.get("/console/account"))
    for path, roles in FORMS.items():
        if role not in roles:
            assert browser.post(at(ward, path), data={"key": key}).status_code == 404, path
    for path in OTHERS:
        assert browser.get(at(ward, path)).status_code == 404, path


def test_a_patient_never_sees_another_and_the_hospital_sees_uses_only_where_it_is_asked(ward: Ward) -> None:
    one, other, staff = ward.patient(0), ward.patient(1), ward.signed_in("chen")
    mine = one.get("/console/my-data.json").json()
    assert (
        mine["subject"] == ward.subjects[0]
        and mine["pseudonym"] != other.get("/console/my-data.json").json()["pseudonym"]
    )
    key = form_key(one.get("/console/allow"))
    assert one.post("/console/ask", data={"key": key, "right": "view", "text": "what I wrote"}).status_code == 303
    number = ward.desk.people.asked("p-0")[0].number
    assert "what I wrote" in one.get("/console/ask").text and "what I wrote" not in other.get("/console/ask").text
    for path, roles in PAGES.items():
        if "operator" in roles:
            page = staff.get(at(ward, path)).text
            assert not any(f">{s}<" in page or f'"{s}"' in page for s in ward.subjects), path
    assert ward.subjects[0] in staff.get(f"/console/requests/{number}").text
    assert "a question" in staff.get(f"/console/requests/{number}").text, "they asked to be shown it"
    assert one.get(f"/console/requests/{number}").status_code == 404
    asked = {"key": form_key(staff.get(f"/console/requests/{number}")), "reply": "here"}
    assert staff.post(f"/console/requests/{number}", data=asked).status_code == 303
    assert "a question" not in staff.get(f"/console/requests/{number}").text, "answered: no longer shown"


def test_without_a_session_every_page_leads_to_the_sign_in_and_back(ward: Ward) -> None:
    nobody = ward.outsider()
    for path in PAGES:
        assert goes_to(nobody.get(at(ward, path))) == at(ward, path)
    for path in FORMS:
        assert nobody.post(at(ward, path), data={}).status_code == 303
    hubs = {"cookie": f"{COOKIE}={ward.person('li.wei', 'asker', 'acme').cookies[COOKIE]}"}
    assert nobody.get("/console/", headers=hubs).status_code == 303, "a session at the hub is none here"
    assert ward.outsider().post("/console/link", data={"secret": ward.link("guo", "trustee")}).status_code == 403


def test_a_form_from_elsewhere_changes_nothing(ward: Ward) -> None:
    browser, before = ward.patient(2), said(ward, 2)
    key, strangers = form_key(browser.get("/console/allow")), form_key(ward.patient(3).get("/console/allow"))
    attempts: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}), ({"key": strangers}, {}), ({"key": key}, {"origin": "https://evil.example"}),
        ({"key": key}, {"origin": ward.url}), ({"key": key}, {"sec-fetch-site": "same-site"}),
    ]  # fmt: skip
    for more, headers in attempts:
        for path, roles in FORMS.items():
            if "patient" in roles:
                heard = browser.post(at(ward, path), data={"purpose": "HMB", **more}, headers=headers)
                assert heard.status_code == 403 and "not-from-this-page" in heard.text, (path, more)
    assert said(ward, 2) == before


def test_a_yes_is_to_what_was_shown_and_to_nothing_wider(ward: Ward) -> None:
    browser = ward.patient(4)
    page = browser.get("/console/allow/diabetes-research")
    shown = page.text.partition('name="digest" value="')[2][:64]
    right = {"key": form_key(page), "digest": shown, "purpose": "DS", "answer": "yes", "to-academic": "1",
             "for-statistics": "1"}  # fmt: skip
    before = said(ward, 4)
    for wrong, status in (
        ({"digest": "0" * 64}, 409), ({"purpose": "GRU"}, 403), ({"purpose": "HMARKT"}, 403),
        ({"to-commercial": "1"}, 403), ({"to-foreign": "1"}, 403), ({"for-extract": "1"}, 403),
        ({"to-academic": ""}, 400), ({"percent": "x"}, 400), ({"percent": "101"}, 400), ({"until": "soon"}, 400),
    ):  # fmt: skip
        assert browser.post("/console/allow/diabetes-research", data={**right, **wrong}).status_code == status, wrong
    other = browser.post("/console/allow/diabetes-research?lang=zh", data=right)
    assert other.status_code == 409, "it was read in another language"
    assert said(ward, 4) == before
    assert browser.post("/console/allow/diabetes-research?lang=en", data=right).status_code == 303
    assert shown[:16] in browser.get("/console/allow").text


def test_a_session_that_an_attacker_chose_is_not_taken_up(ward: Ward) -> None:
    attacker, victim = ward.patient(5), ward.outsider()
    chosen = attacker.cookies[COOKIE]
    heard = victim.post("/console/link", data={"secret": ward.account_link("p-6", Person(ward.subjects[6]))},
                        headers={"cookie": f"{COOKIE}={chosen}"})  # fmt: skip
    assert heard.status_code == 303 and chosen not in heard.headers["set-cookie"]
    assert goes_to(attacker.get("/console/")) == "/console/", "what was used to sign in elsewhere is over"


def test_every_answer_bears_the_headers_and_leads_nowhere_else(ward: Ward) -> None:
    browser, nobody = ward.patient(7), ward.outsider()
    for heard in (browser.get("/console/"), browser.get("/console/my-data.json"), nobody.get("/console/sign-in"),
                  browser.get("/console/no-such"), nobody.get("/console/allow")):  # fmt: skip
        policy = heard.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert heard.headers["cache-control"] == "no-store" and heard.headers["x-content-type-options"] == "nosniff"
    for to in ("https://evil.example/", "//evil.example", "/console//evil.example"):
        assert f'value="{to}"' not in nobody.get("/console/sign-in", params={"to": to}).text
    assert nobody.get("/console/sign-in", headers={"host": "evil.example"}).status_code == 400


def test_an_account_that_is_moved_to_another_record_opens_nothing(ward: Ward) -> None:
    """Somebody who can write the console's database, and has not the node's key."""
    thief = ward.patient(8)
    ward.patient(9)
    with db.writing(ward.rooms.engine) as c:
        c.execute(text("UPDATE person_account SET sealed = (SELECT sealed FROM person_account WHERE login = 'p-9') "
                       "WHERE login = 'p-8'"))  # fmt: skip
    heard = thief.get("/console/my-data.json")
    assert heard.status_code == 500 and "account-moved" in heard.text and ward.subjects[9] not in heard.text


def test_no_number_is_in_the_database_or_the_log(ward: Ward, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    browser = ward.signed_in("p-sealed", Person("P-not-known-at-this-hospital", ground="a ground of theirs"))
    assert browser.get("/console/").status_code == 404, "nobody of that number"
    browser = ward.patient(10)
    key = form_key(browser.get("/console/ask"))
    browser.post("/console/ask", data={"key": key, "right": "correct", "text": "my height is wrong"})
    browser.get("/console/my-data.json")
    files = b"".join(p.read_bytes() for p in ward.node_folder.glob(f"{CONSOLE}*"))
    logged = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith(("huizhen", "uvicorn")))
    for secret in (
        "P-not-known-at-this-hospital",
        "a ground of theirs",
        "my height is wrong",
        key,
        browser.cookies[COOKIE],
    ):
        assert secret.encode() not in files and secret not in logged
    assert f'"{ward.subjects[10]}"'.encode() not in files


def test_who_speaks_for_a_person_does_so_as_long_as_it_holds(ward: Ward) -> None:
    """A family member until the person takes it back, a guardian until the child comes of age, nobody for the dead."""
    agent = ward.agent("h0")
    subject, wife = ward.subjects[11], ward.subjects[12]
    named = delegates.add(agent, subject, wife, "wife", ("HMB",), "2999-12-31")
    browser = ward.signed_in("p-wife", Person(subject, "family", wife))
    assert browser.get("/console/").status_code == 200
    key = form_key(browser.get("/console/allow"))
    more = {"key": key, "number": ward.subjects[13], "relation": "friend", "until": "2999-01-01", "for-HMB": "1"}
    assert browser.post("/console/family", data=more).status_code == 404, "who was named names nobody"
    delegates.revoke(agent, subject, named.number)
    for path in ("/", "/my-data.json", "/allow", f"/uses/{ward.study}", "/my-data.html", "/consents.ndjson", "/family"):
        assert browser.get(f"/console{path}").status_code == 403, path
    for path in ("/withdraw", "/ask"):
        assert browser.post(f"/console{path}", data={"key": key, "purpose": "HMB", "right": "view"}).status_code == 403
    child, guardian = ward.subjects[14], ward.subjects[15]
    saying.grant(agent, Saying(child, "DS", by="guardian", speaker=guardian, ground="custody", born="2020-01-01"))
    assert ward.signed_in("p-guard", Person(child, "guardian", guardian, "custody")).get("/console/").status_code == 200
    grown = ward.signed_in("p-grown", Person(ward.subjects[16], "guardian", guardian, "custody"))
    assert grown.get("/console/").status_code == 403, "of whom nobody says that they are a child"
    (person,) = agent.book.enrol([ward.subjects[17]])
    agent.book.consents.put_life(person, agent.book.consents.life(person)._replace(died="2026-01-01"))
    assert ward.patient(17).get("/console/").status_code == 403
    agent.close()


def test_small_groups_are_not_told_apart(ward: Ward) -> None:
    """One more yes, or a few, are not seen in what the hospital's pages show of consent."""
    agent, staff = ward.agent("h0"), ward.signed_in("chen")
    before = staff.get("/console/data/d").text
    for subject in ward.subjects[20:23]:
        saying.grant(agent, Saying(subject, "PUBHLTH"))
    after = staff.get("/console/data/d").text
    agent.close()
    row = "public-health surveillance</th>"
    assert row in before and after.count("fewer than 10") == before.count("fewer than 10") + 3
    assert after.partition(row)[2].partition("</tr>")[0].count("fewer than 10") == 3
