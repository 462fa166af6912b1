"""A hospital's own pages in a real browser: a patient on a telephone, who runs the node, and all five kinds of people
in one story: a study is run, the patient sees it and withdraws, the next run lacks them, the regulator verifies it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser import PHONE, barriers, give_passkey_device, person, picture
from commands import done, huizhen
from huizhen.adapters.person_accounts import Person
from huizhen.cli.place import There
from huizhen.cli.region import trusted
from huizhen.hub.caller import OWNER
from huizhen.model.study import Request
from reached import asked
from ward import HOSPITAL, Ward

ON_PHONE = {"viewport": PHONE, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    made = Ward(tmp_path_factory.mktemp("ward"))
    try:
        made.work()
        yield made
    finally:
        made.close()


def come_in(ward: Ward, page: Page, login: str, who: Person | None = None) -> None:
    page.goto(f"{ward.pages_url}/console/link#{ward.account_link(login, who)}")
    page.get_by_role("button").last.click()
    page.wait_for_url("**/console/account")


def run_at_hub(ward: Ward, page: Page, title: str) -> dict[str, Any]:
    """The researcher, at the hub's console: asks how many there are, and waits for the answer."""
    page.goto(f"{ward.url}/console/studies/new?data=d")
    page.get_by_label("What do you want to know?").fill(title)
    page.get_by_label("Method").select_option("count")
    page.get_by_label("Price you offer").fill("9.00")
    page.get_by_role("button", name="Run it").click()
    page.get_by_role("heading", name="The answer").wait_for()
    return ward.server.studies.desk.outcome(OWNER, page.url.rsplit("/", 1)[1])


def test_who_was_used_sees_it_withdraws_and_is_in_no_later_study(ward: Ward, browser: Any) -> None:
    title = "How many are they?"
    with person(browser) as researcher, person(browser, **ON_PHONE) as page:
        researcher.goto(f"{ward.url}/console/link#{ward.link('li.wei', 'asker', 'acme')}")
        researcher.get_by_role("button", name="Sign in").click()
        researcher.wait_for_url("**/console/account")
        before = run_at_hub(ward, researcher, title)
        assert before["status"] == "released"

        give_passkey_device(page)
        come_in(ward, page, "p-story", Person(ward.subjects[0]))
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_role("button", name="Remove").wait_for()
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.get_by_role("button", name="Use a passkey").click()
        page.get_by_role("heading", name="My data").wait_for()
        picture(page, "my-data", whole=True)
        card = page.get_by_role("article").filter(has_text=title)
        for told in ("acme", "health, medical or biomedical research", "sums over several hospitals", "yuan"):
            expect(card).to_contain_text(told)
        files = {}
        for name in ("Everything, with its proofs", "The keys that verify it"):
            with page.expect_download() as download:
                page.get_by_role("link", name=name).click()
            files[name] = download.value.path()
        checked = huizhen("patient", "verify", files["Everything, with its proofs"], "--keys",
                          files["The keys that verify it"], "--json").json()  # fmt: skip
        assert [each["code"] for each in checked["found"]] == ["not-compared"], "all holds that one file can show"
        assert checked["proven"] == checked["uses"] == 2
        page.get_by_role("link", name=title).click()
        with page.expect_download() as proof:
            page.get_by_role("listitem").filter(has_text="data-used").get_by_role("link").click()
        done("ledger", "verify", "--proof", proof.value.path(), "--keys", files["The keys that verify it"])

        page.get_by_role("link", name="Allow this no more").click()
        picture(page, "allow")
        page.get_by_role("button", name="Withdraw").tap()
        page.get_by_role("heading", name=f"Your no at {HOSPITAL}").wait_for()
        expect(page.get_by_text("are deleted or locked")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("the public ledger knows")).to_be_visible(timeout=60_000)
        picture(page, "withdrawn")

        after = run_at_hub(ward, researcher, "And how many are they now?")
        rows = [each["result"]["n"] for each in (before, after)]
        assert rows[1] == rows[0] - 1, "the next run lacks exactly them"
        page.get_by_role("link", name="My data").first.click()
        expect(card).to_have_count(1)
        refused = page.locator("section").filter(has=page.get_by_role("heading", name="Refused on my behalf"))
        expect(refused).to_contain_text("you have not said yes to this purpose")

    with person(browser) as regulator:
        regulator.goto(f"{ward.url}/console/link#{ward.link('guo', 'regulator', 'nhc')}")
        regulator.get_by_role("button", name="Sign in").click()
        regulator.wait_for_url("**/console/account")
        regulator.get_by_role("link", name="Ledger").click()
        assert regulator.get_by_role("row").filter(has_text="consent-changed").first.is_visible()
        assert ward.subjects[0] not in regulator.content()
    hub, witnesses = trusted(ward.folder)
    at = There(ward.remote("nhc", "regulator"), [hub.vkey, *(w.key.vkey for w in witnesses)])
    entries, wrong, _ = at.verify()
    assert entries and wrong == []


def test_a_patient_says_yes_to_a_scene_and_to_less_than_it_says(ward: Ward, browser: Any) -> None:
    with person(browser, **ON_PHONE, locale="zh-CN", color_scheme="dark") as page:
        come_in(ward, page, "p-scene", Person(ward.subjects[1]))
        page.goto(f"{ward.pages_url}/console/allow/diabetes-research")
        assert page.get_by_text("谁：在受托方登记").is_hidden(), "the full text is a layer further down"
        page.get_by_text("全文", exact=True).click()
        assert page.get_by_text("谁：在受托方登记").is_visible()
        picture(page, "scene-zh")
        digest = page.locator("code.digest").inner_text()
        page.get_by_text("缩小范围").click()
        page.get_by_label("公共机构").uncheck()
        page.get_by_label("模型").focus()
        page.keyboard.press("Space")
        page.get_by_label("患者分成不低于").fill("60")
        page.get_by_role("button", name="同意", exact=True).focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/console/allow")
        article = page.get_by_role("article").filter(has_text="特定疾病研究")
        for told in ("仅限：学术机构、医院", "仅用于：统计", "患者分成不低于 60%", digest[:16]):
            expect(article).to_contain_text(told)
        page.get_by_role("button", name="撤回 特定疾病研究").click()
        page.get_by_role("heading", name=f"您在 {HOSPITAL} 的撤回").wait_for()
        expect(page.get_by_role("button", name="撤回 特定疾病研究")).to_have_count(0)


def test_a_hospital_looks_at_a_question_before_it_begins(ward: Ward, browser: Any) -> None:
    policy = ward.node_folder / "policy.yaml"
    written = policy.read_text(encoding="utf-8")
    asker = ward.remote("rival", "asker")

    def ask() -> dict[str, Any]:
        study = asker.submit(Request.read(asked(asker="rival", title="May we?", participants=["h0", "h1", "h2"])))
        asker.wait(study, lambda *_: None)
        asker.delivered(study)
        return asker.outcome(study)

    policy.write_text(f"{written}\napprove_each: true\n", encoding="utf-8")
    try:
        assert ask()["status"] != "released"
        with person(browser) as page:
            come_in(ward, page, "chen")
            page.get_by_role("link", name="Overview").click()
            picture(page, "hospital")
            page.get_by_role("link", name="rival asks: May we?").click()
            expect(page.locator("main")).to_contain_text("waits-for-hospital")
            page.get_by_role("button", name="Approve").click()
            page.wait_for_url("**/console/questions")
            expect(page.get_by_role("heading", name="Waiting for your answer")).to_have_count(0)
            assert ask()["status"] == "released"
            page.reload()
            page.get_by_role("row").filter(has_text="May we?").filter(has_text="released").get_by_role("link").click()
            picture(page, "question")
            page.get_by_role("button", name="Refuse").click()
            assert ask()["status"] != "released"
            page.goto(f"{ward.pages_url}/console/log?check=1")
            expect(page.get_by_role("row").filter(has_text="hospital-said-no").first).to_be_visible()
            page.get_by_role("link", name="Income").click()
            expect(page.get_by_role("row").filter(has_text="hospital's share").first).to_be_visible()
    finally:
        policy.write_text(written, encoding="utf-8")


def test_a_claim_goes_to_the_hospital_and_its_answer_comes_back(ward: Ward, browser: Any) -> None:
    with person(browser, **ON_PHONE) as patient, person(browser) as staff:
        come_in(ward, patient, "p-claim", Person(ward.subjects[2]))
        patient.get_by_role("link", name="My rights").click()
        patient.get_by_label("What do you want?").select_option("delete")
        patient.get_by_label("What is wrong").fill("I moved away.")
        patient.get_by_role("button", name="Ask", exact=True).click()
        expect(patient.get_by_role("article")).to_contain_text("waits for the hospital")
        come_in(ward, staff, "chen")
        staff.get_by_role("link", name="Requests").click()
        assert ward.subjects[2] not in staff.content(), "whose it is stands on its own page"
        staff.get_by_role("link", name="delete").click()
        expect(staff.locator("main")).to_contain_text(ward.subjects[2])
        staff.get_by_role("button", name="Answer").click()
        staff.get_by_role("alert").wait_for()
        staff.get_by_label("no law does").check()
        staff.get_by_label("A word to the person").fill("It is done.")
        staff.get_by_role("button", name="Answer").click()
        expect(staff.locator("main")).to_contain_text("granted")
        patient.reload()
        expect(patient.get_by_role("article")).to_contain_text("It is done.")
        expect(patient.get_by_role("article")).to_contain_text("CN06")
        patient.get_by_role("link", name="My data").first.click()
        patient.get_by_role("heading", name="Deleted").wait_for()


@pytest.mark.parametrize(
    ("role", "look"),
    [("patient", {**ON_PHONE}), ("patient", {**ON_PHONE, "locale": "zh-CN", "color_scheme": "dark"}), ("operator", {}),
     ("operator", {"viewport": PHONE, "color_scheme": "dark", "locale": "zh-CN"})],
)  # fmt: skip
def test_no_page_of_a_hospital_keeps_anybody_out(ward: Ward, browser: Any, role: str, look: dict[str, Any]) -> None:
    """axe finds nothing; every page has a way on; nothing is wider than the screen."""
    who = Person(ward.subjects[3]) if role == "patient" else None
    with person(browser, **look) as page:
        come_in(ward, page, f"every-{role}", who)
        doors = [a.get_attribute("href") for a in page.locator("nav a").all()]
        more = [f"/console/uses/{ward.study}", "/console/allow/health-research", "/console/no-such-page"]
        more = more if who else ["/console/data/d", f"/console/questions/{ward.study}", "/console/no-such-page"]
        assert len(doors) >= 4
        for path in ["/console/account", *doors, *more]:
            page.goto(ward.pages_url + str(path))
            assert barriers(page) == [], path
            assert page.locator("main a, main button").count(), path
            width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert width <= 0, path
