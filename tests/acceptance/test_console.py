"""The console in a real browser: one story per role, and every page without a barrier, in both languages."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest

from browser import PHONE, barriers, give_passkey_device, person, picture
from huizhen.hub.caller import OWNER
from visitors import Visited


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    made = Visited(tmp_path_factory.mktemp("visited"))
    try:
        made.work()
        yield made
    finally:
        made.close()


def open_link(visited: Visited, page: Any, login: str, role: str, party: str) -> None:
    page.goto(f"{visited.url}/console/link#{visited.link(login, role, party)}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/account")


def test_a_researcher_comes_by_link_adds_a_passkey_and_runs_a_study(visited: Visited, browser: Any) -> None:
    with person(browser) as page:
        give_passkey_device(page)
        open_link(visited, page, "li.wei", "asker", "acme")
        assert visited.door.passkeys.of("li.wei") == []
        page.get_by_label("Name of this device").fill("laptop")
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_role("rowheader", name="laptop").wait_for()

        page.get_by_role("button", name="Sign out", exact=True).click()
        page.wait_for_url("**/console/sign-in")
        page.goto(f"{visited.url}/console/data/d")
        assert "/sign-in?to=" in page.url
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/console/data/d")

        page.get_by_role("link", name="Ask about these data").click()
        page.get_by_label("What do you want to know?").fill("How old are they?")
        page.get_by_label("Method").select_option("describe")
        page.get_by_text("describe: columns").wait_for()
        page.get_by_label("Parameters").fill("columns: [ag]")
        page.get_by_text("Not ready yet").wait_for()
        page.get_by_label("Parameters").fill("columns: [age]")
        page.get_by_text("It would be allowed.").wait_for()
        assert page.get_by_text("h0, h1, h2").is_visible()
        picture(page, "ask", whole=True)
        before = len(visited.hub.store.studies())
        page.get_by_label("Price you offer").fill("12.34")
        page.get_by_text("Price: 12.34 yuan.").wait_for()
        assert len(visited.hub.store.studies()) == before, "nothing is asked before it is run"

        page.get_by_role("button", name="Run it").click()
        page.get_by_role("heading", name="How old are they?").wait_for()
        page.get_by_role("heading", name="The answer").wait_for()
        study = page.url.rsplit("/", 1)[1]
        found = visited.server.studies.desk.outcome(OWNER, study)
        picture(page, "answer")
        assert found["status"] == "released" and found["request"]["price_fen"] == 1234
        mean = f"{found['result']['columns']['age']['mean']:.4g}"
        assert page.get_by_role("cell", name=mean, exact=True).first.is_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="All figures (JSON)").click()
        assert study in download.value.path().read_text(encoding="utf-8")


def test_a_passkeys_answer_opens_once_at_this_site_for_its_person(visited: Visited, browser: Any) -> None:
    """Seen on its way and sent again, with its challenge used, the same answer opens nothing."""
    with person(browser) as page:
        give_passkey_device(page)
        open_link(visited, page, "seen", "auditor", "seen")
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_role("button", name="Remove").wait_for()
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.wait_for_url("**/console/sign-in")
        with page.expect_request("**/sign-in/passkey?to=*") as sent:
            page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/console/")
        body = sent.value.post_data_json
    replayed = visited.stranger().post("/console/sign-in/passkey", json=body)
    assert replayed.status_code == 403 and "passkey-refused" in replayed.text
    fresh = visited.stranger()
    asked = fresh.post("/console/sign-in/passkey/options", json={}).json()
    assert asked["userVerification"] == "required" and asked["rpId"] == "localhost"
    said = json.loads(base64.urlsafe_b64decode(body["response"]["clientDataJSON"] + "=="))
    said["challenge"] = asked["challenge"]
    moved = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    forged = {**body, "response": {**body["response"], "clientDataJSON": moved}}
    assert fresh.post("/console/sign-in/passkey", json=forged).status_code == 403, "the signature is over the challenge"


def test_a_trustee_sets_a_password_and_comes_back_with_it(visited: Visited, browser: Any) -> None:
    with person(browser) as page:
        open_link(visited, page, "wang", "trustee", "trust")
        codes = page.locator("section").filter(has_text="Scan this").locator("code").inner_text()
        app = pyotp.TOTP(codes)
        page.get_by_label("New password").fill("quite a few words of mine")
        page.get_by_label("The six digits it shows").fill("000000" if app.now() != "000000" else "111111")
        page.get_by_role("button", name="Set both").click()
        page.get_by_text("The six digits are not those").wait_for()
        assert page.locator("section").filter(has_text="Scan this").locator("code").inner_text() == codes
        page.get_by_label("New password").fill("quite a few words of mine")
        page.get_by_label("The six digits it shows").fill(app.now())
        page.get_by_role("button", name="Set both").click()
        page.get_by_text("You have set a password and a second factor").wait_for()
        page.get_by_role("button", name="Sign out everywhere").click()
        page.wait_for_url("**/console/sign-in")
        page.get_by_label("Account").fill("wang")
        page.get_by_label("Password").fill("not the right words at all")
        page.get_by_label("Six digits").fill(app.now())
        page.get_by_role("button", name="Sign in with the password").click()
        page.get_by_text("is not right, or there were too many").wait_for()
        assert page.get_by_label("Account").input_value() == "wang"


def test_a_regulator_sees_every_use_and_takes_a_proof_away(visited: Visited, browser: Any) -> None:
    with person(browser, locale="zh-CN") as page:
        page.goto(f"{visited.url}/console/link#{visited.link('guo', 'regulator', 'nhc')}")
        page.get_by_role("button", name="登录").click()
        page.wait_for_url("**/console/account")
        page.get_by_role("link", name="医院").click()
        page.get_by_text("3 家中有").wait_for()
        page.get_by_role("link", name="概览").click()
        page.get_by_role("heading", name="您好，guo").wait_for()
        picture(page, "overview-zh")
        page.get_by_role("link", name="医院", exact=True).click()
        page.get_by_role("link", name="账本").click()
        released = page.get_by_role("row").filter(has_text="study-released").first
        released.get_by_role("link").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="本条证明").click()
        proof = download.value.path().read_bytes()
        number = int(page.url.rsplit("/", 1)[1])
        assert proof == visited.server.studies.desk.prove(number)
        page.get_by_role("link", name="English").click()
        page.get_by_role("heading", name=f"Entry {number}").wait_for()
        page.goto(f"{visited.url}/console/")
        assert page.get_by_role("heading", name="Good to see you, guo").is_visible(), "the language is kept"


@pytest.mark.parametrize(
    ("role", "look"),
    [("asker", {}), ("asker", {"viewport": PHONE, "color_scheme": "dark"}), ("regulator", {"color_scheme": "dark"}),
     ("trustee", {"locale": "zh-CN", "viewport": PHONE}), ("reviewer", {})],
)  # fmt: skip
def test_no_page_keeps_anybody_out(visited: Visited, browser: Any, role: str, look: dict[str, Any]) -> None:
    """axe finds nothing; every page has a way on; nothing is wider than the screen."""
    party = "acme" if role == "asker" else f"of-{role}"
    with person(browser, **look) as page:
        page.goto(f"{visited.url}/console/sign-in")
        assert barriers(page) == []
        page.goto(f"{visited.url}/console/link#{visited.link(f'every-{role}', role, party)}")
        assert barriers(page) == []
        page.get_by_role("button").last.click()
        page.wait_for_url("**/console/account")
        doors = [a.get_attribute("href") for a in page.locator("nav a").all()]
        more = ["/console/data/d", "/console/ledger/2", "/console/no-such-page"]
        more += ["/console/studies/new"] if role == "asker" else []
        more += [f"/console/studies/{visited.study}"] if role in {"asker", "regulator"} else []
        assert len(doors) >= 5
        for path in ["/console/account", *doors, *more]:
            page.goto(visited.url + str(path))
            assert barriers(page) == [], path
            assert page.locator("main a, main button").count() or path == "/console/rules", path
            width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert width <= 0, path
