"""What people do in the browser in the name of their party: signed there, with a key that never leaves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from browser import barriers, person, picture
from deeds import CONTRACT
from huizhen.adapters.register import put_party
from huizhen.cli.place import verify_folder
from huizhen.client import party_key
from huizhen.hub.caller import OWNER, Caller
from huizhen.model.casebook import key_of
from huizhen.model.deed import Instrument
from huizhen.model.party import Party
from huizhen.model.policy import Policy
from huizhen.model.study import Request
from regions import request
from visitors import Visited

GLM: dict[str, Any] = {"method": "glm", "params": {"formula": "ill ~ age", "family": "binomial"}}


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    made = Visited(tmp_path_factory.mktemp("visited"))
    try:
        said = Policy.read({**made.agent("h1").policy().as_json(), "review": ["model"]})
        (made.folder / "nodes" / "h1" / "policy.yaml").write_text(said.model_dump_json(), encoding="utf-8")
        for name, organisation in (("ann", "med"), ("bob", "board")):
            body = {"organisation": organisation, "key": key_of(name).public.hex()}
            made.server.studies.desk.papers.say(OWNER, "reviewer-enrolled", name, body)
        for party in ("acme", "trust", "nhc"):
            put(made, party, "authority" if party == "nhc" else "academic", None)
        made.work()
        yield made
    finally:
        made.close()


def put(visited: Visited, name: str, kind: str, key: str | None) -> None:
    home = {"jurisdiction": "CN", "foreign_controlled": False, "contact": "x@y"}
    visited.hub.touch()
    with visited.hub.store.record() as record:
        put_party(record, Party.read({**home, "name": name, "kind": kind, "key": key}))


def come(visited: Visited, page: Any, login: str, role: str, party: str) -> None:
    page.goto(f"{visited.url}/console/link#{visited.link(login, role, party)}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/account")


def make_key(page: Any) -> str:
    """A new key in this browser; its public half."""
    page.get_by_role("button", name="Make a new key here").click()
    page.get_by_text("Public key of the one in this browser").wait_for()
    return str(page.locator("[data-shown]").inner_text())


def waiting(visited: Visited, title: str) -> str:
    """A study of acme whose model waits for its reviewers."""
    made: Request = request(title=title, **GLM)
    study = visited.server.studies.submit(Caller("acme", "asker"), made)
    until(visited, study, "awaiting")
    return study


def until(visited: Visited, study: str, status: str) -> dict[str, Any]:
    for _ in range(600):
        found = visited.server.studies.desk.outcome(OWNER, study)
        if found["status"] == status and visited.server.studies.watch(OWNER, study, 0)["over"]:
            return found
        if found["status"] not in ("running", "awaiting", status):
            break
        sleep(0.1)
    raise AssertionError(f"{found['status']}: {found['problem']}")


def sign(page: Any, button: str) -> str:
    """Press it, look at what is to be signed, and sign; what was shown."""
    page.get_by_role("button", name=button, exact=True).click()
    shown = page.locator("[data-document]")
    shown.wait_for()
    said = str(shown.inner_text())
    assert barriers(page) == []
    with page.expect_navigation():
        page.get_by_role("button", name="Sign", exact=True).click()
    return said


def test_a_regulator_stops_a_study_with_the_authoritys_own_key(visited: Visited, browser: Any) -> None:
    study = waiting(visited, "To be stopped")
    with person(browser) as page:
        come(visited, page, "guo", "regulator", "nhc")
        public = make_key(page)
        page.goto(f"{visited.url}/console/studies/{study}")
        reason = page.get_by_label("Why? Its asker is shown it.")
        reason.fill("Not what was agreed.")
        page.get_by_role("button", name="Stop it").click()
        page.get_by_text("No key is on file for you").wait_for()
        put(visited, "nhc", "authority", public)
        page.reload()
        reason.fill("Not what was agreed.")
        page.get_by_role("button", name="Stop it").click()
        page.locator("[data-document]").wait_for()
        picture(page, "sign")
        page.get_by_role("button", name="Do not sign").click()
        assert visited.hub.store.papers.of("study-stopped") == (), "nothing is sent that was not agreed to"
        said = sign(page, "Stop it")
        assert study in said and "Not what was agreed." in said and public in said
        found = until(visited, study, "denied")
        assert found["problem"]["code"] == "study-stopped" and found["result"] is None
        (paper,) = visited.hub.store.papers.of("study-stopped")
        assert paper.by == "nhc" and paper.key == public and paper.holds()
        page.reload()
        page.get_by_text("stopped by nhc").first.wait_for()
        assert page.get_by_role("button", name="Stop it").count() == 0
        kept = page.evaluate("""async () => {
            const key = (await find("keys", "guo")).key;
            try { await crypto.subtle.exportKey("pkcs8", key); return "read out"; } catch (e) { return e.name; }
        }""")
        assert kept == "InvalidAccessError", "no script can read the key out of the browser"


def test_two_reviewers_seal_and_open_in_their_browsers(visited: Visited, browser: Any, tmp_path: Path) -> None:
    study = waiting(visited, "To be reviewed")
    made = party_key.make(tmp_path / "bob.pem")
    enrol: Callable[..., Any] = visited.server.studies.desk.papers.say
    enrol(OWNER, "reviewer-enrolled", "bob", {"organisation": "board", "key": made.public.hex()})
    with person(browser) as ann, person(browser) as bob:
        come(visited, ann, "ann", "reviewer", "med")
        enrol(OWNER, "reviewer-enrolled", "ann", {"organisation": "med", "key": make_key(ann)})
        come(visited, bob, "bob", "reviewer", "board")
        bob.get_by_label("or take one from its file").set_input_files(tmp_path / "bob.pem")
        bob.get_by_text("It is the one on file for you").wait_for()
        for page, note in ((ann, "Fine with me, Ann says."), (bob, "Bob agrees.")):
            page.goto(f"{visited.url}/console/reviews/{study}")
            assert barriers(page) == []
            page.get_by_label("approve").check()
            page.get_by_label("Why?", exact=True).fill(note)
            picture(page, "review")
            said = sign(page, "Seal it")
            assert "commitment" in said and note not in said and "approve" not in said
        sealed = visited.hub.store.papers.of("review-sealed", subject=study)
        assert [p.by for p in sealed] == ["ann", "bob"]
        kept = b"".join(p.read_bytes() for p in visited.folder.rglob("hub.sqlite*"))
        assert b"Ann says" not in kept, "a sealed verdict is in its reviewer's browser alone"
        for page in (ann, bob):
            page.reload()
            sign(page, "Open my verdict")
    found = until(visited, study, "released")
    assert found["result"] is not None
    with_docs = verify_folder(visited.folder)[1]
    assert with_docs == []


def test_a_contract_is_offered_and_signed_by_both(visited: Visited, browser: Any) -> None:
    with person(browser) as trustee, person(browser) as asker:
        come(visited, trustee, "wang", "trustee", "trust")
        put(visited, "trust", "academic", make_key(trustee))
        come(visited, asker, "li.wei", "asker", "acme")
        put(visited, "acme", "academic", make_key(asker))
        visited.server.studies.desk.instruments.draft(OWNER, "contract", CONTRACT)
        trustee.goto(f"{visited.url}/console/contracts/contract/acme-c")
        with trustee.expect_navigation():
            trustee.get_by_role("button", name="Offer it for signature").click()
        for page in (trustee, asker):
            page.goto(f"{visited.url}/console/contracts/contract/acme-c")
            assert barriers(page) == []
            sign(page, "Sign it")
        found = visited.server.studies.desk.instruments.find(OWNER, "contract", "acme-c")
        assert found["state"] == "active" and sorted(found["signed_by"]) == ["acme", "trust"]
        assert Instrument.read(found["instrument"]).digest() == found["digest"]
        trustee.reload()
        with trustee.expect_navigation():
            trustee.get_by_role("button", name="Suspend it").click()
        assert visited.server.studies.desk.instruments.find(OWNER, "contract", "acme-c")["state"] == "suspended"


def test_a_trustee_lists_a_party_and_lifts_it(visited: Visited, browser: Any) -> None:
    with person(browser) as page:
        come(visited, page, "wang", "trustee", "trust")
        page.goto(f"{visited.url}/console/alarms")
        page.get_by_text("List a party").click()
        assert barriers(page) == []
        page.get_by_label("Party", exact=True).fill("shady")
        page.get_by_label("Ground").fill("Sold what it was given.")
        page.get_by_label("Until").fill("2999-12-31")
        with page.expect_navigation():
            page.get_by_role("button", name="List it").click()
        assert page.get_by_role("rowheader", name="shady").first.is_visible()
        page.get_by_text("Decide about shady").click()
        page.get_by_label("Decision").select_option("lifted")
        page.get_by_label("Why?", exact=True).fill("A mistake.")
        with page.expect_navigation():
            page.get_by_role("button", name="Record the decision").click()
        assert visited.server.studies.desk.papers.blacklist("shady")[0]["state"] == "lifted"
