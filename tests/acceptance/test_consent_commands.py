"""The desk at a hospital: who is asked, shown, and speaks for whom; records opened for care; in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import done, huizhen, in_both


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("desk") / "r"
    done("init", "--region", made)
    done("node", "add", "north", "--region", made)
    return made


def at(region: Path, subject: str) -> list[str]:
    return ["--node", "north", "--subject", subject, "--region", str(region)]


def test_what_a_person_is_shown_agrees_to_and_sees_again(region: Path) -> None:
    words = [*at(region, "A1"), "--purpose", "DS", "--wording", "diabetes-research"]
    asked = huizhen("consent", "ask", *words, "--lang", "zh")
    assert "血糖" in asked.out and "一句话" in asked.out
    done("consent", "grant", *words, "--lang", "zh")
    (said,) = done("patient", "consents", *at(region, "A1"), "--json").json()
    assert said["stands"] and said["terms"]["recipients"] == ["academic", "hospital", "public"]
    en, zh = in_both("patient", "consents", *at(region, "A1"))
    assert "academic" in en and "abroad" not in en
    assert "学术机构" in zh
    shown = done("consent", "wording", "show", said["wording"], "--node", "north", "--region", region, "--json").json()
    assert shown["digest"] == said["wording"] and (shown["language"], shown["version"]) == ("zh", 1)
    listed = {w["wording"]: w for w in done("consent", "wording", "list", "--json").json()}
    assert listed["diabetes-research@1"]["digest"]["zh"] == said["wording"]
    in_both("consent", "wording", "list", "--node", "north", "--region", region)
    assert "In full" in done("consent", "wording", "show", "public-health@1").out
    in_both("consent", "wording", "show", "diabetis-research", code=3)
    in_both("consent", "wording", "show", "diabetes-research@9", code=3)
    in_both("consent", "wording", "show", "0123456789abcdef0123", "--node", "north", "--region", region, code=3)


def test_who_said_no_is_left_alone(region: Path) -> None:
    words = [*at(region, "A2"), "--purpose", "HMB"]
    assert "拒绝" in done("consent", "refuse", *words, "--lang", "zh").out
    en, zh = in_both("consent", "ask", *words, "--wording", "health-research", code=5)
    assert "CN05R" in en and "不得再次征求同意" in zh
    in_both("consent", "grant", *words, code=5)
    done("consent", "grant", *words, "--unasked", "--recipient", "academic", "--recipient", "foreign")
    in_both("consent", "grant", *words, "--recipient", "acedemic", code=2)
    in_both("consent", "grant", *words, "--until", "soon", code=2)
    in_both("consent", "grant", *words, "--by", "gardian:1", code=2)


def test_a_daughter_is_named_speaks_and_is_revoked(region: Path) -> None:
    done("consent", "grant", *at(region, "A3"), "--purpose", "PUBHLTH")
    words = [*at(region, "A3"), "--delegate", "D1", "--relation", "daughter", "--purpose", "HMB"]
    made = done("consent", "delegate", "add", *words, "--until", "2099-12-31", "--json").json()
    in_both("consent", "delegate", "add", *words, "--until", "2099-13-31", code=2)
    done("consent", "grant", *at(region, "A3"), "--purpose", "HMB", "--by", "family:D1")
    en, zh = in_both("consent", "delegate", "list", *at(region, "A3"))
    assert "daughter" in en and "2099-12-31" in zh
    number = ["--number", str(made["number"])]
    assert "1 words" in done("consent", "delegate", "revoke", *at(region, "A3"), *number).out
    en, _ = in_both("consent", "grant", *at(region, "A3"), "--purpose", "HMB", "--by", "family:D1", code=5)
    assert "revoked" in en
    acts = [
        (w["by"], w["permit"], w["stands"]) for w in done("patient", "consents", *at(region, "A3"), "--json").json()
    ]
    assert acts == [("person", True, True), ("family", True, False), ("person", False, False)]


def test_a_guardian_and_kin(region: Path) -> None:
    words = [*at(region, "A4"), "--purpose", "HMB", "--by", "guardian:G1"]
    in_both("consent", "grant", *words, "--born", "2020-01-01", code=5)
    done("consent", "grant", *words, "--born", "2020-01-01", "--ground", "custody")
    (said,) = done("patient", "consents", *at(region, "A4"), "--json").json()
    assert said["until_utc"].startswith(("2034-01-01", "2033-12-31"))
    kin = [*at(region, "A4"), "--purpose", "HMB", "--by", "kin:K1", "--ground", "father"]
    in_both("consent", "withdraw", *kin, code=5)
    done("consent", "withdraw", *kin, "--died", "2026-11-01")


def test_a_record_is_opened_seen_and_reviewed(region: Path) -> None:
    done("consent", "grant", *at(region, "A5"), "--purpose", "HMB")
    staff = ["--staff", "li", "--role", "physician"]
    made = done("care", "access", *at(region, "A5"), *staff, "--reason", "unconscious", "--json").json()
    number = ["--number", str(made["number"])]
    in_both("care", "access", *at(region, "A5"), "--staff", "li", "--role", "clerk", "--reason", "x", code=5)
    in_both("care", "check", *at(region, "A5"), "--staff", "li", *number)
    in_both("care", "check", *at(region, "A5"), "--staff", "wu", *number, code=5)
    en, zh = in_both("patient", "uses", *at(region, "A5"))
    assert "unconscious" in en and "to be reviewed" in en and "紧急" in zh
    node = ["--node", "north", "--region", str(region)]
    en, zh = in_both("care", "review", "list", *node)
    assert "physician" in en and "待复核" in zh
    found = [*node, *number, "--staff", "wu", "--role", "privacy-officer", "--note", "n"]
    in_both("care", "review", "decide", *found, "--verdict", "fine", code=2)
    assert "misuse" in done("care", "review", "decide", *found, "--verdict", "misuse").out
    in_both("care", "review", "decide", *found, "--verdict", "proper", code=4)
    assert "none" in done("care", "review", "list", *node).out
    assert done("care", "review", "list", *node, "--all", "--json").json()[0]["review"]["verdict"] == "misuse"
    more = huizhen("care", "access", *at(region, "A5"), *staff, "--reason", "again")
    assert "1 earlier" in more.err and more.code == 0
    in_both("care", "review", "list", *node, "--all")
    kinds = [e["kind"] for e in json.loads(done("ledger", "list", "--region", region, "--json").out)]
    assert kinds.count("care-opened") == 2 and kinds.count("care-reviewed") == 1
    assert "holds" in done("ledger", "verify", "--region", region).out


def test_a_person_gets_all_of_it_as_text_json_page_and_bundle(region: Path, tmp_path: Path) -> None:
    done("consent", "grant", *at(region, "B1"), "--purpose", "HMB")
    en, zh = in_both("patient", "data", *at(region, "B1"))
    assert "Earned in all: 0.00" in en and "数据使用记录" in zh
    page, bundle, keys = tmp_path / "me.html", tmp_path / "me.json", tmp_path / "keys.txt"
    words = ["--page", page, "--bundle", bundle, "--keys", keys]
    done("patient", "data", *at(region, "B1"), *words, "--lang", "zh")
    assert "我的数据" in page.read_text(encoding="utf-8")
    assert done("patient", "data", *at(region, "B1"), "--json").json()["subject"] == "B1"
    in_both("patient", "verify", bundle, "--keys", keys, code=7)
    found = huizhen("patient", "verify", bundle, "--keys", keys, "--json").json()
    assert [x["code"] for x in found["found"]] == ["not-compared"]
    bundle.write_text(bundle.read_text().replace("B1", "B2"))
    en, zh = in_both("patient", "verify", bundle, "--keys", keys, code=8)
    assert "not-signed" in en and "未经医院签名" in zh
    in_both("patient", "verify", keys, "--keys", keys, code=2)
    keys.write_text("")
    in_both("patient", "verify", bundle, "--keys", keys, code=2)


def test_what_is_deleted_is_told_and_listed(region: Path, tmp_path: Path) -> None:
    north = region / "nodes" / "north"
    (tmp_path / "t.csv").write_text("who,x\n" + "".join(f"C{i},{i}\n" for i in range(30)))
    words = ["--from", tmp_path / "t.csv", "--subject", "who", "--node", "north", "--region", region]
    done("dataset", "add", "t", *words)
    in_both("patient", "delete", *at(region, "C1"), code=5)
    done("consent", "grant", *at(region, "C1"), "--purpose", "HMB")
    told = huizhen("consent", "withdraw", *at(region, "C1"), "--purpose", "HMB")
    assert "nothing of t was deleted" in told.err and told.code == 0
    (north / "policy.yaml").write_text("jurisdiction: CN\n")
    done("consent", "grant", *at(region, "C1"), "--purpose", "HMB", "--unasked")
    assert "1 rows, deleted here" in done("consent", "withdraw", *at(region, "C1"), "--purpose", "HMB").out
    order = tmp_path / "order.jsonl"
    assert "已在本节点删除" in done("patient", "delete", *at(region, "C2"), "--order", order, "--lang", "zh").out
    assert order.read_text() == ""
    en, zh = in_both("patient", "deletions", *at(region, "C2"))
    assert "Accounting" in en and "会计" in zh
    cases = done("patient", "deletions", "--node", "north", "--region", region, "--json").json()
    assert [c["record"]["state"] for c in cases] == ["deleted", "deleted"]
    number = ["--node", "north", "--region", region, "--number"]
    in_both("patient", "confirm-deletion", *number, "1")
    in_both("patient", "confirm-deletion", *number, "99", code=3)
    in_both("patient", "delete", *at(region, "nobody"), code=3)


def test_consents_go_out_as_fhir_and_come_back(region: Path, tmp_path: Path) -> None:
    out, numbers = tmp_path / "c.ndjson", tmp_path / "n.txt"
    done("consent", "grant", *at(region, "F1"), "--purpose", "HMB", "--recipient", "academic", "--until", "2090-01-01")
    words = ["--node", "north", "--out", out, "--region", region]
    assert "1 resources of 1" in done("consent", "export", *words, "--subject", "F1").out
    numbers.write_text("F1\n\n")
    assert done("consent", "export", *words, "--subjects", numbers, "--json").json()["resources"] == 1
    in_both("consent", "export", *words, code=2)
    in_both("consent", "export", *words, "--subjects", tmp_path / "no.txt", code=3)
    done("consent", "import", "--node", "north", "--from", out, "--region", region)
    (tmp_path / "bad.csv").write_text("subject,purpose\n" + "F1,HBM\n" * 30)
    words = ["consent", "import", "--node", "north", "--from", tmp_path / "bad.csv", "--region", region]
    in_both(*words, "--report", tmp_path / "report.csv", code=2)
    assert len((tmp_path / "report.csv").read_text(encoding="utf-8").splitlines()) == 31


def test_a_late_review_is_told_by_doctor(tmp_path: Path) -> None:
    import sqlite3

    region = tmp_path / "r"
    done("init", "--region", region)
    done("node", "add", "north", "--region", region)
    done("consent", "grant", *at(region, "A5"), "--purpose", "HMB")
    done("care", "access", *at(region, "A5"), "--staff", "li", "--role", "physician", "--reason", "unconscious")
    assert "overdue" not in huizhen("doctor", "--region", region).out
    with sqlite3.connect(region / "nodes" / "north" / "node.sqlite") as book:
        book.execute("UPDATE care SET body = replace(body, 'due_utc\":\"20', 'due_utc\":\"19')")
    book.close()
    en, zh = huizhen("doctor", "--region", region).out, huizhen("doctor", "--region", region, "--lang", "zh").out
    assert "1 reviews of opened records are overdue" in en and "逾期未复核" in zh
