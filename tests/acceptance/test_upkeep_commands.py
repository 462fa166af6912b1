"""act due and patient claim: what the law asks from time to time, and what it answers to who claims a right."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import done, huizhen, in_both


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("upkeep") / "r"
    done("init", "--region", folder)
    done("node", "add", "north", "--region", folder)
    table = folder.parent / "t.csv"
    table.write_text("id,age\n1001,40\n1002,50\n1003,60\n")
    done("dataset", "add", "d", "--node", "north", "--from", table, "--subject", "id", "--region", folder)
    return folder


def test_what_is_due_is_said_until_it_is_on_file(region: Path) -> None:
    en, zh = in_both("act", "due", "--region", region, code=5)
    assert "? CN25" in en and "north" in en and "? CN26" in en and "合规审计" in zh
    for kind in ("log-retention", "protection-level"):
        done("act", "add", kind, "--for", "north", "--region", region)
    done("act", "add", "compliance-audit", "--for", "hub", "--region", region)
    assert "+ CN25" in done("act", "due", "--region", region).out
    done("act", "add", "compliance-audit", "--for", "hub", "--refused", "--region", region)
    found = huizhen("act", "due", "--json", "--region", region)
    assert found.code == 5 and {r["rule"]: r["verdict"] for r in found.json()} == {"CN25": "allow", "CN26": "deny"}


def test_persons_exported_are_shown(region: Path) -> None:
    en, zh = in_both("act", "exported", "--region", region)
    assert "In all 0" in en and "10,000" in en and "合计 0" in zh
    assert done("act", "exported", "--json", "--region", region).json() == []


def test_a_claim_is_answered_with_the_article_and_noted(region: Path) -> None:
    at = ("--node", "north", "--subject", "1001", "--region", region)
    en, zh = in_both("patient", "claim", "view", *at, code=5)
    assert "Verdict: needs more" in en and "PIPL 45" in en and "核验" in zh
    assert "Verdict: allow" in done("patient", "claim", "view", "--identified", *at).out
    kept = huizhen("patient", "claim", "delete", "--identified", "--keep-until", "2199-12-31", *at)
    assert kept.code == 5 and "no study reads them" in kept.out
    asked = ["patient", "claim", "delete", "--identified", "--keep-until", "none"]
    assert done(*asked, "--check", *at).code == 0
    assert done("patient", "deletions", "--json", *at).json() == [], "only asked"
    assert "Verdict: allow" in done("patient", "claim", "correct", "--identified", "--check", *at).out
    lines = done("node", "log", "north", "--json", "--region", region).json()["lines"]
    noted = [x for x in lines if x["kind"] == "right-claimed"]
    assert len(noted) == 6 and "1001" not in str(noted)
    assert [x["decision"] for x in noted].count("refused") == 3


def test_a_claim_that_is_granted_is_carried_out_with_a_signed_record_on_the_ledger(region: Path) -> None:
    """As `patient delete`, and as any withdrawal: by the same rules, with the same proof."""
    policy = region / "nodes" / "north" / "policy.yaml"
    policy.write_text("jurisdiction: CN\n", encoding="utf-8")
    at = ("--node", "north", "--region", region)
    asked = ["patient", "claim", "delete", "--identified", "--keep-until", "none", "--subject", "1002", "--json"]
    (case,) = done(*asked, *at).json()["deletions"]
    assert (case["record"]["state"], case["record"]["cause"]) == ("deleted", "request")
    assert done(*asked, *at).json()["deletions"] == [], "done once"
    policy.write_text("jurisdiction: CN\nretained: {d: 'medical record, 30 years'}\n", encoding="utf-8")
    widow = ["--kin", "spouse", "--by", "kin:77", "--died", "2026-10-01"]
    done("patient", "claim", "withdraw", *widow, "--subject", "1003", *at)
    (kept,) = done("patient", "deletions", "--subject", "1003", "--json", *at).json()
    assert (kept["record"]["state"], kept["record"]["duty"]) == ("stored", "medical record, 30 years")
    told = done("ledger", "list", "--json", "--region", region).json()
    there = {e["refs"].get("commitment") or e["facts"].get("commitment") for e in told if e["kind"] == "data-deleted"}
    assert {case["commitment"], kept["commitment"]} <= there
    assert done("ledger", "verify", "--region", region).code == 0


def test_a_correction_is_filed_decided_made_and_seen_by_the_person(region: Path) -> None:
    """Each step by its command; the node looks itself whether the row has changed."""
    folder, at = region.parent, ("--node", "north", "--region", region)
    wrong = ["--dataset", "d", "--column", "age", "--text", "I am 41, not 40"]
    ask = ["patient", "claim", "correct", "--subject", "1001", *wrong, *at]
    assert huizhen(*ask).code == 5, "nobody has verified who asks"
    assert done("patient", "corrections", "--json", *at).json() == []
    first = done(*ask, "--identified", "--json").json()["correction"]
    assert (first["record"]["state"], first["record"]["number"]) == ("filed", 1)
    confirm = ["patient", "confirm-correction", "--number", "1", "--staff", "wang", *at]
    decide = ["patient", "decide-correction", "--number", "1", "--staff", "wang", "--reason", "birth certificate", *at]
    in_both(*confirm, code=4)  # nobody has granted it
    done(*decide, "--grant")
    assert "[correction-order]" in in_both(*decide, "--refuse", code=4)[0], "decided once"
    assert "[not-corrected-yet]" in in_both(*confirm, code=5)[0]
    table = folder / "t.csv"
    table.write_text(table.read_text().replace("1001,40", "1001,41"))
    done("dataset", "add", "d", "--node", "north", "--from", table, "--subject", "id", "--region", region)
    made = done(*confirm, "--json").json()
    assert made["record"]["state"] == "made" and made["record"]["seen"] != first["record"]["seen"]
    ask[ask.index("--text") + 1] = "I am 99"
    done(*ask, "--identified")
    refused = [*decide, "--refuse"]
    refused[refused.index("--number") + 1] = "2"
    done(*refused)
    en, zh = in_both("patient", "corrections", *at)
    assert "refused" in en and "birth certificate" in en and "已更正" in zh

    entries = [e for e in done("ledger", "list", "--json", "--region", region).json() if e["kind"] == "data-correction"]
    assert [e["facts"]["state"] for e in entries] == ["filed", "granted", "made", "filed", "refused"]
    assert entries[2]["facts"]["commitment"] == made["commitment"]
    bundle, keys, page = folder / "me.json", folder / "keys.txt", folder / "me.html"
    mine = ["patient", "data", "--subject", "1001", "--bundle", bundle, "--keys", keys, "--page", page, *at]
    assert "Correction 1, d: made (birth certificate)." in done(*mine).out
    assert "I am 99" in page.read_text(encoding="utf-8")
    done("ledger", "export", "--out", folder / "public", "--region", region)
    check = ["patient", "verify", bundle, "--keys", keys, "--ledger", folder / "public"]
    assert done(*check).code == 0
    kept = bundle.read_text(encoding="utf-8")
    bundle.write_text(kept.replace("birth certificate", "birth certificat3"), encoding="utf-8")
    assert "[altered-correction]" in huizhen(*check).out + huizhen(*check).err
    assert done("ledger", "verify", "--region", region).code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("erase",), "unknown-right"),
        (("port", "--basis", "wish"), "unknown-basis"),
        (("delete", "--keep-until", "soon"), "bad-day"),
        (("correct", "--identified"), "what-to-correct"),
        (("view", "--dataset", "d"), "what-to-correct"),
    ],
)
def test_what_cannot_be_claimed_is_refused(region: Path, words: tuple[str, ...], code: str) -> None:
    en, _ = in_both("patient", "claim", *words, "--node", "north", "--subject", "1001", "--region", region, code=2)
    assert f"[{code}]" in en
